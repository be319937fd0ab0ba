//! Where a snapshot of belief stands: which store, which record, which roster, and how fresh every feed was then.
//!
//! A snapshot is a cache. It is used only with the journal it was taken beside, from the record it names on, under the roster
//! it names: anything else and it is thrown away. The cut is made *before* belief is read: what is said meanwhile comes once
//! more with the journal's tail, which changes nothing.

use prost::Message;
use sha2::{Digest, Sha256};

use crate::base::bytes::{Incarnation, Sha256Digest, WrongLength};
use crate::base::limits;
use crate::base::name::{ConsortiumId, FeedId, NameError};
use crate::base::time::Timestamp;
use crate::domain::belief::image;
use crate::domain::roster::verified::Roster;
use crate::node::Node;
use crate::node::store::{Journal, RecordNumber, StorageFault, Views};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pub incarnation: Incarnation,
    /// The last record the snapshot covers.
    pub record: RecordNumber,
    pub record_sha256: Sha256Digest,
    pub roster_sha256: Sha256Digest,
    pub taken_at: Timestamp,
    pub feeds: Vec<CutFeed>,
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
    #[error("feed: {0}")]
    Feed(#[from] NameError),
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
}

impl Cut {
    pub fn encode(&self, consortium: &ConsortiumId) -> Vec<u8> {
        let feeds = self.feeds.iter().map(|feed| StoredFeed {
            origin: feed.feed.origin(consortium),
            signed_at_ms: feed.signed_at.map(Timestamp::unix_ms),
            complete: feed.complete,
            quarantined: feed.quarantined,
        });
        let stored = Stored {
            image_version: image::VERSION,
            incarnation: self.incarnation.0.to_vec(),
            record: self.record.0,
            record_sha256: self.record_sha256.0.to_vec(),
            roster_sha256: self.roster_sha256.0.to_vec(),
            taken_at_ms: self.taken_at.unix_ms(),
            feeds: feeds.collect(),
        };
        stored.encode_to_vec()
    }

    pub fn decode(bytes: &[u8], consortium: &ConsortiumId) -> Result<Self, CutError> {
        let stored = Stored::decode(bytes).map_err(|error| CutError::Encoding(error.to_string()))?;
        if stored.image_version != image::VERSION {
            return Err(CutError::Version { found: stored.image_version, known: image::VERSION });
        }
        let feeds = stored.feeds.into_iter().map(|feed| {
            Ok(CutFeed {
                feed: FeedId::from_origin(consortium, &feed.origin)?,
                signed_at: feed.signed_at_ms.map(Timestamp::from_unix_ms),
                complete: feed.complete,
                quarantined: feed.quarantined,
            })
        });
        Ok(Self {
            feeds: feeds.collect::<Result<_, NameError>>()?,
            incarnation: Incarnation::try_from(stored.incarnation.as_slice())?,
            record: RecordNumber(stored.record),
            record_sha256: Sha256Digest::try_from(stored.record_sha256.as_slice())?,
            roster_sha256: Sha256Digest::try_from(stored.roster_sha256.as_slice())?,
            taken_at: Timestamp::from_unix_ms(stored.taken_at_ms),
        })
    }

    /// Whether it belongs to a store: `record` is what the journal has under the number it names, `reserved` the incarnation the
    /// file of reserved sizes names, where there is one.
    pub fn check(
        &self,
        record: Option<&[u8]>,
        reserved: Option<Incarnation>,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<(), Unfit> {
        if record.map(sha256) != Some(self.record_sha256) {
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
    /// Where a snapshot stands that is begun once the staged commits are durable and show.
    pub fn cut(&self, now: Timestamp) -> Result<Cut, StorageFault> {
        let record = RecordNumber(self.journal.next_number().0.saturating_sub(1));
        let feeds = self.state.feeds.values().map(|feed| CutFeed {
            feed: feed.id().clone(),
            signed_at: feed.signed_at(now),
            complete: feed.uncovered.is_empty(),
            quarantined: feed.equivocation.is_some(),
        });
        Ok(Cut {
            incarnation: self.state.incarnation,
            record,
            record_sha256: sha256(&self.journal.read(record)?),
            roster_sha256: self.state.roster.sha256(),
            taken_at: now,
            feeds: feeds.collect(),
        })
    }
}

fn sha256(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consortium() -> ConsortiumId {
        "demo.example".parse().expect("valid")
    }

    fn cut() -> Cut {
        let feed = FeedId { member: "bank-a".parse().expect("valid"), group: "all".parse().expect("valid") };
        let feed = CutFeed { feed, signed_at: Some(Timestamp::from_unix_s(5)), complete: true, quarantined: false };
        let silent = CutFeed { signed_at: None, complete: false, quarantined: true, ..feed.clone() };
        Cut {
            incarnation: Incarnation([1; 16]),
            record: RecordNumber(7),
            record_sha256: sha256(b"the record"),
            roster_sha256: Sha256Digest([3; 32]),
            taken_at: Timestamp::from_unix_s(9),
            feeds: vec![feed, silent],
        }
    }

    #[test]
    fn a_cut_is_read_as_it_was_written() {
        let bytes = cut().encode(&consortium());
        assert_eq!(Cut::decode(&bytes, &consortium()), Ok(cut()));
        let foreign = Cut::decode(&bytes, &"other.example".parse().expect("valid"));
        assert!(matches!(foreign, Err(CutError::Feed(_))), "{foreign:?}");
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
    }
}
