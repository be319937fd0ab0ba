//! `hushwire audit hold`: what must not be erased by expiry while somebody may need it. One person places a hold, two lift it.

use clap::Subcommand;
use prost_types::Timestamp as WireTime;
use serde::Serialize;
use tonic::Request;

use crate::app::cli::call_channel::CallChannel;
use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, Node, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::time;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::audit::hold::HoldReason;
use crate::io::grpc::wire::hushwire::compliance::v1 as wire;
use crate::io::grpc::wire::hushwire::compliance::v1::audit_service_client::AuditServiceClient;

/// Keep evidence beyond its retention while somebody may need it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire audit hold add --decision DECISION_ID --reason complaint
  hushwire audit hold add --from 2026-10-01 --to 2026-11-01 --reason authority
  hushwire audit hold list
  hushwire audit hold lift HOLD
  hushwire audit hold confirm HOLD --identity certs/auditor-ben

A hold suspends expiry for what is in its scope. It is lifted by two people: one asks, another confirms within 24 hours. What \
was erased before cannot be held, and an erasure that the author of an indicator orders goes on taking it from the feed; what \
your own decisions rested on stays while they are held.")]
pub struct HoldArgs {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Add(AddArgs),
    List(ListArgs),
    Lift(LiftArgs),
    Confirm(ConfirmArgs),
}

/// Place a hold on a decision, a case, an indicator or a period
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire audit hold add --decision DECISION_ID --reason complaint
  hushwire audit hold add --indicator members/bank-b/indicators/5f0c… --reason litigation
  hushwire audit hold add --from 2026-10-01 --to 2026-11-01 --reason authority")]
