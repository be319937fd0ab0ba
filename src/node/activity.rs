//! What came in, went out and was decided, by day: tallies for those who watch over the node.
//!
//! Derived from what is kept, entries of feeds and records of the audit log, as each is applied: a node that was restarted has
//! the tallies of the one that stopped. Days are UTC. A day is kept for as long as the content of the records it is counted
//! from ([`limits::ACTIVITY_DAYS`]), so that it is either whole or gone.
//!
//! Counts tell of this node alone and are exact: they stay inside the member. What leaves it has noise
//! ([`crate::domain::statistics`]).

use std::collections::BTreeMap;

use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::detail::{DecisionDetail, read_part};
use crate::domain::audit::record::{AuditRecord, Outcome};
use crate::domain::feed::entry::EntryKind;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::policy::rule::Heard;
use crate::node::detail_stored::DecisionDetailed;
use crate::node::record_screening::DecisionCounts;

/// Entries by what they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EntryCounts {
    /// Decoys included where windows are filled: only their author tells them apart.
    pub indicators: u64,
    pub retractions: u64,
    pub sightings: u64,
    pub disputes: u64,
    pub erasures: u64,
    /// Releases, counts, announcements, keys.
    pub others: u64,
}

impl EntryCounts {
    pub const fn total(&self) -> u64 {
        let Self { indicators, retractions, sightings, disputes, erasures, others } = *self;
        indicators + retractions + sightings + disputes + erasures + others
    }

    pub(in crate::node) fn count(&mut self, kind: EntryKind, entries: u64) {
        let count = match kind {
            EntryKind::Indicator | EntryKind::Decoy => &mut self.indicators,
            EntryKind::Retraction => &mut self.retractions,
            EntryKind::Sighting => &mut self.sightings,
            EntryKind::Dispute => &mut self.disputes,
            EntryKind::Erasure => &mut self.erasures,
            EntryKind::StatisticsRelease
            | EntryKind::EvaluationCounts
            | EntryKind::Announcement
            | EntryKind::KeyGeneration
            | EntryKind::Audit => &mut self.others,
        };
        *count += entries;
    }

    fn add(&mut self, other: &Self) {
        self.indicators += other.indicators;
        self.retractions += other.retractions;
        self.sightings += other.sightings;
        self.disputes += other.disputes;
        self.erasures += other.erasures;
        self.others += other.others;
    }
}

/// One day with one other member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerDay {
    /// Entries of its feeds, verified and stored here, whoever brought them.
    pub came: EntryCounts,
    /// Entries of own feeds that it acknowledged.
    pub left: EntryCounts,
    /// Times that what it sent broke a rule; nothing of that was believed.
    pub faults: u64,
    /// Times the alarm of its silence was raised.
    pub silences: u64,
    /// Entries of its feeds that are kept and do not count here.
    pub uncounted: u64,
}

/// What became of cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaseCounts {
    pub opened: u64,
    /// By people, or by a passed challenge.
    pub released: u64,
    pub refused: u64,
    /// By their timer, either way.
    pub expired: u64,
    /// Proved to be fraud. A report that corrects an earlier one counts on its own day too.
    pub fraud: u64,
    /// Stopped although genuine: false positives.
    pub genuine: u64,
}

/// How often a rule fired, by how it was heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleHits {
    pub live: u64,
    /// It was asked and had no say.
    pub shadow: u64,
    /// It was told and had no say for a while.
    pub snoozed: u64,
}

impl RuleHits {
    pub(in crate::node) fn add(&mut self, other: &Self) {
        self.live += other.live;
        self.shadow += other.shadow;
        self.snoozed += other.snoozed;
    }
}

/// One day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayActivity {
    pub peers: BTreeMap<MemberId, PeerDay>,
    /// Own indicators taken in for publication.
    pub published: u64,
    pub retracted: u64,
    /// Entries about nobody that fill own windows.
    pub decoys: u64,
    /// Drafts that broke a rule.
    pub drafts_refused: u64,
    /// All answers, counted when their minute was over.
    pub decisions: DecisionCounts,
    /// Those among them that were recorded one by one: something matched, or the order was stopped or very unusual.
    pub recorded: DecisionCounts,
    pub cases: CaseCounts,
    /// How often each rule fired in decisions recorded one by one, by policy (`name/version`) and name.
    pub rules: BTreeMap<(String, String), RuleHits>,
    /// Calls refused for who called, or for too many of them.
    pub calls_refused: u64,
    /// Records of the audit log that say something is broken or somebody lied.
    pub faults: u64,
    /// Places of the first and the last record of the audit log of this day.
    pub records: Option<(EntryIndex, EntryIndex)>,
}

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Activity {
    days: BTreeMap<Day, DayActivity>,
    /// What the entries of own feeds are.
    own: BTreeMap<FeedId, KindRuns>,
}

