//! Cases under crashes, failing disks and passing days: none that was acknowledged is lost, nothing leads out of a release, a
//! timer fires once, and no crash gives an attempt back.

use std::collections::{BTreeMap, BTreeSet};

use hushwire::base::bytes::{LocalMac, Sha256Digest};
use hushwire::base::limits;
use hushwire::base::position::TreeSize;
use hushwire::domain::audit::record::{Actor, AuditRecord};
use hushwire::domain::case::CaseId;
use hushwire::domain::case::challenge::{Code, Method};
use hushwire::domain::case::outcome::Outcome;
use hushwire::domain::case::state::{State, Step};
use hushwire::domain::screening::decision::Decision;
use hushwire::node::case::{CaseFault, StepRequest};
use hushwire::node::challenge::ChallengeFault;
use hushwire::node::record_screening::{CaseFacts, ScreeningRecord};
use rand::RngExt;
use rand_chacha::ChaCha20Rng;

use crate::house::Waiting;
use crate::violation::{Invariant, Violation, broken, ensure};
use crate::world::World;

/// What is done with a case, the `nth` that the house has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Open(Decision),
    Release,
    Confirm,
    Refuse,
    Reopen,
    Resolve(Outcome),
    StartCode,
    /// Not the code that was sent, but for one in a million.
    AnswerWrong,
    StartExternal,
    Report {
        passed: bool,
    },
}

/// Draws what is done.
pub fn draw_act(rng: &mut ChaCha20Rng) -> Act {
    match rng.random_range(0..14) {
        0..4 => Act::Open([Decision::Challenge, Decision::Hold, Decision::Block][rng.random_range(0..3)]),
        4..6 => Act::Release,
        6 => Act::Confirm,
        7 => Act::Refuse,
        8 => Act::Reopen,
        9 => Act::Resolve(Outcome::ALL[rng.random_range(0..2)]),
        10 => Act::StartCode,
        11 => Act::AnswerWrong,
        12 => Act::StartExternal,
        _ => Act::Report { passed: rng.random() },
    }
}

/// Cases by house, and the state of each that its callers were told last.
pub type CaseBook = BTreeMap<(usize, CaseId), State>;

pub fn person(name: &str) -> Actor {
    Actor::Local { member: "bank-a".parse().expect("valid"), role: "analyst", name: name.to_owned() }
}

impl World {
    pub fn act_on_case(&mut self, house: usize, nth: usize, act: Act) -> Result<(), Violation> {
        if !self.houses[house].is_up() {
            return Ok(());
        }
        if let Act::Open(decision) = act {
            return self.open_case(house, decision);
        }
        let ids: Vec<CaseId> = self.cases.keys().filter(|(of, _)| *of == house).map(|(_, id)| *id).collect();
        let Some(id) = ids.get(nth.checked_rem(ids.len()).unwrap_or_default()).copied() else { return Ok(()) };
        let (anna, ben) = (person("anna"), person("ben"));
        let outcome = self.on_node(house, |node, now, rng| {
            let due = node.state().settings.cases.due(now);
            let mut step = |by: &Actor, step| {
                let request = StepRequest { id, revision: None, step, own_only: false };
                node.step_case(by, request, now, rng).map(|_| ()).map_err(ChallengeFault::from)
            };
            match act {
                Act::Open(_) => unreachable!("opened above"),
                Act::Release => step(&anna, Step::Release),
                Act::Confirm => step(&ben, Step::ConfirmRelease),
                Act::Refuse => step(&ben, Step::Refuse),
                Act::Reopen => step(&anna, Step::Reopen { due }),
                Act::Resolve(outcome) => step(&anna, Step::Resolve(outcome)),
                Act::StartCode => node.start_challenge(&anna, id, Method::Code, false, now, rng).map(|_| ()),
                Act::StartExternal => node.start_challenge(&anna, id, Method::External, false, now, rng).map(|_| ()),
                Act::AnswerWrong => {
                    let code = Code::typed("000000").expect("a code");
                    node.answer_challenge(&anna, id, &code, false, now, rng).map(|_| ())
                }
                Act::Report { passed } => node.report_challenge(&anna, id, passed, false, now, rng).map(|_| ()),
            }
        });
        match outcome {
            None => Ok(()),
            Some(Err(ChallengeFault::Storage(fault) | ChallengeFault::Case(CaseFault::Storage(fault)))) => {
                self.houses[house].judge::<()>(Err(fault)).map(|_| ())
            }
            Some(Err(ChallengeFault::Case(CaseFault::Unknown))) => {
                Err(broken(Invariant::CasesKept, format!("{id} was acknowledged and is unknown")))
            }
            // What the tables refuse changes nothing.
            Some(Err(_)) => Ok(()),
            Some(Ok(())) => {
                let state = self.on_node(house, |node, _, _| node.state().cases.get(&id).map(|case| case.state()));
                if let Some(state) = state.flatten() {
                    self.houses[house].waiting.push(Waiting::Case(id, state));
                }
                self.sync(house)
            }
        }
    }

