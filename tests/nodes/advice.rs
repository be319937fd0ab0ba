//! What customers are told: in their language, with the answer or by key, and a member's own texts while the node runs.

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::screening_service_client::ScreeningServiceClient;

use crate::caller::{RUNTIME, identifier};
use crate::consortium::Consortium;
use crate::http::{Answer, ask};
use crate::node::{Node, wait};

fn advice(node: &Node, key: &str, header: &str) -> Answer {
    ask(node, "screener", "GET", &format!("/v1/advice/{key}"), &format!("Accept-Language: {header}\r\n"), "")
}

/// The language and the title of a text.
fn told(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.json();
    let field = |name: &str| text[name].as_str().unwrap_or_else(|| panic!("{text}")).to_owned();
    assert!(answer.head.contains("vary: accept-language"), "{answer:?}");
    let language = field("language");
    assert!(answer.head.contains(&format!("content-language: {}\r\n", language.to_ascii_lowercase())), "{answer:?}");
    (language, field("title"))
}

fn screen(node: &Node, accept_language: &str) -> local::ScreenTransactionResponse {
    let hold = (IdentifierKind::Device, "hushwire-sandbox-hold");
    let order = local::ScreenTransactionRequest {
        identifiers: vec![identifier(hold)],
        accept_language: accept_language.to_owned(),
        ..Default::default()
    };
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    RUNTIME.block_on(client.screen_transaction(order)).expect("an answer").into_inner()
}

#[test]
fn a_customer_is_told_in_its_language_with_the_answer_or_by_key_whatever_its_browser_sends() {
    let consortium = Consortium::found(&["shop"]);
    let node = consortium.home("shop").start_with(&[("HUSHWIRE__SCREENING__SANDBOX", "true")]);
    let node = node.unwrap_or_else(|said| panic!("it starts: {}", said.stderr));

    let answer = screen(&node, "de-AT, en;q=0.5");
    let text = answer.advice.as_ref().expect("asked for");
    assert_eq!((answer.decision(), answer.advice_key.as_str()), (Decision::Hold, "payment_on_hold"));
    assert_eq!((text.key.as_str(), text.language.as_str()), ("payment_on_hold", "de"));
    assert_eq!(text.title, "Ihre Zahlung wartet");
    assert_eq!(text.further, ["unexpected_calls", "where_to_report"]);
    assert_eq!(screen(&node, "").advice, None, "nobody asked");
    assert_eq!(screen(&node, "*").advice.expect("the member's own").language, "en");
    let hostile = format!("{};q=0.9,\u{0}\u{202e}<script>,{}", "x-".repeat(60_000), "de,".repeat(10_000));
    assert_eq!(screen(&node, &hostile).advice.expect("never refused").language, "en");

    assert_eq!(told(&advice(&node, "unexpected_calls", "fr-CH, en;q=0.8")).0, "fr");
    assert_eq!(told(&advice(&node, "unexpected_calls", "nl;q=0.1, pl")).0, "pl");
    assert_eq!(told(&advice(&node, "unexpected_calls", "xx;;q=,*;q=7")).0, "en");
    let asked = ask(&node, "screener", "GET", "/v1/advice/proceed?accept_language=it", "Accept-Language: de\r\n", "");
    assert_eq!(told(&asked).0, "it", "what is said in the query comes first");
    advice(&node, "no_such_key", "de").check(404, "NO_SUCH_ADVICE");
    advice(&node, "..%2F..%2Fetc", "de").check(404, "NO_SUCH_ADVICE");
    ask(&node, "auditor", "GET", "/v1/advice/proceed", "", "").check(403, "ROLE_NOT_ALLOWED");

    let connection = format!("--endpoint {} --identity {}", node.local, node.home.identity("analyst").display());
    let said = consortium.succeed(&format!("advice payment_refused --language es {connection}"));
    assert!(said.stdout.contains("No podemos realizar este pago"), "{}", said.stdout);
    let said = consortium.succeed(&format!("advice payment_refused --json {connection}"));
    assert!(said.stdout.contains("\"language\":\"en\""), "{}", said.stdout);
}

#[test]
fn own_texts_are_taken_up_while_the_node_runs_and_a_broken_one_changes_nothing() {
    let consortium = Consortium::found(&["shop"]);
    let home = consortium.home("shop");
    let folder = home.path().join("advice");
    std::fs::create_dir(&folder).expect("made");
    let write = |text: &str| std::fs::write(folder.join("de.toml"), text).expect("written");
    let folder = folder.display().to_string();
    let own = [("HUSHWIRE__ADVICE__FOLDER", folder.as_str()), ("HUSHWIRE__ADVICE__LANGUAGE", "de")];

    write("[proceed]\ntitle = \"Los\"\n");
    let refused = home.start_with(&own).err().expect("a start with a broken file is refused");
    assert!(refused.stderr.contains("de.toml, line 1: missing field `text`"), "{}", refused.stderr);

    write("[proceed]\ntitle = \"Los\"\ntext = \"Es geht weiter.\"\n");
    let node = home.start_with(&own).unwrap_or_else(|said| panic!("it starts: {}", said.stderr));
    let title = |header: &str| told(&advice(&node, "proceed", header)).1;
    assert_eq!((title("sv"), title("en")), ("Los".to_owned(), "Your payment goes ahead".to_owned()));

    write("[proceed]\ntitle = \"Weiter\"\ntext = \"<b>Es geht.</b>\"\n");
    node.reload();
    wait("the broken file is told of", || {
        let log = std::fs::read_to_string(home.log()).expect("a log");
        (log.contains("advice.kept") && log.contains("holds markup")).then_some(())
    });
    assert_eq!(title("sv"), "Los");

    write("[proceed]\ntitle = \"Weiter\"\ntext = \"Es geht.\"\n");
    node.reload();
    wait("the new text is told", || (title("sv") == "Weiter").then_some(()));
}
