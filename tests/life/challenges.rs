//! Challenges: a code passes once, guesses run out whatever is restarted, and of a code nothing rests but a keyed hash.

use hushwire::base::bytes::{LocalMac, Sha256Digest};
use hushwire::base::limits;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::case::CaseId;
use hushwire::domain::case::challenge::{ChallengeRules, Code, Method, Standing};
use hushwire::domain::case::state::{How, State};
use hushwire::domain::screening::decision::Decision;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::case::CaseFault;
use hushwire::node::challenge::{Answered, ChallengeFault};
use hushwire::node::record_screening::{CaseFacts, ScreeningRecord};
use hushwire::node::state::Settings;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House};

const JANE: LocalMac = LocalMac([0xEE; 32]);

fn till() -> Actor {
    Actor::Local { member: "bank-a".parse().expect("valid"), role: "screener", name: "till".to_owned() }
}

fn house(consortium: &Consortium) -> House {
    House::open(consortium, 0, Disk::default(), START)
}

fn again(consortium: &Consortium, house: House, now: Timestamp) -> House {
    House::open(consortium, 0, house.disk, now)
}

/// A decision about an order of this customer's.
fn decide(house: &mut House, nth: u16, decision: Decision, customer: Option<LocalMac>, now: Timestamp) -> CaseId {
    let mut id = [0xA0; 16];
    id[..2].copy_from_slice(&nth.to_be_bytes());
    let record = ScreeningRecord {
        caller: till(),
        time: now,
        decision_id: CaseId(id).to_string(),
        decision: decision.label(),
        reasons: Vec::new(),
        matched: Vec::new(),
        policy_sha256: Sha256Digest([1; 32]),
        degraded: false,
        anomalies: Vec::new(),
        case: Some(CaseFacts { customer, ..CaseFacts::default() }),
        behind: None,
    };
    house.node.record_screenings(vec![record], &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    CaseId(id)
}

/// Starts a challenge by code: what the customer is sent.
fn send(house: &mut House, id: CaseId, now: Timestamp) -> Result<Code, ChallengeFault> {
    let started = house.node.start_challenge(&till(), id, Method::Code, true, now, &mut house.rng)?;
    house.node.sync().expect("syncs");
    Ok(started.code.expect("a code is sent"))
}

fn answer(house: &mut House, id: CaseId, code: &str, now: Timestamp) -> Result<Answered, ChallengeFault> {
    let code = Code::typed(code).expect("a code");
    let answered = house.node.answer_challenge(&till(), id, &code, true, now, &mut house.rng);
    house.node.sync().expect("syncs");
    answered
}

/// Another code than this one.
fn wrong(code: &Code) -> String {
    let digits: u32 = code.expose().parse().expect("digits");
    format!("{:06}", (digits + 1) % 1_000_000)
}

#[test]
fn a_right_code_releases_the_order_once_and_is_remembered_as_a_condition() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = house(&consortium);
    let id = decide(&mut house, 1, Decision::Challenge, Some(JANE), START);
    let passed = |house: &House, now| house.node.state().challenges.passed.challenge_passed(&JANE, now);
    let code = send(&mut house, id, START).expect("started");
    assert_eq!(passed(&house, START), None);
    let missed = answer(&mut house, id, &wrong(&code), START.plus_s(1)).expect("counted");
    assert_eq!((missed.challenge.left(), missed.case.state()), (4, State::Challenged));
    let right = answer(&mut house, id, code.expose(), START.plus_s(2)).expect("right");
    assert_eq!((right.challenge.standing, right.case.state()), (Standing::Passed, State::Released));
    assert_eq!(right.case.closed().map(|closed| closed.how), Some(How::Challenge));
    assert_eq!(answer(&mut house, id, code.expose(), START.plus_s(3)), Err(ChallengeFault::NotWaiting), "single use");
    assert_eq!(passed(&house, START.plus_s(62)), Some(60));
    let house = again(&consortium, house, START.plus_s(100));
    assert_eq!(passed(&house, START.plus_s(102)), Some(100), "a restart remembers it");
    assert_eq!(passed(&house, START.plus_s(24 * 3_600 + 2)), None, "and for its time only");
}

