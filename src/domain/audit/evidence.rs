//! What an audit log shows to somebody outside: the lines of an entry in export and proof files, and the rules they keep.
//!
//! All files are JSON in one canonical form (the fields in the order of the structs here, no spaces): a file that differs
//! from it in any byte is refused, so that "verified" always means every byte. Binary values are base64.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::base::bytes::Salt;
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::record::{AuditRecord, RecordError};
use crate::domain::feed::checkpoint_error::CheckpointError;
use crate::domain::feed::entry::{Content, Entry, EntryError, EntryKind};
use crate::domain::feed::proof::ProofError;
use crate::domain::note::key::VerifierKey;

/// The rule a file broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("not in the form this version writes")]
    Form,
    #[error("not an export or report of an audit log, nor a proof of one record")]
    NotAudit,
    #[error("format version {got} is not known; this program reads version {known}")]
    Version { got: u32, known: u32 },
    #[error("the keys are not those of an audit log and its witnesses")]
    Key,
    #[error("the log is verified by another key than the one given")]
    AnotherKey,
    #[error("expected entry {expected}, got {got}: entries are missing, repeated or out of order")]
    Index { expected: u64, got: u64 },
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error("the entry is not an audit record")]
    Kind,
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("the readable record is not what the bytes say")]
    Rendering,
    #[error("the content of the entry is missing before its retention ends")]
    Missing,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("a signature is of a key the file does not name")]
    UnknownSignature,
    #[error("the checkpoint that others cosigned is not within the file")]
    Witnessed,
    #[error("a cosignature is of a key that is not among those given")]
    AnotherWitness,
    #[error("the entries do not lead to the signed root")]
    Root,
    #[error("the file ends before its checkpoint")]
    Truncated,
    #[error("something follows the checkpoint")]
    AfterEnd,
    #[error(transparent)]
    Inclusion(#[from] ProofError),
    #[error("what stands behind the decision is not what its record is bound to")]
    Detail,
    #[error("indicator {nth} is not the entry that the decision names")]
    Indicator { nth: usize },
    #[error("indicator {nth} is about no identifier of the decision")]
    Unmatched { nth: usize },
    #[error("the feed of indicator {nth} is signed by a key that no given roster names for it")]
    AnotherFeedKey { nth: usize },
    #[error("the period or range is not the one that the record of this report names")]
    Period,
    #[error("the record before the period, or the one after it, is missing")]
    Neighbour,
    #[error("of the feed {feed} other entries are shown than the log says were received")]
    FeedRange { feed: String },
    #[error("the feed {feed} is signed by a key that no given roster names for it")]
    ForeignFeed { feed: String },
    #[error("the totals are not those of the records")]
    Totals,
}

/// A record in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordText {
    pub time: String,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub outcome: String,
    pub fields: BTreeMap<String, String>,
}

impl From<&AuditRecord> for RecordText {
    fn from(record: &AuditRecord) -> Self {
        Self {
            time: record.time().to_string(),
            actor: record.actor().to_owned(),
            action: record.action().to_owned(),
            subject: record.subject().to_owned(),
            outcome: record.outcome().name().to_owned(),
            fields: record.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }
}

/// One entry: the bytes that prove it, and what they say. Without content where retention removed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct EntryText {
    index: u64,
    leaf: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<ContentText>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContentText {
    blob: String,
    salt: String,
    record: RecordText,
}

/// An entry whose bytes, commitment and rendering agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedEntry {
    pub index: EntryIndex,
    pub entry: Entry,
    /// None where retention removed it.
    pub record: Option<AuditRecord>,
}

impl EntryText {
    pub(in crate::domain::audit) fn new(index: EntryIndex, entry: &Entry) -> Result<Self, Fault> {
        let content = entry.content().map(|content| {
            let record = AuditRecord::decode(&content.blob)?;
            let (blob, salt) = (BASE64.encode(&content.blob), BASE64.encode(content.salt.as_bytes()));
            Ok::<_, Fault>(ContentText { blob, salt, record: RecordText::from(&record) })
        });
        Ok(Self { index: index.0, leaf: BASE64.encode(entry.leaf_bytes()), content: content.transpose()? })
    }

    /// `today` decides whether content may be missing: never before the day that stands on the leaf.
    pub(in crate::domain::audit) fn check(&self, today: Day) -> Result<CheckedEntry, Fault> {
        let bytes = |text: &str| BASE64.decode(text).map_err(|_| Fault::Form);
        let content = self.content.as_ref().map(|content| {
            let salt = Salt::try_from(bytes(&content.salt)?.as_slice()).map_err(|_| Fault::Form)?;
            Ok::<_, Fault>(Content { blob: bytes(&content.blob)?, salt })
        });
        let entry = Entry::from_parts(&bytes(&self.leaf)?, content.transpose()?)?;
        if entry.leaf().kind != EntryKind::Audit {
            return Err(Fault::Kind);
        }
        let record = entry.content().map(|content| AuditRecord::decode(&content.blob)).transpose()?;
        if record.is_none() && today < entry.leaf().expires_day {
            return Err(Fault::Missing);
        }
        if record.as_ref().map(RecordText::from).as_ref() != self.content.as_ref().map(|content| &content.record) {
            return Err(Fault::Rendering);
        }
        Ok(CheckedEntry { index: EntryIndex(self.index), entry, record })
    }
}

/// One line of canonical JSON with its newline.
pub(in crate::domain::audit) fn to_line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("texts, numbers and maps of texts are JSON");
    line.push('\n');
    line
}

/// Reads one line in canonical form.
pub(in crate::domain::audit) fn from_line<T: Serialize + for<'a> Deserialize<'a>>(line: &str) -> Result<T, Fault> {
    let value: T = serde_json::from_str(line).map_err(|_| Fault::Form)?;
    if to_line(&value) == line { Ok(value) } else { Err(Fault::Form) }
}

/// What was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// `<consortium>/<member>/audit`.
    pub origin: String,
    /// The key to compare with the roster.
    pub verifier_key: String,
    /// Entries in the file, and how many of them lost their content to retention.
    pub entries: u64,
    pub expired: u64,
    /// The first and the last of them.
    pub first_index: u64,
    /// Size of the whole log that was signed.
    pub size: u64,
    pub root: String,
    /// Time of the oldest and of the newest record that still has content.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Who cosigned the log, and when they last did.
    pub cosigners: BTreeMap<String, Timestamp>,
    /// What other members cosigned of it.
    pub witnessed: Option<Witnessed>,
}

/// Other members cosigned the log up to a size: they hold its root, and nothing before it was changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    pub size: u64,
    /// The key of each, to compare with the roster, and when it signed.
    pub by: Vec<(VerifierKey, Timestamp)>,
}
