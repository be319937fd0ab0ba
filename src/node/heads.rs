//! The newest durable checkpoint of every feed: what may be shown to others.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;

/// One feed's newest durable checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub size: TreeSize,
    /// The signed note, with the newest cosignatures.
    pub checkpoint: Arc<str>,
    /// Newest time of each cosigner on it, by key name.
    pub signatures: BTreeMap<String, Timestamp>,
    /// Older checkpoints told beside it: the newest that enough members cosigned, and of an own feed the one that waits for
    /// its cosignatures.
    pub beside: Vec<(TreeSize, Arc<str>)>,
    /// Its feed key counts no more at this size: see [`Self::is_told_to`].
    pub is_former: bool,
    /// The version of the roster under which it became what it is. Whoever follows an older one may not know the keys on it.
    pub under: u64,
}

impl Head {
    /// Whether a member may be told of it as the head of `feed`. One of a former key would be taken for a fault of ours; its
    /// author alone knows its own signature under whichever key, and may have lost what it signed.
    pub fn is_told_to(&self, member: &MemberId, feed: &FeedId) -> bool {
        !self.is_former || feed.member == *member
    }

    /// Whether these very notes are told beside it.
    pub fn tells(&self, beside: &[(TreeSize, Arc<str>)]) -> bool {
        self.beside.len() == beside.len()
            && self.beside.iter().zip(beside).all(|((_, told), (_, now))| Arc::ptr_eq(told, now))
    }
}

/// Every feed's head.
pub type Heads = BTreeMap<FeedId, Head>;
