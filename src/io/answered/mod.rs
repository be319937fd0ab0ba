//! What happens with a screening once it is answered: its names are counted, what matched is looked at by the brake, and an
//! order that passed stays in sight for late matches.
//!
//! The checkout pays for a hand-over and nothing else. A full queue loses what finds no room: it is counted, and the answer
//! stands all the same.

pub mod brake;

pub mod canaries;

pub mod follow;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::base::limits;
use crate::domain::audit::record::Actor;
use crate::domain::screening::answer::Screening;
use crate::domain::screening::decision::{Decision, ReasonCode};
use crate::domain::screening::late::order::{Order, Traced};
use crate::domain::screening::transaction::{CustomerRef, TransactionRef};
use crate::io::metrics::counts::AnsweredCounts;

/// One answered screening.
#[derive(Debug)]
pub struct Given {
    pub order: Box<Order>,
    pub caller: Actor,
    /// Of the customer and of the transaction. Made into their keyed fingerprints where no checkout waits for them.
    pub references: (CustomerRef, TransactionRef),
    pub traced: Traced,
    /// Whether anything said later could change what becomes of it: a stopped order is stopped, and what stands on the own
    /// allow list passes whatever others say.
    pub may_change: bool,
    /// Something was said of it.
    pub matched: bool,
    /// Of the belief it was looked up in, before the look-up.
    pub belief_version: u64,
}

impl Given {
    pub fn new(
        order: Box<Order>,
        caller: Actor,
        references: (CustomerRef, TransactionRef),
        traced: Traced,
        screening: &Screening,
        belief_version: u64,
    ) -> Self {
        let passed = screening.decision <= Decision::Challenge;
        let overridden = screening.reasons.iter().any(|reason| match reason.code {
            ReasonCode::SandboxValue | ReasonCode::OwnAllowList => true,
            ReasonCode::OwnBlockList | ReasonCode::Rule { .. } => false,
        });
        let matched = !screening.matches.is_empty();
        Self { order, caller, references, traced, may_change: passed && !overridden, matched, belief_version }
    }
}

/// The sending side.
#[derive(Debug)]
pub struct Answers {
    pub counted: Arc<AnsweredCounts>,
    /// Boxed: the places of the queue are there from the start.
    queue: SyncSender<Box<Given>>,
}

impl Answers {
    /// With what [`follow`] reads.
    pub fn new() -> (Self, Receiver<Box<Given>>) {
        let (queue, waiting) = sync_channel(limits::late::ANSWERED_WAITING);
        (Self { counted: Arc::default(), queue }, waiting)
    }

    /// Never waits.
    pub fn take(&self, given: Given) {
        if self.queue.try_send(Box::new(given)).is_err() {
            self.counted.lost.one();
        }
    }
}
