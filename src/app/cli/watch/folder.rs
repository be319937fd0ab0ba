//! The folder: which of its files are whole, and where they go.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::app::cli::lock::Lock;
use crate::app::outcome::CliError;
use crate::app::records::refusal::{Refusal, Report};

/// Endings of files that somebody is still writing.
const TEMPORARY: [&str; 6] = [".tmp", ".temp", ".part", ".partial", ".swp", "~"];

/// Ending of a report.
const REPORT: &str = ".report.csv";

const LOCK: &str = ".hushwire.lock";

/// Where a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Everything of it is published.
    Done,
    /// Records of it were refused.
    Refused,
}

impl Sort {
    const fn folder(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// What makes two looks see the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
}

impl Seen {
    fn of(held: &Metadata) -> Self {
        Self { inode: held.ino(), size: held.len(), modified: held.modified().ok() }
    }
}

/// What a look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Names of files that are whole, in order. None after the first that is not: nothing overtakes it.
    pub whole: Vec<String>,
    /// Files that may still be written to.
    pub settling: usize,
}

/// See the module. While it is held, no other process watches the folder.
#[derive(Debug)]
pub struct DropFolder {
    path: PathBuf,
    settle: Duration,
    seen: BTreeMap<String, (Seen, Instant)>,
    _locked: Lock,
}

impl DropFolder {
    pub fn open(path: &Path, settle: Duration) -> Result<Self, CliError> {
        if !path.is_dir() {
            return Err(CliError::usage(format!("{} is no folder", path.display())));
        }
        for sort in [Sort::Done, Sort::Refused] {
            let folder = path.join(sort.folder());
            match std::fs::create_dir(&folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(&folder, &error)),
                _ => {}
            }
        }
        let lock = path.join(LOCK);
        let locked = Lock::take(&lock).map_err(|error| failed(&lock, &error))?;
        let locked =
            locked.ok_or_else(|| CliError::failed(format!("{} is watched by another process", path.display())))?;
        Ok(Self { path: path.to_owned(), settle, seen: BTreeMap::new(), _locked: locked })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Looks at what is there.
    pub fn look(&mut self) -> Result<Look, CliError> {
        let now = Instant::now();
        let mut found = BTreeMap::new();
        let entries = std::fs::read_dir(&self.path).map_err(|error| failed(&self.path, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| failed(&self.path, &error))?;
            // A name that is no text is nothing a report could be called after.
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Of the entry itself: a link is not followed out of the folder. It may be gone again.
            let Ok(held) = entry.metadata() else { continue };
            if held.is_file() && !is_temporary(&name) {
                let seen = Seen::of(&held);
                let before = self.seen.get(&name).filter(|(before, _)| *before == seen);
                found.insert(name, (seen, before.map_or(now, |(_, since)| *since)));
            }
        }
        self.seen = found;
        let mut look = Look::default();
        for (name, (_, since)) in &self.seen {
            if now.duration_since(*since) < self.settle {
                look.settling += 1;
            } else if look.settling == 0 {
                look.whole.push(name.clone());
            }
        }
        Ok(look)
    }

    /// Writes the report and moves the file; where it is then, below the folder. One that is no longer what the last look found
    /// stays: what was added, or took its name, while the node was waited for has been read by nobody.
    pub fn put_away(&self, name: &str, sort: Sort, refusals: &[Refusal]) -> Result<String, CliError> {
        let held = std::fs::symlink_metadata(self.path(name)).map_err(|error| failed(&self.path(name), &error))?;
        if self.seen.get(name).is_some_and(|(seen, _)| *seen != Seen::of(&held)) {
            return Err(CliError::failed(format!("{name} changed while it was published"))
                .hint("write it under another name and rename it when it is whole"));
        }
        let folder = self.path.join(sort.folder());
        let free = free_name(&folder, name);
        if sort == Sort::Refused {
            let path = folder.join(report_of(&free));
            let written = Report::open(&path).and_then(|report| report.write(refusals));
            written.map_err(|error| failed(&path, &error))?;
        }
        let moved = std::fs::rename(self.path(name), folder.join(&free));
        moved.map_err(|error| failed(&self.path(name), &error))?;
        for folder in [&folder, &self.path] {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(folder, &error))?;
        }
        Ok(format!("{}/{free}", sort.folder()))
    }
}

