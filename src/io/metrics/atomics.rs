//! Counters, levels and histograms of plain atomics: a checkout that is counted waits for nobody.
//!
//! Numbers of one histogram are read one after the other; a scrape may miss a call that ends meanwhile and finds it the next time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Only grows, from the start of the process.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn one(&self) {
        self.add(1);
    }

    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many are inside now.
#[derive(Debug, Default)]
pub struct Level(AtomicU64);

impl Level {
    /// One more, until what is returned is dropped.
    pub fn enter(self: &Arc<Self>) -> Inside {
        self.0.fetch_add(1, Ordering::Relaxed);
        Inside(Arc::clone(self))
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One that is inside.
#[derive(Debug)]
pub struct Inside(Arc<Level>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Upper bounds of the buckets, microseconds: from a look-up in memory to the longest a call may take.
pub const BOUNDS_US: [u32; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000];

/// How long something took, as a histogram.
#[derive(Debug, Default)]
pub struct Durations {
    /// By bound; the last is for what took longer than every bound.
    buckets: [Count; BOUNDS_US.len() + 1],
    sum_ns: Count,
}

impl Durations {
    pub fn took(&self, time: Duration) {
        let bucket = BOUNDS_US.partition_point(|bound| Duration::from_micros(u64::from(*bound)) < time);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.one();
        }
        self.sum_ns.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub fn read(&self) -> Distribution {
        let counts = self.buckets.each_ref().map(Count::value);
        Distribution { sum_s: Duration::from_nanos(self.sum_ns.value()).as_secs_f64(), counts }
    }
}

/// A histogram as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    pub sum_s: f64,
    /// How many fell into each bucket alone, in the order of [`BOUNDS_US`].
    pub counts: [u64; BOUNDS_US.len() + 1],
}

impl Distribution {
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Upper bound in seconds, and how many fell into that bucket alone.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS_US.iter().map(|us| f64::from(*us) / 1e6).chain([f64::INFINITY]);
        bounds.zip(self.counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_first_bucket_whose_bound_it_does_not_exceed() {
        let check = |us: u64, place: usize| {
            let durations = Durations::default();
            durations.took(Duration::from_micros(us));
            let read = durations.read();
            assert_eq!(read.counts.iter().position(|count| *count == 1), Some(place), "{us} µs");
            assert_eq!(read.count(), 1);
        };
        check(0, 0);
        check(50, 0);
        check(51, 1);
        check(10_000_000, 13);
        check(10_000_001, 14);
    }

    #[test]
    fn a_sum_is_in_seconds_and_the_last_bound_is_infinite() {
        let durations = Durations::default();
        durations.took(Duration::from_millis(1_500));
        durations.took(Duration::from_millis(500));
        assert_eq!(durations.read().sum_s, 2.0);
        assert_eq!(durations.read().buckets().last(), Some(&(f64::INFINITY, 0)));
    }

    #[test]
    fn a_level_falls_when_what_was_inside_is_dropped() {
        let level = Arc::new(Level::default());
        let (first, second) = (level.enter(), level.enter());
        assert_eq!(level.value(), 2);
        drop((first, second));
        assert_eq!(level.value(), 0);
    }
}
