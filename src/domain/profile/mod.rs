//! Profiles: a local customer's usual behaviour, and how far a transaction strays from it. Never shared with anybody.
//!
//! [`person::Profile`] is asked for [`facts`] before a decision and observes the transaction after it, both in constant time and
//! bounded memory ([`mod@encode`] says how much). Nothing in it is a raw identifier. Where profiles are kept, and for how long, is
//! the matter of the floor of `io`.

pub mod amounts;

pub mod anomaly;

pub mod counts;

pub mod encode;

pub mod event;

pub mod facts;

pub mod few;

pub mod habit;

pub mod key;

pub mod person;

pub mod places;

pub mod windows;
