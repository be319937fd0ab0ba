//! Keystore and roster: there, whole, and talking about the same node.

use std::io::ErrorKind;

use crate::app::cli::doctor::permissions::give_back;
use crate::app::cli::doctor::{Findings, Patient};
use crate::app::cli::member::card::own_pin;
use crate::app::output::counted;
use crate::base::limits::EPOCH_DAYS;
use crate::domain::roster::member::{Member, MemberState};
use crate::domain::roster::verified::Roster;
use crate::io::bundle_files::open_kept;
use crate::io::clock;
use crate::io::keystore::passphrase::{Passphrase, PassphraseSource};
use crate::io::keystore::rollover::RotatedKey;
use crate::io::keystore::store::{Keystore, KeystoreError};

/// Days before its end from which a roster must be renewed: every member has to sign or apply it.
const EARLY_DAYS: u64 = 30;

/// Returns the roster in force, where it verifies.
pub(super) fn examine(patient: &Patient<'_>, keystore: Option<&Keystore>, findings: &mut Findings) -> Option<Roster> {
    let roster = match patient.config.dir.roster_files().current() {
        Ok(roster) => roster,
        Err(error) => {
            let mend = format!(
                "hushwire member join INVITATION --genesis HASH --dir {0}, or found a consortium: hushwire member genesis --help",
                patient.dir()
            );
            findings.fault("roster", error.to_string(), mend);
            return None;
        }
    };
    in_force(patient, &roster, findings);
    listed(patient, keystore, &roster, findings);
    if let Some(keystore) = keystore {
        keys_of(patient, keystore, &roster, findings);
    }
    Some(roster)
}

pub(super) fn keystore(patient: &Patient<'_>, findings: &mut Findings) -> Option<Keystore> {
    let path = &patient.config.keystore;
    if !path.exists() {
        let mend = format!(
            "restore it from a backup, or make a new node: hushwire member keygen --dir {} --consortium ID --member {}",
            patient.dir(),
            patient.config.member
        );
        findings.fault("keystore", format!("{} is not there", path.display()), mend);
        return None;
    }
    let source = &patient.config.passphrase;
    // A prompt would stop whoever runs this every minute; a descriptor is only there for the node.
    if !source.is_unattended() || matches!(source, PassphraseSource::Descriptor(_)) {
        findings.ok("keystore", format!("{} is there; not opened, its passphrase is asked for", path.display()));
        return None;
    }
    let check = format!("check passphrase under [keystore] in {}; it is now {source}", patient.file.display());
    let passphrase = match Passphrase::obtain(Some(source)) {
        Ok(passphrase) => passphrase,
        Err(error) => {
            findings.fault("keystore", format!("{}: {error}", path.display()), check);
            return None;
        }
    };
    let error = match Keystore::read(path, &passphrase) {
        Ok(keystore) => {
            findings.ok("keystore", format!("{} opens", path.display()));
            return Some(keystore);
        }
        Err(error) => error,
    };
    let mend = match &error {
        KeystoreError::File(error) if error.reason.kind() == ErrorKind::PermissionDenied => give_back(path),
        KeystoreError::File(_) | KeystoreError::Content { .. } => "restore it from a backup".to_owned(),
        KeystoreError::Seal(_) => check,
    };
    // An error of the file names it already.
    let found = match error {
        KeystoreError::File(error) => error.to_string(),
        error => format!("{}: {error}", path.display()),
    };
    findings.fault("keystore", found, mend);
    None
}

