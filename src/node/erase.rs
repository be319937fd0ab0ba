//! Erasing what this member published: everybody drops blob and salt, the bare leaf stays and with it every proof.
//!
//! An erasure goes further than a retraction: nobody can show or count the indicator any more, not even as withdrawn. What
//! still waits for its window goes out as a bare leaf, so that its content never leaves this node. Content leaves the
//! journals of all members with their next compaction ([`crate::node::compact`]), within hours.

use std::collections::BTreeSet;

use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, Salt};
use crate::base::limits;
use crate::base::name::{FeedId, GroupId};
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::feed::blob::erasure::Erasure;
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::node::Node;
use crate::node::commit::{self, Commit, Prepared, PreparedEntry, change};
use crate::node::publish::{Refused, stored_refusal};
use crate::node::requests::{Remembered, Request};
use crate::node::state::{damaged, stored};
use crate::node::store::{Journal, StorageFault, Views};

/// Why something is erased, for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureReason {
    /// The person concerned asked for it.
    DataSubject,
    /// A court or supervisor ordered it.
    Authority,
    /// It should never have been published.
    Mistake,
}

impl ErasureReason {
    pub const fn label(self) -> &'static str {
        match self {
            Self::DataSubject => "data_subject",
            Self::Authority => "authority",
            Self::Mistake => "mistake",
        }
    }
}

/// What to erase. A name that could not even be read carries its refusal.
#[derive(Debug)]
pub struct EraseRequest {
    pub request: Option<Request>,
    pub names: Vec<Result<Commitment, Refused>>,
    pub reason: ErasureReason,
}

/// What is erased, and which names named nothing.
#[derive(Debug, Default, PartialEq)]
pub struct EraseReceipt {
    pub erased: Vec<Commitment>,
    pub refused: Vec<commit::RefusedRecord>,
}

/// The call as a whole was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EraseFault {
    #[error("the request id was used before with other content")]
    RequestIdReused,
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Erases this member's own indicators, retracted ones included. Durable when answered; signed with the next round.
    pub fn erase_indicators(
        &mut self,
        caller: &Actor,
        request: EraseRequest,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<EraseReceipt, EraseFault> {
        match self.remembered(request.request.as_ref(), now)? {
            Some(Remembered::Same(prepared)) => return Ok(receipt_of(&prepared)),
            Some(Remembered::Other) => return Err(EraseFault::RequestIdReused),
            None => {}
        }
        let mut targets: BTreeSet<(FeedId, Commitment)> = BTreeSet::new();
        let mut refused = Vec::new();
        for (record, name) in request.names.iter().enumerate() {
            let found = name.as_ref().map(|target| self.own_held(target).map(|feed| (feed, *target)));
            match found {
                Ok(Some(target)) => drop(targets.insert(target)),
                Ok(None) => refused.push(not_found(record)),
                Err(refusal) => refused.push(Refused { record, ..refusal.clone() }),
            }
        }
        let receipt = EraseReceipt {
            erased: targets.iter().map(|(_, target)| *target).collect(),
            refused: refused.iter().map(stored_refusal).collect(),
        };
        if targets.is_empty() {
            return Ok(receipt);
        }
        let mut entries = Vec::with_capacity(targets.len());
        let mut events = Vec::with_capacity(targets.len());
        for (feed, target) in &targets {
            entries.push(self.erasure(&feed.group, *target, now, rng)?);
            events.push(AuditEvent::EntryErased {
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
            retracted: receipt.erased.iter().map(|target| target.0.to_vec()).collect(),
        }));
        self.commit(commit, caller, events, now, rng)?;
        self.close_window(now, rng)?;
        Ok(receipt)
    }

    /// The feed of an indicator of this member that is held in whatever state and not erased yet.
    fn own_held(&self, target: &Commitment) -> Option<FeedId> {
        if let Some(feed) = self.state.pending.feed_of(target) {
            return Some(feed.clone());
        }
        let statement = self.state.belief.writer().by_commitment(target)?;
        let view = self.state.belief.view();
        view.feed(statement.feed).filter(|feed| self.state.identity.is_own(feed)).cloned()
    }

    /// An erasure ready to be prepared. It expires after whatever it could speak of.
    fn erasure(
        &self,
        group: &GroupId,
        target: Commitment,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<PreparedEntry, StorageFault> {
        let reporter = self.state.identity.member.clone();
        let blob = Erasure { target, reporter, hour: now.hour() }.encode();
        let epoch_id = self.state.identity.key_ring.current.epoch_id();
        let expires = Day(now.day().0.saturating_add(limits::VALIDITY_DAYS + 2));
        let entry = Entry::seal_new(EntryKind::Erasure, epoch_id, expires, blob, Salt(rng.random()))
            .map_err(|error| damaged("erasure", error))?;
        Ok(PreparedEntry { group: group.to_string(), entry: Some(stored(&entry)), ..PreparedEntry::default() })
    }
}

fn not_found(record: usize) -> Refused {
    let description = "this member has no such indicator".to_owned();
    Refused { record, kind: None, field: "names", rule: "not_found", description }
}

fn receipt_of(prepared: &Prepared) -> EraseReceipt {
    EraseReceipt {
        erased: prepared.retracted.iter().filter_map(|bytes| Commitment::try_from(bytes.as_slice()).ok()).collect(),
        refused: prepared.refused.clone(),
    }
}
