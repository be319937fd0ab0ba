//! What a simulated node keeps: journals and views that survive the node, crash, are copied and put back.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use hushwire::base::secret::SecretBytes;
use hushwire::io::journal::compact::{ClosedSegments, RewrittenSegment};
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::memory::{Changes, MemoryJournal, MemoryRecords};
use hushwire::io::journal::sim_disk::CrashModel;
use hushwire::io::journal::sim_fs::SimFs;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::store::{
    ClosedRecords, Decide, Expectation, Journal, RecordNumber, RewriteOutcome, StorageFault, ViewChange, ViewFault,
    ViewRows, Views, Visit, compact_at_once,
};

use crate::options::{DiskKind, Mutant};

/// The disk under one node.
#[derive(Debug, Clone)]
pub enum Disk {
    Memory(Rc<RefCell<MemoryJournal>>),
    Files(SimFs),
}

impl Disk {
    pub fn new(kind: DiskKind) -> Self {
        match kind {
            DiskKind::Memory => Self::Memory(Rc::default()),
            DiskKind::Files => Self::Files(SimFs::new()),
        }
    }

    /// Power is cut and comes back. `seed` chooses what a torn write leaves.
    pub fn crash(&mut self, seed: u64) {
        match self {
            Self::Memory(journal) => journal.borrow_mut().crash(),
            Self::Files(fs) => *fs = fs.after(CrashModel::AnyOrder, seed),
        }
    }

    /// A copy of what is durable.
    pub fn copy(&self) -> Self {
        match self {
            Self::Memory(journal) => {
                let mut copy = journal.borrow().clone();
                copy.crash();
                Self::Memory(Rc::new(RefCell::new(copy)))
            }
            Self::Files(fs) => Self::Files(fs.after(CrashModel::OnlySynced, 0)),
        }
    }

    /// The next write fails.
    pub fn break_writes(&self) {
        match self {
            Self::Memory(journal) => journal.borrow_mut().fail_with(StorageFault::Os("simulated".to_owned())),
            Self::Files(fs) => fs.plan(fs.operations() + 1, hushwire::io::journal::sim_fs::SimFault::Refused),
        }
    }

    pub fn open(&self, mutant: Option<Mutant>) -> Result<SimJournal, StorageFault> {
        let inner = match self {
            Self::Memory(journal) => Inner::Memory(Rc::clone(journal)),
            Self::Files(fs) => {
                let options = JournalOptions { rotate_bytes: 32 * 1024, reserve_bytes: 0 };
                let key = SecretBytes::new([3; 32]);
                Inner::Files(Box::new(FileJournal::open(fs.clone(), Path::new("/node/journal"), &key, options)?))
            }
        };
        Ok(SimJournal { inner, skips_sync: mutant == Some(Mutant::SkipsSync) })
    }
}

enum Inner {
    Memory(Rc<RefCell<MemoryJournal>>),
    Files(Box<FileJournal<SimFs>>),
}

/// A journal of a run, with the bug planted in it if any.
pub struct SimJournal {
    inner: Inner,
    skips_sync: bool,
}

impl Journal for SimJournal {
    fn append(&mut self, record: &[u8]) -> Result<RecordNumber, StorageFault> {
        match &mut self.inner {
            Inner::Memory(journal) => journal.borrow_mut().append(record),
            Inner::Files(journal) => journal.append(record),
        }
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        match &mut self.inner {
            _ if self.skips_sync => Ok(()),
            Inner::Memory(journal) => journal.borrow_mut().sync(),
            Inner::Files(journal) => journal.sync(),
        }
    }

    fn read(&self, number: RecordNumber) -> Result<Vec<u8>, StorageFault> {
        match &self.inner {
            Inner::Memory(journal) => journal.borrow().read(number),
            Inner::Files(journal) => journal.read(number),
        }
    }

    fn next_number(&self) -> RecordNumber {
        match &self.inner {
            Inner::Memory(journal) => journal.borrow().next_number(),
            Inner::Files(journal) => journal.next_number(),
        }
    }

    fn replay(&self, from: RecordNumber, visit: &mut Visit<'_>) -> Result<(), StorageFault> {
        match &self.inner {
            Inner::Memory(journal) => journal.borrow().replay(from, visit),
            Inner::Files(journal) => journal.replay(from, visit),
        }
    }

    type Closed = SimClosed;

