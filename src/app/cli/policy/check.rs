//! `hushwire policy check`: whether a file would come into force, and what its rules need and cost.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::app::cli::policy::faults;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::domain::identifier::guard::GuardLists;
use crate::domain::screening::language::LanguageTag;
use crate::domain::screening::policy::Policy;
use crate::domain::screening::policy::fault::PolicyFault;
use crate::domain::screening::policy::reads::reads;
use crate::domain::screening::policy::rule::{Mode, Rule};
use crate::io::advice_files;
use crate::io::policy_file::{self, PolicyFileError};

/// Check a policy file: every fault with its line and column
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire policy check policy.toml
  hushwire policy check policy.toml --explain

It needs no node. A file that passes comes into force within a second of being saved where [policy] file names it.")]
pub(super) struct CheckArgs {
    /// The file
    file: PathBuf,
    /// Say of each rule what it reads, when it is not evaluated at all, and how much work it is at most
    #[arg(long)]
    explain: bool,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: CheckArgs) -> Result<Outcome, CliError> {
    let digest = GuardLists::built_in().digest();
    match policy_file::load(Some(&args.file), &digest) {
        Ok(policy) => {
            let texts = advice_files::load(&None, &LanguageTag::english())
                .map_err(|error| CliError::failed(error.to_string()))?;
            for (rule, key) in advice_files::unknown_advice(&policy, &texts) {
                let (file, line) = (args.file.display(), rule.line);
                output::remark(format!(
                    "{file}:{line}: rule {:?}: no text of advice {key} ships; without one of your own ([advice] folder) the \
                     customer is told the general text of the decision",
                    rule.name.as_str()
                ));
            }
            if args.json {
                output::answer_json(&as_json(&policy))?;
            } else {
                for line in in_words(&policy, args.explain) {
                    output::answer(line)?;
                }
            }
            Ok(Outcome::Done)
        }
        Err(PolicyFileError::Policy { path, text, faults }) => {
            if args.json {
                output::answer_json(&json!({ "faults": faults.0.iter().map(fault_json).collect::<Vec<_>>() }))?;
            } else {
                faults::tell(&path, &text, &faults);
            }
            Err(CliError::usage(format!("{}: it would not come into force", faults::in_short(&path, &faults))))
        }
        Err(error) => Err(CliError::failed(error.to_string())),
    }
}

fn fault_json(fault: &PolicyFault) -> Value {
    json!({ "line": fault.line, "column": fault.column, "rule": fault.rule, "fault": fault.fault.to_string() })
}

fn needs(rule: &Rule) -> Vec<&'static str> {
    let needs = [(rule.needs.matches, "a match"), (rule.needs.customer, "a customer that is named")];
    needs.into_iter().filter_map(|(needed, what)| needed.then_some(what)).collect()
}

fn as_json(policy: &Policy) -> Value {
    json!({
        "policy": policy.title(),
        "rules": policy.rules().iter().map(|rule| json!({
            "name": rule.name.as_str(),
            "line": rule.line,
            "decision": rule.decision.label(),
            "mode": rule.mode.label(),
            "needs": needs(rule),
            "reads": reads(&rule.condition),
            "steps": rule.steps,
        })).collect::<Vec<_>>(),
    })
}

fn in_words(policy: &Policy, explain: bool) -> Vec<String> {
    let rules = policy.rules();
    let of = |mode| rules.iter().filter(|rule| rule.mode == mode).count();
    let (live, shadow, off) = (of(Mode::Live), of(Mode::Shadow), of(Mode::Off));
    let mut lines = vec![format!(
        "{}: {}, {live} live, {shadow} in shadow, {off} off",
        policy.title(),
        counted(rules.len(), "rule", "rules")
    )];
    if !explain {
        return lines;
    }
    for rule in rules {
        let each = if rule.each_match { ", of each match" } else { "" };
        lines.push(format!("\n{} (line {}): {}, {}{each}", rule.name, rule.line, rule.decision, rule.mode));
        let needs = needs(rule);
        lines.push(match needs.as_slice() {
            [] => "  evaluated for every transaction".to_owned(),
            needs => format!("  evaluated only with {}", needs.join(" and ")),
        });
        let names: Vec<String> = reads(&rule.condition).into_iter().collect();
        lines.push(format!("  reads {}", if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }));
        lines.push(format!(
            "  takes {} at most",
            counted(usize::try_from(rule.steps).unwrap_or(usize::MAX), "step", "steps")
        ));
    }
    lines
}
