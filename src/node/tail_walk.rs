//! A snapshot's belief brought up to date by the journal's tail, so that checkouts are answered before the store is open.
//!
//! A light walk: of each record only what changes answers, through the same functions as the full replay: entries are judged by
//! the same roster, quotas and room, so that what does not count later does not count early. Nothing else of the node exists
//! yet, nothing is signed, charged or acknowledged from here, and nothing is verified that the full replay will not verify
//! again; where that finds damage, what stands here is dropped with the process.

use std::collections::BTreeMap;

use crate::base::name::{FeedId, MemberId};
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::belief::Belief;
use crate::domain::exchange::quota::FeedQuota;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::roster::exclusion::Exclusions;
use crate::domain::roster::succession::RosterNote;
use crate::domain::roster::verified::Roster;
use crate::domain::screening::demands::Demands;
use crate::domain::screening::freshness::FeedSigned;
use crate::domain::screening::own_lists::{OwnListKey, OwnLists};
use crate::node::believe::{Allowances, Heard, believe};
use crate::node::commit::{Appended, Commit, Cosigned, Equivocated, Filled, RosterApplied, change};
use crate::node::cut::Cut;
use crate::node::feeds::{verifier_for, verify_stored};
use crate::node::list::change_listed;
use crate::node::open::check_clock;
use crate::node::quarantine::Quarantines;
use crate::node::state::{damaged, raise_quotas, read_entry};
use crate::node::status::{Signed, freshness_of};
use crate::node::store::StorageFault;
use crate::node::witness::is_audit;

/// Belief on its way from a snapshot to now.
#[derive(Debug)]
pub struct TailWalk<'a> {
    belief: Belief,
    roster: &'a Roster,
    feeds: BTreeMap<FeedId, WalkedFeed>,
    quotas: BTreeMap<MemberId, u32>,
    exclusions: Exclusions,
    lists: OwnLists,
    quarantines: Quarantines,
    now: Timestamp,
    /// The newest moment any record told of.
    written_at: Timestamp,
}

#[derive(Debug, Default)]
struct WalkedFeed {
    signed: Signed,
    quota: FeedQuota,
}

/// What checkouts are answered with until the store is open.
#[derive(Debug)]
pub struct Walked {
    pub belief: Belief,
    pub feeds: Vec<FeedSigned>,
    pub lists: OwnLists,
    pub demands: Demands,
}

impl<'a> TailWalk<'a> {
    /// `belief` and `cut` come from one snapshot.
    pub fn new(belief: Belief, cut: Cut, roster: &'a Roster, lists: OwnListKey, now: Timestamp) -> Self {
        let feeds = cut.feeds.into_iter().map(|feed| {
            let signed = Signed { signed_at: feed.signed_at, complete: feed.complete, quarantined: feed.quarantined };
            (feed.feed, WalkedFeed { signed, quota: feed.quota })
        });
        let mut lists = OwnLists::new(lists);
        for (list, name, listing) in cut.listed.iter() {
            lists.put(*list, *name, listing.clone());
        }
        Self {
            belief,
            roster,
            feeds: feeds.collect(),
            quotas: cut.quotas,
            exclusions: cut.exclusions,
            quarantines: cut.held_back.into_iter().collect(),
            lists,
            now,
            written_at: cut.taken_at,
        }
    }

    /// Takes the next record behind the cut.
    pub fn take(&mut self, record: &[u8]) -> Result<(), StorageFault> {
        for kind in Commit::from_bytes(record)?.kinds() {
            match kind {
                change::Kind::Appended(appended) => self.appended(appended)?,
                change::Kind::Filled(filled) => self.filled(filled)?,
                change::Kind::Equivocated(equivocated) => self.equivocated(equivocated)?,
                change::Kind::Cosigned(cosigned) => self.cosigned(cosigned)?,
                change::Kind::Quarantined(raised) => self.quarantines.raise(raised)?,
                change::Kind::QuarantineDecided(decided) => self.quarantines.decide(decided)?,
                change::Kind::Listed(listed) => change_listed(&mut self.lists, listed)?,
                change::Kind::Roster(applied) => self.roster(applied)?,
                change::Kind::Opened(_)
                | change::Kind::Prepared(_)
                | change::Kind::Audited(_)
                | change::Kind::Budget(_)
                | change::Kind::Recovered(_)
                | change::Kind::AuditWitnessed(_)
                | change::Kind::OutcomeLearnt(_)
                | change::Kind::SightingRead(_)
                | change::Kind::CaseOpened(_)
                | change::Kind::CaseStepped(_)
                | change::Kind::ChallengeChanged(_)
                | change::Kind::ErasureAsked(_)
                | change::Kind::ErasureConfirmed(_)
                | change::Kind::DecisionDetailed(_)
                | change::Kind::UserChanged(_)
                | change::Kind::UserRemoved(_)
                | change::Kind::Policy(_)
                | change::Kind::HoldPlaced(_)
                | change::Kind::HoldStepped(_) => {}
            }
        }
        Ok(())
    }

