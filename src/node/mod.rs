//! Floor 2: use cases over a store. Deterministic and synchronous: the same inputs, clock and seed give the same bytes.
//!
//! A use case builds a [`commit::Commit`]; `Node::commit` adds the audit records, stages it in the journal and applies
//! it to [`state::State`]; [`Node::sync`] makes staged commits durable and lets them show. Each use case stands in the
//! file named by its verb.

pub mod accept;
pub mod accuse;
pub mod activity;
mod apply;
pub mod apply_roster;
pub mod audit;
pub mod audit_head;
pub mod audit_place;
pub mod audit_size;
pub mod behind;
mod believe;
pub mod case;
pub mod case_stored;
pub mod cases;
pub mod challenge;
pub mod challenge_stored;
pub mod commit;
pub mod compact;
pub mod copies;
pub mod cosign;
mod counted;
pub mod cut;
pub mod decoy;
mod derive;
pub mod detail_stored;
pub mod dispute;
pub mod due;
pub mod enrol;
pub mod erase;
pub mod erasures;
pub mod evidence_now;
pub mod examine;
pub mod explain;
pub mod feeds;
pub mod fence;
pub mod fill;
pub mod former;
pub mod heads;
pub mod hear;
pub mod hold;
pub mod hold_stored;
pub mod identity;
pub mod inspect;
pub mod keys;
pub mod late;
pub mod list;
pub mod local_mac;
pub mod look_up;
pub mod looks;
pub mod manage_users;
pub mod mark;
pub mod members;
pub mod open;
pub mod outcomes;
pub mod own_indicator;
pub mod own_indicators;
pub mod pending;
pub mod policy;
pub mod policy_history;
pub mod publish;
pub mod published;
pub mod quarantine;
pub mod quarantine_list;
mod quarantine_stored;
pub mod record_command;
pub mod record_screening;
pub mod release;
pub mod releases;
pub mod report;
pub mod republish;
pub mod requests;
pub mod reserve;
pub mod retract;
pub mod room;
mod rows;
pub mod salvage;
pub mod scrub;
pub mod select;
pub mod serve;
pub mod sight;
pub mod sightings;
pub mod sign_in;
pub mod signers;
pub mod state;
pub mod status;
pub mod store;
pub mod sweep;
pub mod tail_walk;
mod terms;
pub mod unbelieved;
pub mod user_stored;
pub mod users;
pub mod window;
pub mod witness;

use rand::{CryptoRng, Rng, RngExt};

use crate::base::bytes::Salt;
use crate::base::epoch::EpochId;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::node::commit::{Audited, Commit, change};
use crate::node::compact::Housekeeping;
use crate::node::fence::FenceState;
use crate::node::heads::Heads;
use crate::node::reserve::Guard;
use crate::node::room::RoomLeft;
use crate::node::rows::Tending;
use crate::node::state::{State, damaged, stored};
use crate::node::store::{Journal, RecordNumber, StorageFault, ViewChange, Views};

