//! Warnings at work: own ones taken back and defended, others' held back and lifted, members that are heard and one that lied.

use std::fs;
use std::path::Path;

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::screening_service_client::ScreeningServiceClient;
use serde_json::{Value, json};

use crate::browser::{CONSOLE, play, stage};
use crate::caller::{Identifier, RUNTIME, draft, feed_size, identifier};
use crate::consortium::{Consortium, Said};
use crate::node::{Home, Node, wait};
use crate::people::invite;

/// A member may be called anything that shows as what it is, and every page of the others shows it.
const HOSTILE: &str = r#"=cmd|'/c calc'!A1 "><img src=x onerror=alert(1)><script>alert(1)</script>"#;

const CANARY: Identifier = (IdentifierKind::Phone, "+49 1512 3847571");
const SHARED: Identifier = (IdentifierKind::Device, "device-in-the-library");
const DISPUTED: Identifier = (IdentifierKind::Device, "device-7f31-a0c4-5519");
const WRONG: Identifier = (IdentifierKind::Phone, "+49 1512 3847561");
/// More than a page shows.
const MANY: usize = 60;
const ORDERS: usize = 40;

fn run(consortium: &Consortium, node: &Node, role: &str, words: &[&str]) -> Said {
    let identity = node.home.identity(role).display().to_string();
    let reach = ["--endpoint", &node.local.to_string(), "--identity", &identity];
    let said = consortium.run(&[words, &reach[..]].concat());
    assert_eq!(said.code, 0, "{words:?}\n{}\n{}", said.stdout, said.stderr);
    said
}

/// Has the next roster call a member so, before anybody has started.
fn rename(consortium: &Consortium, member: &str, name: &str) {
    let endpoint = consortium.home(member).peer().to_string();
    let words = ["member", "card", "--dir", member, "--name", name, "--endpoint", &endpoint, "--out", "renamed.card"];
    let card = consortium.run(&words);
    assert_eq!(card.code, 0, "{}", card.stderr);
    consortium.succeed("member propose --dir bank-a --update renamed.card --out renamed");
    let files = consortium.sign("renamed");
    for home in ["bank-a", "bank-b", "shop"] {
        let mut words = vec!["member", "apply", "--dir", home];
        words.extend(files.iter().map(String::as_str));
        let applied = consortium.run(&words);
        assert_eq!(applied.code, 0, "{}", applied.stderr);
    }
}

fn with_canary(home: &Home) {
    fs::write(home.path().join("canaries.csv"), format!("phone,{}\n", CANARY.1)).expect("written");
    let path = home.path().join("hushwire.toml");
    let text = fs::read_to_string(&path).expect("configured");
    fs::write(path, format!("{text}[brake]\ncanaries = \"canaries.csv\"\n")).expect("written");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("readable")) {
        let to = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("copied");
        }
    }
}

/// Bank B says one thing to bank A, is put back to before, and says another to the shop while bank A is away.
fn two_histories(consortium: &Consortium) -> [Node; 2] {
    let (home, before) = (consortium.home("bank-b").path(), consortium.path().join("bank-b.before"));
    copy(&home, &before);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    b.until_ready();
    b.flag((IdentifierKind::Pan, "4539578763621486"));
    a.until("it holds one history", |status| feed_size(status, "demo.example/bank-b/all") > 0);
    b.kill();
    a.stop();
    fs::rename(&home, consortium.path().join("bank-b.first")).expect("moved");
    copy(&before, &home);
    let [shop, b] = consortium.start_all(["shop", "bank-b"]);
    b.until_ready();
    b.flag((IdentifierKind::Pan, "5218039177664435"));
    shop.until("it holds the other", |status| feed_size(status, "demo.example/bank-b/all") > 0);
    [shop, b]
}

