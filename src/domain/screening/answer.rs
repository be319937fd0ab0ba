//! The answer to one screening: decision, reasons, what matched and where it came from.

use std::sync::Arc;

use crate::base::bytes::{Commitment, Pseudonym, Sha256Digest};
use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::kind::IdentifierKind;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::identifier::IdentifierError;
use crate::domain::indicator::details::Details;
use crate::domain::screening::decision::{Advice, Decision, Reason};
use crate::domain::screening::freshness::PeerFreshness;
use crate::domain::screening::policy::decide::Fired;

/// One statement that matched, with its provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedIndicator {
    pub reporter: MemberId,
    pub commitment: Commitment,
    /// What it was said of: the identifier as given, or a form derived from it.
    pub kind: IdentifierKind,
    pub feed: FeedId,
    pub index: EntryIndex,
    pub details: Details,
    /// When this node first held it.
    pub first_seen: Timestamp,
    /// When it was last spoken of.
    pub last_seen: Timestamp,
    /// Too few witnesses so far, or its member floods.
    pub provisional: bool,
    /// This node holds it back until a person decides: it does not count.
    pub held_back: bool,
    /// Somebody disputes it, and its author has not answered yet.
    pub disputed: bool,
    /// Its reporter's confidence after age and the reporter's weight, 0 to 100.
    pub effective_confidence: u32,
    /// Seconds since it was observed, began to count or last proved right here, whichever came last.
    pub age_s: u64,
    /// A statement of this member itself.
    pub own: bool,
    /// Its form is shared by many innocents.
    pub weak: bool,
    /// Its feed is older than its limit.
    pub stale: bool,
}

/// One form of one identifier, as it was looked up under one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// Index in the request.
    pub identifier: usize,
    /// Kind of the form: the identifier as given, or derived from it.
    pub kind: IdentifierKind,
    pub epoch: KeyEpoch,
    pub epoch_id: EpochId,
    pub pseudonym: Pseudonym,
}

impl MatchedIndicator {
    /// `members/{member}/indicators/{commitment}`.
    pub fn name(&self) -> String {
        format!("members/{}/indicators/{}", self.reporter, self.commitment)
    }
}

/// What is held about one identifier of the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Index in the request.
    pub identifier: usize,
    /// The kind that matched, a strong one where there is one (an e-mail may match by its mailbox).
    pub kind: IdentifierKind,
    /// Distinct members that flag it.
    pub members: usize,
    /// Statements of this member itself.
    pub own: usize,
    /// Effective confidence, 0 to 100; see [`effective_confidence`]. With age and weights.
    pub confidence: u32,
    /// The same as its reporters said it, without age and weights.
    pub confidence_undecayed: u32,
    /// Only weak forms matched, or nothing that counts: it informs and does not block.
    pub weak: bool,
    /// The strongest first; at most as many as are shown, see [`crate::base::limits::INDICATORS_PER_MATCH`].
    pub indicators: Vec<MatchedIndicator>,
}

/// An identifier that could not be used; the others were screened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedIdentifier {
    /// Index in the request.
    pub identifier: usize,
    pub error: IdentifierError,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Screening {
    pub decision: Decision,
    /// Strongest first; empty where nothing was found.
    pub reasons: Vec<Reason>,
    /// By identifier.
    pub matches: Vec<Match>,
    /// By identifier.
    pub refused: Vec<RefusedIdentifier>,
    /// What was looked up, where anything matched or the transaction is stopped: all that is left of the identifiers.
    pub inputs: Vec<Input>,
    /// Every peer, by member.
    pub freshness: Arc<[PeerFreshness]>,
    pub advice: Advice,
    /// Some feed is stale, or the node is still loading.
    pub degraded: bool,
    /// A test value asks for the answer of an overloaded node; the caller refuses in its way.
    pub overload: bool,
    pub policy_sha256: Sha256Digest,
    /// The rules that fired, live or not, by place in the policy's file.
    pub fired: Vec<Fired>,
    /// What the candidate would have decided, where it was asked.
    pub candidate: Option<Decision>,
}

impl Screening {
    /// A match is never the sole basis for ending a customer relationship.
    pub const NOT_SOLE_BASIS: bool = true;
}

/// Confidence of several members together, in percent: what remains of doubt when each member's best statement is taken
/// as independent, `100 − 100·∏(1 − cᵢ/100)`, rounded down. One member's several statements do not add up.
///
/// What goes in is what age and weight left of each statement ([`super::confidence`]).
pub fn effective_confidence(best_by_member: impl IntoIterator<Item = u32>) -> u32 {
    const SCALE: u64 = 1_000_000;
    let doubt = best_by_member.into_iter().fold(SCALE, |doubt, percent| {
        let percent = u64::from(percent.min(100));
        // Rounding doubt up keeps the result from claiming more than the members said.
        (doubt * (100 - percent)).div_ceil(100)
    });
    u32::try_from((SCALE - doubt) * 100 / SCALE).expect("at most 100")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_grows_with_members_and_never_beyond_100() {
        let check = |members: &[u32], expected: u32| {
            assert_eq!(effective_confidence(members.iter().copied()), expected, "{members:?}");
        };
        check(&[], 0);
        check(&[0], 0);
        check(&[80], 80);
        check(&[50, 50], 75);
        check(&[80, 80], 96);
        check(&[100, 1], 100);
        check(&[99; 32], 99);
    }
}
