//! Working cases: opened with the record of their decision, then step by step, each step and its audit record in one commit.
//!
//! 1 find the case · 2 hold it against what the caller saw of it · 3 check the step · 4 one commit. A step that was taken
//! already by the same person is answered with the case as it is: a repeated call changes nothing.

use std::sync::Arc;

use rand::{CryptoRng, Rng};

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::case::outcome::{KnownOutcome, Outcome};
use crate::domain::case::state::{State, Step};
use crate::domain::case::{Case, CaseId, StepFault, Taken};
use crate::node::Node;
use crate::node::case_stored::{broken, stored_step};
use crate::node::cases::{CaseName, Learner};
use crate::node::commit::{Commit, change};
use crate::node::erasures::person;
use crate::node::sight::KnownSighting;
use crate::node::store::{Journal, StorageFault, Views};

/// A step that somebody wants to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRequest {
    pub id: CaseId,
    /// What the caller saw of the case; none for whatever it is.
    pub revision: Option<u64>,
    pub step: Step,
    /// Only of cases this caller's own screenings opened.
    pub own_only: bool,
}

/// A step was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseFault {
    #[error("no case of this name is held")]
    Unknown,
    #[error("the case has changed: it is {state} now, at revision {revision}; look at it again")]
    Changed { state: State, revision: u64 },
    #[error("{fault} (revision {revision})")]
    Step { fault: StepFault, revision: u64 },
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stepped {
    pub case: Case,
    /// What the order was, where this step told it.
    pub known: Option<KnownOutcome>,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Tells of released orders there from now on.
    pub fn tell_released_to(&mut self, learner: Arc<dyn Learner>) {
        self.state.cases.learn_with(learner);
    }

    /// Takes a step of a case.
    pub fn step_case(
        &mut self,
        caller: &Actor,
        request: StepRequest,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Stepped, CaseFault> {
        let StepRequest { id, revision, step, own_only } = request;
        let case = self.case(caller, id, own_only)?;
        let taken = Taken { at: now, by: caller.to_string(), person: person(caller), step };
        if is_taken(case, &taken) {
            return Ok(Stepped { case: case.clone(), known: None });
        }
        let (state, seen) = (case.state(), case.revision());
        if revision.is_some_and(|revision| revision != seen) {
            return Err(CaseFault::Changed { state, revision: seen });
        }
        if let Err(fault) = case.check(&taken) {
            if matches!(fault, StepFault::SamePerson { .. }) {
                let step = taken.step.label();
                let event = AuditEvent::CaseStepRefused { case_id: id.to_string(), step, rule: "same_person" };
                self.record(caller, vec![event], now, rng)?;
            }
            return Err(CaseFault::Step { fault, revision: seen });
        }
        let mut commit = Commit::default();
        let resolves = match taken.step {
            Step::Resolve(outcome) => {
                let evidence = case.opening().evidence.clone();
                let known = KnownOutcome { decision: id, outcome, at: now, evidence };
                self.prepare_sightings(&KnownSighting::of(&known), &mut commit, now, rng)?;
                true
            }
            _ => false,
        };
        self.commit_steps(caller, id, &[taken], commit, rng)?;
        let case = self.state.cases.get(&id).ok_or(CaseFault::Unknown)?.clone();
        let known = if resolves && seen < case.revision() { case.known_outcome(now) } else { None };
        Ok(Stepped { case, known })
    }

    /// The newest case of this name; with `own_only`, of the caller's own screenings.
    pub fn find_case(&self, caller: &Actor, name: &CaseName, own_only: bool) -> Result<&Case, CaseFault> {
        let only_of = own_only.then(|| caller.to_string());
        self.state.cases.find(name, only_of.as_deref()).ok_or(CaseFault::Unknown)
    }

    /// A case; with `own_only`, only where it is one of the caller's own screenings.
    pub fn case(&self, caller: &Actor, id: CaseId, own_only: bool) -> Result<&Case, CaseFault> {
        self.find_case(caller, &CaseName::Id(id), own_only)
    }

    /// A caller says what a decision's order turned out to be. Decisions of which no case is held are told in the audit log.
    pub fn report_outcome(
        &mut self,
        caller: &Actor,
        id: CaseId,
        outcome: Outcome,
        own_only: bool,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Stepped>, CaseFault> {
        if self.state.cases.get(&id).is_some() {
            let request = StepRequest { id, revision: None, step: Step::Resolve(outcome), own_only };
            return self.step_case(caller, request, now, rng).map(Some);
        }
        let Some(index) = self.find_decision(&id.to_string())? else { return Err(CaseFault::Unknown) };
        if own_only && self.actor_of(index)?.as_deref() != Some(caller.to_string().as_str()) {
            return Err(CaseFault::Unknown);
        }
        let event = AuditEvent::OutcomeReported { decision_id: id.to_string(), outcome: outcome.label() };
        self.record(caller, vec![event], now, rng)?;
        Ok(None)
    }

    /// Ends cases whose time is over, some at a time, and tells how many could not be opened.
    pub(in crate::node) fn tend_cases(
        &mut self,
        now: Timestamp,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(), StorageFault> {
        let outcome = self.state.settings.cases.hold_outcome;
        for id in self.state.cases.due(now, limits::decisions::CASES_PER_TICK) {
            let by = Actor::Node.to_string();
            let Some(step) = self.state.cases.get(&id).map(|case| case.expiry(outcome)) else { continue };
            let taken = Taken { at: now, person: by.clone(), by, step };
            self.commit_steps(&Actor::Node, id, &[taken], Commit::default(), rng)?;
        }
        if let Some(cases) = self.state.cases.untold(now) {
            self.commit(Commit::default(), &Actor::Node, vec![AuditEvent::CasesUnopened { cases }], now, rng)?;
        }
        Ok(())
    }

    /// Commits legal steps of one case with their audit records, behind whatever stands in the commit already.
    pub(in crate::node) fn commit_steps(
        &mut self,
        actor: &Actor,
        id: CaseId,
        steps: &[Taken],
        mut commit: Commit,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(), StorageFault> {
        let Some(now) = steps.first().map(|taken| taken.at) else { return Ok(()) };
        let events = self.stage_steps(id, steps, &mut commit)?;
        if events.is_empty() { Ok(()) } else { self.commit(commit, actor, events, now, rng) }
    }

    /// Puts legal steps of one case into a commit; their audit records. None where the case is not held.
    pub(in crate::node) fn stage_steps(
        &self,
        id: CaseId,
        steps: &[Taken],
        commit: &mut Commit,
    ) -> Result<Vec<AuditEvent>, StorageFault> {
        let mut events = Vec::new();
        let Some(mut case) = self.state.cases.get(&id).cloned() else { return Ok(events) };
        let position = self.state.audit.size().0;
        for taken in steps {
            let before = case.state();
            case.take(taken).map_err(broken)?;
            events.extend(events_of(&case, before, taken));
            commit.push(change::Kind::CaseStepped(stored_step(id, taken, position)));
        }
        Ok(events)
    }
}

/// Whether the case is already where the step leads, by the same person.
fn is_taken(case: &Case, taken: &Taken) -> bool {
    let closed_by_them = case.closed().is_some_and(|closed| closed.by == taken.by);
    match &taken.step {
        Step::Release => {
            (case.state() == State::Released && closed_by_them) || case.asked_by() == Some(taken.person.as_str())
        }
        Step::ConfirmRelease => case.state() == State::Released && closed_by_them,
        Step::Refuse => case.state() == State::Refused && closed_by_them,
        // What was reopened is to be refused again; that it is genuine leaves it where it is.
        Step::Resolve(outcome) => {
            case.outcome() == Some(*outcome) && (case.state().is_final() || *outcome == Outcome::Genuine)
        }
        Step::Assign(to) => !case.state().is_final() && case.assignee() == to.as_deref(),
        Step::Note(text) => {
            let last = case.notes().last();
            last.is_some_and(|note| note.by == taken.by && note.text == *text)
        }
        Step::StartChallenge
        | Step::PassChallenge
        | Step::FailChallenge { .. }
        | Step::Tighten { .. }
        | Step::Expire { .. }
        | Step::Reopen { .. } => false,
    }
}

/// What the audit log tells of a step; `case` stands behind it.
fn events_of(case: &Case, before: State, taken: &Taken) -> Vec<AuditEvent> {
    let ended = case.state().is_final() && !before.is_final();
    let end = match (&taken.step, case.state()) {
        (Step::Expire { .. }, _) => "case.expired",
        (_, State::Released) => "case.released",
        (_, _) => "case.refused",
    };
    let own = match &taken.step {
        Step::StartChallenge => Some("case.challenged"),
        Step::PassChallenge => Some("case.challenge_passed"),
        Step::FailChallenge { .. } => Some("case.challenge_failed"),
        Step::Release => (!ended).then_some("case.release_asked"),
        Step::ConfirmRelease | Step::Refuse | Step::Expire { .. } => None,
        Step::Resolve(_) => Some("case.resolved"),
        Step::Reopen { .. } => Some("case.reopened"),
        Step::Tighten { .. } => Some("case.tightened"),
        Step::Assign(_) => Some("case.assigned"),
        Step::Note(_) => Some("case.noted"),
    };
    let event = |action: &'static str| AuditEvent::CaseStepped {
        case_id: case.id().to_string(),
        action,
        decision: case.opening().decision.label(),
        state: case.state().label(),
        how: ended.then(|| taken.step.how().label()),
        assignee: case.assignee().map(str::to_owned),
        outcome: case.outcome().map(Outcome::label),
        revision: case.revision(),
    };
    own.into_iter().chain(ended.then_some(end)).map(event).collect()
}
