//! A journal in memory, for tests and for the simulation of many nodes in one thread.
//!
//! It keeps the contract of the port and nothing more: [`MemoryJournal::crash`] forgets what was not synced,
//! [`MemoryJournal::fail_with`] plays the failing disk. It holds no files and no keys.

use std::collections::BTreeMap;

use crate::base::limits;
use crate::node::store::{ClosedRecords, Decide, Journal, Keep, RecordNumber, StorageFault, Visit, compact_at_once};

/// Records by number; those from `synced_to` on are staged.
#[derive(Debug, Default, Clone)]
pub struct MemoryJournal {
    records: BTreeMap<RecordNumber, Vec<u8>>,
    next: u64,
    synced_to: u64,
    planned: Option<StorageFault>,
    stopped: bool,
}

impl MemoryJournal {
    pub fn new() -> Self {
        Self::default()
    }

    /// The machine loses power and comes back: staged records are gone, a stopped writer works again.
    pub fn crash(&mut self) {
        self.records.split_off(&RecordNumber(self.synced_to));
        self.next = self.synced_to;
        self.planned = None;
        self.stopped = false;
    }

    /// The next append or sync fails with `fault`, and all after it with [`StorageFault::Stopped`], until a crash.
    pub fn fail_with(&mut self, fault: StorageFault) {
        self.planned = Some(fault);
    }

    /// The number of the first record that a crash would lose.
    pub fn synced_to(&self) -> RecordNumber {
        RecordNumber(self.synced_to)
    }

    fn check_running(&mut self) -> Result<(), StorageFault> {
        if self.stopped {
            return Err(StorageFault::Stopped);
        }
        match self.planned.take() {
            Some(fault) => {
                self.stopped = true;
                Err(fault)
            }
            None => Ok(()),
        }
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, record: &[u8]) -> Result<RecordNumber, StorageFault> {
        if record.len() > limits::JOURNAL_RECORD_BYTES {
            return Err(StorageFault::TooLarge { got: record.len(), limit: limits::JOURNAL_RECORD_BYTES });
        }
        self.check_running()?;
        let number = RecordNumber(self.next);
        self.records.insert(number, record.to_vec());
        self.next += 1;
        Ok(number)
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        self.check_running()?;
        self.synced_to = self.next;
        Ok(())
    }

    fn read(&self, number: RecordNumber) -> Result<Vec<u8>, StorageFault> {
        self.records.get(&number).cloned().ok_or(StorageFault::NoRecord(number))
    }

    fn next_number(&self) -> RecordNumber {
        RecordNumber(self.next)
    }

    fn replay(&self, from: RecordNumber, visit: &mut Visit<'_>) -> Result<(), StorageFault> {
        self.records.range(from..).try_for_each(|(number, record)| visit(*number, record))
    }

    type Closed = MemoryRecords;

    fn begin_compaction(&mut self) -> Result<MemoryRecords, StorageFault> {
        self.sync()?;
        Ok(MemoryRecords(Some(self.records.clone())))
    }

    fn install(&mut self, rewritten: Result<Changes, StorageFault>) -> Result<(), StorageFault> {
        for (number, record) in rewritten? {
            match record {
                Some(record) => self.records.insert(number, record),
                None => self.records.remove(&number),
            };
        }
        Ok(())
    }

    fn compact(&mut self, decide: &mut Decide<'_>) -> Result<(), StorageFault> {
        compact_at_once(self, decide)
    }
}

/// The records there were when a compaction began; all are one part.
#[derive(Debug)]
pub struct MemoryRecords(Option<BTreeMap<RecordNumber, Vec<u8>>>);

/// Records that do not stay as they are: rewritten or dropped.
pub type Changes = BTreeMap<RecordNumber, Option<Vec<u8>>>;

impl ClosedRecords for MemoryRecords {
    type Rewritten = Changes;

    fn rewrite(&mut self, decide: &mut Decide<'_>) -> Result<Option<Changes>, StorageFault> {
        let Some(records) = self.0.take() else { return Ok(None) };
        let decided = records.into_iter().filter_map(|(number, record)| match decide(number, &record) {
            Keep::AsIs => None,
            Keep::Rewritten(bytes) => Some((number, Some(bytes))),
            Keep::Dropped => Some((number, None)),
        });
        Ok(Some(decided.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_forgets_only_what_was_not_synced() {
        let mut journal = MemoryJournal::new();
        journal.append(b"kept").expect("appends");
        journal.sync().expect("syncs");
        journal.append(b"lost").expect("appends");
        journal.crash();
        assert_eq!(journal.next_number(), RecordNumber(1));
        assert_eq!(journal.read(RecordNumber(0)), Ok(b"kept".to_vec()));
        assert_eq!(journal.read(RecordNumber(1)), Err(StorageFault::NoRecord(RecordNumber(1))));
    }

    #[test]
    fn the_first_failure_stops_the_writer_until_it_is_opened_again() {
        let mut journal = MemoryJournal::new();
        journal.fail_with(StorageFault::Full);
        assert_eq!(journal.append(b"a"), Err(StorageFault::Full));
        assert_eq!(journal.append(b"a"), Err(StorageFault::Stopped));
        assert_eq!(journal.sync(), Err(StorageFault::Stopped));
        journal.crash();
        assert_eq!(journal.append(b"a"), Ok(RecordNumber(0)));
    }
}
