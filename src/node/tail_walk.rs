//! A snapshot's belief brought up to date by the journal's tail, so that checkouts are answered before the store is open.
//!
//! A light walk: of each record only what changes belief, through the same functions as the full replay. Nothing else of the
//! node exists yet, nothing is signed, charged or acknowledged from here, and nothing is verified that the full replay will
//! not verify again; where that finds damage, what stands here is dropped with the process.

use std::collections::BTreeMap;

use crate::base::name::{FeedId, MemberId};
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::belief::Belief;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::roster::verified::Roster;
use crate::domain::screening::freshness::FeedSigned;
use crate::node::believe::believe;
use crate::node::commit::{Appended, Commit, StoredEntry, change};
use crate::node::cut::Cut;
use crate::node::feeds::verifier_for;
use crate::node::open::check_clock;
use crate::node::state::{damaged, read_entry};
use crate::node::status::{Signed, freshness_of};
use crate::node::store::StorageFault;

/// Belief on its way from a snapshot to now.
#[derive(Debug)]
pub struct TailWalk<'a> {
    belief: Belief,
    roster: &'a Roster,
    feeds: BTreeMap<FeedId, Signed>,
    now: Timestamp,
    /// The newest moment any record told of.
    written_at: Timestamp,
}

impl<'a> TailWalk<'a> {
    /// `belief` and `cut` come from one snapshot.
    pub fn new(belief: Belief, cut: Cut, roster: &'a Roster, now: Timestamp) -> Self {
        let feeds = cut.feeds.into_iter().map(|feed| {
            let signed = Signed { signed_at: feed.signed_at, complete: feed.complete, quarantined: feed.quarantined };
            (feed.feed, signed)
        });
        Self { belief, roster, feeds: feeds.collect(), now, written_at: cut.taken_at }
    }

    /// Takes the next record behind the cut.
    pub fn take(&mut self, record: &[u8]) -> Result<(), StorageFault> {
        for kind in Commit::from_bytes(record)?.kinds() {
            match kind {
                change::Kind::Appended(appended) => self.appended(appended)?,
                change::Kind::Filled(filled) => {
                    let feed = self.feed(&filled.origin)?;
                    let entry = filled.entry.as_ref().ok_or_else(|| damaged("filled entry", "empty"))?;
                    self.believe(&feed, EntryIndex(filled.index), entry, Timestamp::from_unix_ms(filled.time_ms))?;
                }
                change::Kind::Equivocated(equivocated) => {
                    let feed = self.feed(&equivocated.origin)?;
                    self.belief.writer().set_quarantined(&feed.member, true);
                    self.feeds.entry(feed).or_default().quarantined = true;
                }
                change::Kind::Opened(_)
                | change::Kind::Prepared(_)
                | change::Kind::Audited(_)
                | change::Kind::Roster(_)
                | change::Kind::Budget(_)
                | change::Kind::Recovered(_) => {}
            }
        }
        Ok(())
    }

    /// What may be believed now, and how fresh every feed is for member `own`. `limit_s` stands in for the roster's limit.
    pub fn finish(self, own: &MemberId, limit_s: Option<u64>) -> Result<(Belief, Vec<FeedSigned>), StorageFault> {
        check_clock(self.written_at, self.now)?;
        self.belief.writer().expire(self.now.day());
        let feeds = freshness_of(self.roster, own, self.feeds.into_iter(), limit_s, self.now);
        Ok((self.belief, feeds))
    }

    fn appended(&mut self, appended: &Appended) -> Result<(), StorageFault> {
        let feed = self.feed(&appended.origin)?;
        let time = Timestamp::from_unix_ms(appended.time_ms);
        self.written_at = self.written_at.max(time);
        let mut index = EntryIndex(appended.first_index);
        let mut has_all = true;
        for entry in &appended.entries {
            has_all &= !entry.salt.is_empty();
            self.believe(&feed, index, entry, time)?;
            index = EntryIndex(index.0.saturating_add(1));
        }
        let note = appended.checkpoint.as_bytes();
        let checkpoint = verifier_for(self.roster, &feed, note)
            .and_then(|verifier| SignedCheckpoint::verify(note, &verifier))
            .map_err(|error| damaged(&appended.origin, error))?;
        self.witness(&feed, &checkpoint, TreeSize(index.0));
        let signed = self.feeds.entry(feed).or_default();
        // What explains a bare leaf is worked out by the full replay; until then the feed counts as incomplete, hence stale.
        signed.complete &= has_all;
        let signed_at = checkpoint.author_age_s(self.now).and(checkpoint.author_time());
        signed.signed_at = signed.signed_at.max(signed_at);
        Ok(())
    }

    /// Entries that enough members cosigned count fully.
    fn witness(&self, feed: &FeedId, checkpoint: &SignedCheckpoint, held: TreeSize) {
        let quorum = usize::try_from(self.roster.limits().witness_quorum).unwrap_or(usize::MAX);
        if quorum > 0
            && checkpoint.witness_count() >= quorum
            && let Ok(number) = self.belief.writer().feed(feed)
        {
            self.belief.set_witnessed(number, checkpoint.size().min(held));
        }
    }

    fn believe(
        &self,
        feed: &FeedId,
        index: EntryIndex,
        stored: &StoredEntry,
        first_seen: Timestamp,
    ) -> Result<(), StorageFault> {
        let entry = read_entry(stored)?;
        // A full belief is a limit of the machine; the full replay meets it too and tells of it.
        let _full = believe(&mut self.belief.writer(), feed, index, &entry, first_seen);
        Ok(())
    }

    fn feed(&self, origin: &str) -> Result<FeedId, StorageFault> {
        FeedId::from_origin(self.roster.consortium(), origin).map_err(|error| damaged("origin", error))
    }
}
