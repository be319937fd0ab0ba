//! `hushwire list add` and `hushwire list remove`.

use serde::Serialize;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, Node, block_on};
use crate::app::cli::identifier_option::{self, IdentifierOption};
use crate::app::cli::list::{ListingOptions, ROLES, list, number};
use crate::app::cli::stream::Account;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::refusal::Refusal;
use crate::domain::screening::own_lists::OwnList;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::lists_service_client::ListsServiceClient;

/// Hex digits of an entry's name.
const NAME_DIGITS: usize = 64;

/// Put identifiers on a list
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire list add block email=- --reason own-fraud --note \"three chargebacks\"
  hushwire list add allow device=terminal-0042-berlin --until 2027-01-31T00:00:00Z

KIND=- asks without echo, or reads a line of standard input: values in options end up in the shell's history. What stands \
there already gets the new end, reason and note.")]
pub(super) struct AddArgs {
    /// allow or block
    #[arg(value_parser = list)]
    list: OwnList,
    /// Identifier; may be repeated
    #[arg(required = true, value_name = "KIND=VALUE")]
    identifiers: Vec<IdentifierOption>,
    #[command(flatten)]
    options: ListingOptions,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Take identifiers from a list
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire list remove block email=-
  hushwire list remove allow 5f0c…e1

An entry may be named by its identifier (KIND=- asks for it), or by the name that hushwire list show prints.")]
pub(super) struct RemoveArgs {
    /// allow or block
    #[arg(value_parser = list)]
    list: OwnList,
    /// Identifier, or name of an entry; may be repeated
    #[arg(required = true, value_name = "KIND=VALUE|NAME")]
    targets: Vec<IdentifierOption>,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// The answer of `--json`.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    list: &'static str,
    done: u32,
    refused: &'a [Refusal],
}

pub(super) fn add(args: AddArgs) -> Result<Outcome, CliError> {
    let identifiers = identifier_option::resolve(&args.identifiers)?;
    let entries: Vec<_> = identifiers.into_iter().map(|identifier| args.options.draft(args.list, identifier)).collect();
    let mut account = Account::of(entries.len());
    let done = block_on(async {
        let node = args.client.connect(&ROLES)?;
        let lines: Vec<u64> = (1..=account.records).collect();
        add_entries(&node, entries, &lines, &mut account).await
    })?;
    tell(args.list, done, "on", args.json, account)
}

/// Puts entries on their lists in one call, and notes the refused ones by their lines. Returns how many stand there now.
pub(super) async fn add_entries(
    node: &Node,
    entries: Vec<local::ListingDraft>,
    lines: &[u64],
    account: &mut Account,
) -> Result<u32, CliError> {
    // Without an id: adding again is harmless by itself, and an id made of the content would keep whoever adds what was removed
    // in the meantime from being heard.
    let request = local::AddListedRequest { request_id: String::new(), entries };
    let client = ListsServiceClient::new(node.channel.clone());
    let answer = node
        .insist(|| {
            let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
            call.set_timeout(CALL_TIMEOUT);
            async move { client.add_listed(call).await }
        })
        .await?;
    refuse(account, &answer.refused, lines);
    Ok(answer.listed)
}

pub(super) fn remove(args: RemoveArgs) -> Result<Outcome, CliError> {
    let targets = args.targets.iter().map(target).collect::<Result<Vec<_>, _>>()?;
    let mut account = Account::of(targets.len());
    let done = block_on(async {
        let node = args.client.connect(&ROLES)?;
        // Without an id, as for adding.
        let request =
            local::RemoveListedRequest { request_id: String::new(), list: number(args.list.number()), targets };
        let client = ListsServiceClient::new(node.channel.clone());
        let answer = node
            .insist(|| {
                let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
                call.set_timeout(CALL_TIMEOUT);
                async move { client.remove_listed(call).await }
            })
            .await?;
        let lines: Vec<u64> = (1..=account.records).collect();
        refuse(&mut account, &answer.refused, &lines);
        Ok(answer.removed)
    })?;
    tell(args.list, done, "taken from", args.json, account)
}

fn target(option: &IdentifierOption) -> Result<local::ListTarget, CliError> {
    let name = option.whole(|text| {
        let hex = text.len() == NAME_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| text.to_owned())
    });
    if let Some(name) = name {
        return Ok(local::ListTarget { identifier: None, name });
    }
    let identifier = identifier_option::resolve(std::slice::from_ref(option))?.pop();
    Ok(local::ListTarget { identifier, name: String::new() })
}

fn refuse(account: &mut Account, refused: &[local::RefusedRecord], lines: &[u64]) {
    account.refuse(refused.iter().map(|refused| {
        let line = usize::try_from(refused.record).ok().and_then(|at| lines.get(at)).copied().unwrap_or(0);
        Refusal::new(line, &refused.field, &refused.rule, &refused.description)
    }));
}

fn tell(list: OwnList, done: u32, verb: &str, json: bool, mut account: Account) -> Result<Outcome, CliError> {
    account.accepted = u64::from(done);
    account.tell(None)?;
    if json {
        output::answer_json(&Summary { list: list.label(), done, refused: &account.refusals })?;
    } else {
        let identifiers = counted(done, "identifier", "identifiers");
        output::answer(format!("{identifiers} {verb} the {list} list, {} refused", account.refused))?;
    }
    account.outcome()
}
