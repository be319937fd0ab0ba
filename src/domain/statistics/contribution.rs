//! How much one subject may weigh in a histogram.
//!
//! Per subject and period at most [`CATEGORIES_PER_SUBJECT`] distinct categories count, one row each. Which ones is decided
//! by the order of a keyed hash, so that neither the data's order nor an outsider can steer the choice, and the same
//! question always chooses the same. Then adding or removing one subject changes at most that many cells by one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::bytes::LocalMac;
use crate::base::framing::push_framed;
use crate::base::secret::SecretBytes;
use crate::domain::statistics::period::Period;

/// Most distinct categories (L0) to which one subject adds a row.
pub const CATEGORIES_PER_SUBJECT: u32 = 2;

/// Rows of which no subject owns more than the bound. Only [`bound_contributions`] makes them, so noise cannot be
/// calibrated to rows that were not bounded.
pub struct BoundedRows {
    cells: Vec<u32>,
    categories: u32,
    bound: u32,
}

impl BoundedRows {
    /// The category of each row, in no order that tells anything.
    pub fn cells(&self) -> &[u32] {
        &self.cells
    }

    /// Number of categories; every row is below it.
    pub fn categories(&self) -> u32 {
        self.categories
    }

    /// Most rows one subject owns.
    pub fn bound(&self) -> u32 {
        self.bound
    }
}

/// Exact counts are what the noise hides: no content.
impl fmt::Debug for BoundedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedRows").field("bound", &self.bound).finish_non_exhaustive()
    }
}

/// Keeps at most [`CATEGORIES_PER_SUBJECT`] categories of each subject, one row each; categories beyond `categories` are
/// left out.
///
/// A subject is a local keyed hash: of the publisher's own case reference where one was given, otherwise of the canonical
/// identifier, whatever epoch it is published under; of what was screened, of the caller's reference of its customer, otherwise
/// of the order. It is no person: somebody with two cases, or with two identifiers published without a case, is two subjects.
pub fn bound_contributions(
    rows: impl IntoIterator<Item = (LocalMac, u32)>,
    categories: u32,
    period: Period,
    order_key: &SecretBytes<32>,
) -> BoundedRows {
    let mut of_subject: BTreeMap<[u8; 32], BTreeSet<u32>> = BTreeMap::new();
    for (subject, category) in rows.into_iter().filter(|(_, category)| *category < categories) {
        of_subject.entry(subject.0).or_default().insert(category);
    }
    let keep = usize::try_from(CATEGORIES_PER_SUBJECT).expect("a small number");
    let mut cells = Vec::new();
    for (subject, distinct) in of_subject {
        let mut ordered: Vec<([u8; 32], u32)> =
            distinct.into_iter().map(|category| (rank(order_key, period, &subject, category), category)).collect();
        ordered.sort_unstable();
        cells.extend(ordered.into_iter().take(keep).map(|(_, category)| category));
    }
    BoundedRows { cells, categories, bound: CATEGORIES_PER_SUBJECT }
}

/// `HMAC-SHA256(order_key, lp("hushwire/v1/contribution") ‖ u32(from) ‖ u32(until) ‖ subject[32] ‖ u32(category))`.
fn rank(order_key: &SecretBytes<32>, period: Period, subject: &[u8; 32], category: u32) -> [u8; 32] {
    let mut message = Vec::with_capacity(25 + 8 + 32 + 4);
    push_framed(&mut message, b"hushwire/v1/contribution");
    message.extend_from_slice(&period.from().0.to_be_bytes());
    message.extend_from_slice(&period.until().0.to_be_bytes());
    message.extend_from_slice(subject);
    message.extend_from_slice(&category.to_be_bytes());
    let mut mac = Hmac::<Sha256>::new_from_slice(order_key.expose()).expect("HMAC takes keys of any length");
    mac.update(&message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::time::Day;
    use crate::domain::statistics::question::Query;

    fn period(from: u32) -> Period {
        Period::new(Day(from), Day(from + 7), Day(from + 30)).expect("inside a quarter")
    }

    fn counts(rows: &BoundedRows) -> Vec<i64> {
        let mut counts = vec![0; usize::try_from(rows.categories()).expect("small")];
        for cell in rows.cells() {
            counts[usize::try_from(*cell).expect("small")] += 1;
        }
        counts
    }

    fn bounded(rows: &[(u8, u32)], from: u32) -> BoundedRows {
        let rows = rows.iter().map(|(subject, category)| (LocalMac([*subject; 32]), *category));
        bound_contributions(rows, 16, period(from), &SecretBytes::new([7; 32]))
    }

    #[test]
    fn repeated_rows_of_a_subject_count_once() {
        assert_eq!(bounded(&[(1, 3), (1, 3), (1, 3)], 20_728).cells(), [3]);
    }

    #[test]
    fn the_choice_differs_between_periods_and_spreads_over_all_categories() {
        let all: Vec<(u8, u32)> =
            (0..200).flat_map(|subject| (0..16).map(move |category| (subject, category))).collect();
        let first = bounded(&all, 20_728);
        assert_ne!(first.cells(), bounded(&all, 20_735).cells());
        assert!(counts(&first).iter().all(|count| *count > 0), "no category is starved: {:?}", counts(&first));
    }

    /// Somebody who wants to be seen in a release, or to drown others in it, has thousands of events in every cell.
    #[test]
    fn a_subject_with_thousands_of_events_in_every_cell_of_any_question_owns_two_rows() {
        let everybody: Vec<(LocalMac, u32)> = (0..50).map(|subject| (LocalMac([subject; 32]), 0)).collect();
        for query in Query::ALL {
            let categories = u32::try_from(query.categories().len()).expect("few");
            let of = |rows: Vec<(LocalMac, u32)>| {
                bound_contributions(rows, categories, period(20_728), &SecretBytes::new([7; 32]))
            };
            let flood = (0..5_000 * categories).map(|event| (LocalMac([99; 32]), event % categories));
            let (without, with) = (of(everybody.clone()), of(everybody.iter().copied().chain(flood).collect()));
            let moved: i64 =
                counts(&with).iter().zip(counts(&without)).map(|(with, without)| (with - without).abs()).sum();
            assert_eq!(moved, i64::from(CATEGORIES_PER_SUBJECT.min(categories)), "{query}");
        }
    }

    proptest! {
        #[test]
        fn one_subject_moves_at_most_two_cells_by_one(
            rows in proptest::collection::vec((0u8..20, 0u32..20), 0..200),
            removed in 0u8..20,
        ) {
            let without: Vec<(u8, u32)> = rows.iter().copied().filter(|(subject, _)| *subject != removed).collect();
            let distance: i64 = counts(&bounded(&rows, 20_728))
                .iter()
                .zip(counts(&bounded(&without, 20_728)))
                .map(|(with, without)| (with - without).abs())
                .sum();
            prop_assert!(distance <= i64::from(CATEGORIES_PER_SUBJECT));
        }

        #[test]
        fn the_order_of_the_data_does_not_matter(
            mut rows in proptest::collection::vec((0u8..20, 0u32..20), 0..100),
        ) {
            let before = bounded(&rows, 20_728);
            rows.reverse();
            let after = bounded(&rows, 20_728);
            prop_assert_eq!(before.cells(), after.cells());
        }
    }
}
