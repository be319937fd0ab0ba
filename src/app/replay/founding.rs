//! A consortium for one replay: keys drawn for it, a roster signed by its admin, identities for the nodes. All of it is gone
//! when the replay ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base::bytes::Sha256Digest;
use crate::base::epoch::KeyEpoch;
use crate::base::limits::VALIDITY_DAYS;
use crate::base::name::{ConsortiumId, GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::base::secret::SecretBytes;
use crate::base::time::Timestamp;
use crate::domain::note::key::{KeyError, NoteSigner};
use crate::domain::pseudonym::keys::{EpochKeys, EpochSecret};
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::error::RosterError;
use crate::domain::roster::member::{FeedKey, Member, MemberState, admin_key_name};
use crate::domain::roster::succession::sign;
use crate::domain::roster::terms::{Admins, Epoch, Limits};
use crate::domain::roster::verified::Roster;
use crate::io::keystore::keys::{EpochKeysError, NodeKeys, random_signing_key};
use crate::node::identity::Identity;
use crate::node::local_mac::LocalMacKey;
use crate::node::signers::Signers;

/// Why there is no consortium.
#[derive(Debug, thiserror::Error)]
pub enum FoundingFault {
    #[error("roster: {0}")]
    Roster(#[from] RosterError),
    #[error("key: {0}")]
    Key(#[from] KeyError),
    #[error("epoch: {0}")]
    Epoch(#[from] EpochKeysError),
}

/// The members of a replay and their keys.
#[derive(Debug)]
pub struct Consortium {
    pub roster: Roster,
    pub members: Vec<MemberId>,
    keys: Vec<NodeKeys>,
}

const DAY_S: u64 = 86_400;

impl Consortium {
    /// `institution-1` and so on, members from a day before the first row until every statement about the last has expired.
    pub fn found(
        count: u16,
        first: Timestamp,
        last: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, FoundingFault> {
        let id: ConsortiumId = "replay.hushwire.example".parse().expect("a valid id");
        let group: GroupId = "all".parse().expect("a valid name");
        let mut drawn = Zeroizing::new([0; 32]);
        rng.fill_bytes(drawn.as_mut_slice());
        let secret = || EpochSecret::new(SecretBytes::new(*drawn));
        let number = KeyEpoch(1);
        let begins = Timestamp::from_unix_s(first.unix_s().saturating_sub(DAY_S));
        let ends = last.plus_s((2 * u64::from(VALIDITY_DAYS) + 1) * DAY_S);
        let members: Vec<MemberId> =
            (1..=count).map(|nth| format!("institution-{nth}").parse().expect("a valid name")).collect();
        let mut keys: Vec<NodeKeys> = members.iter().map(|_| NodeKeys::generate(rng)).collect();
        let rows: Result<_, KeyError> =
            members.iter().zip(&keys).map(|(member, keys)| row(&id, &group, member, keys, begins, ends)).collect();
        let epoch_id = EpochKeys::derive(&id, number, &secret()).epoch_id();
        for keys in &mut keys {
            keys.epochs = BTreeMap::from([(number, secret())]);
        }
        let admin_name = admin_key_name(&id, &"replay".parse().expect("a valid name"));
        let admin = NoteSigner::ed25519(&admin_name, random_signing_key(rng))?;
        let draft = RosterDraft {
            consortium: id,
            version: 1,
            previous: None,
            not_after: ends,
            admins: Admins { quorum: 1, keys: vec![admin.verifier().clone()] },
            limits: Limits::default(),
            epochs: vec![Epoch { number, id: epoch_id, activates_at: begins, compromised_at: None }],
            members: rows?,
        };
        let note = sign(&draft, &[&admin], begins)?;
        let hash = note.sha256();
        Ok(Self { roster: note.verify_genesis(&hash)?, members, keys })
    }

    /// The keys all of them make pseudonyms with.
    pub fn epoch_keys(&self, now: Timestamp) -> Result<EpochKeys, EpochKeysError> {
        let keys = self.keys.first().expect("at least one founder");
        Ok(keys.key_ring(&self.roster, now)?.current)
    }

    /// Who the node of this member is.
    pub fn identity(&self, member: usize, now: Timestamp) -> Result<Identity, FoundingFault> {
        let (keys, name) = self.keys.get(member).zip(self.members.get(member)).expect("one of the founders");
        let consortium = self.roster.consortium();
        let Signers { feeds, former_feeds, audit, witness, sighting_keys } =
            keys.signers(consortium, name, &self.roster)?;
        Ok(Identity {
            consortium: consortium.clone(),
            member: name.clone(),
            feeds,
            former_feeds,
            audit,
            witness,
            sighting_keys,
            key_ring: Arc::new(keys.key_ring(&self.roster, now)?),
            local_mac: LocalMacKey::new(&keys.local_mac),
        })
    }
}

fn row(
    consortium: &ConsortiumId,
    group: &GroupId,
    member: &MemberId,
    keys: &NodeKeys,
    valid_from: Timestamp,
    valid_until: Timestamp,
) -> Result<Member, KeyError> {
    let feed = keys.feed_signer(consortium, member, group)?;
    Ok(Member {
        id: member.clone(),
        name: member.as_str().parse().expect("a name of letters and digits"),
        state: MemberState::Active,
        valid_from,
        valid_until,
        // A history is not held to a quota: it shows what all that was known would have been worth.
        entries_per_day: u32::MAX,
        endpoints: vec![format!("{member}.example:7443").parse().expect("a valid endpoint")],
        pins: vec![Sha256Digest(Sha256::digest(member.as_str()).into())],
        groups: [group.clone()].into(),
        feeds: vec![FeedKey { group: group.clone(), from_size: TreeSize::EMPTY, key: feed.verifier().clone() }],
        audit_key: keys.audit_signer(consortium, member)?.verifier().clone(),
        witness_key: keys.witness_signer(consortium, member)?.verifier().clone(),
        hpke_key: keys.hpke.public(),
    })
}
