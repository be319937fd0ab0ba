//! Withdrawing what this member published: by name, by the publisher's own reference, or all of an identifier.

use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, Salt};
use crate::base::limits;
use crate::base::name::GroupId;
use crate::base::time::Timestamp;
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::feed::blob::retraction::Retraction;
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::domain::indicator::words::RetractionReason;
use crate::node::Node;
use crate::node::commit::{self, Commit, Prepared, PreparedEntry, change};
use crate::node::publish::stored_refusal;
use crate::node::requests::{Remembered, Request};
use crate::node::select::{Reach, Selected, Selectors};
use crate::node::state::stored;
use crate::node::store::{Journal, StorageFault, Views};

/// What to withdraw.
#[derive(Debug)]
pub struct RetractRequest {
    pub request: Option<Request>,
    pub selectors: Selectors,
    pub reason: RetractionReason,
}

/// What was withdrawn, and which selectors named nothing.
#[derive(Debug, Default, PartialEq)]
pub struct RetractReceipt {
    pub retracted: Vec<Commitment>,
    /// Own indicators that an identifier also leads to and that count on: they were published for another one.
    pub kept: Vec<Commitment>,
    pub refused: Vec<commit::RefusedRecord>,
}

/// The call as a whole was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetractFault {
    #[error("the request id was used before with other content")]
    RequestIdReused,
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Withdraws everything selected that this member published and that still counts. Durable when answered; signed with
    /// the next round, without waiting for the window.
    pub fn retract_indicators(
        &mut self,
        caller: &Actor,
        request: RetractRequest,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<RetractReceipt, RetractFault> {
        match self.remembered(request.request.as_ref(), now)? {
            Some(Remembered::Same(prepared)) => return Ok(receipt_of(&prepared)),
            Some(Remembered::Other) => return Err(RetractFault::RequestIdReused),
            None => {}
        }
        let Selected { targets, kept, refused } = self.select(&request.selectors, Reach::Counting)?;
        let receipt = RetractReceipt {
            retracted: targets.iter().map(|(_, target)| *target).collect(),
            kept: kept.into_iter().collect(),
            refused: refused.iter().map(stored_refusal).collect(),
        };
        if targets.is_empty() {
            return Ok(receipt);
        }
        let mut entries = Vec::with_capacity(targets.len());
        let mut events = Vec::with_capacity(targets.len());
        for (feed, target) in &targets {
            entries.push(self.retraction(&feed.group, *target, request.reason, None, now, rng)?);
            self.state.pending.hurry(target);
            events.push(AuditEvent::IndicatorRetracted {
                indicator: IndicatorRef { member: self.state.identity.member.clone(), commitment: *target },
                reason: request.reason.label(),
            });
        }
        let mut commit = Commit::default();
        commit.push(change::Kind::Prepared(Prepared {
            request: request.request.as_ref().map(|request| request.id.0.to_vec()).unwrap_or_default(),
            content: request.request.as_ref().map(|request| request.content.0.to_vec()).unwrap_or_default(),
            time_ms: now.unix_ms(),
            entries,
            refused: receipt.refused.clone(),
            retracted: receipt.retracted.iter().map(|target| target.0.to_vec()).collect(),
            kept: receipt.kept.iter().map(|target| target.0.to_vec()).collect(),
        }));
        self.commit(commit, caller, events, now, rng)?;
        self.close_window(now, rng)?;
        Ok(receipt)
    }

    /// A retraction ready to be prepared.
    pub(in crate::node) fn retraction(
        &self,
        group: &GroupId,
        target: Commitment,
        reason: RetractionReason,
        superseded_by: Option<Commitment>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<PreparedEntry, StorageFault> {
        let blob = Retraction {
            target,
            reporter: self.state.identity.member.clone(),
            reason,
            hour: now.hour(),
            superseded_by,
        }
        .encode();
        // Kept as long as the longest indicator could count from now, so that no late joiner believes what was withdrawn.
        // The roster's cap may have been higher when the target was published.
        let expires = now.plus_s(u64::from(limits::VALIDITY_DAYS) * 86_400).day().next();
        let epoch_id = self.state.identity.key_ring.current.epoch_id();
        let entry = Entry::seal_new(EntryKind::Retraction, epoch_id, expires, blob, Salt(rng.random()))
            .map_err(|error| crate::node::state::damaged("retraction", error))?;
        Ok(PreparedEntry { group: group.to_string(), entry: Some(stored(&entry)), ..PreparedEntry::default() })
    }
}

fn receipt_of(prepared: &Prepared) -> RetractReceipt {
    let named =
        |stored: &[Vec<u8>]| stored.iter().filter_map(|bytes| Commitment::try_from(bytes.as_slice()).ok()).collect();
    RetractReceipt {
        retracted: named(&prepared.retracted),
        kept: named(&prepared.kept),
        refused: prepared.refused.clone(),
    }
}
