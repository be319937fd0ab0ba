//! What this member said: its own indicators as they stand, the newest first, with who holds them and what others think of them.
//!
//! Read from the own feeds, where every indicator keeps its place for ever; what it says is sealed, and so not told here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::base::bytes::Commitment;
use crate::base::epoch::KeyEpoch;
use crate::base::kind::IdentifierKind;
use crate::base::name::{FeedId, GroupId, MemberId};
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Hour, Timestamp};
use crate::domain::belief::disputes::DisputeRow;
use crate::domain::belief::record::State as Standing;
use crate::domain::feed::blob::indicator::Indicator;
use crate::domain::feed::entry::{EntryKind, Leaf};
use crate::node::Node;
use crate::node::commit::StoredEntry;
use crate::node::feeds::Feed;
use crate::node::sightings::Tally;
use crate::node::state::damaged;
use crate::node::store::{Journal, StorageFault, Views};

/// Entries looked through for one page. A page of a narrow filter may come back empty, with a place to go on from.
const SCANNED_PER_PAGE: usize = 2_000;

/// Entries read at once.
const STRETCH: u64 = 250;

/// How an own indicator stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnState {
    /// Acknowledged here, and waiting for its window.
    Pending,
    Live,
    /// Taken back; also while the retraction itself waits for its window.
    Retracted,
    Expired,
    /// Its content is gone everywhere.
    Erased,
}

impl OwnState {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Live, Self::Retracted, Self::Expired, Self::Erased];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Live => "live",
            Self::Retracted => "retracted",
            Self::Expired => "expired",
            Self::Erased => "erased",
        }
    }

    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.label() == label)
    }
}

/// Which of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnFilter {
    pub state: Option<OwnState>,
    pub kind: Option<IdentifierKind>,
    /// Only those that somebody disputes.
    pub disputed: bool,
    /// Only those of which others told what they saw.
    pub sighted: bool,
}

/// One own indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnIndicator {
    pub commitment: Commitment,
    pub feed: FeedId,
    /// None while it waits.
    pub index: Option<EntryIndex>,
    /// None once its content is gone.
    pub kind: Option<IdentifierKind>,
    pub epoch: Option<KeyEpoch>,
    /// When it was said, to the hour, as others learn it.
    pub hour: Option<Hour>,
    /// From this day on it counts nowhere.
    pub expires: Day,
    pub state: OwnState,
    /// Members that acknowledged it.
    pub received_by: Vec<MemberId>,
    /// Members that may read it and have not acknowledged it.
    pub awaited: Vec<MemberId>,
    pub sightings: Tally,
    pub disputes: Vec<DisputeRow>,
}

/// A page of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OwnPage {
    pub rows: Vec<OwnIndicator>,
    /// Where the next page starts; none at the end.
    pub next: Option<OwnPlace>,
}

/// Where a listing goes on: first what waits, in the order of names, then feed by feed, below an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnPlace {
    Waiting { after: Option<Commitment> },
    Signed { group: GroupId, below: TreeSize },
}

impl OwnPlace {
    pub const START: Self = Self::Waiting { after: None };
}

/// `waiting`, `waiting-COMMITMENT` or `GROUP-INDEX`.
impl fmt::Display for OwnPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { after: None } => f.write_str("WAITING"),
            Self::Waiting { after: Some(after) } => write!(f, "WAITING-{after}"),
            Self::Signed { group, below } => write!(f, "{group}-{below}"),
        }
    }
}

/// No token that this node gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a page token is what the page before gave, unchanged")]
pub struct NoOwnPlace;

impl FromStr for OwnPlace {
    type Err = NoOwnPlace;

