//! Kind 5: every holder drops blob and salt of an earlier entry of the same feed. The leaf stays, and with it every proof.

use prost::Message;

use crate::base::bytes::Commitment;
use crate::base::name::MemberId;
use crate::base::time::Hour;
use crate::domain::feed::blob::{BlobError, commitment};
use crate::domain::wire;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    pub target: Commitment,
    pub reporter: MemberId,
    pub hour: Hour,
}

impl Erasure {
    pub fn encode(&self) -> Vec<u8> {
        wire::ErasureBlob {
            target: self.target.as_bytes().to_vec(),
            reporter: self.reporter.as_str().to_owned(),
            hour: self.hour.0,
        }
        .encode_to_vec()
    }

    pub fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let message = wire::ErasureBlob::decode(blob).map_err(|_| BlobError::NotAMessage)?;
        Ok(Self { target: commitment(&message.target)?, reporter: message.reporter.parse()?, hour: Hour(message.hour) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::WrongLength;

    #[test]
    fn an_erasure_comes_back_from_its_bytes_and_needs_its_target() {
        let reporter: MemberId = "bank-a".parse().expect("a valid name");
        let erasure = Erasure { target: Commitment([1; 32]), reporter, hour: Hour(7) };
        assert_eq!(Erasure::decode(&erasure.encode()), Ok(erasure));
        let without = wire::ErasureBlob { reporter: "bank-a".to_owned(), ..Default::default() }.encode_to_vec();
        let missing = WrongLength { what: "commitment", expected: 32, got: 0 };
        assert_eq!(Erasure::decode(&without), Err(missing.into()));
    }
}
