//! Floor 2: use cases over a store. Deterministic and synchronous: the same inputs, clock and seed give the same bytes.

pub mod mark;
pub mod store;
