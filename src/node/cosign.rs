//! Cosignatures of checkpoints: ours on what others sign, theirs on what we sign, and how far a feed counts as witnessed.
//!
//! The roster says how many members must cosign a checkpoint before what it covers counts fully. Of a busy feed every member
//! is shown other checkpoints; were each cosigned only while it is the newest, none might ever get its quorum. So the author
//! waits for the quorum of *one* checkpoint, tells it beside its newest one for as long as that takes, and then waits for
//! the quorum of the newest. A member cosigns whatever its own copy of the feed begins with. A checkpoint that has its quorum
//! is told on, by readers and relays too, while newer ones are waiting for theirs.
//!
//! What has its quorum is stored with its signatures, of each feed at most once every [`limits::COSIGNED_EVERY_S`]: others'
//! signatures are no news that needs `fdatasync` with every heartbeat, and the last minute's can be asked for again.

use std::sync::Arc;

use rand::CryptoRng;

use crate::base::bytes::TreeHash;
use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::proof::tree_root;
use crate::domain::note::SignatureLine;
use crate::node::Node;
use crate::node::commit::{Commit, Cosigned, change};
use crate::node::feeds::{Feed, is_named, verifier_at, verify_stored};
use crate::node::state::{State, damaged};
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::witness::is_audit;

/// A checkpoint told beside the newest one, with the note as it is told.
#[derive(Debug, Clone)]
pub struct ToldCheckpoint {
    pub checkpoint: SignedCheckpoint,
    pub note: Arc<str>,
}

impl ToldCheckpoint {
    fn new(checkpoint: &SignedCheckpoint) -> Self {
        Self { checkpoint: checkpoint.clone(), note: checkpoint.note_text().into() }
    }

    pub fn size(&self) -> TreeSize {
        self.checkpoint.size()
    }
}

/// Which checkpoints of a feed have their quorum.
#[derive(Debug)]
pub struct Quorum {
    /// The newest one that enough members cosigned, as far as its author's signature still counts.
    pub cosigned: Option<ToldCheckpoint>,
    /// Size of the newest one that enough members cosigned, under whichever feed key.
    size: TreeSize,
    /// Own feeds: the one that waits for its quorum.
    pub awaiting: Option<ToldCheckpoint>,
    /// Size of the newest one that is stored.
    stored: TreeSize,
    stored_at: Timestamp,
}

impl Default for Quorum {
    fn default() -> Self {
        let (size, stored) = (TreeSize::EMPTY, TreeSize::EMPTY);
        Self { cosigned: None, size, awaiting: None, stored, stored_at: Timestamp::from_unix_ms(0) }
    }
}

impl Quorum {
    /// Size of the newest checkpoint that enough members cosigned.
    pub fn size(&self) -> TreeSize {
        self.size
    }

    /// Enough members cosigned a checkpoint: it counts, and where the roster names the key that signed it, it is told on.
    fn reach(&mut self, checkpoint: &SignedCheckpoint, is_named: bool) {
        self.size = self.size.max(checkpoint.size());
        let told = self.cosigned.as_ref().map(ToldCheckpoint::size).unwrap_or_default();
        if is_named && checkpoint.size() > told {
            self.cosigned = Some(ToldCheckpoint::new(checkpoint));
        }
    }

    /// Puts in the place of each checkpoint that does not `stand` what `renew` makes of it, if anything.
    pub(in crate::node) fn renew(
        &mut self,
        stands: impl Fn(&SignedCheckpoint) -> bool,
        renew: impl Fn(&SignedCheckpoint) -> Option<SignedCheckpoint>,
    ) {
        for told in [&mut self.cosigned, &mut self.awaiting] {
            let fallen = told.as_ref().map(|one| &one.checkpoint).filter(|one| !stands(one));
            if let Some(fallen) = fallen {
                *told = renew(fallen).as_ref().map(ToldCheckpoint::new);
            }
        }
    }

    /// Checkpoints to tell beside one of this size.
    pub fn beside(&self, head: TreeSize) -> Vec<(TreeSize, Arc<str>)> {
        let both = [&self.cosigned, &self.awaiting].into_iter().flatten().filter(|told| told.size() < head);
        both.map(|told| (told.size(), Arc::clone(&told.note))).collect()
    }

