//! A token bucket in integers: so many at once, then so many a second.

use tokio::time::Instant;

/// Micro-tokens in one token: refilling counts microseconds, so nothing is lost to rounding.
const MICRO: u64 = 1_000_000;

/// How much at once, and how much a second after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub burst: u64,
    pub per_s: u64,
}

impl Rate {
    /// Where something else limits how often.
    pub fn unlimited() -> Self {
        Self { burst: u64::MAX / MICRO, per_s: u64::MAX / MICRO }
    }
}

/// What is left of a [`Rate`].
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: Rate,
    micro: u64,
    filled_at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self { rate, micro: rate.burst.saturating_mul(MICRO), filled_at: now }
    }

    /// Takes `amount`, or nothing and says no.
    pub fn take(&mut self, amount: u64, now: Instant) -> bool {
        self.refill(now);
        match self.micro.checked_sub(amount.saturating_mul(MICRO)) {
            Some(left) => {
                self.micro = left;
                true
            }
            None => false,
        }
    }

    /// Gives back, at most up to the burst.
    pub fn credit(&mut self, amount: u64) {
        let full = self.rate.burst.saturating_mul(MICRO);
        self.micro = self.micro.saturating_add(amount.saturating_mul(MICRO)).min(full);
    }

    /// Whether nothing is missing: such a bucket need not be remembered.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.micro == self.rate.burst.saturating_mul(MICRO)
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled_at);
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let full = self.rate.burst.saturating_mul(MICRO);
        self.micro = self.micro.saturating_add(micros.saturating_mul(self.rate.per_s)).min(full);
        self.filled_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(Rate { burst: 3, per_s: 10 }, start);
        assert!(bucket.take(3, start));
        assert!(!bucket.take(1, start));
        assert!(!bucket.take(1, start + Duration::from_millis(99)));
        assert!(bucket.take(1, start + Duration::from_millis(100)));
        assert!(!bucket.take(1, start + Duration::from_millis(100)));
        assert!(bucket.is_full(start + Duration::from_secs(60)));
        assert!(!bucket.take(4, start + Duration::from_secs(60)), "never more than the burst");
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_refills_nothing() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut bucket = Bucket::full(Rate { burst: 1, per_s: 1_000 }, start);
        assert!(bucket.take(1, start));
        assert!(!bucket.take(1, start));
        assert!(!bucket.take(1, start - Duration::from_secs(30)));
    }
}
