//! Bearer tokens at a running node: what each opens, what none opens, and that they are nowhere but with their holder.

use std::time::Duration;

use hushwire::app::config::layout::NodeDir;
use hushwire::base::limits;
use hushwire::base::role::Role;
use hushwire::io::access::token::{Scope, Token, TokenRecord};
use hushwire::io::clock;
use hushwire::io::grpc::wire::hushwire::local::v1::ScreenTransactionsRequest;
use hushwire::io::grpc::wire::hushwire::local::v1::screening_service_client::ScreeningServiceClient;
use hushwire::node::local_mac::LocalMacKey;
use rustls::AlertDescription;
use tokio_stream::StreamExt;
use tonic::{Code, Request};

use crate::caller::RUNTIME;
use crate::consortium::Consortium;
use crate::doors::{call, call_with, reason};
use crate::http::{Answer, parse};
use crate::matrix::knock::{Shown, knock};
use crate::matrix::table::{METHODS, NEVER_BY_TOKEN, ROUTES};
use crate::matrix::{Refusals, audited, filled, method_of, of_peer, refused};
use crate::node::{Node, wait};
use crate::search::Searcher;

const STATUS: &str = "/hushwire.local.v1.NodeService/GetStatus";
const SCREEN: &str = "/hushwire.local.v1.ScreeningService/ScreenTransaction";

/// The header of a new token.
fn issue(consortium: &Consortium, role: &str, name: &str, more: &str) -> String {
    let line = format!("token issue --role {role} --name {name} --expires 90d --dir bank-a{more}");
    let said = consortium.succeed(&line);
    assert!(said.stdout.starts_with("hushwire_") && said.stdout.lines().count() == 1, "{}", said.stdout);
    format!("Bearer {}", said.stdout.trim())
}

fn start(consortium: &Consortium) -> Node {
    let started = consortium.home("bank-a").start_with(&[("HUSHWIRE__LOCAL__TOKENS", "true")]);
    started.unwrap_or_else(|said| panic!("bank-a does not start: {}", said.stderr))
}

/// Asks as curl would, with these headers and no certificate.
fn ask(node: &Node, shown: &Shown, verb: &str, path: &str, authorization: &[&str]) -> Answer {
    let body = if verb == "POST" { "{}" } else { "" };
    let headers: String = authorization.iter().map(|value| format!("Authorization: {value}\r\n")).collect();
    let request = format!(
        "{verb} {} HTTP/1.1\r\nHost: node\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{headers}\r\n{body}",
        filled(path),
        body.len()
    );
    parse(&knock(node.local, shown, b"http/1.1", request.as_bytes()).expect("let in"))
}

#[test]
fn a_token_opens_the_cells_of_its_role_but_what_takes_two_people_and_every_refusal_names_it() {
    let consortium = Consortium::found(&["bank-a"]);
    let headers = Role::ALL.map(|role| issue(&consortium, role.as_str(), &format!("of-{role}"), ""));
    let a = start(&consortium);
    a.until_ready();
    let mut refusals = Refusals::new();
    for (role, header) in Role::ALL.map(Role::as_str).into_iter().zip(&headers) {
        let actor = format!("hushwire://bank-a/{role}/token.of-{role}");
        let shown = Shown::nothing();
        let channel = shown.channel(a.local);
        let expected = |method: &str, allowed: &[&str]| match allowed.contains(&role) {
            _ if allowed == ["peer"] => Some("WRONG_LISTENER"),
            true if NEVER_BY_TOKEN.contains(&method) => Some("CERTIFICATE_NEEDED"),
            true => None,
            false => Some("ROLE_NOT_ALLOWED"),
        };
        for (method, allowed) in METHODS {
            let said = call_with(&channel, method, &[header]);
            let is_refused = matches!(said.code(), Code::PermissionDenied | Code::Unauthenticated);
            let found = is_refused.then(|| reason(&said));
            assert_eq!(found.as_deref(), expected(method, allowed), "{role} calls {method}: {said:?}");
            if let Some(found) = found {
                refused(&mut refusals, &actor, method, &found);
            }
        }
        for (verb, path, allowed) in ROUTES {
            let answer = ask(&a, &shown, verb, path, &[header]);
            let method = if *path == "/v1/openapi.json" { "" } else { method_of(verb, path) };
            match expected(method, allowed) {
                None => assert!(![401, 403, 405, 501].contains(&answer.status), "{role} {verb} {path}: {answer:?}"),
                Some(reason) => {
                    answer.check(403, reason);
                    refused(&mut refusals, &actor, method, reason);
                }
            }
        }
    }
    wait("the last refusal is written", || (audited(&consortium, &a) == refusals).then_some(()));
    a.kill();
    // In no file of the node or its log, in no form.
    let secrets: Vec<&str> =
        headers.iter().map(|header| header.strip_prefix("Bearer hushwire_").expect("a token")).collect();
    let mut hits = Vec::new();
    assert!(Searcher::new(&secrets, &[]).search_folder(consortium.path(), &mut hits) > 10);
    assert_eq!(hits, [""; 0]);
}

