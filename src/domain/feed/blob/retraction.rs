//! Kind 2: an earlier indicator of the same member no longer counts. The target may be unknown yet: order does not matter.

use prost::Message;

use crate::base::bytes::Commitment;
use crate::base::name::MemberId;
use crate::base::time::Hour;
use crate::domain::feed::blob::{BlobError, commitment};
use crate::domain::indicator::words::RetractionReason;
use crate::domain::wire;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retraction {
    pub target: Commitment,
    pub reporter: MemberId,
    pub reason: RetractionReason,
    pub hour: Hour,
    /// The entry that replaces the target, where one does.
    pub superseded_by: Option<Commitment>,
}

impl Retraction {
    pub fn encode(&self) -> Vec<u8> {
        wire::RetractionBlob {
            target: self.target.as_bytes().to_vec(),
            reporter: self.reporter.as_str().to_owned(),
            reason: self.reason.number(),
            hour: self.hour.0,
            superseded_by: self.superseded_by.map(|commitment| commitment.as_bytes().to_vec()).unwrap_or_default(),
        }
        .encode_to_vec()
    }

    pub fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let message = wire::RetractionBlob::decode(blob).map_err(|_| BlobError::NotAMessage)?;
        let superseded_by = Some(&message.superseded_by).filter(|bytes| !bytes.is_empty());
        Ok(Self {
            target: commitment(&message.target)?,
            reporter: message.reporter.parse()?,
            reason: RetractionReason::from_number(message.reason)
                .ok_or(BlobError::UnknownNumber { field: "reason", got: message.reason })?,
            hour: Hour(message.hour),
            superseded_by: superseded_by.map(|bytes| commitment(bytes)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::WrongLength;

    fn sample(superseded_by: Option<Commitment>) -> Retraction {
        Retraction {
            target: Commitment([1; 32]),
            reporter: "bank-a".parse().expect("a valid name"),
            reason: RetractionReason::Superseded,
            hour: Hour(498_611),
            superseded_by,
        }
    }

    #[test]
    fn a_retraction_comes_back_from_its_bytes() {
        for retraction in [sample(None), sample(Some(Commitment([2; 32])))] {
            assert_eq!(Retraction::decode(&retraction.encode()), Ok(retraction));
        }
    }

    #[test]
    fn each_rule_of_a_retraction_refuses_its_breach() {
        let check = |change: fn(&mut wire::RetractionBlob), rule: BlobError| {
            let mut message = wire::RetractionBlob::decode(sample(None).encode().as_slice()).expect("ours");
            change(&mut message);
            assert_eq!(Retraction::decode(&message.encode_to_vec()), Err(rule));
        };
        check(|m| m.reason = 0, BlobError::UnknownNumber { field: "reason", got: 0 });
        check(|m| m.reason = 6, BlobError::UnknownNumber { field: "reason", got: 6 });
        check(|m| m.target.clear(), WrongLength { what: "commitment", expected: 32, got: 0 }.into());
        check(|m| m.superseded_by = vec![1], WrongLength { what: "commitment", expected: 32, got: 1 }.into());
    }
}