/// One member's node over a journal and views.
#[derive(Debug)]
pub struct Node<J, V> {
    pub(in crate::node) state: State,
    pub(in crate::node) journal: J,
    pub(in crate::node) views: V,
    /// The last record staged and not durable yet.
    unsynced: Option<(RecordNumber, Vec<u8>)>,
    /// The journal refused a write: it takes nothing more, and nothing may be said to be durable.
    stopped: bool,
    /// What durable records change in the views; kept until the views have taken it.
    due_in_views: Vec<ViewChange>,
    heads: Heads,
    housekeeping: Housekeeping,
    tending: Tending,
    room_left: RoomLeft,
    guard: Guard,
    /// A member acknowledged something since it was last asked.
    acknowledged: bool,
    /// The store was made by this start.
    is_new: bool,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Stages a commit with the records of what it does. Nothing shows before [`Node::sync`].
    pub(in crate::node) fn commit(
        &mut self,
        mut commit: Commit,
        actor: &Actor,
        events: Vec<AuditEvent>,
        now: Timestamp,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(), StorageFault> {
        if !events.is_empty() {
            let first_index = self.state.audit.size().0;
            let entries = events
                .into_iter()
                .map(|event| audit_entry(event, actor, now, rng).map(|entry| stored(&entry)))
                .collect::<Result<_, _>>()?;
            commit.push(change::Kind::Audited(Audited { first_index, entries }));
        }
        let record = commit.to_bytes();
        let number = self.journal.append(&record).inspect_err(|fault| {
            self.stopped |= !matches!(fault, StorageFault::TooLarge { .. });
        })?;
        self.unsynced = Some((number, record));
        self.state.apply(number, &commit)
    }

    /// Records events that change nothing else.
    pub fn record(
        &mut self,
        actor: &Actor,
        events: Vec<AuditEvent>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        if events.is_empty() { Ok(()) } else { self.commit(Commit::default(), actor, events, now, rng) }
    }

    /// Makes everything staged durable, then lets it show. Costs nothing where nothing is staged.
    pub fn sync(&mut self) -> Result<(), StorageFault> {
        if self.stopped {
            return Err(StorageFault::Stopped);
        }
        if let Some((number, record)) = &self.unsynced {
            self.journal.sync().inspect_err(|_| self.stopped = true)?;
            self.due_in_views.extend(self.state.take_view_changes());
            self.due_in_views.push(mark::applied(state::VIEW, *number, record));
            self.unsynced = None;
        }
        let due = std::mem::take(&mut self.due_in_views);
        self.write_rows(&due);
        self.state.show();
        self.state.show_lists();
        self.state.show_experience();
        self.state.users.show();
        Ok(())
    }

    /// What happens by itself: windows close, signatures are renewed, silence is noticed. A part that fails does not keep the
    /// others from their work; the first fault is told at the end.
    pub fn tick(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StorageFault> {
        self.look_for_room(now);
        self.state.fence.wait(now);
        self.live_on(now, rng)?;
        self.sign_empty_feeds(now);
        self.renew_heads(now);
        let closed = self.close_window(now, rng);
        self.heartbeat(now);
        let noticed = self.notice_silence(now, rng).and(self.notice_unbelieved(now, rng));
        let cosigned = self.keep_cosigned(now, rng);
        // Before whoever reads them: a doubt they are rid of here would fail the next.
        let tended = self.tend_views(now, rng);
        let worked = self.tend_cases(now, rng);
        let witnessed = self.keep_audit_witnessed(now, rng);
        let read = self.read_sightings(now, rng);
        let refused = self.tell_refused_sign_ins(now, rng).and(self.tell_looks(now, rng));
        let kept = self.keep_house(now);
        closed.and(noticed).and(cosigned).and(witnessed).and(read).and(refused).and(kept).and(tended).and(worked)
    }

    /// The last word before the node is dropped: everything durable, the views too.
    pub fn close(&mut self) -> Result<(), StorageFault> {
        self.sync()?;
        self.sync_views();
        Ok(())
    }

    /// The durable heads where they changed since the last call.
    pub fn changed_heads(&mut self) -> Option<Heads> {
        let heads = self.heads();
        if heads == self.heads {
            return None;
        }
        self.heads.clone_from(&heads);
        Some(heads)
    }

    /// The durable head of every feed that has one.
    pub fn heads(&self) -> Heads {
        let feeds = self.state.feeds.values().filter(|feed| feed.equivocation.is_none());
        feeds.filter_map(|feed| Some((feed.id().clone(), feed.head.clone()?))).collect()
    }

    /// Whether the node may sign.
    pub fn fence_state(&self) -> FenceState {
        self.state.fence.state(|feed| self.state.feeds.get(feed).map(|held| held.size()).unwrap_or_default())
    }

    pub fn state(&self) -> &State {
        &self.state
    }
}

fn audit_entry(
    event: AuditEvent,
    actor: &Actor,
    now: Timestamp,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Entry, StorageFault> {
    let expires = Day(now.day().0.saturating_add(event.keep_days()));
    let blob = event.into_record(now, actor).encode();
    Entry::seal_new(EntryKind::Audit, EpochId::NONE, expires, blob, Salt(rng.random()))
        .map_err(|error| damaged("audit record", error))
}
