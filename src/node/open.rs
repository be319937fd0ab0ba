//! Opening: the journal is replayed, every feed checked against its checkpoint, the views brought up to date.

use rand::CryptoRng;
use rand::RngExt;

use crate::base::bytes::Incarnation;
use crate::base::limits;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::belief::place::TableKey;
use crate::domain::roster::succession::RosterNote;
use crate::domain::roster::verified::Roster;
use crate::node::Node;
use crate::node::commit::{Commit, FORMAT, Opened, RosterApplied, change};
use crate::node::compact::Housekeeping;
use crate::node::heads::Heads;
use crate::node::identity::Identity;
use crate::node::mark;
use crate::node::reserve::Guard;
use crate::node::room::RoomLeft;
use crate::node::rows::{Tending, of_views, rebuild};
use crate::node::state::{Settings, State, VIEW, damaged};
use crate::node::store::{Journal, RecordNumber, StorageFault, Views};

impl<J: Journal, V: Views> Node<J, V> {
    /// Opens a node on its store. A new store gets its first record here.
    pub fn open(
        identity: Identity,
        settings: Settings,
        roster: Roster,
        journal: J,
        mut views: V,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, StorageFault> {
        let mut state = State::new(identity, settings, roster, TableKey::draw(rng));
        let mut commit = Commit::default();
        let mut events = Vec::new();
        let is_new = journal.next_number() == RecordNumber(0);
        if is_new {
            views.clear().map_err(of_views)?;
            state.incarnation = Incarnation(rng.random());
            commit = first_commit(&state.identity, &state.roster, state.incarnation, now);
        } else {
            replay(&mut state, &journal, &mut views)?;
            verify_feeds(&state)?;
            check_clock(state.written_at, now)?;
            state.expire(now.day());
            if is_news(&state)? {
                let (note, version) = (state.roster.note().to_owned(), state.roster.version());
                commit.push(change::Kind::Roster(RosterApplied { note, version, time_ms: now.unix_ms() }));
                events.push(AuditEvent::RosterApplied { version, sha256: state.roster.sha256() });
            }
        }
        if !is_new && !state.stopped {
            events.push(unwritten(state.written_at, now));
        }
        let started = AuditEvent::NodeStarted { version: state.settings.version, incarnation: state.incarnation };
        let mut node = Self {
            state,
            journal,
            views,
            unsynced: None,
            stopped: false,
            due_in_views: Vec::new(),
            heads: Heads::new(),
            housekeeping: Housekeeping::new(now),
            tending: Tending::new(now),
            room_left: RoomLeft::new(now),
            guard: Guard::Off,
            acknowledged: false,
            is_new,
        };
        node.verify_audit()?;
        events.push(started);
        node.commit(commit, &Actor::Node, events, now, rng)?;
        node.sync()?;
        node.reconsider()?;
        node.state.feeds.values_mut().for_each(|feed| feed.unbelieved.is_told());
        Ok(node)
    }
}

/// Records of screening wait in memory for the next group commit: where the process was killed, some may be missing, and
/// nobody knows how many.
fn unwritten(written_at: Timestamp, now: Timestamp) -> AuditEvent {
    let from = Timestamp::from_unix_ms(written_at.unix_ms().saturating_sub(limits::UNWRITTEN_S * 1_000));
    AuditEvent::GapRecorded { from, until: now.max(written_at), records_lost: None }
}

/// The first record of a store.
pub(in crate::node) fn first_commit(
    identity: &Identity,
    roster: &Roster,
    incarnation: Incarnation,
    now: Timestamp,
) -> Commit {
    let mut commit = Commit::default();
    commit.push(change::Kind::Opened(Opened {
        format: FORMAT,
        incarnation: incarnation.0.to_vec(),
        member: identity.member.to_string(),
        consortium: identity.consortium.to_string(),
    }));
    commit.push(change::Kind::Roster(RosterApplied {
        note: roster.note().to_owned(),
        version: roster.version(),
        time_ms: now.unix_ms(),
    }));
    commit
}

/// Replays the journal into the state, and into the views what they have not applied yet.
fn replay(state: &mut State, journal: &impl Journal, views: &mut impl Views) -> Result<(), StorageFault> {
    // Views of another life (an older journal was put back), or such as cannot be read, are derived anew.
    let applied = mark::read(views, VIEW, journal)?;
    let mut fits = applied.is_some();
    let mut waiting = Vec::new();
    let mut last = None;
    let mut today = Day(0);
    journal.replay(RecordNumber(0), &mut |number, record| {
        state.apply(number, &Commit::from_bytes(record)?)?;
        // With each day, as in the life that the journal tells of: what was over by then took nobody's room.
        if today < state.written_at.day() {
            today = state.written_at.day();
            state.expire(today);
        }
        let changes = state.take_view_changes();
        if applied.is_some_and(|applied| applied <= number) {
            waiting.extend(changes);
            if waiting.len() > limits::VIEW_CHANGES_AT_ONCE {
                waiting.push(mark::applied(VIEW, number, record));
                fits &= views.commit(&[], &std::mem::take(&mut waiting)).is_ok();
            }
            last = Some(number);
        }
        state.show();
        Ok(())
    })?;
    if let Some(last) = last {
        waiting.push(mark::applied(VIEW, last, &journal.read(last)?));
    }
    if fits && views.commit(&[], &waiting).is_ok() { Ok(()) } else { rebuild(&state.identity, journal, views) }
}

/// Whether the roster in the files came after the newest one of the journal, while the node was stopped. One that came
/// before, or another of the same version, is refused: the files may have been put back, or put in place.
pub(in crate::node) fn is_news(state: &State) -> Result<bool, StorageFault> {
    let found = state.roster.version();
    let Some((followed, note)) = state.newest_roster() else { return Ok(true) };
    if found < followed {
        return Err(StorageFault::RosterBehind { found, followed });
    }
    let same = RosterNote::parse(note).is_ok_and(|note| note.sha256() == state.roster.sha256());
    if found == followed && !same {
        return Err(StorageFault::OtherRoster { version: found });
    }
    Ok(found > followed)
}

/// A clock is set forward and back a little all the time; far behind the last record it is wrong.
pub(in crate::node) fn check_clock(written: Timestamp, now: Timestamp) -> Result<(), StorageFault> {
    if written.ms_since(now) > limits::CLOCK_AHEAD_S * 1000 {
        return Err(StorageFault::ClockBehind { now, written });
    }
    Ok(())
}

/// What is stored must be what was signed: each complete feed has the root of its checkpoint.
pub(in crate::node) fn verify_feeds(state: &State) -> Result<(), StorageFault> {
    for feed in state.feeds.values() {
        let Some(checkpoint) = feed.cursor.checkpoint.as_ref() else { continue };
        if checkpoint.size() == feed.size() && *checkpoint.root() != feed.tiles.range().root() {
            return Err(damaged(&feed.origin, format!("the entries do not have the signed root at {}", feed.size())));
        }
    }
    Ok(())
}
