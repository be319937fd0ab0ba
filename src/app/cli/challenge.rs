//! `hushwire challenge`: one more proof of who a customer is. What became of the order is `hushwire case show`'s.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use crate::app::cli::call_channel::CallChannel;
use crate::app::cli::case::shown::state_word;
use crate::app::cli::case::{READERS, fetch, named};
use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, Node, block_on, explain};
use crate::app::cli::customer::CustomerArgs;
use crate::app::cli::identifier_option::ask;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::time;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::challenge_service_client::ChallengeServiceClient;
use local::{ChallengeMethod, CodeDelivery};

/// Ask a customer for one more proof of who it is
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire challenge start 7KQ2-M0XD --method code --delivery-ref phone-of-c-7
  hushwire challenge answer 7KQ2-M0XD             # asks for the code without echo, or reads a line of standard input
  hushwire challenge start 7KQ2-M0XD --method external
  hushwire challenge report 7KQ2-M0XD passed
  hushwire challenge enrol --account orders       # asks for your reference of the customer
  hushwire case show 7KQ2-M0XD                    # what became of the order

A challenge belongs to the case of a decision, named by the id of that decision or by the reference the customer quotes. Passed, it \
releases an order that was challenged; one that is held waits for a person. No command is repeated by itself: each attempt and each \
code counts. Roles: analyst; a screener for its own decisions.")]
pub struct ChallengeArgs {
    #[command(subcommand)]
    command: ChallengeCommand,
}

#[derive(Debug, Subcommand)]
enum ChallengeCommand {
    Start(StartArgs),
    Answer(AnswerArgs),
    Report(ReportArgs),
    Enrol(EnrolArgs),
    Remove(RemoveArgs),
}

/// Which order, and how the answer is printed.
#[derive(Debug, clap::Args)]
struct Target {
    /// The id of the decision, or the reference the customer quotes
    #[arg(value_name = "DECISION")]
    decision: String,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// By what a customer proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// A random code that your gateway sends
    Code,
    /// A code of the customer's authenticator
    Totp,
    /// Your own login, which reports how it ended
    External,
}

/// Start a challenge, or start it again with a new code
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire challenge start 7KQ2-M0XD --method code --delivery-ref phone-of-c-7
  hushwire challenge start 7KQ2-M0XD --method code --delivery-ref -    # asks for it without echo
  hushwire challenge start 92c3bc434ea57cc9bdcdfdb8119d8c73 --method totp --json

Three codes are sent for a case and five attempts taken, however often it is started.")]
struct StartArgs {
    #[command(flatten)]
    target: Target,
    /// By what the customer proves who it is
    #[arg(long, value_enum)]
    method: Method,
    /// What your gateway needs to reach the customer; kept nowhere. Where it is a number or an address give -, to be asked
    #[arg(long, value_name = "REFERENCE", default_value = "", hide_default_value = true)]
    delivery_ref: String,
}

/// Say what the customer typed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire challenge answer 7KQ2-M0XD             # asks for the code without echo, or reads a line of standard input
  hushwire challenge answer 7KQ2-M0XD --json < code

Exit code 0 where it is right, 1 where it is not.")]
struct AnswerArgs {
    #[command(flatten)]
    target: Target,
}

/// How the member's own login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ended {
    /// The customer is who it claims to be
    Passed,
    /// It could not prove it
    Failed,
}

/// Say how your own login ended, of a challenge with the method external
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire challenge report 7KQ2-M0XD passed
  hushwire challenge report 7KQ2-M0XD failed")]
struct ReportArgs {
    #[command(flatten)]
    target: Target,
    /// How it ended
    #[arg(value_enum)]
    ended: Ended,
}

/// Give a customer an authenticator; the address that it takes in is shown this once
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire challenge enrol --account orders       # asks for your reference of the customer
  hushwire challenge enrol --account orders --from customer.txt | qrencode -t ansiutf8