    fn from_str(token: &str) -> Result<Self, NoOwnPlace> {
        // No group has capital letters.
        if token == "WAITING" {
            return Ok(Self::START);
        }
        if let Some(hex) = token.strip_prefix("WAITING-") {
            let bytes = hex::decode(hex).map_err(|_| NoOwnPlace)?;
            let after = Commitment::try_from(bytes.as_slice()).map_err(|_| NoOwnPlace)?;
            return Ok(Self::Waiting { after: Some(after) });
        }
        let (group, below) = token.rsplit_once('-').ok_or(NoOwnPlace)?;
        let group = group.parse().map_err(|_| NoOwnPlace)?;
        Ok(Self::Signed { group, below: TreeSize(below.parse().map_err(|_| NoOwnPlace)?) })
    }
}

/// What is asked once for all rows of a page.
pub(in crate::node) struct Spoken {
    pub(in crate::node) disputes: BTreeMap<Commitment, Vec<DisputeRow>>,
    pub(in crate::node) today: Day,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Own indicators from a place on; decoys are left out.
    pub fn list_own_indicators(
        &self,
        filter: &OwnFilter,
        place: &OwnPlace,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnPage, StorageFault> {
        let mut disputes: BTreeMap<Commitment, Vec<DisputeRow>> = BTreeMap::new();
        for row in self.list_disputes() {
            disputes.entry(row.target).or_default().push(row);
        }
        let spoken = Spoken { disputes, today: now.day() };
        let mut page = OwnPage::default();
        let mut place = Some(place.clone());
        let mut scanned = 0;
        while let Some(at) = place.take() {
            if page.rows.len() >= limit || scanned >= SCANNED_PER_PAGE {
                page.next = Some(at);
                break;
            }
            place = match at {
                OwnPlace::Waiting { after } => self.add_waiting(after, filter, limit, &spoken, &mut page),
                OwnPlace::Signed { group, below } => {
                    let feed = self.state.identity.own_feed(&group);
                    self.add_signed(&feed, below, (filter, limit), &spoken, &mut page, &mut scanned)?
                }
            };
        }
        Ok(page)
    }

    /// Adds what waits; where to go on.
    fn add_waiting(
        &self,
        after: Option<Commitment>,
        filter: &OwnFilter,
        limit: usize,
        spoken: &Spoken,
        page: &mut OwnPage,
    ) -> Option<OwnPlace> {
        let mut last = after;
        for (commitment, feed, entry) in self.state.pending.indicators_after(after) {
            if page.rows.len() >= limit {
                return Some(OwnPlace::Waiting { after: last });
            }
            last = Some(commitment);
            let blob = entry.content().map(|content| content.blob.as_slice()).unwrap_or_default();
            let row = self.own_row(feed, None, entry.leaf(), blob, spoken);
            if filter.keeps(&row) {
                page.rows.push(row);
            }
        }
        self.first_behind(None)
    }

    /// Adds entries of an own feed below an index, the newest first; where to go on.
    fn add_signed(
        &self,
        id: &FeedId,
        below: TreeSize,
        (filter, limit): (&OwnFilter, usize),
        spoken: &Spoken,
        page: &mut OwnPage,
        scanned: &mut usize,
    ) -> Result<Option<OwnPlace>, StorageFault> {
        let Some(feed) = self.state.feeds.get(id) else { return Ok(self.first_behind(Some(&id.group))) };
        let until = below.min(feed.durable_size);
        let from = TreeSize(until.0.saturating_sub(STRETCH));
        let mut below = until;
        for (index, stored) in self.stretch_of(feed, from, until)?.into_iter().rev() {
            if page.rows.len() >= limit {
                return Ok(Some(OwnPlace::Signed { group: id.group.clone(), below }));
            }
            *scanned += 1;
            below = TreeSize(index.0);
            let leaf = Leaf::decode(&stored.leaf).map_err(|error| damaged(&feed.origin, error))?;
            if leaf.kind != EntryKind::Indicator || self.state.decoys.contains(&leaf.commitment) {
                continue;
            }
            let row = self.own_row(id, Some(index), &leaf, &stored.blob, spoken);
            if filter.keeps(&row) {
                page.rows.push(row);
            }
        }
        Ok(match below {
            TreeSize::EMPTY => self.first_behind(Some(&id.group)),
            below => Some(OwnPlace::Signed { group: id.group.clone(), below }),
        })
    }

    /// The newest place of the first own feed behind a group.
    fn first_behind(&self, group: Option<&GroupId>) -> Option<OwnPlace> {
        let own = self.state.feeds.values().filter(|feed| self.state.identity.is_own(feed.id()));
        let mut behind = own.filter(|feed| group.is_none_or(|group| *group < feed.id().group));
        let next = behind.next()?;
        Some(OwnPlace::Signed { group: next.id().group.clone(), below: next.durable_size })
    }

    /// All entries `[from, until)` of a feed.
    pub(in crate::node) fn stretch_of(
        &self,
        feed: &Feed,
        from: TreeSize,
        until: TreeSize,
    ) -> Result<Vec<(EntryIndex, StoredEntry)>, StorageFault> {
        let mut stretch = Vec::new();
        let mut next = from;
        while next < until {
            let entries = self.entries(feed, next, until, usize::MAX)?;
            stretch.extend((next.0..).map(EntryIndex).zip(entries));
            next = stretch.last().map_or(until, |(index, _)| TreeSize(index.0.saturating_add(1)));
        }
        Ok(stretch)
    }

    pub(in crate::node) fn own_row(
        &self,
        feed: &FeedId,
        index: Option<EntryIndex>,
        leaf: &Leaf,
        blob: &[u8],
        spoken: &Spoken,
    ) -> OwnIndicator {
        let state = &self.state;
        let held = state.feeds.get(feed);
        let said = Indicator::decode(blob).ok();
        let standing = state.belief.writer().by_commitment(&leaf.commitment).map(|statement| statement.state);
        let own_state = if held.is_some_and(|held| held.is_erased(leaf)) {
            OwnState::Erased
        } else if standing == Some(Standing::Retracted) || state.pending.withdraws(&leaf.commitment) {
            OwnState::Retracted
        } else if leaf.expires_day <= spoken.today {
            OwnState::Expired
        } else if index.is_none() {
            OwnState::Pending
        } else {
            OwnState::Live
        };
        let (mut received_by, mut awaited) = (Vec::new(), Vec::new());
        for peer in state.roster.peers_of(&state.identity.member) {
            let acknowledged = held.and_then(|held| held.acknowledged.get(&peer.id));
            if index.zip(acknowledged).is_some_and(|(index, size)| index.0 < size.0) {
                received_by.push(peer.id.clone());
            } else if state.roster.may_read(&peer.id, feed) {
                awaited.push(peer.id.clone());
            }
        }
        OwnIndicator {
            commitment: leaf.commitment,
            feed: feed.clone(),
            index,
            kind: said.as_ref().map(|said| said.kind),
            epoch: state.roster.epoch_by_id(&leaf.epoch_id).map(|epoch| epoch.number),
            hour: said.map(|said| said.hour),
            expires: leaf.expires_day,
            state: own_state,
            received_by,
            awaited,
            sightings: state.sightings.tally(&leaf.commitment),
            disputes: spoken.disputes.get(&leaf.commitment).cloned().unwrap_or_default(),
        }
    }
}

impl OwnFilter {
    fn keeps(&self, row: &OwnIndicator) -> bool {
        self.state.is_none_or(|state| row.state == state)
            && self.kind.is_none_or(|kind| row.kind == Some(kind))
            && (!self.disputed || !row.disputes.is_empty())
            && (!self.sighted || row.sightings.reporters() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_place_and_nothing_else_is_one() {
        let signed = OwnPlace::Signed { group: "all-of-us".parse().expect("valid"), below: TreeSize(17) };
        for place in [OwnPlace::START, OwnPlace::Waiting { after: Some(Commitment([7; 32])) }, signed] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for no_token in ["", "all", "-1", "all-", "all-x", "WAITING-", "WAITING-07", "All-1"] {
            assert_eq!(no_token.parse::<OwnPlace>(), Err(NoOwnPlace), "{no_token}");
        }
    }
}
