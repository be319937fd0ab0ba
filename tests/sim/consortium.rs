//! The consortium of a run: keys from one seed, a roster signed by its admins, identities for the nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use hushwire::base::bytes::{Sha256Digest, TreeHash};
use hushwire::base::epoch::KeyEpoch;
use hushwire::base::name::{ConsortiumId, FeedId, GroupId, MemberId};
use hushwire::base::position::TreeSize;
use hushwire::base::secret::SecretBytes;
use hushwire::base::time::Timestamp;
use hushwire::domain::case::challenge::ChallengeRules;
use hushwire::domain::case::rules::CaseRules;
use hushwire::domain::feed::checkpoint::SignedCheckpoint;
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
use hushwire::node::feeds::verifier_for;
use hushwire::node::identity::Identity;
use hushwire::node::local_mac::LocalMacKey;
use hushwire::node::signers::Signers;
use hushwire::node::state::Settings;
use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

use crate::options::{Mutant, Options, Rogue};

/// 2026-11-22T00:00:00Z: every run begins here.
pub const START: Timestamp = Timestamp::from_unix_s(1_795_305_600);

const NAMES: [&str; 6] = ["bank-a", "bank-b", "bank-c", "shop-d", "shop-e", "shop-f"];

/// Members, their keys and what they agreed on.
pub struct Consortium {
    pub id: ConsortiumId,
    pub group: GroupId,
    pub members: Vec<MemberId>,
    /// Every version there has been, the newest last.
    pub rosters: Vec<Roster>,
    /// What the rogue's own node goes by, with the secret of its epoch.
    rogue: Option<(Roster, EpochSecret)>,
    keys: Vec<NodeKeys>,
    guards: Arc<GuardLists>,
}

/// The place of the member that goes by a roster of its own.
pub const ROGUE: usize = 1;

/// Indicators of a rogue that count, at everybody else.
pub const ROGUE_QUOTA: u32 = 6;

/// A key that is to take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextKey {
    /// Of the feed, from a size on.
    Feed { from_size: TreeSize },
    /// Of the audit log, at once.
    Audit,
}

fn secret(byte: u8) -> EpochSecret {
    EpochSecret::new(SecretBytes::new([byte; 32]))
}

impl Consortium {
    pub fn new(options: &Options, rng: &mut ChaCha20Rng) -> Self {
        let id: ConsortiumId = "sim.hushwire.example".parse().expect("a valid id");
        let group: GroupId = "all".parse().expect("a valid name");
        let members: Vec<MemberId> =
            NAMES.iter().take(options.members).map(|name| name.parse().expect("a valid name")).collect();
        let keys: Vec<NodeKeys> = members.iter().map(|_| NodeKeys::generate(rng)).collect();
        let quorum = options.witness_quorum;
        let rows: Vec<Member> =
            members.iter().zip(&keys).map(|(member, keys)| row(&id, &group, member, keys)).collect();
        let (roster, rogue) = match options.rogue {
            None => (roster(&id, rows, &secret(7), quorum), None),
            Some(Rogue::NamesEpochs) => {
                let own = secret(8);
                (roster(&id, rows.clone(), &secret(7), quorum), Some((roster(&id, rows, &own, quorum), own)))
            }
            Some(Rogue::Floods) => {
                let mut held_to = rows.clone();
                if options.mutant != Some(Mutant::IgnoresQuotas) {
                    held_to[ROGUE].entries_per_day = ROGUE_QUOTA;
                }
                (roster(&id, held_to, &secret(7), quorum), Some((roster(&id, rows, &secret(7), quorum), secret(7))))
            }
        };
        Self { id, group, members, rosters: vec![roster], rogue, keys, guards: Arc::new(GuardLists::built_in()) }
    }

    /// The roster a member's node goes by that follows the version at this place.
    pub fn roster_of(&self, member: usize, followed: usize) -> &Roster {
        self.rogue.as_ref().filter(|_| member == ROGUE).map_or(&self.rosters[followed], |(roster, _)| roster)
    }

    pub fn newest_roster(&self) -> &Roster {
        self.rosters.last().expect("there is one from the beginning")
    }

