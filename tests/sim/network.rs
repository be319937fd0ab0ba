//! The network between the houses: one stream for each pair of puller and server, as gRPC gives it.
//!
//! A stream delivers in order or breaks. A *mangled* line breaks that promise, as only an attacker inside the connection
//! could: it doubles and reorders messages; whoever receives them may blame the sender for it, and nobody else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hushwire::base::name::FeedId;
use hushwire::base::position::TreeSize;
use hushwire::domain::exchange::batch::UnverifiedBatch;
use hushwire::node::commit::Equivocated;
use hushwire::node::witness::AuditNews;
use rand::RngExt;
use rand_chacha::ChaCha20Rng;

/// From puller to server.
#[derive(Debug, Clone)]
pub enum Ask {
    Hello {
        roster_version: u64,
    },
    Subscribe {
        feed: FeedId,
        from: TreeSize,
    },
    Unsubscribe {
        feed: FeedId,
    },
    Acknowledge {
        feed: FeedId,
        size: TreeSize,
    },
    Cosign {
        feed: FeedId,
        size: TreeSize,
        line: String,
    },
    /// The head of the server's audit log that the puller holds.
    AuditWitnessed {
        note: String,
    },
}

/// From server to puller.
#[derive(Debug, Clone)]
pub enum Tell {
    /// Origin and head of every feed the server holds.
    Welcome {
        heads: Vec<(String, String)>,
        /// The note of the roster after the puller's, where there is one.
        roster: Option<String>,
        /// Version of the one the server follows.
        roster_version: u64,
    },
    /// A further roster.
    Roster(String),
    Batch(Box<UnverifiedBatch>),
    Heartbeat {
        feed: FeedId,
        checkpoint: String,
    },
    Unavailable {
        feed: FeedId,
    },
    Equivocation(Box<Equivocated>),
    AuditHead(Box<AuditNews>),
}

/// Messages on their way.
#[derive(Debug)]
pub struct Queue<M>(VecDeque<(u64, M)>);

impl<M> Default for Queue<M> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<M: Clone> Queue<M> {
    /// Sends a message that arrives at `due`, but never before an earlier one unless the line is mangled.
    fn send(&mut self, due: u64, message: M, mangled: bool, rng: &mut ChaCha20Rng) {
        if mangled && rng.random_bool(0.2) {
            self.0.push_front((due, message.clone()));
        }
        let after = self.0.back().map_or(0, |(last, _)| *last);
        self.0.push_back((due.max(after), message));
        if mangled && self.0.len() > 1 && rng.random_bool(0.2) {
            let last = self.0.len() - 1;
            self.0.swap(last, last - 1);
        }
    }

    pub fn take_due(&mut self, now: u64) -> Option<M> {
        self.0.pop_front_if(|(due, _)| *due <= now).map(|(_, message)| message)
    }
}

/// What a server has sent of one feed.
#[derive(Debug)]
pub struct Subscription {
    pub sent: TreeSize,
    pub acknowledged: TreeSize,
    pub told: Option<Arc<str>>,
    pub beside: Vec<(TreeSize, Arc<str>)>,
}

/// One stream.
#[derive(Debug, Default)]
pub struct Stream {
    pub up: Queue<Ask>,
    pub down: Queue<Tell>,
    /// The version of the roster the puller follows, as far as the server knows.
    pub their_roster: Option<u64>,
    /// Heads of the welcome, and the version of the roster they are to be judged by: the puller is told it first.
    pub heads_due: Option<(u64, Vec<(String, String)>)>,
    /// The puller was welcomed.
    pub connected: bool,
    /// What the puller asked for on this stream.
    pub asked: BTreeSet<FeedId>,
    /// What the server follows for it.
    pub serves: BTreeMap<FeedId, Subscription>,
    /// The size of the server's audit log that the puller holds, once it said so.
    pub witnessed: Option<TreeSize>,
    /// Heads of other feeds the server told, and proofs.
    pub gossiped: BTreeMap<FeedId, Arc<str>>,
    pub proved: BTreeSet<String>,
    /// The version of the server's house that was looked at last.
    pub seen: Option<u64>,
    pub next_subscribe: u64,
    pub next_gossip: u64,
}

/// How one line between two houses is, in one direction of pulling.
#[derive(Debug, Default)]
pub struct Line {
    pub cut: bool,
    pub mangled: bool,
    /// Was ever mangled: faults may have been blamed on the sender.
    pub was_mangled: bool,
    pub latency_ms: u64,
    /// Chance that a message breaks the stream.
    pub loss: f64,
    pub stream: Option<Stream>,
    pub retry_at: u64,
}

impl Line {
    /// Ends the stream; the puller tries again after a moment.
    pub fn break_off(&mut self, now: u64, rng: &mut ChaCha20Rng) {
        self.stream = None;
        self.retry_at = now + rng.random_range(200..3_000);
    }

    /// Sends up. False where the message was lost and the stream with it.
    pub fn ask(&mut self, now: u64, message: Ask, rng: &mut ChaCha20Rng) {
        let due = now + rng.random_range(1..=self.latency_ms.max(1));
        if self.is_lost(now, rng) {
            return;
        }
        if let Some(stream) = &mut self.stream {
            stream.up.send(due, message, self.mangled, rng);
        }
    }

    /// Sends down.
    pub fn tell(&mut self, now: u64, message: Tell, rng: &mut ChaCha20Rng) {
        let due = now + rng.random_range(1..=self.latency_ms.max(1));
        if self.is_lost(now, rng) {
            return;
        }
        if let Some(stream) = &mut self.stream {
            stream.down.send(due, message, self.mangled, rng);
        }
    }

    fn is_lost(&mut self, now: u64, rng: &mut ChaCha20Rng) -> bool {
        let lost = self.loss > 0.0 && rng.random_bool(self.loss);
        if lost {
            self.break_off(now, rng);
        }
        lost
    }
}
