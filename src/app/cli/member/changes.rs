//! What is to change in a roster, and the successor made of it with key bundles for who is new; both still unsigned.

use std::path::{Path, PathBuf};

use rand::CryptoRng;
use serde_json::{Value, json};

use crate::app::cli::member::limit::Limit;
use crate::app::outcome::CliError;
use crate::base::bytes::Sha256Digest;
use crate::base::epoch::KeyEpoch;
use crate::base::name::{ConsortiumId, GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::note::key::{SignatureType, VerifierKey};
use crate::domain::pseudonym::keys::EpochSecret;
use crate::domain::roster::card::MemberCard;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::member::{FeedKey, Member, MemberState, admin_key_name, feed_key_name};
use crate::domain::roster::succession::{check_draft, check_succession, text_sha256};
use crate::domain::roster::terms::Epoch;
use crate::domain::roster::verified::Roster;
use crate::io::key_bundle::{BundleTerms, epoch_id, seal};
use crate::io::keystore::file::{Readers, create, read_at_most};
use crate::io::keystore::keys::{NodeKeys, random_secret};

/// What is to change.
#[derive(Debug, Default)]
pub struct Changes {
    pub add: Vec<MemberCard>,
    pub update: Vec<MemberCard>,
    pub states: Vec<(MemberId, MemberState)>,
    pub add_groups: Vec<(MemberId, GroupId)>,
    pub drop_groups: Vec<(MemberId, GroupId)>,
    pub limits: Vec<Limit>,
    pub add_admins: Vec<VerifierKey>,
    /// Names, the last part of their keys' names.
    pub drop_admins: Vec<GroupId>,
    /// How many admins must sign every later change.
    pub quorum: Option<usize>,
    pub renew_days: Option<u32>,
    pub new_epoch: Option<NewEpoch>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.add.is_empty()
            && self.update.is_empty()
            && self.states.is_empty()
            && self.add_groups.is_empty()
            && self.drop_groups.is_empty()
            && self.limits.is_empty()
            && self.add_admins.is_empty()
            && self.drop_admins.is_empty()
            && self.quorum.is_none()
            && self.renew_days.is_none()
            && self.new_epoch.is_none()
    }
}

/// A new life of the pseudonym key.
#[derive(Debug, Clone, Copy)]
pub struct NewEpoch {
    pub activates_at: Timestamp,
    /// Declares every earlier epoch compromised from this moment on.
    pub compromised_at: Option<Timestamp>,
}

/// A roster and key bundles, still unsigned.
#[derive(Debug)]
pub struct Prepared {
    pub version: u64,
    /// Hash of the roster's text.
    pub sha256: Sha256Digest,
    /// Text of the roster.
    pub roster: String,
    /// Texts of the bundles.
    pub bundles: Vec<(KeyEpoch, String)>,
    /// The signed roster it follows, so that whoever signs can be shown what changes; none before the first.
    pub before: Option<String>,
}

/// The roster in force, beside what was prepared to follow it.
pub const IN_FORCE: &str = "in-force.roster";

impl Prepared {
    /// What commands that prepare a roster say to machines.
    pub fn as_json(&self, folder: &Path) -> Value {
        json!({ "version": self.version, "sha256": self.sha256.to_string(), "dir": folder.display().to_string() })
    }

    /// Writes `roster-N.note`, `epoch-N.bundle` and the roster in force into a new folder.
    pub fn write(&self, folder: &Path) -> Result<(), CliError> {
        if folder.exists() {
            return Err(CliError::failed(format!("{} exists already", folder.display())).hint("choose another --out"));
        }
        for (number, bundle) in &self.bundles {
            create(&folder.join(format!("epoch-{number}.bundle")), bundle.as_bytes(), Readers::Everyone)?;
        }
        if let Some(before) = &self.before {
            create(&folder.join(IN_FORCE), before.as_bytes(), Readers::Everyone)?;
        }
        create(&folder.join(format!("roster-{}.note", self.version)), self.roster.as_bytes(), Readers::Everyone)?;
        Ok(())
    }
}

