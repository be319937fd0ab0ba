//! Every limit of the product, with its unit and its reason. Those of deciding about orders stand in [`decisions`], those of feedback in
//! [`feedback`], those of late matches in [`late`], those of the poison brake in [`brake`], those of statistics in [`statistics`].

pub mod brake;
pub mod console;
pub mod decisions;
pub mod evidence;
pub mod feedback;
pub mod late;
pub mod statistics;
pub mod users;

/// Entries in one batch of an exchange: 200 to 400 KB, a tenth of the message limit.
pub const BATCH_ENTRIES: usize = 1_000;

/// Bytes of one blob of a kind that may hold many figures or keys: releases, counts, announcements, key generation.
pub const BLOB_BYTES: usize = 64 * 1024;

/// Bytes of one blob of every other kind: an indicator with the longest note is below 1 KB, a retraction below 200 bytes.
pub const SMALL_BLOB_BYTES: usize = 4 * 1024;

/// Bytes of the entries of one batch: with the notes beside them still one gRPC message.
pub const BATCH_BYTES: usize = 3 * 1024 * 1024;

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

/// Transactions of one message between two looks at the clock and at other callers: some hundred microseconds each at the
/// largest, and all checkouts share one thread.
pub const TRANSACTIONS_AT_ONCE: usize = 16;

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

/// Seconds between two checkpoints of one feed that are stored with their cosignatures: about 1 KB each.
pub const COSIGNED_EVERY_S: u64 = 60;

/// Seconds that peers have to cosign a head of the audit log before it is stored with their cosignatures.
pub const AUDIT_COSIGNED_AFTER_S: u64 = 30;

/// Members of one consortium: feeds, freshness rows and witnesses are resident for each.
pub const MEMBERS: usize = 1_000;

/// Bytes of one journal record: a batch of the largest message with its audit record, twice over.
pub const JOURNAL_RECORD_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of a journal segment at which the next one is begun: compaction rewrites one at a time.
pub const JOURNAL_SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Largest segment taken into a copy, or out of one, bytes: a segment is closed at the size above, behind the group of records
/// that reached it.
pub const JOURNAL_COPIED_SEGMENT_BYTES: u64 = 2 * JOURNAL_SEGMENT_BYTES;

/// Bytes kept back so that a node on a full disk can still open its journal and write a few records.
pub const JOURNAL_RESERVE_BYTES: u64 = 4 * 1024 * 1024;

/// Segments for which there should be room on the disk: one that compaction writes anew, and one more to be written.
pub const SEGMENTS_OF_ROOM: u64 = 2;

/// Seconds between two looks at the room on the disk: at 50 MB/s a second leaves most of it.
pub const ROOM_LOOK_S: u64 = 1;

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

/// Milliseconds for a TLS handshake: a socket that says nothing is no caller.
pub const HANDSHAKE_MS: u64 = 5_000;

/// Milliseconds from the end of the handshake to the end of the HTTP/2 preface.
pub const PREFACE_MS: u64 = 5_000;

/// Milliseconds for the headers of a request over HTTP/1.1, and until an idle connection is closed: a system that keeps
/// its connections asks more often, one that sends a byte now and then is no caller.
pub const HTTP1_HEADERS_MS: u64 = 30_000;

/// Milliseconds running calls get to end when the node stops. Streams of peers are ended at once and resume elsewhere from a
/// cursor, so they get less. A node told to stop is gone within ten seconds: what supervises it kills it then.
pub const DRAIN_LOCAL_MS: u64 = 7_000;
pub const DRAIN_PEER_MS: u64 = 2_000;

/// Milliseconds between the end of a revoked member's streams and the end of its connection: time for the reason to arrive.
pub const REVOKED_GRACE_MS: u64 = 500;

/// Connections open at once: about 50 KB each, before their streams.
pub const CONNECTIONS_LOCAL: usize = 1_024;
pub const CONNECTIONS_PEER: usize = 4_096;

/// Connections open at once from one address (IPv6: one /64). A member's systems may share one.
pub const CONNECTIONS_PER_SOURCE_LOCAL: usize = 512;
pub const CONNECTIONS_PER_SOURCE_PEER: usize = 64;

