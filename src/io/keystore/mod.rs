//! The node's private keys: what they are, how they are sealed at rest, and where the passphrase comes from.
//!
//! At rest all of them lie in one file sealed by `age` under a passphrase ([`sealed`]); nothing of it is readable, and
//! nothing can be changed unnoticed, without the passphrase. The file's text is fixed in [`store`].

pub mod admin;
pub mod file;
pub mod keys;
pub mod passphrase;
pub mod process;
pub mod rollover;
pub mod sealed;
pub mod store;
pub mod stream;