impl Activity {
    /// Days of `[from, until)` on which anything happened, in order.
    pub fn days(&self, from: Day, until: Day) -> impl Iterator<Item = (Day, &DayActivity)> {
        let until = until.max(from);
        self.days.range(from..until).map(|(day, activity)| (*day, activity))
    }

    /// The places within which every record of the audit log of these days lies; none where there is no such record. Only of
    /// days that are kept: before [`limits::ACTIVITY_DAYS`] nothing is known.
    pub fn records_of(&self, from: Day, until: Day) -> Option<(EntryIndex, EntryIndex)> {
        let records = self.days(from, until).filter_map(|(_, activity)| activity.records);
        records.reduce(|(first, last), (other_first, other_last)| (first.min(other_first), last.max(other_last)))
    }

    /// Entries of another member's feed were stored.
    pub(in crate::node) fn came(&mut self, day: Day, from: &MemberId, entries: &EntryCounts) {
        self.peer(day, from).came.add(entries);
    }

    /// An entry was added to an own feed.
    pub(in crate::node) fn appended(&mut self, feed: &FeedId, kind: EntryKind) {
        match self.own.get_mut(feed) {
            Some(runs) => runs.append(kind),
            None => self.own.entry(feed.clone()).or_default().append(kind),
        }
    }

    /// A peer acknowledged entries `[from, until)` of an own feed.
    pub(in crate::node) fn left(&mut self, day: Day, peer: &MemberId, feed: &FeedId, from: TreeSize, until: TreeSize) {
        let Some(entries) = self.own.get(feed).map(|runs| runs.counts(from, until)) else { return };
        self.peer(day, peer).left.add(&entries);
    }

    /// A record of the audit log, at its place.
    pub(in crate::node) fn record(&mut self, index: EntryIndex, record: &AuditRecord) {
        let day = record.time().day();
        let field = |name| record.fields().find(|(field, _)| *field == name).map(|(_, value)| value);
        let number = |name| field(name).and_then(|value| value.parse::<u64>().ok()).unwrap_or_default();
        let peer = || field("peer").and_then(|name| name.parse::<MemberId>().ok());
        // Only those who stand in a roster have a row of their own, and no relay speaks for another.
        match record.action() {
            "peer.fault" => {
                if let Some(peer) = peer() {
                    self.peer(day, &peer).faults += 1;
                }
            }
            "feed.silent" => {
                if let Some(peer) = peer() {
                    self.peer(day, &peer).silences += 1;
                }
            }
            "feed.unbelieved" => {
                let author = record.subject().split('/').next().and_then(|name| name.parse::<MemberId>().ok());
                if let Some(author) = author {
                    self.peer(day, &author).uncounted += number("entries");
                }
            }
            _ => {}
        }
        let today = self.days.entry(day).or_default();
        today.records = Some(today.records.map_or((index, index), |(first, last)| (first.min(index), last.max(index))));
        today.faults += u64::from(record.outcome() == Outcome::Fault);
        match record.action() {
            "indicator.published" => today.published += 1,
            "indicator.retracted" => today.retracted += 1,
            "decoy.published" => today.decoys += 1,
            "publication.refused" => today.drafts_refused += number("drafts"),
            "call.refused" => today.calls_refused += 1,
            "screening.counted" => {
                today.decisions.allowed += number("allowed");
                today.decisions.challenged += number("challenged");
                today.decisions.held += number("held");
                today.decisions.blocked += number("blocked");
            }
            "screening.decided" => match field("decision").and_then(Decision::from_label) {
                Some(Decision::Allow) => today.recorded.allowed += 1,
                Some(Decision::Challenge) => today.recorded.challenged += 1,
                Some(Decision::Hold) => today.recorded.held += 1,
                Some(Decision::Block) => today.recorded.blocked += 1,
                None => {}
            },
            "case.opened" => today.cases.opened += 1,
            "case.released" => today.cases.released += 1,
            "case.refused" => today.cases.refused += 1,
            "case.expired" => today.cases.expired += 1,
            "case.resolved" | "screening.outcome" => match field("reported") {
                Some("fraud") => today.cases.fraud += 1,
                Some("genuine") => today.cases.genuine += 1,
                Some(_) | None => {}
            },
            _ => {}
        }
    }

