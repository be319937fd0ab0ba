//! An order passed, and another member flags it afterwards: the shop is told within a second, and told when it is taken back.

use std::fs;
use std::time::{Duration, Instant};

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::late_match_service_client::LateMatchServiceClient;
use local::{RetractIndicatorsRequest, WatchLateMatchesRequest, WatchLateMatchesResponse};

use crate::caller::RUNTIME;
use crate::cases::{cases, show};
use crate::consortium::Consortium;
use crate::monitoring;
use crate::node::{Node, wait};
use crate::webhooks::{Desk, loopback, secret};

const PHONE: (IdentifierKind, &str) = (IdentifierKind::Phone, "+49 1512 3847562");
const OTHER: (IdentifierKind, &str) = (IdentifierKind::Phone, "+49 1512 3847563");
const PATIENCE: Duration = Duration::from_secs(60);

/// From the statement that causes it to the word of it, on a machine that has nothing else to do.
const PROMISED: Duration = Duration::from_secs(1);

/// The same on one that runs other tests meanwhile.
const BUSY: Duration = Duration::from_secs(10);

struct Watcher(tonic::Streaming<WatchLateMatchesResponse>);

impl Watcher {
    fn from(node: &Node, role: &str, position: Option<u64>) -> Self {
        let mut client = LateMatchServiceClient::new(node.channel(role));
        let watched = client.watch_late_matches(WatchLateMatchesRequest { position });
        Self(RUNTIME.block_on(watched).expect("a stream").into_inner())
    }

    fn next(&mut self) -> (local::LateMatch, u64) {
        let told = RUNTIME.block_on(async { tokio::time::timeout(PATIENCE, self.0.message()).await });
        let told = told.expect("in time").expect("it goes on").expect("it does not end");
        (told.late_match.expect("one"), told.position)
    }
}

#[test]
fn an_order_that_passed_is_told_when_others_flag_it_and_when_they_take_it_back() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let desk = Desk::open(loopback(), Vec::new(), None);
    let home = consortium.home("shop");
    fs::write(home.path().join("desk.secret"), secret(1)).expect("written");
    let hook = format!(
        "[[webhooks]]\nname = \"desk\"\nurl = \"http://{}/\"\nsecret = \"desk.secret\"\nevents = [\"late_match\"]\n",
        desk.address
    );
    let path = home.path().join("hushwire.toml");
    let text = fs::read_to_string(&path).expect("configured");
    fs::write(path, format!("{text}{hook}")).expect("written");
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    let (shop, metrics) = monitoring::start(&home);
    a.until_ready();
    b.until_ready();
    wait("the place is written", || home.path().join("webhooks/desk.place").exists().then_some(()));
    // Of a bank it has not heard lately the shop holds an order, and does not block it.
    monitoring::until_told(metrics, "hushwire_feeds{state=\"fresh\"} 2");
    let mut watcher = Watcher::from(&shop, "screener", None);
    let passed = shop.screen(PHONE);
    let other = shop.screen(OTHER);
    assert_eq!((passed.decision(), other.decision()), (Decision::Allow, Decision::Allow));

    a.flag(PHONE);
    let begun = Instant::now();
    let (late, first) = watcher.next();
    let took = begun.elapsed();
    assert!(took < BUSY, "{took:?}; promised is {PROMISED:?}");
    assert_eq!((late.decision_id.as_str(), late.reference.as_str()), (&*passed.decision_id, &*passed.reference));
    assert_eq!((late.answered(), late.decision(), late.eased), (Decision::Allow, Decision::Challenge, false));
    assert_eq!(late.reasons, ["single_indicator"]);
    assert!(late.indicators.len() == 1 && late.indicators[0].starts_with("members/bank-a/indicators/"), "{late:?}");

    let mut desk_of = cases(&shop, "analyst");
    let case = show(&mut desk_of, &passed.decision_id).expect("it is told with the late match");
    assert_eq!((case.answered(), case.decision(), case.evidence.len()), (Decision::Allow, Decision::Challenge, 1));

    let second = b.flag(PHONE);
    let (late, position) = watcher.next();
    assert_eq!((late.decision(), late.indicators.len()), (Decision::Block, 2));
    b.retract(RetractIndicatorsRequest { names: second, ..Default::default() }).expect("retracted");
    let (eased, _) = watcher.next();
    assert_eq!((eased.decision(), eased.eased, eased.indicators.len()), (Decision::Challenge, true, 0));
    let case = show(&mut desk_of, &passed.decision_id).expect("the same case");
    assert_eq!((case.stop(), case.notes.len()), (Decision::Block, 2), "a person decides what becomes of it");
    assert_eq!(case.evidence.len(), 2, "both banks hear of its outcome");
    let page = monitoring::scrape(metrics);
    let told = page.lines().find(|line| line.starts_with("hushwire_late_match_duration_seconds_count"));
    assert!(told.is_some_and(|line| !line.ends_with(" 0")), "{told:?}");

    let told: Vec<serde_json::Value> = (0..3).map(|_| desk.next().event()).collect();
    let words: Vec<&str> = told.iter().map(|event| event["type"].as_str().expect("a type")).collect();
    assert_eq!(words, ["late_match.raised", "late_match.raised", "late_match.eased"]);
    for event in &told {
        assert_eq!(event["data"]["decision_id"], passed.decision_id.as_str());
        let text = event.to_string();
        for private in ["3847562", "members/", "bank-a", "hushwire://"] {
            assert!(!text.contains(private), "{private} stands in {text}");
        }
    }

    // An analyst is told of everybody's, from any position on; what the window held is gone with the process.
    shop.kill();
    let shop = consortium.start("shop");
    let mut again = Watcher::from(&shop, "analyst", Some(first));
    assert_eq!(again.next().1, position);
    assert!(again.next().0.eased);
    let newer = shop.screen((IdentifierKind::Phone, "+49 1512 3847564"));
    a.flag(OTHER);
    a.flag((IdentifierKind::Phone, "+49 1512 3847564"));
    assert_eq!(again.next().0.decision_id, newer.decision_id, "the order before the restart is not followed");
}
