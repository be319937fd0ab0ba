//! `hushwire case list` and `show`.

use crate::app::cli::case::shown::{as_json, in_lines, one_line};
use crate::app::cli::case::{READERS, ROLES, fetch, named, outcome, outcome_number};
use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::domain::case::outcome::Outcome as OrderOutcome;
use crate::domain::case::state::State;
use crate::domain::screening::decision::Decision;
use crate::io::grpc::case_words::wire_state;
use crate::io::grpc::convert::wire_decision;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::case_service_client::CaseServiceClient;

/// Cases asked for at once.
const PAGE: u32 = 500;

/// No such word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum UnknownWord {
    #[error("states are open, challenged, release-asked, released, refused")]
    State,
    #[error("decisions are challenge, hold, block")]
    Decision,
}

fn state(text: &str) -> Result<State, UnknownWord> {
    State::from_label(&text.replace('-', "_")).ok_or(UnknownWord::State)
}

fn decision(text: &str) -> Result<Decision, UnknownWord> {
    Decision::from_label(text).filter(|decision| *decision != Decision::Allow).ok_or(UnknownWord::Decision)
}

/// List cases, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire case list --state open --state challenged
  hushwire case list --assignee anna --decision hold
  hushwire case list --outcome fraud --json | jq -r .case_id")]
pub(super) struct ListArgs {
    /// open, challenged, release-asked, released or refused; may be repeated
    #[arg(long, value_parser = state)]
    state: Vec<State>,
    /// challenge, hold or block
    #[arg(long, value_parser = decision)]
    decision: Option<Decision>,
    /// Who works it: the name in a certificate
    #[arg(long, value_name = "NAME", default_value = "")]
    assignee: String,
    /// fraud or genuine
    #[arg(long, value_parser = outcome)]
    outcome: Option<OrderOutcome>,
    /// Your own reference of the customer, as the screening named it
    #[arg(long, value_name = "REFERENCE", default_value = "")]
    customer: String,
    /// Cases at most
    #[arg(long, value_name = "CASES", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    client: ClientArgs,
    /// JSON on standard output: one object a case, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn list(args: ListArgs) -> Result<Outcome, CliError> {
    block_on(async {
        let node = args.client.connect(&ROLES)?;
        let client = CaseServiceClient::new(node.channel.clone());
        let mut request = local::ListCasesRequest {
            states: args.state.iter().map(|state| wire_state(*state).into()).collect(),
            decision: args.decision.map_or(0, |decision| wire_decision(decision).into()),
            assignee: args.assignee,
            outcome: args.outcome.map_or(0, outcome_number),
            customer_ref: args.customer,
            page_size: PAGE,
            page_token: String::new(),
        };
        let mut shown = 0_usize;
        let waiting = loop {
            let page = node
                .insist(|| {
                    let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
                    call.set_timeout(CALL_TIMEOUT);
                    async move { client.list_cases(call).await }
                })
                .await?;
            for case in page.cases.iter().take(args.limit.saturating_sub(shown)) {
                output::answer(if args.json { as_json(case).to_string() } else { one_line(case) })?;
                shown += 1;
            }
            if page.next_page_token.is_empty() || shown >= args.limit {
                break page.waiting;
            }
            request.page_token = page.next_page_token;
        };
        if !args.json {
            output::remark(format!("{}; {waiting} wait in all", output::counted(shown, "case", "cases")));
        }
        Ok(Outcome::Done)
    })
}

/// Show one case: what stopped the order, what matched, who did what
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire case show 7KQ2-M0XD
  hushwire case show 92c3bc434ea57cc9bdcdfdb8119d8c73 --json
  hushwire case show --order A-1042")]
pub(super) struct ShowArgs {
    /// The id of the decision, or the reference the customer quotes
    #[arg(value_name = "CASE", required_unless_present = "order")]
    case: Option<String>,
    /// Your own reference of the order, as the screening named it
    #[arg(long, value_name = "REFERENCE", conflicts_with = "case")]
    order: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn show(args: ShowArgs) -> Result<Outcome, CliError> {
    block_on(async {
        let node = args.client.connect(&READERS)?;
        let request = match (args.case, args.order) {
            (Some(case), _) => named(&case),
            (None, order) => local::GetCaseRequest { transaction_ref: order.unwrap_or_default(), ..Default::default() },
        };
        let case = fetch(&node, request).await?;
        if args.json {
            output::answer_json(&as_json(&case))?;
        } else {
            in_lines(&case).iter().try_for_each(output::answer)?;
        }
        Ok(Outcome::Done)
    })
}