    /// What stood behind a decision. One that is older than what is kept by now is not even read.
    pub(in crate::node) fn detailed(&mut self, now: Timestamp, detailed: &DecisionDetailed) {
        let Some(detail) = detailed.parts.first().and_then(|part| read_part::<DecisionDetail>(&part.blob).ok()) else {
            return;
        };
        let day = Timestamp::from_unix_ms(detail.time_ms).day();
        if day < oldest_kept(now.day()) {
            return;
        }
        let policy = detail.facts.get("policy").cloned().unwrap_or_default();
        let rules = detail.facts.iter().filter_map(|(name, heard)| Some((name.strip_prefix("rule.")?, heard)));
        let today = self.days.entry(day).or_default();
        for (rule, heard) in rules {
            let key = (policy.clone(), rule.to_owned());
            if today.rules.len() >= limits::ACTIVITY_RULES && !today.rules.contains_key(&key) {
                continue;
            }
            let hits = today.rules.entry(key).or_default();
            match Heard::ALL.into_iter().find(|known| known.label() == heard) {
                Some(Heard::Live) => hits.live += 1,
                Some(Heard::Shadow) => hits.shadow += 1,
                Some(Heard::Snoozed) => hits.snoozed += 1,
                None => {}
            }
        }
    }

    /// Forgets days whose records may have lost their content.
    pub(in crate::node) fn expire(&mut self, today: Day) {
        let oldest = oldest_kept(today);
        while self.days.first_key_value().is_some_and(|(day, _)| *day < oldest) {
            self.days.pop_first();
        }
    }

    fn peer(&mut self, day: Day, peer: &MemberId) -> &mut PeerDay {
        self.days.entry(day).or_default().peers.entry(peer.clone()).or_default()
    }
}

/// The oldest day of which tallies are kept.
pub const fn oldest_kept(today: Day) -> Day {
    Day(today.0.saturating_sub(limits::ACTIVITY_DAYS))
}

/// What the entries of one feed are, as runs of one kind: what left is asked for by ranges.
#[derive(Debug, Default, PartialEq, Eq)]
struct KindRuns(Vec<(TreeSize, EntryKind)>);

impl KindRuns {
    fn append(&mut self, kind: EntryKind) {
        match self.0.last_mut() {
            Some((end, last)) if *last == kind => end.0 += 1,
            last => {
                let end = TreeSize(last.map_or(0, |(end, _)| end.0) + 1);
                self.0.push((end, kind));
            }
        }
    }

