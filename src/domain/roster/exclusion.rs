//! Since when members no longer take part, as one node learned it from the rosters it followed.
//!
//! A feed carries no time its author could not invent, so "published after the exclusion" is judged by when a node first
//! held an entry. A node that joins later holds everything of an excluded member for too late: its word had ended before.

use std::collections::BTreeMap;

use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::member::MemberState;

/// The members that are suspended or gone, each with the moment that came into force here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusions {
    since: BTreeMap<MemberId, Timestamp>,
}

impl Exclusions {
    /// A next roster came into force at `moment`: who is shut out stays so from its first moment on, who is active again
    /// counts again, whatever was published meanwhile.
    pub fn follow(&mut self, roster: &RosterDraft, moment: Timestamp) {
        for member in &roster.members {
            match member.state {
                MemberState::Active => drop(self.since.remove(&member.id)),
                MemberState::Suspended | MemberState::Left => {
                    self.since.entry(member.id.clone()).or_insert(moment);
                }
            }
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&MemberId, Timestamp)> {
        self.since.iter().map(|(member, moment)| (member, *moment))
    }

    pub fn since(&self, member: &MemberId) -> Option<Timestamp> {
        self.since.get(member).copied()
    }
}

impl FromIterator<(MemberId, Timestamp)> for Exclusions {
    fn from_iter<I: IntoIterator<Item = (MemberId, Timestamp)>>(excluded: I) -> Self {
        Self { since: excluded.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::roster::samples::{NOW, draft};

    #[test]
    fn an_exclusion_counts_from_the_first_roster_that_says_so_until_one_takes_it_back() {
        let mut terms = draft(&["bank-a", "bank-b"]);
        let mut exclusions = Exclusions::default();
        let mut follow = |state, after_s: u64| {
            terms.members[1].state = state;
            exclusions.follow(&terms, NOW.plus_s(after_s));
            exclusions.since(&terms.members[1].id)
        };
        assert_eq!(follow(MemberState::Active, 0), None);
        assert_eq!(follow(MemberState::Suspended, 10), Some(NOW.plus_s(10)));
        assert_eq!(follow(MemberState::Left, 20), Some(NOW.plus_s(10)));
        assert_eq!(follow(MemberState::Active, 30), None);
        assert_eq!(exclusions.since(&terms.members[0].id), None);
    }
}
