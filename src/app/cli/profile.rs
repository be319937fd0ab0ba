//! `hushwire profile`: what the node has learnt of one of the member's own customers.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::app::cli::call_channel::CallChannel;
use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::cli::identifier_option::ask;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::time;
use crate::base::role::Role;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::profiles_service_client::ProfilesServiceClient;

/// Who may look at profiles and erase them; the first certificate there is.
const ROLES: [Role; 2] = [Role::Analyst, Role::Operator];

/// Bytes of a file that names a customer.
const FILE_BYTES: u64 = 4_096;

/// Show or erase what the node has learnt of one of your customers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire profile show                        # asks for the reference without echo, or reads a line of standard input
  hushwire profile show --from customer.txt --json
  hushwire profile erase --from customer.txt

The reference is the customer_ref of your screenings. It is no argument: those end up in the shell's history. Both commands stand \
in the audit log, with the customer's keyed name. Roles: analyst, operator.")]
pub struct ProfileArgs {
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Debug, Subcommand)]
enum ProfileCommand {
    /// Show what is held of a customer, for whom it concerns and for who asks why an order was unusual
    #[command(after_help = "\
Examples:
  hushwire profile show                        # asks for the reference without echo, or reads a line of standard input
  hushwire profile show --from customer.txt --json

Devices and order references are shown as numbers only: the node keeps no more of them than keyed fingerprints.")]
    Show(CustomerArgs),
    /// Forget a customer, in memory and on disk; the next order begins a new profile
    #[command(after_help = "\
Examples:
  hushwire profile erase --from customer.txt
  hushwire profile erase --json < customer.txt

It is gone from the disk when the command ends; erasing again is harmless.")]
    Erase(CustomerArgs),
}

#[derive(Debug, clap::Args)]
struct CustomerArgs {
    /// File whose first line is your reference of the customer
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

impl CustomerArgs {
    fn reference(&self) -> Result<String, CliError> {
        let Some(path) = &self.from else { return Ok(ask("customer reference")?.as_str().to_owned()) };
        let failed = |reason: String| CliError::failed(format!("{} cannot be read: {reason}", path.display()));
        let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if length > FILE_BYTES {
            return Err(failed(format!("{length} bytes exceed the limit of {FILE_BYTES}")));
        }
        let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| failed(error.to_string()))?;
        let line = text.lines().next().unwrap_or_default().trim();
        if line.is_empty() {
            return Err(CliError::usage(format!("the first line of {} names no customer", path.display())));
        }
        Ok(line.to_owned())
    }
}

/// See the module's documentation.
pub fn run(args: ProfileArgs) -> Result<Outcome, CliError> {
    match args.command {
        ProfileCommand::Show(args) => show(&args),
        ProfileCommand::Erase(args) => erase(&args),
    }
}

type Client = ProfilesServiceClient<CallChannel>;

/// One call, repeated as long as the node asks for time.
fn call<Q: Clone, A, F>(
    args: &CustomerArgs,
    request: Q,
    made: impl Fn(Client, tonic::Request<Q>) -> F,
) -> Result<A, CliError>
where
    F: Future<Output = Result<tonic::Response<A>, tonic::Status>>,
{
    block_on(async {
        let node = args.client.connect(&ROLES)?;
        node.insist(|| {
            let mut call = tonic::Request::new(request.clone());
            call.set_timeout(CALL_TIMEOUT);
            made(Client::new(node.channel.clone()), call)
        })
        .await
    })
}

fn show(args: &CustomerArgs) -> Result<Outcome, CliError> {
    let request = local::ShowProfileRequest { customer_ref: args.reference()? };
    let answer = call(args, request, |mut client, call| async move { client.show_profile(call).await })?;
    if args.json {
        let profile = answer.profile.as_ref().map(as_json);
        output::answer_json(&json!({"customer": answer.customer, "profile": profile}))?;
    } else if let Some(profile) = &answer.profile {
        for line in in_words(profile) {
            output::answer(line)?;
        }
    } else {
        output::answer("nothing is held of this customer")?;
    }
    Ok(Outcome::Done)
}

fn erase(args: &CustomerArgs) -> Result<Outcome, CliError> {
    let request = local::EraseProfileRequest { customer_ref: args.reference()? };
    let answer = call(args, request, |mut client, call| async move { client.erase_profile(call).await })?;
    if args.json {
        output::answer_json(&json!({"customer": answer.customer, "found": answer.found}))?;
    } else if answer.found {
        output::answer("the profile is erased, in memory and on disk")?;
    } else {
        output::answer("nothing was held of this customer")?;
    }
    Ok(Outcome::Done)
}

fn shown(time: Option<&prost_types::Timestamp>) -> String {
    time.map(time::show).unwrap_or_default()
}

fn as_json(profile: &local::Profile) -> Value {
    let habits = |habits: &[local::Habit]| -> Vec<Value> {
        habits.iter().map(|habit| json!({"value": habit.value, "orders": habit.orders})).collect()
    };
    let spending = |of: &local::Spending| {
        json!({
            "currency": of.currency,
            "orders": of.orders,
            "median_minor": of.median_minor,
            "deviation_minor": of.deviation_minor,
            "spent_24h_minor": of.spent_24h_minor,
            "spent_7d_minor": of.spent_7d_minor,
        })
    };
    json!({
        "first_seen": shown(profile.first_seen.as_ref()),
        "last_seen": shown(profile.last_seen.as_ref()),
        "forgotten": shown(profile.forgotten.as_ref()),
        "orders": profile.orders,
        "countries": habits(&profile.countries),
        "categories": habits(&profile.categories),
        "devices": profile.devices,
        "spending": profile.spending.iter().map(spending).collect::<Vec<_>>(),
        "last_country": profile.last_country,
        "last_country_at": profile.last_country_at.as_ref().map(time::show),
        "count_1m": profile.count_1m,
        "count_1h": profile.count_1h,
        "count_24h": profile.count_24h,
        "count_7d": profile.count_7d,
    })
}

fn in_words(profile: &local::Profile) -> Vec<String> {
    let habits = |habits: &[local::Habit]| {
        let words: Vec<String> = habits.iter().map(|habit| format!("{} ({})", habit.value, habit.orders)).collect();
        if words.is_empty() { "none known".to_owned() } else { words.join(", ") }
    };
    let (first, last) = (shown(profile.first_seen.as_ref()), shown(profile.last_seen.as_ref()));
    let mut lines = vec![
        format!("seen       {first} to {last}"),
        format!("forgotten  {}, unless seen again", shown(profile.forgotten.as_ref())),
        format!("orders     {} that passed", profile.orders),
        format!(
            "lately     {} in a minute, {} in an hour, {} in a day, {} in a week, stopped ones included",
            profile.count_1m, profile.count_1h, profile.count_24h, profile.count_7d
        ),
        format!("countries  {}", habits(&profile.countries)),
        format!("categories {}", habits(&profile.categories)),
        format!("devices    {} known again", profile.devices),
    ];
    if !profile.last_country.is_empty() {
        lines.push(format!("last from  {} at {}", profile.last_country, shown(profile.last_country_at.as_ref())));
    }
    lines.extend(profile.spending.iter().map(|of| {
        format!(
            "spends     {}: usually {} minor units, give or take {}, from {} orders; {} in a day, {} in a week",
            of.currency, of.median_minor, of.deviation_minor, of.orders, of.spent_24h_minor, of.spent_7d_minor
        )
    }));
    lines
}
