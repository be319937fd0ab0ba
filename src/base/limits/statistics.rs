//! Limits of statistics: the schedule, and what is held of other members' releases.

/// Seconds after the end of a day or week at which its releases are drawn: an hour, in which the last records of screening and
/// what was on its way are written.
pub const SETTLE_S: u64 = 3_600;

/// Days after its moment in which a scheduled release is still made: a node that was down for a week makes up for it. What is older
/// stays out, so that a schedule that is switched on late does not spend a quarter at once.
pub const CATCH_UP_DAYS: u64 = 8;

/// Releases held in memory of each member, a kilobyte at most: two years of weekly ones, two months of daily ones. Beyond it those
/// of the oldest periods are forgotten; they stay in the feeds.
pub const RELEASES_PER_MEMBER: usize = 1_024;

/// Milliseconds between two looks at the schedule: a minute among hours.
pub const SCHEDULE_LOOK_MS: u64 = 60_000;
