//! Verifies the report of a period line by line, in memory that does not grow with its records. What it says of itself, totals
//! included, is counted again and never believed.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::base::bytes::TreeHash;
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::evidence::{CheckedEntry, Fault, Verified, Witnessed, from_line};
use crate::domain::audit::period::AuditPeriod;
use crate::domain::audit::proof::read_hashes;
use crate::domain::audit::record::AuditRecord;
use crate::domain::audit::report::{
    FORMAT, HeaderText, LeafLine, MatchedText, RecordLine, SectionLine, TotalsLine, VERSION,
};
use crate::domain::audit::report_head::CheckedHead;
use crate::domain::audit::report_totals::{Counting, Totals, field, matched_names};
use crate::domain::feed::entry::{EntryKind, Leaf, leaf_hash};
use crate::domain::feed::proof::{verify_consistency, verify_inclusion};
use crate::domain::feed::tree::CompactRange;

/// What was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReport {
    /// The log, and what of it stands in the file.
    pub log: Verified,
    pub period: AuditPeriod,
    /// The record of the report: who asked for it, and when.
    pub made: AuditRecord,
    /// Time of the record just before the period; none where the log begins with it.
    pub before: Option<Timestamp>,
    /// Time of the record just after it; none where the log had not come that far.
    pub after: Option<Timestamp>,
    pub feeds: Vec<VerifiedFeed>,
    pub totals: Totals,
    /// The records of the first gaps.
    pub gaps: Vec<AuditRecord>,
}

/// A feed of which something was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedFeed {
    pub origin: String,
    /// The key to compare with the roster.
    pub verifier_key: String,
    /// Entries from here until before there stand in the report; none where only indicators of it are proved.
    pub range: Option<(u64, u64)>,
    /// Size that was signed.
    pub size: u64,
    pub witnessed: Option<Witnessed>,
}

/// See the module.
#[derive(Debug)]
pub struct ReportVerifier {
    period: AuditPeriod,
    log: CheckedHead,
    made: CheckedEntry,
    feeds: Vec<CheckedHead>,
    ranges: Vec<Option<(u64, u64)>>,
    counting: Counting,
    first: u64,
    end: u64,
    log_end: u64,
    consistency: Vec<TreeHash>,
    range: CompactRange,
    /// The feed whose leaves come now.
    section: Option<Section>,
    before: Option<Timestamp>,
    last: Option<Timestamp>,
    times: Option<(Timestamp, Timestamp)>,
    gaps: Vec<AuditRecord>,
    today: Day,
    totals: Option<Totals>,
}

#[derive(Debug)]
struct Section {
    feed: usize,
    range: CompactRange,
    end: u64,
    consistency: Vec<TreeHash>,
}

impl ReportVerifier {
    /// Takes the first line. Whether its keys are the right ones is for the caller to say.
    pub fn start(header: &str, today: Day) -> Result<Self, Fault> {
        let header: HeaderText = from_line(header)?;
        if header.format != FORMAT {
            return Err(Fault::NotAudit);
        }
        if header.version != VERSION {
            return Err(Fault::Version { got: header.version, known: VERSION });
        }
        let log = header.log.check(true)?;
        let at = Timestamp::from_unix_ms;
        let period = AuditPeriod::new(at(header.period.from_ms), at(header.period.until_ms));
        let period = period.map_err(|_| Fault::Period)?;
        let made = header.made.entry.check(today)?;
        let inclusion = read_hashes(&header.made.inclusion)?;
        let (size, root) = (log.signed.size(), log.signed.root());
        verify_inclusion(&made.entry.leaf_hash(), made.index, size, root, &inclusion)?;
        let range = compact(&header.range_before)?;
        let (first, end) = (range.size().0, header.end);
        let log_end = said_of_itself(&made, period, first, end)?;
        let feeds = header.feeds.iter().map(|feed| feed.check(false)).collect::<Result<Vec<_>, _>>()?;
        let named: BTreeSet<&str> = feeds.iter().map(|feed| feed.keys.origin()).collect();
        if named.len() != feeds.len() {
            return Err(Fault::Form);
        }
        let counting = Counting::new(log.keys.feed().member.clone(), period);
        let ranges = vec![None; feeds.len()];
        let consistency = read_hashes(&header.consistency)?;
        Ok(Self {
            period,
            log,
            made,
            feeds,
            ranges,
            counting,
            first,
            end,
            log_end,
            consistency,
            range,
            section: None,
            before: None,
            last: None,
            times: None,
            gaps: Vec::new(),
            today,
            totals: None,
        })
    }

