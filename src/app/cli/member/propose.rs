//! `hushwire member propose`: the next roster, ready to be signed, and key bundles for who is new.

use std::path::{Path, PathBuf};

use clap::Args;
use rand::CryptoRng;

use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::answer;
use crate::base::bytes::Sha256Digest;
use crate::base::epoch::KeyEpoch;
use crate::base::name::MemberId;
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::pseudonym::keys::EpochSecret;
use crate::domain::roster::card::MemberCard;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::member::{FeedKey, Member, MemberState};
use crate::domain::roster::succession::{check_draft, check_succession, text_sha256};
use crate::domain::roster::terms::Epoch;
use crate::domain::roster::verified::Roster;
use crate::io::key_bundle::{BundleTerms, epoch_id, seal};
use crate::io::keystore::file::{Readers, create, read_at_most};
use crate::io::keystore::keys::{NodeKeys, random_secret};
use crate::io::{clock, random};

/// Prepare the next roster: add, suspend, remove, renew.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire member propose --dir bank-a --add shop.card --out shop-joins
  hushwire member propose --dir bank-a --suspend bank-b --out bank-b-suspended
  hushwire member propose --dir bank-a --update bank-b.card --renew-days 365 --out renewal

Writes OUT/roster-N.note and, for each member added, the epoch keys sealed to it. Then the quorum signs:
hushwire member sign OUT/* --admin KEYFILE, and each member applies: hushwire member apply OUT/*")]
pub struct ProposeArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Card of a new member; may be repeated. Opens the keystore, to seal the epoch keys to it.
    #[arg(long, value_name = "CARD")]
    add: Vec<PathBuf>,
    /// New card of a member: name, endpoints, pins, groups, quota, validity and HPKE key are taken over; its signing keys stay,
    /// feeds of new groups come at their end.
    #[arg(long, value_name = "CARD")]
    update: Vec<PathBuf>,
    /// Shut a member out for the time being; may be repeated.
    #[arg(long, value_name = "MEMBER")]
    suspend: Vec<MemberId>,
    /// Let a suspended member back in; may be repeated.
    #[arg(long, value_name = "MEMBER")]
    reinstate: Vec<MemberId>,
    /// Remove a member for good; may be repeated. Make a new epoch too: hushwire key new-epoch.
    #[arg(long, value_name = "MEMBER")]
    remove: Vec<MemberId>,
    /// Days from today until the roster must be renewed again; without it the date stays.
    #[arg(long, value_name = "DAYS")]
    renew_days: Option<u32>,
    /// Cosignatures a checkpoint needs before its indicators count fully; 0 for none. Who leaves may make another one needed.
    #[arg(long, value_name = "N")]
    witness_quorum: Option<u32>,
    /// Folder to write; must not exist.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

pub fn run(args: &ProposeArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let current = node.roster_files().current()?;
    let mut states = Vec::new();
    for (members, state) in [
        (&args.suspend, MemberState::Suspended),
        (&args.reinstate, MemberState::Active),
        (&args.remove, MemberState::Left),
    ] {
        states.extend(members.iter().map(|member| (member.clone(), state)));
    }
    let changes = Changes {
        add: read_cards(&args.add)?,
        update: read_cards(&args.update)?,
        states,
        renew_days: args.renew_days,
        witness_quorum: args.witness_quorum,
        new_epoch: None,
    };
    if changes.is_empty() {
        return Err(CliError::usage("nothing to change").hint("see hushwire member propose --help"));
    }
    let opened = if changes.add.is_empty() { None } else { Some(args.sealing.open(&node)?.0) };
    let keys = opened.as_ref().map(|keystore| &keystore.keys);
    let prepared = prepare(&current, &changes, keys, clock::now(), &mut random::generator())?;
    prepared.write(&args.out)?;
    report(&prepared, &args.out)
}

/// Says what comes next.
pub fn report(prepared: &Prepared, out: &Path) -> Result<Outcome, CliError> {
    answer(format!("roster version {}: {}", prepared.version, prepared.sha256))?;
    answer(format!("next, the quorum: hushwire member sign {}/* --admin KEYFILE", out.display()))?;
    Ok(Outcome::Done)
}

/// What is to change.
#[derive(Debug, Default)]
pub struct Changes {
    pub add: Vec<MemberCard>,
    pub update: Vec<MemberCard>,
    pub states: Vec<(MemberId, MemberState)>,
    pub renew_days: Option<u32>,
    pub witness_quorum: Option<u32>,
    pub new_epoch: Option<NewEpoch>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.add.is_empty()
            && self.update.is_empty()
            && self.states.is_empty()
            && self.renew_days.is_none()
            && self.witness_quorum.is_none()
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
}

impl Prepared {
    /// Writes `roster-N.note` and `epoch-N.bundle` into a new folder.
    pub fn write(&self, folder: &Path) -> Result<(), CliError> {
        if folder.exists() {
            return Err(CliError::failed(format!("{} exists already", folder.display())).hint("choose another --out"));
        }
        for (number, bundle) in &self.bundles {
            create(&folder.join(format!("epoch-{number}.bundle")), bundle.as_bytes(), Readers::Everyone)?;
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
    if let Some(quorum) = changes.witness_quorum {
        next.limits.witness_quorum = quorum;
    }
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
    Ok(Prepared { version: next.version, sha256, roster, bundles })
}

fn change_members(next: &mut RosterDraft, changes: &Changes) -> Result<(), CliError> {
    for card in changes.add.iter().chain(&changes.update) {
        if *card.consortium() != next.consortium {
            let (member, other) = (&card.member().id, card.consortium());
            return Err(CliError::not_verified(format!("the card of {member} was made for consortium {other}")));
        }
    }
    next.members.extend(changes.add.iter().map(|card| card.member().clone()));
    for card in &changes.update {
        let fresh = card.member();
        let row = row_of(next, &fresh.id)?;
        let feeds = feeds_of(row, fresh)
            .filter(|_| (&row.audit_key, &row.witness_key) == (&fresh.audit_key, &fresh.witness_key))
            .ok_or_else(|| {
                CliError::not_verified(format!("the card of {} has other signing keys than the roster", fresh.id))
            })?;
        *row = Member { state: row.state, feeds, ..fresh.clone() };
    }
    for (member, state) in &changes.states {
        row_of(next, member)?.state = *state;
    }
    Ok(())
}

/// The feed keys of a member with those of its new groups; none where the card has another key for a group it is in.
fn feeds_of(row: &Member, fresh: &Member) -> Option<Vec<FeedKey>> {
    let mut feeds = row.feeds.clone();
    for feed in &fresh.feeds {
        match row.feed_key(&feed.group, TreeSize(u64::MAX)) {
            Some(known) if *known != feed.key => return None,
            Some(_) => {}
            None => feeds.push(feed.clone()),
        }
    }
    Some(feeds)
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
