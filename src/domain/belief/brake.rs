//! What this node holds back of what others said: single indicators that would stop its honest customers, and everything new
//! of a member that floods a kind. Set by people and rules outside; belief only marks statements with it.

use std::collections::BTreeSet;

use crate::base::bytes::Commitment;
use crate::base::kind::IdentifierKind;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;

/// New indicators of one member and kind count as provisional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    pub member: MemberId,
    pub kind: IdentifierKind,
    /// Those first held from this moment on.
    pub since: Timestamp,
}

/// Everything that is held back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brake {
    /// They do not count, and are shown.
    pub indicators: BTreeSet<Commitment>,
    /// Few: a person looks at each.
    pub floods: Vec<HeldBack>,
}

impl Brake {
    /// Whether it is one of a flood.
    pub(super) fn holds_back(&self, member: &MemberId, kind: IdentifierKind, first_seen: Timestamp) -> bool {
        self.floods.iter().any(|flood| flood.kind == kind && flood.since <= first_seen && flood.member == *member)
    }
}
