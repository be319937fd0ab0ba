//! What people of this member have to do about keys, epochs and the roster, and until when.

use std::collections::BTreeSet;

use crate::base::epoch::KeyEpoch;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::belief::view::ListPosition;
use crate::domain::roster::member::MemberState;
use crate::node::Node;
use crate::node::members::{EpochView, Membership};
use crate::node::store::{Journal, Views};

/// Rows in which members' ends are told: admins need weeks to meet and sign.
const MEMBER_ENDS_S: u64 = 60 * 86_400;

/// Own indicators counted that wait to be said again; there may be more.
const REPUBLICATIONS: usize = 1_000;

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueWhat {
    /// A next roster, before the present one ends.
    Roster,
    /// A member's place in the roster, before it ends.
    Member(MemberId),
    /// A next epoch, before the present one is older than an epoch lives.
    NextEpoch,
    /// An announced epoch begins: its sealed secret must be here by then.
    EpochBegins(KeyEpoch),
    /// Own indicators of an epoch that ends, to be said again. `more`: there are further ones.
    Republication { indicators: usize, more: bool },
    /// The second half of a change of one of the own keys.
    KeyChange(String),
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub what: DueWhat,
    /// None where nothing ends by itself.
    pub by: Option<Timestamp>,
}

impl Membership {
    /// What follows from the roster and the own keys, the nearest first.
    fn due(&self, now: Timestamp) -> Vec<Due> {
        let mut due = vec![Due { what: DueWhat::Roster, by: Some(self.roster_ends) }];
        let ends = |until: Timestamp| until < now.plus_s(MEMBER_ENDS_S);
        let ending =
            self.members.iter().filter(|member| member.state == MemberState::Active && ends(member.valid_until));
        due.extend(ending.map(|member| Due { what: DueWhat::Member(member.id.clone()), by: Some(member.valid_until) }));
        let announced: Vec<&EpochView> = self.epochs.iter().filter(|epoch| epoch.is_ahead(now)).collect();
        due.extend(
            announced
                .iter()
                .map(|epoch| Due { what: DueWhat::EpochBegins(epoch.number), by: Some(epoch.activates_at) }),
        );
        if announced.is_empty() {
            let current = self.epochs.iter().find(|epoch| epoch.current);
            let by = current.map(|epoch| epoch.activates_at.plus_s(u64::from(limits::EPOCH_DAYS) * 86_400));
            due.push(Due { what: DueWhat::NextEpoch, by });
        }
        // Of a key with two pins there are two rows, and one thing to do.
        let changing: BTreeSet<&str> =
            self.own_keys.iter().filter(|key| key.changing).map(|key| key.name.as_str()).collect();
        due.extend(changing.into_iter().map(|name| Due { what: DueWhat::KeyChange(name.to_owned()), by: None }));
        due
    }
}

impl EpochView {
    /// Whether it is announced and will begin.
    fn is_ahead(&self, now: Timestamp) -> bool {
        self.activates_at > now && self.compromised_at.is_none()
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// All that is due, the nearest first; what has no end of its own comes last.
    pub fn list_due(&self, membership: &Membership, now: Timestamp) -> Vec<Due> {
        let mut due = membership.due(now);
        let (again, next) = self.list_due_for_republication(ListPosition::from_token(0), REPUBLICATIONS);
        if !again.is_empty() {
            let by = again.iter().filter_map(|due| due.readable_until).min();
            let what = DueWhat::Republication { indicators: again.len(), more: next.is_some() };
            due.push(Due { what, by });
        }
        // A stable sort: of one moment, in the order above.
        due.sort_by_key(|due| (due.by.is_none(), due.by));
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::epoch::EpochId;
    use crate::node::members::OwnKey;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);
    const DAY_S: u64 = 86_400;

    fn epoch(number: u32, activates_at: Timestamp, current: bool) -> EpochView {
        EpochView {
            number: KeyEpoch(number),
            id: EpochId([0; 16]),
            activates_at,
            compromised_at: None,
            current,
            readable: current,
            readable_until: None,
        }
    }

    fn membership(epochs: Vec<EpochView>) -> Membership {
        let changing =
            |name: &str, changing| OwnKey { name: name.to_owned(), key: String::new(), since: None, changing };
        Membership {
            roster_version: 3,
            roster_ends: NOW.plus_s(100 * DAY_S),
            quorum: 2,
            admins: 3,
            witness_quorum: 0,
            members: Vec::new(),
            epochs,
            own_keys: vec![changing("audit", false), changing("witness", true), changing("witness", true)],
        }
    }

    #[test]
    fn the_roster_the_next_epoch_and_keys_that_change_are_due() {
        let check = |epochs: Vec<EpochView>, expected: &[(DueWhat, Option<u64>)]| {
            let due: Vec<_> = membership(epochs).due(NOW).into_iter().map(|due| (due.what, due.by)).collect();
            let expected: Vec<_> = expected
                .iter()
                .cloned()
                .map(|(what, days)| (what, days.map(|days| NOW.plus_s(days * DAY_S))))
                .collect();
            assert_eq!(due, expected);
        };
        let (roster, key) = ((DueWhat::Roster, Some(100)), (DueWhat::KeyChange("witness".to_owned()), None));
        check(
            vec![epoch(1, NOW, true)],
            &[roster.clone(), (DueWhat::NextEpoch, Some(limits::EPOCH_DAYS.into())), key.clone()],
        );
        let announced = epoch(2, NOW.plus_s(14 * DAY_S), false);
        let begins = (DueWhat::EpochBegins(KeyEpoch(2)), Some(14));
        check(vec![epoch(1, NOW, true), announced.clone()], &[roster.clone(), begins, key.clone()]);
        let lost = EpochView { compromised_at: Some(NOW), ..announced };
        let next = (DueWhat::NextEpoch, Some(limits::EPOCH_DAYS.into()));
        check(vec![epoch(1, NOW, true), lost], &[roster, next, key]);
    }
}
