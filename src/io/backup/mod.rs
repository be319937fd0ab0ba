//! Backups: one sealed file with everything a new machine needs, and nothing that can be derived again.
//!
//! [`mod@format`] fixes the bytes inside the seal; [`make`] collects and writes them beside a running node, [`check`] looks
//! through what comes out of one, [`restore`] puts it on a disk. What is left out on purpose: `fence` (put back together with an
//! old store it would agree with it), `belief.snapshot` and `views/` (derived from the journal), `profiles/` (learnt anew), journals
//! set aside.

pub mod check;
pub mod format;
pub mod make;
pub mod restore;
