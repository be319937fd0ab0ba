//! The bytes of a backup inside its seal (an `age` v1 file, [`crate::io::keystore::stream`]). Format version 1.
//!
//! ```text
//! hushwire/v1/backup\n
//! consortium <id>\n
//! member <id>\n
//! made <milliseconds since 1970>\n
//! program <version>\n
//! parts <number>\n
//! bytes <number>\n            content of all parts
//! \n
//! parts, each:
//!   2  length of the path, big-endian
//!   n  path below the node's folder, UTF-8, names joined by `/`
//!   8  length of the content, big-endian
//!   m  content
//! ```
//! Nothing follows the last part. Order: files, then the journal segment by segment, each segment behind its key file. The seal
//! vouches for every byte and for the end.
//!
//! Paths are those of a node's folder ([`PLACES`]); any other is refused, so that a backup made by somebody else cannot write
//! elsewhere or bring a `fence` along.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use crate::base::limits;
use crate::base::name::{ConsortiumId, MemberId};
use crate::base::time::Timestamp;
use crate::io::keystore::store::KeystoreError;
use crate::io::keystore::stream::StreamError;
use crate::io::roster_files::RosterFilesError;
use crate::node::store::StorageFault;

const FIRST_LINE: &str = "hushwire/v1/backup";

/// What may stand in a backup: files by name, folders with a `/` behind.
pub const PLACES: [&str; 14] = [
    "hushwire.toml",
    "keystore.age",
    "admin.age",
    "roster.note",
    "typology.tsv",
    "policy.toml",
    "candidate.toml",
    "rosters/",
    "bundles/",
    "tls/",
    "certs/",
    "access/",
    "guard/",
    "journal/",
];

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub consortium: ConsortiumId,
    pub member: MemberId,
    pub made_at: Timestamp,
    pub program: String,
    pub parts: u64,
    /// Content of all parts.
    pub bytes: u64,
}

/// One file.
#[derive(Debug)]
pub struct Part {
    pub path: String,
    pub content: Vec<u8>,
}

