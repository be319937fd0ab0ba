//! The life of a store: what leaves it and what stays, erasure, restores, damage. Several nodes in one thread.

mod compaction;
mod consortium;
mod damage;
mod engine;
mod erasure;
mod freshness;
mod house;
mod reservation;
mod retraction;
mod room;
mod salvage;
mod statistics;
mod views;
mod window;
