//! Everything that enters the audit log, typed: an event can only hold what its fields' types allow.
//!
//! The words made here are stable: people filter by `action`, and exports keep them for years. Retention by kind of record
//! and the counters behind [`AuditEvent::ScreeningsCounted`] belong to the use cases.

use std::str::FromStr;

use crate::base::bytes::{Commitment, Incarnation, Sha256Digest};
use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::kind::IdentifierKind;
use crate::base::name::{FeedId, GroupId, MemberId};
use crate::base::position::{EntryIndex, EntryRange, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::asked::Asked;
use crate::domain::audit::command::CommandDone;
use crate::domain::audit::console::ConsoleEvent;
use crate::domain::audit::looked::Looks;
use crate::domain::audit::period::AuditPeriod;

/// `members/{member}/indicators/{commitment}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndicatorRef {
    pub member: MemberId,
    pub commitment: Commitment,
}

impl IndicatorRef {
    pub(in crate::domain::audit) fn name(&self) -> String {
        format!("members/{}/indicators/{}", self.member, self.commitment)
    }
}

/// Not the name of an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of an indicator has the form members/MEMBER/indicators/HEX")]
pub struct NoIndicatorRef;

impl FromStr for IndicatorRef {
    type Err = NoIndicatorRef;

    fn from_str(name: &str) -> Result<Self, NoIndicatorRef> {
        let rest = name.strip_prefix("members/").ok_or(NoIndicatorRef)?;
        let (member, commitment) = rest.split_once("/indicators/").ok_or(NoIndicatorRef)?;
        let bytes = hex::decode(commitment).map_err(|_| NoIndicatorRef)?;
        let commitment = Commitment::try_from(bytes.as_slice()).map_err(|_| NoIndicatorRef)?;
        Ok(Self { member: member.parse().map_err(|_| NoIndicatorRef)?, commitment })
    }
}

