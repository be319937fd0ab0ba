//! What a report counts of a period: what left, what came, what was decided, what is missing. Whoever writes a report counts the
//! same way as whoever verifies it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::domain::audit::evidence::Fault;
use crate::domain::audit::period::AuditPeriod;
use crate::domain::audit::record::AuditRecord;
use crate::domain::feed::entry::{EntryKind, Leaf};

/// A counter by some word of ours.
pub type Counts = BTreeMap<String, u64>;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Records of the period.
    pub records: u64,
    /// Records of another time that stand among them: the neighbours, and what was written late.
    pub beside: u64,
    /// Entries whose content retention has ended; of what time they were, nobody can say any more.
    pub expired: u64,
    /// Records of the period by action.
    pub actions: Counts,
    pub left: Left,
    pub came: Came,
    pub decisions: Decisions,
    pub gaps: Gaps,
}

/// What left this member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// Entries of its own feeds by kind, each proved.
    pub entries: Counts,
    /// Indicators recorded as published in the period that stand among these entries; the others were signed later.
    pub published_within: u64,
    /// Entries that each peer acknowledged.
    pub delivered: Counts,
}

/// What came to this member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Came {
    /// Entries by feed and kind, each proved to be what its author signed.
    pub entries: BTreeMap<String, Counts>,
    /// Entries by the member that sent them, the author or a relay.
    pub received: Counts,
    /// Entries by feed that were recorded as received and are not proved here: the feed is not kept any more.
    pub unproved: Counts,
}

/// What was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// Recorded one by one, by decision.
    pub recorded: Counts,
    /// All by decision, those with a record of their own included, as counted by the minute.
    pub counted: Counts,
    /// How often each reason stood behind a recorded decision.
    pub reasons: Counts,
    /// Indicators that decisions name, and how many of these are proved here.
    pub matched: u64,
    pub matched_proved: u64,
}

/// What the log says it does not hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaps {
    /// Gaps recorded.
    pub gaps: u64,
    /// Records lost in them, as far as anybody knows.
    pub records_lost: u64,
    /// Gaps of which nobody knows how many.
    pub unknown: u64,
}

/// Counts a report as its lines come.
#[derive(Debug, Clone)]
pub struct Counting {
    own: MemberId,
    period: AuditPeriod,
    totals: Totals,
    /// Commitments recorded as published in the period.
    published: BTreeSet<String>,
    /// What the log says was received of each feed: from where to where.
    received: BTreeMap<FeedId, (u64, u64)>,
}

impl Counting {
    /// Of the log of `own`.
    pub fn new(own: MemberId, period: AuditPeriod) -> Self {
        Self { own, period, totals: Totals::default(), published: BTreeSet::new(), received: BTreeMap::new() }
    }

    /// A record; none where its content is gone. `proved` are the indicators proved with it.
    pub fn record(&mut self, record: Option<&AuditRecord>, proved: usize) {
        let Some(record) = record else {
            self.totals.expired += 1;
            return;
        };
        if !self.period.contains(record.time()) {
            self.totals.beside += 1;
            return;
        }
        self.totals.records += 1;
        add(&mut self.totals.actions, record.action(), 1);
        match record.action() {
            "indicator.published" => self.published.extend(commitment(record.subject()).map(str::to_owned)),
            "feed.delivered" => {
                if let (Some(peer), Some(range)) = (field(record, "peer"), range(record)) {
                    add(&mut self.totals.left.delivered, peer, range.1.saturating_sub(range.0));
                }
            }
            "feed.received" => self.received(record),
            "screening.decided" => self.decided(record, proved),
            "screening.counted" => {
                for (word, name) in
                    [("allow", "allowed"), ("block", "blocked"), ("challenge", "challenged"), ("hold", "held")]
                {
                    let count = field(record, name).and_then(|count| count.parse().ok()).unwrap_or_default();
                    add(&mut self.totals.decisions.counted, word, count);
                }
            }
            "audit.gap" => {
                let gaps = &mut self.totals.gaps;
                gaps.gaps += 1;
                match field(record, "records_lost").and_then(|lost| lost.parse::<u64>().ok()) {
                    Some(lost) => gaps.records_lost = gaps.records_lost.saturating_add(lost),
                    None => gaps.unknown += 1,
                }
            }
            _ => {}
        }
    }

