//! Kind 4: a member disputes another's indicator, or the indicator's author answers.

use prost::Message;

use crate::base::bytes::Commitment;
use crate::base::name::MemberId;
use crate::base::time::Hour;
use crate::domain::feed::blob::{BlobError, commitment, plain};
use crate::domain::wire;

/// Characters of a reason code.
const REASON_CHARACTERS: usize = 64;

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeStep {
    /// 1: another member holds the indicator for wrong.
    Opened,
    /// 2: its author stands by it.
    Upheld,
    /// 3: the disputing member withdraws.
    Withdrawn,
}

impl DisputeStep {
    pub const fn number(self) -> u32 {
        match self {
            Self::Opened => 1,
            Self::Upheld => 2,
            Self::Withdrawn => 3,
        }
    }

    fn from_number(number: u32) -> Option<Self> {
        [Self::Opened, Self::Upheld, Self::Withdrawn].into_iter().find(|step| step.number() == number)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    pub target: Commitment,
    pub reporter: MemberId,
    pub hour: Hour,
    pub step: DisputeStep,
    /// Short reason code.
    pub reason: String,
    /// Of an answer, whose dispute it answers. None in answers of programs that did not say: they answer nothing.
    pub answers: Option<MemberId>,
}

impl Dispute {
    pub fn encode(&self) -> Vec<u8> {
        wire::DisputeBlob {
            target: self.target.as_bytes().to_vec(),
            reporter: self.reporter.as_str().to_owned(),
            hour: self.hour.0,
            step: self.step.number(),
            reason: self.reason.clone(),
            answers: self.answers.as_ref().map(|member| member.as_str().to_owned()).unwrap_or_default(),
        }
        .encode_to_vec()
    }

    pub fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let message = wire::DisputeBlob::decode(blob).map_err(|_| BlobError::NotAMessage)?;
        Ok(Self {
            target: commitment(&message.target)?,
            reporter: message.reporter.parse()?,
            hour: Hour(message.hour),
            step: DisputeStep::from_number(message.step)
                .ok_or(BlobError::UnknownNumber { field: "step", got: message.step })?,
            reason: plain("reason", REASON_CHARACTERS, message.reason)?,
            answers: Some(message.answers).filter(|name| !name.is_empty()).map(|name| name.parse()).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Dispute {
        Dispute {
            target: Commitment([1; 32]),
            reporter: "shop".parse().expect("a valid name"),
            hour: Hour(7),
            step: DisputeStep::Opened,
            reason: "own-customer".to_owned(),
            answers: None,
        }
    }

    #[test]
    fn a_dispute_comes_back_from_its_bytes() {
        let answer = Dispute { step: DisputeStep::Upheld, answers: Some("bank-a".parse().expect("valid")), ..sample() };
        for dispute in [sample(), answer] {
            assert_eq!(Dispute::decode(&dispute.encode()), Ok(dispute));
        }
    }

    #[test]
    fn each_rule_of_a_dispute_refuses_its_breach() {
        let check = |change: fn(&mut wire::DisputeBlob), rule: BlobError| {
            let mut message = wire::DisputeBlob::decode(sample().encode().as_slice()).expect("ours");
            change(&mut message);
            assert_eq!(Dispute::decode(&message.encode_to_vec()), Err(rule));
        };
        let length = |got| BlobError::FieldLength { field: "reason", least: 1, most: 64, got };
        check(|m| m.step = 4, BlobError::UnknownNumber { field: "step", got: 4 });
        check(|m| m.reason.clear(), length(0));
        check(|m| m.reason = "x".repeat(65), length(65));
        check(|m| m.reason = "a\u{1b}[2J".to_owned(), BlobError::NotPlain { field: "reason" });
    }
}
