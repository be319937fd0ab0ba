//! What one member says about a pseudonym: typology, severity, confidence, grounds, purpose, validity, handling, note.
//!
//! [`draft`] checks what a publisher hands in against the rules of the roster; [`details`] is the sealed part of an
//! indicator, checked in both directions. Pseudonyms, sealing and feeds are left to their own modules.

pub mod details;

pub mod draft;

pub mod note;

pub mod typology;

pub mod validity;

pub mod words;
