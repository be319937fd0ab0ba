//! What a configuration may say, and what is told of one that says something else.

use super::*;
use crate::domain::audit::notice::Wanted;
use crate::domain::screening::decision::Decision;

fn parse(text: &str, overrides: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment = overrides.iter().map(|(k, v)| ((*k).to_owned(), Some((*v).to_owned()))).collect();
    Config::parse(text, Path::new("hushwire.toml"), Path::new("/srv/node"), environment)
}

fn template() -> String {
    template::render(&template::Filling {
        member: &"bank-a".parse().expect("valid"),
        local: ([127, 0, 0, 1], LOCAL_PORT).into(),
        peer: ([0, 0, 0, 0], PEER_PORT).into(),
        passphrase: &PassphraseSource::Prompt,
    })
}

#[test]
fn the_template_shows_every_key_with_its_default() {
    let text = template();
    let as_written = parse(&text, &[]).expect("the template is valid");
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => rest,
            Some(rest) if rest.starts_with("[[") => rest,
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let all = parse(&uncommented, &[]).expect("the defaults are valid");
    let mut expected = as_written.clone();
    // The keys without a default show an example.
    expected.screening.default_region = all.screening.default_region;
    expected.screening.freshness_limit_s = all.screening.freshness_limit_s;
    expected.brake.canaries = all.brake.canaries.clone();
    expected.dir = all.dir.clone();
    expected.keystore = all.keystore.clone();
    expected.guard_dir = all.guard_dir.clone();
    expected.typology_file = all.typology_file.clone();
    expected.advice.folder = all.advice.folder.clone();
    expected.policy.file = all.policy.file.clone();
    expected.policy.candidate = all.policy.candidate.clone();
    expected.metrics_listen = all.metrics_listen;
    expected.traces.endpoint = all.traces.endpoint;
    expected.console = all.console.clone();
    assert_eq!(all.webhooks.len(), 1);
    expected.webhooks = all.webhooks.clone();
    assert_eq!(all, expected);
    assert_eq!(as_written, parse("[node]\nmember = \"bank-a\"", &[]).expect("valid"));
    assert_eq!(uncommented.matches(" = ").count(), 59, "every key stands in the template once");
}

#[test]
fn all_faults_come_at_once_with_their_keys_and_without_their_values() {
    let text = "colour = 1\n[feed]\nwindow_ms = -1\nwindw_ms = 3\n[keystore]\npassphrase = \"hunter2\"\n\
                [locals]\nlisten = \"x\"\n[log]\nlevel = \"loud\"\n[statistics]\nepsilon = 3.0";
    let refused = parse(text, &[("HUSHWIRE__LOCAL__MAX_CALLS", "many"), ("HUSHWIRE__FED__X", "1")]);
    let message = refused.expect_err("nothing of it is right").to_string();
    for part in [
        "has 10 faults",
        "colour: is not a section; sections are advice, audit, brake, cases, challenge, console, feed",
        "feed.window_ms: must be a whole number from 0 to 3600000",
        "feed.windw_ms: is not a key; [feed] has ack, decoys, spread_s, window_ms",
        "keystore.passphrase: must be prompt, file:PATH",
        "locals: is not a section",
        "log.level: must be error, warn, info or debug",
        "node.member: is missing",
        "statistics.epsilon: must not exceed statistics.quarter_cap",
        "HUSHWIRE__LOCAL__MAX_CALLS: must be a whole number",
        "HUSHWIRE__FED__X: overrides no key",
    ] {
        assert!(message.contains(part), "{part:?} is missing in:\n{message}");
    }
    assert!(!message.contains("hunter2"));
}

#[test]
fn the_environment_overrides_the_file() {
    let text = "[node]\nmember = \"bank-a\"\n[feed]\nwindow_ms = 5";
    let config = parse(
        text,
        &[
            ("HUSHWIRE__FEED__WINDOW_MS", "0"),
            ("HUSHWIRE__NODE__MEMBER", "bank-b"),
            ("HUSHWIRE__SCREENING__SANDBOX", "true"),
            ("HUSHWIRE__STATISTICS__EPSILON", "0.25"),
        ],
    )
    .expect("valid");
    assert_eq!(config.feed.window_ms, 0);
    assert_eq!(config.member.as_str(), "bank-b");
    assert!(config.screening.sandbox);
    assert_eq!(config.statistics.epsilon_nano, 250_000_000);
}

#[test]
fn relative_paths_start_at_the_folder_of_the_file() {
    let config = parse("[node]\nmember = \"a\"\ndir = \"data\"\n[keystore]\npath = \"k.age\"", &[]).expect("valid");
    assert_eq!(config.keystore, Path::new("/srv/node/data/k.age"));
    assert_eq!(config.guard_dir, Path::new("/srv/node/data/guard"));
    let absolute = parse("[node]\nmember = \"a\"\ndir = \"/data\"", &[]).expect("valid");
    assert_eq!(absolute.dir.journal(), Path::new("/data/journal"));
}

