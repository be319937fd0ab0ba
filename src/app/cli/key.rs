//! `hushwire key …`: admin keys, the node's keys, new epochs.

mod rotate;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::cli::member::changes::{Changes, NewEpoch, prepare};
use crate::app::cli::member::propose::report;
use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::epoch::KeyEpoch;
use crate::base::name::{ConsortiumId, GroupId};
use crate::base::rotated_key::RotatedKey;
use crate::domain::audit::command::Command;
use crate::io::bundle_files::is_needed;
use crate::io::keystore::admin::AdminKey;
use crate::io::keystore::store::Keystore;
use crate::io::{clock, random};

/// Keys: of admins, of the node, of epochs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire key admin anna --consortium demo.example --out anna.age
  hushwire key show --dir bank-a
  hushwire key rotate peer-tls --dir bank-a
  hushwire key new-epoch --dir bank-a --in-days 14 --out epoch-2
  hushwire key new-epoch --dir bank-a --compromised --out emergency")]
pub struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make an admin's key, with which rosters and key bundles are signed. It belongs to a person, not to a node.
    Admin(AdminArgs),
    /// Show the public halves of the node's keys and the epochs it holds.
    Show(ShowArgs),
    /// Let a new key take over from one of the node's: feed, witness, audit, hpke or peer-tls.
    Rotate(rotate::RotateArgs),
    /// Prepare the next epoch: a roster that announces it and its secret sealed to every active member.
    NewEpoch(NewEpochArgs),
    /// Destroy the secret of an epoch that is no longer readable.
    ForgetEpoch(ForgetArgs),
    /// Seal the keystore under another passphrase.
    Reseal(ResealArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire key admin anna --consortium demo.example --out anna.age > anna.key")]
struct AdminArgs {
    /// What the admin is called in the roster, e.g. a function rather than a person's name.
    name: GroupId,
    /// The consortium's id.
    #[arg(long, value_name = "ID")]
    consortium: ConsortiumId,
    /// File to write; existing files are not replaced.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// One JSON object on standard output: {"file", "key"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire key show --dir bank-a")]
struct ShowArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire key new-epoch --dir bank-a --in-days 14 --out desk/epoch-2
  hushwire key new-epoch --dir bank-a --compromised --out desk/emergency")]
struct NewEpochArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Days from now until publishers write under it: time for every member to apply it.
    #[arg(long, value_name = "DAYS", default_value_t = 14, conflicts_with = "compromised")]
    in_days: u32,
    /// The present secret got out, or a member left: activate at once and let nothing new count under earlier epochs.
    #[arg(long)]
    compromised: bool,
    /// Folder to write; must not exist.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// One JSON object on standard output: {"version", "sha256", "dir"}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire key forget-epoch 1 --dir bank-a")]
struct ForgetArgs {
    /// Number of the epoch.
    #[arg(value_name = "EPOCH", value_parser = clap::value_parser!(u32))]
    epoch: u32,
    #[command(flatten)]
    dir: DirArgs,
    /// One JSON object on standard output: {"epoch"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire key reseal --dir bank-a --new-passphrase file:new-passphrase")]
struct ResealArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Where the new passphrase comes from; the forms of --passphrase.
    #[arg(long, value_name = "SOURCE")]
    new_passphrase: String,
    /// One JSON object on standard output: {"file"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

pub fn run(args: KeyArgs) -> Result<Outcome, CliError> {
    match args.command {
        KeyCommand::Admin(args) => admin(&args),
        KeyCommand::Show(args) => show(&args),
        KeyCommand::Rotate(args) => rotate::run(&args),
        KeyCommand::NewEpoch(args) => new_epoch(&args),
        KeyCommand::ForgetEpoch(args) => forget_epoch(&args),
        KeyCommand::Reseal(args) => reseal(&args),
    }
}

fn admin(args: &AdminArgs) -> Result<Outcome, CliError> {
    let passphrase = args.sealing.chosen()?;
    let key = AdminKey::generate(args.consortium.clone(), args.name.clone(), &mut random::generator());
    let verifier = key.signer()?.verifier().to_string();
    key.create(&args.out, &passphrase, args.sealing.work())?;
    if args.json {
        answer_json(&json!({ "file": args.out.display().to_string(), "key": verifier }))?;
    } else {
        // On a line of its own: it is copied into the next command.
        answer(verifier)?;
    }
    Ok(Outcome::Done)
}

fn show(args: &ShowArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let (keystore, _) = args.sealing.open(&node)?;
    let (consortium, member, keys) = (&keystore.consortium, &keystore.member, &keystore.keys);
    let audit = keys.audit_signer(consortium, member)?.verifier().to_string();
    let witness = keys.witness_signer(consortium, member)?.verifier().to_string();
    let feed = hex::encode(keys.feed.verifying_key().as_bytes());
    let pin = crate::app::cli::member::card::own_pin(&node)?.to_string();
    let epochs: Vec<u32> = keys.epochs.keys().map(|epoch| epoch.0).collect();
    let next = RotatedKey::ALL.into_iter().filter(|key| keys.next_fingerprint(*key).is_some());
    let next: Vec<&str> = next.map(RotatedKey::label).collect();
    if args.json {
        return answer_json(&json!({
            "next": next,
            "consortium": consortium.as_str(),
            "member": member.as_str(),
            "feed_public_key": feed,
            "audit_key": audit,
            "witness_key": witness,
            "hpke_key": keys.hpke.public().to_string(),
            "pin": pin,
            "epochs": epochs,
        }))
        .map(|()| Outcome::Done);
    }
    answer(format!("{member} of {consortium}"))?;
    answer(format!("feed key     {feed}"))?;
    answer(format!("audit key    {audit}"))?;
    answer(format!("witness key  {witness}"))?;
    answer(format!("peer pin     {pin}"))?;
    if !next.is_empty() {
        answer(format!("to take over {}", next.join(" ")))?;
    }
    let epochs: Vec<String> = epochs.iter().map(ToString::to_string).collect();
    answer(format!("epochs held  {}", if epochs.is_empty() { "none".to_owned() } else { epochs.join(" ") }))?;
    Ok(Outcome::Done)
}

fn new_epoch(args: &NewEpochArgs) -> Result<Outcome, CliError> {
    let current = args.dir.node().roster_files().current()?;
    let now = clock::now();
    let wish = if args.compromised {
        NewEpoch { activates_at: now, compromised_at: Some(now) }
    } else {
        NewEpoch { activates_at: now.plus_s(u64::from(args.in_days) * 86_400), compromised_at: None }
    };
    let changes = Changes { new_epoch: Some(wish), ..Changes::default() };
    let prepared = prepare(&current, &changes, None, now, &mut random::generator())?;
    prepared.write(&args.out)?;
    report(&prepared, &args.out, args.json)
}

fn forget_epoch(args: &ForgetArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let epoch = KeyEpoch(args.epoch);
    let roster = node.roster_files().current()?;
    let now = clock::now();
    if is_needed(&roster, epoch, now) {
        return Err(CliError::usage(format!("epoch {epoch} is still needed to read or to write")));
    }
    let (mut keystore, passphrase) = args.sealing.open(&node)?;
    // First: whoever is stopped in between still holds the secret and can say so again.
    let bundles = node.bundle_files().forget(epoch)?;
    if keystore.keys.epochs.remove(&epoch).is_some() {
        keystore.replace(&node.keystore(), &passphrase, args.sealing.work())?;
    } else if bundles == 0 {
        return Err(CliError::usage(format!("this node holds no secret of epoch {epoch}")));
    }
    node.commands().leave(&Command::EpochForgotten { epoch })?;
    if args.json {
        answer_json(&json!({ "epoch": epoch.0 }))?;
    } else {
        answer(format!("secret of epoch {epoch} destroyed here; copies in backups are not"))?;
    }
    Ok(Outcome::Done)
}

fn reseal(args: &ResealArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let (present, passphrase) = args.sealing.change(&args.new_passphrase)?;
    let keystore = Keystore::read(&node.keystore(), &present)?;
    keystore.replace(&node.keystore(), &passphrase, args.sealing.work())?;
    node.commands().leave(&Command::KeystoreResealed)?;
    let file = node.keystore().display().to_string();
    if args.json {
        answer_json(&json!({ "file": file }))?;
    } else {
        answer(format!("{file} is sealed under the new passphrase"))?;
    }
    Ok(Outcome::Done)
}