/// Connections open at once of one member: one for its stream, one for a relay, some during rollover.
pub const CONNECTIONS_PER_MEMBER: usize = 16;

/// Connections open at once of those who came without a certificate, where tokens are taken: a quarter of the door, so that
/// holders of certificates find room whoever else comes. From one address half of it: systems behind a proxy share one.
pub const CONNECTIONS_STRANGERS: usize = 256;
pub const CONNECTIONS_PER_SOURCE_STRANGERS: usize = 128;

/// Milliseconds such a connection has for its first call with a token that counts, and may rest without a running call
/// afterwards: a system calls at once after it connected, and keeps its channel between two customers.
pub const STRANGER_PROOF_MS: u64 = 10_000;
pub const STRANGER_IDLE_MS: u64 = 300_000;

/// Bytes of JSON bodies in memory at once, of one connection and in all: four of the largest, and as many such connections
/// as a small machine has memory for. What is above is told to come back, as an overloaded node tells any call.
pub const BODY_BYTES_PER_CONNECTION: usize = 4 * MESSAGE_BYTES;
pub const BODY_BYTES: usize = 16 * MESSAGE_BYTES;

/// New connections from one address: this many at once, then this many a second. A handshake costs about 0.5 ms.
pub const CONNECTS_BURST: u64 = 256;
pub const CONNECTS_PER_S: u64 = 32;

/// Addresses remembered for the two limits above.
pub const SOURCES: usize = 16_384;

/// Streams open at once on one connection.
pub const STREAMS_PER_CONNECTION: u32 = 128;

/// Bytes of all headers of one request, decoded.
pub const HEADER_BYTES: u32 = 16 * 1024;

/// HTTP/2 control frames (all but DATA and HEADERS) a connection may send at once, then a second; every
/// [`CONTROL_FRAME_BYTES`] we send earn one more, because window updates answer what we send.
pub const CONTROL_FRAMES_BURST: u64 = 2_048;
pub const CONTROL_FRAMES_PER_S: u64 = 512;
pub const CONTROL_FRAME_BYTES: usize = 64;

/// Seconds between keep-alive pings, and for their answer.
pub const KEEP_ALIVE_S: u64 = 20;
pub const KEEP_ALIVE_ANSWER_S: u64 = 10;

/// HTTP/2 windows: what a puller lets a peer send before it has read (stream, connection), and what a server takes.
pub const PULL_WINDOW_BYTES: (u32, u32) = (4 * 1024 * 1024, 8 * 1024 * 1024);
pub const SERVE_WINDOW_BYTES: (u32, u32) = (1024 * 1024, 2 * 1024 * 1024);

/// Calls worked on at once on one door; more are told to come back.
pub const CALLS_LOCAL: usize = 1_024;
pub const CALLS_PEER: usize = 256;

/// Milliseconds a shed caller is asked to wait.
pub const RETRY_AFTER_MS: u64 = 250;

/// Milliseconds a node works on one call, whatever the caller allows: also the end of a request whose body never comes.
/// Streams are counted until they begin to answer, then each of their messages.
pub const CALL_MS: u64 = 10_000;

/// Bytes that are taken and dropped of a body whose request is already refused, one window of HTTP/2.
pub const DROPPED_BODY_BYTES: usize = 64 * 1024;

/// Milliseconds that such a body may take.
pub const DROPPED_BODY_MS: u64 = 500;

/// Milliseconds before the end of a call at which a publication that waits for copies is answered with what is reached.
pub const ACK_ANSWER_MS: u64 = 500;

/// Bytes of a list of typologies: the one that ships has 5 KB.
pub const TYPOLOGY_BYTES: u64 = 1024 * 1024;

/// Entries of one guard list: the largest public list (VPN networks, public suffixes) has some 25,000.
pub const GUARD_LIST_ENTRIES: usize = 1_000_000;

/// Bytes of the compiled expressions of one guard list, so that a hostile list cannot take the memory.
pub const GUARD_EXPRESSION_BYTES: usize = 8 * 1024 * 1024;
/// Calls waiting for the engine; more are told to come back.
pub const ENGINE_QUEUE: usize = 4_096;

/// Calls that share one round, and so one `fdatasync`.
pub const JOBS_PER_ROUND: usize = 512;

