//! The node's own certificates: of the local listener, of the key other members pin, and of the member's authority.

use std::path::Path;

use clap::Args;
use serde_json::json;
use x509_parser::extensions::GeneralName;
use zeroize::Zeroizing;

use crate::app::cli::member::keygen::LOCAL_HOSTS;
use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::config::layout::NodeDir;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::bytes::Sha256Digest;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::command::{Command, OwnCertificate};
use crate::io::certificate::{LEAF_DAYS, LocalAuthority, renew_peer_certificate};
use crate::io::clock;
use crate::io::keystore::file::{Readers, read, write};
use crate::io::keystore::keys::TlsKeys;
use crate::io::keystore::store::Keystore;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire cert server --dir bank-a
  hushwire cert server --dir bank-a --host node.internal --host 10.0.0.7

Makes a new key too. A running node shows the new certificate on SIGHUP (systemctl reload).")]
pub struct ServerArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Host name or address under which the member's systems reach the node; may be repeated [default: those of the present
    /// certificate, or localhost]
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Days it is valid.
    #[arg(long, value_name = "DAYS", default_value_t = LEAF_DAYS)]
    days: u32,
    /// One JSON object on standard output: {"file", "hosts", "pin"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire cert peer --dir bank-a

The key stays, and with it the pin in the roster: other members notice nothing. For a new key: hushwire key rotate peer-tls")]
pub struct PeerArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// One JSON object on standard output: {"file", "pin"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire cert authority --dir bank-a

The key stays, and with it everything the authority has issued.")]
pub struct AuthorityArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// One JSON object on standard output: {"file", "pin"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

pub fn server(args: &ServerArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let (mut keystore, passphrase) = args.sealing.open(&node)?;
    let present = || std::fs::read(node.server_certificate()).map(|pem| hosts_of(&pem)).unwrap_or_default();
    let mut hosts = if args.hosts.is_empty() { present() } else { args.hosts.clone() };
    if hosts.is_empty() {
        hosts = LOCAL_HOSTS.map(str::to_owned).into();
    }
    let seal = |keystore: &Keystore| Ok(keystore.replace(&node.keystore(), &passphrase, args.sealing.work())?);
    let pin = renew_server(&node, &mut keystore, &hosts, args.days, clock::now(), seal)?;
    node.commands().leave(&Command::CertificateRenewed { which: OwnCertificate::Server, pin })?;
    let file = node.server_certificate().display().to_string();
    if args.json {
        answer_json(&json!({ "file": file, "hosts": hosts, "pin": pin.to_string() }))?;
    } else {
        answer(format!("{file} for {}", hosts.join(", ")))?;
        answer("a running node shows it on SIGHUP")?;
    }
    Ok(Outcome::Done)
}

/// A new key and certificate of the local listener. `seal` makes the keystore durable: first with both keys, and with the
/// new one alone once its certificate stands. Wherever this stops, the certificate on disk has its key.
fn renew_server(
    node: &NodeDir,
    keystore: &mut Keystore,
    hosts: &[String],
    days: u32,
    now: Timestamp,
    mut seal: impl FnMut(&Keystore) -> Result<(), CliError>,
) -> Result<Sha256Digest, CliError> {
    let issued = authority(node, keystore)?.issue_server(hosts, days, now)?;
    let path = node.server_certificate();
    // One that was stopped half way has its certificate already: its key must not be the one that gives way.
    let stands = std::fs::read_to_string(&path).ok();
    if let Some(key) = stands.as_deref().and_then(|pem| keystore.keys.server_key_of(pem)).cloned() {
        tls(keystore)?.server = key;
    }
    keystore.keys.next.tls_server = Some(Zeroizing::new(issued.key_pem.to_string()));
    seal(keystore)?;
    write(&path, issued.certificate_pem.as_bytes(), Readers::Everyone)?;
    keystore.keys.next.tls_server = None;
    tls(keystore)?.server = issued.key_pem;
    seal(keystore)?;
    Ok(issued.pin)
}

pub fn peer(args: &PeerArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let (mut keystore, _) = args.sealing.open(&node)?;
    let member = keystore.member.clone();
    // The key whose certificate stands; a damaged one says nothing, then it is the one in use.
    let stands = std::fs::read_to_string(node.peer_certificate()).ok();
    let stands = stands.as_deref().and_then(|pem| keystore.keys.peer_key_of(pem)).cloned();
    let key = match stands {
        Some(key) => key,
        None => tls(&mut keystore)?.peer.clone(),
    };
    let pin = write_peer_certificate(&node, &member, &key, clock::now())?;
    node.commands().leave(&Command::CertificateRenewed { which: OwnCertificate::Peer, pin })?;
    report(&node.peer_certificate(), pin, args.json)
}

/// Writes a certificate for a peer key that exists.
pub fn write_peer_certificate(
    node: &NodeDir,
    member: &MemberId,
    key_pem: &str,
    now: Timestamp,
) -> Result<Sha256Digest, CliError> {
    let issued = renew_peer_certificate(member, key_pem, now)?;
    write(&node.peer_certificate(), issued.certificate_pem.as_bytes(), Readers::Everyone)?;
    Ok(issued.pin)
}

