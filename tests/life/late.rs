//! Late matches on record: each opens a case or tells the one there is, ends a challenge that waits, and outlasts a restart.

use hushwire::base::bytes::{LocalMac, Sha256Digest};
use hushwire::base::kind::IdentifierKind;
use hushwire::base::position::EntryIndex;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::case::challenge::Method;
use hushwire::domain::case::state::{State, Step};
use hushwire::domain::case::{Case, CaseId, Evidence};
use hushwire::domain::screening::decision::Decision;
use hushwire::domain::screening::late::judge::News;
use hushwire::node::case::StepRequest;
use hushwire::node::cases::CaseName;
use hushwire::node::challenge::ChallengeFault;
use hushwire::node::late::LateMatch;
use hushwire::node::record_screening::{CaseFacts, ScreeningRecord};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House};

const ORDER: CaseId = CaseId([0xB0; 16]);
const TRANSACTION: LocalMac = LocalMac([7; 32]);

fn anna() -> Actor {
    Actor::Local { member: "shop".parse().expect("valid"), role: "analyst", name: "anna".to_owned() }
}

fn tell(house: &mut House, answered: Decision, decision: Decision, news: News, now: Timestamp) {
    let late = LateMatch {
        id: ORDER,
        caller: "hushwire://shop/screener/till".to_owned(),
        answered,
        decision,
        news,
        reasons: vec!["single_indicator".to_owned()],
        evidence: vec![Evidence {
            member: "bank-a".parse().expect("valid"),
            commitment: hushwire::base::bytes::Commitment([9; 32]),
            group: "all".parse().expect("valid"),
            index: EntryIndex(3),
            kind: IdentifierKind::Email,
        }],
        policy_sha256: Sha256Digest([1; 32]),
        amount_minor: 12_999,
        currency: "EUR".to_owned(),
        transaction: Some(TRANSACTION),
        customer: None,
    };
    house.node.record_late_matches(vec![late], now, &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
}

fn case(house: &House) -> Case {
    house.node.state().cases.get(&ORDER).expect("held").clone()
}

fn notes(house: &House) -> Vec<String> {
    case(house).notes().iter().map(|note| note.text.as_str().to_owned()).collect()
}

#[test]
fn an_order_that_passed_gets_one_case_with_what_it_was_answered_and_every_later_word_stands_in_it() {
    let consortium = Consortium::new(&["shop"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    tell(&mut house, Decision::Allow, Decision::Challenge, News::Stricter, START.plus_s(60));
    let opened = case(&house);
    let opening = opened.opening();
    assert_eq!(
        (opening.answered, opening.decision, opening.at),
        (Some(Decision::Allow), Decision::Challenge, START.plus_s(60))
    );
    assert_eq!((opening.evidence.len(), opening.amount_minor), (1, 12_999));
    assert_eq!(opened.due(), Some(START.plus_s(60 + 24 * 3_600)), "its time begins when it was told");
    tell(&mut house, Decision::Allow, Decision::Block, News::Stricter, START.plus_s(120));
    assert_eq!((case(&house).state(), case(&house).stop()), (State::Open, Decision::Block));
    tell(&mut house, Decision::Allow, Decision::Allow, News::Eased, START.plus_s(180));
    assert_eq!(case(&house).stop(), Decision::Block, "a person decides");
    assert_eq!(
        notes(&house),
        [
            "late match: what was said since asks for block",
            "late match: what was said since was taken back or has ended; it leaves allow"
        ]
    );
    for (action, count) in [
        ("case.opened", 1),
        ("late_match.raised", 2),
        ("late_match.eased", 1),
        ("case.tightened", 1),
        ("case.noted", 2),
    ] {
        assert_eq!(house.audited(action, START.plus_s(200)).len(), count, "{action}");
    }
    let before = case(&house);
    let house = House::open(&consortium, 0, house.disk, START.plus_s(300));
    assert_eq!(case(&house), before);
    let found = house.node.state().cases.find(&CaseName::Transaction(TRANSACTION), None);
    assert_eq!(found.map(Case::id), Some(ORDER), "by the shop's own number of the order");
}

#[test]
fn a_challenge_that_waits_releases_nothing_once_others_flag_the_order_and_a_released_one_stays_so() {
    let consortium = Consortium::new(&["shop"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    let record = ScreeningRecord {
        caller: anna(),
        time: START,
        decision_id: ORDER.to_string(),
        decision: Decision::Challenge.label(),
        reasons: Vec::new(),
        matched: Vec::new(),
        policy_sha256: Sha256Digest([1; 32]),
        degraded: false,
        anomalies: Vec::new(),
        case: Some(CaseFacts::default()),
        behind: None,
    };
    house.node.record_screenings(vec![record], &mut house.rng).expect("recorded");
    let started = house.node.start_challenge(&anna(), ORDER, Method::External, false, START, &mut house.rng);
    assert_eq!(started.expect("it waits").case.state(), State::Challenged);
    tell(&mut house, Decision::Challenge, Decision::Hold, News::Stricter, START);
    let passed = house.node.report_challenge(&anna(), ORDER, true, false, START, &mut house.rng);
    assert_eq!(passed.expect_err("it waits no more"), ChallengeFault::NotWaiting);
    assert_eq!((case(&house).state(), case(&house).stop(), notes(&house).len()), (State::Open, Decision::Hold, 1));

    let request = StepRequest { id: ORDER, revision: None, step: Step::Release, own_only: false };
    house.node.step_case(&anna(), request, START, &mut house.rng).expect("released");
    tell(&mut house, Decision::Challenge, Decision::Block, News::Stricter, START);
    assert_eq!((case(&house).state(), case(&house).stop()), (State::Released, Decision::Hold), "the goods may be gone");
    assert_eq!(notes(&house).len(), 2, "whoever looks at it is told");
}
