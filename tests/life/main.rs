//! The life of a store: what leaves it and what stays, erasure, restores, damage. Several nodes in one thread.

mod acknowledgement;
mod compaction;
mod consortium;
mod damage;
mod decoys;
mod engine;
mod erasure;
mod freshness;
mod house;
mod lists;
mod quotas;
mod quotas_spread;
mod recording;
mod reservation;
mod retraction;
mod room;
mod rosters;
mod rotation;
mod salvage;
mod slices;
mod statistics;
mod views;
mod window;
mod witness;
mod witnessing;
