//! `hushwire restore`: looks through a backup, and makes a node's folder of it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use crate::app::cli::backup::{progress, size_in_words};
use crate::app::cli::sealing::PassphraseArgs;
use crate::app::cli::whole_folder::{WholeFolder, refuse_occupied};
use crate::app::config::Config;
use crate::app::config::layout::NodeDir;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json, counted, remark};
use crate::base::name::MemberId;
use crate::domain::audit::command::Command;
use crate::io::backup::check::Contents;
use crate::io::backup::format::{BackupError, Header, Parts};
use crate::io::backup::restore::{Target, take_apart};
use crate::io::keystore::file::read;
use crate::io::keystore::passphrase::{Passphrase, PassphraseSource};
use crate::io::keystore::stream::{Identities, open_from};

/// Look through a backup, and make a node's folder of it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire restore bank-a.backup --check
  hushwire restore bank-a.backup --to bank-a
  hushwire restore bank-a.backup --to bank-a --identity backup-key.txt
  ssh vault cat bank-a.backup | hushwire restore - --to bank-a

Nothing is put in place before the whole backup was looked through: seals and order of all records, the signed root of every \
feed, the cosigned root of the audit log, keystore and rosters. The restored node signs nothing until other members have told it \
what it had signed since, and takes that back from them. Never start it while the old one can still run: docs/backup.md.

Exit code 5: the backup is not what was written.")]
pub struct RestoreArgs {
    /// The backup; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Folder to make; must be new or empty
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    to: Option<PathBuf>,
    /// Only look through it and say what is in it; nothing is written
    #[arg(long)]
    check: bool,
    /// Refuse a backup of any other member
    #[arg(long, value_name = "ID")]
    member: Option<MemberId>,
    /// Private key of age, where the backup was sealed to a recipient
    #[arg(long, value_name = "KEYFILE")]
    identity: Option<PathBuf>,
    #[command(flatten)]
    sealing: PassphraseArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: RestoreArgs) -> Result<Outcome, CliError> {
    match &args.to {
        Some(to) => refuse_occupied(to)?,
        None if args.check => {}
        None => {
            let hint = "--to DIR makes a node's folder of it; --check only looks through it and writes nothing";
            return Err(CliError::usage("what is to be done with the backup is not said").hint(hint));
        }
    }
    let from_input = args.file == Path::new("-");
    if from_input && args.sealing.source()? == Some(PassphraseSource::Descriptor(0)) {
        return Err(CliError::usage("backup and passphrase cannot both come from standard input"));
    }
    let input: Box<dyn BufRead> = if from_input {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let opened = File::open(&args.file);
        Box::new(BufReader::new(opened.map_err(|error| CliError::usage(format!("{}: {error}", args.file.display())))?))
    };
    let identities = args.identity.as_deref().map(identities).transpose()?;
    let passphrase = args.sealing.existing()?;
    let contents = match &args.to {
        None => open(&args, input, identities.as_ref(), &passphrase, None)?,
        Some(to) => {
            let folder = WholeFolder::begin(to, "restore")?;
            let target = Target::new(folder.path());
            let contents = open(&args, input, identities.as_ref(), &passphrase, Some(target))?;
            // Part of the folder before it is anybody's: the restored node tells of it at its first start.
            let restored = Command::BackupRestored { made_at: contents.header.made_at };
            NodeDir::new(folder.path()).commands().leave(&restored)?;
            folder.put_in_place()?;
            contents
        }
    };
    report(&args, &contents)
}

