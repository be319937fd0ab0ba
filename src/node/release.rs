//! Releasing a statistic: charge first, draw outside, publish what was drawn.
//!
//! The core draws no noise (it takes no randomness of its own): [`Node::begin_release`] charges, the caller makes that
//! durable and draws, [`Node::finish_release`] stores the result and publishes it in the feed.

use rand::{CryptoRng, RngExt};

use crate::base::bytes::Salt;
use crate::base::epoch::EpochId;
use crate::base::secret::SecretBytes;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::contribution::{BoundedRows, bound_contributions};
use crate::domain::statistics::event::LedgerEvent;
use crate::domain::statistics::ledger::{Admission, Budget, BudgetRefusal};
use crate::domain::statistics::period::Quarter;
use crate::domain::statistics::question::{Question, ReleaseId};
use crate::domain::statistics::release::{Figures, Paid, WrongCounts, assemble};
use crate::node::Node;
use crate::node::commit::{BudgetChanged, Commit, Prepared, PreparedEntry, change};
use crate::node::fence::FenceState;
use crate::node::local_mac::MacDomain;
use crate::node::state::{State, damaged, stored};
use crate::node::store::{Journal, StorageFault, Views};

/// What to do next for a release.
#[derive(Debug)]
pub enum ReleaseStep {
    /// It existed: these are its bytes.
    Released(Vec<u8>),
    /// It is charged; once that is durable, draw noise over these rows.
    Draw(BoundedRows),
}

/// What was drawn, and with which parameters.
#[derive(Debug)]
pub struct Drawn {
    pub id: ReleaseId,
    pub question: Question,
    pub counts: Vec<i64>,
    pub figures: Figures,
    pub charged: Epsilon,
}

