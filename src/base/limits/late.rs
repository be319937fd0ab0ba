//! Limits of late matches: the orders that passed and are followed, and what is told of them.

/// Pseudonyms whose belief changed and that are named one by one to whoever judges past orders again, 2 MB; beyond that all
/// orders are.
pub const CHANGED_PSEUDONYMS: usize = 65_536;

/// Orders that passed and are kept in the window of late matches, where the configuration does not say: some 2.6 KB each
/// with five identifiers under two epochs that no other order has.
pub const ORDERS: u64 = 50_000;

/// Hours an order stays in that window, where the configuration does not say: goods are rarely stopped later.
pub const HOURS: u64 = 72;

/// Names kept in the window for each order it may hold, on average: 160 bytes each.
pub const NAMES_PER_ORDER: usize = 16;

/// Answered screenings on their way to the window and to the counters of traffic: some seconds of a busy checkout.
pub const ANSWERED_WAITING: usize = 8_192;

/// Callers whose names are kept for the orders they bring: more tills than a member has.
pub const CALLERS_KNOWN: usize = 1_024;

/// Milliseconds between two looks at that queue.
pub const ANSWERED_TAKE_MS: u64 = 10;

/// Orders judged again at once, some 20 ms: then what was answered meanwhile is taken in.
pub const ORDERS_AT_ONCE: usize = 4_096;

/// Late matches told in one minute: nobody could look at more. The others wait for the next.
pub const MATCHES_PER_MINUTE: u32 = 1_000;

/// Milliseconds between two looks at what changed in belief.
pub const LOOK_MS: u64 = 100;

/// Seconds between two looks at the orders that a late match was told of: witnesses come, and validities end, without a word.
pub const TOLD_S: u64 = 5;

/// Seconds between two looks at all orders of the window: validities begin without a word.
pub const ALL_S: u64 = 600;

/// Milliseconds between two looks of a watcher at the audit log.
pub const WATCH_MS: u64 = 200;
