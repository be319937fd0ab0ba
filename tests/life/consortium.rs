//! A consortium for the tests: keys from one seed, a roster signed by its admin, identities for the nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use hushwire::base::bytes::Sha256Digest;
use hushwire::base::epoch::KeyEpoch;
use hushwire::base::name::{ConsortiumId, FeedId, GroupId, MemberId};
use hushwire::base::position::TreeSize;
use hushwire::base::secret::SecretBytes;
use hushwire::base::time::Timestamp;
use hushwire::domain::case::challenge::ChallengeRules;
use hushwire::domain::case::rules::CaseRules;
use hushwire::domain::identifier::CanonRules;
use hushwire::domain::identifier::guard::GuardLists;
use hushwire::domain::indicator::typology::TypologyList;
use hushwire::domain::note::key::NoteSigner;
use hushwire::domain::pseudonym::keys::{EpochKeys, EpochSecret, KeyRing};
use hushwire::domain::roster::document::RosterDraft;
use hushwire::domain::roster::member::{FeedKey, Member, MemberState, admin_key_name};
use hushwire::domain::roster::succession::sign;
use hushwire::domain::roster::terms::{Admins, Epoch, Limits};
use hushwire::domain::roster::verified::Roster;
use hushwire::domain::statistics::budget::Epsilon;
use hushwire::domain::statistics::schedule::Schedule;
use hushwire::io::keystore::keys::NodeKeys;
use hushwire::io::keystore::rollover::NextFeedKey;
use hushwire::node::identity::Identity;
use hushwire::node::local_mac::LocalMacKey;
use hushwire::node::signers::Signers;
use hushwire::node::state::Settings;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};

/// 2026-11-22T00:00:00Z.
pub const START: Timestamp = Timestamp::from_unix_s(1_795_305_600);

/// Members, their keys and what they agreed on.
pub struct Consortium {
    pub id: ConsortiumId,
    pub group: GroupId,
    pub members: Vec<MemberId>,
    pub roster: Roster,
    /// The epoch the members publish under.
    epoch: KeyEpoch,
    keys: Vec<NodeKeys>,
    /// What every member releases by itself.
    pub schedule: Schedule,
}

fn secret() -> EpochSecret {
    EpochSecret::new(SecretBytes::new([7; 32]))
}

impl Consortium {
    pub fn new(names: &[&str]) -> Self {
        Self::founded(names, &[KeyEpoch(1)], 0)
    }

    /// With so many members that must cosign a checkpoint before it counts fully.
    pub fn with_quorum(names: &[&str], witness_quorum: u32) -> Self {
        Self::founded(names, &[KeyEpoch(1)], witness_quorum)
    }

    /// The first epoch begins at the start, each further one a day later.
    pub fn with_epochs(names: &[&str], epochs: &[KeyEpoch]) -> Self {
        Self::founded(names, epochs, 0)
    }

    fn founded(names: &[&str], epochs: &[KeyEpoch], witness_quorum: u32) -> Self {
        let id: ConsortiumId = "life.hushwire.example".parse().expect("a valid id");
        let group: GroupId = "all".parse().expect("a valid name");
        let members: Vec<MemberId> = names.iter().map(|name| name.parse().expect("a valid name")).collect();
        let mut rng = StdRng::seed_from_u64(5);
        let keys: Vec<NodeKeys> = members.iter().map(|_| NodeKeys::generate(&mut rng)).collect();
        let rows = members.iter().zip(&keys).map(|(member, keys)| row(&id, &group, member, keys)).collect();
        let roster = roster(&id, epochs, rows, witness_quorum);
        Self { id, group, members, roster, epoch: KeyEpoch(1), keys, schedule: Schedule::default() }
    }

    /// The same consortium once another epoch is in force.
    pub fn in_epoch(self, epoch: KeyEpoch) -> Self {
        Self { epoch, ..self }
    }

    pub fn feed(&self, member: usize) -> FeedId {
        FeedId { member: self.members[member].clone(), group: self.group.clone() }
    }

    /// The next roster: signed, and from here on the one that houses are opened with.
    pub fn amend(&mut self, change: impl FnOnce(&mut RosterDraft)) -> Roster {
        let mut draft = self.roster.content().clone();
        draft.version += 1;
        draft.previous = Some(self.roster.sha256());
        change(&mut draft);
        let note = sign(&draft, &[&admin(&self.id)], START).expect("a valid draft");
        self.roster = note.verify_next(&self.roster).expect("a signed successor");
        self.roster.clone()
    }

    /// The keys of an epoch after the first.
    pub fn later_epoch(&self, number: u32) -> EpochKeys {
        let byte = u8::try_from(number).expect("small");
        EpochKeys::derive(&self.id, KeyEpoch(number), &EpochSecret::new(SecretBytes::new([byte; 32])))
    }

