//! The two ports through which the node keeps anything: the journal is the record, views are derived from it.
//!
//! Contracts every implementation keeps (shown by one conformance suite, `tests/store`):
//! - After [`Journal::sync`] returned `Ok`, every record appended before survives a crash and a power cut, in order.
//! - Records appended but not synced may be lost, only from the end: replay never shows a record without all before it.
//!   They may also survive: whoever opens a journal goes on from [`Journal::next_number`], whatever it had been told.
//! - The first failed sync or append says why ([`StorageFault::Full`] for a full disk) and stops the writer: every later
//!   append or sync fails with [`StorageFault::Stopped`] until the journal is opened again. Reading goes on. A record
//!   refused for its size, and a compaction that finds the disk full, stop nothing.
//! - Nothing is shown that differs from what was written: damage is [`StorageFault::Damaged`], naming segment and record.
//! - Views may lose what was committed since the last [`Views::sync`]; whoever opens them compares their
//!   applied-up-to [`crate::node::mark`] with the journal and replays the rest. A lost or damaged view is dropped and
//!   rebuilt. Views are not erasable and not encrypted: no secret, no identifier and no content goes there.

use crate::base::time::Timestamp;

/// Number of a journal record: consecutive from 0, kept by compaction (dropped records leave gaps).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordNumber(pub u64);

/// Storage could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageFault {
    /// The disk is full. Nothing was acknowledged; screening goes on.
    #[error("the disk is full")]
    Full,
    /// An earlier write failed: the writer stays stopped until the node is restarted and has verified its store again.
    #[error("the journal stopped after a failed write; free space or mend the disk, then restart the node")]
    Stopped,
    /// The views failed, or are not what the journal says. Nothing is lost: they are derived from it again.
    #[error("views: {0}")]
    Views(String),
    /// The operating system refused.
    #[error("storage: {0}")]
    Os(String),
    /// Stored bytes are not what was written.
    #[error("damaged store: {0}")]
    Damaged(String),
    /// No such record (compacted away, or never written).
    #[error("no journal record {number}", number = .0.0)]
    NoRecord(RecordNumber),
    /// Another process has this store open.
    #[error("another process has this store open")]
    InUse,
    /// The storage key of the keystore is not the one this store was written under.
    #[error("the storage key does not belong to this store")]
    WrongKey,
    /// The machine's clock stands before what the store was written at: with it, validity, quotas and budgets would be
    /// reckoned twice.
    #[error("the clock says {now}, but this store was last written at {written}; set the clock, then start again")]
    ClockBehind { now: Timestamp, written: Timestamp },
    /// The roster files are older than what the store followed: with them, whoever left would be a member again.
    #[error(
        "the roster files end at version {found}, but this store has followed version {followed}; put the missing notes back \
         from a backup or another member (hushwire member apply roster-N.note), then start again"
    )]
    RosterBehind { found: u64, followed: u64 },
    /// Two rosters of one version: the admins signed both, and the members must follow the same.
    #[error(
        "the roster file of version {version} is another than the one this store has followed; put that one back from a \
         backup or another member, and ask the admins why there are two"
    )]
    OtherRoster { version: u64 },
    /// Written by a later version of the node.
    #[error("the store has format version {found}, this node knows up to {known}")]
    UnknownVersion { found: u16, known: u16 },
    /// One record is larger than the store takes.
    #[error("a record of {got} bytes exceeds the limit of {limit}")]
    TooLarge { got: usize, limit: usize },
}

/// What compaction does with one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    AsIs,
    Rewritten(Vec<u8>),
    Dropped,
}

/// Room on the disk for what is yet to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Enough,
    /// Less than what the journal wants to keep free for its own work.
    Short {
        free_bytes: u64,
        wanted_bytes: u64,
    },
}

/// Sees one record of a replay; a fault it returns ends the replay.
pub type Visit<'a> = dyn FnMut(RecordNumber, &[u8]) -> Result<(), StorageFault> + 'a;

/// What compaction asks of each record.
pub type Decide<'a> = dyn FnMut(RecordNumber, &[u8]) -> Keep + 'a;

