//! `hushwire erase`: the content of the member's own statements is destroyed everywhere; one person asks, another confirms.

use serde::Serialize;
use zeroize::Zeroize;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::cli::identifier_option::{self, IdentifierOption};
use crate::app::cli::retract::tell_kept;
use crate::app::cli::stream::Account;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::refusal::Refusal;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::io::grpc::convert;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use crate::node::erase::ErasureReason;
use local::publishing_service_client::PublishingServiceClient;

/// Destroy the content of what you published, everywhere and for good; two people are needed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire erase ask --reason data-subject --identifier email=-
  hushwire erase ask --reason mistake --source-ref CASE-4711
  hushwire erase confirm ERASURE --dry-run
  hushwire erase confirm ERASURE

A retraction is enough where a warning was wrong: it stops counting at once, and the record that it was there remains. An \
erasure removes the content too, from every member's disk within hours; only the fact that an entry stood there remains. It \
cannot be undone. One person asks, a second one confirms within 24 hours: the names in their certificates must differ.")]
pub struct EraseArgs {
    #[command(subcommand)]
    half: Half,
}

#[derive(Debug, clap::Subcommand)]
enum Half {
    Ask(AskArgs),
    Confirm(ConfirmArgs),
}

/// Ask for an erasure; nothing is erased yet
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire erase ask --reason data-subject --identifier email=-
  hushwire erase ask --reason mistake --source-ref CASE-4711")]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["name", "source_ref", "identifier"]))]
struct AskArgs {
    /// data-subject (the person concerned asked), authority (a court or supervisor) or mistake
    #[arg(long, value_parser = reason)]
    reason: ErasureReason,
    /// Indicator by name; may be repeated
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// All indicators of your own case reference; may be repeated
    #[arg(long, value_name = "REF")]
    source_ref: Vec<String>,
    /// All you published for an identifier; may be repeated; KIND=- asks without echo
    #[arg(long, value_name = "KIND=VALUE")]
    identifier: Vec<IdentifierOption>,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Confirm an erasure that somebody else asked for
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire erase confirm 92c3bc434ea57cc9bdcdfdb8119d8c73 --identity certs/operator-ben")]
struct ConfirmArgs {
    /// As `hushwire erase ask` printed it
    #[arg(value_name = "ERASURE")]
    erasure_id: String,
    /// Show what would be erased and who asked for it; erase nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// No such reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("reasons are data-subject, authority, mistake")]
struct UnknownReason;

fn reason(text: &str) -> Result<ErasureReason, UnknownReason> {
    let word = text.to_ascii_lowercase().replace('-', "_");
    ErasureReason::ALL.into_iter().find(|reason| reason.label() == word).ok_or(UnknownReason)
}

/// See the module's documentation.
pub fn run(args: EraseArgs) -> Result<Outcome, CliError> {
    match args.half {
        Half::Ask(args) => block_on(ask(args)),
        Half::Confirm(args) => block_on(confirm(args)),
    }
}

/// What `ask --json` answers.
#[derive(Debug, Serialize)]
struct AskedSummary<'a> {
    erasure: Option<&'a str>,
    ends_at: Option<String>,
    selected: &'a [String],
    kept: &'a [String],
    refused: &'a [Refusal],
}

async fn ask(args: AskArgs) -> Result<Outcome, CliError> {
    let mut request = local::EraseIndicatorsRequest {
        request_id: String::new(),
        identifiers: identifier_option::resolve(&args.identifier)?,
        names: args.name,
        source_refs: args.source_ref,
        reason: convert::wire_erasure_reason(args.reason).into(),
    };
    let selectors = request.names.len() + request.source_refs.len() + request.identifiers.len();
    let records = u64::try_from(selectors).unwrap_or(u64::MAX);
    let node = args.client.connect(&[Role::Publisher])?;
    request.request_id = node.request_ids.id(0, &request);
    let client = PublishingServiceClient::new(node.channel.clone());
    let answered = node
        .insist(|| {
            let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
            call.set_timeout(CALL_TIMEOUT);
            async move { client.erase_indicators(call).await }
        })
        .await;
    request.identifiers.iter_mut().for_each(|identifier| identifier.value.zeroize());
    let answer = answered?;
    let mut account = Account::default();
    account.records = records;
    account.accepted = u64::try_from(answer.selected.len()).unwrap_or(u64::MAX);
    let counts = (request.names.len(), request.source_refs.len());
    account.refuse(answer.refused.iter().map(|refused| of_option(refused, counts)));
    account.tell(None)?;
    let ends_at = answer.ends_at.and_then(|at| u64::try_from(at.seconds).ok()).map(Timestamp::from_unix_s);
    if args.json {
        output::answer_json(&AskedSummary {
            erasure: (!answer.erasure_id.is_empty()).then_some(answer.erasure_id.as_str()),
            ends_at: ends_at.map(|at| at.to_string()),
            selected: &answer.selected,
            kept: &answer.kept,
            refused: &account.refusals,
        })?;
    } else {
        tell_kept(&answer.kept);
        if let Some(ends_at) = ends_at {
            let count = counted(answer.selected.len(), "indicator", "indicators");
            output::remark(format!("{count} will be erased once somebody else confirms, until {ends_at}:"));
            output::remark(format!("hushwire erase confirm {}", answer.erasure_id));
            output::answer(&answer.erasure_id)?;
        } else {
            output::remark("nothing is selected, nothing was asked for");
        }
    }
    account.outcome()
}

/// A refusal by its option and the number of that; `names` and `references` come before the identifiers.
fn of_option(refused: &local::RefusedRecord, (names, references): (usize, usize)) -> Refusal {
    let at = usize::try_from(refused.record).unwrap_or(usize::MAX);
    let (option, before) = match at {
        at if at < names => ("--name", 0),
        at if at < names + references => ("--source-ref", names),
        _ => ("--identifier", names + references),
    };
    let number = u64::try_from(at - before).unwrap_or(u64::MAX).saturating_add(1);
    Refusal::new(number, option, &refused.rule, &refused.description)
}

/// What `confirm --json` answers.
#[derive(Debug, Serialize)]
struct ConfirmedSummary<'a> {
    dry_run: bool,
    erased: &'a [String],
    asked_by: &'a str,
    reason: &'a str,
}