/// Orders of many customers who share a device.
fn screen_of(node: &Node, customer: usize) -> local::ScreenTransactionResponse {
    let value = format!("+49 1512 38500{customer:02}");
    let phone = local::Identifier { kind: IdentifierKind::Phone.into(), value };
    let order = local::ScreenTransactionRequest {
        identifiers: vec![phone, identifier(SHARED)],
        amount_minor: 2_000,
        currency: "EUR".to_owned(),
        ..Default::default()
    };
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    RUNTIME.block_on(client.screen_transaction(order)).expect("an answer").into_inner()
}

fn until_held_back(node: &Node, of: Identifier) {
    wait("it is held back", || {
        let answer = node.screen(of);
        answer.matches.iter().flat_map(|found| &found.indicators).any(|indicator| indicator.held_back).then_some(())
    });
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[test]
fn people_take_back_defend_and_lift_warnings_and_see_who_lied() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    rename(&consortium, "shop", HOSTILE);
    with_canary(&consortium.home("bank-a"));
    let [shop, _b] = two_histories(&consortium);
    let node = consortium.home("bank-a").start_with(&[CONSOLE]).unwrap_or_else(|said| panic!("{}", said.stderr));
    node.until("it knows that bank B lied", |status| status.feeds.iter().any(|feed| feed.quarantined));
    node.until_ready();

    let many = (0..MANY).map(|nth| local::IndicatorDraft {
        identifier: Some(local::Identifier {
            kind: IdentifierKind::Device.into(),
            value: format!("device-of-many-{nth:03}"),
        }),
        ..draft(DISPUTED)
    });
    assert_eq!(node.publish("", many.collect()).expect("published").refused, Vec::new());
    let disputed = node.flag(DISPUTED).remove(0);
    let wrong = node.flag(WRONG).remove(0);
    for customer in 0..ORDERS {
        screen_of(&node, customer);
    }
    shop.flag(CANARY);
    shop.flag(SHARED);
    until_held_back(&node, CANARY);
    until_held_back(&node, SHARED);
    shop.until_decided(DISPUTED, Decision::Challenge);
    run(&consortium, &shop, "analyst", &["dispute", "open", &disputed, "--reason", "recycled"]);
    shop.until_decided(WRONG, Decision::Challenge);
    wait("bank A hears of the dispute", || {
        let listed = run(&consortium, &node, "publisher", &["dispute", "list", "--json"]);
        listed.stdout.contains("\"open\"").then_some(())
    });

    // Who took it from somebody else meanwhile tells us of it once it is connected.
    node.until("the shop has acknowledged everything", |status| {
        status.peers.iter().any(|peer| peer.member == "shop" && peer.unacknowledged_entries == 0)
    });

    let mut stage = stage(&node);
    let code = |name: &str, role: &str| invite(&consortium, &node, name, &[role]);
    stage["codes"] = json!({
        "pia": code("pia", "publisher"),
        "ana": code("ana", "analyst"),
        "ole": code("ole", "operator"),
        "cleo": code("cleo", "auditor"),
    });
    stage["disputed"] = Value::from(last_part(&disputed));
    stage["wrong"] = Value::from(last_part(&wrong));
    stage["hostile"] = Value::from(HOSTILE);
    play("warnings", &stage);

    // What people did on pages is what it is on every other way.
    shop.until_decided(WRONG, Decision::Allow);
    node.until_decided(CANARY, Decision::Challenge);
    assert_eq!(node.screen(SHARED).decision(), Decision::Allow, "what was kept stays held back");
    let listed = run(&consortium, &shop, "analyst", &["dispute", "list", "--json"]).stdout;
    assert!(listed.contains("\"upheld\""), "{listed}");
    let log = consortium.audit_list(&node, &[]).stdout;
    for word in [
        "hushwire://bank-a/publisher/pia",
        "hushwire://bank-a/analyst/ana",
        "hushwire://bank-a/operator/ole",
        "indicator.retracted",
        "dispute.upheld",
        "same_person",
    ] {
        assert!(log.contains(word), "{word} is missing in\n{log}");
    }
}
