//! Why a roster, a member card or a succession of rosters is refused.

use crate::base::epoch::KeyEpoch;
use crate::base::name::{ConsortiumId, GroupId, MemberId, NameError};
use crate::base::time::Timestamp;
use crate::domain::note::NoteError;

/// The rule that a roster or card broke. Rosters hold no personal data, so names are shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("the document has {got} bytes, more than the limit of {limit}")]
    TooLong { got: usize, limit: usize },
    #[error("the document must begin with the line {expected}")]
    WrongFormat { expected: &'static str },
    /// Not TOML, or a field is missing, unknown, doubled or of the wrong type.
    #[error("the document cannot be read: {0}")]
    Document(String),
    #[error("{field}: {fault}")]
    Name { field: &'static str, fault: NameError },
    #[error("{field} of {member} is not valid: {rule}")]
    MemberField { member: MemberId, field: &'static str, rule: &'static str },
    #[error("{field} is not valid: {rule}")]
    Field { field: &'static str, rule: &'static str },
    #[error("{what} may number {least} to {most}, got {got}")]
    Count { what: &'static str, least: usize, most: usize, got: usize },
    #[error("member {0} stands twice")]
    MemberTwice(MemberId),
    #[error("a pin of {0} stands twice")]
    PinTwice(MemberId),
    #[error("a key named {0} stands twice: each key has one holder and one use")]
    KeyTwice(String),
    #[error("the {role} key of {member} is named {got}, expected {expected}")]
    KeyName { member: MemberId, role: &'static str, expected: String, got: String },
    #[error("admin key {got} must be named {expected}")]
    AdminName { expected: String, got: String },
    #[error("the feed keys of {member} in {group} must count from ascending sizes, the first from 0")]
    FeedSizes { member: MemberId, group: GroupId },
    #[error("{member} belongs to {group} but has no feed key for it")]
    GroupWithoutFeed { member: MemberId, group: GroupId },
    #[error("the quorum of {quorum} cannot be reached by {admins} admins")]
    Quorum { quorum: usize, admins: usize },
    #[error(
        "a witness quorum of {quorum} does not fit {active} active members, of whom {faulty} may be faulty: {least} to {most} \
         would, so that no two histories of a feed are both witnessed, or 0 for none"
    )]
    WitnessQuorum { quorum: u32, active: u32, faulty: u32, least: u32, most: u32 },
    #[error("a witness quorum of {quorum} needs four active members at least, this roster has {active}; set it to 0")]
    WitnessesTooFew { quorum: u32, active: u32 },
    #[error("epochs must be numbered one after the other; {got} follows {before}")]
    EpochGap { before: KeyEpoch, got: KeyEpoch },
    #[error("epoch {0} must be activated after the one before")]
    EpochOrder(KeyEpoch),
    #[error("the id of epoch {0} stands twice or is empty")]
    EpochId(KeyEpoch),
    #[error("version 1 names no previous roster, every later version names the one before")]
    PreviousMismatch,
    #[error("this is not the roster whose hash was given: expected {expected}, got {got}")]
    GenesisHash { expected: String, got: String },
    #[error("only version 1 can be the genesis roster, this is version {0}")]
    NotGenesis(u64),
    #[error("only {got} of the {needed} needed admin signatures are valid")]
    TooFewSignatures { needed: usize, got: usize },
    #[error("the roster belongs to consortium {got}, expected {expected}")]
    OtherConsortium { expected: ConsortiumId, got: ConsortiumId },
    #[error("roster version {got} is not newer than version {current}, which is in force")]
    Downgrade { current: u64, got: u64 },
    #[error("roster version {got} cannot follow version {current}: the versions between are missing")]
    VersionGap { current: u64, got: u64 },
    #[error("the roster names another predecessor than the one in force")]
    OtherPredecessor,
    #[error(
        "member {0} is missing: a member that leaves stays listed in state \"left\", so that its id is never reused"
    )]
    MemberDropped(MemberId),
    #[error("member {0} left and cannot come back under the same id")]
    MemberReturned(MemberId),
    #[error("the feed keys of {0} may only grow: entries signed under an old key must stay verifiable")]
    FeedKeysChanged(MemberId),
    #[error("the card of {0} names former feed keys; the first card of a member names one for each group, from size 0")]
    FormerFeedKeys(MemberId),
    #[error("the card of {0} is signed by no key that the roster names for it")]
    CardNotVouched(MemberId),
    #[error("epoch {0} may not be dropped or changed")]
    EpochChanged(KeyEpoch),
    #[error("the minimum suite may not fall from {from} to {to}")]
    SuiteLowered { from: u8, to: u8 },
    #[error("the roster expired at {0}; the admins must issue a new one")]
    Expired(Timestamp),
}