    /// Takes the next line. Returns the record on it; none for the other lines.
    pub fn line(&mut self, line: &str) -> Result<Option<CheckedEntry>, Fault> {
        if self.totals.is_some() {
            return Err(Fault::AfterEnd);
        }
        if line.starts_with("{\"record\":") {
            return self.record(from_line(line)?).map(Some);
        }
        if line.starts_with("{\"index\":") {
            self.leaf(&from_line(line)?)?;
        } else if line.starts_with("{\"feed\":") {
            self.begin_section(&from_line(line)?)?;
        } else {
            self.end(from_line(line)?)?;
        }
        Ok(None)
    }

    fn record(&mut self, line: RecordLine) -> Result<CheckedEntry, Fault> {
        let checked = line.record.check(self.today)?;
        let expected = self.range.size().0;
        if checked.index.0 != expected || expected >= self.end {
            return Err(Fault::Index { expected, got: checked.index.0 });
        }
        self.range.append(checked.entry.leaf_hash());
        let record = checked.record.as_ref();
        self.matched(record, &line.matched)?;
        if expected == self.first {
            self.before = record.map(AuditRecord::time).filter(|time| *time < self.period.from());
            // Otherwise it is not shown that the period begins here.
            if self.before.is_none() && self.first > 0 {
                return Err(Fault::Neighbour);
            }
        }
        if let Some(record) = record {
            let (first, last) = self.times.unwrap_or((record.time(), record.time()));
            self.times = Some((first.min(record.time()), last.max(record.time())));
            let is_gap = record.action() == "audit.gap" && self.period.contains(record.time());
            if is_gap && self.gaps.len() < limits::evidence::REPORT_GAPS {
                self.gaps.push(record.clone());
            }
        }
        self.last = record.map(AuditRecord::time);
        self.counting.record(record, line.matched.len());
        Ok(checked)
    }

    /// Each is named by the record, and stands where its author signed it.
    fn matched(&self, record: Option<&AuditRecord>, matched: &[MatchedText]) -> Result<(), Fault> {
        let decided = record.filter(|record| record.action() == "screening.decided");
        let decided = decided.filter(|record| self.period.contains(record.time()));
        let mut named: BTreeSet<&str> = decided.into_iter().flat_map(matched_names).collect();
        for (nth, text) in matched.iter().enumerate() {
            let feed = self.feeds.get(text.feed).ok_or(Fault::Form)?;
            let bytes = BASE64.decode(&text.leaf).map_err(|_| Fault::Form)?;
            let leaf = Leaf::decode(&bytes)?;
            let name = format!("members/{}/indicators/{}", feed.keys.feed().member, leaf.commitment);
            if leaf.kind != EntryKind::Indicator || !named.remove(name.as_str()) {
                return Err(Fault::Indicator { nth });
            }
            let (size, root) = (feed.signed.size(), feed.signed.root());
            verify_inclusion(&leaf_hash(&bytes), EntryIndex(text.index), size, root, &read_hashes(&text.inclusion)?)?;
        }
        Ok(())
    }