/// Entries a serving node sends beyond what the puller acknowledged.
pub const EXCHANGE_WINDOW_ENTRIES: u32 = 8_000;

/// Milliseconds from the start of a call to a peer to its welcome; then it counts as away and its feeds come from others.
pub const WELCOME_MS: u64 = 15_000;

/// Milliseconds a caller is asked to wait after the store failed, or a day's quota is used up.
pub const STORE_RETRY_MS: u64 = 5_000;
pub const QUOTA_RETRY_MS: u64 = 3_600_000;

/// Milliseconds a caller is asked to wait while the store is opened and verified: 10 million indicators take half a minute.
pub const OPENING_RETRY_MS: u64 = 1_000;

/// Retractions, erasures or mentions of one piece of a belief's image: as long as a chunk of records holds up the writer, below 1 ms.
pub const IMAGE_ROWS: usize = 4_096;

/// Bytes of a snapshot that are written and made durable at once, and the milliseconds of rest after them: the journal's own
/// syncs must not wait long behind it. A snapshot of 10 million indicators takes half a minute.
pub const SNAPSHOT_BYTES_AT_ONCE: usize = 8 * 1024 * 1024;
pub const SNAPSHOT_REST_MS: u64 = 50;

/// Bytes that stay free on the volume beside a snapshot: a cache must not take the room the journal needs.
pub const SNAPSHOT_SPARE_BYTES: u64 = 256 * 1024 * 1024;

/// Seconds between two looks whether a snapshot is due, and from one snapshot to the next, where so many records came since:
/// replaying fewer takes no time worth a new snapshot.
pub const SNAPSHOT_LOOK_S: u64 = 60;
pub const SNAPSHOT_EVERY_S: u64 = 3_600;
pub const SNAPSHOT_RECORDS: u64 = 1_000;

/// Milliseconds of [`STOP_STORE_MS`] that stay for the end of the store, whatever a last snapshot takes.
pub const SNAPSHOT_AT_STOP_LEFT_MS: u64 = 1_000;
/// Indicators a window may be filled up to with decoys, and the shortest window that may be, milliseconds: a decoy costs all
/// members what an indicator costs.
pub const DECOYS_PER_WINDOW: u64 = 1_000;
pub const DECOY_WINDOW_MS: u64 = 60_000;

/// Own publications whose outward form decoys copy: enough that their spread is that of the true ones.
pub const DECOY_FORMS: usize = 1_024;

/// Longest spread of one publication over time, seconds: a day.
pub const SPREAD_S: u32 = 86_400;

/// Statements of one reporter about one pseudonym, in one state, that a look-up gives out, newest first. Honest members
/// hold a few; one that floods a pseudonym hides neither the others' statements nor costs more than this to open.
pub const STATEMENTS_PER_REPORTER: usize = 64;

/// Statements of one member about one pseudonym that are held, in any state. An honest member that supersedes one several
/// times a day stays below; whoever speaks of the pseudonym next walks past them all.
pub const STATEMENTS_PER_PSEUDONYM: usize = 512;

/// Retractions and erasures of one member of things that are not held here: some 150 bytes each.
pub const FACTS_PER_MEMBER: usize = 262_144;

/// Mentions of one member: some 60 bytes each, spread over shards that are copied whenever one is added.
pub const MENTIONS_PER_MEMBER: usize = 65_536;

/// Days an entry is kept in belief at most, whatever day its author wrote on it: the longest validity, the day after its
/// end, and one of slack for clocks that differ.
pub const KEPT_DAYS: u32 = VALIDITY_DAYS + 2;

/// Entries of one feed remembered by index because they may count once a later roster names their epoch or raises the
/// quota. Beyond, they are found again at the next start.
pub const WAITING_ENTRIES: usize = 16_384;

/// Days an indicator may lag behind the newest its feed has shown before it is reckoned to a later one: one that is withdrawn
/// before its moment goes out at once, and so shows a day that is a spread and a window ahead.
pub const FEED_LAG_DAYS: usize = 2;

/// Identifiers on the own lists, both together: some 200 bytes each, and a change copies them all, in about 10 ms when full.
pub const LISTED_IDENTIFIERS: usize = 100_000;