    /// The size of the newest checkpoint that is stored with its cosignatures.
    pub(in crate::node) fn stored(&self) -> TreeSize {
        self.stored
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// A peer, as a witness, cosigned a checkpoint. A line that does not verify is dropped: it claims nothing of us.
    pub fn accept_cosignature(&mut self, from: &MemberId, id: &FeedId, size: TreeSize, line: &str) {
        let witness = self.state.roster.member(from).map(|member| member.witness_key.name().to_owned());
        let Some(line) = SignatureLine::parse(line).filter(|line| Some(line.name()) == witness.as_deref()) else {
            return;
        };
        if is_audit(id) {
            if self.state.identity.is_own(id) && *from != id.member {
                self.accept_audit_cosignature(size, &line);
            }
            return;
        }
        let Ok(verifier) = verifier_at(&self.state.roster, id, size) else { return };
        // An author's own times come with its checkpoints alone, where they are held against our clock.
        let Some(feed) = self.state.feeds.get_mut(id).filter(|feed| feed.id().member != *from) else { return };
        for checkpoint in feed.signed_mut().filter(|checkpoint| checkpoint.size() == size) {
            if let Ok(cosigned) = checkpoint.clone().with_cosignature(line.clone(), &verifier) {
                *checkpoint = cosigned;
            }
        }
    }

    /// Cosignatures on a checkpoint of our own feed that reached us by way of a peer which pulls from us no longer.
    pub(in crate::node) fn take_cosignatures(&mut self, id: &FeedId, heard: &SignedCheckpoint, now: Timestamp) {
        let Ok(verifier) = verifier_at(&self.state.roster, id, heard.size()) else { return };
        let Ok(heard) = heard.clone().without_times_ahead(now, &verifier) else { return };
        let Some(feed) = self.state.feeds.get_mut(id) else { return };
        for checkpoint in feed.signed_mut().filter(|checkpoint| checkpoint.checkpoint() == heard.checkpoint()) {
            if let Ok(merged) = checkpoint.clone().merged_with(&heard, &verifier) {
                *checkpoint = merged;
            }
        }
    }

    /// Our signature as a witness on the newest checkpoint of a feed we hold completely. The caller makes the entries durable
    /// before it sends the line.
    pub(in crate::node) fn cosignature(&self, id: &FeedId, now: Timestamp) -> Option<(TreeSize, String)> {
        let feed = self.state.feeds.get(id)?;
        let checkpoint = feed.cursor.checkpoint.as_ref().filter(|checkpoint| checkpoint.size() == feed.size())?;
        self.cosign(feed, checkpoint, now)
    }

    /// Our signature for the author who told of a checkpoint that lacks it, where our copy of the feed begins with its tree.
    /// A checkpoint of a feed that enough members cosigned counts from here on.
    pub(in crate::node) fn hear_quorum(
        &mut self,
        from: &MemberId,
        id: &FeedId,
        heard: &SignedCheckpoint,
        now: Timestamp,
    ) -> Option<(TreeSize, String)> {
        let feed = self.state.feeds.get(id)?;
        if heard.size() == TreeSize::EMPTY || self.root_at(feed, heard.size())? != *heard.root() {
            return None;
        }
        let lacks_ours = !heard.cosigners().contains_key(self.state.identity.witness.verifier().name());
        let cosignature = if lacks_ours && *from == id.member { self.cosign(feed, heard, now) } else { None };
        if self.state.quorum().is_some_and(|quorum| heard.witness_count() >= quorum)
            && let Some(feed) = self.state.feeds.get_mut(id)
        {
            feed.quorum.reach(heard, true);
        }
        cosignature
    }

    fn cosign(&self, feed: &Feed, checkpoint: &SignedCheckpoint, now: Timestamp) -> Option<(TreeSize, String)> {
        if self.state.identity.is_own(feed.id()) || !feed.uncovered.is_empty() {
            return None;
        }
        Some((checkpoint.size(), checkpoint.cosign(&self.state.identity.witness, now).to_string()))
    }

    /// The root our copy of a feed had at a size; none where it is shorter.
    fn root_at(&self, feed: &Feed, size: TreeSize) -> Option<TreeHash> {
        if size >= feed.size() {
            return (size == feed.size()).then(|| feed.tiles.range().root());
        }
        self.hashes(feed, |source| tree_root(source, size))
    }

    /// Stores checkpoints that got their quorum since the last were stored.
    pub(in crate::node) fn keep_cosigned(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let mut commit = Commit::default();
        let mut events = Vec::new();
        for feed in self.state.feeds.values_mut() {
            let stored = feed.quorum.stored;
            let due = now.ms_since(feed.quorum.stored_at) >= limits::COSIGNED_EVERY_S * 1000;
            let Some(cosigned) = feed.quorum.cosigned.as_ref().filter(|cosigned| due && cosigned.size() > stored)
            else {
                continue;
            };
            let size = cosigned.size();
            let note = cosigned.note.to_string();
            commit.push(change::Kind::Cosigned(Cosigned { origin: feed.origin.clone(), size: size.0, note }));
            events.push(AuditEvent::CheckpointCosigned { feed: feed.id().clone(), size });
            feed.quorum.stored_at = now;
        }
        if events.is_empty() { Ok(()) } else { self.commit(commit, &Actor::Node, events, now, rng) }
    }
}

impl State {
    /// Cosignatures a checkpoint needs; none where the roster asks for none.
    pub(in crate::node) fn quorum(&self) -> Option<usize> {
        let quorum = usize::try_from(self.roster.limits().witness_quorum).unwrap_or(usize::MAX);
        (quorum > 0).then_some(quorum)
    }

