//! The machine: folders and their permissions, disk, clock.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::app::cli::doctor::{Clock, Findings, Patient, permissions};
use crate::base::limits::CLOCK_AHEAD_S;
use crate::base::time::Timestamp;
use crate::io::clock;
use crate::io::keystore::file::read;
use crate::io::transport::leaf::Leaf;

/// Free bytes below which a day of a busy consortium does not fit any more.
const LITTLE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Free bytes below which the node may stop at any moment.
const TOO_LITTLE_BYTES: u64 = 256 * 1024 * 1024;

/// No correct clock shows an earlier time: this program did not exist then.
const BUILT_AFTER: Timestamp = Timestamp::from_unix_s(1_793_000_000);

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Findings) -> Clock {
    let dir = &patient.config.dir;
    if !dir.path().is_dir() {
        let member = &patient.config.member;
        let mend = format!("hushwire init --member {member} --dir {}, or set dir under [node]", patient.dir());
        findings.fault("folder", format!("{} is not there", patient.dir()), mend);
        return Clock::Plausible;
    }
    permissions::examine(patient, findings);
    disk(dir.path(), findings);
    clock_of(patient, findings)
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

/// A time that has been, if the clock is right.
struct Past {
    what: &'static str,
    time: Timestamp,
}

/// A clock that is behind makes new certificates and entries look as if they came from the future.
fn clock_of(patient: &Patient<'_>, findings: &mut Findings) -> Clock {
    let dir = &patient.config.dir;
    let roster = dir.roster_files().current().ok();
    let epoch = roster.as_ref().and_then(|roster| roster.epochs().iter().map(|epoch| epoch.activates_at).min());
    let known = [
        ("the journal was written at", newest_write(&dir.journal())),
        ("the consortium's first epoch began at", epoch),
        ("tls/server.pem begins at", begins(&dir.server_certificate())),
        ("tls/peer.pem begins at", begins(&dir.peer_certificate())),
    ];
    let known = known.into_iter().filter_map(|(what, time)| Some(Past { what, time: time? }));
    compare_clock(clock::now(), known.max_by_key(|past| past.time), findings)
}

fn compare_clock(now: Timestamp, newest: Option<Past>, findings: &mut Findings) -> Clock {
    let mend = "set the clock: timedatectl set-ntp true";
    if now < BUILT_AFTER {
        findings.fault("clock", format!("it shows {now}, a time before this program was written"), mend);
        return Clock::Wrong;
    }
    match newest {
        Some(Past { what, time }) if time.ms_since(now) > CLOCK_AHEAD_S * 1000 => {
            findings.fault("clock", format!("it shows {now}, but {what} {time}"), mend);
            Clock::Wrong
        }
        _ => {
            findings.ok("clock", format!("{now}"));
            Clock::Plausible
        }
    }
}

fn begins(certificate: &Path) -> Option<Timestamp> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(&read(certificate).ok()?).ok()?;
    Some(Timestamp::from_unix_s(Leaf::read(&pem.contents).ok()?.not_before_s))
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

    fn level<T>(look: impl FnOnce(&mut Findings) -> T) -> Level {
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
        let past = |time| Past { what: "the journal was written at", time };
        let at = |now, written: Option<Timestamp>| level(|findings| compare_clock(now, written.map(past), findings));
        let now = BUILT_AFTER.plus_s(1_000_000);
        assert_eq!(at(Timestamp::from_unix_s(0), None), Level::Fault);
        assert_eq!(at(now, None), Level::Ok);
        assert_eq!(at(now, Some(now.plus_s(CLOCK_AHEAD_S))), Level::Ok);
        assert_eq!(at(now, Some(now.plus_s(CLOCK_AHEAD_S + 1))), Level::Fault);
    }
}
