//! The machine: folders and their permissions, disk, clock.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::app::cli::doctor::{Findings, Patient};
use crate::base::limits::CLOCK_AHEAD_S;
use crate::base::time::Timestamp;
use crate::io::clock;
use crate::io::keystore::file::open_to_others;

/// Free bytes below which a day of a busy consortium does not fit any more.
const LITTLE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Free bytes below which the node may stop at any moment.
const TOO_LITTLE_BYTES: u64 = 256 * 1024 * 1024;

/// No correct clock shows an earlier time: this program did not exist then.
const BUILT_AFTER: Timestamp = Timestamp::from_unix_s(1_793_000_000);

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Findings) {
    let dir = &patient.config.dir;
    if !dir.path().is_dir() {
        let member = &patient.config.member;
        let mend = format!("hushwire init --member {member} --dir {}, or set dir under [node]", patient.dir());
        findings.fault("folder", format!("{} is not there", patient.dir()), mend);
        return;
    }
    secret_files(patient, findings);
    disk(dir.path(), findings);
    clock_of(patient, findings);
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

fn disk(path: &Path, findings: &mut Findings) {
    match rustix::fs::statvfs(path) {
        Ok(disk) => {
            room(disk.f_bavail.saturating_mul(disk.f_frsize), path, findings);
        }
        Err(error) => findings.warning("disk", format!("free space is unknown: {error}"), "look with df -h"),
    }
    let probe = path.join(format!(".doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, b"probe");
    // The probe is ours; where it was not written there is nothing to remove.
    let _gone = std::fs::remove_file(&probe);
    if let Err(error) = written {
        let mend = format!("give the user that runs the node write access: chown -R USER {}", path.display());
        findings.fault("disk", format!("{} cannot be written: {error}", path.display()), mend);
    }
}

fn room(free: u64, path: &Path, findings: &mut Findings) {
    let found = format!("{} MB free under {}", free / 1_000_000, path.display());
    let mend = "make room, or move the node's folder to a larger disk and set dir under [node]";
    if free < TOO_LITTLE_BYTES {
        findings.fault("disk", found, mend);
    } else if free < LITTLE_BYTES {
        findings.warning("disk", found, mend);
    } else {
        findings.ok("disk", found);
    }
}

/// A clock that is behind makes new certificates and entries look as if they came from the future.
fn clock_of(patient: &Patient<'_>, findings: &mut Findings) {
    compare_clock(clock::now(), newest_write(&patient.config.dir.journal()), findings);
}

fn compare_clock(now: Timestamp, written: Option<Timestamp>, findings: &mut Findings) {
    let mend = "set the clock: timedatectl set-ntp true";
    if now < BUILT_AFTER {
        findings.fault("clock", format!("it shows {now}, a time before this program was written"), mend);
        return;
    }
    match written {
        Some(written) if written.ms_since(now) > CLOCK_AHEAD_S * 1000 => {
            findings.fault("clock", format!("it shows {now}, but the journal was written at {written}"), mend);
        }
        _ => findings.ok("clock", format!("{now}")),
    }
}

fn newest_write(folder: &Path) -> Option<Timestamp> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let newest = entries.filter_map(|entry| entry.metadata().ok()?.modified().ok()).max()?;
    unix(newest)
}

fn unix(time: SystemTime) -> Option<Timestamp> {
    Some(Timestamp::from_unix_s(time.duration_since(UNIX_EPOCH).ok()?.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::cli::doctor::Level;

    fn level(look: impl FnOnce(&mut Findings)) -> Level {
        let mut findings = Findings::default();
        look(&mut findings);
        findings.0.first().expect("something is found").level
    }

    #[test]
    fn a_disk_that_fills_is_told_before_the_node_stops() {
        let at = |free| level(|findings| room(free, Path::new("node"), findings));
        assert_eq!((at(LITTLE_BYTES), at(LITTLE_BYTES - 1)), (Level::Ok, Level::Warning));
        assert_eq!((at(TOO_LITTLE_BYTES), at(TOO_LITTLE_BYTES - 1)), (Level::Warning, Level::Fault));
    }

    #[test]
    fn a_clock_before_this_program_or_behind_the_journal_is_wrong() {
        let at = |now, written| level(|findings| compare_clock(now, written, findings));
        let now = BUILT_AFTER.plus_s(1_000_000);
        assert_eq!(at(Timestamp::from_unix_s(0), None), Level::Fault);
        assert_eq!(at(now, None), Level::Ok);
        assert_eq!(at(now, Some(now.plus_s(CLOCK_AHEAD_S))), Level::Ok);
        assert_eq!(at(now, Some(now.plus_s(CLOCK_AHEAD_S + 1))), Level::Fault);
    }
}
