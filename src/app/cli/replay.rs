//! `hushwire replay`: what sharing would have brought on a history of one's own.

use std::path::{Path, PathBuf};

use rand::CryptoRng;

use crate::app::cli::replay::columns::{CurrencyOption, IndicatorOption, names_of};
use crate::app::cli::replay::rules::RuleOption;
use crate::app::cli::stream::{Account, broken, delimiter, progress, unwritable};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::input;
use crate::app::records::refusal::Report as Refusals;
use crate::app::records::source::{Format, SourceError};
use crate::app::replay::columns::Columns;
use crate::app::replay::founding::Consortium;
use crate::app::replay::history::History;
use crate::app::replay::house::Common;
use crate::app::replay::institution::Division;
use crate::app::replay::read::{self, ReadFault};
use crate::app::replay::report::Report;
use crate::app::replay::run::{Finding, Question, Sharing};
use crate::app::replay::span::Span;
use crate::app::replay::{chart, table};
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::identifier::{CanonRules, Region2};
use crate::domain::indicator::typology::TypologyList;
use crate::io::random;

mod columns;
mod rules;
mod runs;

/// Run a history of transactions through the real path, alone and shared, and count what would have been stopped
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The history is a CSV file with a header row, or JSON lines, gzip or not; columns are named by options, in any order.
  ts,pan,merchant,category,amount_cents,fraud
  1735689606,5204740009900014,691,gas_transport,84813,0

Times are seconds or milliseconds since 1970, or RFC 3339 with a zone; a label is fraud unless it is 0, empty or false.
Each fraud is published by its institution when it happens; the others may use it after the delay.

Examples:
  hushwire replay transactions.csv --time ts --amount amount_cents --label fraud --indicator pan=pan \\
      --institution-by merchant --institution-names merchants.csv --institution-salt retailer --institutions 5 \\
      --share-delay 0s,1h,24h --rule corroborated --expiry 2d
  hushwire replay orders.csv.gz --time created_at --label chargeback --indicator email=mail --indicator token=psp:card \\
      --institution-by shop --typology reason --ship-after 24h --svg orders.svg
  hushwire replay orders.csv --time ts --label fraud --indicator device=device --institution-by shop --json
  hushwire replay orders.csv --time ts --amount total --label fraud --indicator device=device --institution-by shop \\
      --customer account --country country --currency EUR --rule policy.toml --against next.toml

