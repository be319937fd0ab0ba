//! The export of an audit log: JSON lines that anybody can read and, with the key of the log, verify offline.
//!
//! ```text
//! {"format":"hushwire-audit-export","version":1,"verifier_key":…,"witness_keys":[…],"range_before":…,"witnessed":…}
//! {"index":0,"leaf":…,"content":{"blob":…,"salt":…,"record":{"time":…,"actor":…,"action":…,…}}}
//! …
//! {"entries":…,"checkpoint":…}
//! ```
//!
//! `range_before` is the compact range (size, peaks) of the entries left out in front, as base64. The last line holds the
//! signed note that covers every entry up to the last one. `witnessed` is the newest checkpoint within the export that other
//! members cosigned; absent where there is none. Any edit, cut, insertion or reordering is found; what cannot be found from
//! one file alone is that it ends earlier than the log did: compare its size with what the witnesses hold.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::evidence::{CheckedEntry, EntryText, Fault, Verified, from_line, to_line};
use crate::domain::audit::keys::LogKeys;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::entry::Entry;
use crate::domain::feed::proof::HashSource;
use crate::domain::feed::tree::CompactRange;

/// Stands in the first line.
pub const FORMAT: &str = "hushwire-audit-export";

/// Version of the format.
pub const VERSION: u32 = 1;

/// Bytes of one line: an entry's blob as base64 and its words; of a decision's proof 32 indicators with 64 signatures each.
pub const LINE_BYTES: usize = 2 * 1024 * 1024;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    verifier_key: String,
    witness_keys: Vec<String>,
    range_before: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    witnessed: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    entries: u64,
    checkpoint: String,
}

/// The compact range of the first `size` entries of a log: where an export of the later ones begins.
pub fn range_of(source: &impl HashSource, size: TreeSize) -> Option<CompactRange> {
    let mut peaks = Vec::new();
    let mut start = 0u64;
    for level in (0u8..64).rev().filter(|level| size.0 >> level & 1 == 1) {
        peaks.push(source.subtree(level, start >> level)?);
        start += 1 << level;
    }
    CompactRange::from_peaks(size, peaks).ok()
}

/// The first line of an export that begins after `before`, with the checkpoint that was cosigned as a signed note.
pub fn header_line(keys: &LogKeys, before: &CompactRange, witnessed: Option<&str>) -> String {
    to_line(&Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        verifier_key: keys.log().to_string(),
        witness_keys: keys.witnesses().map(ToString::to_string).collect(),
        range_before: BASE64.encode(before.encode()),
        witnessed: witnessed.map(str::to_owned),
    })
}

/// The line of one entry.
pub fn entry_line(index: EntryIndex, entry: &Entry) -> Result<String, Fault> {
    Ok(to_line(&EntryText::new(index, entry)?))
}

/// The last line: how many entries stand above it, and the checkpoint as a signed note.
pub fn end_line(entries: u64, checkpoint_note: &str) -> String {
    to_line(&End { entries, checkpoint: checkpoint_note.to_owned() })
}

/// Reads an export line by line, each with its newline, in constant memory.
#[derive(Debug)]
pub struct ExportVerifier {
    keys: LogKeys,
    range: CompactRange,
    first_index: u64,
    entries: u64,
    expired: u64,
    times: Option<(Timestamp, Timestamp)>,
    today: Day,
    /// What others cosigned, and whether the entries led there.
    witnessed: Option<(SignedCheckpoint, bool)>,
    end: Option<Verified>,
}

impl ExportVerifier {
    /// Takes the first line. Whether its key is the right one is for the caller to say, see [`Verified::verifier_key`].
    pub fn start(header: &str, today: Day) -> Result<Self, Fault> {
        let header: Header = from_line(header)?;
        if header.format != FORMAT {
            return Err(Fault::NotAudit);
        }
        if header.version != VERSION {
            return Err(Fault::Version { got: header.version, known: VERSION });
        }
        let keys = LogKeys::parse(&header.verifier_key, &header.witness_keys)?;
        let before = BASE64.decode(&header.range_before).map_err(|_| Fault::Form)?;
        let range = CompactRange::decode(&before).map_err(|_| Fault::Form)?;
        let first_index = range.size().0;
        let witnessed = header.witnessed.map(|note| keys.checkpoint(&note)).transpose()?.map(|head| (head, false));
        let mut started =
            Self { keys, range, first_index, entries: 0, expired: 0, times: None, today, witnessed, end: None };
        started.pass_witnessed()?;
        Ok(started)
    }

    /// Where the entries reach the size that others cosigned they must have its root.
    fn pass_witnessed(&mut self) -> Result<(), Fault> {
        if let Some((head, passed)) = self.witnessed.as_mut().filter(|(head, _)| head.size() == self.range.size()) {
            if *head.root() != self.range.root() {
                return Err(Fault::Root);
            }
            *passed = true;
        }
        Ok(())
    }

    /// Takes the next line. Returns the entry on it; none for the last line.
    pub fn line(&mut self, line: &str) -> Result<Option<CheckedEntry>, Fault> {
        if self.end.is_some() {
            return Err(Fault::AfterEnd);
        }
        if line.starts_with("{\"entries\":") {
            self.take_end(from_line(line)?)?;
            return Ok(None);
        }
        let text: EntryText = from_line(line)?;
        let checked = text.check(self.today)?;
        let expected = self.range.size().0;
        if checked.index.0 != expected {
            return Err(Fault::Index { expected, got: checked.index.0 });
        }
        self.range.append(checked.entry.leaf_hash());
        self.entries += 1;
        self.pass_witnessed()?;
        match &checked.record {
            Some(record) => {
                let (first, last) = self.times.unwrap_or((record.time(), record.time()));
                self.times = Some((first.min(record.time()), last.max(record.time())));
            }
            None => self.expired += 1,
        }
        Ok(Some(checked))
    }

    fn take_end(&mut self, end: End) -> Result<(), Fault> {
        let signed = self.keys.checkpoint(&end.checkpoint)?;
        if end.entries != self.entries || signed.size() != self.range.size() || *signed.root() != self.range.root() {
            return Err(Fault::Root);
        }
        let witnessed = match &self.witnessed {
            Some((_, false)) => return Err(Fault::Witnessed),
            Some((head, true)) => self.keys.witnesses_of(head),
            None => None,
        };
        self.end = Some(Verified {
            origin: self.keys.origin().to_owned(),
            verifier_key: self.keys.log().to_string(),
            entries: self.entries,
            expired: self.expired,
            first_index: self.first_index,
            size: signed.size().0,
            root: signed.root().to_string(),
            times: self.times,
            cosigners: signed.cosigners().clone(),
            witnessed,
        });
        Ok(())
    }

    /// What was verified, once the last line was taken.
    pub fn finish(self) -> Result<Verified, Fault> {
        self.end.ok_or(Fault::Truncated)
    }
}