async fn confirm(args: ConfirmArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&[Role::Publisher, Role::Operator])?;
    let client = PublishingServiceClient::new(node.channel.clone());
    let request = local::ConfirmErasureRequest { erasure_id: args.erasure_id, dry_run: args.dry_run };
    let answer = node
        .insist(|| {
            let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
            call.set_timeout(CALL_TIMEOUT);
            async move { client.confirm_erasure(call).await }
        })
        .await?;
    let reason = convert::erasure_reason(answer.reason).map_or("unspecified", ErasureReason::label);
    if args.json {
        let (erased, asked_by) = (answer.erased.as_slice(), answer.asked_by.as_str());
        output::answer_json(&ConfirmedSummary { dry_run: args.dry_run, erased, asked_by, reason })?;
        return Ok(Outcome::Done);
    }
    for name in &answer.erased {
        output::answer(name)?;
    }
    let (count, by) = (counted(answer.erased.len(), "indicator", "indicators"), &answer.asked_by);
    output::remark(match args.dry_run {
        true => format!("{count} would be erased; {by} asked for it ({reason})"),
        false => format!("{count} erased; every member drops their content within hours of hearing of it"),
    });
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_in_both_spellings_and_an_unknown_one_names_the_known() {
        assert_eq!(reason("data-subject"), Ok(ErasureReason::DataSubject));
        assert_eq!(reason("DATA_SUBJECT"), Ok(ErasureReason::DataSubject));
        assert_eq!(reason("mistake"), Ok(ErasureReason::Mistake));
        assert_eq!(reason("4111111111111111"), Err(UnknownReason));
    }
}
