//! One institution's machine: its disk, its node while it runs, and what the world keeps of it.

use std::collections::{BTreeMap, BTreeSet};

use hushwire::base::bytes::{Commitment, TreeHash};
use hushwire::base::name::{FeedId, MemberId};
use hushwire::base::position::TreeSize;
use hushwire::base::time::{Day, Timestamp};
use hushwire::domain::case::CaseId;
use hushwire::domain::case::state::State as CaseState;
use hushwire::domain::feed::blob::Body;
use hushwire::domain::feed::blob::sighting::SightingOutcome;
use hushwire::domain::feed::entry::{EntryKind, Leaf};
use hushwire::domain::screening::late::followed::Followed;
use hushwire::node::Node;
use hushwire::node::compact::Compaction;
use hushwire::node::fence::FenceState;
use hushwire::node::heads::Heads;
use hushwire::node::store::StorageFault;
use rand_chacha::ChaCha20Rng;

use crate::consortium::Consortium;
use crate::disk::{Disk, SimJournal, SimViews};
use crate::late::followed;
use crate::options::Options;
use crate::releases::Books;
use crate::snapshots::{Snapshots, agree};
use crate::violation::{Invariant, Violation, broken};

pub type SimNode = Node<SimJournal, SimViews>;

/// A copy of a store, with what was acknowledged when it was made.
pub struct Backup {
    pub disk: Disk,
    pub views: SimViews,
    pub acknowledged: BTreeSet<Commitment>,
    pub retracted: BTreeSet<Commitment>,
    pub books: Books,
}

/// An answer that waits for the journal.
#[derive(Debug, Clone)]
pub enum Waiting {
    Published(Vec<Commitment>),
    Retracted(Vec<Commitment>),
    Released { id: String, blob: Vec<u8> },
    Sighted(Commitment, SightingOutcome),
    Case(CaseId, CaseState),
}

/// One machine. A twin is a second machine of one member.
pub struct House {
    /// Place of its member in the roster.
    pub member: usize,
    pub honest: bool,
    pub disk: Disk,
    pub views: SimViews,
    pub snapshots: Snapshots,
    pub node: Option<SimNode>,
    /// The compaction it has begun.
    pub compaction: Option<Compaction<SimJournal>>,
    /// Its next write fails, if there is one.
    pub disk_may_fail: bool,
    /// Its disk failed; every write fails until it is started again.
    pub broken: bool,
    pub waiting: Vec<Waiting>,
    pub backups: Vec<Backup>,
    pub heads: Heads,
    /// The orders it follows.
    pub orders: Followed,
    /// Counts changes of heads, acknowledgements and proofs, so that servers look only where there is news.
    pub version: u64,
    /// How far its clock is ahead.
    pub ahead_ms: u64,
    /// Its store was once replaced by an older copy.
    pub restored: bool,
    /// Place of the newest roster it follows: a file beside the store.
    pub followed: usize,
    /// Size and root of its audit log when another key took over.
    pub audit_before: Option<(TreeSize, TreeHash)>,
    /// The house that must stay reachable until this one has recovered.
    pub recovers_from: Option<usize>,
}

impl House {
    pub fn new(member: usize, honest: bool, consortium: &Consortium, options: &Options) -> Self {
        Self {
            member,
            honest,
            disk: Disk::new(options.disk),
            views: SimViews::new(options.mutant),
            snapshots: Snapshots::new(consortium.id.clone()),
            node: None,
            compaction: None,
            disk_may_fail: false,
            broken: false,
            waiting: Vec::new(),
            backups: Vec::new(),
            heads: Heads::new(),
            orders: followed(),
            version: 0,
            ahead_ms: 0,
            restored: false,
            followed: 0,
            audit_before: None,
            recovers_from: None,
        }
    }

