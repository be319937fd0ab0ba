//! Certificates: there, readable, in force, and for how long.

use std::path::Path;

use crate::app::cli::doctor::{Findings, Patient};
use crate::base::time::Timestamp;
use crate::io::clock;
use crate::io::keystore::file::read;
use crate::io::transport::leaf::Leaf;

/// Days before its end from which a certificate is worth a warning: a month to find somebody who may issue one.
const EARLY_DAYS: u64 = 30;

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Findings) {
    let (node, dir) = (&patient.config.dir, patient.dir());
    let keygen = format!("hushwire member keygen --dir {dir} --consortium ID --member {}", patient.config.member);
    let peer =
        "make new keys with hushwire member keygen in a new folder, and hand the admins its card: hushwire member card";
    check(&node.local_authority(), &keygen, &keygen, findings);
    check(&node.server_certificate(), &keygen, &format!("hushwire cert server --dir {dir}"), findings);
    check(&node.peer_certificate(), &keygen, peer, findings);
    let mut clients: Vec<_> = match std::fs::read_dir(node.clients()) {
        Ok(folders) => folders.flatten().map(|folder| folder.path()).collect(),
        Err(_) => Vec::new(),
    };
    clients.sort();
    if clients.is_empty() {
        let mend = format!("hushwire cert issue operator desk --dir {dir}");
        findings.warning("certificates", "no client has one, so nobody can call the node", mend);
    }
    for folder in clients {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (role, client) = name.split_once('-').unwrap_or(("ROLE", "NAME"));
        let mend = format!("mv {0} {0}.old && hushwire cert issue {role} {client} --dir {dir}", folder.display());
        check(&folder.join("cert.pem"), &mend, &mend, findings);
    }
}

/// `missing` mends a file that is not there, `ended` one that has run out.
fn check(path: &Path, missing: &str, ended: &str, findings: &mut Findings) {
    let shown = path.display();
    let content = match read(path) {
        Ok(content) => content,
        Err(error) => return findings.fault("certificates", error.to_string(), missing),
    };
    let leaf = x509_parser::pem::parse_x509_pem(&content).ok().and_then(|(_, pem)| Leaf::read(&pem.contents).ok());
    let Some(leaf) = leaf else {
        return findings.fault("certificates", format!("{shown} is not a certificate"), missing);
    };
    let now = clock::now();
    let (from, until) = (Timestamp::from_unix_s(leaf.not_before_s), Timestamp::from_unix_s(leaf.not_after_s));
    let days = until.ms_since(now) / 86_400_000;
    if now < from {
        let found = format!("{shown} begins only at {from}; this machine's clock shows {now}");
        findings.fault("certificates", found, "set the clock: timedatectl set-ntp true");
    } else if until <= now {
        findings.fault("certificates", format!("{shown} ended at {until}"), ended);
    } else if days < EARLY_DAYS {
        findings.warning("certificates", format!("{shown} ends in {days} days, at {until}"), ended);
    } else {
        findings.ok("certificates", format!("{shown} is in force for {days} days"));
    }
}
