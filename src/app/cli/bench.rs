//! `hushwire bench`: how many checkouts this node can serve, asked as checkouts ask: over TLS, with a client certificate.
//!
//! It measures a node that runs, from outside; what the parts cost inside is measured by `make bench`. Bounded in time, in
//! calls at once and in rate; it ends by itself.

mod load;
mod report;

use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::ProgressBar;

use crate::app::cli::bench::load::{Load, Pace};
use crate::app::cli::client::{ClientArgs, Node, block_on};
use crate::app::cli::stream::{Incoming, InputArgs, broken, progress, records};
use crate::app::demo::generator::World;
use crate::app::demo::generator::orders::Order;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::transaction;
use crate::base::role::Role;
use crate::io::grpc::convert::wire_kind;
use crate::io::grpc::wire::hushwire::local::v1 as local;

/// Invented people the load is drawn from: enough that no processor cache remembers their orders.
const PEOPLE: usize = 20_000;

/// Different orders sent, over and over.
const ORDERS: usize = 50_000;

/// Orders of a file that are kept in memory and sent over and over.
const ORDERS_OF_A_FILE: usize = 1_000_000;

/// Measure how many screenings this node answers, and how fast
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Closed loop (default): so many checkouts, each asks again as soon as it has its answer. It shows the most the node can do.
Open loop (--rate): orders come at this rate whether or not the node keeps up. It shows what customers would wait at your \
load: waiting for a free place counts, so a node that stands still is not measured as fast.

Examples:
  hushwire bench
  hushwire bench --in-flight 64 --seconds 60
  hushwire bench --rate 2000 --seconds 60
  hushwire bench --batch 32
  hushwire bench --endpoint node.shop.example:7440 --identity certs/screener-desk --json
  hushwire bench --file last-week.csv --map pan=card_number

The orders are invented (no person has these identifiers) unless --file brings your own. They are screened like any other, so \
they are counted in the audit log under the caller of the certificate: give the bench a certificate of its own. They name no \
customer unless --customers says so: a node learns nothing from them, and however long it takes nobody is stopped for ordering \
too often, so no case is opened. \
The client needs processor time too: on the node's own machine it takes about as much as the node.

Exit code 3: some calls failed; the report says how many of which reason.")]
pub struct BenchArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Calls under way at once, at most
    #[arg(long, default_value_t = 32, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..=4096))]
    in_flight: u32,
    /// Open loop: orders a second, whether or not the node keeps up
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// Orders in one message of the stream; 1 asks with one call an order
    #[arg(long, default_value_t = 1, value_name = "ORDERS", value_parser = clap::value_parser!(u32).range(1..=256))]
    batch: u32,
    /// How long is measured
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// How long is asked before measuring begins
    #[arg(long, default_value_t = 2, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=600))]
    warm_up: u64,
    /// Connections to the node
    #[arg(long, default_value_t = 2, value_name = "CONNECTIONS", value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
    /// Seed of the invented orders
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Name so many customers, in turn, which adds the work of profiles. The node learns them, and whoever of them orders too often
    /// for its policy is stopped, with a case for each stop: few orders a customer and minute, or a node of your own
    #[arg(
        long,
        default_value_t = 0,
        value_name = "CUSTOMERS",
        conflicts_with = "file",
        value_parser = clap::value_parser!(u32).range(0..=50_000)
    )]
    customers: u32,
    /// Your own orders instead: CSV or JSON lines as hushwire screen reads them
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: BenchArgs) -> Result<Outcome, CliError> {
    block_on(bench(args))
}

