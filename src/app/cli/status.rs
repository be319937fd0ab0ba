//! `hushwire status`: what a running node holds and how its peers are.

use serde_json::{Value, json};

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::cli::decision::age_s;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::{time, words};
use crate::base::role::Role;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::node_service_client::NodeServiceClient;

/// What a running node holds, how fresh its feeds are and how its peers do
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire status --config bank-a/hushwire.toml
  hushwire status --json | jq .believed
  hushwire status --endpoint node.bank-a.internal:7440 --identity certs/operator-desk")]
pub struct StatusArgs {
    #[command(flatten)]
    pub client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// See the module's documentation.
pub fn run(args: StatusArgs) -> Result<Outcome, CliError> {
    let status = block_on(ask(&args.client))?;
    if args.json {
        output::answer_json(&as_json(&status))?;
    } else {
        for line in in_words(&status) {
            output::answer(line)?;
        }
    }
    Ok(Outcome::Done)
}

/// The state of the node, as its operator or an auditor may see it.
pub async fn ask(client: &ClientArgs) -> Result<local::GetStatusResponse, CliError> {
    let node = client.connect(&[Role::Operator, Role::Auditor])?;
    let service = NodeServiceClient::new(node.channel.clone());
    node.insist(|| {
        let (mut service, mut call) = (service.clone(), tonic::Request::new(local::GetStatusRequest {}));
        call.set_timeout(CALL_TIMEOUT);
        async move { service.get_status(call).await }
    })
    .await
}

fn as_json(status: &local::GetStatusResponse) -> Value {
    json!({
        "member": status.member,
        "consortium": status.consortium,
        "version": status.version,
        "roster_version": status.roster_version,
        "epoch": status.epoch,
        "believed": status.believed,
        "pending": status.pending,
        "allow_listed": status.allow_listed,
        "block_listed": status.block_listed,
        "state": status.state,
        "state_detail": status.state_detail,
        "started_at": status.started_at.as_ref().map(time::show),
        "audit_size": status.audit_size,
        "audit_witnessed_size": status.audit_witnessed_size,
        "audit_witnesses": status.audit_witnesses,
        "alarms": status.alarms,
        "feeds": status.feeds.iter().map(|feed| json!({
            "origin": feed.origin,
            "size": feed.size,
            "root": feed.root,
            "age_s": age_s(feed.age_s),
            "cosignatures": feed.cosignatures,
            "quarantined": feed.quarantined,
            "unbelieved": feed.unbelieved,
        })).collect::<Vec<_>>(),
        "reporters": status.reporters.iter().map(|reporter| json!({
            "member": reporter.member,
            "kind": words::kind_label(reporter.kind),
            "confirmed": reporter.confirmed,
            "false_positive": reporter.false_positive,
            "weight_per_mille": reporter.weight_per_mille,
        })).collect::<Vec<_>>(),
        "peers": status.peers.iter().map(|peer| json!({
            "member": peer.member,
            "state": peer.state,
            "lag_entries": peer.lag_entries,
            "unacknowledged_entries": peer.unacknowledged_entries,
            "unacknowledged_retractions": peer.unacknowledged_retractions,
            "last_failure": peer.last_failure,
        })).collect::<Vec<_>>(),
    })
}

fn witnessed(status: &local::GetStatusResponse) -> String {
    match status.audit_witnesses.len() {
        0 => "cosigned by no other member yet".to_owned(),
        1 => format!("{} of them cosigned by one other member", status.audit_witnessed_size),
        others => format!("{} of them cosigned by {others} other members", status.audit_witnessed_size),
    }
}

fn in_words(status: &local::GetStatusResponse) -> Vec<String> {
    let detail = if status.state_detail.is_empty() { String::new() } else { format!(": {}", status.state_detail) };
    let mut lines = vec![
        format!("{} of {}, hushwire {}", status.member, status.consortium, status.version),
        format!("state      {}{detail}", status.state),
        format!("believed   {}", counted(status.believed, "indicator", "indicators")),
        format!("pending    {} publications not yet in a signed checkpoint", status.pending),
        format!("own lists  {} allowed, {} blocked", status.allow_listed, status.block_listed),
        format!("roster     version {}, key epoch {}", status.roster_version, status.epoch),
        format!("audit log  {}, {}", counted(status.audit_size, "record", "records"), witnessed(status)),
        format!("started    {}", status.started_at.as_ref().map(time::show).unwrap_or_default()),
    ];
    lines.extend(status.alarms.iter().map(|alarm| format!("ALARM      {alarm}")));
    lines.push(String::new());
    let width = status.feeds.iter().map(|feed| feed.origin.len()).max().unwrap_or(0).max(4);
    lines.push(format!("{:<width$}  {:>10}  {:>7}  {:>11}", "feed", "entries", "age", "cosignatures"));
    for feed in &status.feeds {
        let mark = if feed.quarantined { "  QUARANTINED" } else { "" };
        let age = age_s(feed.age_s).map_or_else(|| "unheard".to_owned(), |age_s| format!("{age_s} s"));
        lines.push(format!("{:<width$}  {:>10}  {age:>7}  {:>12}{mark}", feed.origin, feed.size, feed.cosignatures));
    }
    if !status.peers.is_empty() {
        lines.push(String::new());
        let width = status.peers.iter().map(|peer| peer.member.len()).max().unwrap_or(0).max(4);
        lines.push(format!(
            "{:<width$}  {:<12}  {:>8}  {:>14}  {:>18}",
            "peer", "state", "lag", "unacknowledged", "of them taken back"
        ));
        for peer in &status.peers {
            lines.push(format!(
                "{:<width$}  {:<12}  {:>8}  {:>14}  {:>18}  {}",
                peer.member,
                peer.state,
                peer.lag_entries,
                peer.unacknowledged_entries,
                peer.unacknowledged_retractions,
                peer.last_failure
            ));
        }
    }
    if !status.reporters.is_empty() {
        lines.push(String::new());
        let width = status.reporters.iter().map(|reporter| reporter.member.len()).max().unwrap_or(0).max(8);
        lines.push(format!(
            "{:<width$}  {:<8}  {:>9}  {:>14}  {:>6}",
            "reporter", "of", "confirmed", "false positive", "weight"
        ));
        for reporter in &status.reporters {
            let weight = format!("{}.{} %", reporter.weight_per_mille / 10, reporter.weight_per_mille % 10);
            lines.push(format!(
                "{:<width$}  {:<8}  {:>9}  {:>14}  {weight:>6}",
                reporter.member,
                words::kind_label(reporter.kind),
                reporter.confirmed,
                reporter.false_positive,
            ));
        }
    }
    lines
}