fn open(
    args: &RestoreArgs,
    input: Box<dyn BufRead>,
    identities: Option<&Identities>,
    passphrase: &Passphrase,
    target: Option<Target>,
) -> Result<Contents, CliError> {
    let mut opened = open_from(input, passphrase, identities).map_err(BackupError::from)?;
    let parts = Parts::begin(&mut *opened)?;
    let found = parts.header.member.clone();
    if let Some(expected) = args.member.clone().filter(|expected| *expected != found) {
        return Err(BackupError::OtherMember { found, expected }.into());
    }
    let bar = progress(parts.header.bytes);
    let contents = take_apart(parts, passphrase, target, &mut |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    Ok(contents?)
}

fn identities(file: &Path) -> Result<Identities, CliError> {
    let text = String::from_utf8(read(file)?).map(Zeroizing::new);
    let keys = text.ok().as_ref().and_then(Identities::parse);
    keys.ok_or_else(|| {
        CliError::usage(format!("{} holds no private key of age", file.display()))
            .hint("a file as age-keygen writes it: AGE-SECRET-KEY-1..., one a line")
    })
}

fn report(args: &RestoreArgs, contents: &Contents) -> Result<Outcome, CliError> {
    let Contents { header, roster_version, segments, records, inspected } = contents;
    let Header { consortium, member, made_at, program, parts, bytes } = header;
    if args.json {
        let feeds = inspected.feeds.iter().map(|(id, size)| (id.origin(consortium), json!(size.0)));
        answer_json(&json!({
            "verified": true, "restored_to": args.to, "consortium": consortium.as_str(), "member": member.as_str(),
            "made_at": made_at.to_string(), "program": program, "parts": parts, "bytes": bytes, "segments": segments,
            "records": records, "incarnation": inspected.incarnation.to_string(),
            "written_at": inspected.written_at.to_string(), "roster_version": roster_version,
            "feeds": feeds.collect::<serde_json::Map<_, _>>(), "audit_size": inspected.audit_size.0,
            "audit_witnessed_size": inspected.audit_witnessed.map(|size| size.0), "pending": inspected.pending,
        }))?;
    } else {
        answer(format!(
            "verified: {member} of {consortium}, made {made_at} by hushwire {program}, {}",
            size_in_words(*bytes)
        ))?;
        answer(format!(
            "journal        {} in {}, the last of {}, incarnation {}",
            counted(*records, "record", "records"),
            counted(*segments, "segment", "segments"),
            inspected.written_at,
            inspected.incarnation
        ))?;
        for (id, size) in &inspected.feeds {
            answer(format!("feed           {}, {}", id.origin(consortium), counted(size.0, "entry", "entries")))?;
        }
        let witnessed = match inspected.audit_witnessed {
            Some(size) => format!("compared with what others cosigned up to size {size}"),
            None => "nobody has cosigned it yet".to_owned(),
        };
        answer(format!("audit log      {}, {witnessed}", counted(inspected.audit_size.0, "record", "records")))?;
        answer(format!("roster         version {roster_version}"))?;
    }
    if let Some(to) = &args.to {
        advise(to);
    }
    Ok(Outcome::Done)
}

/// What to do next, and what the configuration places outside the folder.
fn advise(to: &Path) {
    let file = NodeDir::new(to).config();
    let shown = file.display();
    match Config::load(&file) {
        Ok(config) => {
            let node = NodeDir::new(to);
            let elsewhere = [
                ("node.dir", config.dir != node),
                ("keystore.path", config.keystore != node.keystore()),
                ("guard.dir", config.guard_dir != node.guard()),
                ("typology.file", config.typology_file.is_some_and(|typology| typology != to.join("typology.tsv"))),
                ("policy.file", config.policy.file.is_some_and(|policy| policy != to.join("policy.toml"))),
                ("policy.candidate", config.policy.candidate.is_some_and(|next| next != to.join("candidate.toml"))),
            ];
            for (key, _) in elsewhere.into_iter().filter(|(_, elsewhere)| *elsewhere) {
                remark(format!("{shown} sets {key}: what it named lies in {} now, change the line", to.display()));
            }
        }
        Err(error) => remark(format!("{error}; mend it before the start")),
    }
    remark(format!(
        "restored. When the old node can run no more: hushwire doctor --config {shown}, then hushwire serve --config {shown}"
    ));
}
