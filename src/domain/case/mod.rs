//! Cases: held, challenged and blocked transactions being worked, from the stop to the outcome.
//!
//! A case has the id of its decision. What becomes of the *order* is its [`state`]; what the order *was* is its
//! [`outcome`], known at once, weeks later or never. Leaves out who may do what, and where cases are kept (the use cases).

pub mod challenge;
pub mod guesses;
pub mod outcome;
pub mod passed;
pub mod rules;
pub mod state;
pub mod totp;

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use crate::base::bytes::{Commitment, LocalMac, Sha256Digest};
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::name::{GroupId, MemberId};
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::case::outcome::{KnownOutcome, Outcome};
use crate::domain::case::rules::HoldOutcome;
use crate::domain::case::state::{How, Illegal, State, Step, next};
use crate::domain::indicator::note::Note;
use crate::domain::screening::answer::Screening;
use crate::domain::screening::decision::Decision;

/// Names a case: the 16 bytes of its decision's id, in text 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaseId(pub [u8; 16]);

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Not the id of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a case has 32 hex digits")]
pub struct NoCaseId;

impl FromStr for CaseId {
    type Err = NoCaseId;

    fn from_str(text: &str) -> Result<Self, NoCaseId> {
        let mut id = [0; 16];
        hex::decode_to_slice(text, &mut id).map_err(|_| NoCaseId)?;
        Ok(Self(id))
    }
}

/// One indicator that matched: its name, and where it stands in its author's feed, from which a proof of it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub member: MemberId,
    pub commitment: Commitment,
    pub group: GroupId,
    pub index: EntryIndex,
    pub kind: IdentifierKind,
}

impl Evidence {
    /// Of a screening: what counted in it, the strongest of each identifier first.
    pub fn of(screening: &Screening) -> Vec<Self> {
        let matched = screening.matches.iter().flat_map(|found| &found.indicators);
        let counted = matched.filter(|indicator| !indicator.held_back).take(limits::decisions::CASE_EVIDENCE);
        let evidence = counted.map(|indicator| Self {
            member: indicator.reporter.clone(),
            commitment: indicator.commitment,
            group: indicator.feed.group.clone(),
            index: indicator.index,
            kind: indicator.kind,
        });
        evidence.collect()
    }

    /// `members/{member}/indicators/{commitment}`.
    pub fn name(&self) -> String {
        format!("members/{}/indicators/{}", self.member, self.commitment)
    }
}

/// What a case is opened with. Holds no identifier and no reference: a caller finds its case by their keyed fingerprints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    pub id: CaseId,
    /// Who asked, as the audit log names callers.
    pub caller: String,
    /// When it was decided; of an order that was flagged afterwards, when that was.
    pub at: Timestamp,
    /// Challenge, hold or block.
    pub decision: Decision,
    /// Of an order that passed and was flagged afterwards: what its caller was answered.
    pub answered: Option<Decision>,
    /// Names of the reasons, strongest first.
    pub reasons: Vec<String>,
    /// At most [`limits::decisions::CASE_EVIDENCE`]; of a case, with what was learnt since.
    pub evidence: Vec<Evidence>,
    pub policy_sha256: Sha256Digest,
    pub amount_minor: i64,
    /// Empty where not given.
    pub currency: String,
    pub transaction: Option<LocalMac>,
    pub customer: Option<LocalMac>,
    /// When the timer ends it.
    pub due: Timestamp,
}

/// A remark of somebody who worked the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseNote {
    pub at: Timestamp,
    /// Who wrote it, as the audit log names callers.
    pub by: String,
    pub text: Note,
}

/// How and when it was decided what becomes of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub at: Timestamp,
    pub how: How,
    /// As the audit log names callers.
    pub by: String,
}

/// One step, and who takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub at: Timestamp,
    /// As the audit log names callers.
    pub by: String,
    /// The name of the person: one may hold certificates of several roles.
    pub person: String,
    pub step: Step,
}

/// A step that was taken, as it is told later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStep {
    pub at: Timestamp,
    /// As the audit log names callers.
    pub by: String,
    /// [`Step::label`].
    pub step: &'static str,
    /// To whom it was assigned, what the order was, or what stops it now. What a note says stands with the notes.
    pub what: Option<String>,
    /// Where the case stood afterwards.
    pub state: State,
}