Whoever has the address has the customer's codes: hand it on, and keep it nowhere.")]
struct EnrolArgs {
    /// What the authenticator shows beside your member id
    #[arg(long, value_name = "TEXT")]
    account: String,
    #[command(flatten)]
    customer: CustomerArgs,
}

/// Take a customer's authenticator away
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire challenge remove                       # asks for your reference of the customer
  hushwire challenge remove --from customer.txt")]
struct RemoveArgs {
    #[command(flatten)]
    customer: CustomerArgs,
}

/// See the module's documentation.
pub fn run(args: ChallengeArgs) -> Result<Outcome, CliError> {
    match args.command {
        ChallengeCommand::Start(args) => start(args),
        ChallengeCommand::Answer(args) => answer(args),
        ChallengeCommand::Report(args) => report(args),
        ChallengeCommand::Enrol(args) => enrol(&args),
        ChallengeCommand::Remove(args) => remove(&args),
    }
}

type Client = ChallengeServiceClient<CallChannel>;

/// One call, made once: repeated, it might take another attempt or send another code.
async fn once<Q, A, F>(node: &Node, request: Q, made: impl FnOnce(Client, Request<Q>) -> F) -> Result<A, CliError>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut call = Request::new(request);
    call.set_timeout(CALL_TIMEOUT);
    let answer = made(Client::new(node.channel.clone()), call).await;
    Ok(answer.map_err(|status| explain(&status, &node.endpoint))?.into_inner())
}

/// The id of a decision that may be named by its reference.
async fn decision_id(node: &Node, name: String) -> Result<String, CliError> {
    let request = named(&name);
    if request.reference.is_empty() {
        return Ok(name);
    }
    Ok(fetch(node, request).await?.case_id)
}

fn start(args: StartArgs) -> Result<Outcome, CliError> {
    let StartArgs { target, method, delivery_ref } = args;
    let delivery_ref = if delivery_ref == "-" { ask("delivery reference")? } else { Zeroizing::new(delivery_ref) };
    let method = match method {
        Method::Code => ChallengeMethod::Code,
        Method::Totp => ChallengeMethod::Totp,
        Method::External => ChallengeMethod::External,
    };
    let started = block_on(async {
        let node = target.client.connect(&READERS)?;
        let request = local::StartChallengeRequest {
            decision_id: decision_id(&node, target.decision).await?,
            method: method.into(),
            delivery_ref: delivery_ref.as_str().to_owned(),
        };
        once(&node, request, |mut client, call| async move { client.start_challenge(call).await }).await
    })?;
    if target.json {
        output::answer_json(&started_json(&started))?;
    } else {
        started_lines(&started).iter().try_for_each(output::answer)?;
    }
    Ok(Outcome::Done)
}

fn answer(args: AnswerArgs) -> Result<Outcome, CliError> {
    let target = args.target;
    let code = ask("code")?;
    let answered = block_on(async {
        let node = target.client.connect(&READERS)?;
        let decision_id = decision_id(&node, target.decision).await?;
        let request = local::AnswerChallengeRequest { decision_id, code: code.as_str().to_owned() };
        once(&node, request, |mut client, call| async move { client.answer_challenge(call).await }).await
    })?;
    let state = state_word(answered.state);
    if target.json {
        let (passed, left) = (answered.passed, answered.attempts_left);
        output::answer_json(&json!({"passed": passed, "attempts_left": left, "state": state}))?;
    } else if answered.passed {
        output::answer(format!("passed; the order is {state}"))?;
    } else {
        output::answer(format!("not the code; {} left; the order is {state}", attempts(answered.attempts_left)))?;
    }
    // The answer says it all; a script goes by the exit code.
    if answered.passed { Ok(Outcome::Done) } else { Err(CliError::failed("")) }
}

fn report(args: ReportArgs) -> Result<Outcome, CliError> {
    let (target, passed) = (args.target, args.ended == Ended::Passed);
    let reported = block_on(async {
        let node = target.client.connect(&READERS)?;
        let decision_id = decision_id(&node, target.decision).await?;
        let request = local::ReportChallengeRequest { decision_id, passed };
        once(&node, request, |mut client, call| async move { client.report_challenge(call).await }).await
    })?;
    let state = state_word(reported.state);
    if target.json {
        output::answer_json(&json!({"state": state}))?;
    } else {
        output::answer(format!("the order is {state}"))?;
    }
    Ok(Outcome::Done)
}

