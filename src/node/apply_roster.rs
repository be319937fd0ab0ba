//! A next roster comes into force.

use std::sync::Arc;

use rand::CryptoRng;

use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::roster::verified::Roster;
use crate::node::Node;
use crate::node::commit::{Commit, RosterApplied, change};
use crate::node::store::{Journal, StorageFault, Views};

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
        let mut commit = Commit::default();
        commit.push(change::Kind::Roster(RosterApplied { note: roster.note().to_owned(), version: roster.version() }));
        let applied = AuditEvent::RosterApplied { version: roster.version(), sha256: roster.sha256() };
        self.commit(commit, caller, vec![applied], now, rng)?;
        self.state.roster = roster;
        self.state.add_feeds();
        Ok(())
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
}
