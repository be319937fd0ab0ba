//! `hushwire member roster`: what a roster says, in words.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::app::cli::sealing::DirArgs;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::bytes::Sha256Digest;
use crate::base::limits;
use crate::domain::note::SignedNote;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::member::{FeedKey, Member};
use crate::domain::roster::succession::text_sha256;
use crate::io::clock;
use crate::io::keystore::file::read_at_most;
use crate::io::keystore::rollover::fingerprint;

/// Show a roster: the one in force, or a file before it is signed or applied.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire member roster --dir bank-a             the roster in force, verified from the genesis on
  hushwire member roster genesis/roster-1.note    a file; nothing is verified
  hushwire member roster genesis/roster-1.note --hash")]
pub struct RosterArgs {
    /// A roster's file; without it, the roster in force of --dir.
    file: Option<PathBuf>,
    #[command(flatten)]
    dir: DirArgs,
    /// Print the hash alone.
    #[arg(long, conflicts_with = "json")]
    hash: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &RosterArgs) -> Result<Outcome, CliError> {
    let (draft, sha256) = match &args.file {
        Some(path) => {
            let bytes = read_at_most(path, u64::try_from(limits::NOTE_BYTES).unwrap_or(u64::MAX))?;
            let content = String::from_utf8(bytes).map_err(|_| CliError::failed("a roster is text"))?;
            let signed = SignedNote::parse(content.as_bytes());
            let text = signed.as_ref().map_or(content.as_str(), SignedNote::text);
            (RosterDraft::parse(text)?, text_sha256(text))
        }
        None => {
            let current = args.dir.node().roster_files().current()?;
            (current.content().clone(), current.sha256())
        }
    };
    if args.hash {
        answer(sha256.to_string())?;
    } else if args.json {
        answer_json(&as_json(&draft, sha256))?;
    } else {
        for line in summary(&draft, sha256) {
            answer(line)?;
        }
    }
    if args.file.is_none() && draft.not_after <= clock::now() {
        return Err(CliError::not_verified(format!("this roster expired at {}", draft.not_after))
            .hint("an admin prepares a renewal: hushwire member propose --renew-days 365"));
    }
    Ok(Outcome::Done)
}

/// A roster in lines for people.
pub fn summary(draft: &RosterDraft, sha256: Sha256Digest) -> Vec<String> {
    let limits = &draft.limits;
    let mut lines = vec![
        format!("roster of {}, version {}, hash {sha256}", draft.consortium, draft.version),
        format!("valid until {}", draft.not_after),
        format!("{} of {} admins change it:", draft.admins.quorum, draft.admins.keys.len()),
    ];
    lines.extend(draft.admins.keys.iter().map(|key| format!("  {key}")));
    lines.push(format!(
        "limits: validity {} days, grounds at least {}, suite at least {}, {} cosignatures, stale after {} s",
        limits.max_validity_days,
        limits.minimum_grounds.label(),
        limits.minimum_suite,
        limits.witness_quorum,
        limits.freshness_limit_s
    ));
    lines.extend(draft.epochs.iter().map(|epoch| {
        let compromised = epoch.compromised_at.map(|at| format!(", compromised at {at}")).unwrap_or_default();
        format!("epoch {} ({}) from {}{compromised}", epoch.number, epoch.id, epoch.activates_at)
    }));
    for member in &draft.members {
        lines.push(member_line(member));
        lines.push(format!("  audit key {}", member.audit_key));
        lines.push(format!("  witness key {}", member.witness_key));
        lines.extend(member.feeds.iter().map(|feed| format!("  feed key {} from size {}", feed.key, feed.from_size)));
        lines.push(format!("  hpke key {}", fingerprint(member.hpke_key.as_bytes())));
    }
    lines
}

fn member_line(member: &Member) -> String {
    let list = |items: Vec<String>| items.join(" ");
    format!(
        "member {} \"{}\": {}, until {}, groups {}, at {}, pins {}, {} entries a day",
        member.id,
        member.name,
        member.state.label(),
        member.valid_until,
        list(member.groups.iter().map(ToString::to_string).collect()),
        list(member.endpoints.iter().map(ToString::to_string).collect()),
        list(member.pins.iter().map(ToString::to_string).collect()),
        member.entries_per_day
    )
}

fn feed_key_json(feed: &FeedKey) -> serde_json::Value {
    json!({ "group": feed.group.as_str(), "from_size": feed.from_size.0, "key": feed.key.to_string() })
}

fn as_json(draft: &RosterDraft, sha256: Sha256Digest) -> serde_json::Value {
    let texts = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>();
    let members = draft.members.iter().map(|member| {
        json!({
            "id": member.id.as_str(),
            "name": member.name.as_str(),
            "state": member.state.label(),
            "valid_from": member.valid_from.to_string(),
            "valid_until": member.valid_until.to_string(),
            "groups": texts(&mut member.groups.iter().map(ToString::to_string)),
            "endpoints": texts(&mut member.endpoints.iter().map(ToString::to_string)),
            "pins": texts(&mut member.pins.iter().map(ToString::to_string)),
            "audit_key": member.audit_key.to_string(),
            "witness_key": member.witness_key.to_string(),
            "feed_keys": member.feeds.iter().map(feed_key_json).collect::<Vec<_>>(),
            "hpke_key_sha256": fingerprint(member.hpke_key.as_bytes()).to_string(),
            "entries_per_day": member.entries_per_day,
        })
    });
    let epochs = draft.epochs.iter().map(|epoch| {
        json!({
            "number": epoch.number.0,
            "id": epoch.id.to_string(),
            "activates_at": epoch.activates_at.to_string(),
            "compromised_at": epoch.compromised_at.map(|at| at.to_string()),
        })
    });
    json!({
        "consortium": draft.consortium.as_str(),
        "version": draft.version,
        "sha256": sha256.to_string(),
        "previous": draft.previous.map(|hash| hash.to_string()),
        "not_after": draft.not_after.to_string(),
        "quorum": draft.admins.quorum,
        "admins": texts(&mut draft.admins.keys.iter().map(ToString::to_string)),
        "limits": {
            "max_validity_days": draft.limits.max_validity_days,
            "minimum_grounds": draft.limits.minimum_grounds.label(),
            "minimum_suite": draft.limits.minimum_suite,
            "witness_quorum": draft.limits.witness_quorum,
            "freshness_limit_s": draft.limits.freshness_limit_s,
        },
        "epochs": epochs.collect::<Vec<_>>(),
        "members": members.collect::<Vec<_>>(),
    })
}
