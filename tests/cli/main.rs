//! The command line as people and scripts meet it: the built program, its answers, its exit codes.

mod configuration;
mod conformance;
mod files;
mod folder;
mod help;
mod memory;
mod refusals;
mod running;
mod world;
