//! Kind 7: how many suite-2 evaluations a member gave to each other member on one day, so that over-use shows to everyone.

use prost::Message;

use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Day;
use crate::domain::feed::blob::BlobError;
use crate::domain::wire;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationCounts {
    pub reporter: MemberId,
    pub day: Day,
    /// Requesters with the evaluations they were given.
    pub counts: Vec<(MemberId, u64)>,
}

impl EvaluationCounts {
    pub fn encode(&self) -> Vec<u8> {
        let count = |(requester, evaluations): &(MemberId, u64)| wire::EvaluationCount {
            requester: requester.as_str().to_owned(),
            evaluations: *evaluations,
        };
        wire::EvaluationCountsBlob {
            reporter: self.reporter.as_str().to_owned(),
            day: self.day.0,
            counts: self.counts.iter().map(count).collect(),
        }
        .encode_to_vec()
    }

    pub fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let message = wire::EvaluationCountsBlob::decode(blob).map_err(|_| BlobError::NotAMessage)?;
        let got = message.counts.len();
        if got > limits::MEMBERS {
            return Err(BlobError::FieldLength { field: "counts", least: 0, most: limits::MEMBERS, got });
        }
        let mut counts = Vec::with_capacity(got);
        for count in message.counts {
            counts.push((count.requester.parse()?, count.evaluations));
        }
        Ok(Self { reporter: message.reporter.parse()?, day: Day(message.day), counts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> MemberId {
        name.parse().expect("a valid name")
    }

    #[test]
    fn counts_come_back_from_their_bytes_and_are_bounded() {
        let counts = vec![(member("bank-b"), 12), (member("shop"), 0)];
        let few = EvaluationCounts { reporter: member("bank-a"), day: Day(1), counts };
        assert_eq!(EvaluationCounts::decode(&few.encode()), Ok(few.clone()));
        let many = EvaluationCounts { counts: vec![(member("x"), 1); limits::MEMBERS + 1], ..few }.encode();
        let (most, got) = (limits::MEMBERS, limits::MEMBERS + 1);
        assert_eq!(
            EvaluationCounts::decode(&many),
            Err(BlobError::FieldLength { field: "counts", least: 0, most, got })
        );
    }
}