    fn open_case(&mut self, house: usize, decision: Decision) -> Result<(), Violation> {
        let id = CaseId(self.rng.random());
        let customer = Some(LocalMac([self.rng.random_range(0..3); 32]));
        let outcome = self.on_node(house, |node, now, rng| {
            let record = ScreeningRecord {
                caller: person("till"),
                time: now,
                decision_id: id.to_string(),
                decision: decision.label(),
                reasons: Vec::new(),
                matched: Vec::new(),
                policy_sha256: Sha256Digest([1; 32]),
                degraded: false,
                anomalies: Vec::new(),
                case: Some(CaseFacts { customer, ..CaseFacts::default() }),
                behind: None,
            };
            node.record_screenings(vec![record], rng)
        });
        let Some(outcome) = outcome else { return Ok(()) };
        if self.houses[house].judge(outcome)?.is_some() {
            self.houses[house].waiting.push(Waiting::Case(id, State::Open));
            self.sync(house)?;
        }
        Ok(())
    }

    /// What was acknowledged of cases holds, and the audit log tells the same story.
    pub fn check_cases(&self, house: usize) -> Result<(), Violation> {
        let Some(node) = &self.houses[house].node else { return Ok(()) };
        let now = self.houses[house].clock(self.now());
        let cases = &node.state().cases;
        for (id, acknowledged) in self.cases.iter().filter(|((of, _), _)| *of == house).map(|((_, id), at)| (id, at)) {
            let Some(case) = cases.get(id) else {
                return Err(broken(Invariant::CasesKept, format!("{id} was acknowledged and is lost")));
            };
            let left = *acknowledged == State::Released && case.state() != State::Released;
            ensure(!left, Invariant::CasesKept, || format!("{id} was released and is {}", case.state()))?;
            let overdue = case.due().is_some_and(|due| due.plus_s(60) <= now);
            ensure(!overdue, Invariant::CasesKept, || format!("{id} is overdue since {:?}", case.due()))?;
        }
        let mut told: BTreeMap<(String, String), u32> = BTreeMap::new();
        let mut from = TreeSize::EMPTY;
        let size = node.state().audit.durable_size;
        while from < size {
            let slice = node.export_audit_slice(from, size).map_err(|fault| broken(Invariant::StoreWhole, fault))?;
            from = TreeSize(from.0 + u64::try_from(slice.len()).expect("small"));
            for record in slice.iter().filter_map(|logged| AuditRecord::decode(&logged.entry.blob).ok()) {
                *told.entry((record.subject().to_owned(), record.action().to_owned())).or_default() += 1;
            }
        }
        let count = |id: &str, action: &str| told.get(&(id.to_owned(), action.to_owned())).copied().unwrap_or_default();
        let ids: BTreeSet<&String> =
            told.keys().filter(|(_, action)| action == "case.opened").map(|(id, _)| id).collect();
        for id in ids {
            let expired = count(id, "case.expired");
            let lives = 1 + count(id, "case.reopened");
            ensure(expired <= lives, Invariant::CasesKept, || {
                format!("{id} expired {expired} times in {lives} lives")
            })?;
            let wrong = count(id, "case.challenge_missed");
            let limit = limits::decisions::CHALLENGE_ATTEMPTS;
            ensure(wrong < limit, Invariant::CasesKept, || format!("{id} took {wrong} wrong codes of {limit}"))?;
            let case = id.parse().ok().and_then(|id| cases.get(&id));
            let released = count(id, "case.released") > 0;
            let left = released && case.is_some_and(|case| case.state() != State::Released);
            ensure(!left, Invariant::CasesKept, || format!("the log tells that {id} was released"))?;
        }
        Ok(())
    }
}
