//! Keeps profiles in a journal of their own (the format is that of the journal of record, the key one derived for it): a thread
//! that writes what changed every few seconds and at a clean stop, and compacts what is superseded, expired or erased.
//!
//! A kill loses what changed since the last write, [`limits::decisions::PROFILE_WRITE_EVERY_MS`] and the time of a write: habits of a few
//! seconds, which the customers' next orders teach again. No fault here stops screening. It is told, profiles go on in memory, and
//! the store is opened again a minute later; one that is damaged is given up as far as it cannot be read, and written anew from
//! memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::base::limits;
use crate::domain::profile::key::CustomerName;
use crate::domain::profile::person::Profile;
use crate::io::clock;
use crate::io::journal::file::{FileJournal, JournalOptions};
use crate::io::journal::fs::{Fs, fault, remove_if_there};
use crate::io::journal::recover::keys_dir;
use crate::io::journal::seal::StorageKey;
use crate::io::profiles::{Profiles, batch, hold};
use crate::node::store::{Journal, Keep, RecordNumber, StorageFault};

/// Where profiles are kept.
pub struct ProfileFolder<F> {
    pub fs: F,
    pub dir: PathBuf,
    pub key: StorageKey,
}

impl<F> std::fmt::Debug for ProfileFolder<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProfileFolder").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Told when profiles cannot be kept (false), and when they can be again (true).
pub type Alarm = Box<dyn Fn(bool) + Send>;

/// What the thread is asked to do.
enum Order {
    Erase(CustomerName, oneshot::Sender<Result<bool, StorageFault>>),
    Stop,
}

/// The thread that keeps profiles.
#[derive(Debug)]
pub struct Keeper {
    orders: KeeperOrders,
    thread: JoinHandle<()>,
}

/// Asks the thread from anywhere.
#[derive(Debug, Clone)]
pub struct KeeperOrders(Sender<Order>);

impl KeeperOrders {
    /// Erases a customer from memory and disk; whether there was a profile. After a fault memory has forgotten, and the disk
    /// forgets as soon as it can.
    pub async fn erase(&self, name: CustomerName) -> Result<bool, StorageFault> {
        let (done, answer) = oneshot::channel();
        self.0.send(Order::Erase(name, done)).map_err(|_| StorageFault::Stopped)?;
        answer.await.unwrap_or(Err(StorageFault::Stopped))
    }
}

impl Keeper {
    /// Begins to read, then to keep.
    pub fn start<F: Fs>(profiles: Arc<Profiles>, folder: ProfileFolder<F>, alarm: Alarm) -> std::io::Result<Self> {
        let (orders, waiting) = channel();
        let run = move || Store::new(profiles, folder, alarm).run(&waiting);
        let thread = std::thread::Builder::new().name("hushwire-profiles".to_owned()).spawn(run)?;
        Ok(Self { orders: KeeperOrders(orders), thread })
    }

    pub fn orders(&self) -> KeeperOrders {
        self.orders.clone()
    }

