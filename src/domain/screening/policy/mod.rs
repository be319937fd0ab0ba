//! The built-in policy, version 1: from what was found about each identifier to a decision with its reasons.
//!
//! In order of precedence:
//!
//! 1. A documented test value, where the node is a sandbox, gives the answer it stands for.
//! 2. The member's own allow list lets the transaction pass.
//! 3. The member's own block list refuses it.
//! 4. Two distinct members on one identifier refuse it. Own statements count as one member; a member counts once over all
//!    forms and epochs of the identifier. Not counted are weak forms, provisional statements and stale feeds.
//!    - Where the identifier is a payment card (number, account reference or token: all stand for one card) and nothing but
//!      cards counts fully against the transaction, it is held instead: the card's genuine holder still uses it.
//!    - Where the second member is only reached by counting stale feeds, it is held instead: a retraction may be on its way.
//! 5. One member, or provisional statements of any number, ask for a challenge.
//! 6. Weak forms (networks, postal addresses, and whatever stands on a weak guard list) never decide alone: one is told for
//!    information; two of different families (network, place, web, mail, …) ask for a challenge together.
//!
//! The strongest reason decides. Severity and confidence are shown, not weighed: weighing is what a member's own policy
//! file will be for.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::base::bytes::Sha256Digest;
use crate::base::framing::framed;
use crate::base::kind::IdentifierKind;
use crate::domain::belief::parties::MemberNumber;
use crate::domain::identifier::sandbox::SandboxOutcome;
use crate::domain::screening::decision::{Decision, Reason, ReasonCode};
use crate::domain::screening::own_lists::{OwnList, OwnListing};

/// A changed rule is a new version: old answers stay explainable.
const VERSION: &str = "built-in/1";

/// Distinct members that refuse together.
const CORROBORATING_MEMBERS: usize = 2;

/// Families of weak kinds that challenge together.
const WEAK_FAMILIES: usize = 2;

/// The policy with what it was built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltInPolicy {
    digest: Sha256Digest,
}

/// What one statement weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    pub member: MemberNumber,
    /// Its form is shared by many innocents.
    pub weak: bool,
    /// Too few witnesses so far.
    pub provisional: bool,
    /// Its feed is older than its limit.
    pub stale: bool,
}

/// What was found about one identifier of the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Index in the request.
    pub identifier: usize,
    /// The kind as given.
    pub kind: IdentifierKind,
    pub sandbox: Option<SandboxOutcome>,
    pub own_listing: Option<OwnListing>,
    /// Statements that are live, valid now and not of a quarantined member.
    pub voices: Vec<Voice>,
}

impl BuiltInPolicy {
    /// `guard_digest` is the digest of the guard lists in force.
    pub fn new(guard_digest: &Sha256Digest) -> Self {
        let bytes = framed(&[b"hushwire/v1/policy", VERSION.as_bytes(), guard_digest.as_bytes()]);
        Self { digest: Sha256Digest(Sha256::digest(bytes).into()) }
    }

    /// SHA-256 of `lp("hushwire/v1/policy") ‖ lp(version) ‖ lp(guard digest)`: names what decided.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// The decision and its reasons, strongest first. Without any reason the answer is to allow.
    pub fn decide(&self, findings: &[Finding]) -> (Decision, Vec<Reason>) {
        let mut reasons: Vec<Reason> = findings.iter().flat_map(|finding| reasons_of(finding, findings)).collect();
        reasons.sort_by_key(Reason::rank);
        let decision = reasons.first().map_or(Decision::Allow, |reason| reason.decision);
        (decision, reasons)
    }
}

/// Kinds that stand for one payment card: its number, its account reference, its tokens.
fn is_card(kind: IdentifierKind) -> bool {
    matches!(kind, IdentifierKind::Pan | IdentifierKind::Par | IdentifierKind::Token)
}

/// Kinds that are weak whatever the guard lists say: many people share them.
pub fn is_weak_kind(kind: IdentifierKind) -> bool {
    matches!(kind, IdentifierKind::Ip | IdentifierKind::Ip6Net | IdentifierKind::Address)
}