fn enrol(args: &EnrolArgs) -> Result<Outcome, CliError> {
    let request = local::EnrolTotpRequest { customer_ref: args.customer.reference()?, account: args.account.clone() };
    let enrolled = block_on(async {
        let node = args.customer.client.connect(&READERS)?;
        once(&node, request, |mut client, call| async move { client.enrol_totp(call).await }).await
    })?;
    let uri = enrolled.otpauth_uri.as_str();
    if args.customer.json {
        output::answer_json(&json!({"otpauth_uri": uri}))?;
    } else {
        output::answer(uri)?;
    }
    Ok(Outcome::Done)
}

fn remove(args: &RemoveArgs) -> Result<Outcome, CliError> {
    let request = local::RemoveTotpRequest { customer_ref: args.customer.reference()? };
    let removed = block_on(async {
        let node = args.customer.client.connect(&READERS)?;
        once(&node, request, |mut client, call| async move { client.remove_totp(call).await }).await
    })?;
    if args.customer.json {
        output::answer_json(&json!({"removed": removed.removed}))?;
    } else {
        output::answer(if removed.removed { "the authenticator is gone" } else { "there was none" })?;
    }
    Ok(Outcome::Done)
}

fn attempts(left: u32) -> String {
    counted(usize::try_from(left).unwrap_or(usize::MAX), "attempt", "attempts")
}

/// The word of a delivery; none where no code is sent.
fn delivery_word(number: i32) -> Option<&'static str> {
    match CodeDelivery::try_from(number) {
        Ok(CodeDelivery::Taken) => Some("taken"),
        Ok(CodeDelivery::Pending) => Some("pending"),
        Ok(CodeDelivery::Failed) => Some("failed"),
        Ok(CodeDelivery::Unspecified) | Err(_) => None,
    }
}

fn started_json(started: &local::StartChallengeResponse) -> Value {
    json!({
        "expires_at": started.expires_at.as_ref().map(time::show),
        "attempts_left": started.attempts_left,
        "codes_left": started.codes_left,
        "delivery": delivery_word(started.delivery),
        "state": state_word(started.state),
    })
}

fn started_lines(started: &local::StartChallengeResponse) -> Vec<String> {
    let until = started.expires_at.as_ref().map(time::show).unwrap_or_default();
    let mut lines = vec![
        format!("state      {}", state_word(started.state)),
        format!("answer     until {until}, {} left", attempts(started.attempts_left)),
    ];
    if let Some(word) = delivery_word(started.delivery) {
        let what = match word {
            "taken" => "a receiver has it",
            "pending" => "no receiver has it yet; it is tried until it expires",
            _ => "no receiver takes it: start again, or choose another method",
        };
        let left = counted(usize::try_from(started.codes_left).unwrap_or(usize::MAX), "code", "codes");
        lines.push(format!("code       {word}: {what}; {left} left"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_where_the_code_is_and_nothing_of_codes_where_none_is_sent() {
        let check = |delivery: CodeDelivery, part: Option<&str>| {
            let started = local::StartChallengeResponse {
                attempts_left: 5,
                codes_left: 1,
                delivery: delivery.into(),
                state: local::CaseState::Challenged.into(),
                ..Default::default()
            };
            let lines = started_lines(&started).join("\n");
            assert_eq!(lines.contains("1 code left"), part.is_some(), "{lines}");
            assert!(lines.contains("5 attempts left") && part.is_none_or(|part| lines.contains(part)), "{lines}");
        };
        check(CodeDelivery::Taken, Some("taken: a receiver has it"));
        check(CodeDelivery::Pending, Some("pending"));
        check(CodeDelivery::Failed, Some("start again"));
        check(CodeDelivery::Unspecified, None);
    }
}
