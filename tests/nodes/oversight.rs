//! Those who watch over a node: figures by day, one identifier looked up, the own indicators, the log searched. Real nodes.

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::screening_service_client::ScreeningServiceClient;
use serde_json::{Value, json};

use crate::caller::{Identifier, RUNTIME, identifier};
use crate::consortium::Consortium;
use crate::http::ask;
use crate::node::{Node, wait};
use crate::search::Searcher;

const MAIL: Identifier = (IdentifierKind::Email, "ursula.overseen@gmail.com");
const OTHER: &str = "nobody.knows.ursula@example.org";

fn connection(node: &Node, role: &str) -> String {
    format!("--endpoint {} --identity {}", node.local, node.home.identity(role).display())
}

fn json_of(consortium: &Consortium, words: &str) -> Value {
    serde_json::from_str(&consortium.succeed(words).stdout).expect("JSON")
}

/// An order that the mail stops, its record on disk.
fn stop_an_order(node: &Node) -> String {
    let order = local::ScreenTransactionRequest {
        identifiers: vec![identifier(MAIL)],
        amount_minor: 12_500,
        currency: "EUR".to_owned(),
        country: "DE".to_owned(),
        audit: local::AuditState::Durable.into(),
        ..Default::default()
    };
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    wait("the order is stopped and its record on disk", || {
        let answer = RUNTIME.block_on(client.screen_transaction(order.clone())).expect("an answer").into_inner();
        let durable = answer.audit() == local::AuditState::Durable;
        (answer.decision() == Decision::Challenge && durable).then_some(answer.decision_id)
    })
}

#[test]
fn who_watches_over_a_node_sees_what_happened_and_no_look_leaves_an_identifier() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let [a, shop] = consortium.start_all(["bank-a", "shop"]);
    a.until_ready();
    let names = a.flag(MAIL);
    let decision = stop_an_order(&shop);

    // Both forms of the address came to the shop, and the bank knows that it has them.
    let today = |node: &Node, role: &str| {
        let said = json_of(&consortium, &format!("audit activity --days 2 --json {}", connection(node, role)));
        said["days"].as_array().expect("a list").last().cloned().expect("today")
    };
    let came = |node: &Node| today(node, "auditor")["peers"][0]["came"]["indicators"].as_u64();
    wait("what came is counted", || (came(&shop) == Some(2)).then_some(()));
    wait("what left is counted", || (today(&a, "analyst")["peers"][0]["left"]["indicators"] == 2).then_some(()));
    assert_eq!(today(&a, "operator")["published"], 2);
    assert!(today(&shop, "auditor")["recorded"]["challenged"].as_u64() >= Some(1));
    assert_eq!(today(&shop, "auditor")["rules"].as_array().map(Vec::is_empty), Some(false));

    let said =
        json_of(&consortium, &format!("lookup --identifier email={} --json {}", MAIL.1, connection(&shop, "analyst")));
    let statements = said["statements"].as_array().expect("a list");
    let told: Vec<(&str, &str)> = statements
        .iter()
        .map(|one| (one["name"].as_str().expect("a name"), one["counting"].as_str().expect("a word")))
        .collect();
    assert_eq!(told.len(), 2);
    assert!(
        told.iter().all(|(name, counting)| names.contains(&(*name).to_owned()) && *counting == "counts"),
        "{told:?}"
    );
    assert!(
        said["decisions"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|one| one["decision_id"] == *decision && one["matched"] == true)
    );
    let own =
        json_of(&consortium, &format!("lookup --identifier email={} --json {}", MAIL.1, connection(&a, "auditor")));
    assert_eq!((&own["statements"][0]["own"], &own["statements"][0]["received_by"]), (&json!(true), &json!(["shop"])));
    let nothing = consortium.succeed(&format!("lookup --identifier email={OTHER} {}", connection(&shop, "auditor")));
    assert!(nothing.stdout.contains("nobody says anything of it"), "{}", nothing.stdout);

    // Over HTTP too; the value stands in the body.
    let body = json!({ "identifier": { "kind": "IDENTIFIER_KIND_EMAIL", "value": MAIL.1 } });
    let head = "Content-Type: application/json\r\n";
    let answer = ask(&shop, "auditor", "POST", "/v1/identifiers:lookUp", head, &body.to_string()).json();
    assert_eq!(answer["statements"].as_array().map(Vec::len), Some(2), "{answer}");
    let answer = ask(&a, "publisher", "GET", "/v1/indicators?page_size=1", "", "").json();
    assert_eq!(
        (&answer["indicators"][0]["state"], answer["indicators"].as_array().map(Vec::len)),
        (&json!("live"), Some(1))
    );
    assert_ne!(answer["nextPageToken"], json!(""));

    // Each look stands in the log, found by its words and by its direction; an identifier is no search.
    let list = |words: &str| consortium.succeed(&format!("audit list {words} {}", connection(&shop, "auditor"))).stdout;
    let looks = list("--direction asked --text identifier.looked_up");
    assert_eq!(looks.lines().count(), 3, "{looks}");
    assert!(looks.contains("kind=email statements=2") && looks.contains("/auditor/"), "{looks}");
    let received = list("--direction came --peer bank-a --action feed.");
    assert!(
        !received.is_empty() && received.lines().all(|line| line.contains(" feed.received bank-a/all ")),
        "{received}"
    );
    let newest = list("--limit 1");
    assert_eq!(newest.lines().count(), 1);
    let line = format!("audit list --text {} {}", MAIL.1, connection(&shop, "auditor"));
    let refused = consortium.run(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("looks like an identifier of kind email"), "{}", refused.stderr);

    let homes = [a.home.clone(), shop.home.clone()];
    assert_eq!((a.stop().0.code(), shop.stop().0.code()), (Some(0), Some(0)));
    let searcher = Searcher::new(&[MAIL.1, "ursula.overseen", "ursulaoverseen", OTHER], &[]);
    let mut hits = Vec::new();
    for home in homes {
        assert!(searcher.search_folder(&home.path(), &mut hits) > 10);
    }
    assert_eq!(hits, Vec::<String>::new());
}