#[test]
fn whoever_shows_no_good_token_is_refused_everywhere_told_why_and_audited_as_far_as_known() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let good = issue(&consortium, "operator", "good", "");
    let revoked = issue(&consortium, "operator", "revoked", "");
    consortium.succeed("token revoke revoked --dir bank-a");
    let home = consortium.home("bank-a");
    let expired = Token::generate();
    let record = TokenRecord {
        name: "expired".parse().expect("valid"),
        role: Role::Operator,
        scope: Scope::Role,
        issued: clock::now(),
        expires: clock::now(),
        hash: expired.hash(),
        revoked: None,
    };
    let key = LocalMacKey::new(&home.keystore().keys.local_mac);
    NodeDir::new(home.path()).access().tokens().keep(&record, &key).expect("kept");
    let bearer = |token: &Token| format!("Bearer {}", token.reveal().as_str());
    let a = start(&consortium);
    let nobody = Shown::nothing();
    let channel = nobody.channel(a.local);
    assert_eq!(call_with(&channel, STATUS, &[&good]).code(), Code::Ok);
    assert_eq!(ask(&a, &nobody, "GET", "/v1/status", &[&good]).status, 200);

    let (expired, unheard) = (bearer(&expired), bearer(&Token::generate()));
    let mut refusals = Refusals::new();
    let long = format!("Bearer hushwire_{}", "a".repeat(4_000));
    let token = |name: &str| format!("hushwire://bank-a/operator/token.{name}");
    for (headers, why, actor) in [
        (vec![], "NO_TOKEN", "UNKNOWN".to_owned()),
        (vec![good.as_str(), good.as_str()], "REPEATED_TOKEN", "UNKNOWN".to_owned()),
        (vec!["Bearer nonsense"], "MALFORMED_TOKEN", "UNKNOWN".to_owned()),
        (vec!["Basic YW5uOnB3"], "MALFORMED_TOKEN", "UNKNOWN".to_owned()),
        (vec![long.as_str()], "MALFORMED_TOKEN", "UNKNOWN".to_owned()),
        (vec![unheard.as_str()], "UNKNOWN_TOKEN", "UNKNOWN".to_owned()),
        (vec![expired.as_str()], "EXPIRED_TOKEN", token("expired")),
        (vec![revoked.as_str()], "REVOKED_TOKEN", token("revoked")),
    ] {
        let said = call_with(&channel, STATUS, &headers);
        assert_eq!((said.code(), reason(&said).as_str()), (Code::Unauthenticated, why));
        let answer = ask(&a, &nobody, "GET", "/v1/status", &headers);
        answer.check(401, why);
        let challenge = if headers.is_empty() { "" } else { ", error=\"invalid_token\"" };
        let challenge = format!("www-authenticate: bearer realm=\"hushwire\"{challenge}\r\n");
        assert!(answer.head.contains(&challenge), "{answer:?}");
        for _ in 0..2 {
            refused(&mut refusals, &actor, STATUS, why);
        }
    }
    // Nobody learns not even which paths there are.
    for (verb, path) in [("GET", "/v1/openapi.json"), ("GET", "/v1/nothing"), ("DELETE", "/v1/status")] {
        ask(&a, &nobody, verb, path, &[]).check(401, "NO_TOKEN");
        refused(&mut refusals, "UNKNOWN", "unknown", "NO_TOKEN");
    }
    // A certificate beside a token: which of them calls would be a guess.
    let ann = crate::access::shown(&a, "operator");
    assert_eq!(ask(&a, &ann, "GET", "/v1/status", &[]).status, 200);
    ask(&a, &ann, "GET", "/v1/status", &[&good]).check(401, "TWO_CALLERS");
    refused(&mut refusals, "hushwire://bank-a/operator/desk", STATUS, "TWO_CALLERS");
    wait("the last refusal is written", || (audited(&consortium, &a) == refusals).then_some(()));
    // A certificate that is wrong is not made up for by a token.
    let foreign = knock(a.local, &Shown::self_signed("hushwire://bank-a/operator/desk"), b"http/1.1", b"");
    assert_eq!(foreign, Err(AlertDescription::UnknownCA));

    // At the peer listener a token is nothing: neither in place of a key nor beside it.
    let at_peer = knock(home.peer(), &nobody, b"h2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert_eq!(at_peer, Err(AlertDescription::CertificateRequired));
    let peer = of_peer(&consortium.home("bank-b")).channel(home.peer());
    let said = call_with(&peer, STATUS, &[&good]);
    assert_eq!((said.code(), reason(&said).as_str()), (Code::PermissionDenied, "WRONG_LISTENER"));
}

