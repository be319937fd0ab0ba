//! Disputes: a member holds another's indicator for wrong, and its author answers, or retracts as always.
//!
//! Each step is an entry of the speaker's own feed, signed without waiting for the window. What follows from all steps together is
//! belief's to say ([`crate::domain::belief::disputes`]).

use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, Salt};
use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::time::Timestamp;
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::belief::disputes::{DisputeRow, DisputeStanding};
use crate::domain::belief::record::State as Standing;
use crate::domain::feed::blob::dispute::{Dispute, DisputeStep};
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::domain::indicator::words::DisputeReason;
use crate::node::Node;
use crate::node::commit::{Commit, Prepared, PreparedEntry, change};
use crate::node::state::{damaged, stored};
use crate::node::store::{Journal, StorageFault, Views};

/// A step was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisputeFault {
    #[error("no such indicator counts here")]
    UnknownIndicator,
    #[error("the indicator is your own: retract it instead")]
    OwnIndicator,
    #[error("the indicator is another member's: only its author answers")]
    NotTheAuthor,
    #[error("there is no such dispute, or it is withdrawn")]
    NotDisputed,
    #[error("{limit} disputes of this member are open; no more would count: withdraw one, or wait for an answer")]
    TooMany { limit: usize },
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Disputes another member's indicator. Again, it changes nothing.
    pub fn dispute_indicator(
        &mut self,
        caller: &Actor,
        indicator: &IndicatorRef,
        reason: DisputeReason,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), DisputeFault> {
        let feed = self.live_feed(indicator)?;
        if self.state.identity.is_own(&feed) {
            return Err(DisputeFault::OwnIndicator);
        }
        let own = self.own_disputes();
        if own.iter().any(|row| row.target == indicator.commitment) {
            return Ok(());
        }
        let limit = limits::feedback::DISPUTES_OPEN;
        if own.iter().filter(|row| row.standing == DisputeStanding::Open).count() >= limit {
            return Err(DisputeFault::TooMany { limit });
        }
        self.say(caller, &feed, indicator, (DisputeStep::Opened, reason, None), now, rng)
    }

    /// Withdraws an own dispute, answered or not.
    pub fn withdraw_dispute(
        &mut self,
        caller: &Actor,
        indicator: &IndicatorRef,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), DisputeFault> {
        let held = self.own_disputes().into_iter().find(|row| row.target == indicator.commitment);
        let held = held.ok_or(DisputeFault::NotDisputed)?;
        let feed = self.feed_of(&indicator.commitment, &indicator.member).ok_or(DisputeFault::UnknownIndicator)?;
        self.say(caller, &feed, indicator, (DisputeStep::Withdrawn, held.reason, None), now, rng)
    }

    /// Stands by an own indicator against one member's dispute. Again, it changes nothing.
    pub fn answer_dispute(
        &mut self,
        caller: &Actor,
        indicator: &IndicatorRef,
        disputed_by: &MemberId,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), DisputeFault> {
        let feed = self.live_feed(indicator)?;
        if !self.state.identity.is_own(&feed) {
            return Err(DisputeFault::NotTheAuthor);
        }
        let rows = self.list_disputes();
        let held = rows.iter().find(|row| row.target == indicator.commitment && row.member == *disputed_by);
        let held = held.ok_or(DisputeFault::NotDisputed)?;
        if held.standing == DisputeStanding::Upheld {
            return Ok(());
        }
        let said = (DisputeStep::Upheld, held.reason, Some(disputed_by.clone()));
        self.say(caller, &feed, indicator, said, now, rng)
    }

    /// All disputes that are not withdrawn, in the order of the disputing members' feeds.
    pub fn list_disputes(&self) -> Vec<DisputeRow> {
        self.state.belief.writer().disputes()
    }

    fn own_disputes(&self) -> Vec<DisputeRow> {
        let mut rows = self.list_disputes();
        rows.retain(|row| row.member == self.state.identity.member);
        rows
    }

    /// The feed of an indicator that counts, or waits for its author to answer.
    fn live_feed(&self, indicator: &IndicatorRef) -> Result<FeedId, DisputeFault> {
        let statement = self.state.belief.writer().by_commitment(&indicator.commitment);
        statement.filter(|held| held.state == Standing::Live).ok_or(DisputeFault::UnknownIndicator)?;
        self.feed_of(&indicator.commitment, &indicator.member).ok_or(DisputeFault::UnknownIndicator)
    }

    fn say(
        &mut self,
        caller: &Actor,
        feed: &FeedId,
        indicator: &IndicatorRef,
        (step, reason, answers): (DisputeStep, DisputeReason, Option<MemberId>),
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), DisputeFault> {
        let event = AuditEvent::DisputeStepped {
            indicator: indicator.clone(),
            action: action(step),
            reason: reason.label(),
            answers: answers.clone(),
        };
        let entry = self.dispute_entry(indicator.commitment, (step, reason, answers), now, rng)?;
        let group = feed.group.to_string();
        let entry = PreparedEntry { group, entry: Some(stored(&entry)), ..PreparedEntry::default() };
        let mut commit = Commit::default();
        let prepared = Prepared { time_ms: now.unix_ms(), entries: vec![entry], ..Prepared::default() };
        commit.push(change::Kind::Prepared(prepared));
        self.commit(commit, caller, vec![event], now, rng)?;
        self.close_window(now, rng)?;
        Ok(())
    }

    fn dispute_entry(
        &self,
        target: Commitment,
        (step, reason, answers): (DisputeStep, DisputeReason, Option<MemberId>),
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Entry, StorageFault> {
        let reporter = self.state.identity.member.clone();
        let dispute = Dispute { target, reporter, hour: now.hour(), step, reason: reason.label().to_owned(), answers };
        // As long as the longest indicator could count from now, so that no late joiner misses it.
        let expires = now.plus_s(u64::from(limits::VALIDITY_DAYS) * 86_400).day().next();
        let epoch_id = self.state.identity.key_ring.current.epoch_id();
        Entry::seal_new(EntryKind::Dispute, epoch_id, expires, dispute.encode(), Salt(rng.random()))
            .map_err(|error| damaged("dispute", error))
    }
}

fn action(step: DisputeStep) -> &'static str {
    match step {
        DisputeStep::Opened => "indicator.disputed",
        DisputeStep::Upheld => "dispute.upheld",
        DisputeStep::Withdrawn => "dispute.withdrawn",
    }
}
