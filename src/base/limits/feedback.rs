//! Limits of feedback: how confidence ages, disputes, outcomes, sightings.

/// Effective confidence, in percent, below which a statement that lost some of it with age or with its reporter's precision only
/// informs: a tenth is the least a reporter may honestly act on.
pub const CONFIDENCE_FLOOR: u32 = 10;

/// Open disputes of one member that count at once: more than an honest desk works on, far fewer than would disarm anybody.
pub const DISPUTES_OPEN: usize = 32;

/// Disputes and answers of one member that are held, settled ones included: some 130 bytes each.
pub const DISPUTES_HELD: usize = 1_024;

/// Days an author has to answer a dispute before its indicator stops counting: a week holds two week-ends at most one of which
/// nobody works.
pub const DISPUTE_ANSWER_DAYS: u32 = 7;

/// Days an own outcome goes on teaching: a year and its seasons.
pub const OUTCOME_DAYS: u32 = 365;

/// Own outcomes that are held, some 200 bytes each; beyond it the oldest are forgotten.
pub const OUTCOMES_HELD: usize = 65_536;

/// Indicators of one outcome: as many as a case keeps.
pub const OUTCOME_INDICATORS: usize = 64;

/// Days a sighting stands in its feed: its reader needs it once, and may be down for a while.
pub const SIGHTING_DAYS: u32 = 30;

/// Sightings about own indicators that wait to be opened; what comes beyond it is opened after a start.
pub const SIGHTINGS_UNREAD: usize = 65_536;

/// Sightings opened in one tick: some 0.2 ms each.
pub const SIGHTINGS_PER_TICK: usize = 64;
