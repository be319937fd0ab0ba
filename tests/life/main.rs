//! The life of a store: what leaves it and what stays, erasure, restores, damage. Several nodes in one thread.

mod compaction;
mod consortium;
mod damage;
mod erasure;
mod freshness;
mod house;
mod reservation;
mod retraction;
mod snapshot;
mod statistics;
mod window;
