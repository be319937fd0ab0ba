//! A file that grows, is truncated and is rotated, read record by record; each record says where it ended.
//!
//! A *generation* is what one file holds between two turns. It ends where another file took the name and this one grows no
//! more (its last line may lack its end then), or where it became shorter or other than what was read of it. A line that is
//! not ended is never taken before that: its writer is in the middle of it.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::app::records::Record;
use crate::app::records::growing::{FollowFault, Growing, KNOWN_BYTES, pause};
use crate::app::records::refusal::Refusal;
use crate::app::records::source::{Columns, ReadOptions, RecordReader, SourceError};
use crate::io::folder::folder_of;

/// Records read ahead of the node.
const QUEUE: usize = 2_000;

/// Why what comes next is of another generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Another file took the name; the old one was read to its end.
    Replaced,
    /// The file was emptied or written anew; whatever had been added before that and was not read yet is in no file any more.
    Truncated,
}

/// One file, open, with the columns its records are read by.
#[derive(Debug)]
pub struct Generation {
    pub file: File,
    pub device: u64,
    pub inode: u64,
    /// Fields of each column; none for JSON lines.
    pub columns: Option<Columns>,
}

/// Where a record ended.
#[derive(Debug, Clone)]
pub struct Place {
    pub generation: Arc<Generation>,
    /// Bytes before it.
    pub offset: u64,
    /// Lines before it.
    pub line: u64,
}

/// What is told.
#[derive(Debug)]
pub enum Step<T> {
    Item { line: u64, place: Place, item: T },
    Refused { place: Place, refusals: Vec<Refusal> },
    Turned(Turn),
    Broken(SourceError),
}

/// Where the reading begins.
#[derive(Debug, Default)]
pub struct Beginning {
    /// The file that is read first where it is no longer the one at the path.
    pub file: Option<PathBuf>,
    pub offset: u64,
    pub line: u64,
    pub columns: Option<Columns>,
}

/// The bytes by which a file is known at a place: those at its beginning and those before the place. None where it has no
/// such place.
pub fn known_bytes(file: &File, offset: u64) -> std::io::Result<Option<Zeroizing<Vec<u8>>>> {
    if file.metadata()?.len() < offset {
        return Ok(None);
    }
    let whole = u64::try_from(KNOWN_BYTES).unwrap_or(u64::MAX);
    let size = usize::try_from(offset.min(whole)).unwrap_or(KNOWN_BYTES);
    let mut bytes = Zeroizing::new(vec![0; 2 * size]);
    let (head, tail) = bytes.split_at_mut(size);
    let read =
        file.read_exact_at(head, 0).and_then(|()| file.read_exact_at(tail, offset.saturating_sub(offset.min(whole))));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(Some(bytes)),
    }
}

/// The file beside `path`, or `path` itself, that `is_same` knows again: a rotation gives the old file a longer name, or copies
/// it under one.
pub fn find(path: &Path, is_same: impl Fn(&File) -> bool) -> Option<PathBuf> {
    let knows = |candidate: &Path| candidate.is_file() && File::open(candidate).is_ok_and(|file| is_same(&file));
    if knows(path) {
        return Some(path.to_owned());
    }
    let name = path.file_name()?.to_str()?;
    let entries = std::fs::read_dir(folder_of(path)).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut longer: Vec<PathBuf> = entries
        .filter(|other| {
            other
                .file_name()
                .and_then(|other| other.to_str())
                .is_some_and(|other| other != name && other.starts_with(name))
        })
        .collect();
    longer.sort();
    longer.into_iter().find(|candidate| knows(candidate))
}

