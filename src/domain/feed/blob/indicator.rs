//! Kind 1: one member's statement about a pseudonym. The statement itself is sealed; see
//! [`crate::domain::pseudonym::payload`].

use prost::Message;

use crate::base::bytes::Pseudonym;
use crate::base::kind::IdentifierKind;
use crate::base::name::MemberId;
use crate::base::time::Hour;
use crate::domain::feed::blob::BlobError;
use crate::domain::pseudonym::payload::check_sealed_length;
use crate::domain::pseudonym::suite::Suite;
use crate::domain::wire;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    pub suite: Suite,
    pub kind: IdentifierKind,
    pub pseudonym: Pseudonym,
    pub reporter: MemberId,
    /// From when on it may be signed; the member's daily quota is reckoned by it.
    pub hour: Hour,
    /// Sealed details.
    pub sealed: Vec<u8>,
}

impl Indicator {
    pub fn encode(&self) -> Vec<u8> {
        wire::IndicatorBlob {
            suite: self.suite.number(),
            r#type: self.kind.type_label().to_owned(),
            pseudonym: self.pseudonym.as_bytes().to_vec(),
            reporter: self.reporter.as_str().to_owned(),
            hour: self.hour.0,
            sealed: self.sealed.clone(),
        }
        .encode_to_vec()
    }

    pub fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let message = wire::IndicatorBlob::decode(blob).map_err(|_| BlobError::NotAMessage)?;
        check_sealed_length(&message.sealed)?;
        Ok(Self {
            suite: Suite::try_from(message.suite)?,
            kind: IdentifierKind::from_type_label(&message.r#type)?,
            pseudonym: Pseudonym::try_from(message.pseudonym.as_slice())?,
            reporter: message.reporter.parse()?,
            hour: Hour(message.hour),
            sealed: message.sealed,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::base::bytes::WrongLength;
    use crate::base::kind::UnknownKind;
    use crate::base::name::NameError;
    use crate::domain::pseudonym::payload::PayloadError;
    use crate::domain::pseudonym::suite::UnknownSuite;

    /// An indicator of `reporter` for tests of whole feeds.
    pub(crate) fn sample(reporter: &str, seed: u8) -> Indicator {
        Indicator {
            suite: Suite::KeyedHash,
            kind: IdentifierKind::Pan,
            pseudonym: Pseudonym([seed; 32]),
            reporter: reporter.parse().expect("a valid name"),
            hour: Hour(498_611),
            sealed: vec![seed; 104],
        }
    }

    #[test]
    fn an_indicator_comes_back_from_its_bytes() {
        let indicator = sample("bank-a", 1);
        assert_eq!(Indicator::decode(&indicator.encode()), Ok(indicator));
    }

    #[test]
    fn each_rule_of_an_indicator_refuses_its_breach() {
        let check = |change: fn(&mut wire::IndicatorBlob), rule: BlobError| {
            let mut message = wire::IndicatorBlob::decode(sample("bank-a", 1).encode().as_slice()).expect("ours");
            change(&mut message);
            assert_eq!(Indicator::decode(&message.encode_to_vec()), Err(rule));
        };
        check(|m| m.suite = 3, UnknownSuite(3).into());
        check(|m| m.r#type = "pan/2".to_owned(), UnknownKind.into());
        let short = WrongLength { what: "pseudonym", expected: 32, got: 31 };
        check(|m| m.pseudonym.truncate(31), short.into());
        check(|m| m.reporter.clear(), NameError::Length { what: "a member id", max: 63, got: 0 }.into());
        check(|m| m.sealed.truncate(103), PayloadError::Length { got: 103 }.into());
        assert_eq!(Indicator::decode(&[0xFF]), Err(BlobError::NotAMessage));
    }
}
