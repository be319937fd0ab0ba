//! Exchange: what a peer hands over is unverified until the one door in, [`batch::UnverifiedBatch::verify`], let it through.
//!
//! A relay needs no trust: everything is checked against the author's signature. Nothing is half accepted; a refused batch
//! leaves the cursor where it was, and the fault says which rule was broken and by whom.

pub mod batch;
pub mod cursor;
pub mod equivocation;
pub mod fault;
pub mod quota;

#[cfg(test)]
mod acceptance;
