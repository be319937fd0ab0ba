//! The journal of record behind [`crate::node::store::Journal`].

pub mod memory;