#[test]
fn of_a_code_nothing_rests_but_a_keyed_hash_and_a_restart_takes_the_answer_all_the_same() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = house(&consortium);
    let id = decide(&mut house, 1, Decision::Challenge, None, START);
    let code = send(&mut house, id, START).expect("started");
    let stands = |house: &House, text: &str| house.disk.bytes().windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!stands(&house, code.expose()), "the code stands in the journal");
    answer(&mut house, id, &wrong(&code), START.plus_s(1)).expect("counted");
    assert!(!stands(&house, &wrong(&code)), "nor what was typed");
    let mut house = again(&consortium, house, START.plus_s(10));
    let right = answer(&mut house, id, code.expose(), START.plus_s(11)).expect("right");
    assert_eq!((right.case.state(), right.challenge.failed), (State::Released, 1));
}

#[test]
fn the_attempts_of_a_case_run_out_over_restarts_and_new_codes() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = house(&consortium);
    let id = decide(&mut house, 1, Decision::Challenge, None, START);
    let mut now = START;
    let mut code = send(&mut house, id, now).expect("started");
    for attempt in 1..limits::decisions::CHALLENGE_ATTEMPTS {
        now = now.plus_s(1);
        let missed = answer(&mut house, id, &wrong(&code), now).expect("counted");
        assert_eq!(missed.challenge.left(), limits::decisions::CHALLENGE_ATTEMPTS - attempt);
        house = again(&consortium, house, now);
        if attempt == 2 {
            let first = code;
            code = send(&mut house, id, now).expect("a new code");
            let old = answer(&mut house, id, first.expose(), now);
            assert!(first.expose() == code.expose() || old.is_ok_and(|old| old.challenge.left() == 2), "the old one");
            return the_rest(house, id, code, now);
        }
    }
    unreachable!("a new code is sent in between");
}

/// Two attempts are left.
fn the_rest(mut house: House, id: CaseId, code: Code, now: Timestamp) {
    answer(&mut house, id, &wrong(&code), now).expect("counted");
    let last = answer(&mut house, id, &wrong(&code), now).expect("counted");
    assert_eq!((last.challenge.standing, last.case.state()), (Standing::Failed, State::Open));
    assert_eq!(last.case.stop(), Decision::Hold, "a person looks at it");
    assert_eq!(answer(&mut house, id, code.expose(), now), Err(ChallengeFault::NotWaiting), "too late");
    let used = ChallengeFault::AttemptsUsed { limit: limits::decisions::CHALLENGE_ATTEMPTS };
    assert_eq!(send(&mut house, id, now).map(|_| ()), Err(used));
    assert_eq!(house.audited("case.challenge_missed", now).len(), 4);
    assert_eq!(house.audited("case.challenge_failed", now).len(), 1);
}

#[test]
fn a_code_expires_and_so_many_are_sent() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = house(&consortium);
    let id = decide(&mut house, 1, Decision::Challenge, None, START);
    let code = send(&mut house, id, START).expect("started");
    let late = START.plus_s(limits::decisions::CHALLENGE_S);
    assert_eq!(answer(&mut house, id, code.expose(), late), Err(ChallengeFault::Expired), "no attempt is counted");
    for _ in 1..limits::decisions::CHALLENGE_CODES {
        send(&mut house, id, late).expect("another code");
    }
    let sent = ChallengeFault::CodesSent { limit: limits::decisions::CHALLENGE_CODES };
    assert_eq!(send(&mut house, id, late).map(|_| ()), Err(sent));
    house.tick(START.plus_s(24 * 3_600));
    let case = house.node.state().cases.get(&id).expect("held");
    assert_eq!((case.state(), case.closed().map(|closed| closed.how)), (State::Refused, Some(How::Timer)));
    let closed = answer(&mut house, id, code.expose(), START.plus_s(24 * 3_600));
    assert_eq!(closed, Err(ChallengeFault::NotWaiting));
}

