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
struct ProofText {
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
    Ok(to_line(&ProofText {
        format: FORMAT.to_owned(),
        version: VERSION,
        verifier_key: keys.log().to_string(),
        witness_keys: keys.witnesses().map(ToString::to_string).collect(),
        entry: EntryText::new(index, entry)?,
        inclusion: inclusion.iter().map(|hash| BASE64.encode(hash.as_bytes())).collect(),
        checkpoint: checkpoint_note.to_owned(),
    }))
}

/// Verifies a proof file and returns the record it proves.
pub fn verify_proof(file: &str, today: Day) -> Result<(CheckedEntry, Verified), Fault> {
    let proof: ProofText = from_line(file)?;
    if proof.format != FORMAT {
        return Err(Fault::NotAudit);
    }
    if proof.version != VERSION {
        return Err(Fault::Version { got: proof.version, known: VERSION });
    }
    let keys = LogKeys::parse(&proof.verifier_key, &proof.witness_keys)?;
    let checked = proof.entry.check(today)?;
    if proof.inclusion.len() > limits::PROOF_HASHES {
        return Err(Fault::Form);
    }
    let hash = |text: &String| {
        let bytes = BASE64.decode(text).map_err(|_| Fault::Form)?;
        TreeHash::try_from(bytes.as_slice()).map_err(|_| Fault::Form)
    };
    let inclusion = proof.inclusion.iter().map(hash).collect::<Result<Vec<_>, _>>()?;
    let signed = keys.checkpoint(&proof.checkpoint)?;
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