/// Why a backup cannot be made, read or put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("the backup does not open: {0}")]
    Sealed(#[from] StreamError),
    #[error("the backup was cut short or changed: {0}")]
    Broken(io::Error),
    #[error("not a backup of this version: {0}")]
    Format(&'static str),
    #[error("the backup is of member {found}, not of {expected}")]
    OtherMember { found: MemberId, expected: MemberId },
    #[error("{part} of the backup belongs to {found}, the backup says {expected}")]
    Mixed { part: &'static str, found: String, expected: String },
    #[error("the backup holds no {0}")]
    Missing(&'static str),
    #[error("keystore: {0}")]
    Keystore(#[from] KeystoreError),
    #[error("roster: {0}")]
    Roster(#[from] RosterFilesError),
    #[error("journal: {0}")]
    Journal(#[from] StorageFault),
    #[error("{path}: {reason}")]
    File { path: String, reason: io::Error },
    #[error("the backup cannot be written: {0}")]
    Output(io::Error),
    #[error("the folder changed while it was read: {0}; try again")]
    Changed(String),
}

impl Header {
    pub fn encode(&self) -> String {
        let Self { consortium, member, made_at, program, parts, bytes } = self;
        format!(
            "{FIRST_LINE}\nconsortium {consortium}\nmember {member}\nmade {}\nprogram {program}\nparts {parts}\nbytes {bytes}\n\n",
            made_at.unix_ms()
        )
    }

    fn read(input: &mut dyn Read) -> Result<Self, BackupError> {
        if line(input)? != FIRST_LINE {
            return Err(BackupError::Format("it does not begin as one"));
        }
        let mut fields = BTreeMap::new();
        loop {
            let line = line(input)?;
            let Some((name, value)) = line.split_once(' ') else { break };
            fields.insert(name.to_owned(), value.to_owned());
        }
        let mut field = |name: &'static str| fields.remove(name).ok_or(BackupError::Format(name));
        let number = |name, text: String| text.parse::<u64>().map_err(|_| BackupError::Format(name));
        Ok(Self {
            consortium: field("consortium")?.parse().map_err(|_| BackupError::Format("consortium"))?,
            member: field("member")?.parse().map_err(|_| BackupError::Format("member"))?,
            made_at: Timestamp::from_unix_ms(number("made", field("made")?)?),
            program: field("program")?,
            parts: number("parts", field("parts")?)?,
            bytes: number("bytes", field("bytes")?)?,
        })
    }
}

/// A line of the header without its end; a handful of bytes each, so read one by one.
fn line(input: &mut dyn Read) -> Result<String, BackupError> {
    let mut line = Vec::new();
    loop {
        let mut byte = [0];
        input.read_exact(&mut byte).map_err(BackupError::Broken)?;
        match byte {
            [b'\n'] => return String::from_utf8(line).map_err(|_| BackupError::Format("a header that is not text")),
            [byte] if line.len() < limits::BACKUP_LINE_BYTES => line.push(byte),
            _ => return Err(BackupError::Format("a line of the header without end")),
        }
    }
}

/// Writes one part.
pub fn write_part(output: &mut dyn Write, path: &str, content: &[u8]) -> io::Result<()> {
    let length = u16::try_from(path.len()).map_err(io::Error::other)?;
    output.write_all(&length.to_be_bytes())?;
    output.write_all(path.as_bytes())?;
    output.write_all(&u64::try_from(content.len()).map_err(io::Error::other)?.to_be_bytes())?;
    output.write_all(content)
}

/// Reads a backup part by part.
pub struct Parts<'a> {
    input: &'a mut dyn Read,
    pub header: Header,
    left: u64,
    bytes_left: u64,
}

impl std::fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("header", &self.header).field("left", &self.left).finish_non_exhaustive()
    }
}

impl<'a> Parts<'a> {
    pub fn begin(input: &'a mut dyn Read) -> Result<Self, BackupError> {
        let header = Header::read(input)?;
        let (left, bytes_left) = (header.parts, header.bytes);
        Ok(Self { input, header, left, bytes_left })
    }

    /// The next part; none behind the last, once the seal has vouched for the end.
    pub fn next_part(&mut self) -> Result<Option<Part>, BackupError> {
        if self.left == 0 {
            let mut behind = [0];
            let nothing = self.input.read(&mut behind).map_err(BackupError::Broken)? == 0 && self.bytes_left == 0;
            return if nothing {
                Ok(None)
            } else {
                Err(BackupError::Format("its parts are not those its header counts"))
            };
        }
        self.left -= 1;
        let length = usize::from(u16::from_be_bytes(self.array()?));
        let path =
            String::from_utf8(self.bytes(length)?).map_err(|_| BackupError::Format("a path that is not text"))?;
        if !has_its_place(&path) {
            return Err(BackupError::Format("a path that no part of a node has"));
        }
        let length = u64::from_be_bytes(self.array()?);
        if length > limits::JOURNAL_COPIED_SEGMENT_BYTES || length > self.bytes_left {
            return Err(BackupError::Format("a part that is too large"));
        }
        self.bytes_left -= length;
        let content =
            self.bytes(usize::try_from(length).map_err(|_| BackupError::Format("a part that is too large"))?)?;
        Ok(Some(Part { path, content }))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(BackupError::Broken)?;
        Ok(bytes)
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, BackupError> {
        let mut bytes = vec![0; count];
        self.input.read_exact(&mut bytes).map_err(BackupError::Broken)?;
        Ok(bytes)
    }
}

/// Whether a path is one of a node's folder: plain names, no way up or out.
fn has_its_place(path: &str) -> bool {
    let plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\\', '\0']);
    let placed = PLACES.iter().any(|place| path == *place || place.ends_with('/') && path.starts_with(place));
    placed && path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(parts: u64, bytes: u64) -> Header {
        Header {
            consortium: "demo.example".parse().expect("valid"),
            member: "bank-a".parse().expect("valid"),
            made_at: Timestamp::from_unix_ms(1_795_000_000_123),
            program: "0.1.0".to_owned(),
            parts,
            bytes,
        }
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
        let mut input = bytes;
        let mut parts = Parts::begin(&mut input)?;
        let mut found = Vec::new();
        while let Some(Part { path, content }) = parts.next_part()? {
            found.push((path, content));
        }
        Ok(found)
    }

    fn written(header: &Header, path: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = header.encode().into_bytes();
        write_part(&mut bytes, path, content).expect("memory");
        bytes
    }

    #[test]
    fn a_backup_is_written_to_the_byte() {
        let bytes = written(&header(1, 3), "tls/peer.pem", b"pem");
        let expected = "hushwire/v1/backup\nconsortium demo.example\nmember bank-a\nmade 1795000000123\nprogram 0.1.0\n\
                        parts 1\nbytes 3\n\n\0\x0ctls/peer.pem\0\0\0\0\0\0\0\x03pem";
        assert_eq!(bytes, expected.as_bytes());
        assert_eq!(read(&bytes).expect("whole"), [("tls/peer.pem".to_owned(), b"pem".to_vec())]);
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "cut at {length}");
        }
        assert!(read(&[&bytes[..], b"x"].concat()).is_err(), "something behind the end");
        assert!(read(&written(&header(1, 4), "tls/peer.pem", b"pem")).is_err(), "fewer bytes than counted");
    }

    #[test]
    fn a_path_outside_a_nodes_folder_or_of_what_must_not_come_back_is_refused() {
        let check = |path: &str, placed: bool| {
            assert_eq!(read(&written(&header(1, 1), path, b"x")).is_ok(), placed, "{path}");
        };
        check("hushwire.toml", true);
        check("certs/publisher-desk/key.pem", true);
        for path in ["fence", "belief.snapshot", "views/x", "/etc/passwd", "certs/../../x", "certs//x", "rosters/", ""]
        {
            check(path, false);
        }
    }
}
