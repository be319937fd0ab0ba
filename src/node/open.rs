//! Opening: the journal is replayed, every feed checked against its checkpoint, the views brought up to date.

use rand::CryptoRng;
use rand::RngExt;

use crate::base::bytes::Incarnation;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::belief::place::TableKey;
use crate::domain::roster::verified::Roster;
use crate::node::Node;
use crate::node::commit::{Commit, FORMAT, Opened, RosterApplied, change};
use crate::node::compact::Housekeeping;
use crate::node::heads::Heads;
use crate::node::identity::Identity;
use crate::node::mark;
use crate::node::reserve::Guard;
use crate::node::state::{Settings, State, VIEW, damaged};
use crate::node::store::{Journal, RecordNumber, StorageFault, ViewFault, Views};

/// View changes that are committed at once during a rebuild.
const REBUILD_CHANGES: usize = 4_096;

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
        let is_new = journal.next_number() == RecordNumber(0);
        if is_new {
            views.clear()?;
            state.incarnation = Incarnation(rng.random());
            commit.push(change::Kind::Opened(Opened {
                format: FORMAT,
                incarnation: state.incarnation.0.to_vec(),
                member: state.identity.member.to_string(),
                consortium: state.identity.consortium.to_string(),
            }));
            commit.push(change::Kind::Roster(RosterApplied {
                note: state.roster.note().to_owned(),
                version: state.roster.version(),
            }));
        } else {
            replay(&mut state, &journal, &mut views)?;
            verify_feeds(&state)?;
            check_clock(state.written_at, now)?;
            state.expire(now.day());
        }
        let started = AuditEvent::NodeStarted { version: state.settings.version, incarnation: state.incarnation };
        let mut node = Self {
            state,
            journal,
            views,
            unsynced: None,
            due_in_views: Vec::new(),
            heads: Heads::new(),
            housekeeping: Housekeeping::new(now),
            guard: Guard::Off,
            is_new,
        };
        node.commit(commit, &Actor::Node, vec![started], now, rng)?;
        node.sync()?;
        Ok(node)
    }
}

fn replay(state: &mut State, journal: &impl Journal, views: &mut impl Views) -> Result<(), StorageFault> {
    let applied = match mark::read(views, VIEW, journal)? {
        Some(applied) => applied,
        None => {
            // Views of another life: an older journal was put back. They are derived; build them anew, and for good,
            // before anything is written that a power cut could mix with them.
            views.clear()?;
            views.sync()?;
            RecordNumber(0)
        }
    };
    let mut waiting = Vec::new();
    let mut last = None;
    journal.replay(RecordNumber(0), &mut |number, record| {
        state.apply(number, &Commit::from_bytes(record)?)?;
        let changes = state.take_view_changes();
        if number >= applied {
            waiting.extend(changes);
            if waiting.len() > REBUILD_CHANGES {
                waiting.push(mark::applied(VIEW, number, record));
                views.commit(&[], &std::mem::take(&mut waiting)).map_err(storage)?;
            }
            last = Some(number);
        }
        state.show();
        Ok(())
    })?;
    if let Some(last) = last {
        waiting.push(mark::applied(VIEW, last, &journal.read(last)?));
    }
    views.commit(&[], &waiting).map_err(storage)
}

fn storage(fault: ViewFault) -> StorageFault {
    match fault {
        ViewFault::Conflict => damaged("views", "somebody else writes them"),
        ViewFault::Storage(fault) => fault,
    }
}

/// A clock is set forward and back a little all the time; far behind the last record it is wrong.
pub(in crate::node) fn check_clock(written: Timestamp, now: Timestamp) -> Result<(), StorageFault> {
    if written.ms_since(now) > limits::CLOCK_AHEAD_S * 1000 {
        return Err(StorageFault::ClockBehind { now, written });
    }
    Ok(())
}

/// What is stored must be what was signed: each complete feed has the root of its checkpoint.
fn verify_feeds(state: &State) -> Result<(), StorageFault> {
    for feed in state.feeds.values() {
        let Some(checkpoint) = feed.cursor.checkpoint.as_ref() else { continue };
        if checkpoint.size() == feed.size() && *checkpoint.root() != feed.tiles.range().root() {
            return Err(damaged(&feed.origin, format!("the entries do not have the signed root at {}", feed.size())));
        }
    }
    Ok(())
}
