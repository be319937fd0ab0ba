//! Who this node is: its names, its signing keys and the keys it reads pseudonyms with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::name::{ConsortiumId, FeedId, GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::domain::feed::sighting_seal::SightingKey;
use crate::domain::note::key::NoteSigner;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::roster::member::AUDIT_GROUP;
use crate::domain::roster::verified::Roster;
use crate::node::local_mac::LocalMacKey;

/// The node's own names and keys. They come from the keystore and never reach the store.
#[derive(Debug)]
pub struct Identity {
    pub consortium: ConsortiumId,
    pub member: MemberId,
    /// Signs the checkpoints of the member's feed in each of its groups: the newest key the roster names.
    pub feeds: BTreeMap<GroupId, NoteSigner>,
    /// The key before it, while there is one: it signs until the feed has the size from which the newest counts.
    pub former_feeds: BTreeMap<GroupId, NoteSigner>,
    /// Signs the checkpoints of the audit log.
    pub audit: NoteSigner,
    /// Cosigns checkpoints: as author of the own feeds (a sign of life) and as witness of the others'.
    pub witness: NoteSigner,
    /// Keys of the readable epochs.
    pub key_ring: Arc<KeyRing>,
    pub local_mac: LocalMacKey,
    /// Open what others sealed to this member: the key the roster names, and the one that is about to take over.
    pub sighting_keys: Vec<SightingKey>,
}

impl Identity {
    /// This member's feed in `group`.
    pub fn own_feed(&self, group: &GroupId) -> FeedId {
        FeedId { member: self.member.clone(), group: group.clone() }
    }

    /// The signer of the own feed in `group` at `size`: the one whose key the roster names for it.
    pub fn feed_signer(&self, roster: &Roster, group: &GroupId, size: TreeSize) -> Option<&NoteSigner> {
        let named = roster.member(&self.member)?.feed_key(group, size)?;
        let held = [self.feeds.get(group), self.former_feeds.get(group)];
        held.into_iter().flatten().find(|signer| signer.verifier() == named)
    }

    /// The audit log, which has the form of a feed but is never served to members.
    pub fn audit_feed(&self) -> FeedId {
        let group = AUDIT_GROUP.parse().expect("the reserved group is a valid name");
        FeedId { member: self.member.clone(), group }
    }

    pub fn is_own(&self, feed: &FeedId) -> bool {
        feed.member == self.member
    }
}