    /// The records are complete: they lead to the signed head, and to the end of the period.
    fn close_records(&mut self) -> Result<(), Fault> {
        if self.range.size().0 != self.end {
            return Err(Fault::Index { expected: self.range.size().0, got: self.end });
        }
        joined(&self.range, &self.consistency, &self.log)?;
        let passed = self.last.is_some_and(|time| time >= self.period.until());
        if self.first < self.end && !passed && self.end != self.log_end {
            return Err(Fault::Neighbour);
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(section) = self.section.take() else { return self.close_records() };
        let Section { feed, range, end, consistency } = section;
        if range.size().0 != end {
            return Err(Fault::Index { expected: range.size().0, got: end });
        }
        joined(&range, &consistency, self.feeds.get(feed).ok_or(Fault::Form)?)
    }

    fn begin_section(&mut self, line: &SectionLine) -> Result<(), Fault> {
        let earlier = self.section.as_ref().map(|section| section.feed);
        self.close()?;
        let range = compact(&line.range_before)?;
        let (from, end) = (range.size().0, line.end);
        let feed = self.feeds.get(line.feed).ok_or(Fault::Form)?.keys.feed();
        if earlier.is_some_and(|earlier| earlier >= line.feed) || from > end {
            return Err(Fault::Form);
        }
        if !self.is_own(feed) {
            let said = self.counting.received_ranges().find(|(known, _)| *known == feed).map(|(_, range)| range);
            if said != Some((TreeSize(from), TreeSize(end))) {
                return Err(Fault::FeedRange { feed: feed.to_string() });
            }
        }
        *self.ranges.get_mut(line.feed).ok_or(Fault::Form)? = Some((from, end));
        let consistency = read_hashes(&line.consistency)?;
        self.section = Some(Section { feed: line.feed, range, end, consistency });
        Ok(())
    }

    fn is_own(&self, feed: &FeedId) -> bool {
        feed.member == self.log.keys.feed().member
    }

    fn leaf(&mut self, line: &LeafLine) -> Result<(), Fault> {
        let section = self.section.as_mut().ok_or(Fault::Form)?;
        let expected = section.range.size().0;
        if line.index != expected || expected >= section.end {
            return Err(Fault::Index { expected, got: line.index });
        }
        let bytes = BASE64.decode(&line.leaf).map_err(|_| Fault::Form)?;
        let leaf = Leaf::decode(&bytes)?;
        section.range.append(leaf_hash(&bytes));
        let feed = self.feeds.get(section.feed).ok_or(Fault::Form)?.keys.feed();
        self.counting.leaf(feed, &leaf);
        Ok(())
    }

    fn end(&mut self, line: TotalsLine) -> Result<(), Fault> {
        self.close()?;
        let proved: BTreeSet<&FeedId> = self
            .feeds
            .iter()
            .zip(&self.ranges)
            .filter(|(_, range)| range.is_some())
            .map(|(f, _)| f.keys.feed())
            .collect();
        let missing = self.counting.received_ranges().map(|(feed, _)| feed).filter(|feed| !proved.contains(feed));
        let missing: Vec<FeedId> = missing.cloned().collect();
        for feed in &missing {
            self.counting.unproved(feed);
        }
        if line.totals != *self.counting.totals() {
            return Err(Fault::Totals);
        }
        self.totals = Some(line.totals);
        Ok(())
    }

    /// What was verified, once the last line was taken.
    pub fn finish(self) -> Result<VerifiedReport, Fault> {
        let totals = self.totals.ok_or(Fault::Truncated)?;
        let keys = &self.log.keys;
        let log = Verified {
            origin: keys.origin().to_owned(),
            verifier_key: keys.log().to_string(),
            entries: self.end - self.first,
            expired: totals.expired,
            first_index: self.first,
            size: self.log.signed.size().0,
            root: self.log.signed.root().to_string(),
            times: self.times,
            cosigners: self.log.signed.cosigners().clone(),
            witnessed: self.log.witnessed,
        };
        let feeds = self.feeds.into_iter().zip(self.ranges).map(|(feed, range)| VerifiedFeed {
            origin: feed.keys.origin().to_owned(),
            verifier_key: feed.keys.log().to_string(),
            range,
            size: feed.signed.size().0,
            witnessed: feed.witnessed,
        });
        Ok(VerifiedReport {
            log,
            period: self.period,
            made: self.made.record.ok_or(Fault::Missing)?,
            before: self.before,
            after: self.last.filter(|time| *time >= self.period.until()),
            feeds: feeds.collect(),
            totals,
            gaps: self.gaps,
        })
    }
}

/// What the record of the report says of period and range; the size of the log it was made from.
fn said_of_itself(made: &CheckedEntry, period: AuditPeriod, first: u64, end: u64) -> Result<u64, Fault> {
    let record = made.record.as_ref().filter(|record| record.action() == "audit.reported").ok_or(Fault::Period)?;
    let number = |name| field(record, name).and_then(|text| text.parse::<u64>().ok());
    let (from, until) = (period.from().to_string(), period.until().to_string());
    let agrees = field(record, "from") == Some(from.as_str())
        && field(record, "until") == Some(until.as_str())
        && (number("first"), number("end")) == (Some(first), Some(end));
    // What stands behind the report's own record was not there to be looked through.
    let size = number("size").filter(|size| agrees && first <= end && end <= *size && *size <= made.index.0);
    size.ok_or(Fault::Period)
}

fn compact(text: &str) -> Result<CompactRange, Fault> {
    CompactRange::decode(&BASE64.decode(text).map_err(|_| Fault::Form)?).map_err(|_| Fault::Form)
}

fn joined(range: &CompactRange, consistency: &[TreeHash], head: &CheckedHead) -> Result<(), Fault> {
    verify_consistency(range.size(), &range.root(), head.signed.size(), head.signed.root(), consistency)?;
    Ok(())
}
