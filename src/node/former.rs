//! Who follows a roster before its author does meets what stands under the one before: heads and entries under a key that the
//! newer roster does not name any more. That is no fault of anybody's. It counts for nothing, and waits until the author, and
//! who passes it on, have said that they follow the newer roster, too; what is shown under a former key from then on is a fault.
//!
//! A roster keeps every feed key there ever was. Of audit keys it names the one in force alone: those before it are kept here,
//! from the notes in the journal. Which roster an author follows is heard anew with each connection, and kept nowhere.

use std::collections::BTreeMap;

use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::verifier::FeedVerifier;
use crate::domain::note::key::VerifierKey;
use crate::domain::roster::document::RosterDraft;
use crate::node::Node;
use crate::node::feeds::{is_named, verify_by_any_key};
use crate::node::state::State;
use crate::node::store::{Journal, Views};
use crate::node::witness::is_audit;

/// Keys of audit logs, and who said to follow which roster.
#[derive(Debug, Default)]
pub struct Former {
    /// With the last version that names it, oldest first.
    audit_keys: BTreeMap<MemberId, Vec<(u64, VerifierKey)>>,
    said: BTreeMap<MemberId, u64>,
}

impl Former {
    /// A roster came into force, now or in the life that the journal tells of.
    pub(in crate::node) fn note(&mut self, version: u64, content: &RosterDraft) {
        for member in &content.members {
            let keys = self.audit_keys.entry(member.id.clone()).or_default();
            match keys.iter_mut().find(|(_, key)| *key == member.audit_key) {
                Some((last, _)) => *last = version.max(*last),
                None => keys.push((version, member.audit_key.clone())),
            }
            keys.sort_by_key(|(last, _)| *last);
            if keys.len() > limits::FORMER_AUDIT_KEYS {
                keys.remove(0);
            }
        }
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// A peer says which roster it follows.
    pub fn hear_roster_version(&mut self, peer: &MemberId, version: u64) {
        self.state.former.said.insert(peer.clone(), version);
    }
}

impl State {
    /// Whether a note that does not verify by the roster in force does by an earlier one, which its author or its sender may
    /// still follow.
    pub(in crate::node) fn is_former(&self, from: &MemberId, id: &FeedId, note: &[u8]) -> bool {
        let of = |member: &MemberId| self.former.said.get(member).copied().unwrap_or_default();
        let said = of(&id.member).min(of(from));
        if said >= self.roster.version() {
            return false;
        }
        if !is_audit(id) {
            let signed = verify_by_any_key(&self.roster, id, note);
            return signed.is_ok_and(|(signed, _)| !is_named(&self.roster, id, &signed));
        }
        let keys = self.former.audit_keys.get(&id.member).into_iter().flatten();
        let mut followed = keys.filter(|(last, _)| (said..self.roster.version()).contains(last));
        followed.any(|(_, key)| {
            // Its author's signature says it all: who cosigned it is not asked.
            let verifier = FeedVerifier::new(self.roster.consortium(), id.clone(), key.clone(), Vec::new());
            verifier.is_ok_and(|verifier| SignedCheckpoint::verify(note, &verifier).is_ok())
        })
    }
}
