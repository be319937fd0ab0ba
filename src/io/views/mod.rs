//! Derived state behind [`crate::node::store::Views`]: indices, cursors, request ids.
//!
//! Values lie on disk as they are given. Callers put no secrets and no identifiers there; keys that are made from
//! something a person chose are local keyed hashes.

pub mod any;
pub mod memory;
pub mod sled;
