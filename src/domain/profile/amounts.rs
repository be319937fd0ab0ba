//! What a customer usually spends in one currency: median and median absolute deviation, from a histogram of bounded size.
//!
//! Buckets are as wide as a sixteenth of the power of two they lie in (amounts below 16 minor units have one each), and stand for
//! their middle, at most 1/32 from anything in them. So with `m` the exact median and `d` the exact deviation of the orders that
//! are remembered:
//! ```text
//! median      off by at most m/32
//! deviation   off by at most (2·m + d)/32
//! ```
//! Both are robust: fewer than half of the orders, however large, move neither beyond what the others hold. At
//! [`REMEMBERED`] orders the histogram is thinned to half, every second order in ascending order of amount, which moves no quantile
//! by more than one order; so old habits fade and the last few dozen orders count. Medians are lower medians.

use crate::domain::profile::few::Few;
use crate::domain::profile::habit::HABIT_ORDERS;

/// Orders at which the histogram is thinned to half.
pub const REMEMBERED: usize = 32;

/// A bucket and how many orders lie in it.
pub type Row = (u16, u8);

/// Highest bucket of a 64-bit amount.
const LAST_BUCKET: u16 = 975;

/// Median absolute deviations are not taken below this part of the median: it is what the buckets cannot tell apart.
const FINEST_PART: u64 = 16;

/// Amounts of one currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// By bucket, ascending.
    rows: Few<Row, REMEMBERED>,
}

impl Amounts {
    /// From stored rows; none where they could not have been made here.
    pub fn from_rows(rows: Few<Row, REMEMBERED>) -> Option<Self> {
        let amounts = Self { rows };
        let ascending = rows.as_slice().is_sorted_by(|before, after| before.0 < after.0);
        let whole = rows.iter().all(|(bucket, count)| *bucket <= LAST_BUCKET && *count > 0);
        (ascending && whole && usize::from(amounts.orders()) < REMEMBERED).then_some(amounts)
    }

    pub const fn rows(&self) -> &Few<Row, REMEMBERED> {
        &self.rows
    }

    /// Orders remembered.
    pub fn orders(&self) -> u16 {
        self.rows.iter().map(|(_, count)| u16::from(*count)).sum()
    }

    pub fn is_habit(&self) -> bool {
        u32::from(self.orders()) >= HABIT_ORDERS
    }

    pub fn learn(&mut self, minor: u64) {
        let bucket = bucket(minor);
        let at = self.rows.as_slice().partition_point(|(held, _)| *held < bucket);
        match self.rows.as_mut_slice().get_mut(at) {
            Some((held, count)) if *held == bucket => *count += 1,
            // There is room: each row holds an order, and there are fewer than rows.
            _ => {
                self.rows.insert(at, (bucket, 1));
            }
        }
        if usize::from(self.orders()) >= REMEMBERED {
            self.thin();
        }
    }

    /// The middle order, minor units; none without orders.
    pub fn median(&self) -> Option<u64> {
        self.middle_row().map(|(at, _)| self.middle(at))
    }

    /// The middle distance from the median, minor units; 0 without orders.
    pub fn deviation(&self) -> u64 {
        let Some((centre, median)) = self.middle_row().map(|(at, _)| (at, self.middle(at))) else { return 0 };
        let (mut below, mut above) = (centre, centre);
        let (mut seen, half) = (0, self.orders().div_ceil(2));
        // Outwards from the median, the nearer side first: distances come in ascending order.
        loop {
            let left = below.checked_sub(1).map(|at| (median - self.middle(at), at));
            let right = self.rows.as_slice().get(above).map(|_| (self.middle(above) - median, above));
            let (distance, at) = match (left, right) {
                (Some(left), Some(right)) if left.0 < right.0 => left,
                (_, Some(right)) => right,
                (Some(left), None) => left,
                (None, None) => return 0,
            };
            seen += self.count(at);
            if seen >= half {
                return distance;
            }
            if at < centre {
                below = at;
            } else {
                above = at + 1;
            }
        }
    }

    /// An amount against the median, percent; 0 where there is no habit.
    pub fn percent_of_median(&self, minor: u64) -> u32 {
        let Some(median) = self.median().filter(|_| self.is_habit()) else { return 0 };
        let percent = u128::from(minor) * 100 / u128::from(median.max(1));
        u32::try_from(percent).unwrap_or(u32::MAX)
    }

    /// How far an amount lies above the median, tenths of a robust standard deviation (1.4826 times the median absolute deviation,
    /// which is taken as a sixteenth of the median at least); 0 below the median and where there is no habit.
    pub fn deviation_tenths(&self, minor: u64) -> u32 {
        let Some(median) = self.median().filter(|_| self.is_habit()) else { return 0 };
        let deviation = self.deviation().max(median / FINEST_PART).max(1);
        let above = u128::from(minor.saturating_sub(median)) * 100_000;
        u32::try_from(above / (u128::from(deviation) * 14_826)).unwrap_or(u32::MAX)
    }

    /// Every second order in ascending order.
    fn thin(&mut self) {
        let mut before = 0_u16;
        self.rows.retain_mut(|(_, count)| {
            let until = before + u16::from(*count);
            let kept = until / 2 - before / 2;
            before = until;
            *count = u8::try_from(kept).unwrap_or(u8::MAX);
            *count > 0
        });
    }

    /// Where the middle order lies, and its row.
    fn middle_row(&self) -> Option<(usize, Row)> {
        let half = self.orders().div_ceil(2);
        let mut seen = 0;
        self.rows.iter().copied().enumerate().find(|(_, (_, count))| {
            seen += u16::from(*count);
            seen >= half
        })
    }

    fn middle(&self, at: usize) -> u64 {
        self.rows.as_slice().get(at).map_or(0, |(bucket, _)| middle(*bucket))
    }

