//! What the node knows of each feed it holds: how far it is verified, what may be shown of it, who has it.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::bytes::Commitment;
use crate::base::name::{ConsortiumId, FeedId, MemberId};
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::exchange::cursor::Cursor;
use crate::domain::exchange::quota::FeedQuota;
use crate::domain::feed::blob::erasure::Erasure;
use crate::domain::feed::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::domain::feed::checkpoint_error::CheckpointError;
use crate::domain::feed::entry::{Entry, EntryKind, Leaf};
use crate::domain::feed::tiles::HashTiles;
use crate::domain::feed::verifier::FeedVerifier;
use crate::domain::note::SignedNote;
use crate::domain::roster::member::FeedKey;
use crate::domain::roster::verified::Roster;
use crate::node::commit::Equivocated;
use crate::node::cosign::Quorum;
use crate::node::heads::Head;
use crate::node::store::RecordNumber;
use crate::node::unbelieved::Unbelieved;

/// One feed.
#[derive(Debug)]
pub struct Feed {
    /// `<consortium>/<member>/<group>`.
    pub origin: String,
    /// Verified or, for own feeds, signed up to here; the newest commit included, durable or not.
    pub cursor: Cursor,
    /// The right edge of the same tree; full tiles lie in the views.
    pub tiles: HashTiles,
    /// What may be shown to others: durable and complete.
    pub head: Option<Head>,
    /// Durable entries.
    pub durable_size: TreeSize,
    /// How far each peer has acknowledged (own feeds).
    pub acknowledged: BTreeMap<MemberId, TreeSize>,
    /// Sizes after each of our own retractions (own feeds).
    pub retractions: Vec<TreeSize>,
    /// The author signed two trees: nothing of the feed counts any more.
    pub equivocation: Option<Equivocated>,
    /// The silence alarm is up.
    pub silent: bool,
    /// Largest size any peer told of.
    pub told: TreeSize,
    /// Which checkpoints enough members cosigned.
    pub quorum: Quorum,
    /// Belief counts entries below it as cosigned by enough members.
    pub witnessed: TreeSize,
    /// Entries whose content the author ordered erased.
    pub erased: BTreeSet<Commitment>,
    /// Bare leaves that neither expiry nor an erasure explains so far. While there are any the feed is not complete:
    /// somebody may have kept a retraction from us.
    pub uncovered: BTreeMap<EntryIndex, Leaf>,
    /// Records that hold contents which came later than their leaves.
    pub filled: BTreeMap<EntryIndex, RecordNumber>,
    /// What it has used of its author's daily quota.
    pub quota: FeedQuota,
    /// What of it does not count here.
    pub unbelieved: Unbelieved,
}

impl Feed {
    pub fn new(consortium: &ConsortiumId, id: FeedId) -> Self {
        Self {
            origin: id.origin(consortium),
            cursor: Cursor::start(id),
            tiles: HashTiles::default(),
            head: None,
            durable_size: TreeSize::EMPTY,
            acknowledged: BTreeMap::new(),
            retractions: Vec::new(),
            equivocation: None,
            silent: false,
            told: TreeSize::EMPTY,
            quorum: Quorum::default(),
            witnessed: TreeSize::EMPTY,
            erased: BTreeSet::new(),
            uncovered: BTreeMap::new(),
            filled: BTreeMap::new(),
            quota: FeedQuota::default(),
            unbelieved: Unbelieved::default(),
        }
    }

    pub fn id(&self) -> &FeedId {
        &self.cursor.feed
    }

    /// Entries held.
    pub fn size(&self) -> TreeSize {
        self.tiles.size()
    }

    /// When the author last signed, as far as it told and `now` lets us believe it.
    pub fn signed_at(&self, now: Timestamp) -> Option<Timestamp> {
        let checkpoint = self.cursor.checkpoint.as_ref()?;
        checkpoint.author_age_s(now).and(checkpoint.author_time())
    }

    /// Takes note of an entry: what an erasure covers, and what a bare leaf leaves open.
    pub fn note(&mut self, index: EntryIndex, entry: &Entry) {
        let leaf = *entry.leaf();
        if let (EntryKind::Erasure, Some(content)) = (leaf.kind, entry.content())
            && let Ok(erasure) = Erasure::decode(&content.blob)
        {
            self.uncovered.retain(|_, open| open.commitment != erasure.target || !open.kind.is_erasable());
            self.erased.insert(erasure.target);
        }
        if entry.content().is_none() && !self.is_erased(&leaf) {
            self.uncovered.insert(index, leaf);
        }
    }

    /// Whether the author ordered this content erased.
    pub fn is_erased(&self, leaf: &Leaf) -> bool {
        leaf.kind.is_erasable() && self.erased.contains(&leaf.commitment)
    }

    /// Expiry explains bare leaves too. Called with every new day.
    pub fn cover_expired(&mut self, today: Day) {
        self.uncovered.retain(|_, leaf| leaf.expires_day >= today);
    }

