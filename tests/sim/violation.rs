//! A broken invariant, as a value: mutants are recognised by it, everything else fails with it.

use std::fmt;

/// What must never happen, in the words of the promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// An acknowledged publication stands exactly once in its author's feed.
    AcknowledgedOnce,
    /// A withdrawn indicator matches nowhere.
    RetractedNeverMatches,
    /// What the caller may withdraw is found.
    RetractionFinds,
    /// A repeated request gets the first answer.
    RepeatedRequest,
    /// What was charged to a privacy budget stays charged, and never exceeds its cap.
    BudgetKept,
    /// A case that was acknowledged is held, a released one stays released, a timer fires once, and attempts run out.
    CasesKept,
    /// Of every order that is followed the last word is what belief says, and each word was told once.
    LateMatchOnce,
    /// What is held back has no say.
    HeldBackIsMute,
    /// What counts again was lifted by two people.
    LiftedByTwo,
    /// What a legal hold keeps is never gone; what has expired and is not held is.
    HeldIsKept,
    /// A release has one result.
    ReleasedOnce,
    /// What members released of one question adds up to the same at everybody, and who released nothing is missing.
    SumsAgree,
    /// All honest members hold the same feeds.
    SameFeeds,
    /// All honest members believe what the feeds say, and nothing else.
    SameBelief,
    /// All honest members hold the same disputes, and nothing withdrawn is disputed or counts by being disputed.
    SameDisputes,
    /// Of each member the word it said last of an indicator counts once with the author, and no acknowledged one is lost.
    SightingsCount,
    /// What a start answers from a snapshot is what its store says.
    SnapshotTells,
    /// A start believes what was believed before it.
    StartsAlike,
    /// A decoy is its author's, in the place of nobody.
    DecoysAreNobody,
    /// What exceeds a member's quota, or names an epoch of its own, counts nowhere.
    HeldToTheRoster,
    /// An honest author signs one tree of one size.
    SignedOnce,
    /// Whoever signs two histories is quarantined everywhere, with a proof that verifies.
    EquivocationProved,
    /// Once all is well, enough members have cosigned what an honest author said, and everybody knows.
    Witnessed,
    /// Nobody honest is accused.
    NoFalseAccusation,
    /// The audit log is what its signed head says.
    AuditVerifies,
    /// Once all is well every other member has cosigned an honest audit log, and whoever keeps two is found out.
    AuditWitnessed,
    /// A store that nothing was done to is whole.
    StoreWhole,
    /// Once all is well, everything gets through.
    Progress,
}

/// Which invariant broke, and how.
#[derive(Debug)]
pub struct Violation {
    pub invariant: Invariant,
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.detail)
    }
}

/// Fails with `invariant` unless `holds`.
pub fn ensure(holds: bool, invariant: Invariant, detail: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { invariant, detail: detail() }) }
}

/// The same for a failure of another kind.
pub fn broken(invariant: Invariant, detail: impl fmt::Display) -> Violation {
    Violation { invariant, detail: detail.to_string() }
}
