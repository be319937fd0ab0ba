//! Floor 1: the rules. Values in, values out; no effects. Modules stand in pipeline order and import only to their left.

/// The generated blobs of entries; not a step of the pipeline but the bytes its steps encode.
pub(in crate::domain) mod wire;

pub mod note;

pub mod roster;

pub mod identifier;

pub mod pseudonym;

pub mod indicator;

pub mod feed;

pub mod exchange;

pub mod belief;

pub mod profile;

pub mod screening;

pub mod case;

pub mod user;

pub mod audit;

pub mod statistics;
