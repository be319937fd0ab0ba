//! Rosters for tests of any module: keys from small seeds, everything valid.

use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};

use crate::base::bytes::Sha256Digest;
use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::name::{ConsortiumId, GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::note::key::NoteSigner;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::member::{
    FeedKey, HpkeKey, Member, MemberState, admin_key_name, audit_key_name, feed_key_name, witness_key_name,
};
use crate::domain::roster::succession::sign;
use crate::domain::roster::terms::{Admins, Epoch, Limits};
use crate::domain::roster::verified::Roster;

/// 2026-11-22T00:00:00Z: all samples are valid at this moment and for a year.
pub const NOW: Timestamp = Timestamp::from_unix_s(1_795_305_600);

pub fn consortium() -> ConsortiumId {
    "demo.hushwire.example".parse().expect("valid")
}

pub fn group() -> GroupId {
    "all".parse().expect("valid")
}

fn key(role: &str, holder: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(format!("{role} of {holder}")).into())
}

pub fn feed_signer(member: &str) -> NoteSigner {
    let id = member.parse().expect("valid");
    NoteSigner::ed25519(&feed_key_name(&consortium(), &id, &group()), key("feed", member)).expect("valid")
}

pub fn audit_signer(member: &str) -> NoteSigner {
    let id = member.parse().expect("valid");
    NoteSigner::ed25519(&audit_key_name(&consortium(), &id), key("audit", member)).expect("valid")
}

pub fn witness_signer(member: &str) -> NoteSigner {
    let id = member.parse().expect("valid");
    NoteSigner::cosigner(&witness_key_name(&consortium(), &id), key("witness", member)).expect("valid")
}

pub fn admin_signer(name: &str) -> NoteSigner {
    let admin = name.parse().expect("valid");
    NoteSigner::ed25519(&admin_key_name(&consortium(), &admin), key("admin", name)).expect("valid")
}

/// SHA-256 of the member's name stands for the pin of its TLS key.
pub fn pin(member: &str) -> Sha256Digest {
    Sha256Digest(Sha256::digest(member).into())
}

pub fn member(id: &str) -> Member {
    let mut hpke = [0; HpkeKey::LENGTH];
    hpke[..32].copy_from_slice(&Sha256::digest(id));
    let id: MemberId = id.parse().expect("valid");
    Member {
        name: id.as_str().parse().expect("valid"),
        state: MemberState::Active,
        valid_from: NOW,
        valid_until: NOW.plus_s(365 * 86_400),
        entries_per_day: 100_000,
        endpoints: vec![format!("{id}.example:7443").parse().expect("valid")],
        pins: vec![pin(id.as_str())],
        groups: [group()].into(),
        feeds: vec![FeedKey {
            group: group(),
            from_size: TreeSize::EMPTY,
            key: feed_signer(id.as_str()).verifier().clone(),
        }],
        audit_key: audit_signer(id.as_str()).verifier().clone(),
        witness_key: witness_signer(id.as_str()).verifier().clone(),
        hpke_key: HpkeKey::new(hpke),
        id,
    }
}

/// A genesis with these members in group `all`, three admins of whom two are a quorum, and epoch 1 since [`NOW`].
pub fn draft(members: &[&str]) -> RosterDraft {
    RosterDraft {
        consortium: consortium(),
        version: 1,
        previous: None,
        not_after: NOW.plus_s(365 * 86_400),
        admins: Admins {
            quorum: 2,
            keys: ["anna", "ben", "cleo"].map(|name| admin_signer(name).verifier().clone()).to_vec(),
        },
        limits: Limits::default(),
        epochs: vec![Epoch { number: KeyEpoch(1), id: EpochId([1; 16]), activates_at: NOW, compromised_at: None }],
        members: members.iter().map(|id| member(id)).collect(),
    }
}

/// The same, signed and verified.
pub fn roster(members: &[&str]) -> Roster {
    found(&draft(members))
}

/// Signs a genesis draft by two of its admins and verifies it.
pub fn found(draft: &RosterDraft) -> Roster {
    let note = sign(draft, &[&admin_signer("anna"), &admin_signer("ben")], NOW).expect("a valid draft");
    let hash = note.sha256();
    note.verify_genesis(&hash).expect("a signed genesis")
}