    /// Has what changed written, and waits for the end until `deadline`.
    pub fn stop(self, deadline: Instant) {
        let _ended = self.orders.0.send(Order::Stop);
        while !self.thread.is_finished() {
            if deadline <= Instant::now() {
                tracing::error!(event = "profiles.unwritten", fault = "the disk does not answer in time");
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

struct Store<F: Fs> {
    profiles: Arc<Profiles>,
    folder: ProfileFolder<F>,
    alarm: Alarm,
    journal: Option<FileJournal<F>>,
    /// Whether what the journal held is in memory.
    read: bool,
    /// Whether a fault was told that is not over.
    failed: bool,
    /// Profiles the journal holds, superseded ones included.
    entries: usize,
    /// Something left memory that the journal still holds.
    gone: bool,
    /// To be erased, and not gone from the disk yet.
    erasing: Vec<CustomerName>,
    tried: Option<Instant>,
    expired: Option<u32>,
}

impl<F: Fs> Store<F> {
    fn new(profiles: Arc<Profiles>, folder: ProfileFolder<F>, alarm: Alarm) -> Self {
        Self {
            profiles,
            folder,
            alarm,
            journal: None,
            read: false,
            failed: false,
            entries: 0,
            gone: false,
            erasing: Vec::new(),
            tried: None,
            expired: None,
        }
    }

    fn run(mut self, orders: &Receiver<Order>) {
        let every = Duration::from_millis(limits::decisions::PROFILE_WRITE_EVERY_MS);
        self.keep();
        // Also where they could not be read: what is told must not wait for ever.
        self.profiles.all_read();
        let mut next = Instant::now() + every;
        loop {
            match orders.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Order::Erase(name, done)) => {
                    let _nobody_waits = done.send(self.erase(name));
                }
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    self.tried = None;
                    self.keep();
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.keep();
                    next = Instant::now() + every;
                }
            }
        }
    }

    /// One round: opens what is not open, writes what changed, forgets what is due; a fault is told once.
    fn keep(&mut self) {
        let waits = Duration::from_secs(limits::decisions::PROFILE_RETRY_S);
        if self.journal.is_none() && self.tried.is_some_and(|tried| tried.elapsed() < waits) {
            return;
        }
        let outcome = self.round();
        self.told(&outcome);
    }

    fn told(&mut self, outcome: &Result<(), StorageFault>) {
        match outcome {
            Ok(()) if self.failed => {
                tracing::info!(event = "profiles.kept_again");
                self.failed = false;
                (self.alarm)(true);
            }
            Ok(()) => {}
            Err(fault) => {
                // A journal that failed to write stays stopped: the next attempt opens it anew.
                self.journal = None;
                self.tried = Some(Instant::now());
                self.profiles.counted.failed.one();
                tracing::error!(event = "profiles.unwritten", fault = %fault, "profiles go on in memory");
                if !std::mem::replace(&mut self.failed, true) {
                    (self.alarm)(false);
                }
            }
        }
    }

    fn round(&mut self) -> Result<(), StorageFault> {
        self.open()?;
        let today = clock::now().day();
        if self.expired != Some(today.0) {
            // Once a day; what made room for others leaves the disk with it.
            self.gone |= self.profiles.expire(today) > 0 || self.expired.is_some();
            self.expired = Some(today.0);
        }
        self.write()?;
        let (customers, _) = self.profiles.held();
        if self.gone
            || !self.erasing.is_empty()
            || self.entries > 2 * customers + limits::decisions::PROFILES_PER_RECORD
        {
            self.compact()?;
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), StorageFault> {
        if self.journal.is_some() {
            return Ok(());
        }
        let since = Instant::now();
        match self.open_and_read() {
            Err(fault @ StorageFault::Damaged(_)) => {
                tracing::error!(event = "profiles.damaged", fault = %fault, "what cannot be read is given up");
                self.profiles.counted.failed.one();
                (self.alarm)(false);
                self.failed = true;
                self.remove()?;
                self.open_and_read()?;
            }
            opened => opened?,
        }
        if !std::mem::replace(&mut self.read, true) {
            let (customers, bytes) = self.profiles.held();
            let ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(event = "profiles.read", customers, bytes, ms);
        }
        Ok(())
    }

    fn open_and_read(&mut self) -> Result<(), StorageFault> {
        let options = JournalOptions { rotate_bytes: limits::decisions::PROFILE_SEGMENT_BYTES, reserve_bytes: 0 };
        let journal = FileJournal::open(self.folder.fs.clone(), &self.folder.dir, &self.folder.key, options)?;
        let retention = self.profiles.bounds().retention_days;
        let today = clock::now().day().0;
        let mut entries = 0;
        journal.replay(RecordNumber(0), &mut |number, record| {
            for (name, profile) in batch::entries(record) {
                entries += 1;
                match Profile::decode(profile) {
                    // Memory is ahead of a journal that is opened again.
                    _ if self.read => {}
                    Ok(read) if read.seen.0.saturating_add(retention) >= today => {
                        self.profiles.restore(name, profile, number);
                    }
                    // Erased, too old, or of a later version: whatever stood there before counts no more.
                    Ok(_) | Err(_) => self.profiles.remove_read(&name),
                }
            }
            Ok(())
        })?;
        for name in &self.erasing {
            self.profiles.forget(name);
        }
        self.entries = entries;
        self.journal = Some(journal);
        Ok(())
    }

    /// Removes a damaged journal, keys first; what was read of it is written anew.
    fn remove(&mut self) -> Result<(), StorageFault> {
        let ProfileFolder { fs, dir, .. } = &self.folder;
        let keys = keys_dir(dir);
        for folder in [&keys, dir] {
            for name in fs.names(folder).map_err(fault)? {
                if folder.join(&name) != keys {
                    remove_if_there(fs, &folder.join(&name)).map_err(fault)?;
                }
            }
            fs.sync_dir(folder).map_err(fault)?;
        }
        self.profiles.shards.iter().for_each(|shard| hold(shard).mark_all_dirty());
        self.read = true;
        Ok(())
    }

    fn write(&mut self) -> Result<(), StorageFault> {
        let Some(journal) = self.journal.as_mut() else { return Ok(()) };
        let mut written: Vec<(CustomerName, RecordNumber)> = Vec::new();
        let mut unsure: Vec<CustomerName> = Vec::new();
        let mut batch = Vec::new();
        let mut outcome = Ok(());
        'shards: for shard in &self.profiles.shards {
            loop {
                hold(shard).take_dirty(limits::decisions::PROFILES_PER_RECORD, &mut batch);
                if batch.is_empty() {
                    break;
                }
                let mut record = batch::begin();
                batch.iter().for_each(|(name, profile)| batch::push(&mut record, name, profile));
                unsure.extend(batch.iter().map(|(name, _)| *name));
                match journal.append(&record) {
                    Ok(number) => written.extend(batch.drain(..).map(|(name, _)| (name, number))),
                    Err(fault) => {
                        outcome = Err(fault);
                        break 'shards;
                    }
                }
            }
        }
        if outcome.is_ok() && !written.is_empty() {
            outcome = journal.sync();
        }
        if outcome.is_ok() {
            self.entries += written.len();
            // Only now: until it is durable, the record before must survive a compaction.
            written.iter().for_each(|(name, number)| hold(self.profiles.shard(name)).set_written(name, *number));
        } else {
            unsure.iter().for_each(|name| hold(self.profiles.shard(name)).mark_dirty(name));
        }
        outcome
    }

    /// Drops what is superseded, and whom memory holds no more.
    fn compact(&mut self) -> Result<(), StorageFault> {
        let Some(journal) = self.journal.as_mut() else { return Ok(()) };
        let profiles = Arc::clone(&self.profiles);
        let mut kept_entries = 0;
        journal.compact(&mut |number, record| {
            let (mut kept, mut dropped, mut any) = (batch::begin(), false, false);
            for (name, profile) in batch::entries(record) {
                if hold(profiles.shard(&name)).is_written_in(&name, number) {
                    batch::push(&mut kept, &name, profile);
                    (any, kept_entries) = (true, kept_entries + 1);
                } else {
                    dropped = true;
                }
            }
            match (any, dropped) {
                (false, _) => Keep::Dropped,
                (true, true) => Keep::Rewritten(kept),
                (true, false) => Keep::AsIs,
            }
        })?;
        self.entries = kept_entries;
        self.gone = false;
        self.erasing.clear();
        Ok(())
    }

    /// From memory at once, then from the disk: a record that says so, durable before the others are rewritten without it.
    fn erase(&mut self, name: CustomerName) -> Result<bool, StorageFault> {
        let found = self.profiles.forget(&name);
        self.erasing.push(name);
        let outcome = self.open().and_then(|()| self.strike());
        let outcome = outcome.and_then(|()| self.compact());
        self.told(&outcome);
        outcome.map(|()| found)
    }

    fn strike(&mut self) -> Result<(), StorageFault> {
        let Some(journal) = self.journal.as_mut() else { return Ok(()) };
        let mut record = batch::begin();
        self.erasing.iter().for_each(|name| batch::push(&mut record, name, &[]));
        journal.append(&record)?;
        journal.sync()
    }
}

#[cfg(test)]
mod tests;
