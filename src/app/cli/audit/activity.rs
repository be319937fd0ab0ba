//! `hushwire audit activity`: what came, left and was decided, day by day.

use serde_json::{Value, json};
use tonic::Request;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::role::Role;
use crate::base::time::Day;
use crate::io::clock;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::oversight_service_client::OversightServiceClient;

/// Show what came, left and was decided, day by day
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire audit activity
  hushwire audit activity --days 7 --peers
  hushwire audit activity --days 90 --json | jq -r '.days[] | [.day, .decisions.held, .cases.genuine] | @tsv'

Days are UTC and end with today. Figures are exact and of this node alone; what leaves it has noise (hushwire stats). Decisions are \
counted when their minute is over. Roles: analyst, auditor, operator.")]
pub struct ActivityArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// So many days, today included
    #[arg(long, default_value_t = 30, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=396))]
    days: u32,
    /// A line for each other member as well
    #[arg(long)]
    peers: bool,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(in crate::app::cli) fn run(args: ActivityArgs) -> Result<Outcome, CliError> {
    let days = block_on(fetch(&args))?;
    if args.json {
        output::answer_json(&json!({ "days": days.iter().map(as_json).collect::<Vec<_>>() }))?;
        return Ok(Outcome::Done);
    }
    output::answer(format!(
        "{:<10}  {:>9}  {:>8}  {:>8}  {:>8}  {:>8}  {:>8}  {:>8}  {:>6}  {:>14}  {:>6}",
        "day",
        "published",
        "left",
        "came",
        "allowed",
        "challng.",
        "held",
        "blocked",
        "cases",
        "false positive",
        "faults"
    ))?;
    for day in &days {
        in_words(day, args.peers).into_iter().try_for_each(output::answer)?;
    }
    if days.is_empty() {
        output::remark("nothing happened on these days");
    }
    Ok(Outcome::Done)
}

async fn fetch(args: &ActivityArgs) -> Result<Vec<local::ActivityDay>, CliError> {
    let node = args.client.connect(&[Role::Auditor, Role::Operator, Role::Analyst])?;
    let client = OversightServiceClient::new(node.channel.clone());
    let until_day = clock::now().day().next().0;
    let mut message = local::GetActivityRequest { from_day: until_day.saturating_sub(args.days), until_day };
    let mut days = Vec::new();
    loop {
        let call = || {
            let (mut client, mut request) = (client.clone(), Request::new(message));
            request.set_timeout(CALL_TIMEOUT);
            async move { client.get_activity(request).await }
        };
        let page = node.insist(call).await?;
        days.extend(page.days);
        if page.next_from_day == 0 {
            return Ok(days);
        }
        message.from_day = page.next_from_day;
    }
}

fn total(counts: Option<&local::EntryCounts>) -> u64 {
    counts.map_or(0, |counts| {
        let local::EntryCounts { indicators, retractions, sightings, disputes, erasures, others } = *counts;
        indicators + retractions + sightings + disputes + erasures + others
    })
}

fn in_words(day: &local::ActivityDay, peers: bool) -> Vec<String> {
    let decisions = day.decisions.unwrap_or_default();
    let cases = day.cases.unwrap_or_default();
    let came: u64 = day.peers.iter().map(|peer| total(peer.came.as_ref())).sum();
    let left: u64 = day.peers.iter().map(|peer| total(peer.left.as_ref())).sum();
    let mut lines = vec![format!(
        "{:<10}  {:>9}  {left:>8}  {came:>8}  {:>8}  {:>8}  {:>8}  {:>8}  {:>6}  {:>14}  {:>6}",
        Day(day.day).to_string(),
        day.published,
        decisions.allowed,
        decisions.challenged,
        decisions.held,
        decisions.blocked,
        cases.opened,
        cases.genuine,
        day.faults
    )];
    for peer in day.peers.iter().filter(|_| peers) {
        let trouble = match (peer.faults, peer.silences, peer.uncounted) {
            (0, 0, 0) => String::new(),
            (faults, silences, uncounted) => {
                format!("  {faults} faults, {silences} times silent, {uncounted} entries that do not count")
            }
        };
        let (left, came) = (total(peer.left.as_ref()), total(peer.came.as_ref()));
        lines.push(format!("  {:<19}  {left:>8}  {came:>8}{trouble}", peer.member));
    }
    lines
}

fn entries(counts: Option<&local::EntryCounts>) -> Value {
    let counts = counts.copied().unwrap_or_default();
    json!({
        "indicators": counts.indicators,
        "retractions": counts.retractions,
        "sightings": counts.sightings,
        "disputes": counts.disputes,
        "erasures": counts.erasures,
        "others": counts.others,
    })
}

fn decisions(counts: Option<local::DecisionCounts>) -> Value {
    let counts = counts.unwrap_or_default();
    json!({
        "allowed": counts.allowed,
        "challenged": counts.challenged,
        "held": counts.held,
        "blocked": counts.blocked,
    })
}

fn as_json(day: &local::ActivityDay) -> Value {
    let cases = day.cases.unwrap_or_default();
    json!({
        "day": Day(day.day).to_string(),
        "peers": day.peers.iter().map(|peer| json!({
            "member": peer.member,
            "came": entries(peer.came.as_ref()),
            "left": entries(peer.left.as_ref()),
            "faults": peer.faults,
            "silences": peer.silences,
            "uncounted": peer.uncounted,
        })).collect::<Vec<_>>(),
        "published": day.published,
        "retracted": day.retracted,
        "decoys": day.decoys,
        "drafts_refused": day.drafts_refused,
        "decisions": decisions(day.decisions),
        "recorded": decisions(day.recorded),
        "cases": {
            "opened": cases.opened,
            "released": cases.released,
            "refused": cases.refused,
            "expired": cases.expired,
            "fraud": cases.fraud,
            "genuine": cases.genuine,
        },
        "rules": day.rules.iter().map(|rule| json!({
            "policy_name": rule.policy_name,
            "rule": rule.rule,
            "live": rule.live,
            "shadow": rule.shadow,
            "snoozed": rule.snoozed,
        })).collect::<Vec<_>>(),
        "calls_refused": day.calls_refused,
        "faults": day.faults,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_sums_over_the_members_and_each_can_be_shown() {
        let counts = |indicators| Some(local::EntryCounts { indicators, retractions: 1, ..Default::default() });
        let peer = |member: &str, came, left| local::PeerActivity {
            member: member.to_owned(),
            came: counts(came),
            left: counts(left),
            ..Default::default()
        };
        let day = local::ActivityDay {
            day: 20_785,
            peers: vec![peer("bank-b", 3, 5), local::PeerActivity { faults: 2, ..peer("shop", 4, 5) }],
            cases: Some(local::CaseCounts { opened: 9, genuine: 8, ..Default::default() }),
            ..Default::default()
        };
        let lines = in_words(&day, true);
        let words: Vec<&str> = lines[0].split_whitespace().collect();
        assert_eq!(words, ["2026-11-28", "0", "12", "9", "0", "0", "0", "0", "9", "8", "0"]);
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["bank-b", "6", "4"]);
        assert!(lines[2].ends_with("2 faults, 0 times silent, 0 entries that do not count"), "{}", lines[2]);
        assert_eq!(in_words(&day, false).len(), 1);
    }
}
