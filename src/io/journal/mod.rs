//! The journal of record behind [`crate::node::store::Journal`].
//!
//! [`file::FileJournal`] keeps it in encrypted segment files ([`mod@format`], to the byte) through the port of [`fs`];
//! [`memory::MemoryJournal`] keeps it in memory. [`sim_fs`] is a disk that tests crash, tear, fill and break.

pub mod catalog;
pub mod compact;
pub mod copy;
pub mod file;
pub mod format;
pub mod frames;
pub mod fs;
pub mod memory;
pub mod reader;
pub mod real_fs;
pub mod recover;
pub mod reserve;
pub mod salvage;
pub mod seal;
pub mod segment;
pub mod sim_disk;
pub mod sim_fs;
