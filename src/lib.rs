//! # Hushwire
//!
//! The node with which banks and retailers warn each other about fraud without handing over people's data.
//! A member publishes an *indicator*: an identifier turned into a keyed pseudonym, with reason, confidence and expiry.
//! Nodes exchange indicators as signed feeds; every member screens its own transactions locally.
//!
//! `README.md` tells what it is for and types a first hour; `docs/` has pages for people. Here is the code.
//!
//! ## Floors
//!
//! Each folder under `src/` is a floor, and imports only go down.
//!
//! ```text
//! app     4  composition: config, command line, start, stop, demo       may use everything
//! io      3  the outside: gRPC, TLS, disk, clock, randomness            may use node, domain, base
//! ─────────────────────────── the wall ───────────────────────────
//! node    2  use cases over a store; deterministic, synchronous         may use domain, base
//! domain  1  the rules: values in, values out                           may use base, and domain modules to its left
//! base    0  the words everything is said in                            nothing of ours
//! ```
//!
//! Inside `domain`, in pipeline order:
//! `note → roster → identifier → pseudonym → indicator → feed → exchange → belief → screening → audit → statistics`.
//!
//! Below the wall there is no async, clock, socket, file, thread, operating-system randomness or hash-ordered map:
//! `now` and `rng` are arguments, and storage is the two ports of [`node::store`]. `tests/tidy` holds these rules.
//!
//! ## Where to begin
//!
//! | to see | read |
//! |---|---|
//! | what becomes of an identifier | [`domain::identifier`], [`domain::pseudonym`] |
//! | what is signed, and why it can be believed | [`domain::feed`], [`domain::exchange`] |
//! | how an order is decided | [`domain::screening`], [`domain::screening::policy`] |
//! | a use case from end to end | [`node::publish`], [`node::retract`], [`node::accept`] |
//! | how a node is put together | [`app::serve`] |
//! | where something new goes | touches the world: [`io`]; starts or configures: [`app`]; orders steps over storage: [`node`], in the file named by the verb; decides: [`domain`], in the module named by the noun |
//!
//! ## Formats, to the byte
//!
//! [`domain::feed::entry`], [`domain::feed::checkpoint`], [`domain::note`], [`domain::roster::document`], [`io::key_bundle`],
//! [`io::keystore::store`], [`domain::audit::export`], [`domain::audit::proof`], [`mod@io::journal::format`], [`node::commit`],
//! [`io::snapshot_file`], [`domain::belief::image`].

pub mod app;
pub mod base;
pub mod domain;
pub mod io;
pub mod node;
