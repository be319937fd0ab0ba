//! Where a snapshot of belief stands: which store, which record, which roster; and what a start needs beside belief to go on from
//! there and to answer: how fresh every feed was, what its author had used of its quota, who is excluded, the own lists.
//!
//! A snapshot is a cache. It is used only with the journal it was taken beside, from the record it names on, under the roster
//! it names: anything else and it is thrown away. The cut is made *before* belief is read: what is said meanwhile comes once
//! more with the journal's tail, which changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;
use sha2::{Digest, Sha256};

use crate::base::bytes::{Incarnation, Sha256Digest, WrongLength};
use crate::base::limits;
use crate::base::name::{ConsortiumId, FeedId, MemberId, NameError};
use crate::base::time::{Day, Timestamp};
use crate::domain::belief::image;
use crate::domain::exchange::quota::{DAYS, FeedQuota};
use crate::domain::roster::exclusion::Exclusions;
use crate::domain::roster::verified::Roster;
use crate::node::Node;
use crate::node::commit::ListedEntry;
use crate::node::list::{ListRow, read_row, stored_row};
use crate::node::quarantine::Row;
use crate::node::quarantine_stored::Quarantined;
use crate::node::store::{Journal, RecordNumber, StorageFault, Views};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pub incarnation: Incarnation,
    /// Of the journal's first record, which no other journal has.
    pub first_sha256: Sha256Digest,
    /// The last record the snapshot covers.
    pub record: RecordNumber,
    pub record_sha256: Sha256Digest,
    pub roster_sha256: Sha256Digest,
    pub taken_at: Timestamp,
    pub feeds: Vec<CutFeed>,
    /// The largest quota each member had so far.
    pub quotas: BTreeMap<MemberId, u32>,
    pub exclusions: Exclusions,
    /// What stood on the own lists, without notes, which screening does not read.
    pub listed: Arc<[ListRow]>,
    /// What was held back of others, as if nobody had decided of it: only that it is matters to screening.
    pub held_back: Vec<Row>,
}

/// One feed as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutFeed {
    pub feed: FeedId,
    /// When its author last signed.
    pub signed_at: Option<Timestamp>,
    /// No content is missing that nothing explains.
    pub complete: bool,
    pub quarantined: bool,
    /// What its author had used of the quota.
    pub quota: FeedQuota,
}

/// Where a node stands now, of which a cut would be made: costs nothing to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standpoint {
    /// The last record.
    pub record: RecordNumber,
    pub roster_sha256: Sha256Digest,
    pub now: Timestamp,
}