#[test]
fn broken_toml_names_its_line_but_does_not_quote_it() {
    let refused = parse("[node]\nmember = \"bank-a\"\n[keystore]\npassphrase = hunter2\n", &[]);
    let message = refused.expect_err("not a TOML value").to_string();
    assert!(message.contains("line 4"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn counts_are_told_to_this_machine_alone_unless_a_name_that_says_so_allows_more() {
    let check = |keys: &str, fault: Option<&str>| {
        let parsed = parse(&format!("[node]\nmember = \"a\"\n[metrics]\n{keys}"), &[]);
        let said = parsed.err().map(|error| error.to_string());
        assert_eq!(said.is_some(), fault.is_some(), "{keys}: {said:?}");
        assert!(fault.is_none_or(|part| said.is_some_and(|said| said.contains(part))), "{keys}");
    };
    check("", None);
    check("listen = \"127.0.0.1:7442\"", None);
    check("listen = \"[::1]:7442\"", None);
    check("listen = \"0.0.0.0:7442\"", Some("must be a loopback address"));
    check("listen = \"10.0.0.1:7442\"\ndanger_public = false", Some("metrics.danger_public"));
    check("listen = \"0.0.0.0:7442\"\ndanger_public = true", None);
    check("listen = \"127.0.0.1:7440\"", Some("must differ from local.listen"));
    check("listen = \"localhost\"", Some("must be an IP address with port"));
}

#[test]
fn spans_stay_on_this_machine() {
    let check = |keys: &str, share: Option<f64>| {
        let parsed = parse(&format!("[node]\nmember = \"a\"\n[traces]\n{keys}"), &[]);
        assert_eq!(parsed.ok().map(|config| config.traces.share()), share, "{keys}");
    };
    check("endpoint = \"127.0.0.1:4317\"", Some(0.01));
    check("endpoint = \"127.0.0.1:4317\"\nshare = 1", Some(1.0));
    check("endpoint = \"10.0.0.1:4317\"", None);
    check("endpoint = \"http://127.0.0.1:4317\"", None);
    check("share = 1.5", None);
}

#[test]
fn the_two_listeners_cannot_share_an_address() {
    let text = "[node]\nmember = \"a\"\n[local]\nlisten = \"127.0.0.1:1\"\n[peer]\nlisten = \"127.0.0.1:1\"";
    assert!(parse(text, &[]).expect_err("same address").to_string().contains("share no trust"));
}

#[test]
fn decoys_need_a_long_window() {
    let read = |feed: &str| parse(&format!("[node]\nmember = \"bank-a\"\n[feed]\n{feed}"), &[]);
    assert_eq!(read("window_ms = 60000\ndecoys = 20").expect("valid").feed.decoys, 20);
    assert_eq!(read("").expect("valid").feed.decoys, 0);
    let refused = read("decoys = 20").expect_err("the default window is a second").to_string();
    assert!(refused.contains("feed.decoys: needs a feed.window_ms of 60000 at least"), "{refused}");
    read("window_ms = 60000\ndecoys = 1001").expect_err("too many");
}

#[test]
fn nothing_is_released_by_itself_unless_the_budget_holds_it_for_a_whole_quarter() {
    let read = |keys: &str| parse(&format!("[node]\nmember = \"a\"\n[statistics]\n{keys}"), &[]);
    let schedule = |keys: &str| read(keys).expect("valid").statistics.schedule;
    assert_eq!(schedule(""), Schedule::default());
    assert_eq!(schedule("weekly_epsilon = 0.5"), Schedule::default());
    let both = schedule("daily = true\nweekly = true");
    assert_eq!(both.daily, Some(Epsilon::from_nano(5_000_000)));
    assert_eq!(both.weekly, Some(Epsilon::from_nano(100_000_000)));
    let refused = read("weekly = true\nquarter_cap = 1.4").expect_err("rounding comes on top").to_string();
    assert!(refused.contains("statistics.quarter_cap: must hold what the schedule costs"), "{refused}");
    read("weekly = true\nquarter_cap = 1.401").expect("fits");
    read("daily = true\ndaily_epsilon = 0.004").expect_err("too little for five questions");
}

#[test]
fn a_receiver_of_webhooks_is_checked_key_by_key() {
    let read = |tables: &str| parse(&format!("[node]\nmember = \"a\"\n{tables}"), &[]);
    let desk = "[[webhooks]]\nname = \"desk\"\nurl = \"https://desk.example/x\"\nsecret = \"desk.secret\"\n";
    let till = "[[webhooks]]\nname = \"till\"\nurl = \"http://127.0.0.1:9/\"\nsecret = \"/run/s\"\nevents = [\"decision.block\"]\n";
    let hooks = read(&format!("{desk}{till}")).expect("valid").webhooks;
    let wanted: Vec<_> = hooks.iter().map(|hook| (hook.name.as_str(), hook.wanted.clone())).collect();
    let block = Wanted::Decision(Decision::Block);
    assert_eq!(wanted, [("desk", vec![Wanted::Stopped, Wanted::Alarm]), ("till", vec![block])]);
    assert_eq!(hooks[0].secret, Path::new("/srv/node/desk.secret"));
    let check = |tables: &str, part: &str| {
        let refused = read(tables).expect_err(part).to_string();
        assert!(refused.contains(part) && !refused.contains("hunter2"), "{refused}");
    };
    check(&desk.replace("https", "http"), "webhooks[1].url: must be https://HOST/PATH");
    check(&format!("{desk}{desk}"), "two receivers are called \"desk\"");
    check(&format!("{till}{}", desk.replace("desk\"\n", "../desk\"\n")), "webhooks[2].name: must be 1 to 32");
    check(&format!("{desk}events = [\"decisions\"]"), "webhooks[1].events: must be a list of \"decision\"");
    check(&format!("{desk}events = []"), "webhooks[1].events");
    check(&format!("{desk}key = \"hunter2\""), "webhooks[1].key: is not a key; [webhooks] has authority, events");
    check("[[webhooks]]\nname = \"desk\"", "webhooks[1].secret: is missing");
    check("[webhooks]\nname = \"desk\"", "webhooks: must be up to 8 tables");
    check(
        &(0..9).map(|nth| desk.replace("\"desk\"", &format!("\"desk-{nth}\""))).collect::<String>(),
        "up to 8 tables",
    );
    let overridden = parse("[node]\nmember = \"a\"", &[("HUSHWIRE__WEBHOOKS__URL", "https://x.example/")]);
    assert!(overridden.expect_err("in none of them").to_string().contains("overrides no key"));
}