    fn received(&mut self, record: &AuditRecord) {
        let (Some(feed), Some((from, until))) = (feed_of(record), range(record)) else { return };
        if let Some(peer) = field(record, "peer") {
            add(&mut self.totals.came.received, peer, until.saturating_sub(from));
        }
        let known = self.received.entry(feed).or_insert((from, until));
        *known = (known.0.min(from), known.1.max(until));
    }

    fn decided(&mut self, record: &AuditRecord, proved: usize) {
        let decisions = &mut self.totals.decisions;
        add(&mut decisions.recorded, field(record, "decision").unwrap_or("unknown"), 1);
        for reason in field(record, "reasons").unwrap_or_default().split(',').filter(|reason| !reason.is_empty()) {
            add(&mut decisions.reasons, reason, 1);
        }
        let named = u64::try_from(matched_names(record).count()).unwrap_or(u64::MAX);
        decisions.matched += named;
        decisions.matched_proved += u64::try_from(proved).unwrap_or(u64::MAX);
    }

    /// What the log says was received of each other feed, first index and the one after the last; of own feeds nothing.
    pub fn received_ranges(&self) -> impl Iterator<Item = (&FeedId, (TreeSize, TreeSize))> {
        let foreign = self.received.iter().filter(|(feed, _)| feed.member != self.own);
        foreign.map(|(feed, (from, until))| (feed, (TreeSize(*from), TreeSize(*until))))
    }

    /// A leaf that was proved.
    pub fn leaf(&mut self, feed: &FeedId, leaf: &Leaf) {
        let word = kind_word(leaf.kind);
        if feed.member == self.own {
            add(&mut self.totals.left.entries, word, 1);
            if self.published.remove(&leaf.commitment.to_string()) {
                self.totals.left.published_within += 1;
            }
            return;
        }
        add(self.totals.came.entries.entry(feed.to_string()).or_default(), word, 1);
    }

    /// The same, by its bytes.
    pub fn leaf_bytes(&mut self, feed: &FeedId, leaf: &[u8]) -> Result<(), Fault> {
        self.leaf(feed, &Leaf::decode(leaf)?);
        Ok(())
    }

    /// A feed whose range stands in no section.
    pub fn unproved(&mut self, feed: &FeedId) {
        if let Some((from, until)) = self.received.get(feed) {
            self.totals.came.unproved.insert(feed.to_string(), until.saturating_sub(*from));
        }
    }

    pub fn totals(&self) -> &Totals {
        &self.totals
    }
}

/// The indicators a decision's record names: `members/{member}/indicators/{commitment}`.
pub fn matched_names(record: &AuditRecord) -> impl Iterator<Item = &str> {
    let named = record.fields().filter(|(name, _)| name.starts_with("matched_") && *name != "matched_count");
    named.map(|(_, value)| value)
}

fn add(counts: &mut Counts, word: &str, count: u64) {
    let counted = counts.entry(word.to_owned()).or_default();
    *counted = counted.saturating_add(count);
}

pub(in crate::domain::audit) fn field<'a>(record: &'a AuditRecord, wanted: &str) -> Option<&'a str> {
    record.fields().find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

fn range(record: &AuditRecord) -> Option<(u64, u64)> {
    Some((field(record, "from")?.parse().ok()?, field(record, "until")?.parse().ok()?))
}

fn feed_of(record: &AuditRecord) -> Option<FeedId> {
    let (member, group) = record.subject().split_once('/')?;
    Some(FeedId { member: member.parse().ok()?, group: group.parse().ok()? })
}

fn commitment(name: &str) -> Option<&str> {
    name.rsplit('/').next()
}

/// The word of a kind of entry.
pub const fn kind_word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Indicator => "indicator",
        EntryKind::Retraction => "retraction",
        EntryKind::Sighting => "sighting",
        EntryKind::Dispute => "dispute",
        EntryKind::Erasure => "erasure",
        EntryKind::StatisticsRelease => "statistics_release",
        EntryKind::EvaluationCounts => "evaluation_counts",
        EntryKind::Announcement => "announcement",
        EntryKind::KeyGeneration => "key_generation",
        EntryKind::Decoy => "decoy",
        EntryKind::Audit => "audit",
    }
}