/// Follows `path` in a thread of its own until `stop` is set.
pub fn follow<T: Send + 'static>(
    path: &Path,
    beginning: Beginning,
    options: ReadOptions,
    stop: Arc<AtomicBool>,
    convert: impl Fn(&Record) -> Result<T, Vec<Refusal>> + Send + 'static,
) -> std::io::Result<mpsc::Receiver<Step<T>>> {
    let (queue, steps) = mpsc::channel(QUEUE);
    let first = File::open(beginning.file.as_deref().unwrap_or(path))?;
    if first.metadata()?.is_dir() {
        return Err(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a folder"));
    }
    let mut follower = Follower { path: path.to_owned(), options, stop, convert, queue };
    std::thread::Builder::new().name("records".to_owned()).spawn(move || {
        // Ends when it is stopped, or when nobody waits for records any more.
        if let Err(error) = follower.run(first, beginning)
            && FollowFault::of(&error) != Some(FollowFault::Stopped)
        {
            let _gone = follower.queue.blocking_send(Step::Broken(error));
        }
    })?;
    Ok(steps)
}

struct Follower<T, F> {
    path: PathBuf,
    options: ReadOptions,
    stop: Arc<AtomicBool>,
    convert: F,
    queue: mpsc::Sender<Step<T>>,
}

impl<T, F: Fn(&Record) -> Result<T, Vec<Refusal>>> Follower<T, F> {
    fn run(&mut self, first: File, beginning: Beginning) -> Result<(), SourceError> {
        let Beginning { mut offset, mut line, mut columns, .. } = beginning;
        let mut file = first;
        loop {
            let turn = self.generation(&file, offset, line, &mut columns)?;
            self.tell(Step::Turned(turn))?;
            (offset, line) = (0, 0);
            if turn == Turn::Replaced {
                file = self.reopen()?;
            }
        }
    }

    /// Reads one generation to its end. `columns` are those it is read by: what is given where it begins in the middle or has
    /// no header of its own.
    fn generation(
        &mut self,
        file: &File,
        offset: u64,
        line: u64,
        columns: &mut Option<Columns>,
    ) -> Result<Turn, SourceError> {
        let input = Growing::new(self.path.clone(), file.try_clone()?, offset, Arc::clone(&self.stop));
        let opened = if offset > 0 {
            Ok(RecordReader::resumed(input, self.options.clone(), columns.clone(), offset, line))
        } else {
            RecordReader::begun(input, self.options.clone(), columns.clone())
        };
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(error) if FollowFault::of(&error) == Some(FollowFault::Truncated) => return Ok(Turn::Truncated),
            // Replaced before anything was written to it.
            Err(SourceError::Empty) => return Ok(Turn::Replaced),
            Err(error) => return Err(error),
        };
        columns.clone_from(&reader.columns());
        let held = file.metadata()?;
        let generation = Arc::new(Generation {
            file: file.try_clone()?,
            device: held.dev(),
            inode: held.ino(),
            columns: columns.clone(),
        });
        loop {
            let next = match reader.next_record() {
                Ok(None) => return Ok(Turn::Replaced),
                Err(error) if FollowFault::of(&error) == Some(FollowFault::Truncated) => return Ok(Turn::Truncated),
                Err(error) => return Err(error),
                Ok(Some(next)) => next,
            };
            let (offset, line) = reader.position();
            let place = Place { generation: Arc::clone(&generation), offset, line };
            self.tell(match next {
                Err(refusal) => Step::Refused { place, refusals: vec![refusal] },
                Ok(record) => match (self.convert)(&record) {
                    Ok(item) => Step::Item { line: record.line, place, item },
                    Err(refusals) => Step::Refused { place, refusals },
                },
            })?;
        }
    }

    fn tell(&self, step: Step<T>) -> Result<(), SourceError> {
        self.queue.blocking_send(step).map_err(|_| SourceError::Unreadable(std::io::Error::other(FollowFault::Stopped)))
    }

    /// The file at the path, once there is one.
    fn reopen(&self) -> Result<File, SourceError> {
        loop {
            match File::open(&self.path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => pause(&self.stop)?,
                opened => return Ok(opened?),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::app::records::mapping::Names;

    struct Reading {
        folder: tempfile::TempDir,
        steps: mpsc::Receiver<Step<String>>,
        stop: Arc<AtomicBool>,
    }

    impl Drop for Reading {
        fn drop(&mut self) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    impl Reading {
        fn of(content: &str) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("events.csv"), content).expect("written");
            Self::from(folder, Beginning::default())
        }

        fn from(folder: tempfile::TempDir, beginning: Beginning) -> Self {
            let stop = Arc::new(AtomicBool::new(false));
            let names = Names::new(&["kind", "value", "note"], Vec::new(), false).expect("known fields");
            let options = ReadOptions { format: None, delimiter: ',', names, required: Vec::new() };
            let values = |record: &Record| {
                let fields = record.fields.iter().map(|field| format!("{}={}", field.name, field.value.as_str()));
                Ok(fields.collect::<Vec<_>>().join(","))
            };
            let path = folder.path().join("events.csv");
            let steps = follow(&path, beginning, options, Arc::clone(&stop), values).expect("it is there");
            Self { folder, steps, stop }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn append(&self, name: &str, text: &str) {
            let mut file = File::options().append(true).open(self.path(name)).expect("there");
            file.write_all(text.as_bytes()).expect("written");
        }

        /// `offset:fields`, `!rule`, or the turn.
        fn next(&mut self) -> String {
            match self.steps.blocking_recv().expect("it goes on") {
                Step::Item { place, item, .. } => format!("{}:{item}", place.offset),
                Step::Refused { refusals, .. } => format!("!{}", refusals[0].rule),
                Step::Turned(turn) => format!("{turn:?}"),
                Step::Broken(error) => panic!("{error}"),
            }
        }

        fn expect<const N: usize>(&mut self, expected: [&str; N]) {
            for expected in expected {
                assert_eq!(self.next(), expected);
            }
        }
    }

    #[test]
    fn a_line_is_taken_once_it_is_ended_and_a_stop_takes_no_part_of_one() {
        let mut reading = Reading::of("kind,value\ndevice,a\ndevice,b");
        reading.expect(["20:kind=device,value=a"]);
        reading.append("events.csv", "c\nhalf");
        reading.expect(["30:kind=device,value=bc"]);
        reading.stop.store(true, Ordering::Relaxed);
        assert!(reading.steps.blocking_recv().is_none(), "half a line was taken");
    }

    #[test]
    fn a_rotated_file_is_read_to_its_end_and_its_successor_from_its_beginning() {
        let mut reading = Reading::of("kind,value\ndevice,a\n");
        reading.expect(["20:kind=device,value=a"]);
        std::fs::rename(reading.path("events.csv"), reading.path("events.csv.1")).expect("renamed");
        reading.append("events.csv.1", "device,late\ndevice,last");
        std::fs::write(reading.path("events.csv"), "device,b\n").expect("written");
        reading.expect(["32:kind=device,value=late", "43:kind=device,value=last", "Replaced", "9:kind=device,value=b"]);
        std::fs::rename(reading.path("events.csv"), reading.path("events.csv.1")).expect("renamed");
        std::fs::write(reading.path("events.csv"), "note,value,kind\nn,c,device\n").expect("written");
        reading.expect(["Replaced", "27:note=n,value=c,kind=device"]);
    }

    #[test]
    fn a_file_written_anew_is_read_from_its_beginning_also_where_it_is_longer_then() {
        let mut reading = Reading::of("kind,value\ndevice,a\ndevice,b\n");
        reading.expect(["20:kind=device,value=a", "29:kind=device,value=b"]);
        std::fs::write(reading.path("events.csv"), "device,c\n").expect("written");
        reading.expect(["Truncated", "9:kind=device,value=c"]);
        std::fs::write(reading.path("events.csv"), "device,d\ndevice,e\n").expect("written");
        reading.expect(["Truncated", "9:kind=device,value=d", "18:kind=device,value=e"]);
    }

    #[test]
    fn a_reading_goes_on_behind_its_place_in_the_file_that_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, old) = (folder.path().join("events.csv"), folder.path().join("events.csv.1"));
        std::fs::write(&old, "kind,value\ndevice,a\ndevice,b\n").expect("written");
        std::fs::write(&path, "kind,value\ndevice,x\n").expect("written");
        let known = known_bytes(&File::open(&old).expect("there"), 20).expect("readable").expect("long enough");
        let is_same = |file: &File| known_bytes(file, 20).ok().flatten().is_some_and(|bytes| bytes == known);
        assert_eq!(find(&path, is_same), Some(old.clone()));
        let columns = Some(vec![vec!["kind".to_owned()], vec!["value".to_owned()]]);
        let mut reading = Reading::from(folder, Beginning { file: Some(old), offset: 20, line: 2, columns });
        reading.expect(["29:kind=device,value=b", "Replaced", "20:kind=device,value=x"]);
        assert_eq!(known_bytes(&File::open(&path).expect("there"), 21).expect("readable"), None);
    }
}
