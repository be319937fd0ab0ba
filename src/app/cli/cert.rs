//! `hushwire cert …`: certificates of the member's own authority, and those the node shows.

pub mod own;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::config::layout::NodeDir;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::name::CallerName;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::audit::command::Command;
use crate::io::certificate::{Issued, LEAF_DAYS};
use crate::io::clock;
use crate::io::keystore::file::{Readers, read, write};
use crate::io::keystore::store::Keystore;
use crate::io::transport::caller::{CallerError, LocalCaller, TOKEN_PREFIX};
use crate::io::transport::leaf::Leaf;

/// Certificates for the systems and people of this member.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire cert issue screener checkout-1 --dir bank-a
  hushwire cert issue operator ann --dir bank-a --days 90
  hushwire cert issue operator ann --dir bank-a --replace
  hushwire cert revoke operator ann --dir bank-a
  hushwire cert server --dir bank-a --host node.internal --host 10.0.0.7
  hushwire cert list --dir bank-a")]
pub struct CertArgs {
    #[command(subcommand)]
    command: CertCommand,
}

#[derive(Debug, Subcommand)]
enum CertCommand {
    /// Issue a client certificate: DIR/certs/ROLE-NAME/{cert,key,ca}.pem.
    Issue(IssueArgs),
    /// Let no certificate count any more that was issued to a caller until now.
    Revoke(RevokeArgs),
    /// Issue a new certificate for the local listener, for other host names or before the old one expires.
    Server(own::ServerArgs),
    /// Write the certificate other members pin again, for the same key: it was lost, or has ended.
    Peer(own::PeerArgs),
    /// Write the certificate of the member's own authority again, for the same key: it was lost, or has ended.
    Authority(own::AuthorityArgs),
    /// List the certificates in the folder with the day each ends.
    List(ListArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire cert issue screener checkout-1 --dir bank-a

The certificate carries the name hushwire://MEMBER/ROLE/NAME. Hand the folder to the system that calls the node; the key in \
it is not sealed. Issuing does not revoke what was issued before, nor does --replace: hushwire cert revoke ROLE NAME does.")]
struct IssueArgs {
    /// publisher, screener, analyst, auditor or operator.
    role: Role,
    /// The system or person, e.g. checkout-1.
    name: CallerName,
    #[command(flatten)]
    dir: DirArgs,
    /// Days it is valid.
    #[arg(long, value_name = "DAYS", default_value_t = LEAF_DAYS)]
    days: u32,
    /// Folder to write instead of DIR/certs/ROLE-NAME.
    #[arg(long, short, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Put the new certificate and key in the place of those that are there.
    #[arg(long)]
    replace: bool,
    /// One JSON object on standard output: {"uri", "dir"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire cert revoke operator ann --dir bank-a
  hushwire cert issue operator ann --dir bank-a --replace

Every certificate issued to ROLE NAME until now ends, wherever its copies are; what is issued afterwards counts. A running node \
takes it up within a second and ends the open connections.")]
struct RevokeArgs {
    /// publisher, screener, analyst, auditor or operator.
    role: Role,
    /// The system or person, e.g. checkout-1.
    name: CallerName,
    #[command(flatten)]
    dir: DirArgs,
    /// One JSON object on standard output: {"role", "name", "issued_until"}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire cert list --dir bank-a")]
struct ListArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: CertArgs) -> Result<Outcome, CliError> {
    match args.command {
        CertCommand::Issue(args) => issue(&args),
        CertCommand::Revoke(args) => revoke(&args),
        CertCommand::Server(args) => own::server(&args),
        CertCommand::Peer(args) => own::peer(&args),
        CertCommand::Authority(args) => own::renew_authority(&args),
        CertCommand::List(args) => list(&args),
    }
}

fn issue(args: &IssueArgs) -> Result<Outcome, CliError> {
    if args.name.as_str().starts_with(TOKEN_PREFIX) {
        return Err(CliError::usage(CallerError::Token.to_string()).hint("choose another name"));
    }
    let node = args.dir.node();
    let (keystore, _) = args.sealing.open(&node)?;
    let default = node.client(args.role.as_str(), args.name.as_str());
    let folder = args.out.as_ref().unwrap_or(&default);
    // Where this caller was revoked a moment ago, the new certificate must not be of that moment.
    let now = node.access().revocations().load()?.next_issue(args.role, &args.name, clock::now());
    if !args.replace {
        refuse_existing(folder)?;
    }
    let made = NewClient::make(&node, &keystore, args.role, &args.name, args.days, now)?;
    let (role, name, days) = (args.role, args.name.clone(), args.days);
    // Before it is given out, so that nobody holds a certificate the audit log will not tell of.
    node.commands().leave(&Command::CertificateIssued { role, name, days })?;
    made.put(folder)?;
    let (uri, dir) = (format!("hushwire://{}/{}/{}", keystore.member, args.role, args.name), folder.display());
    if args.json {
        answer_json(&json!({ "uri": uri, "dir": dir.to_string() }))?;
    } else {
        answer(format!("{uri}: {dir}"))?;
    }
    Ok(Outcome::Done)
}

fn revoke(args: &RevokeArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    if !node.local_authority().exists() {
        // A revocation in the wrong folder would revoke nobody and say it did.
        return Err(CliError::failed(format!("{} is no node's folder", node.path().display()))
            .hint("name the node's folder with --dir DIR"));
    }
    let revocations = node.access().revocations();
    let until = revocations.revoke(args.role, &args.name, clock::now())?;
    // Where one of them is damaged a running node keeps what it knew: that must not be taken for a revocation.
    revocations.load()?;
    // Last: what keeps the note from being written must not keep anybody in.
    node.commands().leave(&Command::CertificateRevoked { role: args.role, name: args.name.clone() })?;
    let (role, name) = (args.role, &args.name);
    if args.json {
        answer_json(&json!({ "role": role.as_str(), "name": name.as_str(), "issued_until": until.to_string() }))?;
    } else {
        answer(format!("certificates issued to {role} {name} until {until} count no more"))?;
        answer("a running node takes it up within a second")?;
    }
    Ok(Outcome::Done)
}

/// Issues a client certificate into a folder that holds none yet: `cert.pem`, `key.pem`, `ca.pem`.
pub fn issue_client(
    node: &NodeDir,
    keystore: &Keystore,
    role: Role,
    name: &CallerName,
    days: u32,
    folder: &Path,
    now: Timestamp,
) -> Result<(), CliError> {
    refuse_existing(folder)?;
    NewClient::make(node, keystore, role, name, days, now)?.put(folder)
}

fn refuse_existing(folder: &Path) -> Result<(), CliError> {
    if folder.exists() {
        return Err(CliError::failed(format!("{} exists already", folder.display()))
            .hint("--replace puts the new one in its place, --out names another folder"));
    }
    Ok(())
}

/// A certificate that nobody has yet.
struct NewClient {
    issued: Issued,
    authority_pem: String,
}

impl NewClient {
    fn make(
        node: &NodeDir,
        keystore: &Keystore,
        role: Role,
        name: &CallerName,
        days: u32,
        now: Timestamp,
    ) -> Result<Self, CliError> {
        let authority = own::authority(node, keystore)?;
        let issued = authority.issue_client(role, name, days, now)?;
        Ok(Self { issued, authority_pem: authority.certificate_pem().to_owned() })
    }

    /// Writes it into a folder, in the place of whatever that holds.
    fn put(&self, folder: &Path) -> Result<(), CliError> {
        std::fs::create_dir_all(folder)
            .map_err(|reason| CliError::failed(format!("{}: {reason}", folder.display())))?;
        write(&folder.join("key.pem"), self.issued.key_pem.as_bytes(), Readers::Owner)?;
        write(&folder.join("ca.pem"), self.authority_pem.as_bytes(), Readers::Everyone)?;
        write(&folder.join("cert.pem"), self.issued.certificate_pem.as_bytes(), Readers::Everyone)?;
        Ok(())
    }
}

fn list(args: &ListArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let mut paths = vec![node.peer_certificate(), node.local_authority(), node.server_certificate()];
    if let Ok(folders) = std::fs::read_dir(node.clients()) {
        paths.extend(folders.flatten().map(|folder| folder.path().join("cert.pem")));
    }
    paths.sort();
    let now = clock::now();
    let revoked = node.access().revocations().load()?;
    let mut rows = Vec::new();
    for path in paths.iter().filter(|path| path.exists()) {
        let leaf = read_leaf(path)?;
        let ends = Timestamp::from_unix_s(leaf.not_after_s);
        let days_left = ends.ms_since(now) / 86_400_000;
        let caller = leaf.uris.first().and_then(|uri| LocalCaller::from_uri(uri).ok());
        let is_revoked = caller.is_some_and(|caller| revoked.holds(&caller, &leaf));
        if args.json {
            rows.push(json!({
                "file": path.display().to_string(),
                "names": leaf.uris,
                "pin": leaf.spki.to_string(),
                "not_after": ends.to_string(),
                "days_left": days_left,
                "revoked": is_revoked,
            }));
        } else {
            let names = leaf.uris.join(" ");
            let end = if is_revoked {
                "revoked".to_owned()
            } else if ends <= now {
                format!("ended {ends}, {} days ago", now.ms_since(ends) / 86_400_000)
            } else {
                format!("ends {ends} ({days_left} days)")
            };
            answer(format!("{}  {end}  {names}", path.display()))?;
        }
    }
    if args.json {
        answer_json(&rows)?;
    }
    Ok(Outcome::Done)
}

fn read_leaf(path: &Path) -> Result<Leaf, CliError> {
    let damaged = || CliError::failed(format!("{} is not a certificate", path.display()));
    let content = read(path)?;
    let (_, pem) = x509_parser::pem::parse_x509_pem(&content).map_err(|_| damaged())?;
    Leaf::read(&pem.contents).map_err(|_| damaged())
}
