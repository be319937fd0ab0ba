//! One verified entry as belief takes it in: who said what of which name, without the bytes it came in.

use crate::base::bytes::{Commitment, Pseudonym};
use crate::base::epoch::EpochId;
use crate::base::kind::IdentifierKind;
use crate::base::name::MemberId;
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Hour, Timestamp};
use crate::domain::belief::parties::FeedNumber;
use crate::domain::feed::blob::Body;
use crate::domain::feed::blob::dispute::DisputeStep;
use crate::domain::indicator::words::{DisputeReason, RetractionReason};

/// A statement with its place in its feed. The author is the member of that feed.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    pub feed: FeedNumber,
    pub index: EntryIndex,
    pub commitment: Commitment,
    pub epoch_id: EpochId,
    pub expires_day: Day,
    /// When this node first held the entry; kept to the second.
    pub first_seen: Timestamp,
    pub content: SaidContent<'a>,
}

/// What was said, as far as it changes what is believed.
#[derive(Debug, Clone, Copy)]
pub enum SaidContent<'a> {
    Indicator {
        pseudonym: Pseudonym,
        kind: IdentifierKind,
        sealed: &'a [u8],
    },
    Retraction {
        target: Commitment,
        reason: RetractionReason,
        hour: Hour,
        superseded_by: Option<Commitment>,
    },
    Erasure {
        target: Commitment,
    },
    /// A sighting: it changes when the target was last spoken of.
    Mention {
        target: Commitment,
    },
    /// A step of a dispute; of an answer, to whom.
    Dispute {
        target: Commitment,
        step: DisputeStep,
        reason: DisputeReason,
        answers: Option<&'a MemberId>,
    },
}

impl<'a> SaidContent<'a> {
    /// What a body says; none where it changes nothing that is believed.
    pub fn of(body: &'a Body) -> Option<Self> {
        match body {
            Body::Indicator(indicator) => Some(Self::Indicator {
                pseudonym: indicator.pseudonym,
                kind: indicator.kind,
                sealed: &indicator.sealed,
            }),
            Body::Retraction(retraction) => Some(Self::Retraction {
                target: retraction.target,
                reason: retraction.reason,
                hour: retraction.hour,
                superseded_by: retraction.superseded_by,
            }),
            Body::Erasure(erasure) => Some(Self::Erasure { target: erasure.target }),
            Body::Sighting(sighting) => Some(Self::Mention { target: sighting.target }),
            Body::Dispute(dispute) => Some(Self::Dispute {
                target: dispute.target,
                step: dispute.step,
                reason: dispute.reason.parse().unwrap_or(DisputeReason::Other),
                answers: dispute.answers.as_ref(),
            }),
            Body::StatisticsRelease(_)
            | Body::EvaluationCounts(_)
            | Body::Announcement(_)
            | Body::KeyGeneration(_)
            | Body::Decoy => None,
        }
    }
}

/// What an entry changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A new indicator counts.
    Believed,
    /// A new indicator is held, yet its author had withdrawn it already.
    HeldRetracted,
    /// The target no longer counts.
    Retracted,
    /// The target is gone.
    Erased,
    /// Kept in mind: the target is not held (yet), or the entry only mentions or disputes it.
    Noted,
    /// Everything it says was known.
    Known,
    /// Its author ordered it erased before it arrived.
    ErasedBefore,
    /// Only an author may withdraw or erase; another member's order has no effect.
    NotTheAuthor,
    /// Its author speaks of this pseudonym, or of things not held, more often than any honest one: it is not held.
    Crowded,
    /// The sealed payload has a length no suite makes: it can never be opened.
    Unreadable,
}

/// Belief cannot take more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BeliefFull {
    #[error("more than 268 million records would be held")]
    Records,
    #[error("an entry index beyond 32 bits")]
    Index,
    #[error("more than 65,536 feeds or epochs of feeds")]
    Feeds,
}

/// A retraction as it is held; of several the first by feed and index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retraction {
    pub index: EntryIndex,
    pub reason: RetractionReason,
    pub hour: Hour,
    pub superseded_by: Option<Commitment>,
}