/// Records of one call that changes the own lists.
pub const LISTED_PER_CALL: usize = 1_000;

/// Records of one pseudonym that a look-up passes at most: about 100 ns each, so some milliseconds under attack.
pub const RECORDS_PER_LOOKUP: usize = 65_536;
/// Screening records waiting for the audit log: ten seconds of a busy checkout.
pub const SCREENING_RECORDS: usize = 65_536;

/// Longest an answer waits for its record to be durable, where its caller asked for that, milliseconds: then it goes out as
/// pending. A checkout needs its answer more.
pub const AUDIT_WAIT_MS: u64 = 2_000;

/// Seconds a listing of the audit log may take from its first page, which alone is recorded: a page takes milliseconds.
pub const AUDIT_LISTING_S: u64 = 600;

/// Seconds before the last record of a store that did not stop in order of which something may be missing: the counters of a
/// minute and the time to write them.
pub const UNWRITTEN_S: u64 = 70;

/// Screening records of one commit.
pub const RECORDS_PER_COMMIT: usize = 1_024;

/// Seconds a started node waits for what every other member holds of its feeds before it signs: two attempts to connect.
pub const FENCE_PATIENCE_S: u64 = 10;

/// Seconds the same waits where the store was restored or lost its own note of what it signed: time to bring a member back. What
/// the silent one alone holds would otherwise be signed over, and that is for ever.
pub const FENCE_PATIENCE_RESTORED_S: u64 = 3_600;

/// Seconds from a start to the first compaction, and from one to the next: it reads the whole journal.
pub const COMPACT_AFTER_START_S: u64 = 600;
pub const COMPACT_EVERY_S: u64 = 86_400;

/// Seconds after which the content of an erased entry leaves the disk.
pub const COMPACT_AFTER_ERASURE_S: u64 = 3_600;

/// Hours an erasure waits for a second person: a working day and the night after it.
pub const ERASURE_HOURS: u64 = 24;

/// Erasures waiting for a second person at once, and indicators of one: what all of them may take is 6 MB.
pub const ERASURES_WAITING: usize = 100;
pub const ERASED_AT_ONCE: usize = 2_000;

/// Days from one sweep of expired contents to the next: each rewrites most segments.
pub const EXPIRY_STEP_DAYS: u32 = 7;

/// Days for which statistics may count a publication: the quarter it falls into and the one after.
pub const SUBJECT_DAYS: u32 = 184;

/// Milliseconds between the moments at which a release of statistics is published and answered, counted from its call: a
/// thousand times what drawing the noise takes, so that the moment tells nothing of what was drawn.
pub const RELEASE_STEP_MS: u64 = 1_000;

/// View changes of one commit where many are made at once.
pub const VIEW_CHANGES_AT_ONCE: usize = 4_096;

/// Seconds between two syncs of the views: what a power cut takes from them is derived from the journal at the next start.
pub const VIEWS_SYNC_S: u64 = 60;

/// Seconds between two attempts to derive views again: each reads the whole journal.
pub const VIEWS_REBUILD_PAUSE_S: u64 = 60;

/// Rows of the views held in memory at once where all of a range are read, page after page: some 100 KB.
pub const ROWS_PER_SCAN: usize = 1_000;

/// Sizes of a feed reserved at once on another path, before any of them is signed: one more `fdatasync` for so many entries.
pub const RESERVED_SIZES: u64 = 1_024;

/// Milliseconds until a fence file that could not be written is tried again.
pub const RESERVE_RETRY_MS: u64 = 1_000;

/// Seconds between two readings of the whole journal; at 8 MB every 100 ms a journal of 10 million indicators takes a minute.
pub const SCRUB_EVERY_S: u64 = 86_400;
pub const SCRUB_BYTES_AT_ONCE: usize = 8 * 1024 * 1024;
pub const SCRUB_REST_MS: u64 = 100;

/// Milliseconds after which the engine counts as stuck: answers then grow stale by the clock, and health says so. A slow disk
/// syncs in a tenth of it.
pub const ENGINE_STUCK_MS: u64 = 1_000;

