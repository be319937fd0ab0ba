//! `hushwire explain`: what stood behind a decision, in plain words, and the file that proves it.

use std::path::PathBuf;

use serde_json::{Value, json};
use tonic::Request;
use zeroize::Zeroizing;

use crate::app::cli::audit::verify::{self, Good};
use crate::app::cli::audit::{refuse_existing, unusable};
use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::cli::decision::age_s;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::audit::decision_proof::verify_decision;
use crate::domain::audit::record::one_line;
use crate::io::clock;
use crate::io::grpc::wire::hushwire::compliance::v1 as wire;
use crate::io::keystore::file::{Readers, read_at_most, write};
use wire::audit_service_client::AuditServiceClient;

/// Bytes of a file that holds a reference.
const REFERENCE_BYTES: u64 = 4_096;

/// What stood behind a decision, and a file that proves it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire explain 5f0c2e…                             # by the id of the answer
  hushwire explain --reference 7KQ2-M0XD               # by what the customer read out
  hushwire explain --transaction-ref order-4711        # by your own reference of the order
  hushwire explain --customer-ref-file customer.txt    # by your own reference of the customer
  hushwire explain 5f0c2e… --out decision.json         # and the proof, for somebody who trusts only the rosters
  hushwire audit verify decision.json --rosters bank-a/rosters --genesis HASH

Identifiers are shown as the pseudonyms they were looked up by: the node keeps none. Decisions that matched something or stopped an \
order are explained for as long as their audit records are kept, ten years. Who looked is recorded.")]
#[command(group(clap::ArgGroup::new("sought").required(true)))]
pub struct ExplainArgs {
    /// Id of the decision
    #[arg(group = "sought")]
    decision_id: Option<String>,
    /// The short reference a customer quotes
    #[arg(long, group = "sought")]
    reference: Option<String>,
    /// Your own reference of the order
    #[arg(long, value_name = "REF", group = "sought")]
    transaction_ref: Option<String>,
    /// File whose first line is your own reference of the customer
    #[arg(long, value_name = "FILE", group = "sought")]
    customer_ref_file: Option<PathBuf>,
    /// Write the file that proves the decision, which must not exist yet
    #[arg(long, value_name = "FILE", requires = "decision_id")]
    out: Option<PathBuf>,
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: ExplainArgs) -> Result<Outcome, CliError> {
    if let Some(out) = &args.out {
        refuse_existing(out)?;
    }
    let answer = block_on(ask(&args))?;
    if args.json {
        let explanations: Vec<Value> = answer.explanations.iter().map(as_json).collect();
        output::answer_json(&json!({"explanations": explanations, "more": answer.more}))?;
    } else {
        for explanation in &answer.explanations {
            for line in in_words(explanation) {
                output::answer(one_line(&line))?;
            }
            output::answer("")?;
        }
        if answer.more {
            output::remark("there are older decisions; ask for them by their ids (hushwire audit list)");
        }
    }
    let Some(out) = &args.out else { return Ok(Outcome::Done) };
    if answer.proof_file.is_empty() {
        return Err(CliError::failed("nothing is kept of this decision that could be proved")
            .hint("its audit record is proved by: hushwire audit prove --decision ID"));
    }
    // What a reader would refuse is not handed out.
    let verified = verify_decision(&answer.proof_file, clock::now().day()).map_err(|fault| unusable(&fault))?;
    write(out, answer.proof_file.as_bytes(), Readers::Owner).map_err(|error| CliError::failed(error.to_string()))?;
    if !args.json {
        verify::tell(&Good::decision(verified), false)?;
    }
    output::remark(format!("the proof is in {}", out.display()));
    Ok(Outcome::Done)
}

