//! The proof of one decision: its audit record, what stands behind it, and every indicator it rests on with the proof that its
//! author had signed it. A third party verifies it offline.
//!
//! ```text
//! {"format":"hushwire-decision-proof","version":1,
//!  "record":{"format":"hushwire-audit-proof",…},
//!  "detail":{"said":{"decision_id":…,…},"salt":…},
//!  "indicators":[{"detail":{"said":{…},"salt":…},
//!                 "entry":{"verifier_key":…,"witness_keys":[…],"leaf":…,"content":{"blob":…,"salt":…},"inclusion":[…],"checkpoint":…}},…]}
//! ```
//!
//! One line, here broken for reading. `record` is the proof of the audit record as `hushwire audit prove` writes it. `said` are the
//! messages of [`crate::domain::audit::detail`]; their bytes and salts give the digest in the record. Of what was erased the
//! commitment stands in the place of `said` and `salt`, and an entry without `content`. An indicator without `entry` could not be
//! proved when the file was made: its author had signed two histories, or its feed was gone.
//!
//! What is verified of an indicator: its leaf stands in a tree that its author signed, under the name the decision gives; where its
//! content is there, it was said of a pseudonym that the decision looked up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::base::bytes::{Commitment, Salt};
use crate::base::position::EntryIndex;
use crate::base::time::Day;
use crate::domain::audit::detail::{DecisionDetail, IndicatorDetail, IndicatorPlace, KeptDetail, Part};
use crate::domain::audit::evidence::{CheckedEntry, Fault, Verified, Witnessed, from_line, to_line};
use crate::domain::audit::keys::LogKeys;
use crate::domain::audit::proof::{ProofText, Proven, hashes_text, read_hashes};
use crate::domain::feed::blob::indicator::Indicator;
use crate::domain::feed::entry::{Content, Entry, EntryKind};
use crate::domain::feed::proof::verify_inclusion;

/// Stands in the file.
pub const FORMAT: &str = "hushwire-decision-proof";

/// Version of the format.
pub const VERSION: u32 = 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    format: String,
    version: u32,
    record: ProofText,
    detail: PartText<DecisionDetail>,
    indicators: Vec<IndicatorText>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartText<T> {
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    said: Option<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commitment: Option<String>,
}

