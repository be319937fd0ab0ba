//! `hushwire member invite`: everything a joining member needs, in one file.
//!
//! JSON: `{"format": "hushwire/v1/invitation", "rosters": [note, …], "bundles": [note, …]}`, the rosters from the genesis on.
//! Nothing in it is secret to others than whom the bundles are sealed to, and nothing in it needs trust.

use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::cli::member::apply::{Papers, follow};
use crate::app::cli::sealing::DirArgs;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::time::Timestamp;
use crate::domain::roster::succession::{RosterNote, verify_chain};
use crate::domain::roster::verified::Roster;
use crate::io::clock;
use crate::io::key_bundle::KeyBundle;
use crate::io::keystore::file::{Readers, create};

/// Pack all rosters and key bundles for a member that joins.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire member invite --out founders.invitation genesis/*               from the signed files
  hushwire member invite --dir bank-a --out shop.invitation shop-joins/*   with bank-a's rosters

The genesis hash that is printed goes to the invited by another way, best by voice.")]
pub struct InviteArgs {
    /// Signed key bundles, and rosters newer than those of --dir.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    dir: DirArgs,
    /// File to write.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// One JSON object on standard output: {"file", "genesis_sha256"}
    #[arg(long)]
    json: bool,
}

const FORMAT: &str = "hushwire/v1/invitation";

/// An invitation as it travels.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    format: String,
    pub rosters: Vec<String>,
    pub bundles: Vec<String>,
}

impl Invitation {
    /// Reads an invitation; nothing in it is verified yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, CliError> {
        let refused = |fault: String| CliError::failed(format!("not an invitation: {fault}"));
        let read: Self = serde_json::from_slice(bytes).map_err(|fault| {
            let cut = if fault.is_eof() { "it ends too early: " } else { "" };
            refused(format!("{cut}{fault}")).hint("have it sent again: hushwire member invite writes it")
        })?;
        if read.format == FORMAT {
            return Ok(read);
        }
        // What stands there may be anything; only so much of it is repeated.
        let got: String = read.format.chars().filter(|character| !character.is_control()).take(64).collect();
        Err(refused(format!("its format is \"{got}\", this program reads \"{FORMAT}\"")))
    }

    pub fn to_json(&self) -> Result<Vec<u8>, CliError> {
        let text = serde_json::to_vec_pretty(self);
        text.map_err(|fault| CliError::failed(format!("the invitation cannot be written: {fault}")))
    }
}

pub fn run(args: &InviteArgs) -> Result<Outcome, CliError> {
    let files = args.dir.node().roster_files();
    let chain = if files.exist()? { files.load()? } else { Vec::new() };
    let invitation = pack(chain, Papers::read(&args.files)?, clock::now())?;
    create(&args.out, &invitation.to_json()?, Readers::Everyone)?;
    let genesis = invitation.rosters.first().ok_or_else(|| CliError::failed("the invitation holds no roster"))?;
    let (file, genesis) = (args.out.display().to_string(), RosterNote::parse(genesis)?.sha256());
    if args.json {
        answer_json(&json!({ "file": file, "genesis_sha256": genesis.to_string() }))?;
    } else {
        answer(format!("invitation: {file}"))?;
        answer(format!("genesis hash, to be told by another way: {genesis}"))?;
    }
    Ok(Outcome::Done)
}

/// Packs a chain, continued or begun by the papers, with the papers' bundles; everything is verified first, so that a
/// missing signature shows here and not at the invited.
pub fn pack(mut chain: Vec<Roster>, mut papers: Papers, now: Timestamp) -> Result<Invitation, CliError> {
    if chain.is_empty() {
        let first = papers
            .rosters
            .iter()
            .position(|note| RosterNote::parse(note).is_ok_and(|note| note.content().version == 1));
        let genesis = papers.rosters.remove(first.ok_or_else(|| {
            CliError::usage("the genesis roster is missing").hint("give genesis/roster-1.note, or --dir of a member")
        })?);
        let hash = RosterNote::parse(&genesis)?.sha256();
        chain = verify_chain([genesis.as_str()], &hash)?;
    }
    follow(&mut chain, papers.rosters, now)?;
    for bundle in &papers.bundles {
        let bundle = KeyBundle::parse(bundle.as_bytes())?;
        let roster = chain.iter().find(|roster| roster.sha256() == bundle.roster_sha256());
        bundle.verify(
            roster.ok_or_else(|| CliError::not_verified("a key bundle belongs to a roster that is not here"))?,
        )?;
    }
    let rosters = chain.iter().map(|roster| roster.note().to_owned()).collect();
    Ok(Invitation { format: FORMAT.to_owned(), rosters, bundles: papers.bundles })
}
