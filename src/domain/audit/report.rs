//! The report of a period: one file that anybody verifies offline, with all this node recorded in it, what left, what came, and
//! what was decided on which statements.
//!
//! ```text
//! {"format":"hushwire-audit-report","version":1,"period":{"from_ms":…,"until_ms":…},"log":{HEAD},
//!  "made":{"entry":{…},"inclusion":[…]},"range_before":…,"end":…,"consistency":[…],"feeds":[{HEAD},…]}
//! {"record":{"index":…,"leaf":…,"content":{…}},"matched":[{"feed":0,"index":…,"leaf":…,"inclusion":[…]},…]}
//! …
//! {"feed":0,"range_before":…,"end":…,"consistency":[…]}
//! {"index":…,"leaf":…}
//! …
//! {"totals":{…}}
//! HEAD = "verifier_key":…,"witness_keys":[…],"checkpoint":…,"witnessed":{"checkpoint":…,"consistency":[…]}
//! ```
//!
//! - *Records* are consecutive from the end of `range_before` to `end`: the tree they lead to is joined to the signed head by
//!   `consistency` (RFC 9162 §2.1.4), so none between is missing, changed or moved. The first is the neighbour before the period and
//!   the last the one after it, where there are such.
//! - `made` is the record of the report itself, in the same log: period and range stand in it, so neither can be changed.
//! - *Matched* indicators of a decision follow its record, each with its place in its author's feed, proved against the head in
//!   `feeds`. One without proof is not there; the record names it all the same.
//! - *Feeds* come after the records: the leaves this node appended to its own feeds in the period, and those it received of each
//!   other feed, proved in the same way. A leaf shows kind, end and commitment, never a pseudonym or what was sealed.
//! - `totals` is what [`crate::domain::audit::report_totals`] counts. A verifier counts again and compares.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::base::bytes::TreeHash;
use crate::base::position::{EntryIndex, TreeSize};
use crate::domain::audit::evidence::{EntryText, Fault, to_line};
use crate::domain::audit::period::AuditPeriod;
use crate::domain::audit::proof::hashes_text;
use crate::domain::audit::report_head::{Head, HeadText};
use crate::domain::audit::report_totals::Totals;
use crate::domain::feed::entry::{Entry, LEAF_BYTES};
use crate::domain::feed::tree::CompactRange;

/// Stands in the first line.
pub const FORMAT: &str = "hushwire-audit-report";

/// Version of the format.
pub const VERSION: u32 = 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct HeaderText {
    pub format: String,
    pub version: u32,
    pub period: PeriodText,
    pub log: HeadText,
    pub made: MadeText,
    pub range_before: String,
    pub end: u64,
    pub consistency: Vec<String>,
    pub feeds: Vec<HeadText>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct PeriodText {
    pub from_ms: u64,
    pub until_ms: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct MadeText {
    pub entry: EntryText,
    pub inclusion: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct RecordLine {
    pub record: EntryText,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matched: Vec<MatchedText>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct MatchedText {
    pub feed: usize,
    pub index: u64,
    pub leaf: String,
    pub inclusion: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct SectionLine {
    pub feed: usize,
    pub range_before: String,
    pub end: u64,
    pub consistency: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct LeafLine {
    pub index: u64,
    pub leaf: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain::audit) struct TotalsLine {
    pub totals: Totals,
}

/// A run of a tree, joined to its signed head.
#[derive(Debug, Clone)]
pub struct Run {
    pub before: CompactRange,
    pub end: TreeSize,
    /// From a tree of `end` entries to the head's.
    pub consistency: Vec<TreeHash>,
}

/// All that the first line says.
#[derive(Debug, Clone)]
pub struct Header {
    pub period: AuditPeriod,
    pub log: Head,
    /// The record of the report itself.
    pub made: (EntryIndex, Entry, Vec<TreeHash>),
    pub run: Run,
    /// The feeds that the lines refer to, by their place here.
    pub feeds: Vec<Head>,
}

/// An indicator of a decision, proved.
#[derive(Debug, Clone)]
pub struct Matched {
    /// Place of its feed in [`Header::feeds`].
    pub feed: usize,
    pub index: EntryIndex,
    pub leaf: [u8; LEAF_BYTES],
    pub inclusion: Vec<TreeHash>,
}

pub fn header_line(header: &Header) -> Result<String, Fault> {
    let (index, entry, inclusion) = &header.made;
    Ok(to_line(&HeaderText {
        format: FORMAT.to_owned(),
        version: VERSION,
        period: PeriodText { from_ms: header.period.from().unix_ms(), until_ms: header.period.until().unix_ms() },
        log: HeadText::of(&header.log)?,
        made: MadeText { entry: EntryText::new(*index, entry)?, inclusion: hashes_text(inclusion) },
        range_before: BASE64.encode(header.run.before.encode()),
        end: header.run.end.0,
        consistency: hashes_text(&header.run.consistency),
        feeds: header.feeds.iter().map(HeadText::of).collect::<Result<_, _>>()?,
    }))
}

/// The line of a record and of the indicators that were proved with it.
pub fn record_line(index: EntryIndex, entry: &Entry, matched: &[Matched]) -> Result<String, Fault> {
    let matched = matched.iter().map(|one| MatchedText {
        feed: one.feed,
        index: one.index.0,
        leaf: BASE64.encode(one.leaf),
        inclusion: hashes_text(&one.inclusion),
    });
    Ok(to_line(&RecordLine { record: EntryText::new(index, entry)?, matched: matched.collect() }))
}

/// The line before the leaves of a feed.
pub fn section_line(feed: usize, run: &Run) -> String {
    to_line(&SectionLine {
        feed,
        range_before: BASE64.encode(run.before.encode()),
        end: run.end.0,
        consistency: hashes_text(&run.consistency),
    })
}

pub fn leaf_line(index: EntryIndex, leaf: &[u8]) -> String {
    to_line(&LeafLine { index: index.0, leaf: BASE64.encode(leaf) })
}

/// The last line.
pub fn totals_line(totals: &Totals) -> String {
    to_line(&TotalsLine { totals: totals.clone() })
}
