//! `hushwire quarantine`: what the node holds back of others, and what people decide of it.

use serde::Serialize;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::screening::brake::HeldReason;
use crate::domain::screening::decision::in_words;
use crate::io::grpc::convert;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::brake_service_client::BrakeServiceClient;

/// What other members said and this node holds back until people decide
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire quarantine list
  hushwire quarantine keep 92c3bc434ea57cc9bdcdfdb8119d8c73
  hushwire quarantine lift 92c3bc434ea57cc9bdcdfdb8119d8c73

An indicator is held back where it speaks of one of your canaries, or would concern far more of your orders than its kind \
usually does; everything new of a kind where a member suddenly says far more of it than before. What is held back is shown in \
answers and stops nobody. To let it count again takes two people: each of them calls lift.")]
pub struct QuarantineArgs {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    List(ListArgs),
    /// Ask to let it count again, or be the second person who lets it
    #[command(after_help = "\
Example:
  hushwire quarantine lift 92c3bc434ea57cc9bdcdfdb8119d8c73 --identity certs/analyst-ben")]
    Lift(OneArgs),
    /// Say that you looked at it and that it stays held back
    #[command(after_help = "\
Example:
  hushwire quarantine keep 92c3bc434ea57cc9bdcdfdb8119d8c73 --identity certs/analyst-anna")]
    Keep(OneArgs),
}

/// List what is held back
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire quarantine list
  hushwire quarantine list --all --json")]
struct ListArgs {
    /// Also what was lifted
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    client: ClientArgs,
    /// JSON lines on standard output
    #[arg(long)]
    json: bool,
}

/// One quarantine
#[derive(Debug, clap::Args)]
struct OneArgs {
    /// As `hushwire quarantine list` names it
    #[arg(value_name = "QUARANTINE")]
    quarantine_id: String,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: QuarantineArgs) -> Result<Outcome, CliError> {
    match args.step {
        Step::List(args) => block_on(list(args)),
        Step::Lift(args) => block_on(lift(args)),
        Step::Keep(args) => block_on(keep(args)),
    }
}

/// One row of `list --json`.
#[derive(Debug, Serialize)]
struct Shown {
    quarantine: String,
    member: String,
    kind: &'static str,
    /// Empty where everything new of the kind is held back.
    indicator: String,
    reason: &'static str,
    since: Option<String>,
    matched: u64,
    transactions: u64,
    state: &'static str,
    by: String,
}

impl Shown {
    fn of(row: local::Quarantined) -> Self {
        let reason = u32::try_from(row.reason).ok().and_then(HeldReason::from_number);
        let since = row.at.and_then(|at| u64::try_from(at.seconds).ok()).map(Timestamp::from_unix_s);
        let state = match row.state() {
            local::QuarantineState::Unspecified => "unknown",
            local::QuarantineState::Waiting => "waiting",
            local::QuarantineState::LiftAsked => "lift_asked",
            local::QuarantineState::Kept => "kept",
            local::QuarantineState::Lifted => "lifted",
        };
        Self {
            kind: convert::kind(row.kind).map_or("identifier of an unknown kind", in_words),
            reason: reason.map_or("unknown", HeldReason::label),
            since: since.map(|since| since.to_string()),
            quarantine: row.quarantine_id,
            member: row.member,
            indicator: row.indicator,
            matched: row.matched,
            transactions: row.transactions,
            state,
            by: row.by,
        }
    }

    fn in_words(&self) -> String {
        let Self { quarantine, member, kind, reason, matched, transactions, state, by, .. } = self;
        let what = if self.indicator.is_empty() { "everything new about a" } else { "a" };
        let since = self.since.as_deref().unwrap_or("?");
        let seen =
            if *transactions > 0 { format!(", {matched} of {transactions} transactions") } else { String::new() };
        let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
        format!("{quarantine}  {since}  {member}: {what} {kind}, {reason}{seen}  {state}{by}")
    }
}

async fn list(args: ListArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&[Role::Analyst, Role::Auditor, Role::Operator])?;
    let client = BrakeServiceClient::new(node.channel.clone());
    let mut page_token = String::new();
    loop {
        let request = local::ListQuarantinedRequest { page_size: 0, page_token, all: args.all };
        let page = node
            .insist(|| {
                let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
                call.set_timeout(CALL_TIMEOUT);
                async move { client.list_quarantined(call).await }
            })
            .await?;
        for row in page.quarantined.into_iter().map(Shown::of) {
            if args.json { output::answer_json(&row)? } else { output::answer(row.in_words())? }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            if !args.json {
                output::remark(format!("{} to be decided", counted(page.waiting, "quarantine", "quarantines")));
            }
            return Ok(Outcome::Done);
        }
    }
}

/// What `lift --json` and `keep --json` answer.
#[derive(Debug, Serialize)]
struct Decided<'a> {
    quarantine: &'a str,
    state: &'static str,
}

async fn lift(args: OneArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&[Role::Analyst, Role::Operator])?;
    let client = BrakeServiceClient::new(node.channel.clone());
    let request = local::LiftQuarantineRequest { quarantine_id: args.quarantine_id.clone() };
    let answer = node
        .insist(|| {
            let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
            call.set_timeout(CALL_TIMEOUT);
            async move { client.lift_quarantine(call).await }
        })
        .await?;
    if args.json {
        let state = if answer.lifted { "lifted" } else { "lift_asked" };
        output::answer_json(&Decided { quarantine: &args.quarantine_id, state })?;
        return Ok(Outcome::Done);
    }
    output::remark(match answer.lifted {
        true => "it counts again",
        false => "asked for: it counts again once somebody else calls the same within a day",
    });
    Ok(Outcome::Done)
}

async fn keep(args: OneArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&[Role::Analyst, Role::Operator])?;
    let client = BrakeServiceClient::new(node.channel.clone());
    let request = local::KeepQuarantinedRequest { quarantine_id: args.quarantine_id.clone() };
    node.insist(|| {
        let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
        call.set_timeout(CALL_TIMEOUT);
        async move { client.keep_quarantined(call).await }
    })
    .await?;
    if args.json {
        output::answer_json(&Decided { quarantine: &args.quarantine_id, state: "kept" })?;
    } else {
        output::remark("it stays held back");
    }
    Ok(Outcome::Done)
}
