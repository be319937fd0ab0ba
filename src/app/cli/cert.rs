//! `hushwire cert …`: certificates of the member's own authority.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::cli::member::keygen::LOCAL_HOSTS;
use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::config::layout::NodeDir;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::name::CallerName;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::io::certificate::{LEAF_DAYS, LocalAuthority};
use crate::io::clock;
use crate::io::keystore::file::{Readers, create, read, write};
use crate::io::keystore::store::Keystore;
use crate::io::transport::leaf::Leaf;
use zeroize::Zeroizing;

/// Certificates for the systems and people of this member.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire cert issue screener checkout-1 --dir bank-a
  hushwire cert issue operator ann --dir bank-a --days 90
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
    /// Issue a new certificate for the local listener, for other host names or before the old one expires.
    Server(ServerArgs),
    /// List the certificates in the folder with the day each ends.
    List(ListArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire cert issue screener checkout-1 --dir bank-a

The certificate carries the name hushwire://MEMBER/ROLE/NAME. Hand the folder to the system that calls the node; the key in \
it is not sealed. Issuing does not revoke: to withdraw a certificate before its end, let it be short.")]
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
    #[command(flatten)]
    sealing: PassphraseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire cert server --dir bank-a --host node.bank-a.example")]
struct ServerArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Host name or address under which the member's systems reach the node; may be repeated.
    #[arg(long = "host", value_name = "HOST", default_values = LOCAL_HOSTS)]
    hosts: Vec<String>,
    /// Days it is valid.
    #[arg(long, value_name = "DAYS", default_value_t = LEAF_DAYS)]
    days: u32,
    #[command(flatten)]
    sealing: PassphraseArgs,
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
        CertCommand::Server(args) => server(&args),
        CertCommand::List(args) => list(&args),
    }
}

fn issue(args: &IssueArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let (keystore, _) = args.sealing.open(&node)?;
    let default = node.client(args.role.as_str(), args.name.as_str());
    let folder = args.out.as_ref().unwrap_or(&default);
    issue_client(&node, &keystore, args.role, &args.name, args.days, folder, clock::now())?;
    answer(format!("hushwire://{}/{}/{}: {}", keystore.member, args.role, args.name, folder.display()))?;
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
    if folder.exists() {
        return Err(CliError::failed(format!("{} exists already", folder.display()))
            .hint("move it away, or name another folder by --out"));
    }
    let authority = authority(node, keystore)?;
    let issued = authority.issue_client(role, name, days, now)?;
    create(&folder.join("key.pem"), issued.key_pem.as_bytes(), Readers::Owner)?;
    create(&folder.join("ca.pem"), authority.certificate_pem().as_bytes(), Readers::Everyone)?;
    create(&folder.join("cert.pem"), issued.certificate_pem.as_bytes(), Readers::Everyone)?;
    Ok(())
}

fn server(args: &ServerArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let (mut keystore, passphrase) = args.sealing.open(&node)?;
    let issued = authority(&node, &keystore)?.issue_server(&args.hosts, args.days, clock::now())?;
    let tls = keystore.keys.tls.as_mut().ok_or_else(no_tls)?;
    tls.server = Zeroizing::new(issued.key_pem.to_string());
    keystore.replace(&node.keystore(), &passphrase, args.sealing.work())?;
    write(&node.server_certificate(), issued.certificate_pem.as_bytes(), Readers::Everyone)?;
    answer(format!("{} for {}", node.server_certificate().display(), args.hosts.join(", ")))?;
    answer("restart the node to show it")?;
    Ok(Outcome::Done)
}

fn authority(node: &NodeDir, keystore: &Keystore) -> Result<LocalAuthority, CliError> {
    let path = node.local_authority();
    let pem =
        String::from_utf8(read(&path)?).map_err(|_| CliError::failed(format!("{} is not PEM", path.display())))?;
    let tls = keystore.keys.tls.as_ref().ok_or_else(no_tls)?;
    Ok(LocalAuthority::load(&keystore.member, &pem, &tls.local_ca)?)
}

fn no_tls() -> CliError {
    CliError::failed("the keystore holds no TLS keys").hint("make a node's keys by hushwire member keygen")
}

fn list(args: &ListArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let mut paths = vec![node.peer_certificate(), node.local_authority(), node.server_certificate()];
    if let Ok(folders) = std::fs::read_dir(node.clients()) {
        paths.extend(folders.flatten().map(|folder| folder.path().join("cert.pem")));
    }
    paths.sort();
    let now = clock::now();
    let mut rows = Vec::new();
    for path in paths.iter().filter(|path| path.exists()) {
        let leaf = read_leaf(path)?;
        let ends = Timestamp::from_unix_s(leaf.not_after_s);
        let days_left = ends.ms_since(now) / 86_400_000;
        if args.json {
            rows.push(json!({
                "file": path.display().to_string(),
                "names": leaf.uris,
                "pin": leaf.spki.to_string(),
                "not_after": ends.to_string(),
                "days_left": days_left,
            }));
        } else {
            let names = leaf.uris.join(" ");
            answer(format!("{}  ends {ends} ({days_left} days)  {names}", path.display()))?;
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
