//! A next roster comes into force.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::CryptoRng;

use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::roster::verified::Roster;
use crate::domain::screening::demands::Demands;
use crate::node::Node;
use crate::node::believe::Heard;
use crate::node::commit::{Commit, RosterApplied, change};
use crate::node::feeds::{is_named, verifier_at};
use crate::node::state::{State, read_entry, witnessing};
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::unbelieved::Waiting;

impl<J: Journal, V: Views> Node<J, V> {
    /// Applies a roster that was verified as the successor of the one in force. An older or the same version changes nothing.
    pub fn apply_roster(
        &mut self,
        caller: &Actor,
        roster: Roster,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        if roster.version() <= self.state.roster.version() {
            return Ok(());
        }
        self.commit_roster(caller, &roster, true, now, rng)?;
        let witnessing = witnessing(&roster);
        self.state.roster = roster;
        self.state.tell_only_named();
        self.state.forget_ended_logs();
        self.state.add_feeds();
        self.state.fence.expect(self.state.roster.peers_of(&self.state.identity.member).len());
        self.sync()?;
        self.state.belief.writer().set_witnessing(witnessing);
        self.reconsider()
    }

    /// Takes notes of versions that came into force while the node was stopped, or before its store began: peers that missed
    /// them ask for them, and their quotas count. The newest is in force already.
    pub fn keep_rosters(
        &mut self,
        chain: &[Roster],
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let missing: Vec<_> =
            chain.iter().filter(|roster| !self.state.rosters.contains_key(&roster.version())).collect();
        for roster in &missing {
            // What came before the store began was never applied here.
            let applied = self.state.rosters.keys().any(|version| *version < roster.version());
            self.commit_roster(&Actor::Node, roster, applied, now, rng)?;
        }
        if missing.is_empty() { Ok(()) } else { self.sync().and_then(|()| self.reconsider()) }
    }

    fn commit_roster(
        &mut self,
        caller: &Actor,
        roster: &Roster,
        applied: bool,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let (note, version) = (roster.note().to_owned(), roster.version());
        let mut commit = Commit::default();
        commit.push(change::Kind::Roster(RosterApplied { note, version, time_ms: now.unix_ms() }));
        let event = AuditEvent::RosterApplied { version, sha256: roster.sha256() };
        self.commit(commit, caller, Vec::from_iter(applied.then_some(event)), now, rng)
    }

    /// What the roster in force demands of statements before they count.
    pub fn demands(&self) -> Demands {
        Demands::of(&self.state.roster, &self.state.exclusions)
    }

    /// Takes the keys of the epochs that are readable now: what is published from here on stands under the new epoch.
    pub fn use_keys(
        &mut self,
        key_ring: Arc<KeyRing>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let activated =
            AuditEvent::EpochActivated { epoch: key_ring.current.epoch(), epoch_id: key_ring.current.epoch_id() };
        self.record(&Actor::Node, vec![activated], now, rng)?;
        self.state.identity.key_ring = key_ring;
        Ok(())
    }

    /// Judges again, by the roster in force, the entries that waited for one.
    pub(in crate::node) fn reconsider(&mut self) -> Result<(), StorageFault> {
        let feeds: Vec<FeedId> = self.state.feeds.keys().cloned().collect();
        for id in feeds {
            let Some(feed) = self.state.feeds.get_mut(&id) else { continue };
            let waiting = feed.unbelieved.take_waiting();
            if !waiting.is_empty() {
                let heard = self.read_again(&id, waiting)?;
                self.state.believe_all(&heard);
            }
        }
        Ok(())
    }

    fn read_again(&self, id: &FeedId, waiting: BTreeMap<EntryIndex, Waiting>) -> Result<Vec<Heard>, StorageFault> {
        let Some(feed) = self.state.feeds.get(id) else { return Ok(Vec::new()) };
        let mut again = Vec::with_capacity(waiting.len());
        let mut rest = waiting.into_iter().peekable();
        while let Some((first, _)) = rest.peek() {
            let first = first.0;
            let page = self.entries(feed, TreeSize(first), feed.durable_size, limits::BATCH_ENTRIES)?;
            if page.is_empty() {
                break;
            }
            for (stored, index) in page.iter().zip(first..) {
                let index = EntryIndex(index);
                if let Some((_, Waiting { first_seen, place, .. })) = rest.next_if(|(at, _)| *at == index) {
                    let entry = read_entry(stored)?;
                    let place = Some(place);
                    again.push(Heard { feed: id.clone(), index, entry, first_seen, place, reckoned_to: None });
                }
            }
        }
        Ok(again)
    }
}

impl State {
    /// A next feed key counts from a size on that was signed before. Whoever follows the roster would take the former key's
    /// signature for a fault of ours: it is told to its author alone, which signs it again.
    fn tell_only_named(&mut self) {
        let Self { feeds, roster, identity, .. } = self;
        for feed in feeds.values_mut() {
            let id = &feed.cursor.feed;
            if let Some(head) = &mut feed.head {
                let verified = verifier_at(roster, id, head.size)
                    .and_then(|verifier| SignedCheckpoint::verify(head.checkpoint.as_bytes(), &verifier));
                head.is_former = verified.is_err();
            }
            if !identity.is_own(id) {
                feed.quorum.renew(|told| is_named(roster, id, told), |_| None);
            }
        }
    }
}
