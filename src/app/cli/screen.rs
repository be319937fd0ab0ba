//! `hushwire screen`: what the consortium knows about one transaction, or about a file of them.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use indicatif::ProgressBar;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, Node, block_on, explain};
use crate::app::cli::decision;
use crate::app::cli::identifier_option::{self, IdentifierOption};
use crate::app::cli::stream::{Account, Incoming, InputArgs, broken, progress, records};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::refusal::Refusal;
use crate::app::records::{time, transaction};
use crate::base::limits;
use crate::base::role::Role;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::screening_service_client::ScreeningServiceClient;

/// Batches on their way at once: enough to keep the node busy, few enough not to be refused.
const IN_FLIGHT: usize = 4;

/// How often a batch is sent for which the node has no room.
const ATTEMPTS: u32 = 6;

/// Longest wait before a batch is sent again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Bytes of one batch.
const BATCH_BYTES: usize = limits::MESSAGE_BYTES / 2;

/// Ask what the consortium knows about a transaction, or a file of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
One transaction by options, or a file whose columns are kinds of identifier and fields of a transaction:
  pan,iban,email,phone,device,ip,…,amount_minor,currency,time,channel,country,customer_ref,
  merchant_category,own_score,transaction_ref

Examples:
  hushwire screen --identifier email=- --identifier pan=- --amount-minor 12500 --currency EUR
  hushwire screen orders.csv --map pan=card_number --map transaction_ref=order
  hushwire screen orders.jsonl --json > answers.jsonl

KIND=- asks without echo, or reads a line of standard input: values in options end up in the shell's history.")]
pub struct ScreenArgs {
    /// CSV or JSON lines; - reads standard input
    #[arg(required_unless_present = "identifier", conflicts_with = "identifier")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub client: ClientArgs,
    #[command(flatten)]
    pub input: InputArgs,
    /// Identifier of the one transaction; may be repeated
    #[arg(long, value_name = "KIND=VALUE")]
    pub identifier: Vec<IdentifierOption>,
    #[command(flatten)]
    pub one: OneArgs,
    /// Let each answer wait, two seconds at most, until its record is on the node's disk; the answer says what was reached
    #[arg(long)]
    pub durable: bool,
    /// JSON on standard output: one object a transaction, for a file one a line
    #[arg(long)]
    pub json: bool,
}

impl ScreenArgs {
    /// What is asked of the records of the answers.
    fn asked(&self) -> i32 {
        if self.durable { local::AuditState::Durable.into() } else { local::AuditState::Unspecified.into() }
    }
}

/// The rest of the one transaction.
#[derive(Debug, Clone, clap::Args)]
pub struct OneArgs {
    /// Amount in minor units: 12500 for 125.00
    #[arg(long, default_value_t = 0, requires = "identifier", value_parser = minor_units)]
    pub amount_minor: i64,
    /// ISO 4217 code
    #[arg(long, default_value = "", requires = "identifier")]
    pub currency: String,
    /// RFC 3339 or seconds since 1970; now where not given
    #[arg(long, value_parser = time::parse, requires = "identifier")]
    pub time: Option<prost_types::Timestamp>,
    /// web, app, pos, …
    #[arg(long, default_value = "", requires = "identifier")]
    pub channel: String,
    /// ISO 3166-1 alpha-2
    #[arg(long, default_value = "", requires = "identifier")]
    pub country: String,
    /// Your reference of the customer
    #[arg(long, default_value = "", requires = "identifier")]
    pub customer_ref: String,
    /// What is bought: a merchant category code of four digits, or a word of your own
    #[arg(long, default_value = "", requires = "identifier")]
    pub merchant_category: String,
    /// Your own risk score, 0 to 1000
    #[arg(long, requires = "identifier")]
    pub own_score: Option<u32>,
    /// Your reference of the order
    #[arg(long, default_value = "", requires = "identifier")]
    pub transaction_ref: String,
    /// Languages the customer reads, as in Accept-Language: what to tell the customer is answered too
    #[arg(long, default_value = "", value_name = "LANGUAGES", requires = "identifier")]
    pub language: String,
}

fn minor_units(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "give whole minor units, without a point: 1250 for 12.50".to_owned())
}