/// Milliseconds a stop waits for the store after the doors are closed: its last records, its last sync, its thread. With
/// [`DRAIN_LOCAL_MS`] it stays within the ten seconds a supervisor grants.
pub const STOP_STORE_MS: u64 = 2_500;

/// Longest a call of the exchange waits for room in the engine's queue, milliseconds.
pub const ENGINE_PATIENCE_MS: u64 = 10_000;

/// Refused accesses recorded one by one in a minute; the others of that minute are counted in one gap record.
pub const REFUSALS_PER_MINUTE: u64 = 600;

/// Newest sizes of an audit log whose roots are kept while a copy is looked through: a log that grows twenty times a second is
/// cosigned every thousand or two.
pub const AUDIT_ROOTS_COMPARED: usize = 20_000;

/// Bytes of a line in the header of a backup: a name has at most 255.
pub const BACKUP_LINE_BYTES: usize = 512;

/// The same for callers nobody knows, where tokens are taken: they need nothing but a way to the port, and must not fill the
/// log nor crowd out the refusals of those who are known.
pub const STRANGERS_PER_MINUTE: u64 = 60;

/// Days a token may be valid at most.
pub const TOKEN_DAYS: u64 = 366;

/// Files of revocations, and of tokens: each is read again when any of them changes.
pub const ACCESS_FILES: usize = 1_024;

/// Audit keys of one member that are known again: the one in force and those before it that a member which is some rosters behind may
/// still sign with.
pub const FORMER_AUDIT_KEYS: usize = 4;

/// Notes that commands left for the audit log and the node has not taken: more than anybody makes while it is stopped.
pub const COMMAND_NOTES: usize = 1_024;

/// Bytes of the names of tokens that were ever given: some fifty thousand.
pub const TOKEN_NAMES_BYTES: u64 = 1024 * 1024;

/// Milliseconds between looks at those files: who is revoked is out within a second. After a look that failed, ten.
pub const ACCESS_POLL_MS: u64 = 1_000;
pub const ACCESS_RETRY_MS: u64 = 10_000;

/// Seconds between heads of feeds a peer follows elsewhere, so that two histories of one feed are found out within a minute.
pub const GOSSIP_S: u64 = 20;

/// Connections to the metrics listener at once: two monitoring systems, a supervisor's probes, and somebody who looks.
pub const METRICS_CONNECTIONS: usize = 16;

/// Milliseconds from the accepted connection to the end of its answer on the metrics listener; a page is made in one.
pub const METRICS_CONNECTION_MS: u64 = 5_000;

/// Bytes of the headers of a scrape: Prometheus sends some 300. Hyper takes no less than 8 KiB.
pub const METRICS_HEADER_BYTES: usize = 8 * 1024;

/// Distinct reasons of refusals counted each in a row of its own at one door: the program has some 80.
pub const METRIC_REASONS: usize = 128;

/// Characters of one value in a log line; the rest of a foreign text is left out.
pub const LOG_VALUE_CHARACTERS: usize = 1_000;

/// Spans waiting for the collector of traces, half a megabyte; the longest a collector may take, and the stop waits for it.
pub const SPANS: usize = 2_048;
pub const COLLECTOR_MS: u64 = 1_000;

/// Seconds without a sign of the thread that answers checkouts after which a node no longer says that it is ready, and
/// after which it no longer says that it lives: ten missed looks, and as long as the slowest disk stalls.
pub const READY_S: u64 = 10;
pub const LIVE_S: u64 = 60;

/// Receivers of webhooks: each reads the audit log for itself.
pub const WEBHOOKS: usize = 8;

/// Events waiting for one receiver, some 5 MB; then the oldest leave, because the newest orders can still be stopped.
pub const WEBHOOK_EVENTS: usize = 10_000;

/// Milliseconds of one attempt to post an event, from the look-up of the name to the status.
pub const WEBHOOK_ATTEMPT_MS: u64 = 10_000;

/// Milliseconds between the first attempt and the second, doubled up to the longest: a receiver that comes back waits five
/// minutes at most.
pub const WEBHOOK_FIRST_PAUSE_MS: u64 = 1_000;
pub const WEBHOOK_LONGEST_PAUSE_MS: u64 = 300_000;