fn in_force(patient: &Patient<'_>, roster: &Roster, findings: &mut Findings) {
    let now = clock::now();
    let renew = format!(
        "hushwire member propose --dir {0} --renew-days 365 --out renewal && hushwire member sign renewal/* --admin KEYFILE \
         && hushwire member apply --dir {0} renewal/*",
        patient.dir()
    );
    let until = roster.not_after();
    let days = until.ms_since(now) / 86_400_000;
    let version = roster.version();
    if until <= now {
        findings.fault("roster", format!("version {version} ended at {until}"), renew);
    } else if days < EARLY_DAYS {
        findings.warning("roster", format!("version {version} ends in {days} days"), renew);
    } else {
        findings.ok(
            "roster",
            format!(
                "version {version} of {}, {}, {days} days",
                roster.consortium(),
                counted(roster.members().len(), "member", "members")
            ),
        );
    }
    let new_epoch = format!("hushwire key new-epoch --dir {} --out next-epoch", patient.dir());
    match roster.current_epoch(now) {
        None => findings.fault(
            "epoch",
            "no epoch is active yet",
            "wait until the roster's first epoch begins, or check the clock",
        ),
        Some(epoch) => {
            let age = now.ms_since(epoch.activates_at) / 86_400_000;
            let next = roster.epochs().iter().any(|other| other.activates_at > now);
            let found = format!("epoch {} has been active for {}", epoch.number, counted(age, "day", "days"));
            if age + 14 >= u64::from(EPOCH_DAYS) && !next {
                let over = if age >= u64::from(EPOCH_DAYS) { "are over" } else { "are nearly over" };
                findings.warning("epoch", format!("{found}; its {EPOCH_DAYS} days {over} and none follows"), new_epoch);
            } else {
                findings.ok("epoch", found);
            }
        }
    }
}

/// Why a member takes no part now.
fn why_not(member: &Member) -> String {
    match member.state {
        MemberState::Active => format!("its membership runs from {} to {}", member.valid_from, member.valid_until),
        state => format!("the roster says it is {}", state.label()),
    }
}

/// Whether the roster lists this node with the certificate it has.
fn listed(patient: &Patient<'_>, keystore: Option<&Keystore>, roster: &Roster, findings: &mut Findings) {
    let card = format!("hushwire member card --dir {} --out new.card   # then hand it to the admins", patient.dir());
    let id = &patient.config.member;
    let Some(member) = roster.member(id) else {
        return findings.fault("roster", format!("it does not list {id}"), card);
    };
    if !member.takes_part(clock::now()) {
        let found = format!("{id} does not take part: {}", why_not(member));
        findings.fault("roster", found, "ask the admins: hushwire member roster shows what they decided");
    }
    // That the certificate is of another node was said before.
    let foreign = std::fs::read_to_string(patient.config.dir.peer_certificate())
        .is_ok_and(|pem| keystore.is_some_and(|keystore| keystore.keys.peer_key_of(&pem).is_none()));
    match own_pin(&patient.config.dir).ok().filter(|_| !foreign) {
        Some(pin) if member.pins.contains(&pin) => {
            findings.ok("roster", format!("it lists {id} with this node's certificate"))
        }
        Some(_) => findings.fault(
            "roster",
            "it pins another key than that of tls/peer.pem: no peer will accept this node",
            card,
        ),
        // So was that it cannot be read.
        None => {}
    }
}

fn keys_of(patient: &Patient<'_>, keystore: &Keystore, roster: &Roster, findings: &mut Findings) {
    if keystore.member != patient.config.member {
        let mend = format!("set member under [node] or path under [keystore] in {}", patient.file.display());
        findings.fault("keystore", format!("it belongs to {}", keystore.member), mend);
    }
    let row = roster.member(&keystore.member);
    for key in RotatedKey::ALL.into_iter().filter(|key| row.is_some_and(|row| !keystore.keys.holds_named(*key, row))) {
        let found = format!("the roster names another {} key than it holds", key.label());
        let mend =
            "put the node's own keystore back, from a backup; without it the member starts anew under another id";
        findings.fault("keystore", found, mend);
    }
    let named = |key: &RotatedKey| {
        let next = keystore.keys.next_fingerprint(*key);
        row.zip(next).is_some_and(|(row, next)| key.named_by(row).contains(&next))
    };
    for key in RotatedKey::ALL.into_iter().filter(named) {
        let found = format!("the roster names its next {0} key; the former one still lies there", key.label());
        let mend = format!("hushwire key rotate {} --dir {} --finish", key.label(), patient.dir());
        findings.warning("keystore", found, mend);
    }
    let now = clock::now();
    let chain = patient.config.dir.roster_files().load().unwrap_or_default();
    let received = open_kept(&patient.config.dir.bundle_files(), keystore, &chain, now);
    match keystore.keys.key_ring_with(&received, roster, now) {
        Ok(_) => findings.ok("keystore", "it holds the secrets of every epoch that is read"),
        Err(error) => {
            let mend = format!("hushwire member apply BUNDLE --dir {}; another member has the bundle", patient.dir());
            findings.fault("keystore", error.to_string(), mend);
        }
    }
}