/// See the module's documentation.
pub fn run(args: ScreenArgs) -> Result<Outcome, CliError> {
    block_on(async {
        match &args.file {
            Some(file) => screen_file(&args, file).await,
            None => screen_one(&args).await,
        }
    })
}

async fn screen_one(args: &ScreenArgs) -> Result<Outcome, CliError> {
    let one = args.one.clone();
    let request = local::ScreenTransactionRequest {
        identifiers: identifier_option::resolve(&args.identifier)?,
        amount_minor: one.amount_minor,
        currency: one.currency,
        time: one.time,
        channel: one.channel,
        country: one.country,
        customer_ref: one.customer_ref,
        own_score: one.own_score,
        transaction_ref: one.transaction_ref,
        audit: args.asked(),
        merchant_category: one.merchant_category,
        accept_language: one.language,
    };
    let node = args.client.connect(&[Role::Screener])?;
    let client = ScreeningServiceClient::new(node.channel.clone());
    let answer = node
        .insist(|| {
            let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
            call.set_timeout(CALL_TIMEOUT);
            async move { client.screen_transaction(call).await }
        })
        .await?;
    if args.json {
        output::answer_json(&decision::as_json(&answer, None))?;
    } else {
        for line in decision::explained(&answer) {
            output::answer(line)?;
        }
    }
    Ok(if answer.refused.is_empty() { Outcome::Done } else { Outcome::Partial })
}

/// What the end of a file says.
#[derive(Debug, Default)]
struct Totals {
    decisions: BTreeMap<&'static str, u64>,
    degraded: u64,
}

async fn screen_file(args: &ScreenArgs, file: &std::path::Path) -> Result<Outcome, CliError> {
    let bar = progress(file, false);
    let incoming = records(file, &args.input, &transaction::FIELDS, &bar, transaction::read)?;
    let report = args.input.open_report()?;
    let node = args.client.connect(&[Role::Screener])?;
    let (mut account, mut totals) = (Account::default(), Totals::default());
    let ended = screen_all(args, file, incoming, &node, &bar, (&mut account, &mut totals)).await;
    bar.finish_and_clear();
    // Also where it broke off: what was refused until then is told.
    account.tell(report.as_ref())?;
    ended?;
    let decisions: Vec<String> = totals.decisions.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let transactions = counted(account.accepted, "transaction", "transactions");
    output::remark(format!("{transactions} screened: {}", decisions.join(", ")));
    if totals.degraded > 0 {
        let answers = counted(totals.degraded, "answer is", "answers are");
        output::remark(format!("{answers} degraded: hushwire status says why"));
    }
    account.outcome()
}

/// Screens until the file ends or something breaks off.
async fn screen_all(
    args: &ScreenArgs,
    file: &std::path::Path,
    mut incoming: mpsc::Receiver<Incoming<local::ScreenTransactionRequest>>,
    node: &Node,
    bar: &ProgressBar,
    (account, totals): (&mut Account, &mut Totals),
) -> Result<(), CliError> {
    let (batches, waiting) = mpsc::channel(IN_FLIGHT);
    let mut waiting = Some(waiting);
    let mut answers = None;
    let mut in_flight: VecDeque<Batch> = VecDeque::new();
    let mut batch = Batch::default();
    let mut ended = false;
    loop {
        if batch.full() || (ended && !batch.lines.is_empty()) {
            let full = std::mem::take(&mut batch);
            // A closed stream shows in the answer below, with its reason.
            let _closed = batches.send(full.request()).await;
            in_flight.push_back(full);
            // Only now: a node may wait for the first batch before it answers at all.
            if let Some(waiting) = waiting.take() {
                answers = Some(open_stream(node, waiting).await?);
            }
        }
        if ended && in_flight.is_empty() {
            return Ok(());
        }
        if in_flight.len() >= IN_FLIGHT || ended {
            let stream = answers.as_mut().expect("a batch in flight was sent over the stream");
            let answer = stream.message().await.map_err(|status| explain(&status, &node.endpoint))?;
            let (Some(answer), Some(mut answered)) = (answer, in_flight.pop_front()) else {
                return Err(CliError::unavailable("the node ended the stream before it answered everything")
                    .hint("screening changes nothing: repeat the command"));
            };
            if let Some(refusal) = &answer.refusal {
                answered.refused(refusal).await?;
                let _closed = batches.send(answered.request()).await;
                in_flight.push_back(answered);
                continue;
            }
            take_answers(args, &answer, &answered.lines, totals, account)?;
            bar.set_message(format!("{} screened", account.accepted));
            continue;
        }
        match incoming.recv().await {
            None => ended = true,
            Some(Incoming::Item { line, item }) => {
                account.records += 1;
                batch.add(line, local::ScreenTransactionRequest { audit: args.asked(), ..item });
            }
            Some(Incoming::Refused(refusals)) => {
                account.records += 1;
                account.refuse(refusals);
            }
            Some(Incoming::Broken(error)) => {
                return Err(CliError { code: CliError::FAILED, ..broken(file, &error) });
            }
        }
    }
}