#[command(group = clap::ArgGroup::new("scope").required(true).args(["decision", "case", "indicator", "from"]))]
struct AddArgs {
    /// Its record, what stands behind it, its case
    #[arg(long, value_name = "DECISION_ID")]
    decision: Option<String>,
    /// All its steps, and its decision
    #[arg(long, value_name = "CASE_ID")]
    case: Option<String>,
    /// What it says, as far as its author does not erase it, and every decision that names it
    #[arg(long, value_name = "NAME")]
    indicator: Option<String>,
    /// All that was recorded or came from this moment on: a date (its first moment in UTC), RFC 3339 or seconds since 1970
    #[arg(long, value_parser = time::parse_moment, value_name = "TIME", requires = "to")]
    from: Option<WireTime>,
    /// Until just before this moment
    #[arg(long, value_parser = time::parse_moment, value_name = "TIME", requires = "from")]
    to: Option<WireTime>,
    /// litigation, authority (a court or supervisor), complaint or investigation
    #[arg(long, value_parser = reason)]
    reason: HoldReason,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Show the holds that stand, the oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire audit hold list")]
struct ListArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Ask that a hold be lifted; it stands until somebody else confirms
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire audit hold lift 92c3bc434ea57cc9bdcdfdb8119d8c73")]
struct LiftArgs {
    #[command(flatten)]
    one: OneArgs,
}

/// Lift a hold that somebody else asked to lift
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire audit hold confirm 92c3bc434ea57cc9bdcdfdb8119d8c73 --identity certs/auditor-ben")]
struct ConfirmArgs {
    #[command(flatten)]
    one: OneArgs,
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// As `hushwire audit hold list` shows it
    #[arg(value_name = "HOLD")]
    hold_id: String,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// No such reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("reasons are litigation, authority, complaint, investigation")]
struct UnknownReason;

fn reason(text: &str) -> Result<HoldReason, UnknownReason> {
    let word = text.to_ascii_lowercase();
    HoldReason::ALL.into_iter().find(|reason| reason.label() == word).ok_or(UnknownReason)
}

/// A hold as `--json` tells it.
#[derive(Debug, Serialize)]
struct Told {
    hold: String,
    scope: &'static str,
    held: String,
    reason: &'static str,
    placed_by: String,
    placed_at: String,
    lift_asked_by: Option<String>,
    lift_ends_at: Option<String>,
}

impl From<wire::Hold> for Told {
    fn from(hold: wire::Hold) -> Self {
        let time = |ms: u64| Timestamp::from_unix_ms(ms).to_string();
        let (scope, held) = match (&hold.decision_id, &hold.case_id, &hold.indicator) {
            (id, _, _) if !id.is_empty() => ("decision", id.clone()),
            (_, id, _) if !id.is_empty() => ("case", id.clone()),
            (_, _, name) if !name.is_empty() => ("indicator", name.clone()),
            _ => ("period", format!("{} until {}", time(hold.from_ms), time(hold.until_ms))),
        };
        let reason = u32::try_from(hold.reason).ok().and_then(HoldReason::from_number);
        let is_asked = !hold.lift_asked_by.is_empty();
        Self {
            hold: hold.hold_id,
            scope,
            held,
            reason: reason.map_or("unspecified", HoldReason::label),
            placed_by: hold.placed_by,
            placed_at: time(hold.placed_ms),
            lift_asked_by: is_asked.then_some(hold.lift_asked_by),
            lift_ends_at: is_asked.then(|| time(hold.lift_ends_ms)),
        }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { hold, scope, held, reason, placed_by, placed_at, .. } = self;
        write!(f, "{hold}  {scope} {held}: {reason}, since {placed_at} by {placed_by}")?;
        match (&self.lift_asked_by, &self.lift_ends_at) {
            (Some(by), Some(ends)) => {
                write!(f, "; {by} asked that it be lifted, somebody else may confirm until {ends}")
            }
            _ => Ok(()),
        }
    }
}

pub(in crate::app::cli) fn run(args: HoldArgs) -> Result<Outcome, CliError> {
    block_on(async {
        match args.step {
            Step::Add(args) => add(args).await,
            Step::List(args) => list(args).await,
            Step::Lift(LiftArgs { one }) => lift(one).await,
            Step::Confirm(ConfirmArgs { one }) => confirm(one).await,
        }
    })
}

const ROLES: [Role; 2] = [Role::Auditor, Role::Operator];

fn client(node: &Node) -> AuditServiceClient<CallChannel> {
    AuditServiceClient::new(node.channel.clone())
}

fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

/// The hold in an answer, on standard output.
fn show(hold: Option<wire::Hold>, json: bool, remark: &str) -> Result<Outcome, CliError> {
    let told = Told::from(hold.ok_or_else(|| CliError::failed("the node sent no hold"))?);
    if json {
        output::answer_json(&told)?;
    } else {
        output::answer(told.to_string())?;
        output::remark(remark);
    }
    Ok(Outcome::Done)
}

async fn add(args: AddArgs) -> Result<Outcome, CliError> {
    let message = wire::PlaceHoldRequest {
        decision_id: args.decision.unwrap_or_default(),
        case_id: args.case.unwrap_or_default(),
        indicator: args.indicator.unwrap_or_default(),
        from_ms: args.from.as_ref().map_or(0, time::milliseconds),
        until_ms: args.to.as_ref().map_or(0, time::milliseconds),
        reason: i32::try_from(args.reason.number()).unwrap_or_default(),
    };
    let node = args.client.connect(&ROLES)?;
    let answer = node
        .insist(|| {
            let (mut client, request) = (client(&node), request(message.clone()));
            async move { client.place_hold(request).await }
        })
        .await?;
    show(answer.hold, args.json, "nothing in its scope is erased by expiry while it stands")
}

async fn list(args: ListArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&ROLES)?;
    let answer = node
        .insist(|| {
            let (mut client, request) = (client(&node), request(wire::ListHoldsRequest {}));
            async move { client.list_holds(request).await }
        })
        .await?;
    let holds: Vec<Told> = answer.holds.into_iter().map(Told::from).collect();
    if args.json {
        output::answer_json(&serde_json::json!({ "holds": holds }))?;
        return Ok(Outcome::Done);
    }
    for hold in &holds {
        output::answer(hold.to_string())?;
    }
    if holds.is_empty() {
        output::remark("no legal hold stands");
    }
    Ok(Outcome::Done)
}

async fn lift(args: OneArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&ROLES)?;
    let message = wire::LiftHoldRequest { hold_id: args.hold_id };
    let answer = node
        .insist(|| {
            let (mut client, request) = (client(&node), request(message.clone()));
            async move { client.lift_hold(request).await }
        })
        .await?;
    show(answer.hold, args.json, "it stands until somebody else confirms: hushwire audit hold confirm HOLD")
}

async fn confirm(args: OneArgs) -> Result<Outcome, CliError> {
    let node = args.client.connect(&ROLES)?;
    let message = wire::ConfirmHoldLiftRequest { hold_id: args.hold_id };
    let answer = node
        .insist(|| {
            let (mut client, request) = (client(&node), request(message.clone()));
            async move { client.confirm_hold_lift(request).await }
        })
        .await?;
    show(answer.hold, args.json, "lifted: what it held goes with the next sweep where its retention has ended")
}
