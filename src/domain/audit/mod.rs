//! The audit log: what this node did, as entries of a Merkle feed that is never replicated (DESIGN §9).
//!
//! An [`event::AuditEvent`] is typed where it happens and becomes a [`record::AuditRecord`] of plain words, which is what is
//! stored, listed, exported and proved. [`export`] and [`proof`] are files that anybody can verify without a node.

pub mod behind;
pub mod check;
pub mod command;
pub mod decision_proof;
pub mod detail;
pub mod event;
pub mod evidence;
pub mod export;
pub mod keys;
pub mod notice;
pub mod proof;
pub mod record;
mod retention;
pub mod search;
mod words;

#[cfg(test)]
mod tests;
