//! `hushwire policy show` and `status`: what decides in a running node, and what a candidate would decide otherwise.

use serde_json::{Value, json};

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::cli::decision::decision_word;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::time;
use crate::base::role::Role;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::policy_service_client::PolicyServiceClient;

/// Show the rules in force, and how often each fired
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire policy show
  hushwire policy show --text > in-force.toml
  hushwire policy show --json | jq '.rules[] | select(.hits_shadow > 0)'")]
pub(super) struct ShowArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// The file that is in force, byte for byte
    #[arg(long, conflicts_with = "json")]
    text: bool,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Show what the candidate would have decided otherwise
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire policy status

[policy] candidate names a second file. It is asked about every transaction, or a share of them, and decides none.")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: ShowArgs) -> Result<Outcome, CliError> {
    let policy = block_on(ask(&args.client))?;
    if args.text {
        output::answer(policy.text.trim_end_matches('\n'))?;
    } else if args.json {
        output::answer_json(&as_json(&policy))?;
    } else {
        for line in in_words(&policy) {
            output::answer(line)?;
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn status(args: StatusArgs) -> Result<Outcome, CliError> {
    let policy = block_on(ask(&args.client))?;
    if args.json {
        output::answer_json(&as_json(&policy))?;
    } else {
        for line in compared(&policy) {
            output::answer(line)?;
        }
    }
    Ok(Outcome::Done)
}

async fn ask(client: &ClientArgs) -> Result<local::GetPolicyResponse, CliError> {
    let node = client.connect(&[Role::Operator, Role::Analyst, Role::Auditor])?;
    let service = PolicyServiceClient::new(node.channel.clone());
    node.insist(|| {
        let (mut service, mut call) = (service.clone(), tonic::Request::new(local::GetPolicyRequest {}));
        call.set_timeout(CALL_TIMEOUT);
        async move { service.get_policy(call).await }
    })
    .await
}

fn as_json(policy: &local::GetPolicyResponse) -> Value {
    json!({
        "policy": policy.policy_name,
        "policy_sha256": policy.policy_sha256,
        "refused_files": policy.refused_files,
        "rules": policy.rules.iter().map(|rule| json!({
            "name": rule.name,
            "description": rule.description,
            "decision": decision_word(rule.decision),
            "mode": rule.mode,
            "snoozed_until": rule.snoozed_until.as_ref().map(time::show),
            "hits_live": rule.hits_live,
            "hits_shadow": rule.hits_shadow,
            "hits_snoozed": rule.hits_snoozed,
        })).collect::<Vec<_>>(),
        "candidate": policy.candidate.as_ref().map(|candidate| json!({
            "policy": candidate.policy_name,
            "policy_sha256": candidate.policy_sha256,
            "counts": candidate.counts.iter().map(|pair| json!({
                "decided": decision_word(pair.decided),
                "would_decide": decision_word(pair.would_decide),
                "count": pair.count,
            })).collect::<Vec<_>>(),
        })),
    })
}

fn in_words(policy: &local::GetPolicyResponse) -> Vec<String> {
    let mut lines = vec![format!("{}  {}", policy.policy_name, policy.policy_sha256)];
    if policy.refused_files > 0 {
        let files = usize::try_from(policy.refused_files).unwrap_or(usize::MAX);
        lines.push(format!(
            "{} refused since the node started: its log says why",
            counted(files, "file was", "files were")
        ));
    }
    let width = policy.rules.iter().map(|rule| rule.name.len()).max().unwrap_or_default();
    for rule in &policy.rules {
        let snoozed = rule.snoozed_until.as_ref().map(|until| format!("  snoozed until {}", time::show(until)));
        let hits = match (rule.mode.as_str(), &snoozed) {
            ("shadow", _) => format!("{} in shadow", rule.hits_shadow),
            (_, Some(_)) => format!("{} live, {} snoozed", rule.hits_live, rule.hits_snoozed),
            _ => rule.hits_live.to_string(),
        };
        let (name, mode, decision) = (&rule.name, &rule.mode, decision_word(rule.decision));
        lines.push(format!("{name:<width$}  {decision:<9}  {mode:<6}  hits {hits}{}", snoozed.unwrap_or_default()));
    }
    lines
}

fn compared(policy: &local::GetPolicyResponse) -> Vec<String> {
    let mut lines = vec![format!("in force   {}", policy.policy_name)];
    let Some(candidate) = &policy.candidate else {
        lines.push("candidate  none: [policy] candidate names one".to_owned());
        return lines;
    };
    lines.push(format!("candidate  {}", candidate.policy_name));
    let total: u64 = candidate.counts.iter().map(|pair| pair.count).sum();
    let different = || candidate.counts.iter().filter(|pair| pair.decided != pair.would_decide);
    let differ: u64 = different().map(|pair| pair.count).sum();
    lines.push(format!("it was asked about {total} transactions and would have decided {differ} of them otherwise"));
    for pair in different() {
        let (decided, would) = (decision_word(pair.decided), decision_word(pair.would_decide));
        lines.push(format!("  {:>9}  {decided} -> {would}", pair.count));
    }
    lines
}