#[test]
fn a_flood_of_strangers_fills_no_log_and_hides_no_refusal_of_somebody_known() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = start(&consortium);
    a.until_ready();
    let channel = Shown::nothing().channel(a.local);
    for _ in 0..300 {
        assert_eq!(reason(&call(&channel, STATUS)), "NO_TOKEN");
    }
    assert_eq!(call(&a.channel("screener"), STATUS).code(), Code::PermissionDenied);
    let known = |found: &Refusals| found.keys().any(|(actor, _, _)| actor == "hushwire://bank-a/screener/desk");
    wait("the known caller's refusal is written", || known(&audited(&consortium, &a)).then_some(()));
    let strangers = audited(&consortium, &a).into_iter().filter(|((actor, _, _), _)| actor == "UNKNOWN");
    let strangers: usize = strangers.map(|(_, count)| count).sum();
    // 60 a minute, and a minute may have turned meanwhile.
    assert!((1..=120).contains(&strangers), "{strangers}");
}

#[test]
fn tokens_are_taken_issued_and_revoked_while_the_node_runs_and_a_revoked_ones_stream_ends() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = start(&consortium);
    a.until_ready();
    let header = issue(&consortium, "screener", "shop", " --method ScreenTransaction --method ScreenTransactions");
    let lesser = issue(&consortium, "screener", "lesser", " --method ScreenTransaction");
    let channel = Shown::nothing().channel(a.local);
    let admitted = |header: &str, method: &'static str| reason(&call_with(&channel, method, &[header]));
    wait("both are taken", || {
        let known = [&header, &lesser].map(|header| admitted(header, SCREEN) != "UNKNOWN_TOKEN");
        (known == [true, true]).then_some(())
    });
    let streaming = "/hushwire.local.v1.ScreeningService/ScreenTransactions";
    assert_eq!(admitted(&lesser, streaming), "TOKEN_SCOPE");
    assert_eq!(admitted(&lesser, "/grpc.health.v1.Health/Check"), "TOKEN_SCOPE", "a scope is the whole of it");
    assert_ne!(admitted(&header, streaming), "TOKEN_SCOPE");

    let batches = tokio_stream::once(ScreenTransactionsRequest::default()).chain(tokio_stream::pending());
    let mut request = Request::new(batches);
    request.metadata_mut().insert("authorization", header.parse().expect("ASCII"));
    let mut client = ScreeningServiceClient::new(channel.clone());
    let mut stream = RUNTIME.block_on(client.screen_transactions(request)).expect("a stream").into_inner();
    let listed = consortium.succeed("token list --dir bank-a").stdout;
    assert!(listed.contains("shop  screener  valid until") && listed.contains("only ScreenTransaction"), "{listed}");
    assert!(!listed.contains(&header[16..]), "{listed}");
    consortium.succeed("token revoke shop --dir bank-a");
    let ended = RUNTIME.block_on(async {
        let ended = async {
            loop {
                match stream.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("it ended as if all were well"),
                    Err(status) => break status,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ended).await
    });
    let ended = ended.expect("a stream ends with its token");
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "TOKEN_ENDED"));
    assert_eq!(admitted(&header, SCREEN), "REVOKED_TOKEN");
    assert_ne!(admitted(&lesser, SCREEN), "REVOKED_TOKEN", "others are not touched");
    assert!(consortium.succeed("token list --dir bank-a").stdout.contains("shop  screener  revoked at"));
}

