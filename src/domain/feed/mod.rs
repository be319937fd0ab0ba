//! Feeds: entries, the tree over them, and the signed checkpoints that fix origin, order and completeness.
//!
//! Everything that is hashed or signed is bytes made once by the author and kept as received.

pub mod blob;
pub mod checkpoint;
pub mod checkpoint_error;
pub mod conformance;
pub mod entry;
pub mod proof;
pub mod sighting_seal;
pub mod tiles;
pub mod tree;
pub mod verifier;
