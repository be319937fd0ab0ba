//! Limits of the console's users and of signing in.

/// Users of one node: a member's whole compliance, fraud and operations staff; about 2 KB each in memory.
pub const USERS: usize = 500;

/// Hours an enrolment code opens, and an operator asked for waits for a second one.
pub const ENROLMENT_HOURS: u64 = 24;
pub const OPERATOR_ASKED_HOURS: u64 = 24;

/// Wrong tries, one after another, that close a user to signing in; and for how many seconds.
pub const SIGN_IN_TRIES: u32 = 10;
pub const SIGN_IN_LOCK_S: u64 = 30 * 60;

/// Wrong passwords or codes of somebody who is signed in already, before all of the user's sessions end.
pub const SESSION_TRIES: u32 = 10;

/// Recovery codes of a user, each for one sign-in.
pub const RECOVERY_CODES: usize = 10;

/// Characters of a password: from what no rule has to help any more, to what a form still takes (ASVS 5.0 V6.2).
pub const PASSWORD_LEAST: usize = 12;
pub const PASSWORD_MOST: usize = 128;

/// Guesses, as a power of ten, that a new password must withstand. A node tells wrong ones slowly and closes after ten, and the hash
/// costs 20 ms: ten thousand million guesses are years of a machine.
pub const PASSWORD_GUESSES_LOG10: f64 = 10.0;

/// Characters that are left of a new password without what a guesser knows of the user, where any of that is in it.
pub const PASSWORD_BEYOND_KNOWN: usize = 8;

/// Memory of one password hash in KiB, its passes and lanes: the second choice of OWASP's list, 20 ms.
pub const HASH_KIB: u32 = 19 * 1_024;
pub const HASH_PASSES: u32 = 2;
pub const HASH_LANES: u32 = 1;

/// Passwords hashed at once, 38 MB together, and those that wait: a flood of sign-ins takes no more, and the others are told to come
/// back.
pub const HASHES_AT_ONCE: usize = 2;
pub const HASHES_WAITING: usize = 32;

/// Of one address at once, waiting ones included: a flood from one place leaves room for the others.
pub const HASHES_PER_ADDRESS: usize = 4;

/// Milliseconds after which somebody who found no room tries again.
pub const HASH_RETRY_MS: u64 = 2_000;

/// Seconds between two records of refused sign-ins that name nobody.
pub const SIGN_INS_TOLD_S: u64 = 60;

/// Milliseconds between the moments at which sign-ins are denied, counted from the question: longer than any cause takes.
pub const DENIED_EVERY_MS: u64 = 500;