#[test]
fn without_the_setting_a_token_opens_nothing_and_a_changed_file_makes_none() {
    let consortium = Consortium::found(&["bank-a"]);
    let header = issue(&consortium, "screener", "shop", "");
    let a = consortium.start("bank-a");
    let request = format!("GET /v1/status HTTP/1.1\r\nHost: node\r\nAuthorization: {header}\r\n\r\n");
    let heard = knock(a.local, &Shown::nothing(), b"http/1.1", request.as_bytes());
    assert_eq!(heard, Err(AlertDescription::CertificateRequired));
    // Beside a certificate it is not read.
    assert_eq!(call(&a.channel("operator"), STATUS).code(), Code::Ok);
    assert_eq!(call_with(&a.channel("operator"), STATUS, &["Bearer nonsense"]).code(), Code::Ok);
    a.kill();
    // Who can write into the folder and has no passphrase makes no operator of a screener.
    let file = consortium.path().join("bank-a/access/tokens/shop.json");
    let kept = std::fs::read_to_string(&file).expect("kept");
    std::fs::write(&file, kept.replace("screener", "operator")).expect("written");
    let a = start(&consortium);
    ask(&a, &Shown::nothing(), "GET", "/v1/status", &[&header]).check(401, "UNKNOWN_TOKEN");
    let log = std::fs::read_to_string(a.home.log()).expect("a log");
    assert!(log.contains("token.unread") && log.contains("shop.json"), "{log}");
}

#[test]
fn what_is_wrong_with_a_new_token_is_told() {
    let consortium = Consortium::found(&["bank-a"]);
    let check = |words: &str, code: i32, part: &str| {
        let line = format!("token {words} --dir bank-a");
        let said = consortium.run(&line.split(' ').collect::<Vec<_>>());
        assert!(said.code == code && said.stderr.contains(part), "{line}: {} {}", said.code, said.stderr);
        assert!(!said.stdout.contains("hushwire_"), "{}", said.stdout);
    };
    issue(&consortium, "auditor", "books", "");
    check("issue --role auditor --name books --expires 1d", 1, "was given before");
    check("issue --role king --name k --expires 1d", 2, "publisher");
    check("issue --role auditor --name Books --expires 1d", 2, "lower-case");
    check("issue --role auditor --name b --expires 400d", 2, "366d");
    check("issue --role auditor --name b --expires 1d --method ScreenTransaction", 2, "ListAuditRecords");
    check("issue --role publisher --name b --expires 1d --method EraseIndicators", 2, "PublishIndicators");
    check("revoke nothing", 1, "nothing.json");
    let said = consortium.run(&["cert", "issue", "auditor", "token.books", "--dir", "bank-a"]);
    assert!(said.code == 2 && said.stderr.contains("those of tokens"), "{}", said.stderr);
}

