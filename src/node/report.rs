//! The report of a period, made in small steps so that the node's thread does other work between them.
//!
//! 1 search where the period begins and ends in the log ([`Search`]) · 2 record the report · 3 once that is durable, sign the head
//! that everything is proved against · 4 records, some at a time, with the indicators of their decisions · 5 the leaves of feeds.
//! Nothing is kept between the steps but what the caller hands on, and what was appended since changes no proof.

use rand::CryptoRng;

use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::export::range_of;
use crate::domain::audit::keys::LogKeys;
use crate::domain::audit::period::AuditPeriod;
use crate::domain::audit::record::{Actor, AuditRecord};
use crate::domain::audit::report::{Header, Matched, Run};
use crate::domain::audit::report_head::Head;
use crate::domain::audit::report_totals::matched_names;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::entry::Entry;
use crate::domain::feed::proof::{consistency_proof, inclusion_proof};
use crate::domain::note::key::VerifierKey;
use crate::node::Node;
use crate::node::commit::{Commit, change};
use crate::node::feeds::Feed;
use crate::node::keys;
use crate::node::state::{damaged, read_entry};
use crate::node::store::{Journal, RecordNumber, StorageFault, Views};

/// Entries looked through in one step of a search.
const SEARCHED: usize = 1_000;

/// Records in one step, each with the proofs of up to 16 indicators: some milliseconds.
const REPORTED: usize = 50;

/// Leaves in one step.
const LEAVES: usize = 1_000;

/// A search for the entries of a period. Times rise with the log but for records written late, so that it begins and ends some
/// minutes beside ([`limits::evidence::LATE_RECORD_S`]).
#[derive(Debug, Clone)]
pub struct Search {
    period: AuditPeriod,
    /// Size of the log that is searched.
    size: TreeSize,
    next: TreeSize,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// For the first record of the period; the newest one seen before it.
    Beginning {
        before: Option<u64>,
    },
    /// For the first record after it; the oldest one seen with none of the period behind it.
    End {
        first: u64,
        after: Option<u64>,
    },
    Done {
        first: u64,
        end: u64,
    },
}

/// A search that has ended: the neighbour before the period, the period, the neighbour after it.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    period: AuditPeriod,
    size: TreeSize,
    pub first: TreeSize,
    pub end: TreeSize,
}

/// The first line of a report, and what the further steps need.
#[derive(Debug, Clone)]
pub struct Reported {
    pub header: Header,
    /// Feeds in the order of the header, and the size each is proved against.
    pub feeds: Vec<(FeedId, TreeSize)>,
}

/// A record with the indicators proved with it.
#[derive(Debug, Clone)]
pub struct ReportedRecord {
    pub index: EntryIndex,
    pub entry: Entry,
    /// What it says; none where retention took it.
    pub record: Option<AuditRecord>,
    pub matched: Vec<Matched>,
}

