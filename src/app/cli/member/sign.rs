//! `hushwire member sign`: an admin reads what was prepared and signs it.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::app::cli::member::roster::summary;
use crate::app::cli::sealing::PassphraseArgs;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
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
Example:
  hushwire member sign genesis/* --admin anna.age

Shows what each file says, then adds a signature to it in place. Pass the files on until the quorum has signed.")]
pub struct SignArgs {
    /// Rosters and key bundles, signed or not.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The admin's sealed key, made by `hushwire key admin`.
    #[arg(long, value_name = "KEYFILE")]
    admin: PathBuf,
    /// One JSON object on standard output: {"admin", "documents"}; each document with its file and what is signed, in lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

pub fn run(args: &SignArgs) -> Result<Outcome, CliError> {
    // Everything is read before anything is signed: one bad file must not leave half of a set signed.
    let mut documents = Vec::new();
    for path in &args.files {
        let bytes = read_at_most(path, u64::try_from(limits::NOTE_BYTES).unwrap_or(u64::MAX))?;
        let refused = |fault: String| CliError::failed(format!("{}: {fault}", path.display()));
        let text = String::from_utf8(bytes).map_err(|_| refused("not a text".to_owned()))?;
        documents.push((path, Document::read(&text).map_err(|fault| refused(fault.message))?));
    }
    let mut shown = Vec::new();
    for (path, document) in &documents {
        let says = document.describe()?;
        if !args.json {
            answer(format!("{}:", path.display()))?;
            says.iter().try_for_each(|line| answer(format!("  {line}")))?;
        }
        shown.push(json!({ "file": path.display().to_string(), "says": says }));
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

/// A text to be signed, with the signatures it has.
#[derive(Debug)]
pub struct Document {
    text: String,
    signed: Option<SignedNote>,
}

impl Document {
    /// Reads a roster or key bundle, whether signed already or fresh from its maker. Nothing else may be signed with an
    /// admin's key.
    pub fn read(content: &str) -> Result<Self, CliError> {
        let signed = SignedNote::parse(content.as_bytes()).ok();
        let text = signed.as_ref().map_or(content, SignedNote::text).to_owned();
        let document = Self { text, signed };
        document.describe()?;
        Ok(document)
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

    /// What the admin is about to sign, in lines.
    fn describe(&self) -> Result<Vec<String>, CliError> {
        if self.text.lines().next() == Some(key_bundle::FORMAT_LINE) {
            let shown = |line: &&str| {
                !["format", "enc", "ciphertext", "[[sealed]]", ""]
                    .iter()
                    .any(|skip| if skip.is_empty() { line.is_empty() } else { line.starts_with(skip) })
            };
            let lines = self.text.lines().filter(shown).map(str::to_owned);
            return Ok(std::iter::once("key bundle".to_owned()).chain(lines).collect());
        }
        let draft = RosterDraft::parse(&self.text)?;
        Ok(summary(&draft, text_sha256(&self.text)))
    }
}