    /// What may be answered now, as member `own`. `limit_s` stands in for the roster's limit of freshness.
    pub fn finish(self, own: &MemberId, limit_s: Option<u64>) -> Result<Walked, StorageFault> {
        check_clock(self.written_at, self.now)?;
        self.belief.writer().expire(self.now.day());
        self.belief.writer().set_brake(self.quarantines.brake());
        let signed = self.feeds.into_iter().map(|(feed, walked)| (feed, walked.signed));
        let feeds = freshness_of(self.roster, own, signed, limit_s, self.now);
        let demands = Demands::of(self.roster, &self.exclusions);
        Ok(Walked { belief: self.belief, feeds, lists: self.lists, demands })
    }

    fn appended(&mut self, appended: &Appended) -> Result<(), StorageFault> {
        let feed = self.feed(&appended.origin)?;
        let first_seen = Timestamp::from_unix_ms(appended.time_ms);
        if self.written_at.day() < first_seen.day() {
            self.belief.writer().expire(first_seen.day());
        }
        self.written_at = self.written_at.max(first_seen);
        let mut heard = Vec::with_capacity(appended.entries.len());
        let mut size = TreeSize(appended.first_index);
        for stored in &appended.entries {
            let (index, entry) = (size.next_index(), read_entry(stored)?);
            size = TreeSize(size.0.saturating_add(1));
            let reckoned_to = stored.reckoned_to.map(Day);
            heard.push(Heard { feed: feed.clone(), index, entry, first_seen, place: None, reckoned_to });
        }
        let has_all = heard.iter().all(|heard| heard.entry.content().is_some());
        self.believe(&feed, &heard);
        let checkpoint = verify_stored(self.roster, &feed, appended.checkpoint.as_bytes())
            .map_err(|error| damaged(&appended.origin, error))?;
        if checkpoint.size() == size {
            self.witness(&feed, &checkpoint);
        }
        let signed = &mut self.feeds.entry(feed).or_default().signed;
        // What explains a bare leaf is worked out by the full replay; until then the feed counts as incomplete, hence stale.
        signed.complete &= has_all;
        let signed_at = checkpoint.author_age_s(self.now).and(checkpoint.author_time());
        signed.signed_at = signed.signed_at.max(signed_at);
        Ok(())
    }

    fn filled(&mut self, filled: &Filled) -> Result<(), StorageFault> {
        let feed = self.feed(&filled.origin)?;
        let stored = filled.entry.as_ref().ok_or_else(|| damaged("filled entry", "empty"))?;
        let (index, first_seen) = (EntryIndex(filled.index), Timestamp::from_unix_ms(filled.time_ms));
        let (entry, reckoned_to) = (read_entry(stored)?, stored.reckoned_to.map(Day));
        let heard = Heard { feed: feed.clone(), index, entry, first_seen, place: None, reckoned_to };
        self.believe(&feed, &[heard]);
        Ok(())
    }

    fn equivocated(&mut self, equivocated: &Equivocated) -> Result<(), StorageFault> {
        let feed = self.feed(&equivocated.origin)?;
        if !is_audit(&feed) {
            self.belief.writer().set_quarantined(&feed.member, true);
            self.feeds.entry(feed).or_default().signed.quarantined = true;
        }
        Ok(())
    }

    fn cosigned(&self, cosigned: &Cosigned) -> Result<(), StorageFault> {
        let feed = self.feed(&cosigned.origin)?;
        if is_audit(&feed) {
            return Ok(());
        }
        let note = cosigned.note.as_bytes();
        let checkpoint = verifier_for(self.roster, &feed, note)
            .and_then(|verifier| SignedCheckpoint::verify(note, &verifier))
            .map_err(|error| damaged(&cosigned.origin, error))?;
        self.witness(&feed, &checkpoint);
        Ok(())
    }

    /// Rosters of before that a node makes up for; the snapshot was taken under the one in force.
    fn roster(&mut self, applied: &RosterApplied) -> Result<(), StorageFault> {
        if applied.version > self.roster.version() {
            return Err(StorageFault::RosterBehind { found: self.roster.version(), followed: applied.version });
        }
        let note = RosterNote::parse(&applied.note).map_err(|error| damaged("roster", error))?;
        raise_quotas(&mut self.quotas, note.content());
        Ok(())
    }

    /// Entries below a checkpoint that enough members cosigned count fully. It covers nothing that is not held.
    fn witness(&self, feed: &FeedId, checkpoint: &SignedCheckpoint) {
        let quorum = usize::try_from(self.roster.limits().witness_quorum).unwrap_or(usize::MAX);
        if quorum > 0
            && checkpoint.witness_count() >= quorum
            && let Ok(number) = self.belief.writer().feed(feed)
        {
            self.belief.set_witnessed(number, checkpoint.size());
        }
    }

    fn believe(&mut self, feed: &FeedId, entries: &[Heard]) {
        let mut allowances = Allowances::new(self.roster, &self.quotas);
        let quota = &mut self.feeds.entry(feed.clone()).or_default().quota;
        for heard in entries {
            // What does not count is noted, and told of, by the full replay.
            let _doubt = believe(&mut self.belief.writer(), quota, &mut allowances, heard);
        }
    }

    fn feed(&self, origin: &str) -> Result<FeedId, StorageFault> {
        FeedId::from_origin(self.roster.consortium(), origin).map_err(|error| damaged("origin", error))
    }
}