async fn open_stream(
    node: &Node,
    waiting: mpsc::Receiver<local::ScreenTransactionsRequest>,
) -> Result<tonic::Streaming<local::ScreenTransactionsResponse>, CliError> {
    let mut client = ScreeningServiceClient::new(node.channel.clone());
    let answers = client.screen_transactions(ReceiverStream::new(waiting)).await;
    answers.map(tonic::Response::into_inner).map_err(|status| explain(&status, &node.endpoint))
}

/// Transactions of one message, with the lines they stand on. Kept until they are answered: the node may have no room for them.
#[derive(Debug, Default)]
struct Batch {
    transactions: Vec<local::ScreenTransactionRequest>,
    lines: Vec<u64>,
    bytes: usize,
    attempts: u32,
}

impl Batch {
    fn add(&mut self, line: u64, transaction: local::ScreenTransactionRequest) {
        self.bytes += transaction.encoded_len();
        self.lines.push(line);
        self.transactions.push(transaction);
    }

    fn full(&self) -> bool {
        self.transactions.len() >= limits::TRANSACTIONS_PER_BATCH || self.bytes >= BATCH_BYTES
    }

    fn request(&self) -> local::ScreenTransactionsRequest {
        local::ScreenTransactionsRequest { transactions: self.transactions.clone() }
    }

    /// Waits as long as the node asks for; a node that never has room ends the command.
    async fn refused(&mut self, refusal: &local::BatchRefusal) -> Result<(), CliError> {
        self.attempts += 1;
        if self.attempts >= ATTEMPTS {
            let local::BatchRefusal { reason, description, .. } = refusal;
            return Err(CliError::unavailable(format!("the node has no time: {description} [{reason}]"))
                .hint("screening changes nothing: repeat the command"));
        }
        tokio::time::sleep(Duration::from_millis(refusal.retry_after_ms).min(LONGEST_PAUSE)).await;
        Ok(())
    }
}

fn take_answers(
    args: &ScreenArgs,
    answer: &local::ScreenTransactionsResponse,
    lines: &[u64],
    totals: &mut Totals,
    account: &mut Account,
) -> Result<(), CliError> {
    if answer.results.len() != lines.len() {
        return Err(CliError::failed(format!(
            "the node answered {} of {} transactions",
            answer.results.len(),
            lines.len()
        )));
    }
    let is_refused = |place: usize| answer.refused.iter().find(|refused| usize::try_from(refused.record) == Ok(place));
    for (place, (result, line)) in answer.results.iter().zip(lines).enumerate() {
        if let Some(refused) = is_refused(place) {
            account.refuse([Refusal::new(*line, &refused.field, &refused.rule, &refused.description)]);
            continue;
        }
        if account.accepted == 0 && !args.json {
            output::remark(decision::header(result));
        }
        account.accepted += 1;
        totals.degraded += u64::from(result.degraded);
        *totals.decisions.entry(decision::decision_word(result.decision)).or_default() += 1;
        account.refuse(result.refused.iter().map(|refused| {
            let field = format!("identifiers[{}].{}", refused.record, refused.field);
            Refusal::new(*line, &field, &refused.rule, &refused.description)
        }));
        if args.json {
            output::answer(decision::as_json(result, Some(*line)).to_string())?;
        } else {
            output::answer(decision::one_line(result, *line))?;
        }
    }
    Ok(())
}
