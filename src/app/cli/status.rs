//! `hushwire status`: what a running node holds and how its peers are.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::cli::decision::age_s;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::{time, words};
use crate::base::role::Role;
use crate::domain::roster::member::AUDIT_GROUP;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::node_service_client::NodeServiceClient;

/// What a running node holds, how fresh its feeds are and how its peers do
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire status --config bank-a/hushwire.toml
  hushwire status --json | jq .believed
  hushwire status --wait-for-peers && echo everybody holds what was published
  hushwire status --endpoint node.bank-a.internal:7440 --identity certs/operator-desk")]
pub struct StatusArgs {
    #[command(flatten)]
    pub client: ClientArgs,
    /// Wait, at most so long, until the node is ready, everything published is signed, and every other member is connected, holds
    /// all of it and was heard in full
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub wait_for_peers: Option<u64>,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// Between two looks while peers are waited for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// See the module's documentation.
pub fn run(args: StatusArgs) -> Result<Outcome, CliError> {
    let status = match args.wait_for_peers {
        None => block_on(ask(&args.client))?,
        Some(seconds) => block_on(wait(&args.client, Duration::from_secs(seconds)))?,
    };
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

async fn wait(client: &ClientArgs, patience: Duration) -> Result<local::GetStatusResponse, CliError> {
    let begun = Instant::now();
    loop {
        let status = ask(client).await?;
        let Some(lacking) = lacking(&status) else { return Ok(status) };
        if begun.elapsed() >= patience {
            return Err(CliError::unavailable(format!("after {} s {lacking}", patience.as_secs()))
                .hint("hushwire status without --wait-for-peers shows all of it; hushwire doctor says why a member is not reached"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The first thing that is not exchanged yet.
fn lacking(status: &local::GetStatusResponse) -> Option<String> {
    if status.state != "ready" {
        return Some(format!("the node is {}: {}", status.state, status.state_detail));
    }
    if status.pending > 0 {
        return Some(format!("{} are not signed yet", counted(status.pending, "publication", "publications")));
    }
    status.peers.iter().find_map(|peer| {
        let name = &peer.member;
        let heard = status.feeds.iter().any(|feed| {
            let of_peer = feed.origin.strip_prefix(&format!("{}/{name}/", status.consortium));
            of_peer.is_some_and(|group| group != AUDIT_GROUP) && age_s(feed.age_s).is_some()
        });
        if peer.state != "connected" {
            Some(format!("{name} is {}", peer.state))
        } else if peer.unacknowledged_entries > 0 {
            Some(format!("{name} does not hold {} yet", counted(peer.unacknowledged_entries, "entry", "entries")))
        } else if peer.lag_entries > 0 || !heard {
            Some(format!("{name} was not heard in full"))
        } else {
            None
        }
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_waited_for_until_everything_is_exchanged() {
        let whole = || local::GetStatusResponse {
            consortium: "demo".to_owned(),
            state: "ready".to_owned(),
            feeds: vec![local::FeedStatus { origin: "demo/b/all".to_owned(), age_s: 3, ..Default::default() }],
            peers: vec![local::PeerStatus { member: "b".into(), state: "connected".into(), ..Default::default() }],
            ..Default::default()
        };
        assert_eq!(lacking(&whole()), None);
        let check = |spoil: fn(&mut local::GetStatusResponse), part: &str| {
            let mut status = whole();
            spoil(&mut status);
            let told = lacking(&status).expect(part);
            assert!(told.contains(part), "{told}");
        };
        check(|status| status.state = "fenced".to_owned(), "fenced");
        check(|status| status.pending = 2, "2 publications are not signed");
        check(|status| status.peers[0].state = "connecting".to_owned(), "b is connecting");
        check(|status| status.peers[0].unacknowledged_entries = 1, "b does not hold 1 entry");
        check(|status| status.peers[0].lag_entries = 1, "b was not heard in full");
        check(|status| status.feeds[0].age_s = u32::MAX, "b was not heard in full");
        check(|status| status.feeds[0].origin = "demo/bb/all".to_owned(), "b was not heard in full");
    }
}