impl Search {
    /// What was found, once it has ended.
    pub fn found(&self) -> Option<Found> {
        let Stage::Done { first, end } = self.stage else { return None };
        let (first, end) = (TreeSize(first), TreeSize(end));
        Some(Found { period: self.period, size: self.size, first, end })
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Begins to search the durable log.
    pub fn search_period(&self, period: AuditPeriod) -> Result<Search, StorageFault> {
        let size = self.state.audit.durable_size;
        let early = earlier(period.from());
        let next = self.place_before(early, TreeSize::EMPTY, size)?;
        Ok(Search { period, size, next, stage: Stage::Beginning { before: None } })
    }

    /// Looks through some further entries.
    pub fn search_on(&self, mut search: Search) -> Result<Search, StorageFault> {
        let entries = self.entries(&self.state.audit, search.next, search.size, SEARCHED)?;
        for (entry, index) in entries.iter().zip(search.next.0..) {
            search.next = TreeSize(index.saturating_add(1));
            let Ok(record) = AuditRecord::decode(&entry.blob) else { continue };
            let time = record.time();
            match search.stage {
                Stage::Beginning { .. } if time < search.period.from() => {
                    search.stage = Stage::Beginning { before: Some(index) };
                }
                Stage::Beginning { before } => {
                    let first = before.unwrap_or(0);
                    let until = earlier(search.period.until());
                    search.next = self.place_before(until, TreeSize(first), search.size)?;
                    search.stage = Stage::End { first, after: None };
                    return Ok(search);
                }
                Stage::End { first, after } => {
                    let until = search.period.until();
                    let after = if time < until { None } else { after.or(Some(index)) };
                    let late = until.plus_s(limits::evidence::LATE_RECORD_S);
                    search.stage = match after.filter(|_| time >= late) {
                        Some(after) => Stage::Done { first, end: after.saturating_add(1) },
                        None => Stage::End { first, after },
                    };
                }
                Stage::Done { .. } => return Ok(search),
            }
        }
        if search.next >= search.size {
            let size = search.size.0;
            search.stage = match search.stage {
                Stage::Beginning { before } => Stage::Done { first: before.unwrap_or(0), end: size },
                Stage::End { first, after } => {
                    Stage::Done { first, end: after.map_or(size, |after| after.saturating_add(1)) }
                }
                done @ Stage::Done { .. } => done,
            };
        }
        Ok(search)
    }

    /// The place of a record before `moment`, as late as a search by halves finds one; `low` where it finds none.
    fn place_before(&self, moment: Timestamp, low: TreeSize, size: TreeSize) -> Result<TreeSize, StorageFault> {
        let (mut low, mut high) = (low.0, size.0);
        while high.saturating_sub(low) > 64 {
            let middle = low + (high - low) / 2;
            match self.readable_from(TreeSize(middle), TreeSize(high))? {
                Some((index, time)) if time < moment => low = index,
                Some(_) | None => high = middle,
            }
        }
        Ok(TreeSize(low))
    }

    /// The first record in `[from, until)` that retention has left.
    fn readable_from(&self, from: TreeSize, until: TreeSize) -> Result<Option<(u64, Timestamp)>, StorageFault> {
        let (mut next, mut some) = (from, 8);
        while next < until {
            let entries = self.entries(&self.state.audit, next, until, some)?;
            let times = entries.iter().map(|entry| AuditRecord::decode(&entry.blob).ok().map(|record| record.time()));
            if let Some(found) = times.zip(next.0..).find_map(|(time, index)| Some((index, time?))) {
                return Ok(Some(found));
            }
            let seen = u64::try_from(entries.len()).unwrap_or(u64::MAX);
            (next, some) = (TreeSize(next.0.saturating_add(seen.max(1))), SEARCHED);
        }
        Ok(None)
    }

    /// Records that the report is made, and by whom; the place of that record.
    pub fn record_report(
        &mut self,
        caller: &Actor,
        found: &Found,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<EntryIndex, StorageFault> {
        let made = self.state.audit.size().next_index();
        let Found { period, size, first, end } = *found;
        let event = AuditEvent::AuditReported { period, first: first.next_index(), end, size };
        self.record(caller, vec![event], now, rng)?;
        Ok(made)
    }

    /// The first line of the report, once its own record is durable.
    pub fn begin_report(&self, found: &Found, made: EntryIndex, now: Timestamp) -> Result<Reported, StorageFault> {
        let head = self.audit_head(now)?;
        let log = &self.state.audit;
        let unusable = |fault| damaged("report", fault);
        let keys = LogKeys::parse(&head.verifier_key, &head.witness_keys).map_err(unusable)?;
        let joined = |size| self.consistency(log, size, head.size);
        let witnessed = head.witnessed.as_ref().filter(|(size, _)| *size > TreeSize::EMPTY);
        let witnessed =
            witnessed.map(|(size, note)| Ok::<_, StorageFault>((note.clone(), joined(*size)?))).transpose()?;
        // A note that nobody else cosigned under these keys joins nothing.
        let witnessed = witnessed.filter(|(note, _)| {
            let earlier = keys.trim(note).and_then(|note| keys.checkpoint(&note));
            earlier.is_ok_and(|earlier| keys.witnesses_of(&earlier).is_some())
        });
        let entry = self.entries(log, TreeSize(made.0), head.size, 1)?.pop();
        let entry = entry.ok_or_else(|| damaged("report", "its own record is not there"))?;
        let inclusion = self
            .hashes(log, |source| inclusion_proof(source, made, head.size))
            .ok_or_else(|| self.doubt("a tile is missing"))?;
        let mut heads = Vec::new();
        let mut feeds = Vec::new();
        for feed in self.state.feeds.values() {
            if let Some((size, head)) = self.feed_head(feed)? {
                feeds.push((feed.id().clone(), size));
                heads.push(head);
            }
        }
        let run = self.run(log, (found.first, found.end), head.size)?;
        let log = Head { keys, checkpoint: head.checkpoint, witnessed };
        let made = (made, read_entry(&entry)?, inclusion);
        Ok(Reported { header: Header { period: found.period, log, made, run, feeds: heads }, feeds })
    }

    /// Records from `from` on, some at a time.
    pub fn report_records(
        &self,
        found: &Found,
        feeds: &[(FeedId, TreeSize)],
        from: TreeSize,
    ) -> Result<Vec<ReportedRecord>, StorageFault> {
        let entries = self.entries(&self.state.audit, from, found.end, REPORTED)?;
        let placed = entries.into_iter().zip(from.0..);
        let reported = placed.map(|(stored, index)| {
            let index = EntryIndex(index);
            let record = AuditRecord::decode(&stored.blob).ok();
            let decided = record.as_ref().filter(|record| record.action() == "screening.decided");
            let matched = match decided.filter(|record| found.period.contains(record.time())) {
                Some(record) => self.matched_of(index, record, feeds)?,
                None => Vec::new(),
            };
            Ok(ReportedRecord { index, entry: read_entry(&stored)?, record, matched })
        });
        reported.collect()
    }

    /// The indicators a decision's record names, as far as they can be proved.
    fn matched_of(
        &self,
        index: EntryIndex,
        record: &AuditRecord,
        feeds: &[(FeedId, TreeSize)],
    ) -> Result<Vec<Matched>, StorageFault> {
        let named: Vec<&str> = matched_names(record).collect();
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let Some(detailed) = self.detailed(index, record.subject())? else { return Ok(Vec::new()) };
        let detail = detailed.read(|_| false)?;
        let mut matched: Vec<Matched> = Vec::new();
        let mut proved = Vec::new();
        for place in &detail.decision.indicators {
            if !named.contains(&place.name.as_str()) || proved.contains(&&place.name) {
                continue;
            }
            let at = feeds.iter().position(|(feed, _)| feed.origin(&self.state.identity.consortium) == place.feed);
            let Some((nth, (id, size))) = at.and_then(|nth| Some((nth, feeds.get(nth)?))) else { continue };
            let Some(feed) = self.state.feeds.get(id).filter(|_| place.index < size.0) else { continue };
            let at = EntryIndex(place.index);
            let Some(entry) = self.entries(feed, TreeSize(at.0), *size, 1)?.pop() else { continue };
            let inclusion = self
                .hashes(feed, |source| inclusion_proof(source, at, *size))
                .ok_or_else(|| self.doubt("a tile is missing"))?;
            let leaf = *read_entry(&entry)?.leaf_bytes();
            proved.push(&place.name);
            matched.push(Matched { feed: nth, index: at, leaf, inclusion });
        }
        Ok(matched)
    }

    /// What of an own feed was appended in the period: first index, and the one after the last.
    pub fn appended_in(&self, feed: &FeedId, period: &AuditPeriod) -> Result<(TreeSize, TreeSize), StorageFault> {
        let Some(held) = self.state.feeds.get(feed) else { return Ok((TreeSize::EMPTY, TreeSize::EMPTY)) };
        let from = self.appended_before(held, period.from())?;
        Ok((from, self.appended_before(held, period.until())?.max(from)))
    }

    /// Entries of a feed that were appended here before `moment`: the journal has the time of each run.
    fn appended_before(&self, feed: &Feed, moment: Timestamp) -> Result<TreeSize, StorageFault> {
        let (mut low, mut high) = (0, feed.durable_size.0);
        while low < high {
            let middle = low + (high - low) / 2;
            let (time, first, end) = self.run_at(feed, EntryIndex(middle))?;
            if time < moment { low = end } else { high = first }
        }
        Ok(TreeSize(low))
    }

    /// When the run that holds an entry was appended, its first entry and the one after its last.
    fn run_at(&self, feed: &Feed, index: EntryIndex) -> Result<(Timestamp, u64, u64), StorageFault> {
        let runs = self.rows(&keys::run(&feed.origin, index), &keys::runs_end(&feed.origin), 1)?;
        let record = runs.first().and_then(|(_, value)| keys::read_run_value(value));
        let Some((record, first)) = record else { return Err(self.doubt("no record holds an entry")) };
        let commit = match self.journal.read(RecordNumber(record)) {
            Err(fault @ StorageFault::NoRecord(_)) => return Err(self.doubt(fault)),
            read => Commit::from_bytes(&read?)?,
        };
        let run = commit.changes.into_iter().find_map(|change| match change.kind {
            Some(change::Kind::Appended(run)) if run.origin == feed.origin && run.first_index == first.0 => Some(run),
            _ => None,
        });
        let run = run.ok_or_else(|| self.doubt("a run is not where they say"))?;
        let entries = u64::try_from(run.entries.len()).unwrap_or(u64::MAX);
        Ok((Timestamp::from_unix_ms(run.time_ms), first.0, first.0.saturating_add(entries)))
    }

    /// A run of a feed, joined to the head it is proved against; none where that does not reach so far.
    pub fn report_run(
        &self,
        (feed, size): &(FeedId, TreeSize),
        (from, end): (TreeSize, TreeSize),
    ) -> Result<Option<Run>, StorageFault> {
        let held = self.state.feeds.get(feed).filter(|_| from <= end && end <= *size);
        held.map(|held| self.run(held, (from, end), *size)).transpose()
    }

    /// Leaves of a feed, some at a time.
    pub fn report_leaves(&self, feed: &FeedId, from: TreeSize, end: TreeSize) -> Result<Vec<Vec<u8>>, StorageFault> {
        let Some(held) = self.state.feeds.get(feed) else { return Ok(Vec::new()) };
        Ok(self.entries(held, from, end, LEAVES)?.into_iter().map(|entry| entry.leaf).collect())
    }

    fn run(&self, feed: &Feed, (from, end): (TreeSize, TreeSize), size: TreeSize) -> Result<Run, StorageFault> {
        let before = self.hashes(feed, |source| range_of(source, from));
        let before = before.ok_or_else(|| self.doubt("a tile is missing"))?;
        Ok(Run { before, end, consistency: self.consistency(feed, end, size)? })
    }

    fn consistency(
        &self,
        feed: &Feed,
        old: TreeSize,
        new: TreeSize,
    ) -> Result<Vec<crate::base::bytes::TreeHash>, StorageFault> {
        self.hashes(feed, |source| consistency_proof(source, old, new)).ok_or_else(|| self.doubt("a tile is missing"))
    }

    /// The newest head of a feed that covers what is durable, beside the newest one that enough members cosigned. None where it is
    /// empty, or its author signed two histories: then no head proves anything.
    fn feed_head(&self, feed: &Feed) -> Result<Option<(TreeSize, Head)>, StorageFault> {
        let cosigned = feed.quorum.cosigned.as_ref().map(|told| &told.checkpoint);
        let covered = |checkpoint: &&SignedCheckpoint| {
            TreeSize::EMPTY < checkpoint.size() && checkpoint.size() <= feed.durable_size
        };
        let newest = [feed.cursor.checkpoint.as_ref(), cosigned].into_iter().flatten().find(covered);
        let Some(newest) = newest.filter(|_| feed.equivocation.is_none()) else { return Ok(None) };
        let same_key = |earlier: &&SignedCheckpoint| {
            covered(earlier) && earlier.size() < newest.size() && earlier.author_key() == newest.author_key()
        };
        let earlier = cosigned.filter(same_key);
        let roster = &self.state.roster;
        let author = &feed.id().member;
        let own = roster.member(author).map(|member| member.witness_key.clone());
        let signed = |key: &VerifierKey| {
            let signers = [Some(newest), earlier];
            signers.into_iter().flatten().any(|checkpoint| checkpoint.cosigners().contains_key(key.name()))
        };
        let witnesses = own.into_iter().chain(roster.witness_keys(author)).filter(signed).collect();
        let keys = LogKeys::of_feed(newest.author_key().clone(), witnesses);
        let keys = keys.map_err(|fault| damaged("report", fault))?;
        let is_witnessed = |earlier: &&SignedCheckpoint| keys.witnesses_of(earlier).is_some();
        let witnessed = match earlier.filter(is_witnessed) {
            Some(earlier) => Some((earlier.note_text(), self.consistency(feed, earlier.size(), newest.size())?)),
            None => None,
        };
        let head = Head { keys, checkpoint: newest.note_text(), witnessed };
        Ok(Some((newest.size(), head)))
    }
}

/// From where on a record of `moment` is looked for.
fn earlier(moment: Timestamp) -> Timestamp {
    Timestamp::from_unix_ms(moment.unix_ms().saturating_sub(limits::evidence::LATE_RECORD_S * 1_000))
}