    pub(in crate::node) fn apply_cosigned(&mut self, cosigned: &Cosigned) -> Result<(), StorageFault> {
        let id = FeedId::from_origin(&self.identity.consortium, &cosigned.origin)
            .map_err(|error| damaged("origin", error))?;
        if is_audit(&id) {
            self.apply_audit_cosigned(&id, cosigned);
            return Ok(());
        }
        // Others' signatures can be asked for again: one that says nothing under the roster in force stops nobody.
        let Ok(checkpoint) = verify_stored(&self.roster, &id, cosigned.note.as_bytes()) else { return Ok(()) };
        let is_named = is_named(&self.roster, &id, &checkpoint);
        // Counted again: under a later roster it may take more members, or others.
        let enough = self.quorum().is_some_and(|quorum| checkpoint.witness_count() >= quorum);
        if let Some(feed) = self.feeds.get_mut(&id) {
            feed.quorum.stored = feed.quorum.stored.max(checkpoint.size());
            if enough {
                feed.quorum.reach(&checkpoint, is_named);
            }
        }
        Ok(())
    }

    /// Lets the indicators of a feed count fully once enough members cosigned a checkpoint that covers them.
    pub(in crate::node) fn count_witnesses(&mut self) {
        let Some(quorum) = self.quorum() else { return };
        let roster = &self.roster;
        for feed in self.feeds.values_mut() {
            let newest = feed.cursor.checkpoint.as_ref().filter(|checkpoint| checkpoint.size() == feed.tiles.size());
            let awaited = feed.quorum.awaiting.as_ref().map(|awaiting| &awaiting.checkpoint);
            let filled = [awaited, newest].into_iter().flatten().filter(|one| one.witness_count() >= quorum);
            for checkpoint in filled.cloned().collect::<Vec<_>>() {
                let is_named = is_named(roster, &feed.cursor.feed, &checkpoint);
                feed.quorum.reach(&checkpoint, is_named);
            }
            let size = feed.quorum.size();
            if self.identity.is_own(feed.id()) && feed.quorum.awaiting.as_ref().is_none_or(|one| one.size() <= size) {
                let newest = feed.cursor.checkpoint.as_ref().filter(|newest| newest.size() > size);
                let newest = newest.filter(|newest| is_named(roster, &feed.cursor.feed, newest));
                feed.quorum.awaiting = newest.map(ToldCheckpoint::new);
            }
            let size = size.min(feed.tiles.size());
            if size > feed.witnessed
                && let Ok(number) = self.belief.writer().feed(feed.id())
            {
                self.belief.set_witnessed(number, size);
                feed.witnessed = size;
            }
        }
    }
}
