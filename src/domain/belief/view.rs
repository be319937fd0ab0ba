//! The readers' side: a view of table, chunks and parties, refreshed when it turns out to be outdated. Never waits.

use std::sync::Arc;

use arc_swap::Guard;

use crate::base::bytes::{Commitment, Pseudonym};
use crate::base::epoch::EpochId;
use crate::base::kind::IdentifierKind;
use crate::base::limits::{RECORDS_PER_LOOKUP, STATEMENTS_PER_REPORTER};
use crate::base::name::{FeedId, MemberId};
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::belief::Belief;
use crate::domain::belief::brake::Brake;
use crate::domain::belief::disputes::Disputed;
use crate::domain::belief::parties::{FeedNumber, MemberNumber, Parties};
use crate::domain::belief::place::{Place, TableKey, Words, bytes_of, words_of};
use crate::domain::belief::record::{RecordNumber, State};
use crate::domain::belief::slab::{Chunk, Head};
use crate::domain::belief::table::Segment;

/// Everything readers reach, swapped as a whole when something is added or retired; entries change in place.
#[derive(Debug, Clone)]
pub(super) struct Roots {
    pub(super) segments: Arc<[Arc<Segment>]>,
    pub(super) chunks: Arc<[Option<Arc<Chunk>>]>,
    pub(super) parties: Arc<Parties>,
    pub(super) brake: Arc<Brake>,
}

/// The view is older than what it met.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outdated;

impl Roots {
    pub(super) fn chunk(&self, record: RecordNumber) -> Result<&Arc<Chunk>, Outdated> {
        match self.chunks.get(record.chunk()) {
            Some(Some(chunk)) if !chunk.is_retired() => Ok(chunk),
            _ => Err(Outdated),
        }
    }

    fn statement(&self, head: &Head, sealed: Box<[u8]>) -> Result<Option<Statement>, Outdated> {
        let Some(state) = head.link.state else { return Ok(None) };
        let lane = self.parties.lane(head.link.lane).ok_or(Outdated)?;
        let feed = self.parties.feed(lane.feed).ok_or(Outdated)?;
        let (index, first_seen) = (head.origin.index(), head.origin.first_seen());
        let commitment = Commitment(bytes_of(&head.commitment));
        let held_back = self.brake.holds_back(&feed.id.member, head.link.kind, first_seen);
        Ok(Some(Statement {
            pseudonym: Pseudonym(bytes_of(&head.pseudonym)),
            commitment,
            feed: lane.feed,
            reporter: feed.member,
            index,
            kind: head.link.kind,
            epoch_id: lane.epoch,
            state,
            provisional: held_back || self.parties.is_provisional(feed, index),
            quarantined: feed.is_quarantined(),
            braked: self.brake.indicators.contains(&commitment),
            first_seen,
            sealed,
        }))
    }

    fn speaker(&self, record: RecordNumber) -> Result<Option<MemberNumber>, Outdated> {
        let link = self.chunk(record)?.link(record.place());
        if link.state.is_none() {
            return Ok(None);
        }
        let lane = self.parties.lane(link.lane).ok_or(Outdated)?;
        self.parties.feed(lane.feed).map(|feed| Some(feed.member)).ok_or(Outdated)
    }

    pub(super) fn statement_at(&self, record: RecordNumber) -> Result<Option<Statement>, Outdated> {
        match self.chunk(record)?.read(record.place()) {
            (head, Some(sealed)) => self.statement(&head, sealed),
            (_, None) => Ok(None),
        }
    }

    pub(super) fn first_record(&self, words: &Words, place: Place) -> Result<Option<RecordNumber>, Outdated> {
        let found = self.segments[place.segment()]
            .find(place, |record| Ok(self.chunk(record)?.pseudonym(record.place()) == *words))?;
        Ok(found.map(|slot| slot.record))
    }

    /// Fills `listed` up to `limit`; whether more may follow.
    fn list(
        &self,
        reporter: &MemberId,
        position: &mut ListPosition,
        limit: usize,
        listed: &mut Vec<Statement>,
    ) -> Result<bool, Outdated> {
        let Some(reporter) = self.parties.member_number(reporter) else { return Ok(false) };
        while let Some(chunk) = self.chunks.get(position.chunk) {
            let places = chunk.as_ref().map_or(0, |chunk| chunk.places());
            while position.place < places {
                if listed.len() >= limit {
                    return Ok(true);
                }
                if let Some(record) = RecordNumber::new(position.chunk, position.place) {
                    // The link alone tells whose it is: other members' payloads are not copied only to be passed over.
                    if self.speaker(record)? == Some(reporter) {
                        listed.extend(self.statement_at(record)?);
                    }
                }
                position.place += 1;
            }
            *position = ListPosition { chunk: position.chunk + 1, place: 0 };
        }
        Ok(false)
    }

    fn statements(&self, words: &Words, place: Place) -> Result<Vec<Statement>, Outdated> {
        let mut next = self.first_record(words, place)?;
        let mut statements: Vec<Statement> = Vec::new();
        for _ in 0..RECORDS_PER_LOOKUP {
            let Some(record) = next else { break };
            let link = self.chunk(record)?.link(record.place());
            next = link.next;
            if statements.len() >= STATEMENTS_PER_REPORTER && self.has_enough(&statements, record)? {
                continue;
            }
            statements.extend(self.statement_at(record)?);
        }
        Ok(statements)
    }

