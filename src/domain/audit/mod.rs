//! The audit log: what this node did, as entries of a Merkle feed that is never replicated (DESIGN §9).
//!
//! An [`event::AuditEvent`] is typed where it happens and becomes an [`record::AuditRecord`] of plain words, which is what
//! is stored, listed, exported and proved. Export files and proof files are verified here without any node.

pub mod event;
pub mod record;
mod words;