Exit code 2: the columns or options do not fit, nothing was replayed. Exit code 3: some rows were refused and reported by
line, column and rule, the others were replayed. Exit code 1: more rows were refused than --max-bad allows.")]
pub struct ReplayArgs {
    /// CSV or JSON lines, gzip or not; - reads standard input
    file: PathBuf,
    /// Column of the time
    #[arg(long, value_name = "COLUMN")]
    time: String,
    /// Column that says whether it was fraud: anything but 0, empty and false
    #[arg(long, value_name = "COLUMN")]
    label: String,
    /// Column of the amount
    #[arg(long, value_name = "COLUMN")]
    amount: Option<String>,
    /// Column of identifiers of a kind; may be repeated. Kinds that want a scheme take it before the column: token=psp:card
    #[arg(long, value_name = "KIND=COLUMN", required = true)]
    indicator: Vec<IndicatorOption>,
    /// Column by whose words the counts are told apart; where it holds reason codes, flags are published under them
    #[arg(long, value_name = "COLUMN")]
    typology: Option<String>,
    /// Column of your reference of the customer: each institution then keeps profiles, which rules may read
    #[arg(long, value_name = "COLUMN")]
    customer: Option<String>,
    /// Column of the country the order comes from, two letters
    #[arg(long, value_name = "COLUMN")]
    country: Option<String>,
    /// The amounts' currency: three upper-case letters for all rows, or a column
    #[arg(long, value_name = "CODE|COLUMN")]
    currency: Option<CurrencyOption>,
    /// Column of the channel, e.g. web
    #[arg(long, value_name = "COLUMN")]
    channel: Option<String>,
    /// Column of the merchant category: four digits or a lower-case word
    #[arg(long, value_name = "COLUMN")]
    merchant_category: Option<String>,
    /// Column of your own system's score, 0 to 1000
    #[arg(long, value_name = "COLUMN")]
    own_score: Option<String>,
    /// Column whose value decides whose customer a row is; without it all rows are of one institution, which is alone
    #[arg(long, value_name = "COLUMN")]
    institution_by: Option<String>,
    /// CSV of two columns, value and name: the name stands for the value
    #[arg(long, value_name = "FILE", requires = "institution_by")]
    institution_names: Option<PathBuf>,
    /// Text hashed before the value: SHA-256(salt ":" value), first 8 bytes, modulo the institutions
    #[arg(long, value_name = "TEXT", default_value = "", requires = "institution_by")]
    institution_salt: String,
    /// How many institutions there are
    #[arg(long, value_name = "N", default_value_t = 5, requires = "institution_by", value_parser = institutions())]
    institutions: u16,
    /// When the others may use a flag: each delay is a run of its own, beside the one alone
    #[arg(long, value_name = "SPAN,…", value_delimiter = ',', default_value = "0s,1h,24h")]
    share_delay: Vec<Span>,
    /// What stops a transaction: any (one visible flag), corroborated (two own flags or two institutions), built-in (the policy
    /// that ships decides anything but allow), or a policy file, by which every node then decides
    #[arg(long, value_name = "RULE|FILE", default_value = "any")]
    rule: RuleOption,
    /// Another rule or policy file, held against the first on the same answers
    #[arg(long, value_name = "RULE|FILE")]
    against: Option<RuleOption>,
    /// How long a flag counts
    #[arg(long, value_name = "SPAN", default_value = "2d")]
    expiry: Span,
    /// Goods leave so long after the order: count what a flag finds before and after
    #[arg(long, value_name = "SPAN")]
    ship_after: Option<Span>,
    /// Region in which phone numbers without country code are read, e.g. GB
    #[arg(long, value_name = "CC")]
    default_region: Option<Region2>,
    /// csv or jsonl; recognised by the first character where not given
    #[arg(long)]
    format: Option<Format>,
    /// What stands between columns of a CSV file: one character, or "tab"
    #[arg(long, default_value = ",", value_parser = delimiter)]
    delimiter: char,
    /// Rows that may be refused; with more nothing is replayed. Any number where not given
    #[arg(long, value_name = "N")]
    max_bad: Option<u64>,
    /// Write every refused row there, by line, column and rule (CSV; JSON lines where the name ends with .jsonl)
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Draw a chart there
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: ReplayArgs) -> Result<Outcome, CliError> {
    let longest_ms = u64::from(limits::VALIDITY_DAYS) * 86_400_000;
    if args.expiry.ms < 1_000 || args.expiry.ms > longest_ms {
        return Err(CliError::usage(format!("--expiry is 1s at least and {} days at most", limits::VALIDITY_DAYS)));
    }
    if args.share_delay.len() > limits::decisions::REPLAY_DELAYS {
        return Err(CliError::usage(format!(
            "--share-delay takes {} delays at most",
            limits::decisions::REPLAY_DELAYS
        )));
    }
    if args.indicator.len() > limits::IDENTIFIERS_PER_TRANSACTION {
        let most = limits::IDENTIFIERS_PER_TRANSACTION;
        return Err(CliError::usage(format!("--indicator may be given {most} times at most")));
    }
    let question = question(&args)?;
    let report = args.report.as_deref().map(|path| Refusals::open(path).map_err(|error| unwritable(path, &error)));
    let report = report.transpose()?;
    let (mut history, mut account) = read(&args)?;
    account.accepted = account.records - account.refused;
    if account.refused > 0 {
        account.tell(report.as_ref())?;
    }
    check_refused(&args, &account)?;
    history.arrange().map_err(|error| CliError::usage(format!("{}: {error}", args.file.display())))?;
    let common = common(&args, &history, &mut random::generator())?;
    let begins = history.in_order().next().map_or(Timestamp::from_unix_ms(0), |(_, row)| row.at);
    let keys = common.consortium.epoch_keys(begins).map_err(|fault| CliError::failed(fault.to_string()))?;
    history.values.judge(&common.canon, &common.guards, &keys);
    let findings = runs::all(&history, &common, &question, &sharings(&args))?;
    tell(&args, &history, &question, account.refused, &findings)?;
    account.outcome()
}

/// Policies are read before the history, which takes longer.
fn question(args: &ReplayArgs) -> Result<Question, CliError> {
    let guards = GuardLists::built_in().digest();
    let rule = args.rule.rule(&guards)?;
    let against = args.against.as_ref().map(|against| against.rule(&guards)).transpose()?;
    Ok(Question { rule, against, ship_after: args.ship_after.clone() })
}

