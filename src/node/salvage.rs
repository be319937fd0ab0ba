//! What a new journal takes over from a damaged one.
//!
//! Feeds are fetched again from other members and prove themselves; here stands what nobody else holds. Two passes over what
//! can be read: a [`Survey`] finds out what was sequenced, then [`Salvage`] takes record by record over:
//! - *Publications* acknowledged and not sequenced, as far as that can be seen. One that was sequenced in a record nobody can
//!   read any more is recognised when the own feed comes back, and the fence lets nothing be signed before. Of sequenced ones
//!   the request, the reference and the subject, as compaction leaves them.
//! - *Charges* of the privacy budget. Where records are missing any of them may have been a charge: the budgets of all
//!   quarters whose publications can still be counted then count as spent. Nothing is ever refunded.
//! - *The audit log* up to the first record that is missing. What follows cannot be joined to it and stays in the journal set
//!   aside; a record of the salvage stands in its place.
//! - Rosters followed, proofs of two histories, heads of others' audit logs that were cosigned.
//! - The own lists, cases with their challenges, what stands behind decisions, and erasures that wait for a second person.

use std::collections::BTreeSet;

use crate::base::bytes::{Commitment, Incarnation};
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::event::AuditEvent;
use crate::domain::feed::entry::Leaf;
use crate::domain::roster::verified::Roster;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::event::{Charge, LedgerEvent};
use crate::domain::statistics::ledger::Ledger;
use crate::domain::statistics::period::{Period, Quarter};
use crate::domain::statistics::question::{Query, Question, ReleaseId};
use crate::node::commit::{Audited, BudgetChanged, Change, Commit, Prepared, change};
use crate::node::identity::Identity;
use crate::node::open::first_commit;
use crate::node::sweep::bare;

/// The first pass: what stands in the own feeds.
#[derive(Debug, Default)]
pub struct Survey {
    sequenced: BTreeSet<Commitment>,
}

impl Survey {
    /// Looks at the next readable record.
    pub fn take(&mut self, identity: &Identity, record: &[u8]) {
        // What opened under its seal and still says nothing is from a later program; nothing is taken over of it.
        let Ok(commit) = Commit::from_bytes(record) else { return };
        for kind in commit.kinds() {
            let change::Kind::Appended(run) = kind else { continue };
            let feed = FeedId::from_origin(&identity.consortium, &run.origin);
            if feed.is_ok_and(|feed| identity.is_own(&feed)) {
                let leaves = run.entries.iter().filter_map(|entry| Leaf::decode(&entry.leaf).ok());
                self.sequenced.extend(leaves.map(|leaf| leaf.commitment));
            }
        }
    }
}

/// The second pass.
#[derive(Debug)]
pub struct Salvage {
    survey: Survey,
    ledger: Ledger,
    cap: Epsilon,
    audit_size: u64,
    rescued: Rescued,
}

/// What was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rescued {
    /// Entries acknowledged and not yet sequenced.
    pub publications: u64,
    pub charges: u64,
    pub audit_records: u64,
    /// Readable audit records that cannot be joined any more.
    pub audit_left: u64,
    /// Places where records are missing.
    pub breaks: u64,
}

impl Rescued {
    /// For the audit log that goes on.
    pub fn event(&self) -> AuditEvent {
        AuditEvent::StoreSalvaged {
            publications: self.publications,
            charges: self.charges,
            audit_kept: self.audit_records,
            audit_whole: self.breaks == 0,
        }
    }
}

impl Salvage {
    pub fn new(survey: Survey, cap: Epsilon) -> Self {
        Self { survey, ledger: Ledger::new(cap), cap, audit_size: 0, rescued: Rescued::default() }
    }

    /// The first record of the new journal.
    pub fn first(identity: &Identity, roster: &Roster, incarnation: Incarnation, now: Timestamp) -> Commit {
        first_commit(identity, roster, incarnation, now)
    }

    /// What the new journal takes over of the next readable record.
    pub fn take(&mut self, record: &[u8]) -> Option<Commit> {
        let mut commit = Commit::from_bytes(record).ok()?;
        commit.changes.retain_mut(|change| self.keeps(change));
        (!commit.changes.is_empty()).then_some(commit)
    }

