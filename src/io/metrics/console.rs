//! What the console's door counts: requests by page and how they ended, how many are under way, why others were refused, what became
//! of those who wanted to sign in. A page is named by its row: what somebody asked for is their text.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

use crate::io::console::rows::{ROWS, Row, Verb};
use crate::io::metrics::atomics::{Count, Inside, Level};
use crate::io::transport::listener::DoorCounts;

/// Stands for every address that has no row.
const UNKNOWN_PAGE: &str = "unknown";

/// Classes of status codes; others are none of ours.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// What became of somebody who wanted to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInOutcome {
    SignedIn,
    /// Something was wrong.
    Denied,
    /// Too many at once.
    Busy,
    /// The node could not tell.
    Failed,
}

impl SignInOutcome {
    const ALL: [Self; 4] = [Self::SignedIn, Self::Denied, Self::Busy, Self::Failed];

    const fn label(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

/// Since the console opened.
#[derive(Debug)]
pub struct ConsoleCounts {
    pub connections: Arc<DoorCounts>,
    /// In the order of [`ROWS`]; the last is for what has none.
    pages: Vec<[Count; CLASSES.len()]>,
    in_flight: Arc<Level>,
    sign_ins: [Count; SignInOutcome::ALL.len()],
    /// Behind a lock, which only refusals take.
    refusals: Mutex<BTreeMap<&'static str, u64>>,
}

impl Default for ConsoleCounts {
    fn default() -> Self {
        Self {
            connections: Arc::default(),
            pages: (0..=ROWS.len()).map(|_| Default::default()).collect(),
            in_flight: Arc::default(),
            sign_ins: Default::default(),
            refusals: Mutex::default(),
        }
    }
}

impl ConsoleCounts {
    /// A request is under way until what is returned is dropped.
    pub fn begin(&self) -> Inside {
        self.in_flight.enter()
    }

    pub fn in_flight(&self) -> u64 {
        self.in_flight.value()
    }

    /// A request was answered.
    pub fn answered(&self, row: Option<&Row>, status: StatusCode) {
        let same = |own: &Row, row: &Row| own.verb == row.verb && own.path == row.path;
        let place = row.and_then(|row| ROWS.iter().position(|own| same(own, row))).unwrap_or(ROWS.len());
        let class = usize::from(status.as_u16() / 100).saturating_sub(2);
        if let Some(count) = self.pages.get(place).and_then(|classes| classes.get(class)) {
            count.one();
        }
    }

    /// Somebody did not get what they asked for; the reason is a word of the program.
    pub fn refused(&self, reason: &'static str) {
        *self.refusals.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }

    pub fn tried_to_sign_in(&self, outcome: SignInOutcome) {
        let place = SignInOutcome::ALL.iter().position(|known| *known == outcome);
        if let Some(count) = place.and_then(|place| self.sign_ins.get(place)) {
            count.one();
        }
    }

    /// Verb, page, class and number of what occurred.
    pub fn requests(&self) -> Vec<([&'static str; 3], u64)> {
        let names = ROWS.iter().map(|row| (verb(row.verb), row.path)).chain([("other", UNKNOWN_PAGE)]);
        let rows = names.zip(&self.pages).flat_map(|((verb, page), counts)| {
            CLASSES.iter().zip(counts).map(move |(class, count)| ([verb, page, *class], count.value()))
        });
        rows.filter(|(_, count)| *count > 0).collect()
    }

    /// Reason and number.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.iter().map(|(reason, count)| (*reason, *count)).collect()
    }

    /// Outcome and number.
    pub fn sign_ins(&self) -> Vec<(&'static str, u64)> {
        SignInOutcome::ALL.iter().zip(&self.sign_ins).map(|(outcome, count)| (outcome.label(), count.value())).collect()
    }
}

fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::console::rows::row;

    #[test]
    fn a_request_counts_for_its_row_and_its_class_and_one_without_a_row_without_its_text() {
        let counts = ConsoleCounts::default();
        let inside = counts.begin();
        counts.answered(row(Verb::Get, "/users/{name}"), StatusCode::OK);
        counts.answered(row(Verb::Post, "/sign-in"), StatusCode::TOO_MANY_REQUESTS);
        counts.answered(None, StatusCode::NOT_FOUND);
        counts.answered(None, StatusCode::NOT_FOUND);
        assert_eq!(counts.in_flight(), 1);
        drop(inside);
        assert_eq!(counts.in_flight(), 0);
        let expected = [
            (["POST", "/sign-in", "4xx"], 1),
            (["GET", "/users/{name}", "2xx"], 1),
            (["other", UNKNOWN_PAGE, "4xx"], 2),
        ];
        assert_eq!(counts.requests(), expected);
    }

    #[test]
    fn refusals_and_sign_ins_count_by_what_became_of_them() {
        let counts = ConsoleCounts::default();
        ["forged", "role", "forged"].into_iter().for_each(|reason| counts.refused(reason));
        assert_eq!(counts.refusals(), [("forged", 2), ("role", 1)]);
        counts.tried_to_sign_in(SignInOutcome::Denied);
        assert_eq!(counts.sign_ins(), [("signed_in", 0), ("denied", 1), ("busy", 0), ("failed", 0)]);
    }
}
