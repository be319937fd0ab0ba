//! A journal that keeps its newest records only: what a replayed node publishes is read back at once to be served, and the node
//! is never opened again. Otherwise two million rows would fill the memory with what nobody reads.

use crate::base::limits::decisions::REPLAY_RECORDS;
use crate::io::journal::memory::{MemoryJournal, MemoryRecords};
use crate::node::store::{Decide, Journal, RecordNumber, RewriteOutcome, StorageFault, Visit};

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct ShortJournal(MemoryJournal);

impl Journal for ShortJournal {
    fn append(&mut self, record: &[u8]) -> Result<RecordNumber, StorageFault> {
        let number = self.0.append(record)?;
        if let Some(oldest) = number.0.checked_sub(REPLAY_RECORDS) {
            self.0.install(Ok([(RecordNumber(oldest), None)].into()))?;
        }
        Ok(number)
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        self.0.sync()
    }

    fn read(&self, number: RecordNumber) -> Result<Vec<u8>, StorageFault> {
        self.0.read(number)
    }

    fn next_number(&self) -> RecordNumber {
        self.0.next_number()
    }

    fn replay(&self, from: RecordNumber, visit: &mut Visit<'_>) -> Result<(), StorageFault> {
        self.0.replay(from, visit)
    }

    type Closed = MemoryRecords;

    fn begin_compaction(&mut self) -> Result<MemoryRecords, StorageFault> {
        self.0.begin_compaction()
    }

    fn install(&mut self, rewritten: RewriteOutcome<Self>) -> Result<(), StorageFault> {
        self.0.install(rewritten)
    }

    fn compact(&mut self, decide: &mut Decide<'_>) -> Result<(), StorageFault> {
        self.0.compact(decide)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_records_are_kept() {
        let mut journal = ShortJournal::default();
        for byte in 0..=100 {
            journal.append(&[byte]).expect("memory");
        }
        journal.sync().expect("memory");
        let oldest = 101 - REPLAY_RECORDS;
        assert_eq!(journal.read(RecordNumber(oldest)), Ok(vec![u8::try_from(oldest).expect("small")]));
        assert_eq!(journal.read(RecordNumber(oldest - 1)), Err(StorageFault::NoRecord(RecordNumber(oldest - 1))));
        assert_eq!(journal.next_number(), RecordNumber(101));
    }
}
