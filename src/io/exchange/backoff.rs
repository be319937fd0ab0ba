//! How long a puller waits between attempts to follow a peer.

use std::time::Duration;

use rand::RngExt;

use crate::io::random;

/// How a puller waits between attempts.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

impl Backoff {
    /// The wait before attempt `attempt` (0-based): doubled each time, half of it at random, so that a crowd of peers does
    /// not come back in one moment.
    pub(in crate::io::exchange) fn wait(self, attempt: u32) -> Duration {
        let full = self.first.saturating_mul(1 << attempt.min(16)).min(self.longest);
        full.mul_f64(random::generator().random_range(0.5..1.0))
    }

    /// The number of the next attempt: the first again where the stream brought something, or lasted as long as any wait.
    pub(in crate::io::exchange) fn next(self, attempt: u32, progressed: bool, lasted: Duration) -> u32 {
        if progressed || lasted >= self.longest { 0 } else { attempt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_peers_comes_back_spread_over_half_the_wait_and_never_later_than_the_longest() {
        let backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(30) };
        for (attempt, full_s) in [(0, 1), (1, 2), (4, 16), (5, 30), (16, 30), (17, 30), (u32::MAX, 30)] {
            let full = Duration::from_secs(full_s);
            let waits: Vec<Duration> = (0..200).map(|_| backoff.wait(attempt)).collect();
            let (least, most) = (waits.iter().min().expect("many"), waits.iter().max().expect("many"));
            assert!(*least >= full / 2 && *most < full, "attempt {attempt}: {least:?} to {most:?}");
            assert!(*most - *least > full / 4, "attempt {attempt}: they come back in one moment");
        }
    }

    #[test]
    fn who_brought_something_or_stayed_long_is_tried_again_at_once_and_who_comes_and_goes_is_not() {
        let backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(30) };
        let next = |progressed, lasted_s| backoff.next(7, progressed, Duration::from_secs(lasted_s));
        assert_eq!([next(true, 0), next(false, 30), next(false, 29)], [0, 0, 7]);
    }
}
