//! `hushwire dispute`: holding another member's indicator for wrong, and answering who holds one of ours for wrong.

use clap::Subcommand;
use serde_json::json;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::{time, words};
use crate::base::role::Role;
use crate::domain::indicator::words::{DisputeReason, UnknownWord};
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::feedback_service_client::FeedbackServiceClient;

/// Disputes asked for at once.
const PAGE: u32 = 1_000;

/// Dispute another member's indicator, answer who disputes one of yours, or see all disputes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire dispute open members/bank-a/indicators/9f… --reason genuine-customer
  hushwire dispute list
  hushwire dispute answer members/bank-b/indicators/4c… --to shop
  hushwire dispute withdraw members/bank-a/indicators/9f…

Everybody counts a disputed indicator less at once: it may challenge, not block. Its author answers within seven days, or retracts \
it; after that it does not count until answered. Once upheld it counts again for all but you. Roles: analyst opens and withdraws, \
publisher answers.")]
pub struct DisputeArgs {
    #[command(subcommand)]
    command: DisputeCommand,
}

#[derive(Debug, Subcommand)]
enum DisputeCommand {
    Open(OpenArgs),
    Withdraw(WithdrawArgs),
    Answer(AnswerArgs),
    List(ListArgs),
}

/// Hold another member's indicator for wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hushwire dispute open members/bank-a/indicators/9f… --reason genuine-customer")]
struct OpenArgs {
    /// The indicator's name, as the answer of a screening shows it
    name: String,
    /// genuine-customer, wrong-identifier, recycled, resolved or other; every member of the group reads it
    #[arg(long, value_parser = reason)]
    reason: DisputeReason,
    #[command(flatten)]
    client: ClientArgs,
}

/// Withdraw your dispute
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hushwire dispute withdraw members/bank-a/indicators/9f…")]
struct WithdrawArgs {
    /// The indicator's name
    name: String,
    #[command(flatten)]
    client: ClientArgs,
}

/// Stand by your own indicator; where the other member is right, retract it instead
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hushwire dispute answer members/bank-b/indicators/4c… --to shop")]
struct AnswerArgs {
    /// The indicator's name
    name: String,
    /// The member whose dispute you answer
    #[arg(long, value_name = "MEMBER")]
    to: String,
    #[command(flatten)]
    client: ClientArgs,
}

/// All disputes that are not withdrawn
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hushwire dispute list --json | jq 'select(.standing == \"overdue\")'")]
struct ListArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// JSON on standard output: one object a dispute, one a line
    #[arg(long)]
    json: bool,
}

fn reason(text: &str) -> Result<DisputeReason, UnknownWord> {
    words::word(text, "dispute-reason-")
}

/// See the module's documentation.
pub fn run(args: DisputeArgs) -> Result<Outcome, CliError> {
    block_on(async {
        match args.command {
            DisputeCommand::Open(args) => open(args).await,
            DisputeCommand::Withdraw(args) => withdraw(args).await,
            DisputeCommand::Answer(args) => answer(args).await,
            DisputeCommand::List(args) => list(args).await,
        }
    })
}

async fn open(args: OpenArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&[Role::Analyst])?;
    let client = FeedbackServiceClient::new(node.channel.clone());
    let reason = i32::try_from(args.reason.number()).expect("vocabularies have few words");
    let request = local::DisputeIndicatorRequest { name: args.name, reason };
    let asked = node.insist(|| {
        let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
        call.set_timeout(CALL_TIMEOUT);
        async move { client.dispute_indicator(call).await }
    });
    asked.await?;
    output::remark("disputed");
    Ok(Outcome::Done)
}

async fn withdraw(args: WithdrawArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&[Role::Analyst])?;
    let client = FeedbackServiceClient::new(node.channel.clone());
    let request = local::WithdrawDisputeRequest { name: args.name };
    let asked = node.insist(|| {
        let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
        call.set_timeout(CALL_TIMEOUT);
        async move { client.withdraw_dispute(call).await }
    });
    asked.await?;
    output::remark("withdrawn");
    Ok(Outcome::Done)
}

async fn answer(args: AnswerArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&[Role::Publisher])?;
    let client = FeedbackServiceClient::new(node.channel.clone());
    let request = local::AnswerDisputeRequest { name: args.name, disputed_by: args.to };
    let asked = node.insist(|| {
        let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
        call.set_timeout(CALL_TIMEOUT);
        async move { client.answer_dispute(call).await }
    });
    asked.await?;
    output::remark("answered: you stand by it");
    Ok(Outcome::Done)
}

async fn list(args: ListArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&[Role::Publisher, Role::Analyst])?;
    let client = FeedbackServiceClient::new(node.channel.clone());
    let mut page_token = String::new();
    let mut shown = 0_usize;
    loop {
        let request = local::ListDisputesRequest { page_size: PAGE, page_token: page_token.clone() };
        let page = node
            .insist(|| {
                let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
                call.set_timeout(CALL_TIMEOUT);
                async move { client.list_disputes(call).await }
            })
            .await?;
        for dispute in &page.disputes {
            shown += 1;
            output::answer(if args.json { as_json(dispute) } else { in_words(dispute) })?;
        }
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    if !args.json {
        output::remark(output::counted(shown, "dispute", "disputes"));
    }
    Ok(Outcome::Done)
}

fn reason_word(number: i32) -> &'static str {
    u32::try_from(number).ok().and_then(DisputeReason::from_number).map_or("unspecified", DisputeReason::label)
}

fn standing_word(standing: local::DisputeStanding) -> &'static str {
    match standing {
        local::DisputeStanding::Unspecified => "unspecified",
        local::DisputeStanding::Open => "open",
        local::DisputeStanding::Overdue => "overdue",
        local::DisputeStanding::BeyondQuota => "beyond-quota",
        local::DisputeStanding::Upheld => "upheld",
        local::DisputeStanding::Moot => "moot",
    }
}

fn as_json(dispute: &local::ShownDispute) -> String {
    json!({
        "name": dispute.name,
        "disputed_by": dispute.disputed_by,
        "reason": reason_word(dispute.reason),
        "standing": standing_word(dispute.standing()),
        "since": dispute.since.as_ref().map(time::show),
        "answer_due": dispute.answer_due.as_ref().map(time::show),
    })
    .to_string()
}

fn in_words(dispute: &local::ShownDispute) -> String {
    let due = dispute.answer_due.as_ref().map(|due| format!(", answer due {}", time::show(due))).unwrap_or_default();
    let (standing, reason) = (standing_word(dispute.standing()), reason_word(dispute.reason));
    format!("{}  {standing:<12}  by {}: {reason}{due}", dispute.name, dispute.disputed_by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dispute_is_shown_with_what_is_owed() {
        let mut dispute = local::ShownDispute {
            name: "members/bank-a/indicators/ab".to_owned(),
            disputed_by: "shop".to_owned(),
            reason: 3,
            standing: local::DisputeStanding::Overdue.into(),
            since: None,
            answer_due: Some(prost_types::Timestamp { seconds: 1_795_000_000, nanos: 0 }),
        };
        let shown = in_words(&dispute);
        assert!(
            shown.starts_with("members/bank-a/indicators/ab  overdue       by shop: recycled, answer due 2026-"),
            "{shown}"
        );
        dispute.answer_due = None;
        dispute.standing = local::DisputeStanding::Upheld.into();
        assert!(in_words(&dispute).ends_with("upheld        by shop: recycled"));
        assert!(as_json(&dispute).contains("\"standing\":\"upheld\""));
    }
}
