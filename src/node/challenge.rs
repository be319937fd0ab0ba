//! Challenging a customer: started, answered, reported; and the authenticators of customers.
//!
//! An attempt is durable before it is answered: a crash gives no attempt back, and a code that passed passes nothing more. The
//! challenge, the step of its case and the audit record are one commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::{CryptoRng, RngExt};
use zeroize::Zeroizing;

use crate::base::bytes::LocalMac;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::case::challenge::{Challenge, Code, Method, Standing};
use crate::domain::case::guesses::{Budget, Guesses};
use crate::domain::case::passed::Passed;
use crate::domain::case::state::Step;
use crate::domain::case::totp::TotpSecret;
use crate::domain::case::{Case, CaseId, StepFault, Taken};
use crate::node::Node;
use crate::node::case::CaseFault;
use crate::node::case_stored::broken;
use crate::node::challenge_stored::{
    Authenticator, ChallengeChanged, read_challenge, read_totp, stored_challenge, stored_totp,
};
use crate::node::commit::{Commit, change};
use crate::node::erasures::person;
use crate::node::state::State;
use crate::node::store::{Journal, StorageFault, Views};

/// What is held beside the challenge of each case.
#[derive(Debug)]
pub struct Challenges {
    /// Shared with a compaction while it runs.
    pub(in crate::node) totps: Arc<BTreeMap<LocalMac, Authenticator>>,
    pub(in crate::node) guesses: Guesses,
    /// As screening sees it; changed once a change is durable.
    pub passed: Arc<Passed>,
    pub(in crate::node) staged: Vec<(LocalMac, Timestamp)>,
}

impl Challenges {
    pub fn new(remembered_hours: u64) -> Self {
        Self {
            totps: Arc::default(),
            guesses: Guesses::default(),
            passed: Arc::new(Passed::new(remembered_hours.saturating_mul(3_600))),
            staged: Vec::new(),
        }
    }

    pub(in crate::node) fn show(&mut self) {
        self.staged.drain(..).for_each(|(customer, at)| self.passed.remember(customer, at));
    }
}

