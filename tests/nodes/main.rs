//! Whole nodes: `hushwire` processes on loopback with their own keystores, certificates, sled and journal, driven through
//! the command line and through the calls a member's systems make.
//!
//! What is only in one process is tried elsewhere (`tests/it`, `tests/store`); here stands what needs several, or a kill.

mod access;
mod advice;
mod backup;
mod beyond;
mod brake;
mod caller;
mod cases;
mod challenges;
mod commands;
mod console;
mod consortium;
mod copies;
mod crash;
mod disputes;
mod doors;
mod erasure;
mod evidence;
mod explain;
mod flow;
mod follow;
mod full_disk;
mod gate;
mod groups;
mod http;
mod keys;
mod late;
mod leak;
mod limits;
mod lists;
mod matrix;
mod monitoring;
mod node;
mod oversight;
mod policies;
mod profiles;
mod puller;
mod recovery;
mod relay;
mod releases;
mod rosters;
mod search;
mod snapshot;
mod spread;
mod starting;
mod store;
mod streams;
mod tokens;
mod traces;
mod users;
mod views;
mod watch;
mod webhooks;
mod wiretap;
