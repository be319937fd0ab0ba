//! The member's own allow and block lists, which stand above everything the consortium says.
//!
//! Entries are pseudonyms, so that the lists rest without raw identifiers. An entry belongs to one key epoch: whoever keeps
//! the lists adds an identifier under every readable epoch, and again from its raw value when an epoch begins.

use std::collections::BTreeSet;

use crate::base::bytes::Pseudonym;

/// On which list an identifier stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnListing {
    Allowed,
    Blocked,
}

/// Both lists.
#[derive(Debug, Clone, Default)]
pub struct OwnLists {
    pub allow: BTreeSet<Pseudonym>,
    pub block: BTreeSet<Pseudonym>,
}

impl OwnLists {
    /// Allow comes first.
    pub fn listing(&self, pseudonym: &Pseudonym) -> Option<OwnListing> {
        if self.allow.contains(pseudonym) {
            Some(OwnListing::Allowed)
        } else if self.block.contains(pseudonym) {
            Some(OwnListing::Blocked)
        } else {
            None
        }
    }
}