async fn ask(args: &ExplainArgs) -> Result<wire::ExplainDecisionResponse, CliError> {
    let customer_ref = args.customer_ref_file.as_ref().map(|path| {
        let unreadable = |what: &dyn std::fmt::Display| CliError::usage(format!("{}: {what}", path.display()));
        let bytes =
            Zeroizing::new(read_at_most(path, REFERENCE_BYTES).map_err(|error| CliError::usage(error.to_string()))?);
        let text = std::str::from_utf8(&bytes).map_err(|_| unreadable(&"not UTF-8"))?;
        let line = text.lines().next().unwrap_or_default().trim();
        if line.is_empty() { Err(unreadable(&"the first line is empty")) } else { Ok(line.to_owned()) }
    });
    let message = wire::ExplainDecisionRequest {
        decision_id: args.decision_id.clone().unwrap_or_default(),
        reference: args.reference.clone().unwrap_or_default(),
        transaction_ref: args.transaction_ref.clone().unwrap_or_default(),
        customer_ref: customer_ref.transpose()?.unwrap_or_default(),
        proof: args.out.is_some(),
    };
    let node = args.client.connect(&[Role::Auditor, Role::Analyst])?;
    let client = AuditServiceClient::new(node.channel.clone());
    node.insist(|| {
        let (mut client, mut request) = (client.clone(), Request::new(message.clone()));
        request.set_timeout(CALL_TIMEOUT);
        async move { client.explain_decision(request).await }
    })
    .await
}

fn moment(ms: u64) -> String {
    Timestamp::from_unix_ms(ms).to_string()
}

/// The explanation as a person reads it.
fn in_words(explanation: &wire::Explanation) -> Vec<String> {
    let wire::Explanation { decision_id, audit_index, .. } = explanation;
    if explanation.bare {
        return vec![
            format!("Decision {decision_id} stands at {audit_index} of the audit log."),
            "What stood behind it is not kept: its retention has ended, or it was answered by an older program."
                .to_owned(),
        ];
    }
    let what = match explanation.decision.as_str() {
        "allow" => "The order was allowed",
        "challenge" => "A further proof was asked of the customer",
        "hold" => "The order was held",
        "block" => "The order was refused",
        _ => "The order was answered",
    };
    let mut lines = vec![
        format!("Decision {decision_id}, reference {}", explanation.reference),
        format!("{what} on {}, asked by {}.", moment(explanation.time_ms), explanation.caller),
        match explanation.reasons.first() {
            Some(reason) => format!("It rests on this: {}.", reason.description),
            None => "No rule spoke against it.".to_owned(),
        },
        String::new(),
    ];
    let mut row = |name: &str, text: String| lines.push(format!("{name:<11}{text}"));
    for reason in &explanation.reasons {
        row("reason", format!("{} → {}: {}", reason.code, reason.decision, reason.description));
    }
    for indicator in &explanation.indicators {
        row("indicator", indicator_in_words(indicator));
        row("", format!("{} at {} of {}", indicator.name, indicator.index, indicator.feed));
    }
    if explanation.indicators_left_out > 0 {
        row("", format!("and {} more, of which nothing further is kept", explanation.indicators_left_out));
    }
    for input in &explanation.inputs {
        let wire::ExplainedInput { identifier, kind, epoch, pseudonym } = input;
        row("looked up", format!("identifier {}: {kind} as {pseudonym} under epoch {epoch}", identifier + 1));
    }
    if explanation.inputs_left_out > 0 {
        row("", format!("and {} more", explanation.inputs_left_out));
    }
    for refused in &explanation.refused {
        row("not used", format!("identifier {}: {}", refused.identifier + 1, refused.rule));
    }
    for fact in &explanation.facts {
        row("fact", format!("{} = {}", fact.name, fact.value));
    }
    for peer in &explanation.peers {
        let age = age_s(peer.age_s).map_or_else(|| "nothing heard yet".to_owned(), |age| format!("{age} s old"));
        let stale = if peer.stale { ", stale" } else { "" };
        let quarantined = if peer.quarantined { ", quarantined" } else { "" };
        row("feed", format!("{}: {age}{stale}{quarantined}", peer.member));
    }
    if explanation.degraded {
        row("degraded", "the node could not look at everything it should".to_owned());
    }
    row("told", format!("{} (hushwire advice {0})", explanation.advice_key));
    row("rules", explanation.policy_sha256.clone());
    row("guard", explanation.guard_sha256.clone());
    row("audit log", format!("record {audit_index}, which binds all of this by {}", explanation.detail_sha256));
    lines
}