    fn keeps(&mut self, change: &mut Change) -> bool {
        match &mut change.kind {
            Some(change::Kind::Prepared(prepared)) => {
                self.prepared(prepared);
                true
            }
            Some(change::Kind::Budget(budget)) => self.budget(budget),
            Some(change::Kind::Audited(audited)) => self.audited(audited),
            // What took somebody out may be among what is lost: an operator lets each in again.
            Some(change::Kind::UserChanged(user)) => {
                user.disabled = true;
                true
            }
            // A witness that forgot what it cosigned could be made to sign another history.
            Some(
                change::Kind::Roster(_)
                | change::Kind::Equivocated(_)
                | change::Kind::AuditWitnessed(_)
                | change::Kind::Listed(_)
                | change::Kind::CaseOpened(_)
                | change::Kind::CaseStepped(_)
                | change::Kind::ChallengeChanged(_)
                | change::Kind::ErasureAsked(_)
                | change::Kind::ErasureConfirmed(_)
                | change::Kind::Quarantined(_)
                | change::Kind::QuarantineDecided(_)
                | change::Kind::OutcomeLearnt(_)
                | change::Kind::SightingRead(_)
                | change::Kind::DecisionDetailed(_)
                | change::Kind::UserRemoved(_)
                | change::Kind::Policy(_)
                | change::Kind::HoldPlaced(_)
                | change::Kind::HoldStepped(_),
            ) => true,
            Some(
                change::Kind::Opened(_)
                | change::Kind::Recovered(_)
                | change::Kind::Appended(_)
                | change::Kind::Filled(_)
                | change::Kind::Cosigned(_),
            )
            | None => false,
        }
    }

    fn prepared(&mut self, prepared: &mut Prepared) {
        for waiting in &mut prepared.entries {
            let Some(entry) = waiting.entry.as_mut().filter(|entry| !entry.salt.is_empty()) else { continue };
            let Ok(leaf) = Leaf::decode(&entry.leaf) else { continue };
            if !self.survey.sequenced.contains(&leaf.commitment) {
                self.rescued.publications += 1;
                continue;
            }
            *entry = bare(entry);
        }
    }

    /// A result whose charge is missing comes back with the own feed.
    fn budget(&mut self, budget: &BudgetChanged) -> bool {
        let Ok(event) = LedgerEvent::decode(&budget.event) else { return false };
        let is_charge = matches!(event, LedgerEvent::Charged(_));
        let kept = self.ledger.apply(event).is_ok();
        self.rescued.charges += u64::from(kept && is_charge);
        kept
    }

    fn audited(&mut self, audited: &Audited) -> bool {
        let count = u64::try_from(audited.entries.len()).unwrap_or(u64::MAX);
        if audited.first_index != self.audit_size {
            self.rescued.audit_left += count;
            return false;
        }
        self.audit_size += count;
        self.rescued.audit_records = self.audit_size;
        true
    }

    /// The last record of what is taken over: where records are missing, every budget that one of them may have charged is
    /// spent.
    pub fn end(mut self, breaks: u64, now: Timestamp) -> (Rescued, Commit) {
        self.rescued.breaks = breaks;
        let mut commit = Commit::default();
        if breaks > 0 {
            let (today, mut quarter) = (now.day(), Quarter::of(Day(now.day().0.saturating_sub(limits::SUBJECT_DAYS))));
            while quarter <= Quarter::of(today) {
                commit.changes.extend(self.spend_all(quarter, today, now));
                quarter = quarter.next();
            }
        }
        (self.rescued, commit)
    }

    fn spend_all(&self, quarter: Quarter, today: Day, now: Timestamp) -> Option<Change> {
        let left = self.cap.nano().saturating_sub(self.ledger.spent(quarter).nano());
        let epsilon = Epsilon::from_nano(left);
        let until = quarter.next().first_day().min(today.next());
        let period = Period::stored(quarter.first_day(), until)?;
        let id: ReleaseId = format!("records-lost-{}-{}", quarter.number(), now.unix_ms()).parse().ok()?;
        let question = Question { query: Query::PublishedIndicatorsByKind, period, asked: epsilon };
        let event = LedgerEvent::Charged(Charge { id, question, epsilon }).encode();
        (left > 0).then_some(Change { kind: Some(change::Kind::Budget(BudgetChanged { event })) })
    }
}
