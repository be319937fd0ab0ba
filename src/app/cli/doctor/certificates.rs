//! Certificates: there, readable, in force and for how long, and with the keys that belong to them.

use std::io::ErrorKind;
use std::path::Path;

use zeroize::Zeroizing;

use crate::app::cli::doctor::permissions::give_back;
use crate::app::cli::doctor::{Findings, Patient};
use crate::app::config::console::CertificateFiles;
use crate::app::output::counted;
use crate::base::bytes::Sha256Digest;
use crate::base::name::CallerName;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::io::access::revoked::RevokedCallers;
use crate::io::certificate::{pin_of_key_pem, pin_of_pem};
use crate::io::clock;
use crate::io::keystore::file::read;
use crate::io::keystore::store::Keystore;
use crate::io::transport::caller::LocalCaller;
use crate::io::transport::leaf::Leaf;
use crate::io::transport::tls::{Certified, console_server};

/// Days before its end from which a certificate is worth a warning: a month to find somebody who may issue one.
const EARLY_DAYS: u64 = 30;

/// `keystore` is compared with, where it could be opened.
pub(super) fn examine(patient: &Patient<'_>, keystore: Option<&Keystore>, findings: &mut Findings) {
    let (node, dir) = (&patient.config.dir, patient.dir());
    let keys = keystore.map(|keystore| &keystore.keys);
    // The authority first: the commands that mend the others need it.
    let of_authority = |pem: &str| {
        let key = keys?.tls.as_ref().and_then(|tls| pin_of_key_pem(&tls.local_ca));
        Some(key == pin_of_pem(pem))
    };
    let own = [
        (node.local_authority(), "authority", &of_authority as &dyn Fn(&str) -> Option<bool>),
        (node.server_certificate(), "server", &|pem| Some(keys?.server_key_of(pem).is_some())),
        (node.peer_certificate(), "peer", &|pem| Some(keys?.peer_key_of(pem).is_some())),
    ];
    for (path, command, has_key) in own {
        let mend = format!("hushwire cert {command} --dir {dir}");
        let Some(pem) = check(&path, &mend, findings) else { continue };
        if has_key(&pem) == Some(false) {
            let found = format!("{} belongs to a key that is not in the keystore", path.display());
            findings.fault("certificates", found, mend);
        }
    }
    console(patient, findings);
    clients(patient, findings);
    tokens(patient, findings);
}

/// What the console shows to browsers, where that is no certificate of `hushwire cert`.
fn console(patient: &Patient<'_>, findings: &mut Findings) {
    let files = patient.config.console.as_ref().and_then(|console| console.certificate.as_ref());
    let Some(CertificateFiles { chain, key }) = files else { return };
    let mend =
        format!("ask whoever issued it for another, or remove console.certificate from {}", patient.file.display());
    let Some(pem) = check(chain, &mend, findings) else { return };
    let key_text = match std::fs::read_to_string(key) {
        Ok(text) => Zeroizing::new(text),
        Err(error) => {
            let mend = if error.kind() == ErrorKind::PermissionDenied { give_back(key) } else { mend };
            return findings.fault("certificates", format!("{}: {error}", key.display()), mend);
        }
    };
    if let Err(error) = Certified::from_pem(pem.as_bytes(), key_text.as_bytes()).and_then(|own| console_server(&own)) {
        findings.fault("certificates", format!("{} with {}: {error}", chain.display(), key.display()), mend);
    }
}

/// Tokens that open nothing, because the node lets nobody in by one.
fn tokens(patient: &Patient<'_>, findings: &mut Findings) {
    let issued = std::fs::read_dir(patient.config.dir.path().join("access").join("tokens"));
    let count = issued.map(|files| files.flatten().count()).unwrap_or_default();
    if count > 0 && !patient.config.local_tokens {
        let found = format!(
            "{} issued, but nobody is let in by one: local.tokens is not set",
            counted(count, "token is", "tokens are")
        );
        let mend = format!("set tokens = true under [local] in {} and restart the node", patient.file.display());
        findings.warning("tokens", found, mend);
    }
}

