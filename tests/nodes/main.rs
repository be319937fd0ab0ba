//! Whole nodes: `hushwire` processes on loopback with their own keystores, certificates, sled and journal, driven through
//! the command line and through the calls a member's systems make.
//!
//! What is only in one process is tried elsewhere (`tests/it`, `tests/store`); here stands what needs several, or a kill.

mod caller;
mod consortium;
mod crash;
mod doors;
mod evidence;
mod flow;
mod leak;
mod node;
mod puller;
mod recovery;
mod relay;
mod releases;
mod rosters;
mod search;
mod snapshot;
mod starting;
mod wiretap;
