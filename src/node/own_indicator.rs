//! One own indicator by its name, as a listing of all shows it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::base::bytes::Commitment;
use crate::base::name::GroupId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::feed::entry::{EntryKind, Leaf};
use crate::node::Node;
use crate::node::own_indicators::{NoOwnPlace, OwnIndicator, Spoken};
use crate::node::state::damaged;
use crate::node::store::{Journal, StorageFault, Views};

/// Where a signed indicator of this member stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnEntry {
    pub group: GroupId,
    pub index: EntryIndex,
}

/// `GROUP-INDEX`.
impl fmt::Display for OwnEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.group, self.index)
    }
}

impl FromStr for OwnEntry {
    type Err = NoOwnPlace;

    fn from_str(text: &str) -> Result<Self, NoOwnPlace> {
        let (group, index) = text.rsplit_once('-').ok_or(NoOwnPlace)?;
        let index = EntryIndex(index.parse().map_err(|_| NoOwnPlace)?);
        Ok(Self { group: group.parse().map_err(|_| NoOwnPlace)?, index })
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// An own indicator as it stands; none where this member said nothing of that name. What is over stands in no memory any
    /// more: it is found by its place in the feed, which a listing tells.
    pub fn own_indicator(
        &self,
        name: &Commitment,
        place: Option<&OwnEntry>,
        now: Timestamp,
    ) -> Result<Option<OwnIndicator>, StorageFault> {
        let state = &self.state;
        if state.decoys.contains(name) {
            return Ok(None);
        }
        let about = self.list_disputes().into_iter().filter(|row| row.target == *name).collect();
        let spoken = Spoken { disputes: BTreeMap::from([(*name, about)]), today: now.day() };
        if state.pending.feed_of(name).is_some() {
            let mut waiting = state.pending.indicators_after(None);
            if let Some((_, feed, entry)) = waiting.find(|(waiting, ..)| waiting == name) {
                let blob = entry.content().map(|content| content.blob.as_slice()).unwrap_or_default();
                return Ok(Some(self.own_row(feed, None, entry.leaf(), blob, &spoken)));
            }
        }
        let believed = self.believed_at(name);
        let Some(OwnEntry { group, index }) = believed.as_ref().or(place) else { return Ok(None) };
        let id = state.identity.own_feed(group);
        let Some(feed) = state.feeds.get(&id).filter(|feed| index.0 < feed.durable_size.0) else { return Ok(None) };
        let (from, until) = (TreeSize(index.0), TreeSize(index.0.saturating_add(1)));
        let Some((index, stored)) = self.stretch_of(feed, from, until)?.pop() else { return Ok(None) };
        let leaf = Leaf::decode(&stored.leaf).map_err(|error| damaged(&feed.origin, error))?;
        // A place may be anybody's guess: what stands there has to be what was asked for.
        let named = leaf.kind == EntryKind::Indicator && leaf.commitment == *name;
        Ok(named.then(|| self.own_row(&id, Some(index), &leaf, &stored.blob, &spoken)))
    }

    /// Where an own indicator stands that is not over.
    fn believed_at(&self, name: &Commitment) -> Option<OwnEntry> {
        let statement = self.state.belief.writer().by_commitment(name)?;
        let view = self.state.belief.view();
        let feed = view.feed(statement.feed).filter(|feed| self.state.identity.is_own(feed))?;
        Some(OwnEntry { group: feed.group.clone(), index: statement.index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_leads_back_to_itself_and_nothing_else_is_one() {
        let place = OwnEntry { group: "all-of-us".parse().expect("valid"), index: EntryIndex(17) };
        assert_eq!(place.to_string().parse(), Ok(place));
        for none in ["", "all", "-1", "all-", "all-x", "All-1", "all--1"] {
            assert_eq!(none.parse::<OwnEntry>(), Err(NoOwnPlace), "{none}");
        }
    }
}
