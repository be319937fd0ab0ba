//! The segments of an open journal, shared by the writer and its readers.
//!
//! Readers see durable records only and take no lock while they read a file. Compaction replaces the list; a reader
//! that finds its file gone looks at the list again.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::io::journal::format::SegmentName;
use crate::io::journal::fs::{Fs, fault};
use crate::io::journal::segment::Segment;
use crate::io::metrics::counts::JournalCounts;
use crate::node::store::{RecordNumber, StorageFault, Visit};

/// Files kept open for reading: far below the limit of open files, enough for every peer to read at its own place.
const OPEN_FILES: usize = 64;

/// Times a read begins again because compaction replaced its file; more than once would be a very busy compactor.
const ATTEMPTS: usize = 4;

/// Segments in order, and their open files.
pub struct Catalog<F: Fs> {
    pub fs: F,
    pub dir: PathBuf,
    pub counts: Arc<JournalCounts>,
    segments: ArcSwap<Vec<Arc<Segment>>>,
    files: Mutex<VecDeque<(SegmentName, Arc<F::File>)>>,
    /// Where the newest replay stands, to the segment: for whoever waits for it.
    replayed: AtomicU64,
}

impl<F: Fs> Catalog<F> {
    pub fn new(fs: F, dir: PathBuf, segments: Vec<Arc<Segment>>) -> Self {
        let (segments, files) = (ArcSwap::from_pointee(segments), Mutex::new(VecDeque::new()));
        Self { fs, dir, counts: Arc::default(), segments, files, replayed: AtomicU64::new(0) }
    }

    pub fn segments(&self) -> Arc<Vec<Arc<Segment>>> {
        self.segments.load_full()
    }

    pub fn replace(&self, segments: Vec<Arc<Segment>>) {
        self.segments.store(Arc::new(segments));
    }

    /// The number after the last durable record.
    pub fn end(&self) -> RecordNumber {
        self.segments.load().last().map_or(RecordNumber(0), |last| last.end())
    }

    pub fn read(&self, number: RecordNumber) -> Result<Vec<u8>, StorageFault> {
        self.with_segment(number, |segment, file| segment.read(&**file, number)?.ok_or(StorageFault::NoRecord(number)))
    }

    pub fn replay(&self, from: RecordNumber, visit: &mut Visit<'_>) -> Result<(), StorageFault> {
        // What is appended meanwhile belongs to the next replay.
        let end = self.end();
        let mut at = from;
        while at < end {
            // Only opening the file is tried again: records must not be shown twice.
            let (segment, file) = self.with_segment(at, |segment, file| Ok((Arc::clone(segment), Arc::clone(file))))?;
            at = segment.replay(&*file, at, visit)?;
            self.replayed.store(at.0, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The record the newest replay has come to, segment by segment.
    pub fn replayed(&self) -> RecordNumber {
        RecordNumber(self.replayed.load(Ordering::Relaxed))
    }

    /// The open file of a segment.
    pub fn file(&self, segment: &Segment) -> Result<Arc<F::File>, StorageFault> {
        let name = segment.header.name;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = files.iter().find(|(open, _)| *open == name) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(self.fs.open(&self.dir.join(name.segment_file())).map_err(fault)?);
        if files.len() == OPEN_FILES {
            files.pop_front();
        }
        files.push_back((name, Arc::clone(&file)));
        Ok(file)
    }

    /// Closes the files of segments that are gone, so that their bytes go too.
    pub fn forget_files(&self, names: &[SegmentName]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|(name, _)| !names.contains(name));
    }

    fn with_segment<T>(
        &self,
        number: RecordNumber,
        act: impl Fn(&Arc<Segment>, &Arc<F::File>) -> Result<T, StorageFault>,
    ) -> Result<T, StorageFault> {
        let mut attempt = 1;
        loop {
            let segments = self.segments();
            let after = segments.partition_point(|segment| segment.header.first_record <= number);
            // Of segments that begin at one number all but the last are empty.
            let found = after.checked_sub(1).and_then(|at| segments.get(at)).filter(|segment| number < segment.end());
            let segment = found.ok_or(StorageFault::NoRecord(number))?;
            match self.file(segment).and_then(|file| act(segment, &file)) {
                Err(_) if attempt < ATTEMPTS && !Arc::ptr_eq(&segments, &self.segments()) => attempt += 1,
                done => return done,
            }
        }
    }
}

impl<F: Fs> fmt::Debug for Catalog<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("segments", &self.segments().len()).finish_non_exhaustive()
    }
}
