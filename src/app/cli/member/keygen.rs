//! `hushwire member keygen`: a node's keys, sealed, and its certificates.

use clap::Args;
use rand::CryptoRng;

use crate::app::cli::output::answer;
use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::cli::{CliError, Outcome};
use crate::app::config::layout::NodeDir;
use crate::base::bytes::Sha256Digest;
use crate::base::name::{ConsortiumId, MemberId};
use crate::base::time::Timestamp;
use crate::io::certificate::{LEAF_DAYS, LocalAuthority, peer_certificate};
use crate::io::keystore::file::{Readers, write};
use crate::io::keystore::keys::{NodeKeys, TlsKeys};
use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::sealed::WorkFactor;
use crate::io::keystore::store::Keystore;
use crate::io::{clock, random};

/// Make a node's keys and certificates.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire member keygen --dir bank-a --consortium demo.example --member bank-a

Makes bank-a/keystore.age, sealed under a passphrase you choose, and bank-a/tls/*.pem. Nothing existing is replaced.")]
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
    sealing: PassphraseArgs,
}

/// Where the local listener is found unless said otherwise.
pub const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

pub fn run(args: &KeygenArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    refuse_existing(&node)?;
    let passphrase = args.sealing.chosen()?;
    let holder = Holder { consortium: &args.consortium, member: &args.member, hosts: &args.hosts };
    let pin = make_keys(&node, &holder, &passphrase, args.sealing.work(), clock::now(), &mut random::generator())?;
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

fn refuse_existing(node: &NodeDir) -> Result<(), CliError> {
    if node.keystore().exists() {
        return Err(CliError::failed(format!("{} exists already and is not replaced", node.keystore().display()))
            .hint("choose another --dir, or move the old keystore away if you are sure nobody needs it"));
    }
    Ok(())
}