pub fn renew_authority(args: &AuthorityArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let (mut keystore, _) = args.sealing.open(&node)?;
    let member = keystore.member.clone();
    let issued = LocalAuthority::renew(&member, &tls(&mut keystore)?.local_ca, clock::now())?;
    write(&node.local_authority(), issued.certificate_pem.as_bytes(), Readers::Everyone)?;
    node.commands().leave(&Command::CertificateRenewed { which: OwnCertificate::Authority, pin: issued.pin })?;
    report(&node.local_authority(), issued.pin, args.json)
}

fn report(file: &Path, pin: Sha256Digest, json: bool) -> Result<Outcome, CliError> {
    let file = file.display().to_string();
    if json {
        answer_json(&json!({ "file": file, "pin": pin.to_string() }))?;
    } else {
        answer(format!("{file}, for the same key: {pin}"))?;
        answer("a running node shows it on SIGHUP")?;
    }
    Ok(Outcome::Done)
}

/// The member's authority, from the node's folder and keystore.
pub fn authority(node: &NodeDir, keystore: &Keystore) -> Result<LocalAuthority, CliError> {
    let path = node.local_authority();
    let mend = || format!("hushwire cert authority --dir {}", node.path().display());
    let pem = read(&path).map_err(|error| CliError::from(error).hint(mend()))?;
    let pem =
        String::from_utf8(pem).map_err(|_| CliError::failed(format!("{} is not PEM", path.display())).hint(mend()))?;
    let tls = keystore.keys.tls.as_ref().ok_or_else(no_tls)?;
    LocalAuthority::load(&keystore.member, &pem, &tls.local_ca)
        .map_err(|error| CliError::failed(format!("{}: {error}", path.display())).hint(mend()))
}

fn tls(keystore: &mut Keystore) -> Result<&mut TlsKeys, CliError> {
    keystore.keys.tls.as_mut().ok_or_else(no_tls)
}

fn no_tls() -> CliError {
    CliError::failed("the keystore holds no TLS keys").hint("make a node's keys by hushwire member keygen")
}

/// Host names and addresses in a certificate; none where it cannot be read.
fn hosts_of(pem: &[u8]) -> Vec<String> {
    let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(pem) else { return Vec::new() };
    let Ok(certificate) = pem.parse_x509() else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let host = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => <[u8; 4]>::try_from(*octets).ok().map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(*octets).ok().map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
            _ => None,
        },
        _ => None,
    };
    names.value.general_names.iter().filter_map(host).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::app::cli::member::keygen::{Holder, make_keys};
    use crate::io::keystore::passphrase::Passphrase;
    use crate::io::keystore::sealed::WorkFactor;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_305_600);

    #[test]
    fn wherever_a_renewal_stops_the_certificate_has_its_key_and_the_next_attempt_completes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let node = NodeDir::new(folder.path());
        let passphrase = Passphrase::new("correct horse").expect("a line");
        let (consortium, member) = ("demo.example".parse().expect("valid"), "bank-a".parse().expect("valid"));
        let hosts = vec!["localhost".to_owned(), "10.0.0.7".to_owned(), "::1".to_owned()];
        let holder = Holder { consortium: &consortium, member: &member, hosts: &hosts };
        let work = WorkFactor::danger_quick();
        make_keys(&node, &holder, &passphrase, work, NOW, &mut ChaCha20Rng::seed_from_u64(1)).expect("made");
        let read_keys = || Keystore::read(&node.keystore(), &passphrase).expect("opens");
        let pem = || std::fs::read_to_string(node.server_certificate()).expect("there");
        assert_eq!(hosts_of(pem().as_bytes()), hosts);

        for stop_before in 0..3 {
            let before = pem();
            let mut sealed = 0;
            let stopped = renew_server(&node, &mut read_keys(), &hosts, 30, NOW, |keystore| {
                if sealed == stop_before {
                    return Err(CliError::failed("a power cut"));
                }
                sealed += 1;
                if sealed == 1 && stop_before == 2 {
                    // Between keystore and certificate.
                    std::fs::remove_file(node.server_certificate()).expect("there");
                    std::fs::create_dir(node.server_certificate()).expect("made");
                }
                Ok(keystore.replace(&node.keystore(), &passphrase, work)?)
            });
            assert!(stopped.is_err(), "stop {stop_before}");
            if stop_before == 2 {
                std::fs::remove_dir(node.server_certificate()).expect("empty");
                std::fs::write(node.server_certificate(), &before).expect("written");
            }
            assert!(read_keys().keys.server_key_of(&pem()).is_some(), "stop {stop_before}");
            assert_eq!(pem() != before, stop_before == 1, "only the last stop has a new certificate");
        }
        let seal = |keystore: &Keystore| Ok(keystore.replace(&node.keystore(), &passphrase, work)?);
        renew_server(&node, &mut read_keys(), &hosts, 30, NOW, seal).expect("completed");
        let keys = read_keys().keys;
        assert!(keys.next.tls_server.is_none() && keys.server_key_of(&pem()).is_some());
    }
}