/// Nothing was released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseFault {
    #[error("this node has not heard from the other members yet whether it holds all it signed; ask again later")]
    Fenced,
    #[error(transparent)]
    Refused(#[from] BudgetRefusal),
    #[error("noise was drawn for a release that was not charged")]
    NotCharged,
    #[error(transparent)]
    Counts(#[from] WrongCounts),
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Charges the budget for a release, or finds it released already. `cost` is the loss of the planned draw.
    pub fn begin_release(
        &mut self,
        caller: &Actor,
        id: &ReleaseId,
        question: Question,
        cost: Epsilon,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<ReleaseStep, ReleaseFault> {
        let fenced = self.fence_state() != FenceState::Open;
        let admission = self.admit(caller, id, question, cost, now);
        match admission {
            // What is held already is the same bytes before and after a restore.
            Ok(Admission::Released(blob)) => return Ok(ReleaseStep::Released(blob.to_vec())),
            // A node restored from an old copy has forgotten what it charged and drew: it would draw a second time.
            _ if fenced => return Err(ReleaseFault::Fenced),
            Ok(Admission::Paid) => {}
            Ok(Admission::Charge(charge)) => {
                let mut commit = Commit::default();
                let event = LedgerEvent::Charged(charge).encode();
                commit.push(change::Kind::Budget(BudgetChanged { event }));
                self.commit(commit, caller, Vec::new(), now, rng)?;
            }
            Err(refusal @ BudgetRefusal::Exhausted { .. }) if id.is_scheduled() => {
                self.skip_release(caller, id, question, cost, now, rng)?;
                return Err(refusal.into());
            }
            Err(refusal) => {
                let event = AuditEvent::StatisticsRefused { release_id: id.to_string(), rule: refusal.rule() };
                self.record(caller, vec![event], now, rng)?;
                return Err(refusal.into());
            }
        }
        let rows = self.counted_rows(question.query, question.period)?;
        let categories = u32::try_from(question.query.categories().len()).expect("a fixed short list");
        let order_key = SecretBytes::new(self.state.identity.local_mac.fingerprint(MacDomain::Subject, b"order").0);
        Ok(ReleaseStep::Draw(bound_contributions(rows, categories, question.period, &order_key)))
    }

    /// Whatever anybody asks, what the schedule will still need of the quarter is kept for it, and its ids are its own.
    fn admit(
        &self,
        caller: &Actor,
        id: &ReleaseId,
        question: Question,
        cost: Epsilon,
        now: Timestamp,
    ) -> Result<Admission<'_>, BudgetRefusal> {
        let ledger = &self.state.ledger;
        if id.is_scheduled() {
            return match ledger.admit(id, question, cost, Epsilon::NONE) {
                admitted @ (Ok(Admission::Released(_)) | Err(BudgetRefusal::IdTaken)) => admitted,
                // Nor is one given up because somebody asked for it at a price that does not fit.
                _ if *caller != Actor::Node => Err(BudgetRefusal::OfSchedule),
                admitted => admitted,
            };
        }
        ledger.admit(id, question, cost, self.kept_for_schedule(question.period.quarter(), now))
    }

    /// What the schedule will still need of a quarter.
    pub fn kept_for_schedule(&self, quarter: Quarter, now: Timestamp) -> Epsilon {
        let State { ledger, settings, .. } = &self.state;
        settings.schedule.still_to_pay(quarter, now, |id| ledger.is_settled(id))
    }

    /// A release of the schedule finds no room in its quarter, and will find none: it is given up once, not asked for anew at every
    /// look.
    fn skip_release(
        &mut self,
        caller: &Actor,
        id: &ReleaseId,
        question: Question,
        cost: Epsilon,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let mut commit = Commit::default();
        let event = LedgerEvent::Skipped { id: id.clone(), period: question.period }.encode();
        commit.push(change::Kind::Budget(BudgetChanged { event }));
        let skipped = AuditEvent::StatisticsSkipped {
            release_id: id.to_string(),
            query: question.query.name(),
            epsilon_nano: cost.nano(),
            spent_nano: self.state.ledger.spent(question.period.quarter()).nano(),
        };
        self.commit(commit, caller, vec![skipped], now, rng)
    }

    /// Stores what was drawn and publishes it with the next window; of several draws for one release the first counts. What
    /// was not charged before, or has not one count a category, changes nothing.
    pub fn finish_release(
        &mut self,
        caller: &Actor,
        drawn: Drawn,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, ReleaseFault> {
        // Two calls of one id may both have drawn: the first that is stored is the release, the other draw is forgotten.
        match self.state.ledger.admit(&drawn.id, drawn.question, drawn.charged, Epsilon::NONE) {
            Ok(Admission::Released(blob)) => return Ok(blob.to_vec()),
            Ok(Admission::Paid) => {}
            Ok(Admission::Charge(_)) | Err(_) => return Err(ReleaseFault::NotCharged),
        }
        let period = drawn.question.period;
        let ledger = &self.state.ledger;
        let paid = Paid { epsilon: drawn.charged, spent: ledger.spent(period.quarter()), cap: ledger.cap() };
        let reporter = self.state.identity.member.clone();
        let release = assemble(&drawn.id, drawn.question, reporter, paid, drawn.figures, drawn.counts)?;
        let blob = release.encode();
        let salt = Salt(rng.random());
        let entry = Entry::seal_new(EntryKind::StatisticsRelease, EpochId::NONE, Day(u32::MAX), blob.clone(), salt)
            .map_err(|error| damaged("release", error))?;
        let group = self.state.roster.groups_of(&self.state.identity.member).into_iter().next();
        let mut commit = Commit::default();
        let event = LedgerEvent::Released { id: drawn.id.clone(), blob: blob.clone() }.encode();
        commit.push(change::Kind::Budget(BudgetChanged { event }));
        if let Some(group) = group {
            let waiting = PreparedEntry {
                group: group.to_string(),
                entry: Some(stored(&entry)),
                not_before_ms: now.unix_ms(),
                ..PreparedEntry::default()
            };
            let prepared = Prepared { time_ms: now.unix_ms(), entries: vec![waiting], ..Prepared::default() };
            commit.push(change::Kind::Prepared(prepared));
        }
        let released = AuditEvent::StatisticsReleased {
            release_id: drawn.id.to_string(),
            query: drawn.question.query.name(),
            from: period.from(),
            until: period.until(),
            epsilon_nano: drawn.charged.nano(),
            spent_nano: paid.spent.nano(),
        };
        self.commit(commit, caller, vec![released], now, rng)?;
        Ok(blob)
    }

    /// The budget of the quarter of `today`.
    pub fn budget(&self, today: Day) -> Budget {
        self.state.ledger.budget(today)
    }
}
