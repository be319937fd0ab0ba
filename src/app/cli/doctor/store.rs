//! The store of a node that does not run: every record of the journal, as a start would find it.
//!
//! A running node checks its own store, at its start and from then on in the background.

use crate::app::cli::doctor::{Findings, Patient};
use crate::app::output::counted;
use crate::base::limits::CLOCK_AHEAD_S;
use crate::domain::roster::verified::Roster;
use crate::io::backup::check::begin;
use crate::io::backup::format::BackupError;
use crate::io::clock;
use crate::io::journal::copy::cut;
use crate::io::journal::file::is_open;
use crate::io::journal::real_fs::RealFs;
use crate::io::keystore::store::Keystore;
use crate::node::inspect::Inspected;
use crate::node::store::StorageFault;

pub(super) fn examine(
    patient: &Patient<'_>,
    keystore: Option<&Keystore>,
    roster: Option<&Roster>,
    findings: &mut Findings,
) {
    let journal = patient.config.dir.journal();
    if !journal.is_dir() {
        return findings.ok("store", "there is none yet; the first start makes it");
    }
    match is_open(&RealFs, &journal) {
        Ok(false) => {}
        Ok(true) => {
            return findings.ok("store", "a running node has it open and checks it by itself; not looked at here");
        }
        Err(fault) => return unusable(patient, &fault, findings),
    }
    let (Some(keystore), Some(roster)) = (keystore, roster) else {
        return findings.ok("store", "not looked at: that needs the opened keystore and the roster");
    };
    match inspect(patient, keystore, roster) {
        Ok((records, inspected)) if inspected.written_at.ms_since(clock::now()) > CLOCK_AHEAD_S * 1000 => {
            let found = format!(
                "it shows {}, but the last of {} was written at {}",
                clock::now(),
                counted(records, "record", "records"),
                inspected.written_at
            );
            let mend =
                "set the clock: timedatectl set-ntp true; where the clock is right, see line 4 of docs/runbook.md";
            findings.fault("clock", found, mend);
        }
        Ok((records, inspected)) => {
            let records = counted(records, "record", "records");
            let found = format!("{records}, all as they were written, the last at {}", inspected.written_at);
            findings.ok("store", found);
        }
        Err(BackupError::Journal(fault)) => unusable(patient, &fault, findings),
        Err(fault) => findings.fault("store", fault.to_string(), "see line 6 of docs/runbook.md"),
    }
}

/// Nothing is changed; belief is built as at a start and takes as much memory.
fn inspect(patient: &Patient<'_>, keystore: &Keystore, roster: &Roster) -> Result<(u64, Inspected), BackupError> {
    let (mut check, mut inspection) = begin(keystore, roster.clone())?;
    for segment in cut(&RealFs, &patient.config.dir.journal(), &keystore.keys.storage)? {
        let content = segment.read()?;
        let mut visit = |number, record: &[u8]| inspection.take(number, record);
        check.take(segment.name, &segment.key_file, content, &mut visit)?;
    }
    let records = check.end().0;
    Ok((records, inspection.finish()?))
}

fn unusable(patient: &Patient<'_>, fault: &StorageFault, findings: &mut Findings) {
    let file = patient.file.display();
    let mend = match fault {
        StorageFault::Damaged(_) | StorageFault::NoRecord(_) | StorageFault::TooLarge { .. } => format!(
            "restore the folder journal from a backup, all of it, or start without it: hushwire serve --recover --config {file}"
        ),
        StorageFault::WrongKey => "put keystore and journal back that belong together".to_owned(),
        StorageFault::UnknownVersion { .. } => "start the newer program that wrote it".to_owned(),
        StorageFault::RosterBehind { .. } | StorageFault::OtherRoster { .. } => {
            format!("hushwire member roster --dir {} shows which version the files end with", patient.dir())
        }
        StorageFault::InUse => "run hushwire doctor again".to_owned(),
        StorageFault::ClockBehind { .. } => "set the clock: timedatectl set-ntp true".to_owned(),
        StorageFault::Full | StorageFault::Stopped | StorageFault::Views(_) | StorageFault::Os(_) => {
            "mend what permissions and disk say above, then run hushwire doctor again".to_owned()
        }
    };
    findings.fault("store", fault.to_string(), mend);
}
