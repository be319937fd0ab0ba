//! Profiles: a local customer's usual behaviour, and how far a transaction strays from it. Never shared with anybody.

pub mod facts;
