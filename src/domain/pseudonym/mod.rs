//! Pseudonyms: keyed hashes that let members recognise an identifier both of them hold, and nothing else.
//!
//! Suite 1 (a keyed hash under an epoch secret all members hold) protects against outsiders and thieves of a database. It does
//! not protect against a member: whoever holds the epoch secret can try all card numbers. Suite 2 (a threshold
//! pseudorandom function over the suite-1 pseudonym) does; its core stands in [`oprf`].

pub mod conformance;
pub mod keys;
pub mod oprf;
pub mod payload;
pub mod suite;
