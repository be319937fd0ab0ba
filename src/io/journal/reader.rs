//! Reading the journal beside its writer: to serve feeds, to check the store in the background, to back it up.

use std::sync::Arc;

use crate::io::journal::catalog::Catalog;
use crate::io::journal::fs::Fs;
use crate::io::metrics::counts::JournalCounts;
use crate::node::store::{RecordNumber, StorageFault, Visit};

/// Reads durable records; clones are cheap and work from any thread. It sees nothing that a power cut could take back.
#[derive(Debug)]
pub struct JournalReader<F: Fs> {
    catalog: Arc<Catalog<F>>,
}

impl<F: Fs> JournalReader<F> {
    pub(super) fn new(catalog: Arc<Catalog<F>>) -> Self {
        Self { catalog }
    }

    /// What the writer has written since it opened.
    pub fn counts(&self) -> Arc<JournalCounts> {
        Arc::clone(&self.catalog.counts)
    }

    /// The number after the last durable record.
    pub fn end(&self) -> RecordNumber {
        self.catalog.end()
    }

    /// How far the newest replay of this journal is, to the segment.
    pub fn replayed(&self) -> RecordNumber {
        self.catalog.replayed()
    }

    pub fn read(&self, number: RecordNumber) -> Result<Vec<u8>, StorageFault> {
        self.catalog.read(number)
    }

    /// Shows the durable records from `from` on, in order, every seal checked. A fault returned by `visit` ends it.
    pub fn replay(&self, from: RecordNumber, visit: &mut Visit<'_>) -> Result<(), StorageFault> {
        self.catalog.replay(from, visit)
    }
}

impl<F: Fs> Clone for JournalReader<F> {
    fn clone(&self) -> Self {
        Self { catalog: Arc::clone(&self.catalog) }
    }
}