    /// How many of each stand in `[from, until)`.
    fn counts(&self, from: TreeSize, until: TreeSize) -> EntryCounts {
        let mut counts = EntryCounts::default();
        let first = self.0.partition_point(|(end, _)| *end <= from);
        let mut begin = from;
        for (end, kind) in self.0.iter().skip(first) {
            let end = until.min(*end);
            counts.count(*kind, end.0.saturating_sub(begin.0));
            begin = begin.max(end);
            if end == until {
                break;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Sha256Digest;
    use crate::domain::audit::asked::Asked;
    use crate::domain::audit::event::AuditEvent;
    use crate::domain::audit::record::Actor;

    const DAY: Day = Day(20_785);

    fn member(name: &str) -> MemberId {
        name.parse().expect("valid")
    }

    fn feed(name: &str) -> FeedId {
        FeedId { member: member(name), group: "all".parse().expect("valid") }
    }

    /// The tally of one day on which this was recorded.
    fn tallied(events: Vec<AuditEvent>) -> DayActivity {
        let mut activity = Activity::default();
        for (event, index) in events.into_iter().zip(7..) {
            activity.record(EntryIndex(index), &event.into_record(DAY.start(), &Actor::Node));
        }
        activity.days(DAY, DAY.next()).next().expect("something happened").1.clone()
    }

    #[test]
    fn what_left_is_counted_by_kind_within_a_range() {
        use EntryKind::{Indicator, Retraction, Sighting};
        let mut activity = Activity::default();
        for kind in [Indicator, Indicator, Retraction, Indicator, Sighting, Sighting] {
            activity.appended(&feed("bank-a"), kind);
        }
        let check = |from, until, expected: (u64, u64, u64)| {
            let left = activity.own[&feed("bank-a")].counts(TreeSize(from), TreeSize(until));
            let EntryCounts { indicators, retractions, sightings, .. } = left;
            assert_eq!((indicators, retractions, sightings), expected, "{from}..{until}");
        };
        check(0, 6, (3, 1, 2));
        check(0, 0, (0, 0, 0));
        check(1, 4, (2, 1, 0));
        check(4, 5, (0, 0, 1));
        check(5, 99, (0, 0, 1));
        check(6, 9, (0, 0, 0));
    }

    #[test]
    fn an_order_recorded_by_itself_is_not_counted_twice() {
        let decided = |decision| AuditEvent::ScreeningDecided {
            decision_id: "d".to_owned(),
            decision,
            reasons: Vec::new(),
            matched: Vec::new(),
            policy_sha256: Sha256Digest([1; 32]),
            degraded: false,
            anomalies: Vec::new(),
            detail: None,
        };
        let minute = Timestamp::from_unix_s(0);
        let counted = AuditEvent::ScreeningsCounted { minute, allowed: 41, challenged: 2, held: 1, blocked: 2 };
        let day = tallied(vec![decided("allow"), decided("hold"), decided("block"), decided("block"), counted]);
        assert_eq!(day.decisions, DecisionCounts { allowed: 41, challenged: 2, held: 1, blocked: 2 });
        assert_eq!(day.recorded, DecisionCounts { allowed: 1, challenged: 0, held: 1, blocked: 2 });
        assert_eq!(day.records, Some((EntryIndex(7), EntryIndex(11))));
    }

    #[test]
    fn trouble_is_told_by_the_member_it_came_from() {
        let day = tallied(vec![
            AuditEvent::PeerFault {
                peer: member("shop"),
                feed: Some(feed("bank-b")),
                rule: "root",
                evidence_sha256: None,
            },
            AuditEvent::PeerSilent { peer: member("bank-b"), feed: feed("bank-b"), age_s: 900 },
            AuditEvent::EntriesUnbelieved { feed: feed("bank-b"), rule: "quota", entries: 12 },
            AuditEvent::CallRefused { method: "method", reason: "ROLE" },
            AuditEvent::PublicationRefused { kind: None, field: "value", rule: "luhn", drafts: 3 },
        ]);
        assert_eq!(day.peers[&member("shop")], PeerDay { faults: 1, ..PeerDay::default() });
        assert_eq!(day.peers[&member("bank-b")], PeerDay { silences: 1, uncounted: 12, ..PeerDay::default() });
        assert_eq!((day.faults, day.calls_refused, day.drafts_refused), (3, 1, 3));
    }

    #[test]
    fn a_stopped_genuine_customer_is_a_false_positive() {
        let reported = |outcome| AuditEvent::OutcomeReported { decision_id: "d".to_owned(), outcome };
        let stepped = |action, outcome| AuditEvent::CaseStepped {
            case_id: "c".to_owned(),
            action,
            decision: "hold",
            state: "released",
            how: None,
            assignee: None,
            outcome,
            revision: 1,
        };
        let day = tallied(vec![
            stepped("case.released", None),
            stepped("case.resolved", Some("genuine")),
            stepped("case.resolved", Some("fraud")),
            reported("genuine"),
        ]);
        assert_eq!(day.cases, CaseCounts { released: 1, fraud: 1, genuine: 2, ..CaseCounts::default() });
    }

    #[test]
    fn a_day_is_kept_as_long_as_the_records_it_is_counted_from() {
        let kept = AuditEvent::AuditListed { asked: Asked::default(), records: 1, more: false }.keep_days();
        assert!(limits::ACTIVITY_DAYS <= kept, "a counter's content goes after {kept} days");
        let mut activity = Activity::default();
        activity.came(DAY, &member("shop"), &EntryCounts::default());
        let last = Day(DAY.0 + limits::ACTIVITY_DAYS);
        activity.expire(last);
        assert_eq!(activity.days(DAY, last).count(), 1);
        activity.expire(last.next());
        assert_eq!(activity.days(DAY, last).count(), 0);
    }
}
