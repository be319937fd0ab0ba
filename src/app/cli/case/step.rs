//! The commands that change a case: each looks at the case first and goes by what it has seen.

use std::future::Future;

use tonic::{Request, Response, Status};

use crate::app::cli::call_channel::CallChannel;
use crate::app::cli::case::shown::{as_json, one_line};
use crate::app::cli::case::{ROLES, explain_step, fetch, named, outcome, outcome_number};
use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::domain::case::outcome::Outcome as OrderOutcome;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::case_service_client::CaseServiceClient;

/// Which case, and how the answer is printed.
#[derive(Debug, clap::Args)]
struct Target {
    /// The id of the decision, or the reference the customer quotes
    #[arg(value_name = "CASE")]
    case: String,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Say who works a case
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire case assign 7KQ2-M0XD anna
  hushwire case assign 7KQ2-M0XD --nobody")]
pub(super) struct AssignArgs {
    #[command(flatten)]
    target: Target,
    /// The name in a certificate
    #[arg(value_name = "NAME", required_unless_present = "nobody", default_value = "")]
    name: String,
    /// Nobody works it any more
    #[arg(long, conflicts_with = "name")]
    nobody: bool,
}

/// Add a remark to a case
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire case note 7KQ2-M0XD \"customer called back, knows the order\"

Up to 140 characters on one line. What looks like an identifier is refused: the node keeps none.")]
pub(super) struct NoteArgs {
    #[command(flatten)]
    target: Target,
    /// The remark
    #[arg(value_name = "TEXT")]
    text: String,
}

/// Release a held or challenged order, or ask for the release of a blocked one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire case release 7KQ2-M0XD

A block is released by two people: another one confirms it with hushwire case confirm. Nothing stops an order again that was \
released.")]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    target: Target,
}

/// Confirm the release of a block that another person asked for
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire case confirm 7KQ2-M0XD --identity certs/analyst-ben")]
pub(super) struct ConfirmArgs {
    #[command(flatten)]
    target: Target,
}

/// Refuse an order
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire case refuse 7KQ2-M0XD")]
pub(super) struct RefuseArgs {
    #[command(flatten)]
    target: Target,
}

/// Work a refused case again; its time begins anew
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire case reopen 7KQ2-M0XD")]
pub(super) struct ReopenArgs {
    #[command(flatten)]
    target: Target,
}

/// Say what an order was
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire case resolve 7KQ2-M0XD fraud
  hushwire case resolve 7KQ2-M0XD genuine

Fraud refuses an order that is not decided yet. That it was genuine releases nothing by itself.")]
pub(super) struct ResolveArgs {
    #[command(flatten)]
    target: Target,
    /// fraud or genuine
    #[arg(value_parser = outcome)]
    outcome: OrderOutcome,
}

type Client = CaseServiceClient<CallChannel>;

pub(super) fn assign(args: AssignArgs) -> Result<Outcome, CliError> {
    let assignee = args.name;
    step(args.target, |mut client, case_id, revision| async move {
        let request = local::AssignCaseRequest { case_id, revision, assignee };
        Ok(client.assign_case(timed(request)).await?.map(|answer| answer.case))
    })
}

pub(super) fn note(args: NoteArgs) -> Result<Outcome, CliError> {
    let note = args.text;
    step(args.target, |mut client, case_id, revision| async move {
        let request = local::AddNoteRequest { case_id, revision, note };
        Ok(client.add_note(timed(request)).await?.map(|answer| answer.case))
    })
}

pub(super) fn release(args: ReleaseArgs) -> Result<Outcome, CliError> {
    step(args.target, |mut client, case_id, revision| async move {
        let request = local::ReleaseCaseRequest { case_id, revision };
        Ok(client.release_case(timed(request)).await?.map(|answer| answer.case))
    })
}

pub(super) fn confirm(args: ConfirmArgs) -> Result<Outcome, CliError> {
    step(args.target, |mut client, case_id, revision| async move {
        let request = local::ConfirmReleaseRequest { case_id, revision };
        Ok(client.confirm_release(timed(request)).await?.map(|answer| answer.case))
    })
}

pub(super) fn refuse(args: RefuseArgs) -> Result<Outcome, CliError> {
    step(args.target, |mut client, case_id, revision| async move {
        let request = local::RefuseCaseRequest { case_id, revision };
        Ok(client.refuse_case(timed(request)).await?.map(|answer| answer.case))
    })
}

pub(super) fn reopen(args: ReopenArgs) -> Result<Outcome, CliError> {
    step(args.target, |mut client, case_id, revision| async move {
        let request = local::ReopenCaseRequest { case_id, revision };
        Ok(client.reopen_case(timed(request)).await?.map(|answer| answer.case))
    })
}

pub(super) fn resolve(args: ResolveArgs) -> Result<Outcome, CliError> {
    let outcome = outcome_number(args.outcome);
    step(args.target, |mut client, case_id, revision| async move {
        let request = local::ResolveCaseRequest { case_id, revision, outcome };
        Ok(client.resolve_case(timed(request)).await?.map(|answer| answer.case))
    })
}

fn timed<T>(message: T) -> Request<T> {
    let mut call = Request::new(message);
    call.set_timeout(CALL_TIMEOUT);
    call
}

/// Looks at the case, takes the step, prints the case behind it.
fn step<F>(target: Target, take: impl FnOnce(Client, String, u64) -> F) -> Result<Outcome, CliError>
where
    F: Future<Output = Result<Response<Option<local::Case>>, Status>>,
{
    block_on(async {
        let node = target.client.connect(&ROLES)?;
        let seen = fetch(&node, named(&target.case)).await?;
        let client = CaseServiceClient::new(node.channel.clone());
        let taken = take(client, seen.case_id, seen.revision).await;
        let answer = taken.map_err(|status| explain_step(&status, &node.endpoint))?.into_inner();
        let case = answer.ok_or_else(|| CliError::failed("the node answered without a case"))?;
        if !case.release_asked_by.is_empty() && !target.json {
            output::remark(format!("another person confirms it: hushwire case confirm {}", case.reference));
        }
        if target.json { output::answer_json(&as_json(&case)) } else { output::answer(one_line(&case)) }?;
        Ok(Outcome::Done)
    })
}
