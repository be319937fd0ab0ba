//! The privacy budget of a quarter in words and as a strip.

use crate::base::time::Day;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::ledger::Budget;
use crate::domain::statistics::period::Quarter;
use crate::io::console::chart::Colour;
use crate::io::console::chart::strip::{LARGE, Strip, strip};
use crate::io::console::chart::svg::Svg;
use crate::io::console::date::long_day;
use crate::io::console::pages::statistics::words::loss;

/// For a page.
#[derive(Debug)]
pub struct BudgetView {
    pub quarter: String,
    pub cap: String,
    pub spent: String,
    /// What the schedule will still need.
    pub kept: String,
    /// What may still be asked.
    pub free: String,
    pub renews: String,
    pub renews_in: String,
    pub skipped: usize,
    /// Nothing may be asked any more.
    pub empty: bool,
    pub strip: Svg,
}

impl BudgetView {
    pub fn new(today: Day, budget: &Budget, kept: Epsilon) -> Self {
        let free = free(budget, kept);
        let left = budget.renews.0.saturating_sub(today.0);
        let (cap, spent) = (budget.cap, budget.spent);
        let said = format!(
            "{} of {} spent, {} kept for the schedule, {} free.",
            loss(spent),
            loss(cap),
            loss(kept),
            loss(free)
        );
        let parts = vec![(Colour::Turn(0), spent.nano()), (Colour::Hold, kept.nano())];
        let title = "Privacy budget of the quarter".to_owned();
        let drawn = strip(&Strip { title, said, parts, whole: cap.nano(), mark: None }, LARGE);
        Self {
            quarter: Quarter::of(today).to_string(),
            cap: loss(cap),
            spent: loss(spent),
            kept: loss(kept),
            free: loss(free),
            renews: long_day(budget.renews),
            renews_in: if left == 1 { "tomorrow".to_owned() } else { format!("in {left} days") },
            skipped: budget.skipped,
            empty: free < Epsilon::RELEASE_LEAST,
            strip: drawn,
        }
    }
}

/// What of a budget is neither spent nor kept.
pub fn free(budget: &Budget, kept: Epsilon) -> Epsilon {
    Epsilon::from_nano(budget.left().nano().saturating_sub(kept.nano()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(spent: u64, kept: u64) -> BudgetView {
        let (cap, renews) = (Epsilon::QUARTER_CAP, Day(20_819));
        let budget = Budget { spent: Epsilon::from_nano(spent), cap, renews, skipped: 0 };
        BudgetView::new(Day(20_779), &budget, Epsilon::from_nano(kept))
    }

    #[test]
    fn what_is_kept_for_the_schedule_is_nobody_elses() {
        let view = view(500_000_000, 1_400_000_000);
        assert_eq!((view.spent.as_str(), view.kept.as_str(), view.free.as_str()), ("0.5", "1.4", "0.1"));
        assert_eq!(
            (view.quarter.as_str(), view.renews.as_str(), view.renews_in.as_str()),
            ("2026-Q4", "1 Jan 2027", "in 40 days")
        );
        assert!(!view.empty);
    }

    #[test]
    fn a_budget_that_is_spent_says_so() {
        assert!(view(2_000_000_000, 0).empty && view(1_000_000_000, 1_999_999_999).empty);
        assert!(view(1_999_500_000, 0).empty, "less than the least a release costs");
    }
}
