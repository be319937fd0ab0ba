//! `hushwire lookup`: everything that is held of one identifier.

use serde_json::{Value, json};
use tonic::Request;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::cli::decision::decision_word;
use crate::app::cli::identifier_option::{IdentifierOption, resolve};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::{time, words};
use crate::base::role::Role;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::oversight_service_client::OversightServiceClient;

/// What this member and the others hold of one identifier, who received ours, which decisions it touched
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire lookup --identifier email=-
  hushwire lookup --identifier iban=- --json < file-with-the-value

With - as its value the identifier is asked for without echo, or read from standard input, and stays out of the shell's history. The \
node keeps nothing of it: its audit log tells who looked, the kind, and how much was found. Roles: analyst, auditor.")]
pub struct LookupArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// KIND=VALUE, or KIND=- to be asked
    #[arg(long, value_name = "KIND=VALUE")]
    identifier: IdentifierOption,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: LookupArgs) -> Result<Outcome, CliError> {
    let identifier = resolve(std::slice::from_ref(&args.identifier))?.pop();
    let found = block_on(ask(&args.client, local::LookUpIdentifierRequest { identifier }))?;
    if args.json {
        output::answer_json(&as_json(&found))?;
    } else {
        in_words(&found).into_iter().try_for_each(output::answer)?;
    }
    Ok(Outcome::Done)
}

async fn ask(
    client: &ClientArgs,
    message: local::LookUpIdentifierRequest,
) -> Result<local::LookUpIdentifierResponse, CliError> {
    let node = client.connect(&[Role::Analyst, Role::Auditor])?;
    let service = OversightServiceClient::new(node.channel.clone());
    node.insist(|| {
        let (mut service, mut call) = (service.clone(), Request::new(message.clone()));
        call.set_timeout(CALL_TIMEOUT);
        async move { service.look_up_identifier(call).await }
    })
    .await
}

fn in_words(found: &local::LookUpIdentifierResponse) -> Vec<String> {
    let mut lines = Vec::new();
    for form in &found.forms {
        let kind = words::kind_label(form.kind);
        let rejected = format!("stands on the guard list \"{}\": never published, never matched", form.rejected_by);
        let mut told = Vec::new();
        told.extend((!form.rejected_by.is_empty()).then_some(rejected));
        told.extend(form.weak.then(|| "shared by many innocents: it never blocks by itself".to_owned()));
        told.extend((!form.listed.is_empty()).then(|| format!("on the own {} list", form.listed)));
        lines.push(if told.is_empty() { kind.to_owned() } else { format!("{kind}: {}", told.join("; ")) });
    }
    if found.statements.is_empty() {
        lines.push("nobody says anything of it".to_owned());
    }
    for statement in &found.statements {
        let until = statement.valid_until.as_ref().map(time::show).unwrap_or_default();
        let said = if statement.readable {
            format!(
                "{} {}, confidence {} now ({} as given), until {until}",
                statement.typology, statement.severity, statement.effective_confidence, statement.confidence
            )
        } else {
            "sealed to another identifier".to_owned()
        };
        let marks = [
            (statement.weak, "weak"),
            (statement.provisional, "provisional"),
            (statement.stale, "stale"),
            (statement.disputed, "disputed"),
        ];
        let marks: Vec<&str> = marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect();
        let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
        lines.push(format!("{:<12}  {}  {said}{marks}", statement.counting, statement.name));
        if statement.own {
            let (confirmed, wrong) = (statement.confirmed, statement.false_positive);
            lines.push(format!(
                "              received by {}; awaited by {}; seen right by {confirmed}, wrong by {wrong}",
                listed(&statement.received_by),
                listed(&statement.awaited)
            ));
        }
    }
    lines.extend(found.waiting.iter().map(|name| format!("waiting       {name}")));
    for decision in &found.decisions {
        let at = decision.time.as_ref().map(time::show).unwrap_or_default();
        let matched = if decision.matched { "matched" } else { "looked up" };
        let (decided, id) = (decision_word(decision.decision), &decision.decision_id);
        lines.push(format!("decision      {id}  {at}  {decided}  {matched}"));
    }
    lines.extend(found.more_decisions.then(|| "              and older ones".to_owned()));
    lines
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

fn as_json(found: &local::LookUpIdentifierResponse) -> Value {
    let shown = |at: &Option<prost_types::Timestamp>| at.as_ref().map(time::show);
    json!({
        "forms": found.forms.iter().map(|form| json!({
            "kind": words::kind_label(form.kind),
            "weak": form.weak,
            "rejected_by": form.rejected_by,
            "listed": form.listed,
        })).collect::<Vec<_>>(),
        "statements": found.statements.iter().map(|statement| json!({
            "name": statement.name,
            "reporter": statement.reporter,
            "own": statement.own,
            "kind": words::kind_label(statement.kind),
            "epoch": statement.epoch,
            "counting": statement.counting,
            "readable": statement.readable,
            "typology": statement.typology,
            "severity": statement.severity,
            "grounds": statement.grounds,
            "confidence": statement.confidence,
            "effective_confidence": statement.effective_confidence,
            "observed_at": shown(&statement.observed_at),
            "valid_until": shown(&statement.valid_until),
            "note": statement.note,
            "first_seen": shown(&statement.first_seen),
            "last_seen": shown(&statement.last_seen),
            "weak": statement.weak,
            "provisional": statement.provisional,
            "stale": statement.stale,
            "disputed": statement.disputed,
            "received_by": statement.received_by,
            "awaited": statement.awaited,
            "confirmed": statement.confirmed,
            "false_positive": statement.false_positive,
        })).collect::<Vec<_>>(),
        "waiting": found.waiting,
        "decisions": found.decisions.iter().map(|decision| json!({
            "decision_id": decision.decision_id,
            "audit_index": decision.audit_index,
            "time": shown(&decision.time),
            "decision": decision_word(decision.decision),
            "matched": decision.matched,
        })).collect::<Vec<_>>(),
        "more_decisions": found.more_decisions,
    })
}
