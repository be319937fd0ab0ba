//! Limits of the console, which people use with a browser.

/// Connections open at once, all of them without a certificate: a browser keeps one or two, so some hundred people.
pub const CONNECTIONS: usize = 512;

/// Connections open at once from one address (IPv6: one /64): an office behind a proxy may share one.
pub const CONNECTIONS_PER_SOURCE: usize = 128;

/// Milliseconds a connection has until somebody signed in asks on it, and may rest afterwards. A browser connects anew when
/// it needs to, so a page left open costs nothing.
pub const CONNECTION_PROOF_MS: u64 = 60_000;
pub const CONNECTION_IDLE_MS: u64 = 120_000;

/// Milliseconds answers get to end when the node stops; those of pages take a few.
pub const DRAIN_MS: u64 = 2_000;

/// Requests of people who are signed in, worked on at once: a page is made in milliseconds, and what waits is for people.
pub const REQUESTS: usize = 64;

/// The same of everybody else, in all and from one address (IPv6: one /64). Apart, so that no flood of forms that come slowly keeps
/// somebody out who is signed in; twice as many from one address as are hashed of one.
pub const REQUESTS_OF_STRANGERS: usize = 32;
pub const REQUESTS_PER_STRANGER: usize = 8;

/// Milliseconds until a page is given up: whoever waits longer asks again.
pub const REQUEST_MS: u64 = 10_000;

/// Reports of a period made at once: each reads the log through, beside all other work of the node.
pub const REPORTS: usize = 4;

/// Bytes of a form. The largest holds a case note and some choices.
pub const FORM_BYTES: usize = 64 * 1024;

/// Milliseconds a form may take to come.
pub const FORM_MS: u64 = 10_000;

/// Fields of one form or query.
pub const FORM_FIELDS: usize = 128;

/// Bytes of the query of an address.
pub const QUERY_BYTES: usize = 8 * 1024;

/// Seconds a session lives without a request, and at most: OWASP ASVS 5.0 §7.3 asks for both.
pub const SESSION_IDLE_S: u64 = 15 * 60;
pub const SESSION_S: u64 = 8 * 60 * 60;

/// Seconds for which password and code count as just given, for actions that need them again.
pub const PROVED_S: u64 = 5 * 60;

/// Sessions of one user, and of all: an office's machine, a laptop, a telephone; beyond, the one that rested longest ends.
pub const SESSIONS_PER_USER: usize = 8;
pub const SESSIONS: usize = 1_024;

/// Messages that wait for the next page of a session.
pub const FLASHES: usize = 8;

/// Characters kept of what a browser calls itself.
pub const BROWSER_CHARACTERS: usize = 160;

/// Rows of one page of a table.
pub const ROWS: usize = 50;

/// Rows of one export: what a spreadsheet still opens.
pub const EXPORT_ROWS: usize = 100_000;

/// Records of one report to print: some hundred pages.
pub const REPORT_ROWS: usize = 2_000;

/// Columns of one chart: a quarter of days fits a screen.
pub const CHART_COLUMNS: usize = 120;
