//! One suite for every backend of the two storage ports, and what only real files can show.

mod copy;
mod frozen;
mod journal;
mod journal_crash;
mod journal_files;
mod recorded;
mod salvage;
mod snapshot;
mod views;
mod views_sled;
