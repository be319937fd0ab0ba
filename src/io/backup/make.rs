//! Making a backup beside a running node, or of a stopped one: the files are read, nothing is changed and nobody waits.
//!
//! The journal first: rosters and lists that change meanwhile are then newer than its records, never older. The keystore last:
//! a roster may name a key, and a bundle be sealed to one, that was made meanwhile. Every seal
//! of the journal is checked while it is copied, so that a damaged store is not found out when its backup is needed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::io::backup::format::{BackupError, Header, Part, write_part};
use crate::io::journal::copy::{CopyCheck, CutSegment, cut};
use crate::io::journal::real_fs::RealFs;
use crate::io::keystore::file::read_at_most;
use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::store::Keystore;

/// Folders that go into a backup as they are.
const FOLDERS: [&str; 5] = ["rosters", "bundles", "tls", "certs", "access"];

/// Folders below each other that are followed: a node's own are two deep.
const DEPTH: usize = 4;

/// Where the files of a node are; what the configuration may place elsewhere is named.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    pub folder: &'a Path,
    pub configuration: &'a Path,
    pub keystore: &'a Path,
    pub guard: &'a Path,
    pub typology: Option<&'a Path>,
    pub policy: Option<&'a Path>,
    pub candidate: Option<&'a Path>,
}

/// Everything of one moment, ready to be written.
pub struct Gathered {
    pub header: Header,
    files: Vec<Part>,
    segments: Vec<CutSegment<std::fs::File>>,
    check: CopyCheck,
}

impl std::fmt::Debug for Gathered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gathered").field("header", &self.header).finish_non_exhaustive()
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    pub files: usize,
    pub segments: usize,
    pub records: u64,
}

impl Gathered {
    /// Opens the journal's files and reads the others.
    pub fn collect(places: Places<'_>, passphrase: &Passphrase, now: Timestamp) -> Result<Self, BackupError> {
        let sealed = read(places.keystore)?;
        let keystore = Keystore::open(&sealed, passphrase)?;
        let journal = places.folder.join("journal");
        let segments = match journal.try_exists() {
            Ok(true) => cut(&RealFs, &journal, &keystore.keys.storage)?,
            Ok(false) if places.folder.join("journal.salvaged").exists() => {
                return Err(BackupError::Changed("a recovery is half done, which a start of the node ends".to_owned()));
            }
            Ok(false) => Vec::new(),
            Err(reason) => return Err(file_fault(&journal, reason)),
        };
        let mut files = vec![Part { path: "hushwire.toml".to_owned(), content: read(places.configuration)? }];
        let named = [
            Some(("guard", places.guard)),
            places.typology.map(|file| ("typology.tsv", file)),
            places.policy.map(|file| ("policy.toml", file)),
            places.candidate.map(|file| ("candidate.toml", file)),
        ];
        let named = named.into_iter().flatten().map(|(path, place)| (path, place.to_owned()));
        let folders = FOLDERS.iter().map(|name| (*name, places.folder.join(name)));
        let single = ["roster.note", "admin.age"].into_iter().map(|name| (name, places.folder.join(name)));
        for (path, place) in single.chain(folders).chain(named) {
            take(path, &place, DEPTH, &mut files)?;
        }
        let newest = read(places.keystore)?;
        if newest != sealed {
            // A passphrase that was changed meanwhile would open the backup and not what is in it.
            Keystore::open(&newest, passphrase)?;
        }
        files.push(Part { path: "keystore.age".to_owned(), content: newest });
        if !files.iter().any(|part| part.path == "rosters/genesis.sha256") {
            return Err(BackupError::Missing("roster: this node belongs to no consortium yet"));
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let of_files: u64 = files.iter().map(|part| count(part.content.len())).sum();
        let of_segments: u64 = segments.iter().map(|segment| segment.bytes + count(segment.key_file.len())).sum();
        let header = Header {
            consortium: keystore.consortium.clone(),
            member: keystore.member.clone(),
            made_at: now,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            parts: count(files.len() + 2 * segments.len()),
            bytes: of_files + of_segments,
        };
        Ok(Self { header, files, segments, check: CopyCheck::new(&keystore.keys.storage) })
    }

    /// Writes it all; `told` hears of every part's bytes.
    pub fn write(self, output: &mut dyn Write, told: &mut dyn FnMut(u64)) -> Result<Made, BackupError> {
        let Self { header, files, segments, mut check } = self;
        output.write_all(header.encode().as_bytes()).map_err(BackupError::Output)?;
        let mut put = |path: &str, content: &[u8]| {
            write_part(output, path, content).map_err(BackupError::Output)?;
            told(u64::try_from(content.len()).unwrap_or(u64::MAX));
            Ok::<_, BackupError>(())
        };
        for Part { path, content } in &files {
            put(path, content)?;
        }
        for segment in &segments {
            let content = segment.read()?;
            put(&format!("journal/keys/{}", segment.name.key_file()), &segment.key_file)?;
            put(&format!("journal/{}", segment.name.segment_file()), &content)?;
            check.take(segment.name, &segment.key_file, content, &mut |_, _| Ok(()))?;
        }
        Ok(Made { files: files.len(), segments: segments.len(), records: check.end().0 })
    }
}

/// Takes a file, or a folder with what is in it; what is not there is left out, and so is what is being written.
fn take(path: &str, place: &Path, depth: usize, files: &mut Vec<Part>) -> Result<(), BackupError> {
    let absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let kind = match std::fs::metadata(place) {
        Err(error) if absent(&error) => return Ok(()),
        kind => kind.map_err(|reason| file_fault(place, reason))?,
    };
    if kind.is_dir() && depth > 0 {
        let entries = std::fs::read_dir(place).map_err(|reason| file_fault(place, reason))?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|reason| file_fault(place, reason))?.file_name();
            // A name that is not UTF-8 is none of ours.
            names.extend(name.into_string().ok().filter(|name| !name.ends_with(".new")));
        }
        names.sort();
        return names.iter().try_for_each(|name| take(&format!("{path}/{name}"), &place.join(name), depth - 1, files));
    }
    if !kind.is_file() {
        return Ok(());
    }
    match read(place) {
        Ok(content) => files.push(Part { path: path.to_owned(), content }),
        // Removed since it was listed, as a bundle of an epoch that ended.
        Err(BackupError::File { reason, .. }) if absent(&reason) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn read(place: &Path) -> Result<Vec<u8>, BackupError> {
    read_at_most(place, limits::JOURNAL_COPIED_SEGMENT_BYTES).map_err(|fault| file_fault(&fault.path, fault.reason))
}

fn file_fault(place: &Path, reason: io::Error) -> BackupError {
    BackupError::File { path: PathBuf::from(place).display().to_string(), reason }
}