/// Also a report: nothing may be called as one that is still to be written.
fn is_temporary(name: &str) -> bool {
    name.starts_with('.')
        || name.ends_with(REPORT)
        || TEMPORARY.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending))
}

fn report_of(name: &str) -> String {
    format!("{name}{REPORT}")
}

/// The name, or the name with the first number behind it that is not taken: nothing is replaced.
fn free_name(folder: &Path, name: &str) -> String {
    let numbered = (1..).map(|number: u64| format!("{name}.{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let free = names.find(|name| !folder.join(name).exists());
    free.expect("a folder does not hold every number")
}

fn failed(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(settle: Duration) -> (tempfile::TempDir, DropFolder) {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DropFolder::open(place.path(), settle).expect("a folder");
        (place, folder)
    }

    #[test]
    fn files_under_way_links_and_folders_are_left_alone_and_the_others_come_by_name() {
        let (place, mut folder) = folder(Duration::ZERO);
        for name in ["b.csv", "a.csv", ".hidden", "c.csv.tmp", "c.CSV.PART", "d.csv~", "e.partial", "f.report.csv"] {
            std::fs::write(place.path().join(name), "x").expect("written");
        }
        std::os::unix::fs::symlink("/etc/hostname", place.path().join("link.csv")).expect("made");
        assert_eq!(folder.look().expect("readable"), Look { whole: vec!["a.csv".into(), "b.csv".into()], settling: 0 });
    }

    #[test]
    fn a_file_that_changes_is_not_whole_and_nothing_overtakes_it() {
        let (place, mut folder) = folder(Duration::from_secs(3_600));
        std::fs::write(place.path().join("a.csv"), "x").expect("written");
        std::fs::write(place.path().join("b.csv"), "x").expect("written");
        assert_eq!(folder.look().expect("readable"), Look { whole: vec![], settling: 2 });
        let long_ago = Instant::now().checked_sub(Duration::from_secs(7_200)).expect("the machine runs for longer");
        folder.seen.values_mut().for_each(|(_, since)| *since = long_ago);
        std::fs::write(place.path().join("a.csv"), "xy").expect("written");
        assert_eq!(folder.look().expect("readable"), Look { whole: vec![], settling: 1 });
        std::fs::remove_file(place.path().join("a.csv")).expect("there");
        assert_eq!(folder.look().expect("readable"), Look { whole: vec!["b.csv".into()], settling: 0 });
    }

    #[test]
    fn a_file_is_moved_and_never_replaces_another() {
        let (place, folder) = folder(Duration::ZERO);
        let refusals = [Refusal::new(2, "pan", "card_luhn", "its check digit is wrong")];
        for (expected, content) in [("refused/a.csv", "one"), ("refused/a.csv.1", "two")] {
            std::fs::write(place.path().join("a.csv"), content).expect("written");
            assert_eq!(folder.put_away("a.csv", Sort::Refused, &refusals).expect("moved"), expected);
            assert_eq!(std::fs::read_to_string(place.path().join(expected)).expect("there"), content);
            let report = std::fs::read_to_string(place.path().join(report_of(expected))).expect("there");
            assert_eq!(report, "line,field,rule,description\n2,pan,card_luhn,\"its check digit is wrong\"\n");
        }
        assert!(!place.path().join("a.csv").exists());
    }

    #[test]
    fn what_changed_since_it_was_found_whole_stays() {
        let (place, mut folder) = folder(Duration::ZERO);
        std::fs::write(place.path().join("a.csv"), "x").expect("written");
        assert_eq!(folder.look().expect("readable").whole, ["a.csv"]);
        std::fs::write(place.path().join("a.csv"), "xy").expect("written");
        let refused = folder.put_away("a.csv", Sort::Done, &[]).expect_err("nobody has read the rest");
        assert!(refused.message.contains("changed"), "{}", refused.message);
        folder.look().expect("readable");
        assert_eq!(folder.put_away("a.csv", Sort::Done, &[]).expect("moved"), "done/a.csv");
    }

    #[test]
    fn a_folder_has_one_watcher() {
        let (place, _folder) = folder(Duration::ZERO);
        let second = DropFolder::open(place.path(), Duration::ZERO).expect_err("it is watched");
        assert!(second.message.contains("watched by another process"), "{}", second.message);
        let none = DropFolder::open(&place.path().join("none"), Duration::ZERO).expect_err("not there");
        assert_eq!(none.code, CliError::USAGE);
    }
}