/// Kinds that say the same thing twice have one family: two of them are not two reasons.
fn family(kind: IdentifierKind) -> IdentifierKind {
    match kind {
        IdentifierKind::Ip6Net => IdentifierKind::Ip,
        IdentifierKind::Url => IdentifierKind::Domain,
        IdentifierKind::Mailbox => IdentifierKind::Email,
        IdentifierKind::Par | IdentifierKind::Token => IdentifierKind::Pan,
        IdentifierKind::Account => IdentifierKind::Iban,
        IdentifierKind::Pan
        | IdentifierKind::Iban
        | IdentifierKind::Email
        | IdentifierKind::Phone
        | IdentifierKind::Device
        | IdentifierKind::Ip
        | IdentifierKind::Wallet
        | IdentifierKind::Domain
        | IdentifierKind::Address
        | IdentifierKind::Merchant => kind,
    }
}

fn members(finding: &Finding, counts: impl Fn(&Voice) -> bool) -> usize {
    let speaking = finding.voices.iter().filter(|voice| counts(voice)).map(|voice| voice.member);
    speaking.collect::<BTreeSet<_>>().len()
}

fn counts_fully(voice: &Voice) -> bool {
    !voice.weak && !voice.provisional && !voice.stale
}

fn reasons_of(finding: &Finding, all: &[Finding]) -> Vec<Reason> {
    let reason = |code: ReasonCode, decision: Decision, members: usize| Reason {
        code,
        decision,
        identifier: finding.identifier,
        kind: finding.kind,
        members,
        since: None,
    };
    let mut reasons = Vec::new();
    if let Some(decision) = finding.sandbox.and_then(forced) {
        reasons.push(reason(ReasonCode::SandboxValue, decision, 0));
    }
    if let Some(OwnListing { list, since }) = finding.own_listing {
        let (code, decision) = match list {
            OwnList::Allow => (ReasonCode::OwnAllowList, Decision::Allow),
            OwnList::Block => (ReasonCode::OwnBlockList, Decision::Block),
        };
        reasons.push(Reason { since: Some(since), ..reason(code, decision, 0) });
    }
    let fresh = members(finding, counts_fully);
    let with_stale = members(finding, |voice| !voice.weak && !voice.provisional);
    let strong = members(finding, |voice| !voice.weak);
    let weak = members(finding, |voice| voice.weak);
    if fresh >= CORROBORATING_MEMBERS {
        let beside_card = all.iter().any(|other| !is_card(other.kind) && other.voices.iter().any(counts_fully));
        reasons.push(if is_card(finding.kind) && !beside_card {
            reason(ReasonCode::CorroboratedCard, Decision::Hold, fresh)
        } else {
            reason(ReasonCode::CorroboratedIndicator, Decision::Block, fresh)
        });
    } else if with_stale >= CORROBORATING_MEMBERS {
        reasons.push(reason(ReasonCode::CorroboratedByStaleFeed, Decision::Hold, with_stale));
    } else if with_stale > 0 && strong < CORROBORATING_MEMBERS {
        reasons.push(reason(ReasonCode::SingleIndicator, Decision::Challenge, strong));
    } else if strong > 0 {
        reasons.push(reason(ReasonCode::ProvisionalIndicator, Decision::Challenge, strong));
    } else if weak > 0 {
        let families: BTreeSet<IdentifierKind> =
            all.iter().filter(|other| is_only_weak(other)).map(|other| family(other.kind)).collect();
        reasons.push(if families.len() >= WEAK_FAMILIES {
            reason(ReasonCode::WeakIndicatorsTogether, Decision::Challenge, weak)
        } else {
            reason(ReasonCode::WeakIndicator, Decision::Allow, weak)
        });
    }
    reasons
}

fn is_only_weak(finding: &Finding) -> bool {
    !finding.voices.is_empty() && finding.voices.iter().all(|voice| voice.weak)
}

/// The decision a test value stands for; none where it forces something else than a decision.
fn forced(outcome: SandboxOutcome) -> Option<Decision> {
    match outcome {
        SandboxOutcome::Allow => Some(Decision::Allow),
        SandboxOutcome::Challenge => Some(Decision::Challenge),
        // A stale answer is a block-grade match that could not be trusted fully.
        SandboxOutcome::Hold | SandboxOutcome::Stale => Some(Decision::Hold),
        SandboxOutcome::Block => Some(Decision::Block),
        SandboxOutcome::Degraded | SandboxOutcome::Overload => None,
    }
}

#[cfg(test)]
mod tests;
