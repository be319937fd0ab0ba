//! `hushwire replay`: a history on event time through the real path, for as many institutions as are asked for.
//!
//! Each run founds a consortium of real nodes over stores in memory ([`founding`], [`house`]), and walks through the history
//! ([`run`]): a transaction is screened by the node of its institution on what that node believes at the time; the rows of one
//! moment are screened before any of them is learned; each fraud is then published by its institution, sealed and sequenced
//! into its feed, and handed to the other nodes as a batch that they verify ([`courier`]). The clock of the nodes is the time
//! of the rows. Nothing is short-cut by value: what was canonicalised for one row is canonicalised again for the next.
//!
//! Left out, because a history does not tell of it: peers that are down, key epochs that change, witnesses, decoys, the window.

pub mod amount;
pub mod chart;
pub mod columns;
pub mod courier;
pub mod founding;
pub mod history;
pub mod house;
pub mod institution;
pub mod journal;
pub mod late;
pub mod moment;
pub mod raw_text;
pub mod read;
pub mod report;
pub mod rule;
pub mod run;
pub mod span;
pub mod table;
pub mod tally;
pub mod told;
pub mod values;
