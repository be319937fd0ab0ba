//! What a report says of one tree it proves something of, the audit log or a feed: the keys, the signed head that everything is
//! proved against, and the newest one before it that other members cosigned.

use serde::{Deserialize, Serialize};

use crate::base::bytes::TreeHash;
use crate::domain::audit::evidence::{Fault, Witnessed};
use crate::domain::audit::keys::LogKeys;
use crate::domain::audit::proof::{hashes_text, read_hashes};
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::proof::verify_consistency;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct HeadText {
    verifier_key: String,
    witness_keys: Vec<String>,
    checkpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    witnessed: Option<WitnessedText>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WitnessedText {
    checkpoint: String,
    consistency: Vec<String>,
}

/// A head to write.
#[derive(Debug, Clone)]
pub struct Head {
    pub keys: LogKeys,
    /// A signed note; signatures of other keys are left out.
    pub checkpoint: String,
    /// One that others cosigned, of the same key, and the hashes that join it to the other.
    pub witnessed: Option<(String, Vec<TreeHash>)>,
}

/// One whose signatures are good.
#[derive(Debug, Clone)]
pub(in crate::domain::audit) struct CheckedHead {
    pub keys: LogKeys,
    pub signed: SignedCheckpoint,
    pub witnessed: Option<Witnessed>,
}

impl HeadText {
    pub(in crate::domain::audit) fn of(head: &Head) -> Result<Self, Fault> {
        let trim = |note: &str| head.keys.trim(note);
        let witnessed = head.witnessed.as_ref().map(|(note, joined)| {
            Ok::<_, Fault>(WitnessedText { checkpoint: trim(note)?, consistency: hashes_text(joined) })
        });
        Ok(Self {
            verifier_key: head.keys.log().to_string(),
            witness_keys: head.keys.witnesses().map(ToString::to_string).collect(),
            checkpoint: trim(&head.checkpoint)?,
            witnessed: witnessed.transpose()?,
        })
    }

    pub(in crate::domain::audit) fn check(&self, is_audit: bool) -> Result<CheckedHead, Fault> {
        let parse = if is_audit { LogKeys::parse } else { LogKeys::parse_feed };
        let keys = parse(&self.verifier_key, &self.witness_keys)?;
        let signed = keys.checkpoint(&self.checkpoint)?;
        let mut witnessed = keys.witnesses_of(&signed);
        if let Some(text) = &self.witnessed {
            let earlier = keys.checkpoint(&text.checkpoint)?;
            let joined = read_hashes(&text.consistency)?;
            verify_consistency(earlier.size(), earlier.root(), signed.size(), signed.root(), &joined)?;
            let by = keys.witnesses_of(&earlier).ok_or(Fault::Witnessed)?;
            witnessed = witnessed.or(Some(by));
        }
        Ok(CheckedHead { keys, signed, witnessed })
    }
}