/// A field that is not there, whatever it would hold.
fn none<T>() -> Option<T> {
    None
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndicatorText {
    detail: PartText<IndicatorDetail>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry: Option<FeedEntryText>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedEntryText {
    verifier_key: String,
    witness_keys: Vec<String>,
    leaf: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<ContentText>,
    inclusion: Vec<String>,
    checkpoint: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContentText {
    blob: String,
    salt: String,
}

/// What was found good of a decision.
#[derive(Debug, Clone)]
pub struct VerifiedDecision {
    /// The record of the decision and its log.
    pub record: CheckedEntry,
    pub log: Verified,
    pub detail: DecisionDetail,
    pub indicators: Vec<VerifiedIndicator>,
}

/// What was found good of one indicator.
#[derive(Debug, Clone)]
pub struct VerifiedIndicator {
    pub place: IndicatorPlace,
    /// As it counted; none where it was erased.
    pub detail: Option<IndicatorDetail>,
    /// None where the file holds no proof of it.
    pub proof: Option<IndicatorProof>,
}

/// How an indicator is proved.
#[derive(Debug, Clone)]
pub struct IndicatorProof {
    /// The key to compare with the roster.
    pub verifier_key: String,
    /// Size of the feed that was signed.
    pub size: u64,
    /// Who else cosigned it.
    pub witnessed: Option<Witnessed>,
    /// Its content is there: it was said of an identifier of the decision.
    pub matched: bool,
}

/// The file that proves a decision. `indicators` are in the order of the detail's; none where there is no proof.
pub fn decision_file(
    record: &Proven<'_>,
    detail: &KeptDetail,
    indicators: &[Option<Proven<'_>>],
) -> Result<String, Fault> {
    let decision = Part::Whole { said: detail.decision.clone(), salt: detail.salt };
    let text = |(part, proven): (&Part<IndicatorDetail>, &Option<Proven<'_>>)| IndicatorText {
        detail: PartText::of(part),
        entry: proven.as_ref().map(FeedEntryText::of),
    };
    Ok(to_line(&FileText {
        format: FORMAT.to_owned(),
        version: VERSION,
        record: ProofText::new(record)?,
        detail: PartText::of(&decision),
        indicators: detail.indicators.iter().zip(indicators).map(text).collect(),
    }))
}

/// Verifies such a file. Whether its keys are the right ones is for the caller to say.
pub fn verify_decision(file: &str, today: Day) -> Result<VerifiedDecision, Fault> {
    let file: FileText = from_line(file)?;
    if file.format != FORMAT {
        return Err(Fault::NotAudit);
    }
    if file.version != VERSION {
        return Err(Fault::Version { got: file.version, known: VERSION });
    }
    let (record, log) = file.record.check(today)?;
    let detail = kept(&file)?;
    // A record that expired takes with it what stood behind it.
    let bound = record.record.as_ref().and_then(|record| {
        let digest = record.fields().find(|(name, _)| *name == "detail_sha256").map(|(_, value)| value);
        digest.filter(|_| record.subject() == detail.decision.decision_id)
    });
    if bound != Some(detail.digest().to_string().as_str()) {
        return Err(Fault::Detail);
    }
    let decision = detail.decision;
    let each = decision.indicators.iter().zip(detail.indicators).zip(&file.indicators).enumerate();
    let each = each.map(|(nth, ((place, part), text))| {
        let proof = text.entry.as_ref().map(|entry| entry.check(nth, place, &decision)).transpose()?;
        Ok(VerifiedIndicator { place: place.clone(), detail: part.said().cloned(), proof })
    });
    let indicators = each.collect::<Result<_, Fault>>()?;
    Ok(VerifiedDecision { record, log, detail: decision, indicators })
}

/// The parts of the detail in a file.
fn kept(file: &FileText) -> Result<KeptDetail, Fault> {
    let Part::Whole { said: decision, salt } = file.detail.read()? else { return Err(Fault::Detail) };
    let indicators = file.indicators.iter().map(|text| text.detail.read()).collect::<Result<Vec<_>, _>>()?;
    if indicators.len() != decision.indicators.len() {
        return Err(Fault::Detail);
    }
    Ok(KeptDetail { decision, salt, indicators })
}

impl<T: Message + Clone> PartText<T> {
    fn of(part: &Part<T>) -> Self {
        match part {
            Part::Whole { said, salt } => {
                Self { said: Some(said.clone()), salt: Some(BASE64.encode(salt.as_bytes())), commitment: None }
            }
            Part::Gone(commitment) => {
                Self { said: None, salt: None, commitment: Some(BASE64.encode(commitment.as_bytes())) }
            }
        }
    }

    fn read(&self) -> Result<Part<T>, Fault> {
        let bytes = |text: &str| BASE64.decode(text).map_err(|_| Fault::Form);
        match (&self.said, &self.salt, &self.commitment) {
            (Some(said), Some(salt), None) => {
                let salt = Salt::try_from(bytes(salt)?.as_slice()).map_err(|_| Fault::Form)?;
                Ok(Part::Whole { said: said.clone(), salt })
            }
            (None, None, Some(commitment)) => {
                let commitment = Commitment::try_from(bytes(commitment)?.as_slice()).map_err(|_| Fault::Form)?;
                Ok(Part::Gone(commitment))
            }
            _ => Err(Fault::Form),
        }
    }
}

impl FeedEntryText {
    fn of(proven: &Proven<'_>) -> Self {
        let content = proven.entry.content().map(|content| ContentText {
            blob: BASE64.encode(&content.blob),
            salt: BASE64.encode(content.salt.as_bytes()),
        });
        Self {
            verifier_key: proven.keys.log().to_string(),
            witness_keys: proven.keys.witnesses().map(ToString::to_string).collect(),
            leaf: BASE64.encode(proven.entry.leaf_bytes()),
            content,
            inclusion: hashes_text(proven.inclusion),
            checkpoint: proven.checkpoint.to_owned(),
        }
    }

    fn check(&self, nth: usize, place: &IndicatorPlace, decision: &DecisionDetail) -> Result<IndicatorProof, Fault> {
        let bytes = |text: &str| BASE64.decode(text).map_err(|_| Fault::Form);
        let keys = LogKeys::parse_feed(&self.verifier_key, &self.witness_keys)?;
        let content = self.content.as_ref().map(|content| {
            let salt = Salt::try_from(bytes(&content.salt)?.as_slice()).map_err(|_| Fault::Form)?;
            Ok::<_, Fault>(Content { blob: bytes(&content.blob)?, salt })
        });
        let entry = Entry::from_parts(&bytes(&self.leaf)?, content.transpose()?)?;
        let leaf = entry.leaf();
        let name = format!("members/{}/indicators/{}", keys.feed().member, leaf.commitment);
        if leaf.kind != EntryKind::Indicator || name != place.name || keys.origin() != place.feed {
            return Err(Fault::Indicator { nth });
        }
        let signed = keys.checkpoint(&self.checkpoint)?;
        let inclusion = read_hashes(&self.inclusion)?;
        let index = EntryIndex(place.index);
        verify_inclusion(&entry.leaf_hash(), index, signed.size(), signed.root(), &inclusion)?;
        if let Some(content) = entry.content() {
            let said = Indicator::decode(&content.blob).map_err(|_| Fault::Indicator { nth })?;
            let looked_up = decision.inputs.iter().any(|input| {
                input.identifier == place.identifier
                    && input.kind == said.kind.label()
                    && input.epoch_id == leaf.epoch_id.0
                    && input.pseudonym == said.pseudonym.0
            });
            if said.reporter != keys.feed().member || !(looked_up || decision.inputs_left_out > 0) {
                return Err(Fault::Unmatched { nth });
            }
        }
        Ok(IndicatorProof {
            verifier_key: keys.log().to_string(),
            size: signed.size().0,
            witnessed: keys.witnesses_of(&signed),
            matched: entry.content().is_some(),
        })
    }
}
