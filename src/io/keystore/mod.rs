//! The node's private keys: what they are, how they are sealed at rest, and where the passphrase comes from.

pub mod keys;
