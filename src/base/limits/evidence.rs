//! Limits of evidence: reports of a period, legal holds.

/// Days of one report: a year that has a leap day. A longer one is asked for in parts.
pub const REPORT_DAYS: u64 = 366;

/// Seconds after its time within which a record is looked for: it is written some milliseconds later, and a store that hangs is
/// told of by a gap after seconds.
pub const LATE_RECORD_S: u64 = 300;

/// Gaps that a verified report lists one by one; all are counted.
pub const REPORT_GAPS: usize = 100;

/// Legal holds that stand at once, some 300 bytes each: every sweep asks all of them for every content that is over.
pub const HOLDS: usize = 256;

/// Hours within which a second person confirms that a hold is lifted: a working day and the night after it.
pub const HOLD_LIFT_HOURS: u64 = 24;
