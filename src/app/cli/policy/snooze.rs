//! `hushwire policy snooze` and `unsnooze`: a rule that stops too many is put to sleep in its file, which a running node follows.

use std::path::PathBuf;

use serde_json::json;

use crate::app::cli::client::load_config;
use crate::app::config::Config;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::replay::span::Span;
use crate::base::bytes::Sha256Digest;
use crate::base::time::Timestamp;
use crate::domain::audit::command::Command;
use crate::domain::indicator::note::Note;
use crate::domain::screening::policy::snooze::SnoozeError;
use crate::domain::screening::policy::word::Word;
use crate::domain::screening::policy::{snooze as edit, text_digest};
use crate::io::clock;
use crate::io::policy_file::{self, stamp};

/// Put a live rule to sleep for a while: it is told, and has no say
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire policy snooze night_gift_cards --for 2h --reason \"stops half of the Christmas orders\"
  hushwire policy snooze night_gift_cards --for 3d --reason \"until the new version is tried out\"

Writes snoozed_until into the node's own policy file, with the reason as a comment beside it; all else of the file stays as it \
is. A running node takes it up within two seconds. The digest of the policy changes with it, so every answer tells by which file \
it was decided, and the rule wakes by itself. The audit log names the rule, until when, and who ran the command.")]
pub(super) struct SnoozeArgs {
    #[command(flatten)]
    target: Target,
    /// How long: 90m, 2h, 3d; 30 days at most
    #[arg(long = "for", value_name = "TIME")]
    duration: Span,
    /// Why, in up to 140 characters without identifiers; stands beside it in the file
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Wake a rule before its time
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire policy unsnooze night_gift_cards")]
pub(super) struct UnsnoozeArgs {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
struct Target {
    /// The rule, by its name
    rule: String,
    /// The policy's file; the one that [policy] file of the configuration names where not given
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The node's configuration
    #[arg(long, short, value_name = "FILE", env = "HUSHWIRE_CONFIG", hide_env = true)]
    config: Option<PathBuf>,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn snooze(args: &SnoozeArgs) -> Result<Outcome, CliError> {
    let why = Note::new(&args.reason).map_err(|error| CliError::usage(format!("--reason: {error}")))?;
    if why.as_str().is_empty() {
        return Err(CliError::usage("--reason: say why; who finds the rule asleep will ask"));
    }
    let now = clock::now();
    let until = now.plus_s(args.duration.ms / 1_000);
    let config = load_config(args.target.config.as_deref())?;
    let (rule, sha256) = change(&args.target, &config, |text, name| edit::snooze(text, name, until, &why, now))?;
    config.dir.commands().leave(&Command::RuleSnoozed { rule, until, sha256 })?;
    tell(&args.target, Some(until))
}

pub(super) fn unsnooze(args: &UnsnoozeArgs) -> Result<Outcome, CliError> {
    let config = load_config(args.target.config.as_deref())?;
    let (rule, sha256) = change(&args.target, &config, edit::wake)?;
    config.dir.commands().leave(&Command::RuleWoken { rule, sha256 })?;
    tell(&args.target, None)
}

/// Changes the file; the rule's name, and the digest of the file as it is now.
fn change(
    target: &Target,
    config: &Config,
    edited: impl FnOnce(&str, &str) -> Result<String, SnoozeError>,
) -> Result<(Word, Sha256Digest), CliError> {
    let Some(file) = target.file.as_deref().or(config.policy.file.as_deref()) else {
        return Err(CliError::usage("the node decides by the policy that ships, which is no file to be changed").hint(
            "hushwire policy default > policy.toml, and name it in the configuration: [policy] file = \"policy.toml\"",
        ));
    };
    let failed = |error: String| CliError::failed(format!("{}: {error}", file.display()));
    // A link stays a link: the file behind it is replaced.
    let file = &std::fs::canonicalize(file).map_err(|error| failed(error.to_string()))?;
    let seen = stamp(file);
    let text = policy_file::text(file).map_err(|error| CliError::failed(error.to_string()))?;
    let rule = target.rule.parse();
    let text = edited(&text, &target.rule).map_err(|error| failed(error.to_string()))?;
    policy_file::replace(file, &text, &seen)?;
    Ok((rule.expect("a rule of the file has it as its name"), text_digest(&text)))
}

fn tell(target: &Target, until: Option<Timestamp>) -> Result<Outcome, CliError> {
    let rule = &target.rule;
    if target.json {
        let until = until.map(|until| until.to_string());
        output::answer_json(&json!({"rule": rule, "snoozed_until": until}))?;
    } else {
        match until {
            Some(until) => output::answer(format!("{rule} is snoozed until {until}"))?,
            None => output::answer(format!("{rule} is awake"))?,
        }
        output::remark("a running node takes it up within two seconds: hushwire policy status");
    }
    Ok(Outcome::Done)
}
