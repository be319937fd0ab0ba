//! The console in a real browser: Debian's Chromium, driven by Playwright through whole nodes, with axe looking at every page.
//!
//! A scenario is a script beside this file; a test here founds what it needs and says what it was given. Screenshots of every page,
//! in both themes and on a narrow screen, are left in `target/console`.

mod browser;
#[allow(dead_code, reason = "shared with tests/nodes, which uses all of it")]
#[path = "../nodes/caller.rs"]
mod caller;
#[allow(dead_code, reason = "shared with tests/nodes, which uses all of it")]
#[path = "../nodes/consortium.rs"]
mod consortium;
mod demo;
mod desk;
mod evidence;
mod exchange;
mod hostile;
mod matrix;
#[allow(dead_code, reason = "shared with tests/nodes, which uses all of it")]
#[path = "../nodes/node.rs"]
mod node;
mod people;
mod rules;
mod statistics;
mod strangers;
mod warnings;
