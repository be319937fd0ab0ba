//! Floor 4: composition. Configuration, command line, start, stop and the demo.

pub mod cli;
pub mod config;
pub mod demo;
pub mod outcome;
pub mod output;
pub mod records;
pub mod replay;
pub mod serve;
pub mod told_to_stop;
