//! The snapshot of belief on disk: a cache that lets a started node answer checkouts before its store is open.
//!
//! ```text
//! belief.snapshot     a key block and frames; leave it out of backups
//! belief.new          was being written when the process died; removed by whoever opens
//! ```
//!
//! The file is sealed like a segment of the journal ([`mod@crate::io::journal::format`]): first a key file's 144 bytes, with all
//! numbers of the name and the journal id zero, then frames of kind 1, numbered from 0, the first chained to the last 16 bytes of
//! the key block. Frame 0 is the cut ([`crate::node::cut`]), the last one is empty, between them stand the pieces of an image
//! ([`crate::domain::belief::image`]), one a frame. A file that is torn, changed, of another key or version, or that does not
//! fit the store is no error: it is not used.
//!
//! Overwriting the key block is what erases a snapshot. It happens before the journal destroys any key ([`SnapshotFile::discard`]),
//! so that no snapshot outlives what an erasure took from the journal, and to the old file when a new one takes its place.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::limits;
use crate::base::name::ConsortiumId;
use crate::domain::belief::Belief;
use crate::domain::belief::image::{Image, Moved};
use crate::domain::belief::load::{ImageError, Loader};
use crate::io::folder::folder_of;
use crate::io::journal::format::{FrameKind, KEY_FILE_BYTES, KeyFile, MAX_SEALED_BYTES, SegmentName, TAG_BYTES, Tag};
use crate::io::journal::frames::{FrameWalk, Step};
use crate::io::journal::fs::{Fs, FsFile, UNFINISHED, fault, narrow, read_exact_at, wide};
use crate::io::journal::seal::{FramePlace, SegmentCipher, StorageKey, new_segment_key, open_segment_key};
use crate::node::cut::{Cut, CutError, Unfit};
use crate::node::store::{RecordNumber, StorageFault};

/// Segments are numbered from 1: this name is nobody else's.
const NAME: SegmentName = SegmentName { first: 0, last: 0, generation: 0 };

/// Bytes of the shortest record: what a file of some size can hold at most.
const RECORD_BYTES: u64 = 184;

/// Pieces opened and waiting to be entered: the one thread deciphers while the other builds the tables.
const PIECES_AHEAD: usize = 4;

/// Where the snapshot lies.
#[derive(Debug)]
pub struct SnapshotFile<F: Fs> {
    fs: F,
    path: PathBuf,
    key: StorageKey,
    consortium: ConsortiumId,
    standing: Mutex<Standing>,
    /// One writer at a time.
    writing: Mutex<()>,
}

/// What is known of the file; held while one is put in place or discarded.
#[derive(Debug, Default)]
struct Standing {
    /// How often the file was discarded.
    discards: u64,
    /// What the file in place stands for; none where there is none that can be used.
    covers: Option<Cut>,
}

/// Begun before its cut is made. Compaction may take from the journal what the cut does not know of yet; where it does in between,
/// the snapshot comes to nothing.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    discards: u64,
}

