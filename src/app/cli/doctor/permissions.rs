//! Permissions: secrets are their owner's alone, and the node's user may use what it must.

use std::path::{Path, PathBuf};

use crate::app::cli::doctor::{Findings, Patient};
use crate::io::keystore::file::open_to_others;
use crate::io::permissions::{Forbidden, Use, User};

/// The command that gives a file to the owner of the folder it lies in.
pub(super) fn give_back(path: &Path) -> String {
    let folder = path.parent().unwrap_or(Path::new(".")).display();
    format!("chown --reference={folder} {}   # as root", path.display())
}

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Findings) {
    if !unusable(patient, findings) {
        secret_files(patient, findings);
    }
}

/// What the node's user may not read or write; whether there is anything.
fn unusable(patient: &Patient<'_>, findings: &mut Findings) -> bool {
    let config = patient.config;
    let user = User::of(config.dir.path());
    let mut places: Vec<(PathBuf, Use)> =
        config.dir.written().into_iter().map(|path| (path, Use::ReadAndWrite)).collect();
    let read = [config.keystore.clone(), config.guard_dir.clone(), config.dir.path().join("tls"), config.dir.clients()];
    places.extend(
        read.into_iter().chain(config.webhooks.iter().map(|hook| hook.secret.clone())).map(|path| (path, Use::Read)),
    );
    let found: Vec<Forbidden> = places.into_iter().flat_map(|(place, used)| user.forbidden(&place, used)).collect();
    let Some(first) = found.first() else { return false };
    let more = match found.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let who = match user {
        User::Caller => "you may not use".to_owned(),
        User::Other { user, .. } => format!("the owner of the node's folder (uid {user}) may not use"),
    };
    let Forbidden { path, owner, mode } = first;
    let text = format!("{who} {} (of uid {owner}, mode {mode:o}){more}", path.display());
    let mend = match user {
        User::Caller => {
            format!("chown -R --reference={0} {0}   # as root; or run this as the node's user", patient.dir())
        }
        User::Other { user, group } => format!("chown -R {user}:{group} {}", patient.dir()),
    };
    findings.fault("permissions", text, mend);
    true
}

/// Secrets are their owner's alone.
fn secret_files(patient: &Patient<'_>, findings: &mut Findings) {
    let mut paths = vec![patient.config.keystore.clone()];
    paths.extend(patient.config.webhooks.iter().map(|hook| hook.secret.clone()));
    if let Ok(folders) = std::fs::read_dir(patient.config.dir.clients()) {
        paths.extend(folders.flatten().map(|folder| folder.path().join("key.pem")));
    }
    let mut open = 0;
    for path in &paths {
        let Some(mode) = open_to_others(path) else { continue };
        open += 1;
        let found = format!("{} may be read or written by others (mode {mode:o})", path.display());
        findings.fault("permissions", found, format!("chmod 600 {}", path.display()));
    }
    if open == 0 {
        findings.ok("permissions", "keystore, client keys and secrets of webhooks are their owner's alone");
    }
}