/// A challenge was not started, or not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeFault {
    #[error(transparent)]
    Case(#[from] CaseFault),
    #[error("no challenge waits for an answer of this kind")]
    NotWaiting,
    #[error("the challenge has expired: start it again")]
    Expired,
    #[error("the {limit} attempts of this case are used up")]
    AttemptsUsed { limit: u32 },
    #[error("the {limit} codes of this case are sent")]
    CodesSent { limit: u32 },
    #[error("too many wrong codes of this customer in a day")]
    CustomerGuesses,
    #[error("too many wrong codes on this node in an hour")]
    NodeGuesses,
    #[error("the case names no customer, or none with an authenticator")]
    NoAuthenticator,
    #[error("the customer has an authenticator: remove it first")]
    Enrolled,
    #[error("{limit} customers have an authenticator already")]
    Full { limit: usize },
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl From<Budget> for ChallengeFault {
    fn from(budget: Budget) -> Self {
        match budget {
            Budget::Customer => Self::CustomerGuesses,
            Budget::Node => Self::NodeGuesses,
        }
    }
}

/// A challenge that was started.
#[derive(Debug)]
pub struct Started {
    pub case: Case,
    pub challenge: Challenge,
    /// What the customer is to be sent; from here on nobody but its receiver knows it.
    pub code: Option<Code>,
}

/// What an answer came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub case: Case,
    pub challenge: Challenge,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Lets passed challenges be remembered there from now on: where whoever screens looks already.
    pub fn show_passed_in(&mut self, passed: Arc<Passed>) {
        passed.take_over(&self.state.challenges.passed);
        self.state.challenges.passed = passed;
    }

    /// Starts the challenge of a case, or starts it again: a new code, a new end, the attempts go on being counted.
    pub fn start_challenge(
        &mut self,
        caller: &Actor,
        id: CaseId,
        method: Method,
        own_only: bool,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Started, ChallengeFault> {
        let case = self.case(caller, id, own_only)?;
        let taken = taken(caller, Step::StartChallenge, now);
        case.check(&taken).map_err(|fault| step_fault(case, fault))?;
        let customer = case.opening().customer;
        let before = self.state.cases.challenge(&id);
        let (failed, sent) = before.map_or((0, 0), |before| (before.failed, before.sent));
        if failed >= limits::decisions::CHALLENGE_ATTEMPTS
            || before.is_some_and(|before| before.standing == Standing::Failed)
        {
            return Err(ChallengeFault::AttemptsUsed { limit: limits::decisions::CHALLENGE_ATTEMPTS });
        }
        self.state.challenges.guesses.check(customer, now)?;
        let mut challenge = Challenge {
            method,
            customer,
            code: None,
            expires: now.plus_s(method.lasts_s()),
            failed,
            sent,
            standing: Standing::Waiting,
            changed: now,
        };
        let code = match method {
            Method::Code if sent >= limits::decisions::CHALLENGE_CODES => {
                return Err(ChallengeFault::CodesSent { limit: limits::decisions::CHALLENGE_CODES });
            }
            Method::Code => {
                challenge.sent = sent.saturating_add(1);
                let code = Code::draw(self.state.settings.challenge.digits, rng);
                challenge.code = Some(self.state.identity.local_mac.challenge_code(&id.0, challenge.sent, &code));
                Some(code)
            }
            Method::Totp => {
                let known = customer.and_then(|customer| self.state.challenges.totps.get(&customer));
                known.ok_or(ChallengeFault::NoAuthenticator)?;
                None
            }
            Method::External => None,
        };
        let commit = changed(stored_challenge(id, &challenge));
        self.commit_steps(caller, id, &[taken], commit, rng)?;
        let case = self.state.cases.get(&id).ok_or(CaseFault::Unknown)?.clone();
        Ok(Started { case, challenge, code })
    }

    /// A customer typed a code.
    pub fn answer_challenge(
        &mut self,
        caller: &Actor,
        id: CaseId,
        code: &Code,
        own_only: bool,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Answered, ChallengeFault> {
        let mut challenge = self.waiting_challenge(caller, id, own_only)?;
        if challenge.method == Method::External {
            return Err(ChallengeFault::NotWaiting);
        }
        if challenge.expires <= now {
            return Err(ChallengeFault::Expired);
        }
        self.state.challenges.guesses.check(challenge.customer, now)?;
        let totp = if challenge.method == Method::Totp { self.totp_step(&challenge, code, now)? } else { None };
        let is_right = match challenge.code {
            Some(sent) => self.state.identity.local_mac.is_challenge_code(&id.0, challenge.sent, code, &sent),
            None => totp.is_some(),
        };
        if is_right {
            let mut commit = Commit::default();
            if let Some((customer, authenticator)) = totp {
                commit.push(change::Kind::ChallengeChanged(stored_totp(&customer, Some(&authenticator))));
            }
            return self.pass(caller, id, challenge, commit, now, rng);
        }
        challenge.failed = challenge.failed.saturating_add(1);
        challenge.changed = now;
        if challenge.left() == 0 {
            return self.fail(caller, id, challenge, now, rng);
        }
        let event = AuditEvent::ChallengeMissed { case_id: id.to_string(), left: challenge.left() };
        self.commit(changed(stored_challenge(id, &challenge)), caller, vec![event], now, rng)?;
        self.answered(id, challenge)
    }

    /// The member's own login says how a challenge ended that it was asked for.
    pub fn report_challenge(
        &mut self,
        caller: &Actor,
        id: CaseId,
        passed: bool,
        own_only: bool,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Answered, ChallengeFault> {
        let challenge = self.waiting_challenge(caller, id, own_only)?;
        if challenge.method != Method::External {
            return Err(ChallengeFault::NotWaiting);
        }
        if challenge.expires <= now {
            return Err(ChallengeFault::Expired);
        }
        match passed {
            true => self.pass(caller, id, challenge, Commit::default(), now, rng),
            false => self.fail(caller, id, Challenge { changed: now, ..challenge }, now, rng),
        }
    }

    /// Gives a customer an authenticator: what it takes in, told this once.
    pub fn enrol_totp(
        &mut self,
        caller: &Actor,
        customer: LocalMac,
        account: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Zeroizing<String>, ChallengeFault> {
        if self.state.challenges.totps.contains_key(&customer) {
            return Err(ChallengeFault::Enrolled);
        }
        if self.state.challenges.totps.len() >= limits::decisions::TOTP_CUSTOMERS {
            return Err(ChallengeFault::Full { limit: limits::decisions::TOTP_CUSTOMERS });
        }
        let secret = TotpSecret::draw(rng);
        let sealed = secret.seal(&self.state.identity.local_mac.totp_key(), &customer, rng.random());
        let authenticator = Authenticator { sealed, used_step: 0, enrolled: now };
        let commit = changed(stored_totp(&customer, Some(&authenticator)));
        self.commit(commit, caller, vec![AuditEvent::AuthenticatorChanged { enrolled: true }], now, rng)?;
        Ok(secret.uri(self.state.identity.member.as_str(), account))
    }

    /// Takes a customer's authenticator away; false where there is none.
    pub fn remove_totp(
        &mut self,
        caller: &Actor,
        customer: LocalMac,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<bool, ChallengeFault> {
        if !self.state.challenges.totps.contains_key(&customer) {
            return Ok(false);
        }
        let commit = changed(stored_totp(&customer, None));
        self.commit(commit, caller, vec![AuditEvent::AuthenticatorChanged { enrolled: false }], now, rng)?;
        Ok(true)
    }

    fn waiting_challenge(&self, caller: &Actor, id: CaseId, own_only: bool) -> Result<Challenge, ChallengeFault> {
        let case = self.case(caller, id, own_only)?;
        // What was released, refused or reopened meanwhile waits for no code.
        if case.state() != crate::domain::case::state::State::Challenged {
            return Err(ChallengeFault::NotWaiting);
        }
        let waiting = self.state.cases.challenge(&id).filter(|challenge| challenge.standing == Standing::Waiting);
        waiting.cloned().ok_or(ChallengeFault::NotWaiting)
    }

    /// Whether a code is the authenticator's; then what it is behind it.
    fn totp_step(
        &self,
        challenge: &Challenge,
        code: &Code,
        now: Timestamp,
    ) -> Result<Option<(LocalMac, Authenticator)>, ChallengeFault> {
        let customer = challenge.customer.ok_or(ChallengeFault::NoAuthenticator)?;
        let known = self.state.challenges.totps.get(&customer).ok_or(ChallengeFault::NoAuthenticator)?;
        let secret = TotpSecret::open(&known.sealed, &self.state.identity.local_mac.totp_key(), &customer);
        let step = secret.map_err(broken)?.check(code, known.used_step, now);
        Ok(step.map(|used_step| (customer, Authenticator { used_step, ..known.clone() })))
    }

    fn pass(
        &mut self,
        caller: &Actor,
        id: CaseId,
        challenge: Challenge,
        mut commit: Commit,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Answered, ChallengeFault> {
        let challenge = Challenge { standing: Standing::Passed, changed: now, ..challenge };
        commit.push(change::Kind::ChallengeChanged(stored_challenge(id, &challenge)));
        self.commit_steps(caller, id, &[taken(caller, Step::PassChallenge, now)], commit, rng)?;
        self.answered(id, challenge)
    }

    fn fail(
        &mut self,
        caller: &Actor,
        id: CaseId,
        challenge: Challenge,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Answered, ChallengeFault> {
        let challenge = Challenge { standing: Standing::Failed, ..challenge };
        let step = Step::FailChallenge { refuse: self.state.settings.challenge.refuse_failed };
        let commit = changed(stored_challenge(id, &challenge));
        self.commit_steps(caller, id, &[taken(caller, step, now)], commit, rng)?;
        self.answered(id, challenge)
    }

    fn answered(&self, id: CaseId, challenge: Challenge) -> Result<Answered, ChallengeFault> {
        let case = self.state.cases.get(&id).ok_or(CaseFault::Unknown)?.clone();
        Ok(Answered { case, challenge })
    }
}

fn taken(caller: &Actor, step: Step, at: Timestamp) -> Taken {
    Taken { at, by: caller.to_string(), person: person(caller), step }
}

fn step_fault(case: &Case, fault: StepFault) -> CaseFault {
    CaseFault::Step { fault, revision: case.revision() }
}

fn changed(change: ChallengeChanged) -> Commit {
    let mut commit = Commit::default();
    commit.push(change::Kind::ChallengeChanged(change));
    commit
}

impl State {
    /// What a stored change does to challenges and authenticators.
    pub(in crate::node) fn apply_challenge(&mut self, changed: &ChallengeChanged) -> Result<(), StorageFault> {
        if let Some(stored) = &changed.challenge {
            let (id, challenge) = read_challenge(stored)?;
            let before = self.cases.challenge(&id).map_or(0, |before| before.failed);
            if challenge.failed > before {
                self.challenges.guesses.note(challenge.customer, challenge.changed);
            }
            let passed = (challenge.standing == Standing::Passed).then_some(challenge.customer).flatten();
            self.challenges.staged.extend(passed.map(|customer| (customer, challenge.changed)));
            self.cases.set_challenge(&id, challenge);
        }
        if let Some(stored) = &changed.totp {
            let (customer, totp) = read_totp(stored)?;
            let totps = Arc::make_mut(&mut self.challenges.totps);
            match totp {
                Some(totp) => totps.insert(customer, totp),
                None => totps.remove(&customer),
            };
        }
        Ok(())
    }
}
