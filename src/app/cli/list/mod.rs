//! `hushwire list`: the member's own allow and block lists.

mod change;
mod import;
mod show;

use clap::Subcommand;

use crate::app::outcome::{CliError, Outcome};
use crate::app::records::words;
use crate::base::role::Role;
use crate::domain::indicator::words::UnknownWord;
use crate::domain::screening::own_lists::{ListingReason, OwnList};
use crate::io::grpc::wire::hushwire::local::v1 as local;

/// Who may change and see the lists; the first certificate there is.
const ROLES: [Role; 2] = [Role::Analyst, Role::Operator];

/// Your own allow and block lists, which stand above everything other members say
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire list add block email=- --reason own-fraud --note \"three chargebacks\"
  hushwire list add allow device=terminal-0042-berlin --until 2027-01-31T00:00:00Z
  hushwire list import customers.csv --list allow --reason known-customer
  hushwire list show block
  hushwire list remove block email=-

An identifier on the allow list passes, also where another one of the order is blocked. The node keeps no identifier, only a \
keyed name; the lists outlive key epochs and are told to no other member. Roles: analyst, operator.")]
pub struct ListArgs {
    #[command(subcommand)]
    command: ListCommand,
}

#[derive(Debug, Subcommand)]
enum ListCommand {
    Add(change::AddArgs),
    Remove(change::RemoveArgs),
    Show(show::ShowArgs),
    Import(import::ImportArgs),
}

/// See the module's documentation.
pub fn run(args: ListArgs) -> Result<Outcome, CliError> {
    match args.command {
        ListCommand::Add(args) => change::add(args),
        ListCommand::Remove(args) => change::remove(args),
        ListCommand::Show(args) => show::run(args),
        ListCommand::Import(args) => import::run(args),
    }
}

fn list(text: &str) -> Result<OwnList, UnknownWord> {
    words::word(text, "own-list-")
}

fn reason(text: &str) -> Result<ListingReason, UnknownWord> {
    words::word(text, "listing-reason-")
}

/// What holds for every identifier that does not say otherwise.
#[derive(Debug, Clone, clap::Args)]
struct ListingOptions {
    /// known-customer, false-positive, own-fraud, legal or other; stands in the audit log
    #[arg(long, value_parser = reason, default_value = "other")]
    reason: ListingReason,
    /// Why, in up to 140 characters without identifiers; stands with the entry
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// When it ends: RFC 3339 or seconds since 1970; it stays where not given
    #[arg(long, value_name = "TIME", value_parser = crate::app::records::time::parse)]
    until: Option<prost_types::Timestamp>,
}

impl ListingOptions {
    fn draft(&self, list: OwnList, identifier: local::Identifier) -> local::ListingDraft {
        local::ListingDraft {
            list: number(list.number()),
            identifier: Some(identifier),
            until: self.until,
            reason: number(self.reason.number()),
            note: self.note.clone(),
        }
    }
}

fn number(word: u32) -> i32 {
    i32::try_from(word).expect("vocabularies have few words")
}
