//! `hushwire member keygen`: a node's keys, sealed, its certificates and its commented configuration.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use rand::CryptoRng;
use serde_json::json;

use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::config::layout::NodeDir;
use crate::app::config::template::{Filling, render};
use crate::app::config::{LOCAL_PORT, PEER_PORT};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::bytes::Sha256Digest;
use crate::base::name::{ConsortiumId, MemberId};
use crate::base::time::Timestamp;
use crate::domain::audit::command::Command;
use crate::io::certificate::{LEAF_DAYS, LocalAuthority, peer_certificate};
use crate::io::keystore::file::{Readers, create, write};
use crate::io::keystore::keys::{NodeKeys, TlsKeys};
use crate::io::keystore::passphrase::{Passphrase, PassphraseSource};
use crate::io::keystore::sealed::WorkFactor;
use crate::io::keystore::store::Keystore;
use crate::io::{clock, random};

/// Make a node's keys, certificates and configuration.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire member keygen --dir bank-a --consortium demo.example --member bank-a
  hushwire member keygen --dir bank-b --consortium demo.example --member bank-b \\
      --local 127.0.0.1:7450 --peer 127.0.0.1:7451

Makes bank-a/keystore.age, sealed under a passphrase you choose, bank-a/tls/*.pem, and bank-a/hushwire.toml with every \
key explained. Nothing existing is replaced.")]
pub struct KeygenArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// The consortium's id, agreed among the members, usually a domain name.
    #[arg(long, value_name = "ID")]
    consortium: ConsortiumId,
    /// This member's id in the consortium.
    #[arg(long, value_name = "ID")]
    member: MemberId,
    /// Host name or address under which the member's own systems reach the node; may be repeated.
    #[arg(long = "host", value_name = "HOST", default_values = LOCAL_HOSTS)]
    hosts: Vec<String>,
    #[command(flatten)]
    addresses: Addresses,
    /// One JSON object on standard output: {"member", "dir", "pin"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

/// Where the two listeners are to be.
#[derive(Debug, Args)]
pub struct Addresses {
    /// Where the member's own systems connect.
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, LOCAL_PORT)))]
    pub local: SocketAddr,
    /// Where other members' nodes connect.
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PEER_PORT)))]
    pub peer: SocketAddr,
}

impl Addresses {
    pub fn check(&self) -> Result<(), CliError> {
        if self.local == self.peer && self.local.port() != 0 {
            return Err(CliError::usage("--local and --peer must differ: the two listeners share no trust"));
        }
        Ok(())
    }
}

/// Where the local listener is found unless said otherwise.
pub const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

pub fn run(args: &KeygenArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    args.addresses.check()?;
    refuse_existing(&node)?;
    let passphrase = args.sealing.chosen()?;
    let holder = Holder { consortium: &args.consortium, member: &args.member, hosts: &args.hosts };
    let pin = make_keys(&node, &holder, &passphrase, args.sealing.work(), clock::now(), &mut random::generator())?;
    if !node.config().exists() {
        write_configuration(&node, &args.member, &args.addresses, args.sealing.source()?)?;
    }
    node.commands().leave(&Command::KeysMade { pin })?;
    if args.json {
        let dir = node.path().display().to_string();
        let shown = json!({ "member": args.member.as_str(), "dir": dir, "pin": pin.to_string() });
        return answer_json(&shown).map(|()| Outcome::Done);
    }
    answer(format!("keys of {} in {}", args.member, node.path().display()))?;
    answer(format!("pin of its peer certificate: {pin}"))?;
    Ok(Outcome::Done)
}

/// Whose keys are made.
#[derive(Debug)]
pub struct Holder<'a> {
    pub consortium: &'a ConsortiumId,
    pub member: &'a MemberId,
    /// Host names and addresses of the local listener.
    pub hosts: &'a [String],
}

/// Makes keystore and certificates in `node`; returns the pin of the peer certificate. The keystore is written last, so
/// that where it stands everything else stands too.
pub fn make_keys(
    node: &NodeDir,
    holder: &Holder<'_>,
    passphrase: &Passphrase,
    work: WorkFactor,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Sha256Digest, CliError> {
    refuse_existing(node)?;
    let founded = LocalAuthority::found(holder.member, now)?;
    let authority = LocalAuthority::load(holder.member, &founded.certificate_pem, &founded.key_pem)?;
    let server = authority.issue_server(holder.hosts, LEAF_DAYS, now)?;
    let peer = peer_certificate(holder.member, now)?;
    let mut keys = NodeKeys::generate(rng);
    keys.tls = Some(TlsKeys { peer: peer.key_pem, local_ca: founded.key_pem, server: server.key_pem });
    let tls = node.path().join("tls");
    std::fs::create_dir_all(&tls).map_err(|reason| CliError::failed(format!("{}: {reason}", tls.display())))?;
    for (path, pem) in [
        (node.peer_certificate(), &peer.certificate_pem),
        (node.local_authority(), &founded.certificate_pem),
        (node.server_certificate(), &server.certificate_pem),
    ] {
        write(&path, pem.as_bytes(), Readers::Everyone)?;
    }
    let keystore = Keystore { consortium: holder.consortium.clone(), member: holder.member.clone(), keys };
    keystore.create(&node.keystore(), passphrase, work)?;
    Ok(peer.pin)
}

/// Writes the commented `hushwire.toml` of a new node.
pub fn write_configuration(
    node: &NodeDir,
    member: &MemberId,
    addresses: &Addresses,
    named: Option<PassphraseSource>,
) -> Result<(), CliError> {
    let source = source_from_anywhere(named)?;
    let text = render(&Filling { member, local: addresses.local, peer: addresses.peer, passphrase: &source });
    Ok(create(&node.config(), text.as_bytes(), Readers::Everyone)?)
}

/// The passphrase's source as it can be found from another folder and at another time.
fn source_from_anywhere(named: Option<PassphraseSource>) -> Result<PassphraseSource, CliError> {
    match named {
        Some(PassphraseSource::File(path)) => std::path::absolute(&path)
            .map(PassphraseSource::File)
            .map_err(|error| CliError::failed(format!("{}: {error}", path.display()))),
        // A descriptor of this process means nothing to the next one.
        Some(PassphraseSource::Descriptor(_) | PassphraseSource::Prompt) | None => Ok(PassphraseSource::Prompt),
        Some(other @ (PassphraseSource::Credential(_) | PassphraseSource::Variable(_))) => Ok(other),
    }
}

fn refuse_existing(node: &NodeDir) -> Result<(), CliError> {
    if node.keystore().exists() {
        return Err(CliError::failed(format!("{} exists already and is not replaced", node.keystore().display()))
            .hint("choose another --dir, or move the old keystore away if you are sure nobody needs it"));
    }
    Ok(())
}