async fn bench(args: BenchArgs) -> Result<Outcome, CliError> {
    let orders = match &args.file {
        Some(file) => from_file(&args, file).await?,
        None => invented(args.seed, narrow(args.customers)),
    };
    let load = Load {
        pace: args.rate.map_or(Pace::Closed, |per_s| Pace::Open { per_s }),
        in_flight: narrow(args.in_flight),
        batch: narrow(args.batch),
        warm_up: Duration::from_secs(args.warm_up),
        time: Duration::from_secs(args.seconds),
    };
    let nodes = (0..args.connections).map(|_| args.client.connect(&[Role::Screener]));
    let nodes = nodes.collect::<Result<Vec<Node>, CliError>>()?;
    // One call first: a node that cannot be reached, or refuses the caller, is told before anything is measured.
    load::first_call(nodes.first().expect("at least one connection"), &orders).await?;
    let bar = ProgressBar::new_spinner().with_message(format!("asking for {} s", args.warm_up + args.seconds));
    bar.enable_steady_tick(Duration::from_millis(100));
    let channels = nodes.iter().map(|node| node.channel.clone()).collect();
    let measured = load.run(channels, orders).await;
    bar.finish_and_clear();
    if args.json {
        output::answer_json(&report::as_json(&load, &measured))?;
    } else {
        for line in report::as_text(&load, &measured) {
            output::answer(line)?;
        }
    }
    match (measured.failed(), measured.screened) {
        (0, _) => Ok(Outcome::Done),
        (_, 0) => Err(CliError::unavailable("every call failed")),
        (_, _) => Ok(Outcome::Partial),
    }
}

fn narrow(count: u32) -> usize {
    usize::try_from(count).expect("32 bits fit")
}

/// Orders of so many customers in turn; of none that is named where that is 0.
fn invented(seed: u64, customers: usize) -> Vec<local::ScreenTransactionRequest> {
    let orders = World::new(seed, PEOPLE, 0).orders(ORDERS, 0);
    let customer = |nth: usize| nth.checked_rem(customers).map(|nth| format!("bench-{nth}")).unwrap_or_default();
    orders.iter().enumerate().map(|(nth, order)| question(order, customer(nth))).collect()
}

fn question(order: &Order, customer_ref: String) -> local::ScreenTransactionRequest {
    let identifiers = order.identifiers.iter();
    local::ScreenTransactionRequest {
        identifiers: identifiers
            .map(|(kind, value)| local::Identifier { kind: wire_kind(*kind).into(), value: value.clone() })
            .collect(),
        amount_minor: order.amount_minor,
        currency: order.currency.to_owned(),
        channel: order.channel.to_owned(),
        country: order.country.to_owned(),
        customer_ref,
        transaction_ref: order.transaction_ref.clone(),
        ..local::ScreenTransactionRequest::default()
    }
}

async fn from_file(args: &BenchArgs, file: &Path) -> Result<Vec<local::ScreenTransactionRequest>, CliError> {
    let bar = progress(file, false);
    let mut incoming = records(file, &args.input, &transaction::FIELDS, &bar, transaction::read)?;
    let (mut orders, mut refused) = (Vec::new(), 0u64);
    while let Some(next) = incoming.recv().await {
        match next {
            Incoming::Item { item, .. } if orders.len() < ORDERS_OF_A_FILE => orders.push(item),
            Incoming::Item { .. } => break,
            Incoming::Refused(_) => refused += 1,
            Incoming::Broken(error) => return Err(broken(file, &error)),
        }
    }
    bar.finish_and_clear();
    if refused > 0 {
        output::remark(format!("{refused} records of the file are refused; hushwire screen says why"));
    }
    if orders.is_empty() {
        return Err(CliError::usage(format!("{} holds no order", file.display())));
    }
    Ok(orders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_orders_name_as_many_customers_as_are_asked_for_each_as_often_as_the_others() {
        let named = |customers| {
            let mut names = std::collections::BTreeMap::<String, usize>::new();
            for order in invented(1, customers) {
                *names.entry(order.customer_ref).or_default() += 1;
            }
            names
        };
        assert_eq!(named(0), [(String::new(), ORDERS)].into());
        let names = named(10_000);
        assert!(names.len() == 10_000 && names.values().all(|orders| *orders == ORDERS / 10_000));
    }
}
