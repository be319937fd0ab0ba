//! Every limit of the product, with its unit and its reason.

/// Entries in one batch of an exchange: 200 to 400 KB, a tenth of the message limit.
pub const BATCH_ENTRIES: usize = 1_000;

/// Bytes of one blob: details are 64 to 192 bytes, announcements and releases a few hundred.
pub const BLOB_BYTES: usize = 64 * 1024;

/// Bytes of one decoded gRPC message, the default of gRPC itself.
pub const MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of one signed note: a checkpoint with 16 cosignatures is below 3 KB, a roster of 1,000 members (each with an
/// X-Wing key of 1.6 KB in base64) below 3 MB; still fits one gRPC message.
pub const NOTE_BYTES: usize = 3 * 1024 * 1024;

/// Signature lines read from one note; more is refused as an attack on the verifier.
pub const NOTE_SIGNATURES: usize = 64;

/// Hashes of one proof: the depth of a tree of 2^63 leaves, twice for consistency.
pub const PROOF_HASHES: usize = 128;

/// Identifiers of one transaction.
pub const IDENTIFIERS_PER_TRANSACTION: usize = 32;

/// Bytes of one raw identifier as typed; the longest canonical form is a URL.
pub const IDENTIFIER_BYTES: usize = 2_048;

/// Transactions of one message of the screening stream.
pub const TRANSACTIONS_PER_BATCH: usize = 256;

/// Drafts of one publish call.
pub const DRAFTS_PER_CALL: usize = 1_000;

/// Statements shown for one match; more are counted but not listed.
pub const INDICATORS_PER_MATCH: usize = 16;

/// Characters of an indicator's note.
pub const NOTE_CHARACTERS: usize = 140;

/// Characters of a request id.
pub const REQUEST_ID_CHARACTERS: usize = 128;

/// Characters of a source reference.
pub const SOURCE_REF_CHARACTERS: usize = 128;

/// Hours a request id is remembered (AIP-155).
pub const REQUEST_ID_HOURS: u64 = 24;

/// Days of a pseudonym key's life.
pub const EPOCH_DAYS: u32 = 90;

/// Longest validity of an indicator in days unless the roster caps it lower.
pub const VALIDITY_DAYS: u32 = 90;

/// Seconds a foreign clock may be ahead before its statements are held back.
pub const CLOCK_AHEAD_S: u64 = 300;

/// Seconds between an author's timestamped cosignatures, so that silence and withholding show.
pub const HEARTBEAT_S: u64 = 60;

/// Members of one consortium: feeds, freshness rows and witnesses are resident for each.
pub const MEMBERS: usize = 1_000;

/// Bytes of one journal record: a batch of the largest message with its audit record, twice over.
pub const JOURNAL_RECORD_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of a journal segment at which the next one is begun: compaction rewrites one at a time.
pub const JOURNAL_SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes kept back so that a node on a full disk can still open its journal and write a few records.
pub const JOURNAL_RESERVE_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes of one view key.
pub const VIEW_KEY_BYTES: usize = 256;

/// Bytes of one view value: sled puts values of 128 KiB and more into files that it never makes durable.
pub const VIEW_VALUE_BYTES: usize = 64 * 1024;

/// Admin keys of one consortium: a quorum must fit the signatures every verifier of notes accepts.
pub const ADMINS: usize = 16;

/// Epochs one roster lists: eight years of quarters and emergencies.
pub const EPOCHS: usize = 64;

/// Addresses of one member's node.
pub const ENDPOINTS_PER_MEMBER: usize = 8;

/// Sharing groups of one member: it writes and signs one feed in each.
pub const GROUPS_PER_MEMBER: usize = 16;

/// Feed keys of one member, all groups and all earlier keys together.
pub const FEED_KEYS_PER_MEMBER: usize = 64;