/// The successor of `current` with these changes. `keys` are needed where a member is added: they seal it the epochs.
pub fn prepare(
    current: &Roster,
    changes: &Changes,
    keys: Option<&NodeKeys>,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Prepared, CliError> {
    let mut next = current.content().clone();
    next.version += 1;
    next.previous = Some(current.sha256());
    if let Some(days) = changes.renew_days {
        next.not_after = now.day().start().plus_s(u64::from(days) * 86_400);
    }
    change_terms(&mut next, changes)?;
    change_members(&mut next, changes)?;
    let fresh = changes.new_epoch.map(|wish| add_epoch(&mut next, wish, rng)).transpose()?;
    check_draft(&next)?;
    check_succession(current, &next)?;
    let roster = next.to_text();
    let sha256 = text_sha256(&roster);
    let terms = |epoch| BundleTerms { consortium: &next.consortium, roster_sha256: sha256, epoch };
    let mut bundles = Vec::new();
    if let Some(secret) = &fresh {
        let epoch = next.epochs.last().expect("an epoch was just added");
        let recipients = next.members.iter().filter(|member| member.state == MemberState::Active);
        bundles.push((epoch.number, seal(&terms(epoch), secret, recipients, rng)?));
    }
    if !changes.add.is_empty() {
        let newcomers: Vec<&Member> = changes.add.iter().map(MemberCard::member).collect();
        for epoch in epochs_for_newcomers(current, now) {
            let secret = keys.and_then(|keys| keys.epochs.get(&epoch.number)).ok_or_else(|| {
                CliError::failed(format!("this keystore lacks the secret of epoch {}", epoch.number))
                    .hint("let a member that has it prepare the roster")
            })?;
            bundles.push((epoch.number, seal(&terms(epoch), secret, newcomers.iter().copied(), rng)?));
        }
    }
    Ok(Prepared { version: next.version, sha256, roster, bundles, before: Some(current.note().to_owned()) })
}

fn change_terms(next: &mut RosterDraft, changes: &Changes) -> Result<(), CliError> {
    for limit in &changes.limits {
        limit.set(&mut next.limits);
    }
    for name in &changes.drop_admins {
        let dropped = admin_key_name(&next.consortium, name);
        let before = next.admins.keys.len();
        next.admins.keys.retain(|key| key.name() != dropped);
        if next.admins.keys.len() == before {
            let known: Vec<&str> = next.admins.keys.iter().filter_map(|key| key.name().rsplit('/').next()).collect();
            return Err(CliError::usage(format!("the roster knows no admin {name}"))
                .hint(format!("its admins are {}", known.join(", "))));
        }
    }
    next.admins.keys.extend(changes.add_admins.iter().cloned());
    next.admins.quorum = changes.quorum.unwrap_or(next.admins.quorum);
    Ok(())
}

fn change_members(next: &mut RosterDraft, changes: &Changes) -> Result<(), CliError> {
    for card in changes.add.iter().chain(&changes.update) {
        if *card.consortium() != next.consortium {
            let (member, other) = (&card.member().id, card.consortium());
            return Err(CliError::not_verified(format!("the card of {member} was made for consortium {other}")));
        }
    }
    for card in &changes.add {
        card.check_first()?;
        next.members.push(card.member().clone());
    }
    for card in &changes.update {
        let fresh = card.member();
        let row = row_of(next, &fresh.id)?;
        card.check_vouched(row)?;
        *row = Member { state: row.state, ..fresh.clone() };
    }
    for (member, group) in &changes.add_groups {
        add_group(&next.consortium.clone(), row_of(next, member)?, group)?;
    }
    for (member, group) in &changes.drop_groups {
        if !row_of(next, member)?.groups.remove(group) {
            return Err(CliError::usage(format!("{member} takes no part in group {group}")));
        }
    }
    for (member, state) in &changes.states {
        row_of(next, member)?.state = *state;
    }
    Ok(())
}

/// The member signs its feed in the new group with the newest key the roster knows: one key may serve all of a member's
/// groups, since a checkpoint names its feed.
fn add_group(consortium: &ConsortiumId, row: &mut Member, group: &GroupId) -> Result<(), CliError> {
    if !row.groups.insert(group.clone()) {
        return Err(CliError::usage(format!("{} takes part in group {group} already", row.id)));
    }
    // Whoever was in the group before has a feed there, and goes on with its key.
    if row.feeds.iter().all(|feed| feed.group != *group) {
        let newest = row.feeds.last().ok_or_else(|| CliError::failed(format!("{} has no feed key", row.id)))?;
        let name = feed_key_name(consortium, &row.id, group);
        let key = VerifierKey::new(&name, SignatureType::Ed25519, newest.key.public_key())?;
        row.feeds.push(FeedKey { group: group.clone(), from_size: TreeSize::EMPTY, key });
    }
    Ok(())
}

fn row_of<'a>(next: &'a mut RosterDraft, id: &MemberId) -> Result<&'a mut Member, CliError> {
    let row = next.members.iter_mut().find(|member| member.id == *id);
    row.ok_or_else(|| CliError::usage(format!("the roster knows no member {id}")))
}

fn add_epoch(next: &mut RosterDraft, wish: NewEpoch, rng: &mut impl CryptoRng) -> Result<EpochSecret, CliError> {
    let last = next.epochs.last().map(|epoch| epoch.number);
    let number = last.and_then(KeyEpoch::next).ok_or_else(|| CliError::failed("there can be no further epoch"))?;
    if let Some(moment) = wish.compromised_at {
        for epoch in &mut next.epochs {
            epoch.compromised_at.get_or_insert(moment);
        }
    }
    let secret = EpochSecret::new(random_secret(rng));
    let id = epoch_id(&next.consortium, number, &secret);
    next.epochs.push(Epoch { number, id, activates_at: wish.activates_at, compromised_at: None });
    Ok(secret)
}

/// What a newcomer needs: the readable epochs and those announced for later.
fn epochs_for_newcomers(current: &Roster, now: Timestamp) -> Vec<&Epoch> {
    let mut epochs = current.readable_epochs(now);
    epochs.extend(current.epochs().iter().filter(|epoch| epoch.activates_at > now && epoch.compromised_at.is_none()));
    epochs.sort_by_key(|epoch| epoch.number);
    epochs
}

/// Reads and verifies member cards.
pub fn read_cards(paths: &[PathBuf]) -> Result<Vec<MemberCard>, CliError> {
    let read_card = |path: &PathBuf| {
        let bytes = read_at_most(path, 64 * 1024)?;
        let refused = |fault: String| CliError::not_verified(format!("{}: {fault}", path.display()));
        let text = String::from_utf8(bytes).map_err(|_| refused("a card is text".to_owned()))?;
        MemberCard::verify(&text).map_err(|fault| refused(fault.to_string()))
    };
    paths.iter().map(read_card).collect()
}
