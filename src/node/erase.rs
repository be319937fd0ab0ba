//! Erasing what this member published: everybody drops blob and salt, the bare leaf stays and with it every proof.
//!
//! An erasure goes further than a retraction: nobody can show or count the indicator any more, not even as withdrawn, and
//! nothing brings it back. So it takes two people: one asks, another confirms within a day, both stand in the audit log. What
//! still waits for its window goes out as a bare leaf, so that its content never leaves this node. Content leaves the journals
//! of all members with their next compaction ([`crate::node::compact`]), within hours.

use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, LocalMac, Salt};
use crate::base::limits;
use crate::base::name::GroupId;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::feed::blob::erasure::Erasure;
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::node::Node;
use crate::node::commit::{Commit, ErasureConfirmed, Prepared, PreparedEntry, change};
use crate::node::erasures::{Asked, ErasureId, person};
use crate::node::publish::stored_refusal;
use crate::node::requests::Request;
use crate::node::select::{Reach, Selectors};
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
    pub const ALL: [Self; 3] = [Self::DataSubject, Self::Authority, Self::Mistake];

    pub const fn label(self) -> &'static str {
        match self {
            Self::DataSubject => "data_subject",
            Self::Authority => "authority",
            Self::Mistake => "mistake",
        }
    }

    /// Its number in the journal and on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::DataSubject => 1,
            Self::Authority => 2,
            Self::Mistake => 3,
        }
    }

    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }
}

/// What to erase.
#[derive(Debug)]
pub struct EraseRequest {
    pub request: Option<Request>,
    pub selectors: Selectors,
    pub reason: ErasureReason,
}

/// An erasure was not asked for, or not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EraseFault {
    #[error("the request id was used before with other content")]
    RequestIdReused,
    #[error("{got} indicators exceed the limit of {limit} an erasure; name fewer at once")]
    TooMany { got: usize, limit: usize },
    #[error("{limit} erasures wait for their confirmation already; confirm some or let them end")]
    TooManyWaiting { limit: usize },
    #[error("no erasure of this id waits for a confirmation; it ends {hours} hours after it was asked for")]
    Unknown { hours: u64 },
    #[error("an erasure takes two people: {person} asked for it, somebody else must confirm it")]
    SamePerson { person: String },
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

const UNKNOWN: EraseFault = EraseFault::Unknown { hours: limits::ERASURE_HOURS };

impl<J: Journal, V: Views> Node<J, V> {
    /// Asks for the erasure of this member's own indicators, retracted ones included. Nothing is erased before somebody else
    /// confirms it; none where the selectors name nothing, with their refusals.
    pub fn erase_indicators(
        &mut self,
        caller: &Actor,
        request: EraseRequest,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Asked, EraseFault> {
        let fingerprints = request.request.as_ref().map(|request| (request.id, request.content));
        if let Some(earlier) = self.asked_before(request.request.as_ref(), fingerprints, now)? {
            return Ok(earlier);
        }
        let selected = self.select(&request.selectors, Reach::Held)?;
        if selected.targets.len() > limits::ERASED_AT_ONCE {
            return Err(EraseFault::TooMany { got: selected.targets.len(), limit: limits::ERASED_AT_ONCE });
        }
        let asked = Asked {
            id: ErasureId(rng.random()),
            by: caller.to_string(),
            person: person(caller),
            at: now,
            reason: request.reason,
            targets: selected.targets.into_iter().map(|(_, target)| target).collect(),
            kept: selected.kept.into_iter().collect(),
            refused: selected.refused.iter().map(stored_refusal).collect(),
            request: fingerprints,
            erased: None,
        };
        if asked.targets.is_empty() {
            return Ok(asked);
        }
        if self.state.erasures.waiting(now) >= limits::ERASURES_WAITING {
            return Err(EraseFault::TooManyWaiting { limit: limits::ERASURES_WAITING });
        }
        let event = AuditEvent::ErasureAsked {
            erasure_id: asked.id.to_string(),
            reason: asked.reason.label(),
            indicators: count(&asked.targets),
        };
        let mut commit = Commit::default();
        commit.push(change::Kind::ErasureAsked(asked.stored()));
        self.commit(commit, caller, vec![event], now, rng)?;
        Ok(asked)
    }

    /// An erasure that was asked for and has not ended.
    pub fn asked_erasure(&self, id: ErasureId, now: Timestamp) -> Result<&Asked, EraseFault> {
        self.state.erasures.get(&id, now).ok_or(UNKNOWN)
    }

    /// Erases what somebody else asked for, as far as it is still held. Durable when answered; signed with the next round.
    /// Repeated, it gives the same answer.
    pub fn confirm_erasure(
        &mut self,
        caller: &Actor,
        id: ErasureId,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Commitment>, EraseFault> {
        let asked = self.asked_erasure(id, now)?.clone();
        if person(caller) == asked.person {
            let event = AuditEvent::ErasureRefused { erasure_id: id.to_string(), rule: "same_person" };
            self.record(caller, vec![event], now, rng)?;
            return Err(EraseFault::SamePerson { person: asked.person });
        }
        if let Some(erased) = asked.erased {
            return Ok(erased);
        }
        let held: Vec<_> = asked.targets.iter().filter_map(|target| self.own(target, Reach::Held)).collect();
        let mut entries = Vec::with_capacity(held.len());
        let mut events = vec![AuditEvent::ErasureConfirmed {
            erasure_id: id.to_string(),
            asked_by: asked.by.clone(),
            indicators: count(&held),
        }];
        for (feed, target) in &held {
            entries.push(self.erasure(&feed.group, *target, now, rng)?);
            events.push(AuditEvent::EntryErased {
                indicator: IndicatorRef { member: self.state.identity.member.clone(), commitment: *target },
                reason: asked.reason.label(),
            });
        }
        let erased: Vec<Commitment> = held.iter().map(|(_, target)| *target).collect();
        let mut commit = Commit::default();
        if !entries.is_empty() {
            commit.push(change::Kind::Prepared(Prepared { time_ms: now.unix_ms(), entries, ..Prepared::default() }));
        }
        commit.push(change::Kind::ErasureConfirmed(ErasureConfirmed {
            id: id.0.to_vec(),
            time_ms: now.unix_ms(),
            erased: erased.iter().map(|target| target.0.to_vec()).collect(),
        }));
        self.commit(commit, caller, events, now, rng)?;
        self.close_window(now, rng)?;
        Ok(erased)
    }

    /// What the same request asked for before.
    fn asked_before(
        &self,
        request: Option<&Request>,
        fingerprints: Option<(LocalMac, LocalMac)>,
        now: Timestamp,
    ) -> Result<Option<Asked>, EraseFault> {
        let Some((id, _)) = fingerprints else { return Ok(None) };
        match self.state.erasures.of_request(&id, now) {
            Some(asked) if asked.request == fingerprints => Ok(Some(asked.clone())),
            Some(_) => Err(EraseFault::RequestIdReused),
            // Whatever it published or retracted, it was another request.
            None if self.remembered(request, now)?.is_some() => Err(EraseFault::RequestIdReused),
            None => Ok(None),
        }
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

fn count<T>(of: &[T]) -> u64 {
    u64::try_from(of.len()).unwrap_or(u64::MAX)
}