#[test]
fn refusals_beyond_those_of_a_minute_are_counted_and_the_count_survives_a_stop() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = start(&consortium);
    a.until_ready();
    let nobody = Shown::nothing();
    let channel = nobody.channel(a.local);
    // Enough for two minutes, should one end meanwhile.
    let most = usize::try_from(limits::STRANGERS_PER_MINUTE).expect("few");
    let knocks = 2 * most + 20;
    for _ in 0..knocks {
        assert_eq!(call_with(&channel, STATUS, &[]).code(), Code::Unauthenticated);
    }
    let one_by_one = |node: &Node| audited(&consortium, node).values().sum::<usize>();
    wait("the first are written", || (one_by_one(&a) >= most).then_some(()));
    a.stop();
    let a = start(&consortium);
    a.until_ready();
    let listed = consortium.audit_list(&a, &["--action", "audit.gap"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let gaps = listed["records"].as_array().expect("records").iter();
    let counted: usize =
        gaps.map(|gap| gap["fields"]["records_lost"].as_str().expect("a number").parse::<usize>().expect("one")).sum();
    assert!(counted > 0);
    assert_eq!(one_by_one(&a) + counted, knocks, "{listed}");
}

#[test]
fn a_command_shows_a_token_in_place_of_a_certificate() {
    let consortium = Consortium::found(&["bank-a"]);
    let token = issue(&consortium, "operator", "desk", "");
    let file = consortium.file("desk.token", &format!("{}\n", token.strip_prefix("Bearer ").expect("a header")));
    let a = start(&consortium);
    a.until_ready();
    let local = a.local.to_string();
    // Beside the node, and from elsewhere with nothing but the token and the node's authority.
    let beside = consortium
        .succeed(&format!("status --json --config bank-a/hushwire.toml --endpoint {local} --token-file desk.token"));
    assert!(beside.stdout.contains("bank-a"), "{}", beside.stdout);
    let elsewhere = consortium.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("made");
    std::fs::copy(a.home.path().join("tls/local-ca.pem"), elsewhere.join("ca.pem")).expect("copied");
    let words = ["status", "--endpoint", &local, "--identity", "elsewhere", "--token-file", "desk.token"];
    let said = consortium.run(&words);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("chmod 600"), "others may read it: {}", said.stderr);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");
    assert!(!consortium.run(&words).stderr.contains("chmod"));
    // The node decides what it opens.
    let refused = |words: &[&str], code: i32, part: &str| {
        let said = consortium.run(words);
        assert_eq!(said.code, code, "{}", said.stderr);
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    };
    let with = |token: &'static str, command: &[&'static str]| -> Vec<String> {
        let more = ["--endpoint", &local, "--identity", "elsewhere", "--token-file", token];
        command.iter().copied().chain(more).map(str::to_owned).collect()
    };
    let words = with("desk.token", &["audit", "list"]);
    refused(&words.iter().map(String::as_str).collect::<Vec<_>>(), 1, "ROLE_NOT_ALLOWED");
    let words = with("desk.token", &["erase", "confirm", "0123456789abcdef0123456789abcdef"]);
    refused(&words.iter().map(String::as_str).collect::<Vec<_>>(), 1, "without --token-file");
    consortium.file("none.token", "hunter2");
    let words = with("none.token", &["status"]);
    refused(&words.iter().map(String::as_str).collect::<Vec<_>>(), 2, "holds no token");
    consortium.succeed("token revoke desk --dir bank-a");
    let words = with("desk.token", &["status"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    wait("it is revoked", || consortium.run(&words).stderr.contains("REVOKED_TOKEN").then_some(()));
    let said = consortium.transcript();
    let secret = token.strip_prefix("Bearer ").expect("a header");
    let shown = said.iter().filter(|said| said.stdout.contains(secret) || said.stderr.contains(secret)).count();
    assert_eq!(shown, 1, "only where it was issued");
}

#[test]
fn a_setting_that_was_changed_waits_for_a_restart_and_the_log_names_it() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let file = a.home.path().join("hushwire.toml");
    let text = std::fs::read_to_string(&file).expect("a configuration");
    let changed = text.replace("[local]\n", "[local]\ntokens = true\n").replace("window_ms = 20", "window_ms = 10");
    std::fs::write(&file, changed).expect("written");
    a.reload();
    let logged = |event: &str, part: &str| {
        wait(event, || {
            let log = std::fs::read_to_string(a.home.log()).expect("a log");
            log.lines().any(|line| line.contains(event) && line.contains(part)).then_some(())
        });
    };
    logged("config.kept", "local.tokens, feed");
    std::fs::write(&file, format!("{text}\n[feed]\n")).expect("written");
    a.reload();
    logged("config.unread", "line");
}