    /// Whether its reporter is heard often enough already in the state of this record.
    fn has_enough(&self, statements: &[Statement], record: RecordNumber) -> Result<bool, Outdated> {
        let state = self.chunk(record)?.link(record.place()).state;
        let Some(speaker) = self.speaker(record)? else { return Ok(true) };
        let heard = statements.iter().filter(|held| held.reporter == speaker && Some(held.state) == state);
        Ok(heard.count() >= STATEMENTS_PER_REPORTER)
    }
}

/// Where a listing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListPosition {
    chunk: usize,
    place: usize,
}

impl ListPosition {
    /// As one number, for a page token.
    pub fn token(self) -> u64 {
        let position = self.chunk * RecordNumber::PLACES + self.place;
        u64::try_from(position).expect("a position fits 64 bits")
    }

    /// From a page token; any number is a position, one beyond the end lists nothing.
    pub fn from_token(token: u64) -> Self {
        let position = usize::try_from(token).unwrap_or(usize::MAX);
        Self { chunk: position / RecordNumber::PLACES, place: position % RecordNumber::PLACES }
    }
}

/// One statement about a pseudonym, copied out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub pseudonym: Pseudonym,
    /// Names it: `members/{reporter}/indicators/{commitment}`.
    pub commitment: Commitment,
    pub feed: FeedNumber,
    pub reporter: MemberNumber,
    pub index: EntryIndex,
    pub kind: IdentifierKind,
    pub epoch_id: EpochId,
    pub state: State,
    /// Too few witnesses cosigned its feed so far, or its member floods.
    pub provisional: bool,
    /// Its feed signed two histories: the statement does not count.
    pub quarantined: bool,
    /// This node holds it back: it is shown and does not count.
    pub braked: bool,
    /// When this node first held it, to the second.
    pub first_seen: Timestamp,
    /// The sealed payload, nonce in front.
    pub sealed: Box<[u8]>,
}

/// What a reader holds during one screening or one batch of them. Entries applied meanwhile may show or not.
pub struct View<'a> {
    belief: &'a Belief,
    roots: Guard<Arc<Roots>>,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("View")
    }
}

impl<'a> View<'a> {
    pub(super) fn new(belief: &'a Belief) -> Self {
        Self { belief, roots: belief.roots.load() }
    }

    fn key(&self) -> &TableKey {
        &self.belief.key
    }

    /// All statements of a pseudonym, retracted ones included, in no order. Allocates only on a hit.
    pub fn statements(&mut self, pseudonym: &Pseudonym) -> Vec<Statement> {
        let words = words_of(pseudonym.as_bytes());
        let place = Place::of(&words, self.key());
        loop {
            match self.roots.statements(&words, place) {
                Ok(statements) => return statements,
                // The writer published its change before the pointer we met, so a fresh view holds it.
                Err(Outdated) => self.roots = self.belief.roots.load(),
            }
        }
    }

    /// Starts loading the lines that look-ups of these pseudonyms will need, so that the misses overlap.
    pub fn prepare<'p>(&self, pseudonyms: impl IntoIterator<Item = &'p Pseudonym>) {
        let mut touched = 0;
        for pseudonym in pseudonyms {
            let place = Place::of(&words_of(pseudonym.as_bytes()), self.key());
            touched ^= self.roots.segments[place.segment()].touch(place);
        }
        std::hint::black_box(touched);
    }

    /// Statements of one member in the order they are kept, from a position on; with the position to go on from, none at
    /// the end. Listing while indicators expire may repeat or miss a row: list again until nothing is due.
    pub fn reported_by(
        &mut self,
        reporter: &MemberId,
        from: ListPosition,
        limit: usize,
    ) -> (Vec<Statement>, Option<ListPosition>) {
        let mut listed = Vec::new();
        let mut position = from;
        loop {
            match self.roots.list(reporter, &mut position, limit, &mut listed) {
                Ok(more) => return (listed, more.then_some(position)),
                Err(Outdated) => self.roots = self.belief.roots.load(),
            }
        }
    }

    /// The member behind a number this view gave out.
    pub fn member(&self, member: MemberNumber) -> Option<&MemberId> {
        self.roots.parties.member(member)
    }

    /// The number of a member that has a feed here.
    pub fn member_number(&self, member: &MemberId) -> Option<MemberNumber> {
        self.roots.parties.member_number(member)
    }

    /// The feed behind a number this view gave out.
    pub fn feed(&self, feed: FeedNumber) -> Option<&FeedId> {
        self.roots.parties.feed(feed).map(|row| &row.id)
    }

    /// How an indicator stands with those who dispute it; none where nobody does.
    pub fn disputed(&self, indicator: &Commitment) -> Option<Arc<Disputed>> {
        self.belief.disputed.load().get(indicator).cloned()
    }

    /// When a statement was last spoken of: its arrival, or a later sighting or dispute.
    pub fn last_seen(&self, statement: &Statement) -> Timestamp {
        let mentioned = self.belief.mentions.last_seen(&statement.commitment);
        mentioned.map_or(statement.first_seen, |seen| seen.max(statement.first_seen))
    }
}
