//! Kind 3: what became of a transaction an indicator stopped, sealed to the indicator's author.

use prost::Message;

use crate::base::bytes::Commitment;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::{Day, Hour};
use crate::domain::feed::blob::{BlobError, commitment};
use crate::domain::wire;

/// What a sighting says once it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SightingOutcome {
    /// It was fraud.
    Confirmed,
    /// It was not: who was stopped was a genuine customer.
    FalsePositive,
}

impl SightingOutcome {
    pub const ALL: [Self; 2] = [Self::Confirmed, Self::FalsePositive];

    /// Its number in what is sealed and stored.
    pub const fn number(self) -> u8 {
        match self {
            Self::Confirmed => 1,
            Self::FalsePositive => 2,
        }
    }

    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.number() == number)
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::FalsePositive => "false-positive",
        }
    }
}

/// Which of a reporter's words about one indicator: the greatest was said last, in whatever order they are signed. Says a day
/// and how many words of it came before, never an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WordNumber(pub u64);

impl WordNumber {
    /// Of a word of this day behind another one. The day makes it greater than any that a store put back has forgotten.
    pub fn next(before: Option<Self>, day: Day) -> Self {
        let first = u64::from(day.0) << 16;
        Self(before.map_or(first, |before| before.0.saturating_add(1).max(first)))
    }

    /// Of the day of its word, or of a later one where that day had more words than fit.
    pub fn is_of_day_behind(self, day: Day) -> bool {
        self.0 >> 16 > u64::from(day.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub target: Commitment,
    pub reporter: MemberId,
    pub hour: Hour,
    /// Outcome, readable by the target's author only.
    pub sealed: Vec<u8>,
}

impl Sighting {
    pub fn encode(&self) -> Vec<u8> {
        wire::SightingBlob {
            target: self.target.as_bytes().to_vec(),
            reporter: self.reporter.as_str().to_owned(),
            hour: self.hour.0,
            sealed: self.sealed.clone(),
        }
        .encode_to_vec()
    }

    pub fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let message = wire::SightingBlob::decode(blob).map_err(|_| BlobError::NotAMessage)?;
        if message.sealed.is_empty() {
            let got = message.sealed.len();
            return Err(BlobError::FieldLength { field: "sealed", least: 1, most: limits::BLOB_BYTES, got });
        }
        Ok(Self {
            target: commitment(&message.target)?,
            reporter: message.reporter.parse()?,
            hour: Hour(message.hour),
            sealed: message.sealed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sighting_comes_back_from_its_bytes_and_must_say_something() {
        let reporter: MemberId = "shop".parse().expect("a valid name");
        let sighting = Sighting { target: Commitment([1; 32]), reporter, hour: Hour(7), sealed: vec![1, 2, 3] };
        assert_eq!(Sighting::decode(&sighting.encode()), Ok(sighting.clone()));
        let empty = Sighting { sealed: Vec::new(), ..sighting }.encode();
        let rule = BlobError::FieldLength { field: "sealed", least: 1, most: limits::BLOB_BYTES, got: 0 };
        assert_eq!(Sighting::decode(&empty), Err(rule));
    }
}
