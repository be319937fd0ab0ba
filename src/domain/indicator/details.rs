//! The sealed part of an indicator: encoded once by its reporter, read only by those who hold the identifier.
//!
//! Layout: `IndicatorDetails` of `hushwire/types/v1/entry.proto`, version 1. Padding and sealing belong to the pseudonym
//! module. Whoever sealed the bytes is a member, not a friend: every field is checked again on the way in.

use prost::Message;

use crate::base::time::Timestamp;
use crate::domain::indicator::note::{Note, NoteError};
use crate::domain::indicator::typology::{Typology, TypologyError};
use crate::domain::indicator::validity::{EmptyValidity, Validity};
use crate::domain::indicator::words::{Confidence, Grounds, Handling, Purpose, Severity};
use crate::domain::wire::IndicatorDetails;

const VERSION: u32 = 1;

/// The sealed bytes opened, yet they say nothing this version understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DetailsError {
    #[error("the details are no valid message")]
    Malformed,
    #[error("the details have version {got}, this node reads version {VERSION}")]
    Version { got: u32 },
    #[error("the details name no known {field}")]
    Word { field: &'static str },
    #[error("the details claim a confidence of {got}, at most 100 is possible")]
    Confidence { got: u32 },
    #[error(transparent)]
    Typology(#[from] TypologyError),
    #[error(transparent)]
    Validity(#[from] EmptyValidity),
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// What an indicator says of its pseudonym.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    pub typology: Typology,
    pub severity: Severity,
    pub confidence: Confidence,
    pub grounds: Grounds,
    pub purpose: Purpose,
    pub handling: Handling,
    pub validity: Validity,
    /// When the fraud was observed; exact to the second.
    pub observed_at: Timestamp,
    pub note: Note,
}

impl Details {
    /// The plaintext to seal.
    pub fn encode(&self) -> Vec<u8> {
        IndicatorDetails {
            version: VERSION,
            valid_from_s: self.validity.from_s(),
            valid_until_s: self.validity.until_s(),
            typology: self.typology.as_str().to_owned(),
            severity: self.severity.number(),
            confidence: self.confidence.percent(),
            grounds: self.grounds.number(),
            purpose: self.purpose.label().to_owned(),
            handling: self.handling.number(),
            note: self.note.as_str().to_owned(),
            observed_s: self.observed_at.unix_s(),
        }
        .encode_to_vec()
    }

    /// Reads an opened payload. Fields of later layouts are passed over; a later version is refused.
    pub fn decode(plaintext: &[u8]) -> Result<Self, DetailsError> {
        let wire = IndicatorDetails::decode(plaintext).map_err(|_| DetailsError::Malformed)?;
        if wire.version != VERSION {
            return Err(DetailsError::Version { got: wire.version });
        }
        let word = |field: &'static str| DetailsError::Word { field };
        Ok(Self {
            typology: Typology::well_formed(&wire.typology)?,
            severity: Severity::from_number(wire.severity).ok_or(word("severity"))?,
            confidence: Confidence::new(wire.confidence).ok_or(DetailsError::Confidence { got: wire.confidence })?,
            grounds: Grounds::from_number(wire.grounds).ok_or(word("grounds"))?,
            purpose: Purpose::from_label(&wire.purpose).ok_or(word("purpose"))?,
            handling: Handling::from_number(wire.handling).ok_or(word("handling"))?,
            validity: Validity::new(wire.valid_from_s, wire.valid_until_s)?,
            observed_at: Timestamp::from_unix_s(wire.observed_s),
            note: Note::received(&wire.note)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn details() -> Details {
        Details {
            typology: Typology::well_formed("F1012").expect("valid"),
            severity: Severity::High,
            confidence: Confidence::new(90).expect("valid"),
            grounds: Grounds::OwnConfirmed,
            purpose: Purpose::FraudScreening,
            handling: Handling::Amber,
            validity: Validity::new(1_795_000_000, 1_802_000_000).expect("not empty"),
            observed_at: Timestamp::from_unix_s(1_794_999_000),
            note: Note::default(),
        }
    }

    fn refusal(change: impl FnOnce(&mut IndicatorDetails)) -> DetailsError {
        let mut wire = IndicatorDetails::decode(details().encode().as_slice()).expect("own bytes");
        change(&mut wire);
        Details::decode(&wire.encode_to_vec()).expect_err("a rule is broken")
    }

    #[test]
    fn details_without_a_note_fit_one_block_of_64_bytes() {
        let mut longest = details();
        longest.typology = Typology::well_formed("F1005.001").expect("valid");
        assert!(longest.encode().len() < 64, "{} bytes", longest.encode().len());
    }

    #[test]
    fn what_was_encoded_is_read_back() {
        let mut noted = details();
        noted.note = Note::new("seen at two shops").expect("valid");
        assert_eq!(Details::decode(&noted.encode()), Ok(noted));
    }

    #[test]
    fn each_broken_field_is_refused_by_its_rule() {
        assert_eq!(refusal(|wire| wire.version = 2), DetailsError::Version { got: 2 });
        assert_eq!(refusal(|wire| wire.severity = 0), DetailsError::Word { field: "severity" });
        assert_eq!(refusal(|wire| wire.grounds = 9), DetailsError::Word { field: "grounds" });
        assert_eq!(refusal(|wire| wire.handling = 0), DetailsError::Word { field: "handling" });
        assert_eq!(refusal(|wire| wire.purpose = "marketing".into()), DetailsError::Word { field: "purpose" });
        assert_eq!(refusal(|wire| wire.confidence = 101), DetailsError::Confidence { got: 101 });
        assert_eq!(refusal(|wire| wire.valid_until_s = 0), DetailsError::Validity(EmptyValidity));
        assert_eq!(refusal(|wire| wire.typology.clear()), DetailsError::Typology(TypologyError::Malformed));
        assert_eq!(refusal(|wire| wire.note = "a\0b".into()), DetailsError::Note(NoteError::Control));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = Details::decode(&bytes);
        }
    }
}