#[test]
fn codes_guessed_in_bulk_run_out_for_one_customer_and_for_the_node() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = house(&consortium);
    let mut guesses = 0;
    let mut nth = 0;
    let refused = loop {
        nth += 1;
        let id = decide(&mut house, nth, Decision::Challenge, Some(JANE), START);
        let code = match send(&mut house, id, START) {
            Ok(code) => code,
            Err(refused) => break refused,
        };
        for _ in 0..limits::decisions::CHALLENGE_ATTEMPTS {
            answer(&mut house, id, &wrong(&code), START).expect("counted");
            guesses += 1;
        }
    };
    assert_eq!((refused, guesses), (ChallengeFault::CustomerGuesses, limits::decisions::GUESSES_PER_CUSTOMER));
    let mut house = again(&consortium, house, START.plus_s(60));
    let id = decide(&mut house, 99, Decision::Challenge, Some(JANE), START.plus_s(60));
    let refused = send(&mut house, id, START.plus_s(60)).map(|_| ());
    assert_eq!(refused, Err(ChallengeFault::CustomerGuesses), "a restart gives no guess back");
    let other = decide(&mut house, 100, Decision::Challenge, Some(LocalMac([7; 32])), START.plus_s(60));
    send(&mut house, other, START.plus_s(60)).expect("nobody else is kept waiting");
    let next_day = START.plus_s(86_401);
    let id = decide(&mut house, 101, Decision::Challenge, Some(JANE), next_day);
    send(&mut house, id, next_day).expect("the next day");
}

#[test]
fn an_authenticators_code_passes_once_and_its_secret_rests_sealed() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = house(&consortium);
    let start = |house: &mut House, id, now| {
        let started = house.node.start_challenge(&till(), id, Method::Totp, true, now, &mut house.rng);
        house.node.sync().expect("syncs");
        started.map(|started| assert!(started.code.is_none(), "none is sent"))
    };
    let first = decide(&mut house, 1, Decision::Challenge, Some(JANE), START);
    assert_eq!(start(&mut house, first, START), Err(ChallengeFault::NoAuthenticator));
    let uri = house.node.enrol_totp(&till(), JANE, "orders", START, &mut house.rng).expect("enrolled");
    house.node.sync().expect("syncs");
    let twice = house.node.enrol_totp(&till(), JANE, "orders", START, &mut house.rng).map(|_| ());
    assert_eq!(twice, Err(ChallengeFault::Enrolled));
    let secret = uri.split("secret=").nth(1).and_then(|rest| rest.split('&').next()).expect("a secret");
    let authenticator = totp_rs::Builder::new()
        .with_secret(totp_rs::Secret::try_from_base32(secret).expect("base 32"))
        .with_account_name("orders")
        .build()
        .expect("as the address says");
    let raw = totp_rs::Secret::try_from_base32(secret).expect("base 32");
    let stands = |house: &House| house.disk.bytes().windows(20).any(|part| part == raw.as_bytes());
    assert!(!stands(&house), "the secret rests open");
    let mut house = again(&consortium, house, START);
    let now = START.plus_s(60);
    start(&mut house, first, now).expect("enrolled");
    let shown = authenticator.generate(now.unix_s()).to_string();
    assert_eq!(answer(&mut house, first, &shown, now).expect("right").case.state(), State::Released);
    let second = decide(&mut house, 2, Decision::Challenge, Some(JANE), now);
    start(&mut house, second, now).expect("enrolled");
    let replayed = answer(&mut house, second, &shown, now.plus_s(1)).expect("counted");
    assert_eq!(replayed.challenge.failed, 1, "a code that was used is wrong");
    let later = now.plus_s(30);
    let shown = authenticator.generate(later.unix_s()).to_string();
    assert_eq!(answer(&mut house, second, &shown, later).expect("right").case.state(), State::Released);
    house.node.compact(later.plus_s(40 * 86_400)).expect("compacts");
    let mut house = again(&consortium, house, later.plus_s(40 * 86_400));
    assert!(house.node.remove_totp(&till(), JANE, later.plus_s(40 * 86_400), &mut house.rng).expect("removed"));
    house.node.sync().expect("syncs");
    assert!(!house.node.remove_totp(&till(), JANE, later.plus_s(40 * 86_400), &mut house.rng).expect("answered"));
    let house = again(&consortium, house, later.plus_s(41 * 86_400));
    assert_eq!(house.node.state().cases.held(), 2);
}