/// Records that are written no more, to be decided over beside the writer, on any thread.
pub trait ClosedRecords: Send + 'static {
    /// A part of them, written anew and not in force yet.
    type Rewritten: Send + 'static;

    /// Decides over the records up to the end of the next part that changes, in order and each once, and writes that part
    /// anew beside the old; none at the end. Takes room: a copy of one segment.
    fn rewrite(&mut self, decide: &mut Decide<'_>) -> Result<Option<Self::Rewritten>, StorageFault>;
}

/// What [`ClosedRecords::rewrite`] came to.
pub type RewriteOutcome<J> = Result<<<J as Journal>::Closed as ClosedRecords>::Rewritten, StorageFault>;

/// The append-only record of everything acknowledged. One record is one commit: all of it or nothing.
pub trait Journal {
    /// Stages one record. It is durable once [`Journal::sync`] returns.
    fn append(&mut self, record: &[u8]) -> Result<RecordNumber, StorageFault>;

    /// Makes everything staged durable, at the price of one `fdatasync` however much it is.
    fn sync(&mut self) -> Result<(), StorageFault>;

    /// Reads one record, staged ones included.
    fn read(&self, number: RecordNumber) -> Result<Vec<u8>, StorageFault>;

    /// The number the next record gets.
    fn next_number(&self) -> RecordNumber;

    /// Shows every record from `from` on, in order. A fault returned by `visit` ends the replay.
    fn replay(&self, from: RecordNumber, visit: &mut Visit<'_>) -> Result<(), StorageFault>;

    /// What a compaction works on.
    type Closed: ClosedRecords
    where
        Self: Sized;

    /// Makes staged records durable and hands out all there are so far; the writer goes on behind them. One at a time.
    fn begin_compaction(&mut self) -> Result<Self::Closed, StorageFault>
    where
        Self: Sized;

    /// Puts a rewritten part in force and destroys the keys of what it replaces; record numbers stay. Where it could not be
    /// written for want of room nothing happens; after any other failure the writer stops, since nobody knows what the disk
    /// holds.
    fn install(&mut self, rewritten: RewriteOutcome<Self>) -> Result<(), StorageFault>
    where
        Self: Sized;

    /// The whole compaction at once.
    fn compact(&mut self, decide: &mut Decide<'_>) -> Result<(), StorageFault>;

    /// How much room there is; lays by again what was given up for a full disk. Memory always has room.
    fn look_for_room(&mut self) -> Room {
        Room::Enough
    }
}

/// [`Journal::compact`] by its steps.
pub fn compact_at_once<J: Journal>(journal: &mut J, decide: &mut Decide<'_>) -> Result<(), StorageFault> {
    let mut closed = journal.begin_compaction()?;
    while let Some(rewritten) = closed.rewrite(decide).transpose() {
        journal.install(rewritten)?;
    }
    Ok(())
}

/// One condition or change of a [`Views::commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewChange {
    Put { key: Vec<u8>, value: Vec<u8> },
    Remove { key: Vec<u8> },
}

/// What a key must hold for a commit to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    pub key: Vec<u8>,
    /// `None`: the key must be absent.
    pub value: Option<Vec<u8>>,
}

/// Why a view commit did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewFault {
    #[error("another change came first")]
    Conflict,
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// Key/value pairs in ascending order of their keys.
pub type ViewRows = Vec<(Vec<u8>, Vec<u8>)>;

/// Ordered key/value store of derived state. Keys are at most 256 bytes, values at most 64 KiB.
pub trait Views {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFault>;

    /// Rows with `start <= key < end`, ascending, at most `limit`.
    fn scan(&self, start: &[u8], end: &[u8], limit: usize) -> Result<ViewRows, StorageFault>;

    /// All changes or none; none unless every expectation holds.
    fn commit(&mut self, expectations: &[Expectation], changes: &[ViewChange]) -> Result<(), ViewFault>;

    /// Makes earlier commits durable.
    fn sync(&mut self) -> Result<(), StorageFault>;

    /// Removes everything: the owner rebuilds from the journal. Also after a fault, where the backend may stand in something
    /// else for itself.
    fn clear(&mut self) -> Result<(), StorageFault>;

    /// Why the rows are kept in memory only, where they should not be: an alarm for operators.
    fn stands_in(&self) -> Option<&str> {
        None
    }
}
