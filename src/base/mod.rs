//! Floor 0: the words everything else is said in.
//!
//! Plain values with their invariants: names, positions, times, digests, secrets and limits. Nothing here decides,
//! stores or talks; nothing here imports from another floor.

pub mod bytes;
pub mod conformance;
pub mod epoch;
pub mod framing;
pub mod kind;
pub mod limits;
pub mod name;
pub mod position;
pub mod role;
pub mod rotated_key;
pub mod secret;
pub mod time;