#[test]
fn a_block_is_not_challenged_a_hold_is_not_released_by_it_and_another_till_has_no_part_in_it() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = house(&consortium);
    let blocked = decide(&mut house, 1, Decision::Block, None, START);
    assert!(matches!(send(&mut house, blocked, START), Err(ChallengeFault::Case(CaseFault::Step { .. }))));
    let held = decide(&mut house, 2, Decision::Hold, Some(JANE), START);
    let code = send(&mut house, held, START).expect("it may show who it is");
    let other = Actor::Local { member: "bank-a".parse().expect("valid"), role: "screener", name: "other".to_owned() };
    let foreign = house.node.answer_challenge(&other, held, &code, true, START, &mut house.rng);
    assert_eq!(foreign, Err(ChallengeFault::Case(CaseFault::Unknown)));
    let reported = house.node.report_challenge(&till(), held, true, true, START, &mut house.rng);
    assert_eq!(reported, Err(ChallengeFault::NotWaiting), "a code was asked for");
    let right = answer(&mut house, held, code.expose(), START).expect("right");
    assert_eq!((right.challenge.standing, right.case.state()), (Standing::Passed, State::Open));
    let challenged = decide(&mut house, 3, Decision::Challenge, None, START);
    let external = |house: &mut House, now| {
        house.node.start_challenge(&till(), challenged, Method::External, true, now, &mut house.rng).map(|_| ())
    };
    external(&mut house, START).expect("started");
    assert_eq!(answer(&mut house, challenged, "123456", START), Err(ChallengeFault::NotWaiting), "no code was sent");
    let late = START.plus_s(limits::decisions::CHALLENGE_EXTERNAL_S);
    let reported = house.node.report_challenge(&till(), challenged, true, true, late, &mut house.rng);
    assert_eq!(reported, Err(ChallengeFault::Expired));
    external(&mut house, late).expect("started again");
    let reported = house.node.report_challenge(&till(), challenged, true, true, late, &mut house.rng);
    assert_eq!(reported.expect("passed").case.state(), State::Released);
}

#[test]
fn an_order_whose_challenge_failed_is_refused_where_that_is_set() {
    let consortium = Consortium::new(&["bank-a"]);
    let rules = ChallengeRules { refuse_failed: true, digits: 8, ..ChallengeRules::default() };
    let settings = Settings { challenge: rules, ..consortium.settings() };
    let (disk, mut rng) = (Disk::default(), StdRng::seed_from_u64(1));
    let (identity, roster) = (consortium.identity(0), consortium.roster.clone());
    let node = Node::open(identity, settings, roster, disk.clone(), MemoryViews::new(), START, &mut rng);
    let mut house = House { member: 0, disk, node: node.expect("opens"), rng, rewritten: 0 };
    let id = decide(&mut house, 1, Decision::Challenge, None, START);
    assert_eq!(send(&mut house, id, START).expect("started").expose().len(), 8);
    house.node.start_challenge(&till(), id, Method::External, true, START, &mut house.rng).expect("another method");
    let reported = house.node.report_challenge(&till(), id, false, true, START, &mut house.rng).expect("failed");
    assert_eq!((reported.case.state(), reported.challenge.standing), (State::Refused, Standing::Failed));
}
