//! `hushwire token …`: bearer tokens for systems that cannot show a certificate.

use std::str::FromStr;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json, remark};
use crate::base::limits;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::audit::command::Command;
use crate::io::access::token::{Scope, Token, TokenName, TokenRecord};
use crate::io::clock;
use crate::node::local_mac::LocalMacKey;

/// Bearer tokens for systems that cannot show a certificate.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire token issue --role screener --expires 90d --name checkout-2 --dir bank-a > checkout-2.token
  hushwire token list --dir bank-a
  hushwire token revoke checkout-2 --dir bank-a

They open the local listener only where the configuration says local.tokens = true.")]
pub struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and print it, once: only its hash is kept.
    Issue(IssueArgs),
    /// List tokens with their roles and ends.
    List(ListArgs),
    /// End a token before its time.
    Revoke(RevokeArgs),
}

/// Days or hours, e.g. 90d or 12h.
#[derive(Debug, Clone, Copy)]
struct Life {
    hours: u64,
}

impl FromStr for Life {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = || format!("must be hours or days, 1h to {}d, e.g. 90d", limits::TOKEN_DAYS);
        let (number, unit) = match (text.strip_suffix('d'), text.strip_suffix('h')) {
            (Some(number), _) => (number, 24),
            (_, Some(number)) => (number, 1),
            (None, None) => return Err(rule()),
        };
        let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
        let hours = number.parse::<u64>().ok().filter(|_| is_plain).and_then(|number| number.checked_mul(unit));
        let hours = hours.filter(|hours| (1..=limits::TOKEN_DAYS * 24).contains(hours)).ok_or_else(rule)?;
        Ok(Self { hours })
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire token issue --role screener --expires 90d --name checkout-2 --dir bank-a > checkout-2.token
  hushwire token issue --role screener --expires 12h --name trial --method ScreenTransaction --dir bank-a

The token stands alone on standard output. Send it as the header Authorization: Bearer TOKEN, over HTTP or gRPC, and never in a \
path. No token asks for an erasure or confirms one: that takes two people with certificates.")]
struct IssueArgs {
    /// publisher, screener, analyst, auditor or operator.
    #[arg(long)]
    role: Role,
    /// How long it is valid: hours or days, e.g. 12h or 90d.
    #[arg(long, value_name = "TIME")]
    expires: Life,
    /// What it is called in lists and in the audit log, where it stands as token.NAME; never given twice.
    #[arg(long)]
    name: TokenName,
    /// Only this method of the role, e.g. ScreenTransaction; may be repeated.
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    #[command(flatten)]
    dir: DirArgs,
    /// One JSON object on standard output: {"name", "role", "methods", "expires", "token"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire token list --dir bank-a")]
struct ListArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire token revoke checkout-2 --dir bank-a

A running node refuses it within a second, and ends what it has open. The name is not given again.")]
struct RevokeArgs {
    /// Its name, as in the list.
    name: TokenName,
    #[command(flatten)]
    dir: DirArgs,
    /// One JSON object on standard output: {"name"}
    #[arg(long)]
    json: bool,
}

pub fn run(args: TokenArgs) -> Result<Outcome, CliError> {
    match args.command {
        TokenCommand::Issue(args) => issue(&args),
        TokenCommand::List(args) => list(&args),
        TokenCommand::Revoke(args) => revoke(&args),
    }
}

fn issue(args: &IssueArgs) -> Result<Outcome, CliError> {
    let scope = Scope::read(args.role, &args.methods).map_err(|error| CliError::usage(error.to_string()))?;
    let node = args.dir.node();
    let (keystore, _) = args.sealing.open(&node)?;
    let (token, issued) = (Token::generate(), Timestamp::from_unix_s(clock::now().unix_s()));
    let record = TokenRecord {
        name: args.name.clone(),
        role: args.role,
        scope,
        issued,
        expires: issued.plus_s(args.expires.hours * 3600),
        hash: token.hash(),
        revoked: None,
    };
    // Kept before it is shown: what was handed out can be revoked.
    node.access().tokens().keep(&record, &LocalMacKey::new(&keystore.keys.local_mac))?;
    let (role, name, expires) = (record.role, record.name.caller().clone(), record.expires);
    // Before it is shown, too: nobody holds a token the audit log will not tell of.
    node.commands().leave(&Command::TokenIssued { role, name, expires })?;
    let text = token.reveal();
    if args.json {
        let mut shown = row(&record, issued);
        shown["token"] = text.as_str().into();
        answer_json(&shown)?;
    } else {
        answer(text.as_str())?;
        remark(format!("{} {} until {}; it is not shown again", record.role, record.name, record.expires));
    }
    Ok(Outcome::Done)
}

fn list(args: &ListArgs) -> Result<Outcome, CliError> {
    let (records, now) = (args.dir.node().access().tokens().list()?, clock::now());
    if args.json {
        answer_json(&records.iter().map(|record| row(record, now)).collect::<Vec<_>>())?;
        return Ok(Outcome::Done);
    }
    for record in &records {
        let methods: Vec<String> =
            record.methods().iter().filter_map(|method| Some(method.rsplit('/').next()?.to_owned())).collect();
        let scope = if methods.is_empty() { String::new() } else { format!("  only {}", methods.join(", ")) };
        answer(format!("{}  {}  {} {}{scope}", record.name, record.role, state(record, now), end(record)))?;
    }
    Ok(Outcome::Done)
}

fn row(record: &TokenRecord, now: Timestamp) -> serde_json::Value {
    json!({
        "name": record.name.as_str(),
        "role": record.role.as_str(),
        "methods": record.methods(),
        "state": state(record, now),
        "issued": record.issued.to_string(),
        "expires": record.expires.to_string(),
    })
}

fn state(record: &TokenRecord, now: Timestamp) -> &'static str {
    match record.revoked {
        Some(_) => "revoked",
        None if record.expires <= now => "ended",
        None => "valid",
    }
}

fn end(record: &TokenRecord) -> String {
    match record.revoked {
        Some(at) => format!("at {at}"),
        None => format!("until {}", record.expires),
    }
}

fn revoke(args: &RevokeArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    node.access().tokens().revoke(&args.name, clock::now())?;
    node.commands().leave(&Command::TokenRevoked { name: args.name.caller().clone() })?;
    if args.json {
        answer_json(&json!({ "name": args.name.as_str() }))?;
    } else {
        answer(format!("{} opens nothing any more; a running node takes it up within a second", args.name))?;
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_hours_or_days_within_a_year() {
        let check = |text: &str, hours: Option<u64>| {
            assert_eq!(text.parse::<Life>().ok().map(|life| life.hours), hours, "{text:?}");
        };
        check("90d", Some(2160));
        check("1h", Some(1));
        check("366d", Some(8784));
        check("367d", None);
        check("0d", None);
        check("90", None);
        check("d", None);
        check("+1d", None);
        check("1.5d", None);
        check("99999999999999999999d", None);
        check("768614336404564651d", None);
    }
}
