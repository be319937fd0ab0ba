//! A new journal out of what can be read of a damaged one.

use std::path::Path;

use crate::base::bytes::Incarnation;
use crate::base::time::Timestamp;
use crate::domain::roster::verified::Roster;
use crate::domain::statistics::budget::Epsilon;
use crate::io::journal::file::{FileJournal, JournalOptions};
use crate::io::journal::fs::Fs;
use crate::io::journal::salvage::read_what_is_left;
use crate::io::journal::seal::StorageKey;
use crate::io::random;
use crate::node::identity::Identity;
use crate::node::salvage::{Rescued, Salvage, Survey};
use crate::node::store::{Journal, StorageFault};

/// Whose journal it is.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    pub identity: &'a Identity,
    pub roster: &'a Roster,
    pub quarter_cap: Epsilon,
}

/// Writes into `to`, where nothing is yet, a journal with what `from` still holds. When it returns the new one is durable;
/// the damaged one is as it was.
pub fn rescue<F: Fs>(
    fs: &F,
    (from, to): (&Path, &Path),
    key: &StorageKey,
    options: JournalOptions,
    owner: Owner<'_>,
    now: Timestamp,
) -> Result<Rescued, StorageFault> {
    let Owner { identity, roster, quarter_cap } = owner;
    let mut survey = Survey::default();
    read_what_is_left(fs, from, key, &mut |_, record| {
        survey.take(identity, record);
        Ok(())
    })?;
    let mut salvage = Salvage::new(survey, quarter_cap);
    let mut journal = FileJournal::open(fs.clone(), to, key, options)?;
    let incarnation = Incarnation(random::bytes());
    journal.append(&Salvage::first(identity, roster, incarnation, now).to_bytes())?;
    let breaks = read_what_is_left(fs, from, key, &mut |_, record| match salvage.take(record) {
        Some(commit) => journal.append(&commit.to_bytes()).map(drop),
        None => Ok(()),
    })?;
    let (rescued, last) = salvage.end(breaks, now);
    if !last.changes.is_empty() {
        journal.append(&last.to_bytes())?;
    }
    journal.sync()?;
    Ok(rescued)
}
