//! The node takes other keys to sign with: its keystore was opened again, or the roster names the next ones.

use std::collections::BTreeMap;

use rand::CryptoRng;
use sha2::{Digest, Sha256};

use crate::base::bytes::Sha256Digest;
use crate::base::name::{FeedId, GroupId};
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::sighting_seal::SightingKey;
use crate::domain::note::key::NoteSigner;
use crate::domain::roster::verified::Roster;
use crate::node::Node;
use crate::node::feeds::{is_named, verifier_at};
use crate::node::fence::FenceState;
use crate::node::identity::Identity;
use crate::node::state::State;
use crate::node::store::{Journal, StorageFault, Views};

/// What a node signs with under one roster, and opens with what is sealed to it. The fields of [`Identity`] of the same names.
#[derive(Debug)]
pub struct Signers {
    pub feeds: BTreeMap<GroupId, NoteSigner>,
    pub former_feeds: BTreeMap<GroupId, NoteSigner>,
    pub audit: NoteSigner,
    pub witness: NoteSigner,
    pub sighting_keys: Vec<SightingKey>,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Signs with these from here on. Called in one turn with the roster that names them, so that nothing is signed between
    /// by a key that no longer counts.
    pub fn use_signers(
        &mut self,
        signers: Signers,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let changed = changes(&self.state.identity, &signers);
        if !changed.is_empty() {
            self.record(&Actor::Node, changed, now, rng)?;
        }
        let identity = &mut self.state.identity;
        let begins_anew = identity.audit.verifier() != signers.audit.verifier();
        let Signers { feeds, former_feeds, audit, witness, sighting_keys } = signers;
        (identity.feeds, identity.former_feeds) = (feeds, former_feeds);
        (identity.audit, identity.witness) = (audit, witness);
        identity.sighting_keys = sighting_keys;
        if begins_anew {
            self.state.audits.begin_anew();
        }
        self.renew_heads(now);
        Ok(())
    }

    /// Signs again what is told of own feeds where its signature is not of the key the roster names for its size. Size and
    /// root were signed before: nothing new is claimed.
    pub(in crate::node) fn renew_heads(&mut self, now: Timestamp) {
        if self.fence_state() != FenceState::Open {
            return;
        }
        let State { identity, feeds, roster, .. } = &mut self.state;
        for feed in feeds.values_mut().filter(|feed| identity.is_own(feed.id())) {
            let id = &feed.cursor.feed;
            let stands = |held: &SignedCheckpoint| is_named(roster, id, held);
            let renew = |held: &SignedCheckpoint| sign_again(identity, roster, id, held, now);
            feed.quorum.renew(stands, renew);
            let fallen = feed.cursor.checkpoint.as_ref().filter(|held| !stands(held));
            if let Some(renewed) = fallen.and_then(renew) {
                feed.cursor.checkpoint = Some(renewed);
            }
        }
    }
}

/// None where this node does not have the key.
fn sign_again(
    identity: &Identity,
    roster: &Roster,
    id: &FeedId,
    held: &SignedCheckpoint,
    now: Timestamp,
) -> Option<SignedCheckpoint> {
    let verifier = verifier_at(roster, id, held.size()).ok()?;
    let signer = identity.feed_signer(roster, &id.group, held.size())?;
    let note = held.checkpoint().sign(signer, &identity.witness, now).ok()?;
    let renewed = SignedCheckpoint::verify(note.to_string().as_bytes(), &verifier).ok()?;
    // Others cosigned size and root, not the author's key: their signatures stay.
    renewed.clone().merged_with(held, &verifier).ok().or(Some(renewed))
}

/// One record for each key that is no longer the one before.
fn changes(before: &Identity, after: &Signers) -> Vec<AuditEvent> {
    let changed = |key, before: &NoteSigner, after: &NoteSigner| {
        let fingerprint = Sha256Digest(Sha256::digest(after.verifier().public_key()).into());
        (before.verifier() != after.verifier()).then_some(AuditEvent::KeyChanged { key, fingerprint })
    };
    // One key may sign several groups: told once.
    let feed = after.feeds.iter().find_map(|(group, signer)| changed("feed", before.feeds.get(group)?, signer));
    let audit = changed("audit", &before.audit, &after.audit);
    let witness = changed("witness", &before.witness, &after.witness);
    [feed, audit, witness].into_iter().flatten().collect()
}