/// The bytes are no cut of this program's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    #[error("not a cut: {0}")]
    Encoding(String),
    #[error("belief is written in version {found}, this program reads {known}")]
    Version { found: u32, known: u32 },
    #[error(transparent)]
    Length(#[from] WrongLength),
    #[error("a name: {0}")]
    Name(#[from] NameError),
    #[error("a feed shows {got} days, they are {limit}")]
    Days { got: usize, limit: usize },
    #[error(transparent)]
    Listed(#[from] StorageFault),
}

/// A cut that does not belong to what it is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("it was taken beside another journal, or before records of it were rewritten")]
    OtherRecord,
    #[error("it was taken in another life of this store")]
    OtherIncarnation,
    #[error("it was taken under another roster")]
    OtherRoster,
    #[error("it was taken at {taken_at}, the clock says {now}")]
    Ahead { taken_at: Timestamp, now: Timestamp },
}

#[derive(Clone, PartialEq, Message)]
struct Stored {
    #[prost(uint32, tag = "1")]
    image_version: u32,
    #[prost(bytes = "vec", tag = "2")]
    incarnation: Vec<u8>,
    #[prost(uint64, tag = "3")]
    record: u64,
    #[prost(bytes = "vec", tag = "4")]
    record_sha256: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    roster_sha256: Vec<u8>,
    #[prost(uint64, tag = "6")]
    taken_at_ms: u64,
    #[prost(message, repeated, tag = "7")]
    feeds: Vec<StoredFeed>,
    #[prost(bytes = "vec", tag = "8")]
    first_sha256: Vec<u8>,
    #[prost(btree_map = "string, uint32", tag = "9")]
    quotas: BTreeMap<String, u32>,
    /// Since when, milliseconds since 1970.
    #[prost(btree_map = "string, uint64", tag = "10")]
    excluded: BTreeMap<String, u64>,
    #[prost(message, repeated, tag = "11")]
    listed: Vec<ListedEntry>,
    #[prost(message, repeated, tag = "12")]
    held_back: Vec<Quarantined>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredFeed {
    #[prost(string, tag = "1")]
    origin: String,
    #[prost(uint64, optional, tag = "2")]
    signed_at_ms: Option<u64>,
    #[prost(bool, tag = "3")]
    complete: bool,
    #[prost(bool, tag = "4")]
    quarantined: bool,
    #[prost(uint32, optional, tag = "5")]
    newest_day: Option<u32>,
    /// Of the newest day, the one before, …
    #[prost(uint64, repeated, tag = "6")]
    shown: Vec<u64>,
}

impl Cut {
    pub fn encode(&self, consortium: &ConsortiumId) -> Vec<u8> {
        let feeds = self.feeds.iter().map(|feed| {
            let (newest, shown) = feed.quota.shown();
            StoredFeed {
                origin: feed.feed.origin(consortium),
                signed_at_ms: feed.signed_at.map(Timestamp::unix_ms),
                complete: feed.complete,
                quarantined: feed.quarantined,
                newest_day: newest.map(|day| day.0),
                shown: shown.to_vec(),
            }
        });
        let stored = Stored {
            image_version: image::VERSION,
            incarnation: self.incarnation.0.to_vec(),
            record: self.record.0,
            record_sha256: self.record_sha256.0.to_vec(),
            roster_sha256: self.roster_sha256.0.to_vec(),
            taken_at_ms: self.taken_at.unix_ms(),
            feeds: feeds.collect(),
            first_sha256: self.first_sha256.0.to_vec(),
            quotas: self.quotas.iter().map(|(member, quota)| (member.to_string(), *quota)).collect(),
            excluded: self.exclusions.all().map(|(member, since)| (member.to_string(), since.unix_ms())).collect(),
            listed: self.listed.iter().map(stored_row).collect(),
            held_back: self.held_back.iter().map(Row::stored).collect(),
        };
        stored.encode_to_vec()
    }

    pub fn decode(bytes: &[u8], consortium: &ConsortiumId) -> Result<Self, CutError> {
        let stored = Stored::decode(bytes).map_err(|error| CutError::Encoding(error.to_string()))?;
        if stored.image_version != image::VERSION {
            return Err(CutError::Version { found: stored.image_version, known: image::VERSION });
        }
        let feeds = stored.feeds.into_iter().map(|feed| {
            let (got, limit) = (feed.shown.len(), DAYS);
            let shown = feed.shown.try_into().map_err(|_| CutError::Days { got, limit })?;
            Ok(CutFeed {
                feed: FeedId::from_origin(consortium, &feed.origin)?,
                signed_at: feed.signed_at_ms.map(Timestamp::from_unix_ms),
                complete: feed.complete,
                quarantined: feed.quarantined,
                quota: FeedQuota::restored(feed.newest_day.map(Day), shown),
            })
        });
        let quotas = stored.quotas.into_iter().map(|(member, quota)| Ok((member.parse()?, quota)));
        let excluded =
            stored.excluded.into_iter().map(|(member, since)| Ok((member.parse()?, Timestamp::from_unix_ms(since))));
        Ok(Self {
            feeds: feeds.collect::<Result<_, CutError>>()?,
            quotas: quotas.collect::<Result<_, NameError>>()?,
            exclusions: excluded.collect::<Result<_, NameError>>()?,
            listed: stored.listed.iter().map(read_row).collect::<Result<_, _>>()?,
            held_back: stored.held_back.iter().map(Row::read).collect::<Result<_, _>>()?,
            first_sha256: Sha256Digest::try_from(stored.first_sha256.as_slice())?,
            incarnation: Incarnation::try_from(stored.incarnation.as_slice())?,
            record: RecordNumber(stored.record),
            record_sha256: Sha256Digest::try_from(stored.record_sha256.as_slice())?,
            roster_sha256: Sha256Digest::try_from(stored.roster_sha256.as_slice())?,
            taken_at: Timestamp::from_unix_ms(stored.taken_at_ms),
        })
    }

    /// Whether it belongs to a store: `read` gives records of the journal, `reserved` is the incarnation the file of reserved
    /// sizes names, where there is one.
    pub fn check(
        &self,
        read: impl Fn(RecordNumber) -> Option<Vec<u8>>,
        reserved: Option<Incarnation>,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<(), Unfit> {
        let digest = |number| read(number).map(|record| sha256(&record));
        if digest(RecordNumber(0)) != Some(self.first_sha256) || digest(self.record) != Some(self.record_sha256) {
            return Err(Unfit::OtherRecord);
        }
        if reserved.is_some_and(|reserved| reserved != self.incarnation) {
            return Err(Unfit::OtherIncarnation);
        }
        if roster.sha256() != self.roster_sha256 {
            return Err(Unfit::OtherRoster);
        }
        if self.taken_at.ms_since(now) > limits::CLOCK_AHEAD_S * 1000 {
            return Err(Unfit::Ahead { taken_at: self.taken_at, now });
        }
        Ok(())
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Whether a cut is worth making is decided by this.
    pub fn standpoint(&self, now: Timestamp) -> Standpoint {
        let record = RecordNumber(self.journal.next_number().0.saturating_sub(1));
        Standpoint { record, roster_sha256: self.state.roster.sha256(), now }
    }

    /// Where a snapshot stands that is begun afterwards. Everything before is durable and shows: only then has each entry had its
    /// place in its author's quota.
    pub fn cut(&mut self, now: Timestamp) -> Result<Cut, StorageFault> {
        self.sync()?;
        let Standpoint { record, roster_sha256, now } = self.standpoint(now);
        let feeds = self.state.feeds.values().map(|feed| CutFeed {
            feed: feed.id().clone(),
            signed_at: feed.signed_at(now),
            complete: feed.uncovered.is_empty(),
            quarantined: feed.equivocation.is_some(),
            quota: feed.quota,
        });
        let listed = self.state.lists.after(None).filter(|(_, _, listing)| listing.acts(now));
        Ok(Cut {
            incarnation: self.state.incarnation,
            record,
            record_sha256: sha256(&self.journal.read(record)?),
            roster_sha256,
            taken_at: now,
            feeds: feeds.collect(),
            first_sha256: sha256(&self.journal.read(RecordNumber(0))?),
            quotas: self.state.quotas.clone(),
            exclusions: self.state.exclusions.clone(),
            listed: listed.map(|(list, name, listing)| (list, *name, listing.without_note())).collect(),
            held_back: self.state.quarantines.held_back().collect(),
        })
    }
}

fn sha256(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::{Commitment, LocalMac};
    use crate::base::kind::IdentifierKind;
    use crate::domain::indicator::note::Note;
    use crate::domain::screening::own_lists::{Listing, ListingReason, OwnList};
    use crate::node::quarantine::Subject;
    use crate::node::quarantine::tests::row;

    fn consortium() -> ConsortiumId {
        "demo.example".parse().expect("valid")
    }

    fn member(id: &str) -> MemberId {
        id.parse().expect("valid")
    }

    fn cut() -> Cut {
        let feed = FeedId { member: "bank-a".parse().expect("valid"), group: "all".parse().expect("valid") };
        let feed = CutFeed {
            feed,
            signed_at: Some(Timestamp::from_unix_s(5)),
            complete: true,
            quarantined: false,
            quota: FeedQuota::restored(Some(Day(20_000)), [3, 0, 9]),
        };
        let listing = Listing {
            kind: IdentifierKind::Device,
            since: Timestamp::from_unix_s(3),
            until: Some(Timestamp::from_unix_s(90)),
            reason: ListingReason::OwnFraud,
            note: Note::default(),
        };
        let silent = CutFeed {
            signed_at: None,
            complete: false,
            quarantined: true,
            quota: FeedQuota::default(),
            ..feed.clone()
        };
        Cut {
            incarnation: Incarnation([1; 16]),
            record: RecordNumber(7),
            record_sha256: sha256(b"the record"),
            roster_sha256: Sha256Digest([3; 32]),
            taken_at: Timestamp::from_unix_s(9),
            feeds: vec![feed, silent],
            first_sha256: sha256(b"the first record"),
            quotas: BTreeMap::from([(member("bank-a"), 500), (member("gone"), 20)]),
            exclusions: [(member("gone"), Timestamp::from_unix_s(7))].into_iter().collect(),
            listed: [(OwnList::Block, LocalMac([5; 32]), listing)].into(),
            held_back: vec![row(1, Subject::Indicator(Commitment([7; 32])))],
        }
    }

    #[test]
    fn a_cut_is_read_as_it_was_written() {
        let bytes = cut().encode(&consortium());
        assert_eq!(Cut::decode(&bytes, &consortium()), Ok(cut()));
        let foreign = Cut::decode(&bytes, &"other.example".parse().expect("valid"));
        assert!(matches!(foreign, Err(CutError::Name(_))), "{foreign:?}");
    }

    #[test]
    fn a_cut_of_another_version_or_none_at_all_is_refused() {
        let mut stored = Stored::decode(cut().encode(&consortium()).as_slice()).expect("as written");
        stored.image_version = image::VERSION + 1;
        let refused = Cut::decode(&stored.encode_to_vec(), &consortium());
        assert_eq!(refused, Err(CutError::Version { found: image::VERSION + 1, known: image::VERSION }));
        stored.image_version = image::VERSION;
        stored.incarnation.pop();
        assert!(matches!(Cut::decode(&stored.encode_to_vec(), &consortium()), Err(CutError::Length(_))));
        assert!(matches!(Cut::decode(&[0xff; 9], &consortium()), Err(CutError::Encoding(_))));
        let mut stored = Stored::decode(cut().encode(&consortium()).as_slice()).expect("as written");
        stored.listed[0].list = 9;
        assert!(matches!(Cut::decode(&stored.encode_to_vec(), &consortium()), Err(CutError::Listed(_))));
        stored.feeds[0].shown.pop();
        let refused = Cut::decode(&stored.encode_to_vec(), &consortium());
        assert_eq!(refused, Err(CutError::Days { got: 2, limit: DAYS }));
    }
}
