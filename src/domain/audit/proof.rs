//! The proof of one audit record: a small file that a third party verifies offline.
//!
//! ```text
//! {"format":"hushwire-audit-proof","version":1,"verifier_key":…,"witness_keys":[…],
//!  "entry":{"index":…,"leaf":…,"content":{…}},"inclusion":[…],"checkpoint":…}
//! ```
//!
//! One line, here broken for reading. `inclusion` holds the hashes of RFC 9162 §2.1.3 from the leaf upwards, as base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::base::bytes::TreeHash;
use crate::base::limits;
use crate::base::position::EntryIndex;
use crate::base::time::Day;
use crate::domain::audit::evidence::{CheckedEntry, EntryText, Fault, Verified, from_line, to_line};
use crate::domain::audit::keys::LogKeys;
use crate::domain::feed::entry::Entry;
use crate::domain::feed::proof::verify_inclusion;

/// Stands in the file.
pub const FORMAT: &str = "hushwire-audit-proof";

/// Version of the format.
pub const VERSION: u32 = 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct ProofText {
    format: String,
    version: u32,
    verifier_key: String,
    witness_keys: Vec<String>,
    entry: EntryText,
    inclusion: Vec<String>,
    checkpoint: String,
}

/// The file that proves `entry`.
pub fn proof_file(
    keys: &LogKeys,
    index: EntryIndex,
    entry: &Entry,
    inclusion: &[TreeHash],
    checkpoint_note: &str,
) -> Result<String, Fault> {
    Ok(to_line(&ProofText::new(&Proven { keys, index, entry, inclusion, checkpoint: checkpoint_note })?))
}

/// An entry with what proves it.
#[derive(Debug, Clone, Copy)]
pub struct Proven<'a> {
    pub keys: &'a LogKeys,
    pub index: EntryIndex,
    pub entry: &'a Entry,
    pub inclusion: &'a [TreeHash],
    /// A signed note in which every signature is of one of the keys.
    pub checkpoint: &'a str,
}

/// Verifies a proof file and returns the record it proves.
pub fn verify_proof(file: &str, today: Day) -> Result<(CheckedEntry, Verified), Fault> {
    from_line::<ProofText>(file)?.check(today)
}

impl ProofText {
    pub(in crate::domain::audit) fn new(proven: &Proven<'_>) -> Result<Self, Fault> {
        Ok(Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            verifier_key: proven.keys.log().to_string(),
            witness_keys: proven.keys.witnesses().map(ToString::to_string).collect(),
            entry: EntryText::new(proven.index, proven.entry)?,
            inclusion: hashes_text(proven.inclusion),
            checkpoint: proven.checkpoint.to_owned(),
        })
    }

    pub(in crate::domain::audit) fn check(&self, today: Day) -> Result<(CheckedEntry, Verified), Fault> {
        if self.format != FORMAT {
            return Err(Fault::NotAudit);
        }
        if self.version != VERSION {
            return Err(Fault::Version { got: self.version, known: VERSION });
        }
        let keys = LogKeys::parse(&self.verifier_key, &self.witness_keys)?;
        let checked = self.entry.check(today)?;
        let inclusion = read_hashes(&self.inclusion)?;
        let signed = keys.checkpoint(&self.checkpoint)?;
        verify_inclusion(&checked.entry.leaf_hash(), checked.index, signed.size(), signed.root(), &inclusion)?;
        let verified = Verified {
            origin: keys.origin().to_owned(),
            verifier_key: keys.log().to_string(),
            entries: 1,
            expired: u64::from(checked.record.is_none()),
            first_index: checked.index.0,
            size: signed.size().0,
            root: signed.root().to_string(),
            times: checked.record.as_ref().map(|record| (record.time(), record.time())),
            cosigners: signed.cosigners().clone(),
            witnessed: keys.witnesses_of(&signed),
        };
        Ok((checked, verified))
    }
}

/// Hashes of a proof as they stand in a file.
pub(in crate::domain::audit) fn hashes_text(hashes: &[TreeHash]) -> Vec<String> {
    hashes.iter().map(|hash| BASE64.encode(hash.as_bytes())).collect()
}

/// The same, read.
pub(in crate::domain::audit) fn read_hashes(texts: &[String]) -> Result<Vec<TreeHash>, Fault> {
    if texts.len() > limits::PROOF_HASHES {
        return Err(Fault::Form);
    }
    let hash = |text: &String| {
        let bytes = BASE64.decode(text).map_err(|_| Fault::Form)?;
        TreeHash::try_from(bytes.as_slice()).map_err(|_| Fault::Form)
    };
    texts.iter().map(hash).collect()
}