/// Why a step cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepFault {
    #[error(transparent)]
    Illegal(#[from] Illegal),
    #[error("the release of a block takes two people: {person} asked for it, somebody else must confirm it")]
    SamePerson { person: String },
    #[error("a case has at most {limit} notes")]
    Notes { limit: usize },
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    opening: Opening,
    state: State,
    stop: Decision,
    challenge_failed: bool,
    due: Timestamp,
    assignee: Option<String>,
    asked_by: Option<String>,
    closed: Option<Closed>,
    outcome: Option<Outcome>,
    notes: Vec<CaseNote>,
    steps: VecDeque<PastStep>,
    revision: u64,
    changed: Timestamp,
}

impl Case {
    pub fn open(opening: Opening) -> Self {
        Self {
            state: State::Open,
            stop: opening.decision,
            challenge_failed: false,
            due: opening.due,
            assignee: None,
            asked_by: None,
            closed: None,
            outcome: None,
            notes: Vec::new(),
            steps: VecDeque::new(),
            revision: 1,
            changed: opening.at,
            opening,
        }
    }

    pub fn id(&self) -> CaseId {
        self.opening.id
    }

    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// What stops the order now: the decision, a hold after a challenge that failed, or what was learnt since.
    pub fn stop(&self) -> Decision {
        self.stop
    }

    /// When the timer ends it; none once it is released or refused.
    pub fn due(&self) -> Option<Timestamp> {
        (!self.state.is_final()).then_some(self.due)
    }

    pub fn assignee(&self) -> Option<&str> {
        self.assignee.as_deref()
    }

    /// The person who asked for the release that waits for another one's confirmation.
    pub fn asked_by(&self) -> Option<&str> {
        self.asked_by.as_deref()
    }

    pub fn closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    pub fn notes(&self) -> &[CaseNote] {
        &self.notes
    }

    /// What was done, the oldest first: at most the newest [`limits::decisions::CASE_STEPS`].
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &PastStep> + ExactSizeIterator {
        self.steps.iter()
    }

