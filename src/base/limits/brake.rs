//! Limits of the brake: what is counted of own transactions, what an indicator may concern, and when a member floods.

/// Days whose transactions are counted for the preview of a publication and for the brake, 1 MiB each.
pub const TRAFFIC_DAYS: u32 = 7;

/// Orders of a day that are known again where they are asked about again: some 3 MB.
pub const ORDERS_KNOWN_AGAIN: usize = 65_536;

/// Transactions of the last days that an indicator must concern at least before it counts as wide: of a few orders one is many.
pub const WIDE_LEAST: u64 = 20;

/// How much more than the average of its kind it must concern.
pub const WIDE_TIMES_BASELINE: u64 = 20;

/// Indicators of a kind after which its baseline forgets half of them.
pub const BASELINE_INDICATORS: u64 = 100_000;

/// Of a thousand transactions, that an indicator may concern where the configuration does not say.
pub const PER_MILLE: u64 = 10;

/// Hours for which it is remembered how much a member said of a kind, and after which that is a history to judge by.
pub const ARRIVAL_HOURS: u32 = 7 * 24;
pub const ARRIVAL_HOURS_LEAST: u32 = 24;

/// Indicators of one kind that a member may say in an hour whatever it said before; without a history so many times as much,
/// because whoever joins brings what it has.
pub const FLOOD_LEAST: u64 = 10_000;
pub const FLOOD_TIMES_UNKNOWN: u64 = 10;

/// And so many times its average hour.
pub const FLOOD_TIMES: u64 = 20;

/// Single indicators of one member held back, lifted ones included: more than people would look at. Beyond it all the member ever said of
/// the kind is held back: whoever makes work for people ends their own say, and nobody else's.
pub const QUARANTINES_OF_MEMBER: usize = 500;

/// After people lifted a flood, it is not raised again for so many seconds.
pub const FLOOD_LIFTED_S: u64 = 86_400;

/// Indicators of which the watch remembers that it raised them, so as not to raise them with every match.
pub const RAISED: usize = 10_000;

/// Bytes of a file of canaries.
pub const CANARY_BYTES: u64 = 1_048_576;

/// Seconds between two looks at the file of canaries.
pub const CANARY_LOOK_S: u64 = 5;
