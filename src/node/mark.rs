//! How far a view has applied the journal.
//!
//! The mark is written in the same [`Views::commit`] as what was derived from the records, so that view and mark are
//! never apart: after a crash the owner replays the journal from the mark on. It names the last record by its digest too:
//! after an old copy of the journal was put back, views of another life of it must not pass for those of this one.

use sha2::{Digest, Sha256};

use crate::node::store::{Journal, RecordNumber, StorageFault, ViewChange, Views};

/// Keys of marks start with this; no other view key does.
const PREFIX: &[u8] = b"\0mark/";

/// The key under which the mark of the view called `view` lies.
pub fn key(view: &str) -> Vec<u8> {
    [PREFIX, view.as_bytes()].concat()
}

/// The first record that `view` has not applied yet; record 0 for a view that holds nothing. None where the view belongs
/// to another journal than this, or cannot be read: then it is derived anew. Faults are the journal's.
pub fn read(views: &dyn Views, view: &str, journal: &impl Journal) -> Result<Option<RecordNumber>, StorageFault> {
    let bytes = match views.get(&key(view)) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(Some(RecordNumber(0))),
        Err(_) => return Ok(None),
    };
    let Some((next, digest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
    let next = RecordNumber(u64::from_be_bytes(*next));
    let last = next.0.checked_sub(1).filter(|_| next <= journal.next_number()).map(RecordNumber);
    let record = match last.map(|last| journal.read(last)) {
        None | Some(Err(StorageFault::NoRecord(_))) => return Ok(None),
        Some(record) => record?,
    };
    Ok((Sha256::digest(record).as_slice() == digest).then_some(next))
}

/// The change that says: every record up to this one is applied to `view`.
pub fn applied(view: &str, number: RecordNumber, record: &[u8]) -> ViewChange {
    let next = number.0.saturating_add(1).to_be_bytes();
    ViewChange::Put { key: key(view), value: [next.as_slice(), Sha256::digest(record).as_slice()].concat() }
}
