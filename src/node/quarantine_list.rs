//! What is held back, for people to look through: the newest first, a page at a time.

use std::fmt;
use std::str::FromStr;

use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::screening::brake::HeldReason;
use crate::node::quarantine::{QuarantineId, Quarantines, Row, Standing};

/// How far people have come, as they look for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldState {
    /// Nobody decided, or one person asks another to lift it.
    Waiting,
    Kept,
    Lifted,
}

impl HeldState {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Kept, Self::Lifted];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Kept => "kept",
            Self::Lifted => "lifted",
        }
    }

    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.label() == label)
    }
}

/// Which of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldFilter {
    pub state: Option<HeldState>,
    pub member: Option<MemberId>,
    pub reason: Option<HeldReason>,
}

/// Behind which one a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldPlace {
    at: Timestamp,
    id: QuarantineId,
}

/// `MILLISECONDS-ID`.
impl fmt::Display for HeldPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.unix_ms(), self.id)
    }
}

/// No token that this node gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a page token is what the page before gave, unchanged")]
pub struct NoHeldPlace;

impl FromStr for HeldPlace {
    type Err = NoHeldPlace;

    fn from_str(token: &str) -> Result<Self, NoHeldPlace> {
        let (at, id) = token.split_once('-').ok_or(NoHeldPlace)?;
        let at = Timestamp::from_unix_ms(at.parse().map_err(|_| NoHeldPlace)?);
        Ok(Self { at, id: id.parse().map_err(|_| NoHeldPlace)? })
    }
}

/// A page of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HeldPage {
    pub rows: Vec<Row>,
    /// Where the next page starts; none at the end.
    pub next: Option<HeldPlace>,
}

impl Row {
    pub fn state(&self) -> HeldState {
        match &self.standing {
            Standing::Waiting | Standing::LiftAsked { .. } => HeldState::Waiting,
            Standing::Kept { .. } => HeldState::Kept,
            Standing::Lifted { .. } => HeldState::Lifted,
        }
    }

    fn place(&self) -> HeldPlace {
        HeldPlace { at: self.at, id: self.id }
    }
}

impl HeldFilter {
    fn keeps(&self, row: &Row) -> bool {
        self.state.is_none_or(|state| row.state() == state)
            && self.member.as_ref().is_none_or(|member| row.raise.member == *member)
            && self.reason.is_none_or(|reason| row.raise.reason == reason)
    }
}

impl Quarantines {
    /// The newest behind a place.
    pub fn newest(&self, filter: &HeldFilter, behind: Option<HeldPlace>, limit: usize) -> HeldPage {
        let later = |row: &&Row| behind.is_none_or(|behind| row.place() < behind);
        let mut wanted: Vec<&Row> = self.after(None).filter(|row| filter.keeps(row)).filter(later).collect();
        wanted.sort_unstable_by_key(|row| std::cmp::Reverse(row.place()));
        let next = wanted.get(limit).and_then(|_| wanted.get(limit.checked_sub(1)?)).map(|last| last.place());
        HeldPage { rows: wanted.into_iter().take(limit).cloned().collect(), next }
    }

    pub fn one(&self, id: QuarantineId) -> Option<&Row> {
        self.after(None).find(|row| row.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Commitment;
    use crate::node::quarantine::Subject;
    use crate::node::quarantine::tests::row;

    fn at(id: u8, hour: u64, standing: Standing) -> Row {
        let subject = Subject::Indicator(Commitment([id; 32]));
        let held = row(id, subject);
        Row { at: held.at.plus_s(hour * 3_600), standing, ..held }
    }

    fn some() -> Quarantines {
        let kept = Standing::Kept { by: "hushwire://bank-a/analyst/anna".to_owned() };
        // Two of one moment, and ids that are not in the order of time.
        let rows = [
            (9, 0, Standing::Waiting),
            (3, 2, kept),
            (5, 2, Standing::Waiting),
            (1, 1, Standing::Lifted { at: Timestamp::from_unix_s(1) }),
        ];
        rows.into_iter().map(|(id, hour, standing)| at(id, hour, standing)).collect()
    }

    fn ids(page: &HeldPage) -> Vec<u8> {
        page.rows.iter().map(|row| row.id.0[0]).collect()
    }

    #[test]
    fn the_newest_come_first_and_each_once_however_long_a_page_is() {
        let held = some();
        for limit in [1, 2, 3, 4, 9] {
            let (mut all, mut behind) = (Vec::new(), None);
            loop {
                let page = held.newest(&HeldFilter::default(), behind, limit);
                assert!(page.rows.len() <= limit);
                all.extend(ids(&page));
                match page.next {
                    Some(next) => behind = Some(next.to_string().parse().expect("a token")),
                    None => break,
                }
            }
            assert_eq!(all, [5, 3, 1, 9], "{limit} a page");
        }
        for no_token in ["", "1", "-", "1-", "x-00", "1-00"] {
            assert_eq!(no_token.parse::<HeldPlace>(), Err(NoHeldPlace), "{no_token}");
        }
    }

    #[test]
    fn they_are_found_by_state_member_and_reason() {
        let held = some();
        let found = |filter: HeldFilter| ids(&held.newest(&filter, None, 9));
        let by_state = |state| found(HeldFilter { state: Some(state), ..HeldFilter::default() });
        assert_eq!(HeldState::ALL.map(by_state), [vec![5, 9], vec![3], vec![1]]);
        let of = |name: &str| HeldFilter { member: Some(name.parse().expect("valid")), ..HeldFilter::default() };
        assert_eq!((found(of("bank-b")).len(), found(of("bank-c")).len()), (4, 0));
        let for_reason = |reason| found(HeldFilter { reason: Some(reason), ..HeldFilter::default() }).len();
        assert_eq!((for_reason(HeldReason::Wide), for_reason(HeldReason::Canary)), (4, 0));
        assert_eq!(held.one(QuarantineId([3; 16])).map(Row::state), Some(HeldState::Kept));
        assert_eq!(held.one(QuarantineId([4; 16])), None);
    }
}
