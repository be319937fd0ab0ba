//! `hushwire member sign`: an admin reads what was prepared and signs it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::app::cli::member::changes::IN_FORCE;
use crate::app::cli::member::difference::changes;
use crate::app::cli::member::roster::summary;
use crate::app::cli::sealing::PassphraseArgs;
use crate::app::config::layout::NodeDir;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json, confirmed};
use crate::base::bytes::Sha256Digest;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::note::SignedNote;
use crate::domain::note::key::NoteSigner;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::succession::text_sha256;
use crate::io::clock;
use crate::io::key_bundle;
use crate::io::keystore::admin::AdminKey;
use crate::io::keystore::file::{Readers, read_at_most, write};

/// Sign prepared rosters and key bundles as an admin.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire member sign genesis/* --admin anna.age
  hushwire member sign shop-joins/* --admin anna.age
  hushwire member sign shop-joins/roster-2.note --against bank-a --admin anna.age

Shows what each file says and what a roster changes against the one it follows, then adds a signature to it in place. The roster \
it follows is among the files where propose wrote them, or named by --against; it is not signed again. On a terminal you are \
asked before anything is signed. Pass the files on until the quorum has signed.")]
pub struct SignArgs {
    /// Rosters and key bundles, signed or not.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The admin's sealed key, made by `hushwire key admin`.
    #[arg(long, value_name = "KEYFILE")]
    admin: PathBuf,
    /// The roster in force, to show what changes: its file, or the folder of a node that follows it.
    #[arg(long, value_name = "ROSTER")]
    against: Option<PathBuf>,
    /// Do not ask before signing. Without a terminal nobody is asked.
    #[arg(long)]
    yes: bool,
    /// One JSON object on standard output: {"admin", "documents"}; each document with its file, what is signed, and what that
    /// changes (null where the roster it follows is not known here), in lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

/// Far more than a sealed admin key has.
const ADMIN_KEY_BYTES: u64 = 64 * 1024;

pub fn run(args: &SignArgs) -> Result<Outcome, CliError> {
    // Before anybody reads what is to be signed, and is asked.
    read_at_most(&args.admin, ADMIN_KEY_BYTES)?;
    // Everything is read before anything is signed: one bad file must not leave half of a set signed.
    let mut documents = Vec::new();
    for path in &args.files {
        let refused = |fault: String| CliError::failed(format!("{}: {fault}", path.display()));
        documents.push((path, Document::read(&text_of(path)?).map_err(|fault| refused(fault.message))?));
    }
    let mut known: Vec<Known> = documents.iter().filter_map(|(_, document)| document.known()).collect();
    let followed: Vec<Sha256Digest> = known.iter().filter_map(|one| one.draft.previous).collect();
    if let Some(place) = &args.against {
        let before = known_at(place)?;
        if !followed.contains(&before.sha256) {
            let (version, place) = (before.draft.version, place.display());
            return Err(CliError::not_verified(format!("none of the files follows version {version} of {place}"))
                .hint("hushwire member roster FILE --json shows in previous which roster a file follows"));
        }
        known.push(before);
    }
    documents.retain(|(path, _)| path.file_name() != Some(OsStr::new(IN_FORCE)));
    if documents.is_empty() {
        return Err(CliError::usage(format!(
            "nothing to sign: {IN_FORCE} is there to be compared with, and signed already"
        )));
    }
    let mut shown = Vec::new();
    for (path, document) in &documents {
        let (says, changes) = (document.describe(), document.changes(&known));
        if !args.json {
            answer(format!("{}:", path.display()))?;
            says.iter().try_for_each(|line| answer(format!("  {line}")))?;
            document.tell_changes(changes.as_deref())?;
        }
        shown.push(json!({ "file": path.display().to_string(), "says": says, "changes": changes }));
    }
    if !args.yes && !confirmed("sign this?")? {
        return Err(CliError::failed("nothing was signed"));
    }
    let signer = AdminKey::read(&args.admin, &args.sealing.existing()?)?.signer()?;
    for (path, document) in documents {
        let note = document.signed(&signer, clock::now())?;
        write(path, note.as_bytes(), Readers::Everyone)?;
        if !args.json {
            answer(format!("signed {} as {}", path.display(), signer.verifier().name()))?;
        }
    }
    if args.json {
        answer_json(&json!({ "admin": signer.verifier().name(), "documents": shown }))?;
    }
    Ok(Outcome::Done)
}

fn text_of(path: &Path) -> Result<String, CliError> {
    let bytes = read_at_most(path, u64::try_from(limits::NOTE_BYTES).unwrap_or(u64::MAX))?;
    String::from_utf8(bytes)
        .map_err(|_| CliError::failed(format!("{}: neither a roster nor a key bundle", path.display())))
}

/// The roster in a file, or the one in force of a node's folder.
fn known_at(place: &Path) -> Result<Known, CliError> {
    if place.is_dir() {
        let current = NodeDir::new(place).roster_files().current()?;
        return Ok(Known { sha256: current.sha256(), draft: current.content().clone() });
    }
    let document = Document::read(&text_of(place)?);
    let known = document.ok().and_then(|document| document.known());
    known.ok_or_else(|| CliError::usage(format!("{} is no roster and no node's folder", place.display())))
}

/// A roster that another may follow.
#[derive(Debug)]
struct Known {
    sha256: Sha256Digest,
    draft: RosterDraft,
}

/// A text to be signed, with the signatures it has.
#[derive(Debug)]
pub struct Document {
    text: String,
    signed: Option<SignedNote>,
    /// None of a key bundle.
    roster: Option<RosterDraft>,
}

impl Document {
    /// Reads a roster or key bundle, whether signed already or fresh from its maker. Nothing else may be signed with an
    /// admin's key.
    pub fn read(content: &str) -> Result<Self, CliError> {
        let signed = SignedNote::parse(content.as_bytes()).ok();
        let text = signed.as_ref().map_or(content, SignedNote::text).to_owned();
        let is_bundle = text.lines().next() == Some(key_bundle::FORMAT_LINE);
        let roster = if is_bundle { None } else { Some(RosterDraft::parse(&text)?) };
        Ok(Self { text, signed, roster })
    }

    /// The note with a further signature.
    pub fn signed(self, signer: &NoteSigner, now: Timestamp) -> Result<String, CliError> {
        let line = signer.sign(&self.text, now);
        let note = match self.signed {
            Some(mut note) => {
                note.add_signature(line)?;
                note
            }
            None => SignedNote::new(self.text, line)?,
        };
        Ok(note.to_string())
    }

    /// The roster it is, for whatever follows it.
    fn known(&self) -> Option<Known> {
        let draft = self.roster.clone()?;
        Some(Known { sha256: text_sha256(&self.text), draft })
    }

    /// What the admin is about to sign, in lines.
    fn describe(&self) -> Vec<String> {
        if let Some(draft) = &self.roster {
            return summary(draft, text_sha256(&self.text));
        }
        let shown = |line: &&str| {
            !["format", "enc", "ciphertext", "[[sealed]]", ""]
                .iter()
                .any(|skip| if skip.is_empty() { line.is_empty() } else { line.starts_with(skip) })
        };
        let lines = self.text.lines().filter(shown).map(str::to_owned);
        std::iter::once("key bundle".to_owned()).chain(lines).collect()
    }

    /// What a roster changes against the one it follows; none where that is not known, or there is none.
    fn changes(&self, known: &[Known]) -> Option<Vec<String>> {
        let next = self.roster.as_ref()?;
        let before = known.iter().find(|one| Some(one.sha256) == next.previous)?;
        Some(changes(&before.draft, next))
    }

    fn tell_changes(&self, changes: Option<&[String]>) -> Result<(), CliError> {
        let Some(RosterDraft { version, previous, .. }) = &self.roster else { return Ok(()) };
        let Some(previous) = previous else { return answer("  the first roster: it changes nothing, it begins") };
        let before = version.saturating_sub(1);
        match changes {
            None => answer(format!(
                "  what it changes is not shown: it follows version {before}, hash {previous}, which is not among the files. \
                 --against ROSTER or a node's folder shows it"
            )),
            Some([]) => answer(format!("  changes against version {before}, hash {previous}: none but its number")),
            Some(lines) => {
                answer(format!("  changes against version {before}, hash {previous}:"))?;
                lines.iter().try_for_each(|line| answer(format!("    {line}")))
            }
        }
    }
}