    fn count(&self, at: usize) -> u16 {
        self.rows.as_slice().get(at).map_or(0, |(_, count)| u16::from(*count))
    }
}

fn bucket(minor: u64) -> u16 {
    let Some(shift) = minor.checked_ilog2().and_then(|octave| octave.checked_sub(4)) else {
        return u16::try_from(minor).expect("below 16");
    };
    let part = minor >> shift;
    u16::try_from(u64::from(shift) * 16 + part).expect("975 at most")
}

fn middle(bucket: u16) -> u64 {
    if bucket < 32 {
        return u64::from(bucket);
    }
    let shift = u32::from(bucket / 16 - 1);
    let low = u64::from(16 + bucket % 16) << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn a_bucket_stands_for_what_lies_within_a_thirty_second_of_it() {
        let mut rng = StdRng::seed_from_u64(1);
        let any = (0..20_000).map(|_| rng.random::<u64>() >> rng.random_range(0..64));
        for minor in (0..5_000).chain(any).chain([u64::MAX]) {
            let told = middle(bucket(minor));
            assert!(told.abs_diff(minor) <= minor / 32, "{minor} told as {told}");
        }
        assert_eq!(bucket(u64::MAX), LAST_BUCKET);
    }

    fn exact(values: &[u64]) -> (u64, u64) {
        let lower_median = |mut values: Vec<u64>| {
            values.sort_unstable();
            values[(values.len() - 1) / 2]
        };
        let median = lower_median(values.to_vec());
        (median, lower_median(values.iter().map(|value| value.abs_diff(median)).collect()))
    }

    /// Few orders and many, narrow and wide, small and huge, against computing both exactly.
    #[test]
    fn median_and_deviation_are_as_exact_as_stated() {
        for seed in 0..3_000 {
            let mut rng = StdRng::seed_from_u64(seed);
            let orders = rng.random_range(1..REMEMBERED);
            let scale = 1_u64 << rng.random_range(1..40);
            let values: Vec<u64> = (0..orders)
                .map(|_| match rng.random_range(0..10) {
                    0 => rng.random_range(1..=scale * 64),
                    _ => rng.random_range(scale / 2..=scale),
                })
                .collect();
            let mut amounts = Amounts::default();
            values.iter().for_each(|value| amounts.learn(*value));
            let (median, deviation) = exact(&values);
            let (told, told_deviation) = (amounts.median().expect("orders"), amounts.deviation());
            assert!(told.abs_diff(median) <= median / 32, "seed {seed}: {told} for {median}");
            let error = (2 * median + deviation) / 32 + 1;
            let off = told_deviation.abs_diff(deviation);
            assert!(off <= error, "seed {seed}: {told_deviation} for {deviation}, {values:?}");
        }
    }

    /// Thinning keeps quantiles to one order: what is told after thousands of orders of one habit lies within it.
    #[test]
    fn thinning_moves_no_median_by_more_than_one_order_and_old_habits_fade() {
        for seed in 0..500 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut amounts = Amounts::default();
            let mut values: Vec<u64> = (0..REMEMBERED - 1).map(|_| rng.random_range(1_000..9_000)).collect();
            values.iter().for_each(|value| amounts.learn(*value));
            let last = rng.random_range(1_000..9_000);
            values.push(last);
            amounts.learn(last);
            assert_eq!(usize::from(amounts.orders()), REMEMBERED / 2);
            values.sort_unstable();
            let middle = REMEMBERED / 2 - 1;
            let told = amounts.median().expect("orders");
            let (low, high) = (values[middle - 1], values[middle + 1]);
            assert!(low - low / 32 <= told && told <= high + high / 32, "seed {seed}: {low} {told} {high}");
        }
        let mut amounts = Amounts::default();
        (0..200).for_each(|_| amounts.learn(2_000));
        (0..REMEMBERED).for_each(|_| amounts.learn(50_000));
        assert!(amounts.median().is_some_and(|median| median.abs_diff(50_000) <= 50_000 / 32));
        // A few large orders do not move it.
        let mut amounts = Amounts::default();
        (0..20).for_each(|_| amounts.learn(2_000));
        (0..10).for_each(|_| amounts.learn(9_000_000));
        assert!(amounts.median().is_some_and(|median| median.abs_diff(2_000) <= 2_000 / 32));
    }

    #[test]
    fn an_amount_is_measured_only_against_a_habit() {
        let mut amounts = Amounts::default();
        (0..4).for_each(|_| amounts.learn(1_024));
        assert_eq!((amounts.percent_of_median(10_240), amounts.deviation_tenths(10_240)), (0, 0));
        amounts.learn(1_024);
        let median = amounts.median().expect("five orders");
        assert_eq!(median, 1_056);
        assert_eq!(amounts.percent_of_median(5_280), 500);
        // All alike: the deviation is a sixteenth of the median, 66, a robust standard deviation 97.85.
        assert_eq!(amounts.deviation_tenths(median + 979), 100);
        assert_eq!(amounts.deviation_tenths(900), 0);
        assert_eq!(amounts.deviation_tenths(u64::MAX), u32::MAX);
    }

    #[test]
    fn rows_that_could_not_have_been_made_here_are_refused() {
        let rows = |rows: &[Row]| {
            let mut few = Few::default();
            rows.iter().for_each(|row| assert!(few.push(*row)));
            Amounts::from_rows(few).is_some()
        };
        assert!(rows(&[(1, 1), (2, 30)]) && rows(&[(LAST_BUCKET, 1)]));
        assert!(!rows(&[(2, 1), (1, 1)]) && !rows(&[(1, 0)]) && !rows(&[(976, 1)]) && !rows(&[(1, 16), (2, 16)]));
    }
}
