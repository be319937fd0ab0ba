//! Views in memory, for tests, the simulation, and nodes that would rather rebuild than keep files.

use std::collections::BTreeMap;

use crate::base::limits;
use crate::node::store::{Expectation, StorageFault, ViewChange, ViewFault, ViewRows, Views};

/// All rows, and for each key changed since the last sync what it held then.
#[derive(Debug, Default, Clone)]
pub struct MemoryViews {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    before_sync: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl MemoryViews {
    pub fn new() -> Self {
        Self::default()
    }

    /// The machine loses power and comes back: commits since the last sync are gone.
    pub fn crash(&mut self) {
        for (key, value) in std::mem::take(&mut self.before_sync) {
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }

    fn set(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        let before = match value {
            Some(value) => self.rows.insert(key.to_vec(), value),
            None => self.rows.remove(key),
        };
        self.before_sync.entry(key.to_vec()).or_insert(before);
    }
}

/// Refuses a change whose key or value no backend must take; every backend calls it first.
pub fn check_sizes(changes: &[ViewChange]) -> Result<(), StorageFault> {
    for change in changes {
        let (key, value_bytes) = match change {
            ViewChange::Put { key, value } => (key, value.len()),
            ViewChange::Remove { key } => (key, 0),
        };
        if key.len() > limits::VIEW_KEY_BYTES {
            return Err(StorageFault::TooLarge { got: key.len(), limit: limits::VIEW_KEY_BYTES });
        }
        if value_bytes > limits::VIEW_VALUE_BYTES {
            return Err(StorageFault::TooLarge { got: value_bytes, limit: limits::VIEW_VALUE_BYTES });
        }
    }
    Ok(())
}

impl Views for MemoryViews {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFault> {
        Ok(self.rows.get(key).cloned())
    }

    fn scan(&self, start: &[u8], end: &[u8], limit: usize) -> Result<ViewRows, StorageFault> {
        // A backwards range is empty in every backend; the map itself would panic.
        if start >= end {
            return Ok(ViewRows::new());
        }
        let rows = self.rows.range(start.to_vec()..end.to_vec());
        Ok(rows.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn commit(&mut self, expectations: &[Expectation], changes: &[ViewChange]) -> Result<(), ViewFault> {
        check_sizes(changes)?;
        if expectations.iter().any(|expected| self.rows.get(&expected.key) != expected.value.as_ref()) {
            return Err(ViewFault::Conflict);
        }
        for change in changes {
            match change {
                ViewChange::Put { key, value } => self.set(key, Some(value.clone())),
                ViewChange::Remove { key } => self.set(key, None),
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        self.before_sync.clear();
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StorageFault> {
        self.rows.clear();
        self.before_sync.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(views: &mut MemoryViews, key: &[u8], value: &[u8]) {
        views.commit(&[], &[ViewChange::Put { key: key.to_vec(), value: value.to_vec() }]).expect("commits");
    }

    #[test]
    fn a_crash_takes_back_commits_since_the_last_sync() {
        let mut views = MemoryViews::new();
        put(&mut views, b"a", b"1");
        views.sync().expect("syncs");
        put(&mut views, b"a", b"2");
        put(&mut views, b"a", b"3");
        put(&mut views, b"b", b"1");
        views.crash();
        assert_eq!(views.get(b"a"), Ok(Some(b"1".to_vec())));
        assert_eq!(views.get(b"b"), Ok(None));
    }
}
