//! How far a view has applied the journal.
//!
//! The mark is written in the same [`Views::commit`] as what was derived from the record, so that view and mark are
//! never apart: after a crash the owner replays the journal from the mark on.

use crate::node::store::{RecordNumber, StorageFault, ViewChange, Views};

/// Keys of marks start with this; no other view key does.
const PREFIX: &[u8] = b"\0mark/";

/// The key under which the mark of the view called `view` lies.
pub fn key(view: &str) -> Vec<u8> {
    [PREFIX, view.as_bytes()].concat()
}

/// The first record that `view` has not applied yet; record 0 for a view that holds nothing.
pub fn read(views: &dyn Views, view: &str) -> Result<RecordNumber, StorageFault> {
    let Some(bytes) = views.get(&key(view))? else {
        return Ok(RecordNumber(0));
    };
    let bytes = <[u8; 8]>::try_from(bytes).map_err(|_| StorageFault::Damaged(format!("mark of view {view}")))?;
    Ok(RecordNumber(u64::from_be_bytes(bytes)))
}

/// The change that says: every record before `next` is applied to `view`.
pub fn applied_up_to(view: &str, next: RecordNumber) -> ViewChange {
    ViewChange::Put { key: key(view), value: next.0.to_be_bytes().to_vec() }
}
