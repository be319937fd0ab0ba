//! The roster: who belongs to the consortium, with which keys, limits and epochs.
//!
//! A roster is a signed note ([`crate::domain::note`]) whose text is TOML of one fixed shape ([`document`]). Version 1, the
//! *genesis*, is trusted because its hash was received out of band; every later version because the quorum of admins
//! *of the version before* signed it and it names that version's hash ([`succession`]). Only that check builds a
//! [`verified::Roster`]. [`card`] is how a member hands its public keys to the admins.
//!
//! Left out: sealed epoch secrets (`io::key_bundle`), private keys (`io::keystore`), files and the command line.

pub mod card;
pub mod document;
pub mod error;
pub mod exclusion;
mod fields;
pub mod member;
mod row;
mod rules;
pub mod succession;
pub mod terms;
pub mod verified;

#[cfg(test)]
pub mod samples;
