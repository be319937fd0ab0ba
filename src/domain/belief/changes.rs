//! Of which pseudonyms something was said, or taken back, since somebody asked last: what the orders of the past days are
//! judged again by.
//!
//! Bounded: where nobody asks, or more is said at once than is worth naming, it only says that everything may have changed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::bytes::Pseudonym;
use crate::base::kind::IdentifierKind;
use crate::base::limits::late::CHANGED_PSEUDONYMS;
use crate::domain::belief::parties::MemberNumber;

/// What may be believed otherwise than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// These, in the order they changed; one may stand here twice.
    These(Vec<Pseudonym>),
    /// More than are named one by one: at a start, in a flood, or because a whole member counts otherwise now.
    All,
}

/// Only the one that follows the orders of the past days takes from it.
#[derive(Debug)]
pub(super) struct Changes {
    /// None: everything may have changed.
    since: Mutex<Option<Vec<Pseudonym>>>,
    /// Indicators that were added, by member and kind. Bounded: members are few, kinds sixteen.
    arrivals: Mutex<BTreeMap<(MemberNumber, IdentifierKind), u64>>,
    /// Grows with each change.
    version: AtomicU64,
}

impl Default for Changes {
    /// Whoever takes up a new belief knows nothing of it yet.
    fn default() -> Self {
        Self { since: Mutex::new(None), arrivals: Mutex::default(), version: AtomicU64::new(0) }
    }
}

impl Changes {
    pub(super) fn note(&self, pseudonym: Pseudonym) {
        // Held for one push; a panic cannot leave it half done.
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *since {
            Some(changed) if changed.len() < CHANGED_PSEUDONYMS => changed.push(pseudonym),
            _ => *since = None,
        }
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn note_arrival(&self, member: MemberNumber, kind: IdentifierKind) {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        *arrivals.entry((member, kind)).or_default() += 1;
    }

    pub(super) fn take_arrivals(&self) -> BTreeMap<(MemberNumber, IdentifierKind), u64> {
        std::mem::take(&mut *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note_all(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn take(&self) -> Changed {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.replace(Vec::new()).map_or(Changed::All, Changed::These)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named_until_there_are_too_many_and_each_is_told_once() {
        let changes = Changes::default();
        assert_eq!(changes.take(), Changed::All, "nothing is known of a new belief");
        assert_eq!(changes.take(), Changed::These(Vec::new()));
        let before = changes.version();
        changes.note(Pseudonym([7; 32]));
        assert!(changes.version() > before);
        assert_eq!(changes.take(), Changed::These(vec![Pseudonym([7; 32])]));
        for _ in 0..=CHANGED_PSEUDONYMS {
            changes.note(Pseudonym([8; 32]));
        }
        assert_eq!(changes.take(), Changed::All);
        changes.note_all();
        changes.note(Pseudonym([9; 32]));
        assert_eq!(changes.take(), Changed::All, "one more does not make it less");
    }
}
