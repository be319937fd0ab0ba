//! What the pullers know together: which peers are connected, and why others are not.
//!
//! A feed whose author is not connected may be taken from any other member: entries prove themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::name::MemberId;

/// How the link to one peer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    Connecting,
    Connected,
    /// The last attempt failed; another follows.
    BackingOff {
        failure: String,
    },
    /// What the peer sent broke a rule; nothing of it was believed.
    Faulty {
        failure: String,
    },
}

impl Link {
    /// Every word there is.
    pub const WORDS: [&'static str; 4] = ["connecting", "connected", "backing_off", "refused"];

    /// The word shown to operators.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::BackingOff { .. } => "backing_off",
            Self::Faulty { .. } => "refused",
        }
    }

    /// The last failure, in words; empty where none.
    pub fn failure(&self) -> &str {
        match self {
            Self::Connecting | Self::Connected => "",
            Self::BackingOff { failure } | Self::Faulty { failure } => failure,
        }
    }
}

/// The links to all peers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Links(Arc<Mutex<BTreeMap<MemberId, Link>>>);

impl Links {
    pub fn set(&self, peer: &MemberId, link: Link) {
        self.lock().insert(peer.clone(), link);
    }

    pub fn forget(&self, peer: &MemberId) {
        self.lock().remove(peer);
    }

    pub fn of(&self, peer: &MemberId) -> Option<Link> {
        self.lock().get(peer).cloned()
    }

    pub fn is_connected(&self, peer: &MemberId) -> bool {
        self.lock().get(peer) == Some(&Link::Connected)
    }

    /// A panic elsewhere cannot leave the map half changed: every change is one insert or remove.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<MemberId, Link>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
