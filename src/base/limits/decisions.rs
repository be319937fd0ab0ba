//! Limits of deciding about orders: profiles, cases, challenges, replays, policies.

/// Customers whose profiles are kept, where not configured, and at most: some 60 MB, and some 3 GB.
pub const PROFILE_CUSTOMERS: u64 = 200_000;
pub const PROFILE_CUSTOMERS_MOST: u64 = 10_000_000;

/// Days after which a customer who was not seen is forgotten, where not configured: thirteen months, so that who orders once a
/// year is known again.
pub const PROFILE_RETENTION_DAYS: u32 = 396;

/// Bytes an encoded profile takes on average at most, for the room all of them share: a busy customer of many habits takes 400, one
/// with a few orders 100.
pub const PROFILE_AVERAGE_BYTES: usize = 320;

/// Milliseconds between two writes of changed profiles: what a killed process loses of its customers' habits.
pub const PROFILE_WRITE_EVERY_MS: u64 = 5_000;

/// Profiles of one record of their journal, 100 to 200 KB.
pub const PROFILES_PER_RECORD: usize = 1_000;

/// Bytes of one segment of the journal of profiles: all of it is rewritten from time to time.
pub const PROFILE_SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Seconds after which a store of profiles that failed is opened again.
pub const PROFILE_RETRY_S: u64 = 60;

/// Stopped transactions that can still be released into their customers' habits, some 2 MB.
pub const PROFILE_STOPPED: usize = 10_000;

/// Transactions that wait for their profiles while these are read at the start, some 12 MB: a minute of a thousand a second.
pub const PROFILE_LATE: usize = 65_536;

/// Cases that wait for a decision, all together and of one caller: about 1 KB each in memory. A caller that stops everything
/// leaves room for the others.
pub const CASES_OPEN: usize = 50_000;
pub const CASES_OPEN_PER_CALLER: usize = 20_000;

/// Cases in memory, decided ones included; then the ones decided first leave. The audit log tells of them longer.
pub const CASES: usize = 100_000;

/// Indicators kept as evidence of one case: as many as a decision's audit record names.
pub const CASE_EVIDENCE: usize = 16;

/// Notes of one case.
pub const CASE_NOTES: usize = 32;

/// Steps of one case that are told: the newest. Assigning it to and fro is no reason to grow.
pub const CASE_STEPS: usize = 64;

/// Cases ended by their timer in one tick: a backlog after a long stop is worked off beside everything else.
pub const CASES_PER_TICK: usize = 256;

/// Cases looked at for one page of a listing: some milliseconds of the engine.
pub const CASES_SCANNED: usize = 10_000;

/// Seconds between two records that cases were not opened for want of room.
pub const CASES_TOLD_S: u64 = 60;

/// Milliseconds between two looks of a watcher of cases: who waits learns of a release within a second.
pub const CASES_LOOK_MS: u64 = 200;

/// Seconds a customer has for a code, and at the member's own login: long enough for a slow message, too short to pass it on.
pub const CHALLENGE_S: u64 = 300;
pub const CHALLENGE_EXTERNAL_S: u64 = 900;

/// Wrong codes of one case, and codes sent for it.
pub const CHALLENGE_ATTEMPTS: u32 = 5;
pub const CHALLENGE_CODES: u32 = 3;

/// Wrong codes of one customer in a day: three whole challenges. Of all customers together in an hour: what a guesser gets, see
/// `domain/case/guesses.rs`.
pub const GUESSES_PER_CUSTOMER: usize = 15;
pub const GUESSES_PER_NODE: usize = 3_000;

/// Customers of whom it is remembered that they passed a challenge, and whose authenticators are known: some 100 and 300 bytes
/// each.
pub const PASSED_CUSTOMERS: usize = 200_000;
pub const TOTP_CUSTOMERS: usize = 200_000;

/// Characters of what the member's gateway needs to send a code, and of the account an authenticator shows.
pub const DELIVERY_REF_CHARACTERS: usize = 256;
pub const TOTP_ACCOUNT_CHARACTERS: usize = 64;

/// Codes on their way to receivers at once: each waits for its receiver until it expires.
pub const CODES_UNDER_WAY: usize = 1_000;

/// Milliseconds the start of a challenge waits for a receiver to take the code before it answers that it is on its way.
pub const CODE_WAIT_MS: u64 = 2_000;

/// Rows of a history that is replayed: 48 bytes each and four for each column of identifiers, so about a gigabyte.
pub const REPLAY_ROWS: usize = 20_000_000;

/// Institutions of a replay: each takes in what every other one publishes.
pub const REPLAY_INSTITUTIONS: u16 = 64;

/// Sharing delays of one replay, each a run of its own.
pub const REPLAY_DELAYS: usize = 16;

/// Words of a typology column that are told apart; the rest are counted together.
pub const REPLAY_TYPOLOGIES: usize = 64;

/// Journal records that a node of a replay keeps: what is served is read back at once, and nothing is opened again.
pub const REPLAY_RECORDS: u64 = 64;

/// Seconds after an order in which a flag still raises a late match.
pub const LATE_MATCH_S: u64 = 72 * 3_600;

/// Bytes of a policy file, and rules in it: a bank's is some ten kilobytes and thirty rules.
pub const POLICY_BYTES: usize = 128 * 1024;
pub const POLICY_RULES: usize = 64;

/// Seconds before its timer ends it in which a case that waits for a person is told to monitoring: an hour is enough to call a customer.
pub const CASES_ENDING_S: u64 = 3_600;

/// Days a rule is snoozed at most: what is to stay silent for longer is switched off, where everybody sees it.
pub const SNOOZE_DAYS: u64 = 30;

/// Bytes of one condition, and brackets open in it at once: more is not read by people any more, and every parser recurses.
pub const POLICY_CONDITION_BYTES: usize = 1_000;
pub const POLICY_NESTING: usize = 24;

/// Expressions of a condition that stand within each other; a sum of so many terms is one, too.
pub const POLICY_DEPTH: usize = 64;

/// Steps of a few nanoseconds that one rule may take on the largest transaction: two loops over all matches, not three.
pub const POLICY_RULE_STEPS: u64 = 20_000;

/// Steps of all rules together: a millisecond at worst.
pub const POLICY_STEPS: u64 = 200_000;

/// Reasons of one answer, the strongest; rules of every match could give thousands.
pub const REASONS_PER_ANSWER: usize = 64;

/// Milliseconds between looks at the files of the policies: one that stays the same for two is in force within a second. Before a
/// policy is offered to the journal again.
pub const POLICY_POLL_MS: u64 = 400;
pub const POLICY_RETRY_MS: u64 = 5_000;

/// Typologies of one match that rules see.
pub const POLICY_TYPOLOGIES: usize = 16;

/// Named amounts of a policy, and currencies of each: ISO 4217 has some 180.
pub const POLICY_AMOUNTS: usize = 32;
pub const POLICY_CURRENCIES: usize = 200;

/// Characters of a rule's name, reason or advice key; of its description.
pub const POLICY_WORD_CHARACTERS: usize = 64;
pub const POLICY_DESCRIPTION_CHARACTERS: usize = 300;