    /// Starts the node on its disk.
    pub fn start(
        &mut self,
        consortium: &Consortium,
        options: &Options,
        now: Timestamp,
        rng: &mut ChaCha20Rng,
    ) -> Result<(), Violation> {
        let opened = self.disk.open(options.mutant).and_then(|journal| {
            let identity = consortium.identity(self.member, self.followed);
            let settings = consortium.settings(options);
            let roster = consortium.roster_of(self.member, self.followed).clone();
            let early = if options.snapshots {
                let whose = (consortium, self.member, self.followed);
                self.snapshots.start(whose, &journal, options, now, rng)
            } else {
                Ok(None)
            };
            let mut node = Node::open(identity, settings, roster, journal, self.views.clone(), now, rng)?;
            if self.followed > 0 {
                node.keep_rosters(&consortium.rosters[..=self.followed], now, rng)?;
            }
            Ok((early, node))
        });
        let opened = opened.map_err(|fault| broken(Invariant::StoreWhole, format!("does not open: {fault}")));
        let (early, node) = opened?;
        if let Some(early) = early? {
            agree(&early, &node, consortium)?;
        }
        self.node = Some(node);
        self.compaction = None;
        self.broken = false;
        self.disk_may_fail = false;
        self.version += 1;
        Ok(())
    }

    /// The machine loses power: what was not durable is gone, and nobody was answered.
    pub fn crash(&mut self, seed: u64) {
        self.node = None;
        self.compaction = None;
        self.waiting.clear();
        self.heads.clear();
        self.orders = followed();
        self.disk.crash(seed);
        self.snapshots.crash(seed);
        self.views.crash();
    }

    pub fn is_up(&self) -> bool {
        self.node.is_some() && !self.broken
    }

    /// A running node's clock.
    pub fn clock(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(self.ahead_ms)
    }

    pub fn fence(&self) -> Option<FenceState> {
        self.node.as_ref().map(SimNode::fence_state)
    }

    /// Whether a fault of the store is one that the world caused.
    pub fn judge<T>(&mut self, outcome: Result<T, StorageFault>) -> Result<Option<T>, Violation> {
        match outcome {
            Ok(done) => Ok(Some(done)),
            Err(StorageFault::Os(_) | StorageFault::Stopped) => {
                self.broken = true;
                Ok(None)
            }
            Err(fault) => Err(broken(Invariant::StoreWhole, fault)),
        }
    }

    /// Durable entries of a feed this node holds: the leaf with what it says.
    pub fn entries(&self, feed: &FeedId) -> Result<Vec<(Leaf, Option<Body>)>, Violation> {
        let Some(node) = &self.node else { return Ok(Vec::new()) };
        let mut entries = Vec::new();
        let mut from = TreeSize::EMPTY;
        let mine = &node.state().identity.member;
        let next = |from| node.outgoing(mine, feed, from, 1_000).map_err(|fault| broken(Invariant::StoreWhole, fault));
        while let Some(part) = next(from)? {
            for entry in &part.entries {
                let leaf = Leaf::decode(&entry.leaf).map_err(|fault| broken(Invariant::SameFeeds, fault))?;
                entries.push((leaf, Body::decode(leaf.kind, &entry.blob).ok()));
            }
            from = part.end;
        }
        Ok(entries)
    }

    /// The publications and the withdrawn ones in a feed, each with how often it stands there.
    pub fn said(&self, feed: &FeedId) -> Result<Said, Violation> {
        let mut said = Said::default();
        for (leaf, body) in self.entries(feed)? {
            if leaf.kind == EntryKind::Indicator {
                said.in_order.push(leaf.commitment);
                said.expires.insert(leaf.commitment, leaf.expires_day);
            }
            match body {
                Some(Body::Retraction(retraction)) => *said.withdrawn.entry(retraction.target).or_default() += 1,
                _ if leaf.kind == EntryKind::Indicator => *said.published.entry(leaf.commitment).or_default() += 1,
                _ => {}
            }
        }
        Ok(said)
    }

    pub fn holds(&self, feed: &FeedId) -> TreeSize {
        self.heads.get(feed).map(|head| head.size).unwrap_or_default()
    }

    /// Members whose feed this node holds for equivocal.
    pub fn quarantined(&self) -> BTreeSet<MemberId> {
        let feeds = self.node.iter().flat_map(|node| node.state().feeds.values());
        feeds.filter(|feed| feed.equivocation.is_some()).map(|feed| feed.id().member.clone()).collect()
    }
}

/// What a feed says.
#[derive(Debug, Default)]
pub struct Said {
    pub published: BTreeMap<Commitment, usize>,
    pub withdrawn: BTreeMap<Commitment, usize>,
    /// The publications as they stand in the feed.
    pub in_order: Vec<Commitment>,
    /// The last day on which each is held.
    pub expires: BTreeMap<Commitment, Day>,
}