    fn begin_compaction(&mut self) -> Result<SimClosed, StorageFault> {
        Ok(match &mut self.inner {
            Inner::Memory(journal) => SimClosed::Memory(journal.borrow_mut().begin_compaction()?),
            Inner::Files(journal) => SimClosed::Files(journal.begin_compaction()?),
        })
    }

    fn install(&mut self, rewritten: RewriteOutcome<Self>) -> Result<(), StorageFault> {
        match (&mut self.inner, rewritten) {
            (Inner::Memory(journal), Ok(SimRewritten::Memory(part))) => journal.borrow_mut().install(Ok(part)),
            (Inner::Files(journal), Ok(SimRewritten::Files(part))) => journal.install(Ok(part)),
            (Inner::Memory(journal), Err(fault)) => journal.borrow_mut().install(Err(fault)),
            (Inner::Files(journal), Err(fault)) => journal.install(Err(fault)),
            (Inner::Memory(_), Ok(SimRewritten::Files(_))) | (Inner::Files(_), Ok(SimRewritten::Memory(_))) => {
                unreachable!("a part goes back to its own journal")
            }
        }
    }

    fn compact(&mut self, decide: &mut Decide<'_>) -> Result<(), StorageFault> {
        compact_at_once(self, decide)
    }
}

/// What a compaction of a run works on.
pub enum SimClosed {
    Memory(MemoryRecords),
    Files(ClosedSegments<SimFs>),
}

/// A part of it, written anew.
pub enum SimRewritten {
    Memory(Changes),
    Files(RewrittenSegment),
}

impl ClosedRecords for SimClosed {
    type Rewritten = SimRewritten;

    fn rewrite(&mut self, decide: &mut Decide<'_>) -> Result<Option<SimRewritten>, StorageFault> {
        Ok(match self {
            Self::Memory(records) => records.rewrite(decide)?.map(SimRewritten::Memory),
            Self::Files(segments) => segments.rewrite(decide)?.map(SimRewritten::Files),
        })
    }
}

/// Views of a run; they live beside the journal and may be newer or older than it.
#[derive(Debug, Clone, Default)]
pub struct SimViews {
    rows: Rc<RefCell<MemoryViews>>,
    /// Keys that begin so are forgotten: a planted bug.
    forgets: Option<&'static [u8]>,
}

impl SimViews {
    pub fn new(mutant: Option<Mutant>) -> Self {
        let forgets: Option<&'static [u8]> = match mutant {
            Some(Mutant::LosesRuns) => Some(b"run/"),
            Some(Mutant::LosesTiles) => Some(b"tile/"),
            Some(Mutant::LosesRequests) => Some(b"request/"),
            _ => None,
        };
        Self { rows: Rc::default(), forgets }
    }

    pub fn crash(&self) {
        self.rows.borrow_mut().crash();
    }

    /// The backend writes back by itself, whenever it likes.
    pub fn write_back(&self) {
        // Views in memory cannot fail.
        drop(self.rows.borrow_mut().sync());
    }

    pub fn copy(&self) -> Self {
        Self { rows: Rc::new(RefCell::new(self.rows.borrow().clone())), forgets: self.forgets }
    }
}

impl Views for SimViews {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFault> {
        self.rows.borrow().get(key)
    }

    fn scan(&self, start: &[u8], end: &[u8], limit: usize) -> Result<ViewRows, StorageFault> {
        self.rows.borrow().scan(start, end, limit)
    }

    fn commit(&mut self, expectations: &[Expectation], changes: &[ViewChange]) -> Result<(), ViewFault> {
        let forgotten = |change: &ViewChange| match change {
            ViewChange::Put { key, .. } | ViewChange::Remove { key } => {
                self.forgets.is_some_and(|prefix| key.starts_with(prefix))
            }
        };
        let kept: Vec<ViewChange> = changes.iter().filter(|change| !forgotten(change)).cloned().collect();
        self.rows.borrow_mut().commit(expectations, &kept)
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        self.rows.borrow_mut().sync()
    }

    /// Removing everything is a commit like any other: a power cut may bring it back.
    fn clear(&mut self) -> Result<(), StorageFault> {
        let rows = self.scan(&[], &[0xFF; 300], usize::MAX)?;
        let changes: Vec<ViewChange> = rows.into_iter().map(|(key, _)| ViewChange::Remove { key }).collect();
        match self.rows.borrow_mut().commit(&[], &changes) {
            Ok(()) => Ok(()),
            Err(ViewFault::Storage(fault)) => Err(fault),
            Err(ViewFault::Conflict) => unreachable!("nothing was expected"),
        }
    }
}