/// Answers that an event is not acceptable before it stands aside for the next: a receiver may be in the middle of an upgrade.
pub const WEBHOOK_REFUSALS: u32 = 5;

/// Events of one receiver that stand aside at once. Whoever refuses more refuses everything: then the next one waits.
pub const WEBHOOK_ASIDE: usize = 100;

/// Seconds from its record for which an event that is refused is tried again: a long weekend, for somebody to mend a receiver
/// that takes ours for somebody else's.
pub const WEBHOOK_REFUSED_S: u64 = 3 * 86_400;

/// Bytes of the head of a receiver's answer; its body is not read. Hyper takes no less than 8 KiB.
pub const WEBHOOK_ANSWER_BYTES: usize = 16 * 1024;

/// Bytes of a secret, by the specification of Standard Webhooks.
pub const WEBHOOK_SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Bytes of an `Accept-Language` header that are looked at: browsers send below 200.
pub const ACCEPT_LANGUAGE_BYTES: usize = 1_024;

/// Ranges of an `Accept-Language` header that are looked at: nobody reads more languages.
pub const ACCEPT_LANGUAGE_RANGES: usize = 32;

/// Characters of a language tag; RFC 5646 §4.4.1 asks for 35 at least.
pub const LANGUAGE_TAG_CHARACTERS: usize = 35;

/// Characters of the key of an advice text: a word of a policy.
pub const ADVICE_KEY_CHARACTERS: usize = 64;

/// Characters of an advice's title: one line of a page or a message.
pub const ADVICE_TITLE_CHARACTERS: usize = 100;

/// Characters of an advice's text: what fits a telephone's screen.
pub const ADVICE_TEXT_CHARACTERS: usize = 600;

/// Keys of advice in one language: several times those of a large policy.
pub const ADVICE_KEYS: usize = 512;

/// Languages of advice: the official ones of the European Union, twice.
pub const ADVICE_LANGUAGES: usize = 48;

/// Bytes of one file of advice: 512 texts of the longest kind are below 1.3 MB in any script that takes two bytes a letter.
pub const ADVICE_FILE_BYTES: u64 = 1_572_864;

/// Pseudonyms kept of one decision: 16 identifiers with a derived form each, under two epochs.
pub const DETAIL_INPUTS: usize = 64;

/// Indicators kept of one decision with what they said: a proof of each in a file is below 4 KB.
pub const DETAIL_INDICATORS: usize = 32;

/// Reasons kept of one decision: one an identifier.
pub const DETAIL_REASONS: usize = 32;

/// Facts kept of one decision, each within the length of an audit record's value.
pub const DETAIL_FACTS: usize = 256;

/// Peers kept of one decision with the age of their feeds.
pub const DETAIL_PEERS: usize = 32;

/// Bytes kept of one decision at the very most: 256 facts of the longest kind. An ordinary one is below 2 KB.
pub const DETAIL_BYTES: usize = 256 * 1024;

/// Decisions explained by one call, where a customer or an order leads to several: the newest.
pub const EXPLAINED_PER_CALL: usize = 20;

/// Days of which the node tells what came, left and was decided: as long as the shortest-lived records of the audit log keep
/// their content, a year and a month.
pub const ACTIVITY_DAYS: u32 = 396;

/// Rows of members in one answer about activity: some hundred bytes each, half of a message.
pub const ACTIVITY_ROWS: usize = 10_000;

/// Looks of callers that are remembered, so that the same again within so many seconds is a number in the audit log and not a record
/// of its own: some hundred people with some ten pages each, about 200 bytes a look.
pub const LOOKS: usize = 4_096;
pub const LOOKS_TOLD_S: u64 = 60;

/// Characters of a search in the audit log: the longest name of an indicator, twice.
pub const SEARCH_CHARACTERS: usize = 200;

/// Entries of feeds shown with their proofs beside one record of the audit log: what a decision's record names, and more than
/// anybody reads of a batch.
pub const EXAMINED_ENTRIES: u64 = 16;

/// Rules counted on one day, by policy: several changes of a policy of the largest size.
pub const ACTIVITY_RULES: usize = 256;

/// Times in which a policy was in force, kept for looking back: a change a day for almost three years.
pub const POLICY_TERMS: usize = 1_000;
