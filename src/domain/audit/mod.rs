//! The audit log: what this node did, as entries of a Merkle feed that is never replicated (DESIGN §9).
//!
//! An [`event::AuditEvent`] is typed where it happens and becomes a [`record::AuditRecord`] of plain words, which is what is
//! stored, listed, exported and proved. [`export`], [`proof`] and [`report`] are files that anybody can verify without a node.

pub mod asked;
pub mod behind;
pub mod check;
pub mod command;
pub mod console;
pub mod decision_proof;
pub mod detail;
pub mod event;
pub mod evidence;
pub mod export;
pub mod hold;
pub mod keys;
pub mod looked;
pub mod notice;
pub mod period;
pub mod proof;
pub mod record;
pub mod report;
pub mod report_head;
pub mod report_totals;
pub mod report_verifier;
mod retention;
pub mod search;
mod words;

#[cfg(test)]
mod tests;