fn clients(patient: &Patient<'_>, findings: &mut Findings) {
    let (node, dir) = (&patient.config.dir, patient.dir());
    let mut folders: Vec<_> = match std::fs::read_dir(node.clients()) {
        Ok(folders) => folders.flatten().map(|folder| folder.path()).collect(),
        Err(_) => Vec::new(),
    };
    folders.sort();
    if folders.is_empty() {
        let mend = format!("hushwire cert issue operator desk --dir {dir}");
        findings.warning("certificates", "no client has one, so nobody can call the node", mend);
    }
    let authority = std::fs::read_to_string(node.local_authority()).ok().and_then(|pem| pin_of_pem(&pem));
    let revoked = node.access().revocations().load().unwrap_or_else(|error| {
        let mend = format!("hushwire cert revoke ROLE NAME --dir {dir}");
        findings.fault("certificates", error.to_string(), mend);
        RevokedCallers::default()
    });
    for folder in folders {
        match caller_of(&folder) {
            Some((role, name)) => {
                let mend = format!("hushwire cert issue {role} {name} --dir {dir} --replace");
                let Some(pem) = client(&folder, authority, &mend, findings) else { continue };
                let leaf = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok();
                let leaf = leaf.and_then(|(_, pem)| Leaf::read(&pem.contents).ok());
                let caller = LocalCaller { member: patient.config.member.clone(), role, name };
                if leaf.is_some_and(|leaf| revoked.holds(&caller, &leaf)) {
                    findings.fault("certificates", format!("{} is revoked", folder.join("cert.pem").display()), mend);
                }
            }
            None => {
                let found = format!("{} is not named ROLE-NAME: no command finds it", folder.display());
                findings.warning("certificates", found, format!("mv {} {dir}/", folder.display()));
            }
        }
    }
}

/// When this node's own certificate for its callers ended; none while it has not.
pub(super) fn server_ended(patient: &Patient<'_>) -> Option<Timestamp> {
    let content = read(&patient.config.dir.server_certificate()).ok()?;
    let (_, pem) = x509_parser::pem::parse_x509_pem(&content).ok()?;
    let until = Timestamp::from_unix_s(Leaf::read(&pem.contents).ok()?.not_after_s);
    (until <= clock::now()).then_some(until)
}

/// The caller a folder is named after.
fn caller_of(folder: &Path) -> Option<(Role, CallerName)> {
    let (role, name) = folder.file_name()?.to_str()?.split_once('-')?;
    Some((role.parse().ok()?, name.parse().ok()?))
}

/// The certificate of a client's folder, where it is readable.
fn client(folder: &Path, authority: Option<Sha256Digest>, mend: &str, findings: &mut Findings) -> Option<String> {
    let pem = check(&folder.join("cert.pem"), mend, findings)?;
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let key = folder.join("key.pem");
    if let Err(error) = std::fs::File::open(&key)
        && error.kind() == ErrorKind::PermissionDenied
    {
        findings.fault("certificates", format!("{}: {error}", key.display()), give_back(&key));
    } else if text("key.pem").and_then(|key| pin_of_key_pem(&key)) != pin_of_pem(&pem) {
        let found = format!("key.pem in {} is missing, or is not the key of cert.pem", folder.display());
        findings.fault("certificates", found, mend);
    } else if text("ca.pem").and_then(|pem| pin_of_pem(&pem)) != authority {
        let found = format!("ca.pem in {} is missing, or is not this node's authority", folder.display());
        findings.fault("certificates", found, mend);
    }
    Some(pem)
}

/// The text of a certificate that is there and readable; what is found about its life is told.
fn check(path: &Path, mend: &str, findings: &mut Findings) -> Option<String> {
    let shown = path.display();
    let content = match read(path) {
        Ok(content) => content,
        Err(error) => {
            let forbidden = error.reason.kind() == ErrorKind::PermissionDenied;
            let mend = if forbidden { give_back(path) } else { mend.to_owned() };
            findings.fault("certificates", error.to_string(), mend);
            return None;
        }
    };
    let leaf = x509_parser::pem::parse_x509_pem(&content).ok().and_then(|(_, pem)| Leaf::read(&pem.contents).ok());
    let Some(leaf) = leaf else {
        findings.fault("certificates", format!("{shown} is not a certificate"), mend);
        return None;
    };
    let now = clock::now();
    let (from, until) = (Timestamp::from_unix_s(leaf.not_before_s), Timestamp::from_unix_s(leaf.not_after_s));
    let days = until.ms_since(now) / 86_400_000;
    if now < from {
        let found = format!("{shown} begins only at {from}; this machine's clock shows {now}");
        findings.fault("certificates", found, "set the clock: timedatectl set-ntp true");
    } else if until <= now {
        findings.fault("certificates", format!("{shown} ended at {until}"), mend);
    } else if days < EARLY_DAYS {
        findings.warning("certificates", format!("{shown} ends in {days} days, at {until}"), mend);
    } else {
        findings.ok("certificates", format!("{shown} is in force for {days} days"));
    }
    String::from_utf8(content).ok()
}
