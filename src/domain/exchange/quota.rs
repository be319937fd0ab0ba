//! A member's daily quota as its readers hold it to it: by the feed alone, so that every member and every late joiner lets
//! the same entries count.
//!
//! An indicator is reckoned to the day of the hour that stands in its blob, which is that of the moment from which its author
//! may sign it: the end of its window, or of the one a spread chose for it. The author's node counts by the same day. But never
//! to one more than [`FEED_LAG_DAYS`] before the newest day its feed has shown. Dating back therefore gains the rest of two
//! days once, and dating ahead uses up the days to come: from then on everything is reckoned to the last few of them.
//!
//! A place outlives the content it was given for: a node that drops a content keeps its day. Who gets the bare leaf alone, after
//! expiry or an erasure, cannot know that day, and reckons nothing to it: of an author that exceeds its quota, and then erases,
//! a late joiner may let more count than others do.
//!
//! The quota of the roster is for all groups together, which only the member's own node can hold itself to: its readers know
//! different feeds of it, and no order between them. They allow each feed the whole of it. An honest member is never refused
//! so; a hostile one gains as many quotas as it has groups, within what belief holds of it in all.

use crate::base::limits::FEED_LAG_DAYS;
use crate::base::time::Day;

pub const DAYS: usize = FEED_LAG_DAYS + 1;

/// How many indicators one feed has shown of its newest days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeedQuota {
    newest: Option<Day>,
    /// Of the newest day, the one before, …
    shown: [u64; DAYS],
}

impl FeedQuota {
    /// As [`FeedQuota::shown`] told it.
    pub fn restored(newest: Option<Day>, shown: [u64; DAYS]) -> Self {
        Self { newest, shown }
    }

    /// The newest day the feed has shown, and how many indicators of that day, of the one before, …
    pub fn shown(&self) -> (Option<Day>, [u64; DAYS]) {
        (self.newest, self.shown)
    }

    /// The place of the feed's next indicator among those of its day, from 0 on: it counts where that lies below the quota.
    /// The place stays what it is when the quota changes, so that who judged before and who judges after agree; and its day
    /// outlives the content of the indicator, so that what came after it keeps the place it had.
    pub fn place(&mut self, day: Day) -> u64 {
        let newest = self.newest.map_or(day, |newest| newest.max(day));
        for _ in 0..days_between(self.newest.unwrap_or(newest), newest).min(DAYS) {
            self.shown.rotate_right(1);
            self.shown[0] = 0;
        }
        self.newest = Some(newest);
        let shown = &mut self.shown[days_between(day, newest).min(FEED_LAG_DAYS)];
        let place = *shown;
        *shown += 1;
        place
    }
}

fn days_between(earlier: Day, later: Day) -> usize {
    usize::try_from(later.0.saturating_sub(earlier.0)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One indicator for each day given, and which of them count.
    fn check(quota: u64, days: &[u32], expected: &[bool]) {
        let mut feed = FeedQuota::default();
        let taken: Vec<bool> = days.iter().map(|day| feed.place(Day(*day)) < quota).collect();
        assert_eq!(taken, expected, "{days:?}");
    }

    #[test]
    fn each_day_has_its_quota_in_whatever_order_its_indicators_come() {
        check(2, &[10, 10, 10], &[true, true, false]);
        check(2, &[10, 11, 10, 11, 10, 11, 12], &[true, true, true, true, false, false, true]);
        check(0, &[10], &[false]);
    }

    #[test]
    fn dating_back_gains_the_rest_of_two_days() {
        check(1, &[20, 19, 18, 17, 5, 0, 20], &[true, true, true, false, false, false, false]);
    }

    #[test]
    fn dating_ahead_uses_up_the_days_to_come() {
        check(1, &[10, 40, 11, 12, 13, 37, 39, 41], &[true, true, true, false, false, false, true, true]);
    }
}