    pub fn identity(&self, member: usize) -> Identity {
        let (keys, name) = (&self.keys[member], &self.members[member]);
        let current = EpochKeys::derive(&self.id, self.epoch, &secret());
        let Signers { feeds, former_feeds, audit, witness, sighting_keys } = self.signers(member);
        Identity {
            consortium: self.id.clone(),
            member: name.clone(),
            feeds,
            former_feeds,
            audit,
            witness,
            key_ring: Arc::new(KeyRing { current, previous: None }),
            local_mac: LocalMacKey::new(&keys.local_mac),
            sighting_keys,
        }
    }

    /// The next roster, in which a next feed key of the member counts from a size on. Its keystore holds both keys.
    pub fn next_feed_key(&mut self, member: usize, from_size: TreeSize) {
        let key = SigningKey::from_bytes(&[21; 32]);
        let from = BTreeMap::from([(self.group.clone(), from_size)]);
        self.keys[member].next.feed = Some(NextFeedKey { key, from });
        let (keys, name) = (&self.keys[member], &self.members[member]);
        let signers = keys.feed_signers(&self.id, name, &self.group).expect("a valid name");
        let key = signers.last().expect("two keys").verifier().clone();
        let mut next = self.roster.content().clone();
        (next.version, next.previous) = (next.version + 1, Some(self.roster.sha256()));
        next.members[member].feeds.push(FeedKey { group: self.group.clone(), from_size, key });
        let note = sign(&next, &[&admin(&self.id)], START).expect("a valid draft");
        self.roster = note.verify_next(&self.roster).expect("signed");
    }

    /// The next roster, in which the member's audit log has another key. Its keystore holds both.
    pub fn next_audit_key(&mut self, member: usize) {
        self.keys[member].next.audit = Some(SigningKey::from_bytes(&[22; 32]));
        let signers = self.keys[member].audit_signers(&self.id, &self.members[member]).expect("a valid name");
        let key = signers.last().expect("two keys").verifier().clone();
        self.amend(|next| next.members[member].audit_key = key);
    }

    /// What the member signs with under the newest roster.
    pub fn signers(&self, member: usize) -> Signers {
        self.signers_under(member, &self.roster)
    }

    pub fn signers_under(&self, member: usize, roster: &Roster) -> Signers {
        self.keys[member].signers(&self.id, &self.members[member], roster).expect("valid names")
    }

    pub fn settings(&self) -> Settings {
        Settings {
            window_ms: 0,
            decoys: 0,
            canon_rules: CanonRules { default_region: None },
            guards: Arc::new(GuardLists::built_in()),
            typologies: TypologyList::built_in(),
            quarter_cap: Epsilon::QUARTER_CAP,
            schedule: self.schedule,
            cases: CaseRules::default(),
            challenge: ChallengeRules::default(),
            version: "test",
            brake: None,
        }
    }
}

fn row(consortium: &ConsortiumId, group: &GroupId, member: &MemberId, keys: &NodeKeys) -> Member {
    let feed = keys.feed_signer(consortium, member, group).expect("a valid name");
    Member {
        id: member.clone(),
        name: member.as_str().parse().expect("a valid name"),
        state: MemberState::Active,
        valid_from: START,
        valid_until: START.plus_s(300 * 86_400),
        entries_per_day: 100_000,
        endpoints: vec![format!("{member}.example:7443").parse().expect("a valid endpoint")],
        pins: vec![Sha256Digest(Sha256::digest(member.as_str()).into())],
        groups: [group.clone()].into(),
        feeds: vec![FeedKey { group: group.clone(), from_size: TreeSize::EMPTY, key: feed.verifier().clone() }],
        audit_key: keys.audit_signer(consortium, member).expect("a valid name").verifier().clone(),
        witness_key: keys.witness_signer(consortium, member).expect("a valid name").verifier().clone(),
        hpke_key: keys.hpke.public(),
    }
}

fn admin(consortium: &ConsortiumId) -> NoteSigner {
    let name = admin_key_name(consortium, &"anna".parse().expect("a valid name"));
    NoteSigner::ed25519(&name, SigningKey::from_bytes(&[9; 32])).expect("a valid name")
}

fn roster(consortium: &ConsortiumId, epochs: &[KeyEpoch], members: Vec<Member>, witness_quorum: u32) -> Roster {
    let admin = admin(consortium);
    let begins = (0..).map(|day| START.plus_s(day * 86_400));
    let epochs = epochs.iter().zip(begins).map(|(number, activates_at)| {
        let id = EpochKeys::derive(consortium, *number, &secret()).epoch_id();
        Epoch { number: *number, id, activates_at, compromised_at: None }
    });
    let draft = RosterDraft {
        consortium: consortium.clone(),
        version: 1,
        previous: None,
        not_after: START.plus_s(300 * 86_400),
        admins: Admins { quorum: 1, keys: vec![admin.verifier().clone()] },
        limits: Limits { witness_quorum, ..Limits::default() },
        epochs: epochs.collect(),
        members,
    };
    let note = sign(&draft, &[&admin], START).expect("a valid draft");
    let hash = note.sha256();
    note.verify_genesis(&hash).expect("a signed genesis")
}
