//! The command line as people and scripts meet it: the built program, its answers, its exit codes.

mod backup;
mod changes;
mod configuration;
mod conformance;
mod damaged;
mod files;
mod folder;
mod help;
mod json;
mod memory;
mod mends;
mod refusals;
mod replay;
mod replay_oracles;
mod running;
mod world;