fn indicator_in_words(indicator: &wire::ExplainedIndicator) -> String {
    let for_whom = format!("identifier {}", indicator.identifier + 1);
    if indicator.erased {
        return format!("{for_whom}: erased since; nothing is left of what it said");
    }
    let marks = [
        (indicator.own, "your own"),
        (indicator.weak, "shared by many"),
        (indicator.provisional, "too few witnesses"),
        (indicator.stale, "stale feed"),
        (indicator.held_back, "held back, counted in nothing"),
    ];
    let marks: String = marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| format!(", {mark}")).collect();
    let days = indicator.age_s / 86_400;
    format!(
        "{for_whom}, {}: {}, {}, confidence {} %, {}, {} old, first held {}{marks}",
        indicator.kind,
        indicator.typology,
        indicator.severity,
        indicator.confidence,
        indicator.grounds,
        counted(days, "day", "days"),
        moment(indicator.first_seen_ms),
    )
}

fn as_json(explanation: &wire::Explanation) -> Value {
    let wire::Explanation { decision_id, audit_index, bare, .. } = explanation;
    if *bare {
        return json!({"decision_id": decision_id, "audit_index": audit_index, "bare": true});
    }
    json!({
        "decision_id": decision_id,
        "audit_index": audit_index,
        "bare": false,
        "reference": explanation.reference,
        "time": moment(explanation.time_ms),
        "caller": explanation.caller,
        "decision": explanation.decision,
        "reasons": explanation.reasons.iter().map(|reason| json!({
            "code": reason.code, "decision": reason.decision, "description": reason.description,
        })).collect::<Vec<_>>(),
        "facts": explanation.facts.iter().map(|fact| (fact.name.clone(), json!(fact.value)))
            .collect::<serde_json::Map<_, _>>(),
        "inputs": explanation.inputs.iter().map(|input| json!({
            "identifier": input.identifier, "kind": input.kind, "epoch": input.epoch, "pseudonym": input.pseudonym,
        })).collect::<Vec<_>>(),
        "inputs_left_out": explanation.inputs_left_out,
        "indicators": explanation.indicators.iter().map(indicator_json).collect::<Vec<_>>(),
        "indicators_left_out": explanation.indicators_left_out,
        "refused": explanation.refused.iter().map(|refused| json!({
            "identifier": refused.identifier, "rule": refused.rule,
        })).collect::<Vec<_>>(),
        "peers": explanation.peers.iter().map(|peer| json!({
            "member": peer.member, "age_s": age_s(peer.age_s), "stale": peer.stale, "quarantined": peer.quarantined,
        })).collect::<Vec<_>>(),
        "policy_sha256": explanation.policy_sha256,
        "guard_sha256": explanation.guard_sha256,
        "degraded": explanation.degraded,
        "advice_key": explanation.advice_key,
        "transaction": explanation.transaction,
        "customer": explanation.customer,
        "detail_sha256": explanation.detail_sha256,
    })
}

fn indicator_json(indicator: &wire::ExplainedIndicator) -> Value {
    let mut value = json!({
        "name": indicator.name,
        "feed": indicator.feed,
        "index": indicator.index,
        "identifier": indicator.identifier,
        "erased": indicator.erased,
    });
    if let (false, Some(object)) = (indicator.erased, value.as_object_mut()) {
        let Value::Object(said) = json!({
            "kind": indicator.kind,
            "typology": indicator.typology,
            "severity": indicator.severity,
            "confidence": indicator.confidence,
            "grounds": indicator.grounds,
            "own": indicator.own,
            "weak": indicator.weak,
            "provisional": indicator.provisional,
            "stale": indicator.stale,
            "held_back": indicator.held_back,
            "observed_at": moment(indicator.observed_at_ms),
            "valid_until": moment(indicator.valid_until_ms),
            "first_seen": moment(indicator.first_seen_ms),
            "last_seen": moment(indicator.last_seen_ms),
            "age_s": indicator.age_s,
        }) else {
            return value;
        };
        object.extend(said);
    }
    value
}
