//! The newest durable checkpoint of every feed: what may be shown to others.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::name::FeedId;
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
}

/// Every feed's head.
pub type Heads = BTreeMap<FeedId, Head>;
