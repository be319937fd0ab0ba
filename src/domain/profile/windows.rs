//! How much happened lately: sums over sliding times, in buckets.
//!
//! A window of `n` buckets keeps `n + 1`: the youngest is still filling, so what is told covers at least the window and at most
//! one bucket more. Never less than what happened within the window, never anything older than window and bucket:
//! ```text
//! minute   6 buckets of 10 s      up to 1/6 longer
//! hour     6 buckets of 10 min    up to 1/6 longer
//! day      8 buckets of 3 h       up to 1/8 longer   (amounts: 6 of 4 h)
//! week     7 buckets of 1 day     up to 1/7 longer
//! ```
//! What comes out of order is counted in the bucket it belongs to, or left out where that is no longer kept.

/// Sums of `N` buckets of `WIDTH_S` seconds. They lie relative to the latest second counted, which the owner keeps for all its
/// windows together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window<const N: usize, const WIDTH_S: u64> {
    /// The youngest first.
    sums: [u64; N],
}

impl<const N: usize, const WIDTH_S: u64> Default for Window<N, WIDTH_S> {
    fn default() -> Self {
        Self { sums: [0; N] }
    }
}

impl<const N: usize, const WIDTH_S: u64> Window<N, WIDTH_S> {
    pub const fn from_sums(sums: [u64; N]) -> Self {
        Self { sums }
    }

    pub const fn sums(&self) -> &[u64; N] {
        &self.sums
    }

    /// Buckets from `earlier` to `later`.
    fn apart(earlier: u64, later: u64) -> usize {
        let buckets = (later / WIDTH_S).saturating_sub(earlier / WIDTH_S);
        usize::try_from(buckets).unwrap_or(usize::MAX).min(N)
    }

    /// The latest second is now `to`, not before `from`.
    pub fn advance(&mut self, from: u64, to: u64) {
        let by = Self::apart(from, to);
        self.sums.rotate_right(by);
        self.sums.iter_mut().take(by).for_each(|sum| *sum = 0);
    }

    /// Counts at a second not after the latest, saturating at `most`.
    pub fn add(&mut self, latest: u64, at: u64, value: u64, most: u64) {
        if let Some(sum) = self.sums.get_mut(Self::apart(at, latest)) {
            *sum = sum.saturating_add(value).min(most);
        }
    }

    /// What was counted within the window that ends at second `at`.
    pub fn total(&self, latest: u64, at: u64) -> u64 {
        let kept = N - Self::apart(latest, at);
        let skipped = Self::apart(at, latest);
        self.sums.iter().take(kept).skip(skipped).fold(0, |total, sum| total.saturating_add(*sum))
    }
}

/// The last minute.
pub type Minute = Window<7, 10>;

/// The last hour.
pub type Hour = Window<7, 600>;

/// The last day.
pub type Day = Window<9, 10_800>;

/// The last day, of amounts.
pub type AmountDay = Window<7, 14_400>;

/// The last week.
pub type Week = Window<8, 86_400>;

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    /// Events in any order against counting them one by one, with the error the module states.
    fn check<const N: usize, const WIDTH_S: u64>(seed: u64) {
        let window_s = WIDTH_S * (u64::try_from(N).expect("small") - 1);
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut window, mut latest, mut events) = (Window::<N, WIDTH_S>::default(), 1_000_000, Vec::new());
        for _ in 0..2_000 {
            let at = if rng.random_ratio(1, 4) {
                latest - rng.random_range(0..window_s)
            } else {
                let next = latest + rng.random_range(0..WIDTH_S);
                window.advance(latest, next);
                latest = next;
                next
            };
            window.add(latest, at, 1, u64::MAX);
            events.push(at);
            let asked = if rng.random_ratio(1, 2) { latest } else { latest + rng.random_range(0..2 * window_s) };
            let within = |length: u64| events.iter().filter(|at| **at > asked.saturating_sub(length)).count();
            let told = window.total(latest, asked);
            let (least, most) = (within(window_s), within(window_s + WIDTH_S));
            let told = usize::try_from(told).expect("small");
            assert!(least <= told && told <= most, "{least} <= {told} <= {most} at {asked}");
        }
    }

    #[test]
    fn every_window_tells_no_less_than_it_covers_and_at_most_one_bucket_more() {
        for seed in 0..4 {
            check::<7, 10>(seed);
            check::<7, 600>(seed);
            check::<9, 10_800>(seed);
            check::<7, 14_400>(seed);
            check::<8, 86_400>(seed);
        }
    }

    #[test]
    fn what_is_older_than_the_window_is_left_out_and_sums_saturate() {
        let mut window = Minute::default();
        window.add(1_000, 939, 1, u64::MAX);
        assert_eq!(window.total(1_000, 1_000), 0);
        window.add(1_000, 940, 5, 3);
        assert_eq!(window.total(1_000, 1_000), 3);
        assert_eq!(window.total(1_000, 955), 3, "asked of a moment before the latest");
        window.advance(1_000, u64::MAX);
        assert_eq!(window.total(u64::MAX, u64::MAX), 0);
    }
}