    /// Where to go on: at the first entry whose content is still missing, once all leaves are here.
    pub fn next_wanted(&self) -> TreeSize {
        let complete = self.cursor.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.size() <= self.size());
        match self.uncovered.first_key_value() {
            Some((index, _)) if complete => TreeSize(index.0),
            _ => self.size(),
        }
    }

    /// Everything held is durable: it may be shown. A checkpoint ahead of what we hold waits until we hold it all; one of a
    /// former key is for its author alone, until that has signed it again.
    pub fn show(&mut self, roster: &Roster) {
        self.durable_size = self.size();
        let complete = self.cursor.checkpoint.as_ref().filter(|checkpoint| checkpoint.size() == self.tiles.size());
        let complete = complete.filter(|_| self.uncovered.is_empty());
        if let Some(checkpoint) = complete {
            let beside = self.quorum.beside(checkpoint.size());
            let is_former = !is_named(roster, self.id(), checkpoint);
            let unchanged = self.head.as_ref().is_some_and(|head| {
                let same = (head.size, head.is_former) == (checkpoint.size(), is_former);
                same && head.signatures == *checkpoint.cosigners() && head.tells(&beside)
            });
            if !unchanged {
                let signatures = checkpoint.cosigners().clone();
                let note = checkpoint.note_text().into();
                let (size, under) = (checkpoint.size(), roster.version());
                self.head = Some(Head { size, checkpoint: note, signatures, beside, is_former, under });
            }
        }
    }

    /// The checkpoints to which cosignatures may be added.
    pub fn signed_mut(&mut self) -> impl Iterator<Item = &mut SignedCheckpoint> {
        let awaiting = self.quorum.awaiting.as_mut().map(|awaiting| &mut awaiting.checkpoint);
        self.cursor.checkpoint.as_mut().into_iter().chain(awaiting)
    }

    /// Entries a peer has not acknowledged.
    pub fn unacknowledged(&self, peer: &MemberId) -> u64 {
        let acknowledged = self.acknowledged.get(peer).copied().unwrap_or_default();
        self.size().0.saturating_sub(acknowledged.0)
    }

    /// Retractions a peer has not acknowledged.
    pub fn unacknowledged_retractions(&self, peer: &MemberId) -> u64 {
        let acknowledged = self.acknowledged.get(peer).copied().unwrap_or_default();
        let open = self.retractions.iter().filter(|size| **size > acknowledged).count();
        u64::try_from(open).unwrap_or(u64::MAX)
    }
}

/// What verifies a checkpoint of `feed` that comes as `note`: the key the roster has for the size it claims, and the witness
/// keys of every member.
pub fn verifier_for(roster: &Roster, feed: &FeedId, note: &[u8]) -> Result<FeedVerifier, CheckpointError> {
    let claimed = Checkpoint::parse(SignedNote::parse(note)?.text())?;
    verifier_at(roster, feed, claimed.size)
}

/// What verifies checkpoints of `feed` at `size`.
pub fn verifier_at(roster: &Roster, feed: &FeedId, size: TreeSize) -> Result<FeedVerifier, CheckpointError> {
    let author = roster.feed_key(feed, size).ok_or(CheckpointError::WrongFeedKey)?;
    let mut cosigners = roster.witness_keys(&feed.member);
    cosigners.extend(roster.member(&feed.member).map(|member| member.witness_key.clone()));
    FeedVerifier::new(roster.consortium(), feed.clone(), author.clone(), cosigners)
}

/// Whether the roster names, for the size of a verified checkpoint, the key that signed it. One that came later may name
/// another key from a size on that was signed before: whoever follows that roster refuses the checkpoint.
pub fn is_named(roster: &Roster, feed: &FeedId, checkpoint: &SignedCheckpoint) -> bool {
    roster.feed_key(feed, checkpoint.size()) == Some(checkpoint.author_key())
}

/// Reads a checkpoint of our own journal, where it stands because it was verified. A roster that came later may name a new
/// feed key from a size on that the one before had signed already: what was true then must not stop the node now.
pub fn verify_stored(roster: &Roster, feed: &FeedId, note: &[u8]) -> Result<SignedCheckpoint, CheckpointError> {
    verify_by_any_key(roster, feed, note).map(|(checkpoint, _)| checkpoint)
}

/// A checkpoint that any key signed which its feed ever had, with what verified it: the key the roster names for its size,
/// or another. A roster keeps every row of its predecessors.
pub fn verify_by_any_key(
    roster: &Roster,
    feed: &FeedId,
    note: &[u8],
) -> Result<(SignedCheckpoint, FeedVerifier), CheckpointError> {
    let verify = |verifier| Ok((SignedCheckpoint::verify(note, &verifier)?, verifier));
    verifier_for(roster, feed, note).and_then(verify).or_else(|fault| {
        let rows = roster.member(&feed.member).into_iter().flat_map(|member| &member.feeds);
        let rows = rows.filter(|row| row.group == feed.group);
        let verified = |row: &FeedKey| verifier_at(roster, feed, row.from_size).and_then(verify).ok();
        rows.rev().find_map(verified).ok_or(fault)
    })
}
