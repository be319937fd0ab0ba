//! The events of the privacy ledger and their bytes in the journal.

use crate::base::framing::push_framed;
use crate::base::time::Day;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::period::Period;
use crate::domain::statistics::question::{Query, Question, ReleaseId};

/// One event of the ledger as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerEvent {
    Charged(Charge),
    /// The blob of the release, as published.
    Released {
        id: ReleaseId,
        blob: Vec<u8>,
    },
    /// A release of the schedule was given up: the budget of its quarter did not hold it, and never will again.
    Skipped {
        id: ReleaseId,
        period: Period,
    },
}

/// A privacy loss taken from the budget of the question's quarter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub id: ReleaseId,
    pub question: Question,
    pub epsilon: Epsilon,
}

const CHARGED: u8 = 1;
const RELEASED: u8 = 2;
const SKIPPED: u8 = 3;

/// Bytes that are no event of the ledger. Whoever meets one refuses to start: a lost charge would be a lost promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an event of the privacy ledger")]
pub struct NotAnEvent;

impl LedgerEvent {
    /// ```text
    /// charged   0x01 ‖ lp(release id) ‖ query u8 ‖ from day u32 ‖ until day u32 ‖ asked nano-ε u64 ‖ charged nano-ε u64
    /// released  0x02 ‖ lp(release id) ‖ blob
    /// skipped   0x03 ‖ lp(release id) ‖ from day u32 ‖ until day u32
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Charged(Charge { id, question, epsilon }) => {
                let mut out = vec![CHARGED];
                push_framed(&mut out, id.as_str().as_bytes());
                out.push(question.query.number());
                push_days(&mut out, question.period);
                out.extend_from_slice(&question.asked.nano().to_be_bytes());
                out.extend_from_slice(&epsilon.nano().to_be_bytes());
                out
            }
            Self::Released { id, blob } => {
                let mut out = vec![RELEASED];
                push_framed(&mut out, id.as_str().as_bytes());
                out.extend_from_slice(blob);
                out
            }
            Self::Skipped { id, period } => {
                let mut out = vec![SKIPPED];
                push_framed(&mut out, id.as_str().as_bytes());
                push_days(&mut out, *period);
                out
            }
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, NotAnEvent> {
        let (tag, rest) = bytes.split_first().ok_or(NotAnEvent)?;
        let (length, rest) = rest.split_first().ok_or(NotAnEvent)?;
        let (id, rest) = rest.split_at_checked(usize::from(*length)).ok_or(NotAnEvent)?;
        let id: ReleaseId = str::from_utf8(id).ok().and_then(|id| id.parse().ok()).ok_or(NotAnEvent)?;
        match *tag {
            CHARGED => {
                let (query, rest) = rest.split_first().ok_or(NotAnEvent)?;
                let query = Query::ALL.into_iter().find(|known| known.number() == *query).ok_or(NotAnEvent)?;
                let (days, amounts) = rest.split_first_chunk::<8>().ok_or(NotAnEvent)?;
                let amounts: &[u8; 16] = amounts.try_into().map_err(|_| NotAnEvent)?;
                let [asked, epsilon] = amounts_of(*amounts);
                let period = days_of(*days)?;
                Ok(Self::Charged(Charge { id, question: Question { query, period, asked }, epsilon }))
            }
            RELEASED => Ok(Self::Released { id, blob: rest.to_vec() }),
            SKIPPED => Ok(Self::Skipped { id, period: days_of(rest.try_into().map_err(|_| NotAnEvent)?)? }),
            _ => Err(NotAnEvent),
        }
    }
}

fn push_days(out: &mut Vec<u8>, period: Period) {
    out.extend_from_slice(&period.from().0.to_be_bytes());
    out.extend_from_slice(&period.until().0.to_be_bytes());
}

fn days_of(bytes: [u8; 8]) -> Result<Period, NotAnEvent> {
    let [from, until] = halves(u64::from_be_bytes(bytes));
    Period::stored(Day(from), Day(until)).ok_or(NotAnEvent)
}

fn halves(pair: u64) -> [u32; 2] {
    let low = u32::try_from(pair & 0xFFFF_FFFF).expect("32 bits");
    let high = u32::try_from(pair >> 32).expect("32 bits");
    [high, low]
}

fn amounts_of(bytes: [u8; 16]) -> [Epsilon; 2] {
    let both = u128::from_be_bytes(bytes);
    let low = u64::try_from(both & u128::from(u64::MAX)).expect("64 bits");
    let high = u64::try_from(both >> 64).expect("64 bits");
    [Epsilon::from_nano(high), Epsilon::from_nano(low)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(name: &str) -> ReleaseId {
        name.parse().expect("valid")
    }

    #[test]
    fn an_event_of_another_version_is_refused() {
        let bytes = LedgerEvent::Released { id: id("a"), blob: vec![7] }.encode();
        assert_eq!(bytes, [2, 1, b'a', 7]);
        assert_eq!(LedgerEvent::decode(&[4, 1, b'a', 7]), Err(NotAnEvent));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic_and_what_decodes_is_written_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(event) = LedgerEvent::decode(&bytes) {
                prop_assert_eq!(event.encode(), bytes);
            }
        }

        #[test]
        fn events_survive_their_bytes(
            from in 20_728u32..20_779,
            asked in 0u64..3_000_000_000,
            query in proptest::sample::select(Query::ALL.as_slice()),
        ) {
            let period = Period::new(Day(from), Day(from + 1), Day(20_779)).expect("inside a quarter");
            let asked = Epsilon::from_nano(asked);
            let skipped = LedgerEvent::Skipped { id: id("weekly-x"), period };
            prop_assert_eq!(LedgerEvent::decode(&skipped.encode()), Ok(skipped));
            let question = Question { query, period, asked };
            let event = LedgerEvent::Charged(Charge { id: id("x"), question, epsilon: Epsilon::from_nano(asked.nano() + 1) });
            prop_assert_eq!(LedgerEvent::decode(&event.encode()), Ok(event));
        }
    }
}