/// Why there is no new snapshot. The old one, where there is one, stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    #[error(transparent)]
    Moved(#[from] Moved),
    #[error("it was discarded while it was written")]
    Discarded,
    #[error("there was no time to finish it")]
    GivenUp,
    #[error("it takes {needed} bytes, {free} are free")]
    NoRoom { needed: u64, free: u64 },
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// Why a snapshot is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUsed {
    #[error(transparent)]
    Storage(#[from] StorageFault),
    #[error("it was not written to its end, or changed since")]
    Torn,
    #[error(transparent)]
    Cut(#[from] CutError),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl<F: Fs> SnapshotFile<F> {
    pub fn new(fs: F, path: PathBuf, key: StorageKey, consortium: ConsortiumId) -> Self {
        Self { fs, path, key, consortium, standing: Mutex::default(), writing: Mutex::new(()) }
    }

    /// Begins a new snapshot; its cut is made afterwards.
    pub fn begin(&self) -> Begun {
        Begun { discards: self.standing().discards }
    }

    /// Writes a new snapshot beside the old one and puts it in its place. `go_on` is asked after every few megabytes, and may
    /// take its time.
    pub fn write(
        &self,
        begun: Begun,
        cut: &Cut,
        belief: &Belief,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(), NotWritten> {
        let _only = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_room(belief)?;
        let written = self.write_beside(begun, cut, belief, go_on).and_then(|()| self.put_in_place(begun, cut));
        if written.is_err() {
            // The failure is what the caller hears of.
            drop(self.destroy(&self.beside()));
        }
        written
    }

    /// The belief of the snapshot with its cut, none where there is no file. `fits` decides about the cut; `loader` is told how
    /// many records may come.
    pub fn load(
        &self,
        fits: impl FnOnce(&Cut) -> Result<(), Unfit>,
        loader: impl FnOnce(usize) -> Loader,
    ) -> Result<Option<(Cut, Belief)>, NotUsed> {
        self.destroy(&self.beside())?;
        let file = match self.fs.open(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(fault)?,
        };
        let size = file.size().map_err(fault)?;
        if size < wide(KEY_FILE_BYTES) {
            return Err(NotUsed::Torn);
        }
        let mut block = [0; KEY_FILE_BYTES];
        read_exact_at(&file, &mut block, 0).map_err(fault)?;
        let key_file = KeyFile::decode(&block)?;
        if key_file.name != NAME {
            return Err(NotUsed::Torn);
        }
        let cipher = open_segment_key(&self.key, &key_file)?;
        let mut loader = loader(narrow(size / RECORD_BYTES));
        let (pieces, opened) = sync_channel(PIECES_AHEAD);
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| open_frames(&file, size, &cipher, pieces));
            let loaded = (|| {
                let cut = Cut::decode(&opened.recv().map_err(|_| NotUsed::Torn)?, &self.consortium)?;
                fits(&cut)?;
                opened.iter().try_for_each(|piece| loader.take(&piece))?;
                Ok(cut)
            })();
            drop(opened);
            let whole = opening.join().expect("opening frames does not panic");
            // What was loaded of a torn file may lack anything: the tear is the reason to tell, and nothing of it is used.
            match (whole, loaded) {
                (Err(Ended::Unwanted), Err(refused)) => Err(refused),
                (Err(_), _) => Err(NotUsed::Torn),
                (Ok(()), loaded) => {
                    let (cut, belief) = (loaded?, loader.finish()?);
                    self.standing().covers = Some(cut.clone());
                    Ok(Some((cut, belief)))
                }
            }
        })
    }

    /// Makes the snapshot unreadable and removes it, also one that is just being written. Durable when this returns.
    pub fn discard(&self) -> Result<(), StorageFault> {
        let mut standing = self.standing();
        standing.discards += 1;
        standing.covers = None;
        self.destroy(&self.path)?;
        self.destroy(&self.beside())?;
        self.fs.sync_dir(folder_of(&self.path)).map_err(fault)
    }

    /// What the snapshot in place stands for.
    pub fn covers(&self) -> Option<Cut> {
        self.standing().covers.clone()
    }

    fn check_room(&self, belief: &Belief) -> Result<(), NotWritten> {
        let memory = belief.writer().memory();
        let needed = wide(memory.records_bytes + memory.facts_bytes) + limits::SNAPSHOT_SPARE_BYTES;
        let free = self.fs.space(folder_of(&self.path)).map_err(fault)?.free_bytes;
        if free < needed { Err(NotWritten::NoRoom { needed, free }) } else { Ok(()) }
    }

    fn write_beside(
        &self,
        begun: Begun,
        cut: &Cut,
        belief: &Belief,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(), NotWritten> {
        let mut sealing = self.begin_beside(begun)?;
        sealing.add(&cut.encode(&self.consortium))?;
        let mut image = Image::of(belief);
        while let Some(piece) = image.next_piece()? {
            sealing.add(&piece)?;
            if sealing.bytes.len() >= limits::SNAPSHOT_BYTES_AT_ONCE {
                sealing.flush()?;
                if !go_on() {
                    return Err(NotWritten::GivenUp);
                }
            }
        }
        sealing.add(&[])?;
        sealing.flush()?;
        if image.is_whole() { Ok(()) } else { Err(Moved.into()) }
    }

    /// A file that holds its key block and nothing else. Whoever discards finds both or none: a block that came to a file after it
    /// was overwritten and removed would stay in what the disk takes for free.
    fn begin_beside(&self, begun: Begun) -> Result<Sealing<F::File>, NotWritten> {
        let standing = self.standing();
        if standing.discards != begun.discards {
            return Err(NotWritten::Discarded);
        }
        self.destroy(&self.beside())?;
        let file = self.fs.create(&self.beside()).map_err(fault)?;
        let key = new_segment_key(&self.key, NAME, [0; 16])?;
        let mut sealing = Sealing::begin(file, &key.file, key.cipher);
        sealing.flush()?;
        Ok(sealing)
    }

    fn put_in_place(&self, begun: Begun, cut: &Cut) -> Result<(), NotWritten> {
        let mut standing = self.standing();
        if standing.discards != begun.discards {
            return Err(NotWritten::Discarded);
        }
        // The old one first: behind the new one its key could no longer be reached after a crash. In between there is none.
        standing.covers = None;
        self.destroy(&self.path)?;
        self.fs.rename(&self.beside(), &self.path).map_err(fault)?;
        self.fs.sync_dir(folder_of(&self.path)).map_err(fault)?;
        standing.covers = Some(cut.clone());
        Ok(())
    }

    fn destroy(&self, path: &Path) -> Result<(), StorageFault> {
        match self.fs.open(path).and_then(|file| overwrite_key(&file)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.and_then(|()| self.fs.remove(path)).map_err(fault),
        }
    }

    fn beside(&self) -> PathBuf {
        self.path.with_extension(UNFINISHED)
    }

    /// A panic elsewhere cannot leave it half changed.
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn overwrite_key(file: &impl FsFile) -> std::io::Result<()> {
    file.write_all_at(&[0; KEY_FILE_BYTES], 0)?;
    file.sync()
}

/// A file being sealed, frame after frame.
struct Sealing<File> {
    file: File,
    cipher: SegmentCipher,
    next: RecordNumber,
    tail: Tag,
    /// Bytes that are not in the file yet, and where they belong.
    bytes: Vec<u8>,
    at: u64,
}

impl<File: FsFile> Sealing<File> {
    fn begin(file: File, key: &KeyFile, cipher: SegmentCipher) -> Self {
        let block = key.encode();
        let tail = *block.last_chunk::<TAG_BYTES>().expect("a key block is longer than a tag");
        Self { file, cipher, next: RecordNumber(0), tail, bytes: block.to_vec(), at: 0 }
    }

    fn add(&mut self, plain: &[u8]) -> Result<(), StorageFault> {
        let (got, limit) = (plain.len(), MAX_SEALED_BYTES - TAG_BYTES);
        if got > limit {
            return Err(StorageFault::TooLarge { got, limit });
        }
        let place = FramePlace { kind: FrameKind::Record, number: self.next, since_sync: 0, previous: self.tail };
        self.tail = self.cipher.seal_frame(place, plain, &mut self.bytes);
        self.next = RecordNumber(self.next.0 + 1);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StorageFault> {
        self.file.write_all_at(&self.bytes, self.at).and_then(|()| self.file.sync()).map_err(fault)?;
        self.at += wide(self.bytes.len());
        self.bytes.clear();
        Ok(())
    }
}

/// Why the opening of frames ended early.
enum Ended {
    /// Whoever takes them wants no more.
    Unwanted,
    Torn,
}

/// Sends the content of every frame; succeeds where the last one was the empty one, at the end of the file.
fn open_frames(
    file: &impl FsFile,
    size: u64,
    cipher: &SegmentCipher,
    pieces: SyncSender<Vec<u8>>,
) -> Result<(), Ended> {
    let mut walk = FrameWalk::new(file, wide(KEY_FILE_BYTES), size).map_err(|_| Ended::Torn)?;
    for number in (0..).map(RecordNumber) {
        let Ok(Step::Frame(frame)) = walk.step() else { return Err(Ended::Torn) };
        let plain = cipher.open_frame(&frame.head, number, &frame.previous, frame.sealed).ok_or(Ended::Torn)?;
        if plain.is_empty() {
            break;
        }
        pieces.send(plain.to_vec()).map_err(|_| Ended::Unwanted)?;
    }
    if matches!(walk.step(), Ok(Step::End)) { Ok(()) } else { Err(Ended::Torn) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::journal::fs::create_dir_durably;
    use crate::io::journal::sim_fs::SimFs;

    fn key_block(file: &impl FsFile) -> [u8; KEY_FILE_BYTES] {
        let mut block = [0; KEY_FILE_BYTES];
        read_exact_at(file, &mut block, 0).expect("a key block");
        block
    }

    #[test]
    fn the_key_of_a_snapshot_discarded_before_anything_of_it_was_written_comes_to_no_block_of_the_disk() {
        let fs = SimFs::new();
        create_dir_durably(&fs, "/node".as_ref()).expect("made");
        let consortium = "demo.example".parse().expect("valid");
        let snapshot =
            SnapshotFile::new(fs.clone(), "/node/belief.snapshot".into(), StorageKey::new([3; 32]), consortium);
        let mut sealing = snapshot.begin_beside(snapshot.begin()).expect("begun");
        let blocks = fs.open(&snapshot.beside()).expect("it has its name");
        assert_ne!(key_block(&blocks), [0; KEY_FILE_BYTES], "the key is there to be overwritten");
        snapshot.discard().expect("discarded");
        sealing.add(b"a piece").and_then(|()| sealing.flush()).expect("whoever writes has not noticed yet");
        assert_eq!(key_block(&blocks), [0; KEY_FILE_BYTES]);
        let late = snapshot.begin_beside(Begun { discards: 0 });
        assert!(matches!(late, Err(NotWritten::Discarded)), "one begun before the discard does not begin after it");
        assert_eq!(fs.names("/node".as_ref()).expect("reads"), Vec::<String>::new());
    }
}
