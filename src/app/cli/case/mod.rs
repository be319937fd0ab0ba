//! `hushwire case`: stopped orders being worked.

mod list;
mod shown;
mod step;
mod watch;

use clap::Subcommand;

use crate::app::cli::client::{CALL_TIMEOUT, Node, explain};
use crate::app::outcome::{CliError, Outcome};
use crate::base::role::Role;
use crate::domain::case::CaseId;
use crate::domain::case::outcome::Outcome as OrderOutcome;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::case_service_client::CaseServiceClient;

/// Who works cases.
const ROLES: [Role; 1] = [Role::Analyst];

/// Who may see them; the first certificate there is.
const READERS: [Role; 2] = [Role::Analyst, Role::Screener];

/// Work held, challenged and blocked orders, from the stop to the outcome
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire case list --state open
  hushwire case show 7KQ2-M0XD
  hushwire case assign 7KQ2-M0XD anna
  hushwire case note 7KQ2-M0XD \"customer called back, knows the order\"
  hushwire case release 7KQ2-M0XD
  hushwire case confirm 7KQ2-M0XD --identity certs/analyst-ben
  hushwire case resolve 7KQ2-M0XD genuine
  hushwire case watch --json

A case is named by the id of its decision or by the reference the customer quotes. Releasing a block takes two people: one asks, \
another confirms. Steps go by what the command has just seen of the case: where somebody else was first they are refused. \
Roles: analyst; a screener may show and watch the cases of its own decisions.")]
pub struct CaseArgs {
    #[command(subcommand)]
    command: CaseCommand,
}

#[derive(Debug, Subcommand)]
enum CaseCommand {
    List(list::ListArgs),
    Show(list::ShowArgs),
    Assign(step::AssignArgs),
    Note(step::NoteArgs),
    Release(step::ReleaseArgs),
    Confirm(step::ConfirmArgs),
    Refuse(step::RefuseArgs),
    Reopen(step::ReopenArgs),
    Resolve(step::ResolveArgs),
    Watch(watch::WatchArgs),
}

/// See the module's documentation.
pub fn run(args: CaseArgs) -> Result<Outcome, CliError> {
    match args.command {
        CaseCommand::List(args) => list::list(args),
        CaseCommand::Show(args) => list::show(args),
        CaseCommand::Assign(args) => step::assign(args),
        CaseCommand::Note(args) => step::note(args),
        CaseCommand::Release(args) => step::release(args),
        CaseCommand::Confirm(args) => step::confirm(args),
        CaseCommand::Refuse(args) => step::refuse(args),
        CaseCommand::Reopen(args) => step::reopen(args),
        CaseCommand::Resolve(args) => step::resolve(args),
        CaseCommand::Watch(args) => watch::run(args),
    }
}

/// No such outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order was fraud or genuine")]
struct UnknownOutcome;

fn outcome(text: &str) -> Result<OrderOutcome, UnknownOutcome> {
    OrderOutcome::ALL.into_iter().find(|outcome| outcome.label() == text).ok_or(UnknownOutcome)
}

fn outcome_number(outcome: OrderOutcome) -> i32 {
    i32::try_from(outcome.number()).expect("vocabularies have few words")
}

/// What names a case: its id, or the reference the customer quotes.
fn named(name: &str) -> local::GetCaseRequest {
    let is_id = name.parse::<CaseId>().is_ok();
    let (case_id, reference) = if is_id { (name.to_owned(), String::new()) } else { (String::new(), name.to_owned()) };
    local::GetCaseRequest { case_id, reference, transaction_ref: String::new() }
}

/// A case as it is now.
async fn fetch(node: &Node, request: local::GetCaseRequest) -> Result<local::Case, CliError> {
    let client = CaseServiceClient::new(node.channel.clone());
    let answer = node
        .insist(|| {
            let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
            call.set_timeout(CALL_TIMEOUT);
            async move { client.get_case(call).await }
        })
        .await?;
    answer.case.ok_or_else(|| CliError::failed("the node answered without a case"))
}

/// A refused step in words. It is never repeated by itself: what changed has to be looked at.
fn explain_step(status: &tonic::Status, endpoint: &str) -> CliError {
    if status.code() == tonic::Code::Aborted {
        return CliError::failed(format!("the node refuses: {}", status.message()))
            .hint("somebody else was first; hushwire case show tells what became of it");
    }
    explain(status, endpoint)
}