    /// The next roster, in which a next key of the member counts; its keystore holds both. None where one does already.
    pub fn name_next(&mut self, member: usize, key: NextKey, rng: &mut ChaCha20Rng) -> Option<()> {
        let mut next = self.newest_roster().content().clone();
        (next.version, next.previous) = (next.version + 1, Some(self.newest_roster().sha256()));
        let (keys, name) = (&mut self.keys[member], &self.members[member]);
        let drawn = SigningKey::from_bytes(&rng.random());
        match key {
            NextKey::Feed { from_size } => {
                let from = BTreeMap::from([(self.group.clone(), from_size)]);
                keys.next.feed.is_none().then(|| keys.next.feed = Some(NextFeedKey { key: drawn, from }))?;
                let signers = keys.feed_signers(&self.id, name, &self.group).expect("a valid name");
                let key = signers.last().expect("two keys").verifier().clone();
                next.members[member].feeds.push(FeedKey { group: self.group.clone(), from_size, key });
            }
            NextKey::Audit => {
                keys.next.audit.is_none().then(|| keys.next.audit = Some(drawn))?;
                let signers = keys.audit_signers(&self.id, name).expect("a valid name");
                next.members[member].audit_key = signers.last().expect("two keys").verifier().clone();
            }
        }
        let note = sign(&next, &[&admin(&self.id)], START).expect("a valid draft");
        let roster = note.verify_next(self.newest_roster()).expect("a signed successor");
        self.rosters.push(roster);
        Some(())
    }

    /// What the member's node signs with that follows the version at this place.
    pub fn signers(&self, member: usize, followed: usize) -> Signers {
        let roster = self.roster_of(member, followed);
        self.keys[member].signers(&self.id, &self.members[member], roster).expect("valid names")
    }

    pub fn feed(&self, member: usize) -> FeedId {
        FeedId { member: self.members[member].clone(), group: self.group.clone() }
    }

    pub fn feeds(&self) -> impl Iterator<Item = FeedId> {
        (0..self.members.len()).map(|member| self.feed(member))
    }

    /// The place of a member in the roster.
    pub fn place(&self, member: &MemberId) -> usize {
        self.members.iter().position(|known| known == member).expect("every member of a run is in its roster")
    }

    pub fn identity(&self, member: usize, followed: usize) -> Identity {
        let (keys, name) = (&self.keys[member], &self.members[member]);
        let common = secret(7);
        let own = self.rogue.as_ref().filter(|_| member == ROGUE).map_or(&common, |(_, secret)| secret);
        let current = EpochKeys::derive(&self.id, KeyEpoch(1), own);
        let Signers { feeds, former_feeds, audit, witness, sighting_keys } = self.signers(member, followed);
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

    pub fn settings(&self, options: &Options) -> Settings {
        Settings {
            window_ms: options.window_ms,
            decoys: options.decoys,
            canon_rules: CanonRules { default_region: None },
            guards: Arc::clone(&self.guards),
            typologies: TypologyList::built_in(),
            quarter_cap: Epsilon::QUARTER_CAP,
            schedule: Schedule::default(),
            cases: CaseRules::default(),
            challenge: ChallengeRules::default(),
            version: "simulation",
            brake: None,
        }
    }

    /// Size and root of a note that its author signed; none for any other.
    pub fn signed(&self, feed: &FeedId, note: &[u8]) -> Option<(TreeSize, TreeHash)> {
        let verifier = verifier_for(self.newest_roster(), feed, note).ok()?;
        let checkpoint = SignedCheckpoint::verify(note, &verifier).ok()?;
        Some((checkpoint.size(), *checkpoint.root()))
    }
}

fn row(consortium: &ConsortiumId, group: &GroupId, member: &MemberId, keys: &NodeKeys) -> Member {
    let feed = keys.feed_signer(consortium, member, group).expect("a valid name");
    Member {
        id: member.clone(),
        name: member.as_str().parse().expect("a valid name"),
        state: MemberState::Active,
        valid_from: START,
        valid_until: START.plus_s(365 * 86_400),
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

fn roster(consortium: &ConsortiumId, members: Vec<Member>, epoch: &EpochSecret, witness_quorum: u32) -> Roster {
    let admin = admin(consortium);
    let epoch_id = EpochKeys::derive(consortium, KeyEpoch(1), epoch).epoch_id();
    let draft = RosterDraft {
        consortium: consortium.clone(),
        version: 1,
        previous: None,
        not_after: START.plus_s(365 * 86_400),
        admins: Admins { quorum: 1, keys: vec![admin.verifier().clone()] },
        limits: Limits { witness_quorum, ..Limits::default() },
        epochs: vec![Epoch { number: KeyEpoch(1), id: epoch_id, activates_at: START, compromised_at: None }],
        members,
    };
    let note = sign(&draft, &[&admin], START).expect("a valid draft");
    let hash = note.sha256();
    note.verify_genesis(&hash).expect("a signed genesis")
}
