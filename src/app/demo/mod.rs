//! The demonstration: a whole consortium on one machine.

pub mod generator;