    /// 1 when opened, one more with each step: who names it changes only what they have seen.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn changed(&self) -> Timestamp {
        self.changed
    }

    /// Whether a step may be taken, and the state after it.
    pub fn check(&self, taken: &Taken) -> Result<State, StepFault> {
        let after = next(self.state, self.stop, &taken.step)?;
        if taken.step == Step::ConfirmRelease && self.asked_by.as_deref() == Some(taken.person.as_str()) {
            return Err(StepFault::SamePerson { person: taken.person.clone() });
        }
        if matches!(taken.step, Step::Note(_)) && self.notes.len() >= limits::decisions::CASE_NOTES {
            return Err(StepFault::Notes { limit: limits::decisions::CASE_NOTES });
        }
        Ok(after)
    }

    /// Takes a step.
    pub fn take(&mut self, taken: &Taken) -> Result<(), StepFault> {
        let after = self.check(taken)?;
        match &taken.step {
            Step::Release if after == State::ReleaseAsked => self.asked_by = Some(taken.person.clone()),
            Step::FailChallenge { refuse: false } => {
                self.stop = Decision::Hold;
                self.challenge_failed = true;
            }
            Step::Resolve(outcome) => self.outcome = Some(*outcome),
            Step::Tighten { to, evidence } => {
                self.stop = *to;
                self.learn(evidence);
            }
            Step::Assign(to) => self.assignee.clone_from(to),
            Step::Note(text) => {
                self.notes.push(CaseNote { at: taken.at, by: taken.by.clone(), text: text.clone() });
            }
            Step::Reopen { due } => {
                self.due = *due;
                self.closed = None;
            }
            Step::StartChallenge
            | Step::PassChallenge
            | Step::FailChallenge { refuse: true }
            | Step::Release
            | Step::ConfirmRelease
            | Step::Refuse
            | Step::Expire { .. } => {}
        }
        if after != State::ReleaseAsked {
            self.asked_by = None;
        }
        if after.is_final() && !self.state.is_final() {
            self.closed = Some(Closed { at: taken.at, how: taken.step.how(), by: taken.by.clone() });
        }
        self.state = after;
        self.remember(taken);
        self.changed = taken.at;
        self.revision = self.revision.saturating_add(1);
        Ok(())
    }

    /// Whoever reported what matched later is to hear of the outcome like those whose word came first.
    fn learn(&mut self, evidence: &[Evidence]) {
        let held = &mut self.opening.evidence;
        for one in evidence {
            if held.len() < limits::decisions::CASE_EVIDENCE && !held.contains(one) {
                held.push(one.clone());
            }
        }
    }

    fn remember(&mut self, taken: &Taken) {
        let what = match &taken.step {
            Step::Assign(to) => to.clone(),
            Step::Resolve(outcome) => Some(outcome.to_string()),
            Step::Tighten { to, .. } => Some(to.to_string()),
            Step::StartChallenge
            | Step::PassChallenge
            | Step::FailChallenge { .. }
            | Step::Release
            | Step::ConfirmRelease
            | Step::Refuse
            | Step::Expire { .. }
            | Step::Reopen { .. }
            | Step::Note(_) => None,
        };
        if self.steps.len() >= limits::decisions::CASE_STEPS {
            self.steps.pop_front();
        }
        let step = taken.step.label();
        self.steps.push_back(PastStep { at: taken.at, by: taken.by.clone(), step, what, state: self.state });
    }

    /// What its timer does when nobody decides in time.
    pub fn expiry(&self, outcome: HoldOutcome) -> Step {
        Step::Expire { release: outcome == HoldOutcome::Release && self.may_expire_released() }
    }

    /// Where that leads; none once it is decided.
    pub fn ends_as(&self, outcome: HoldOutcome) -> Option<State> {
        next(self.state, self.stop, &self.expiry(outcome)).ok()
    }

    /// Whether the timer may release the order: only one that was held from the beginning. Who failed a challenge must not get by
    /// waiting what they did not get by guessing.
    pub fn may_expire_released(&self) -> bool {
        self.opening.decision == Decision::Hold && !self.challenge_failed
    }

    /// What is known of the order, for whoever reported what matched.
    pub fn known_outcome(&self, at: Timestamp) -> Option<KnownOutcome> {
        let (outcome, evidence) = (self.outcome?, self.opening.evidence.clone());
        Some(KnownOutcome { decision: self.id(), outcome, at, evidence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn case(decision: Decision) -> Case {
        Case::open(Opening {
            id: CaseId([0xAB; 16]),
            caller: "hushwire://shop/screener/till".to_owned(),
            at: NOW,
            decision,
            answered: None,
            reasons: vec!["single_indicator".to_owned()],
            evidence: Vec::new(),
            policy_sha256: Sha256Digest([1; 32]),
            amount_minor: 1_299,
            currency: "EUR".to_owned(),
            transaction: None,
            customer: None,
            due: NOW.plus_s(3_600),
        })
    }

    fn by(person: &str, step: Step) -> Taken {
        Taken { at: NOW.plus_s(60), by: format!("hushwire://shop/analyst/{person}"), person: person.to_owned(), step }
    }

    #[test]
    fn a_block_is_released_by_two_people_and_by_nobody_alone() {
        let mut case = case(Decision::Block);
        case.take(&by("anna", Step::Release)).expect("asked for");
        assert_eq!((case.state(), case.asked_by()), (State::ReleaseAsked, Some("anna")));
        let alone = case.take(&by("anna", Step::ConfirmRelease));
        assert_eq!(alone, Err(StepFault::SamePerson { person: "anna".to_owned() }));
        assert_eq!((case.state(), case.revision()), (State::ReleaseAsked, 2), "nothing changed");
        case.take(&by("ben", Step::ConfirmRelease)).expect("another person");
        let closed = case.closed().expect("released");
        assert_eq!((closed.how, closed.by.as_str()), (How::Person, "hushwire://shop/analyst/ben"));
        assert_eq!((case.due(), case.asked_by(), case.revision()), (None, None, 3));
    }

    #[test]
    fn a_refused_release_leaves_no_half_of_it_behind() {
        let mut case = case(Decision::Block);
        for (person, step) in [
            ("anna", Step::Release),
            ("ben", Step::Refuse),
            ("ben", Step::Reopen { due: NOW.plus_s(7_200) }),
            ("ben", Step::Release),
        ] {
            case.take(&by(person, step)).expect("legal");
        }
        assert_eq!((case.asked_by(), case.due()), (Some("ben"), Some(NOW.plus_s(7_200))));
        assert!(case.take(&by("ben", Step::ConfirmRelease)).is_err(), "who asked before does not count");
    }

    #[test]
    fn an_order_whose_challenge_failed_is_held_and_no_challenge_releases_it_any_more() {
        let mut case = case(Decision::Challenge);
        case.take(&by("till", Step::StartChallenge)).expect("legal");
        case.take(&by("till", Step::FailChallenge { refuse: false })).expect("legal");
        assert_eq!((case.state(), case.stop()), (State::Open, Decision::Hold));
        case.take(&by("till", Step::StartChallenge)).expect("it may still show who it is");
        case.take(&by("till", Step::PassChallenge)).expect("legal");
        assert_eq!(case.state(), State::Open, "a person decides");
    }

    #[test]
    fn what_is_learnt_about_a_challenged_order_ends_its_challenge_and_takes_what_a_block_takes() {
        let mut case = case(Decision::Challenge);
        let later = Evidence {
            member: "bank-c".parse().expect("valid"),
            commitment: Commitment([7; 32]),
            group: "all".parse().expect("valid"),
            index: EntryIndex(1),
            kind: IdentifierKind::Email,
        };
        case.take(&by("till", Step::StartChallenge)).expect("legal");
        case.take(&by("node", Step::Tighten { to: Decision::Block, evidence: vec![later.clone()] })).expect("legal");
        assert_eq!((case.state(), case.stop()), (State::Open, Decision::Block));
        assert_eq!(case.opening().evidence.last(), Some(&later), "who said it is to hear of the outcome");
        for step in
            [Step::PassChallenge, Step::StartChallenge, Step::Tighten { to: Decision::Hold, evidence: Vec::new() }]
        {
            assert!(case.take(&by("till", step.clone())).is_err(), "{step:?}");
        }
        case.take(&by("anna", Step::Release)).expect("asked for");
        assert_eq!(case.state(), State::ReleaseAsked, "one person releases no block");
    }

    #[test]
    fn what_an_order_was_is_known_apart_from_what_became_of_it_and_may_be_learnt_anew() {
        let mut case = case(Decision::Hold);
        case.take(&by("anna", Step::Release)).expect("legal");
        case.take(&by("till", Step::Resolve(Outcome::Genuine))).expect("legal");
        case.take(&by("till", Step::Resolve(Outcome::Fraud))).expect("a chargeback came");
        assert_eq!((case.state(), case.outcome()), (State::Released, Some(Outcome::Fraud)));
        let known = case.known_outcome(NOW).expect("known");
        assert_eq!((known.decision, known.outcome), (case.id(), Outcome::Fraud));
    }

    #[test]
    fn what_was_done_is_told_in_its_order_and_what_was_said_once_only() {
        let mut case = case(Decision::Hold);
        for step in [
            Step::Assign(Some("ben".to_owned())),
            Step::Note(Note::new("called the customer").expect("valid")),
            Step::Resolve(Outcome::Fraud),
        ] {
            case.take(&by("anna", step)).expect("legal");
        }
        let told: Vec<_> = case.steps().map(|past| (past.step, past.what.as_deref(), past.state)).collect();
        let (open, refused) = (State::Open, State::Refused);
        assert_eq!(told, [("assign", Some("ben"), open), ("note", None, open), ("resolve", Some("fraud"), refused)]);
        assert!(case.take(&by("anna", Step::Refuse)).is_err());
        assert_eq!(case.steps().len(), 3, "what was not done is not told");
        case.take(&by("anna", Step::Reopen { due: NOW.plus_s(7_200) })).expect("legal");
        (0..limits::decisions::CASE_STEPS).for_each(|nth| {
            case.take(&by("anna", Step::Assign(Some(format!("a{nth}"))))).expect("legal");
        });
        assert_eq!(case.steps().len(), limits::decisions::CASE_STEPS);
        assert_eq!(case.steps().next().and_then(|past| past.what.as_deref()), Some("a0"), "the oldest leave");
    }

    #[test]
    fn what_the_timer_does_is_known_before_it_does_it() {
        let check = |decision, failed: bool, outcome, state| {
            let mut case = case(decision);
            if failed {
                case.take(&by("till", Step::StartChallenge)).expect("legal");
                case.take(&by("till", Step::FailChallenge { refuse: false })).expect("legal");
            }
            assert_eq!(case.ends_as(outcome), Some(state), "{decision} {failed} {outcome:?}");
            case.take(&by("node", case.expiry(outcome))).expect("legal");
            assert_eq!((case.state(), case.ends_as(outcome)), (state, None));
        };
        check(Decision::Hold, false, HoldOutcome::Release, State::Released);
        check(Decision::Hold, false, HoldOutcome::Refuse, State::Refused);
        check(Decision::Hold, true, HoldOutcome::Release, State::Refused);
        check(Decision::Challenge, false, HoldOutcome::Release, State::Refused);
        check(Decision::Block, false, HoldOutcome::Release, State::Refused);
    }

    #[test]
    fn notes_have_an_end() {
        let mut case = case(Decision::Hold);
        let note = || by("anna", Step::Note(Note::new("called the customer").expect("valid")));
        (0..limits::decisions::CASE_NOTES).for_each(|_| case.take(&note()).expect("room"));
        assert_eq!(case.take(&note()), Err(StepFault::Notes { limit: limits::decisions::CASE_NOTES }));
    }

    #[test]
    fn an_id_is_read_back_from_its_text_and_nothing_else_is_one() {
        let id = CaseId([0xAB; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "ab", "zz", "abababababababababababababababab00"] {
            assert_eq!(text.parse::<CaseId>(), Err(NoCaseId), "{text}");
        }
    }
}