fn institutions() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=i64::from(limits::decisions::REPLAY_INSTITUTIONS))
}

fn count_of(args: &ReplayArgs) -> u16 {
    if args.institution_by.is_some() { args.institutions } else { 1 }
}

/// Alone, then with each delay; who is alone anyway shares with nobody.
fn sharings(args: &ReplayArgs) -> Vec<Sharing> {
    let delays = args.share_delay.iter().filter(|_| count_of(args) > 1).cloned().map(Sharing::After);
    std::iter::once(Sharing::Alone).chain(delays).collect()
}

fn read(args: &ReplayArgs) -> Result<(History, Account), CliError> {
    let names = args.institution_names.as_deref().map(|path| names_of(path, args.delimiter)).transpose()?;
    let division = Division::new(count_of(args), args.institution_salt.clone(), names);
    let columns = Columns {
        time: args.time.clone(),
        label: args.label.clone(),
        amount: args.amount.clone(),
        typology: args.typology.clone(),
        institution: args.institution_by.clone(),
        customer: args.customer.clone(),
        country: args.country.clone(),
        currency: args.currency.clone().map(|option| option.0),
        channel: args.channel.clone(),
        category: args.merchant_category.clone(),
        own_score: args.own_score.clone(),
        indicators: args.indicator.iter().map(|option| option.0.clone()).collect(),
        format: args.format,
        delimiter: args.delimiter,
    };
    let unreadable = |error| broken(&args.file, &SourceError::Unreadable(error));
    let bar = progress(&args.file, false);
    let input = bar.wrap_read(input::open(&args.file).map_err(unreadable)?);
    let input = input::unpacked(input).map_err(unreadable)?;
    let mut account = Account::default();
    let mut rows = 0;
    let history = read::history(input, &columns, &division, &mut |refusals| account.refuse(refusals), &mut |read| {
        rows = read;
        bar.set_message(format!("{read} rows read"));
    });
    bar.finish_and_clear();
    account.records = rows;
    match history {
        Ok(history) => Ok((history, account)),
        Err(ReadFault::Source(error)) => Err(broken(&args.file, &error)),
        Err(fault @ ReadFault::TooManyRows) => Err(CliError::usage(format!("{}: {fault}", args.file.display()))),
    }
}

fn check_refused(args: &ReplayArgs, account: &Account) -> Result<(), CliError> {
    if account.records == 0 {
        return Err(CliError::usage(format!("{}: the file has no rows below its header", args.file.display())));
    }
    if account.accepted == 0 {
        return account.outcome().map(|_| ());
    }
    match args.max_bad {
        Some(most) if account.refused > most => {
            let refused = output::counted(account.refused, "row was", "rows were");
            Err(CliError::failed(format!("{refused} refused and --max-bad allows {most}; nothing was replayed")))
        }
        Some(_) | None => Ok(()),
    }
}

fn common(args: &ReplayArgs, history: &History, rng: &mut impl CryptoRng) -> Result<Common, CliError> {
    let times = || history.in_order().map(|(_, row)| row.at);
    let first = times().next().unwrap_or(Timestamp::from_unix_ms(0));
    let last = times().next_back().unwrap_or(first);
    let consortium = Consortium::found(count_of(args), first, last, rng)
        .map_err(|fault| CliError::failed(format!("the consortium of the replay cannot be founded: {fault}")))?;
    Ok(Common {
        consortium,
        canon: CanonRules { default_region: args.default_region },
        guards: GuardLists::built_in().into(),
        typologies: TypologyList::built_in(),
        expiry_ms: args.expiry.ms,
        has_customers: args.customer.is_some(),
    })
}

fn tell(
    args: &ReplayArgs,
    history: &History,
    question: &Question,
    refused: u64,
    findings: &[Finding],
) -> Result<(), CliError> {
    let report = Report::new(history, question, (count_of(args), args.expiry.to_string()), refused, findings);
    if let Some(path) = &args.svg {
        write(path, &chart::draw(&report))?;
    }
    if args.json {
        return output::answer_json(&report);
    }
    table::lines(&report).iter().try_for_each(output::answer)
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text)
        .map_err(|error| CliError::failed(format!("{} cannot be written: {error}", path.display())))
}