/// One thing this node did or refused. `&'static str` fields are words of the code (rules, reasons, labels): what a caller
/// typed has no way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditEvent {
    NodeStarted {
        version: &'static str,
        incarnation: Incarnation,
    },
    NodeStopped,
    /// Publishing is refused until the node knows its own last feed state from its peers.
    NodeFenced {
        reason: &'static str,
    },
    NodeRecovered {
        feed: FeedId,
        size: TreeSize,
    },
    IndicatorPublished {
        indicator: IndicatorRef,
        kind: IdentifierKind,
        epoch: KeyEpoch,
        group: GroupId,
        weak: bool,
    },
    /// Drafts of one call that broke one rule.
    PublicationRefused {
        kind: Option<IdentifierKind>,
        field: &'static str,
        rule: &'static str,
        drafts: u64,
    },
    IndicatorRetracted {
        indicator: IndicatorRef,
        reason: &'static str,
    },
    EntryErased {
        indicator: IndicatorRef,
        reason: &'static str,
    },
    /// One person asked for an erasure; nothing is erased before another confirms it.
    ErasureAsked {
        erasure_id: String,
        reason: &'static str,
        indicators: u64,
    },
    ErasureConfirmed {
        erasure_id: String,
        asked_by: String,
        indicators: u64,
    },
    ErasureRefused {
        erasure_id: String,
        rule: &'static str,
    },
    /// The peer acknowledged these entries of the feed.
    BatchDelivered {
        peer: MemberId,
        feed: FeedId,
        range: EntryRange,
    },
    /// Entries of the feed, verified and stored here; `from` is the member that sent them (a relay, or the author).
    BatchReceived {
        from: MemberId,
        feed: FeedId,
        range: EntryRange,
    },
    /// What a peer sent broke a rule; nothing of it was believed. Kept as evidence under its digest.
    PeerFault {
        peer: MemberId,
        feed: Option<FeedId>,
        rule: &'static str,
        evidence_sha256: Option<Sha256Digest>,
    },
    EquivocationProved {
        feed: FeedId,
        first_size: TreeSize,
        second_size: TreeSize,
    },
    QuarantineRaised {
        member: MemberId,
        reason: &'static str,
    },
    /// Of others, held back here until a person decides: one indicator, or everything new of a kind. Which one is not said: of a
    /// canary nobody outside shall learn.
    IndicatorQuarantined {
        quarantine_id: String,
        member: MemberId,
        kind: IdentifierKind,
        reason: &'static str,
        matched: u64,
        transactions: u64,
    },
    /// One person wants it to count again; another has to lift it.
    QuarantineLiftAsked {
        quarantine_id: String,
        member: MemberId,
    },
    IndicatorUnquarantined {
        quarantine_id: String,
        member: MemberId,
        asked_by: String,
    },
    QuarantineKept {
        quarantine_id: String,
        member: MemberId,
    },
    QuarantineLiftRefused {
        quarantine_id: String,
        rule: &'static str,
    },
    QuarantineLifted {
        member: MemberId,
        reason: &'static str,
    },
    PeerSilent {
        peer: MemberId,
        feed: FeedId,
        age_s: u64,
    },
    CheckpointCosigned {
        feed: FeedId,
        size: TreeSize,
    },
    /// A transaction that matched, was stopped, or was very unusual for its customer.
    ScreeningDecided {
        decision_id: String,
        decision: &'static str,
        reasons: Vec<String>,
        matched: Vec<IndicatorRef>,
        policy_sha256: Sha256Digest,
        degraded: bool,
        anomalies: Vec<&'static str>,
        /// Digest of what stands behind it.
        detail: Option<Sha256Digest>,
    },
    /// All transactions of one caller in one minute, those recorded by themselves included.
    ScreeningsCounted {
        minute: Timestamp,
        allowed: u64,
        challenged: u64,
        held: u64,
        blocked: u64,
    },
    /// An order that passed would be stopped by what was learnt since.
    LateMatchRaised {
        decision_id: String,
        /// Who screened it.
        caller: String,
        answered: &'static str,
        decision: &'static str,
        reasons: Vec<String>,
        matched: Vec<IndicatorRef>,
        policy_sha256: Sha256Digest,
    },
    /// What was told of such an order holds no longer, or not as strictly.
    LateMatchEased {
        decision_id: String,
        caller: String,
        answered: &'static str,
        decision: &'static str,
    },
    /// A case was opened of a decision that stops an order; `due` ends it where nobody decides.
    CaseOpened {
        case_id: String,
        decision: &'static str,
        due: Timestamp,
    },
    /// A step of a case: `action` is the record's own word, the rest is how the case stands behind it.
    CaseStepped {
        case_id: String,
        action: &'static str,
        decision: &'static str,
        state: &'static str,
        /// What ended it, where this step did.
        how: Option<&'static str>,
        /// The name of a caller.
        assignee: Option<String>,
        outcome: Option<&'static str>,
        revision: u64,
    },
    CaseStepRefused {
        case_id: String,
        step: &'static str,
        rule: &'static str,
    },
    /// A customer typed a wrong code; so many attempts are left.
    ChallengeMissed {
        case_id: String,
        left: u32,
    },
    /// A customer was given an authenticator, or it was taken away.
    AuthenticatorChanged {
        enrolled: bool,
    },
    /// Decisions of which no case was opened, for want of room, since it was told last.
    CasesUnopened {
        cases: u64,
    },
    OutcomeReported {
        decision_id: String,
        outcome: &'static str,
    },
    /// What another member saw of an own indicator.
    SightingReceived {
        indicator: IndicatorRef,
        from: MemberId,
        outcome: &'static str,
    },
    /// This member took a step of a dispute.
    DisputeStepped {
        indicator: IndicatorRef,
        action: &'static str,
        reason: &'static str,
        answers: Option<MemberId>,
    },
    /// Records that could not be written in time; how many, where anybody knows, and between when.
    GapRecorded {
        from: Timestamp,
        until: Timestamp,
        records_lost: Option<u64>,
    },
    RosterApplied {
        version: u64,
        sha256: Sha256Digest,
    },
    RosterRefused {
        rule: &'static str,
    },
    EpochActivated {
        epoch: KeyEpoch,
        epoch_id: EpochId,
    },
    KeyChanged {
        key: &'static str,
        fingerprint: Sha256Digest,
    },
    GuardListsLoaded {
        sha256: Sha256Digest,
    },
    /// A policy came into force.
    PolicyLoaded {
        /// `name/version`.
        policy: String,
        /// Of its file.
        sha256: Sha256Digest,
    },
    /// A policy's file could not be taken: the policy before it stays in force.
    PolicyRefused {
        /// Of the file.
        sha256: Sha256Digest,
        /// Of the first fault.
        line: u64,
        faults: u64,
    },
    CallRefused {
        method: &'static str,
        reason: &'static str,
    },
    /// Somebody looked through the log: so many records on the first page, and whether further pages could follow, which are
    /// not recorded one by one.
    AuditListed {
        asked: Asked,
        records: u64,
        more: bool,
    },
    /// Somebody looked at a page of the console, a listing or one thing.
    Looked(Looks),
    AuditExported {
        from: TreeSize,
        until: TreeSize,
    },
    /// Somebody took the records that a search kept out of the log: so many, in this form.
    AuditExtracted {
        asked: Asked,
        form: &'static str,
        records: u64,
    },
    /// Somebody had a record proved, or asked for one that is not there.
    AuditProved {
        index: Option<EntryIndex>,
    },
    /// The report of a period was made: entries `[first, end)` of the log, which had `size` entries.
    AuditReported {
        period: AuditPeriod,
        first: EntryIndex,
        end: TreeSize,
        size: TreeSize,
    },
    /// What is in the scope is not erased by expiry from now on.
    HoldPlaced {
        hold_id: String,
        scope: &'static str,
        /// What the scope names: an id, an indicator, a period.
        held: String,
        reason: &'static str,
    },
    /// One person asked that a hold be lifted; it stands until another confirms.
    HoldLiftAsked {
        hold_id: String,
    },
    HoldLifted {
        hold_id: String,
        asked_by: String,
    },
    HoldRefused {
        hold_id: String,
        rule: &'static str,
    },
    /// Somebody looked at the holds that stand.
    HoldsListed {
        holds: u64,
    },
    /// Somebody looked at what stands behind decisions, by one's id or by another way that led to so many.
    DecisionExplained {
        by: &'static str,
        decision_id: String,
        found: u64,
    },
    StatisticsReleased {
        release_id: String,
        query: &'static str,
        from: Day,
        until: Day,
        epsilon_nano: u64,
        spent_nano: u64,
    },
    StatisticsRefused {
        release_id: String,
        rule: &'static str,
    },
    /// A release of the schedule did not fit what was left of its quarter, and is given up.
    StatisticsSkipped {
        release_id: String,
        query: &'static str,
        epsilon_nano: u64,
        spent_nano: u64,
    },
    /// A receiver never took the event of this record.
    WebhookRefused {
        webhook: String,
        record: EntryIndex,
        status: u16,
    },
    /// By a command on the machine, beside the node.
    CommandDone(CommandDone),
    /// Of a user of the console.
    Console(ConsoleEvent),
    /// Tries to sign in since it was told last that name no user, or one who does not sign in now, and tries to enrol that were
    /// refused. Counted, because anybody can make as many as they like.
    SignInsRefused {
        since: Timestamp,
        unknown: u64,
        closed: u64,
        enrolments: u64,
    },
    StoreDamaged {
        part: &'static str,
    },
    StoreRepaired {
        part: &'static str,
    },
    /// Entries of a feed, kept and served, that do not count here by this rule; how many since it was told last.
    EntriesUnbelieved {
        feed: FeedId,
        rule: &'static str,
        entries: u64,
    },
    /// An identifier was put on one of the own lists, or its entry there changed.
    IdentifierListed {
        list: &'static str,
        kind: IdentifierKind,
        reason: &'static str,
        until: Option<Timestamp>,
    },
    /// An identifier was taken from one of the own lists.
    IdentifierDelisted {
        list: &'static str,
        kind: IdentifierKind,
    },
    /// Somebody looked up what is held of an identifier: its kind, and how much was found. Nothing of the identifier.
    IdentifierLookedUp {
        kind: IdentifierKind,
        statements: u64,
        decisions: u64,
    },
    /// Somebody looked at what is kept of a customer, named by the first half of its keyed fingerprint.
    ProfileShown {
        customer: String,
        found: bool,
    },
    /// What was kept of a customer is erased.
    ProfileErased {
        customer: String,
        found: bool,
    },
    /// An entry of this member's feed is about nobody.
    DecoyPublished {
        indicator: IndicatorRef,
        group: GroupId,
    },
    /// A peer cosigned a head of this log that the log does not have: it was put back from an old copy, or rewritten.
    AuditLogDiverged {
        peer: MemberId,
        witnessed: TreeSize,
        held: TreeSize,
    },
    /// A damaged journal was set aside, and this taken over from it. Where the audit log was not whole, it goes on behind the
    /// last record that could be joined: what stood there before is in the journal set aside, not here.
    StoreSalvaged {
        publications: u64,
        charges: u64,
        audit_kept: u64,
        audit_whole: bool,
    },
}
