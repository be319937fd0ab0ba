//! The writer's side: what each entry changes, one batch at a time, while readers go on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};

use crate::base::bytes::{Commitment, Pseudonym};
use crate::base::epoch::EpochId;
use crate::base::limits::{KEPT_DAYS, STATEMENTS_PER_PSEUDONYM, VALIDITY_DAYS};
use crate::base::name::{FeedId, MemberId};
use crate::base::time::Day;
use crate::domain::belief::brake::Brake;
use crate::domain::belief::disputes::Disputes;
use crate::domain::belief::facts::Facts;
use crate::domain::belief::names::Names;
use crate::domain::belief::parties::{FeedNumber, FeedRow, MemberNumber};
use crate::domain::belief::place::{Place, SEGMENTS, Words, bytes_of, words_of};
use crate::domain::belief::record::{LaneNumber, Link, Origin, RecordNumber, State, blocks_of};
use crate::domain::belief::said::{BeliefFull, Effect, Retraction, Said, SaidContent};
use crate::domain::belief::slab::{Chunk, Head};
use crate::domain::belief::view::{Roots, Statement};
use crate::domain::belief::{Belief, Memory, Witnessing};

pub(super) const HELD: &str = "the writer's own roots hold everything its tables point to";

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SegmentRow {
    pub(super) used: usize,
    pub(super) live: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkRow {
    pub(super) blocks: usize,
    /// The next place to give out; places are never given out twice.
    pub(super) next_place: usize,
    pub(super) live: usize,
    /// No record of the chunk expires earlier.
    pub(super) earliest: Day,
}

/// What only the writer knows.
#[derive(Debug)]
pub(super) struct WriterState {
    pub(super) roots: Arc<Roots>,
    pub(super) segments: Vec<SegmentRow>,
    pub(super) chunks: Vec<Option<ChunkRow>>,
    /// The chunk that takes the next record of each payload length.
    pub(super) open: BTreeMap<usize, usize>,
    pub(super) names: Names,
    pub(super) facts: Facts,
    pub(super) disputes: Disputes,
    /// Records that were removed or moved so far: an image taken meanwhile is not whole.
    pub(super) removals: u64,
}

impl WriterState {
    /// `names`: room for so many in each segment.
    pub(super) fn new(roots: Arc<Roots>, names: usize) -> Self {
        Self {
            roots,
            segments: vec![SegmentRow::default(); SEGMENTS],
            chunks: Vec::new(),
            open: BTreeMap::new(),
            names: Names::with_room_for(names),
            facts: Facts::default(),
            disputes: Disputes::default(),
            removals: 0,
        }
    }
}

/// The one writer, for as long as it is held.
#[derive(Debug)]
pub struct Writer<'a> {
    pub(super) belief: &'a Belief,
    pub(super) state: MutexGuard<'a, WriterState>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(belief: &'a Belief, state: MutexGuard<'a, WriterState>) -> Self {
        Self { belief, state }
    }

    /// The number of a feed, new ones included.
    pub fn feed(&mut self, feed: &FeedId) -> Result<FeedNumber, BeliefFull> {
        if let Some(number) = self.state.roots.parties.feed_number(feed) {
            return Ok(number);
        }
        let mut parties = self.state.roots.parties.as_ref().clone();
        let number = parties.add_feed(feed).ok_or(BeliefFull::Feeds)?;
        self.publish(|roots| roots.parties = Arc::new(parties));
        Ok(number)
    }

    /// Lets all feeds of a member stop counting, or count again; also feeds it opens later.
    pub fn set_quarantined(&mut self, member: &MemberId, quarantined: bool) {
        let mut parties = self.state.roots.parties.as_ref().clone();
        parties.set_quarantined(member, quarantined);
        self.publish(|roots| roots.parties = Arc::new(parties));
        self.belief.changes.note_all();
    }

    /// Holds back what stands in it, and nothing else.
    pub fn set_brake(&mut self, brake: Brake) {
        self.publish(|roots| roots.brake = Arc::new(brake));
        self.belief.changes.note_all();
    }

    /// Lets statements need witnesses from now on, or not: how far each feed is witnessed is kept either way.
    pub fn set_witnessing(&mut self, witnessing: Witnessing) {
        let mut parties = self.state.roots.parties.as_ref().clone();
        parties.witnessing = witnessing;
        self.publish(|roots| roots.parties = Arc::new(parties));
        self.belief.changes.note_all();
    }

    /// Indicators held of all feeds of a member, withdrawn ones included.
    pub fn held_of(&self, member: &MemberId) -> u64 {
        let feeds = self.state.roots.parties.feeds().filter(|(_, row)| row.id.member == *member);
        feeds.map(|(_, row)| row.held()).sum()
    }

    /// Takes in one verified entry. The caller has checked that its reporter is the member of its feed, and that its epoch
    /// is one of the roster.
    pub fn apply(&mut self, said: &Said<'_>) -> Result<Effect, BeliefFull> {
        // As long as what it speaks of can be held, and no longer because its author says so.
        let longest = Day(said.first_seen.day().0.saturating_add(KEPT_DAYS));
        let keep_until = said.expires_day.max(Day(said.first_seen.day().0.saturating_add(VALIDITY_DAYS))).min(longest);
        match said.content {
            SaidContent::Indicator { .. } => self.believe(said),
            SaidContent::Retraction { target, reason, hour, superseded_by } => {
                let retraction = Retraction { index: said.index, reason, hour, superseded_by };
                Ok(self.retract(said, target, retraction, keep_until))
            }
            SaidContent::Erasure { target } => Ok(self.erase(said, target, keep_until)),
            SaidContent::Mention { target } => {
                let speaker = self.feed_row(said.feed).member;
                let noted = self.belief.mentions.mention(&target, speaker, said.first_seen, keep_until);
                Ok(if noted { Effect::Noted } else { Effect::Crowded })
            }
            SaidContent::Dispute { target, step, reason, answers } => {
                let row = self.feed_row(said.feed);
                let (speaker, at) = (row.member, (row.id.clone(), said.index));
                self.belief.mentions.mention(&target, speaker, said.first_seen, keep_until);
                let noted = self.dispute(target, speaker, at, (step, reason, answers), said.first_seen, keep_until);
                Ok(if noted { Effect::Noted } else { Effect::Crowded })
            }
        }
    }

    /// Drops everything whose expiry day lies before `today`, and gives the memory of emptied chunks back.
    /// Returns how many indicators were dropped.
    pub fn expire(&mut self, today: Day) -> usize {
        let mut dropped = 0;
        for chunk in 0..self.state.chunks.len() {
            let is_due = self.state.chunks[chunk].is_some_and(|row| row.live > 0 && row.earliest < today);
            if is_due {
                dropped += self.expire_chunk(chunk, today);
            }
        }
        self.compact();
        let Self { belief, state } = self;
        let WriterState { facts, disputes, names, roots, .. } = &mut **state;
        facts.drop_before(today, |target| find(belief, names, roots, target).is_some());
        disputes.drop_before(today);
        // What expired is disputed no more, and makes room for the next.
        disputes.unsettled |= dropped > 0 && disputes.steps().next().is_some();
        belief.mentions.drop_before(today);
        dropped
    }

    /// The indicator of this name, retracted ones included.
    pub fn by_commitment(&self, commitment: &Commitment) -> Option<Statement> {
        let record = self.find(commitment)?;
        self.state.roots.statement_at(record).expect(HELD)
    }

    /// Whether an indicator of this name is held, and this member's.
    pub fn is_of(&self, commitment: &Commitment, member: &MemberId) -> bool {
        let author = self.find(commitment).map(|record| self.author(record));
        author.is_some() && author == self.state.roots.parties.member_number(member)
    }

    /// Its author's retraction of the indicator of this name.
    pub fn retraction(&self, commitment: &Commitment) -> Option<&Retraction> {
        let record = self.find(commitment)?;
        self.state.facts.retraction(commitment, self.author(record))
    }

    /// Bytes in use.
    pub fn memory(&self) -> Memory {
        let roots = &self.state.roots;
        let held = self.belief.held();
        Memory {
            records_bytes: roots.chunks.iter().flatten().map(|chunk| chunk.size_bytes()).sum(),
            table_bytes: roots.segments.iter().map(|segment| segment.size_bytes()).sum(),
            names_bytes: self.state.names.size_bytes(),
            facts_bytes: self.state.facts.size_bytes()
                + self.state.disputes.size_bytes()
                + self.belief.mentions.size_bytes(),
            indicators: held.live + held.retracted,
        }
    }

    fn believe(&mut self, said: &Said<'_>) -> Result<Effect, BeliefFull> {
        let SaidContent::Indicator { pseudonym, kind, sealed } = said.content else { return Ok(Effect::Noted) };
        let feed = self.feed_row(said.feed);
        if self.state.facts.is_erased(&said.commitment, feed.member) {
            return Ok(Effect::ErasedBefore);
        }
        let Some(blocks) = blocks_of(sealed.len()) else { return Ok(Effect::Unreadable) };
        let origin = Origin::new(said.index, said.first_seen).ok_or(BeliefFull::Index)?;
        let lane = self.lane(said.feed, &said.epoch_id)?;
        if let Some(record) = self.find(&said.commitment) {
            self.merge(record, said, lane, origin);
            return Ok(Effect::Known);
        }
        let words = words_of(pseudonym.as_bytes());
        if self.is_crowded(&words, feed.member) {
            return Ok(Effect::Crowded);
        }
        let is_retracted = self.state.facts.retraction(&said.commitment, feed.member).is_some();
        let state = if is_retracted { State::Retracted } else { State::Live };
        let head = Head {
            pseudonym: words,
            commitment: words_of(said.commitment.as_bytes()),
            link: Link { next: None, lane, kind, state: Some(state), expires: said.expires_day },
            origin,
        };
        let record = self.allocate(blocks, said.expires_day)?;
        self.link_in(record, head, sealed);
        counter(&feed, state).fetch_add(1, Ordering::Relaxed);
        self.unsettle(&said.commitment);
        Ok(match state {
            State::Live => {
                self.belief.changes.note(pseudonym);
                self.belief.changes.note_arrival(feed.member, kind);
                Effect::Believed
            }
            State::Retracted => Effect::HeldRetracted,
        })
    }

    /// Whether a member speaks of one pseudonym as often as it may. Whoever speaks of it next walks past all of it.
    fn is_crowded(&self, pseudonym: &Words, speaker: MemberNumber) -> bool {
        let place = Place::of(pseudonym, &self.belief.key);
        let mut next = self.state.roots.first_record(pseudonym, place).expect(HELD);
        let mut heard = 0;
        while let Some(record) = next {
            let (chunk, at) = self.place(record);
            let link = chunk.link(at);
            heard += usize::from(self.feed_of(link.lane).member == speaker);
            if heard >= STATEMENTS_PER_PSEUDONYM {
                return true;
            }
            next = link.next;
        }
        false
    }

    /// The same entry again, perhaps at another position of its author's feeds: the first position and sight stand.
    fn merge(&mut self, record: RecordNumber, said: &Said<'_>, lane: LaneNumber, origin: Origin) {
        let (chunk, place) = self.place(record);
        let (held, _) = chunk.read(place);
        let old_feed = self.feed_of(held.link.lane);
        let new_feed = self.feed_row(said.feed);
        let first_seen = held.origin.first_seen().min(origin.first_seen());
        let comes_first = (&new_feed.id, said.index) < (&old_feed.id, held.origin.index());
        let index = if comes_first { said.index } else { held.origin.index() };
        let expires = if comes_first { said.expires_day } else { held.link.expires };
        chunk.set_origin(place, Origin::new(index, first_seen).expect("both were held before"));
        if comes_first {
            chunk.set_link(place, Link { lane, expires, ..held.link });
            let state = held.link.state.expect("a held record is not vacant");
            counter(&old_feed, state).fetch_sub(1, Ordering::Relaxed);
            counter(&new_feed, state).fetch_add(1, Ordering::Relaxed);
            self.note_expiry(record.chunk(), expires);
        }
    }

    fn retract(&mut self, said: &Said<'_>, target: Commitment, retraction: Retraction, keep_until: Day) -> Effect {
        let speaker = self.feed_row(said.feed);
        let held = self.find(&target);
        if held.is_some_and(|record| self.author(record) != speaker.member) {
            return Effect::NotTheAuthor;
        }
        if held.is_none() && !self.state.facts.has_room(&target, speaker.member) {
            return Effect::Crowded;
        }
        let at = (speaker.id.clone(), said.index);
        self.state.facts.retract(target, speaker.member, at, retraction, keep_until);
        let Some(record) = held else { return Effect::Noted };
        let (chunk, place) = self.place(record);
        let link = chunk.link(place);
        match link.state.expect("a held record is not vacant") {
            State::Retracted => Effect::Known,
            State::Live => {
                let feed = self.feed_of(link.lane);
                chunk.set_link(place, Link { state: Some(State::Retracted), ..link });
                feed.live.fetch_sub(1, Ordering::Relaxed);
                feed.retracted.fetch_add(1, Ordering::Relaxed);
                self.belief.changes.note(self.pseudonym(record));
                self.unsettle(&target);
                Effect::Retracted
            }
        }
    }

    fn erase(&mut self, said: &Said<'_>, target: Commitment, keep_until: Day) -> Effect {
        let speaker = self.feed_row(said.feed).member;
        let held = self.find(&target);
        if held.is_some_and(|record| self.author(record) != speaker) {
            return Effect::NotTheAuthor;
        }
        if held.is_none() && !self.state.facts.has_room(&target, speaker) {
            return Effect::Crowded;
        }
        let was_known = self.state.facts.is_erased(&target, speaker);
        self.state.facts.erase(target, speaker, keep_until);
        match held {
            Some(record) => {
                let pseudonym = self.pseudonym(record);
                self.remove(record);
                self.belief.changes.note(pseudonym);
                self.unsettle(&target);
                Effect::Erased
            }
            None if was_known => Effect::Known,
            None => Effect::Noted,
        }
    }

    pub(super) fn pseudonym(&self, record: RecordNumber) -> Pseudonym {
        let (chunk, place) = self.place(record);
        Pseudonym(bytes_of(&chunk.pseudonym(place)))
    }

    /// What becomes of a disputed indicator changes which disputes count.
    fn unsettle(&mut self, target: &Commitment) {
        self.state.disputes.unsettled |= self.state.disputes.names(target);
    }

    /// Counts records of a feed that were loaded.
    pub(super) fn count_loaded(&self, feed: FeedNumber, live: u64, retracted: u64) {
        let feed = self.feed_row(feed);
        feed.live.fetch_add(live, Ordering::Relaxed);
        feed.retracted.fetch_add(retracted, Ordering::Relaxed);
    }

    fn lane(&mut self, feed: FeedNumber, epoch: &EpochId) -> Result<LaneNumber, BeliefFull> {
        if let Some(lane) = self.state.roots.parties.lane_number(feed, epoch) {
            return Ok(lane);
        }
        let mut parties = self.state.roots.parties.as_ref().clone();
        let lane = parties.add_lane(feed, *epoch).ok_or(BeliefFull::Feeds)?;
        self.publish(|roots| roots.parties = Arc::new(parties));
        Ok(lane)
    }

    pub(super) fn publish(&mut self, change: impl FnOnce(&mut Roots)) {
        let mut roots = self.state.roots.as_ref().clone();
        change(&mut roots);
        self.state.roots = Arc::new(roots);
        self.belief.roots.store(Arc::clone(&self.state.roots));
    }

    pub(super) fn place(&self, record: RecordNumber) -> (Arc<Chunk>, usize) {
        (Arc::clone(self.state.roots.chunk(record).expect(HELD)), record.place())
    }

    pub(super) fn find(&self, commitment: &Commitment) -> Option<RecordNumber> {
        find(self.belief, &self.state.names, &self.state.roots, commitment)
    }

    fn feed_row(&self, feed: FeedNumber) -> Arc<FeedRow> {
        Arc::clone(self.state.roots.parties.feed(feed).expect("feed numbers come from this belief"))
    }

    pub(super) fn feed_of(&self, lane: LaneNumber) -> Arc<FeedRow> {
        let lane = self.state.roots.parties.lane(lane).expect(HELD);
        self.feed_row(lane.feed)
    }

    fn author(&self, record: RecordNumber) -> MemberNumber {
        let (chunk, place) = self.place(record);
        self.feed_of(chunk.link(place).lane).member
    }
}

fn find(belief: &Belief, names: &Names, roots: &Roots, commitment: &Commitment) -> Option<RecordNumber> {
    let words = words_of(commitment.as_bytes());
    names.find(Place::of(&words, &belief.key), |record| {
        roots.chunk(record).expect(HELD).commitment(record.place()) == words
    })
}

pub(super) fn counter(feed: &FeedRow, state: State) -> &AtomicU64 {
    match state {
        State::Live => &feed.live,
        State::Retracted => &feed.retracted,
    }
}
