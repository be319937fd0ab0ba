//! What a simulated disk holds: the files as processes see them, what of them is durable, and what a crash leaves.
//!
//! The models follow what was seen when recorded writes were replayed into power cuts: sizes that never reached the
//! disk, sectors that reached it in any order, renames that were lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::io::journal::fs::{narrow, wide};

/// Bytes that reach the disk together or not at all.
const SECTOR_BYTES: u64 = 512;

/// How the machine stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashModel {
    /// The process is killed; the operating system keeps all it was given.
    Kill,
    /// Power cut: sizes as of the last sync, but newer content within them; names as processes saw them.
    SyncedSize,
    /// Power cut: only what was synced.
    OnlySynced,
    /// Power cut: what was synced, and any part of the rest in any order, sector by sector and name by name.
    AnyOrder,
}

/// The three power cuts.
pub const POWER_CUTS: [CrashModel; 3] = [CrashModel::SyncedSize, CrashModel::OnlySynced, CrashModel::AnyOrder];

/// A name points to this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    Dir,
    File(u64),
}

/// A change of one file that is not durable yet.
#[derive(Debug, Clone)]
pub enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Size(u64),
}

/// Names change together: a rename removes one and sets another.
#[derive(Debug, Clone)]
pub struct NameChange {
    pub removed: Option<PathBuf>,
    pub set: Option<(PathBuf, Node)>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

/// All files and names, without faults: those are [`super::sim_fs`]'s.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    contents: BTreeMap<u64, Content>,
    names: BTreeMap<PathBuf, Node>,
    durable_names: BTreeMap<PathBuf, Node>,
    pending_names: Vec<NameChange>,
    next_file: u64,
}

impl Disk {
    pub fn find(&self, path: &Path) -> Option<Node> {
        if path.parent().is_none() { Some(Node::Dir) } else { self.names.get(path).copied() }
    }

    pub fn names_in(&self, dir: &Path) -> Vec<String> {
        let inside = self.names.keys().filter(|path| path.parent() == Some(dir));
        inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
    }

    pub fn new_file(&mut self, path: &Path) -> u64 {
        let file = self.next_file;
        self.next_file += 1;
        self.contents.insert(file, Content::default());
        self.rename(NameChange { removed: None, set: Some((path.to_owned(), Node::File(file))) });
        file
    }

    pub fn rename(&mut self, change: NameChange) {
        apply_name(&mut self.names, &change);
        self.pending_names.push(change);
    }

    pub fn sync_names(&mut self, dir: &Path) {
        let durable = &mut self.durable_names;
        self.pending_names.retain(|change| {
            let path = change.set.as_ref().map(|(path, _)| path).or(change.removed.as_ref());
            let here = path.and_then(|path| path.parent()) == Some(dir);
            if here {
                apply_name(durable, change);
            }
            !here
        });
    }

    pub fn bytes(&self, file: u64) -> &[u8] {
        self.contents.get(&file).map_or(&[], |content| &content.live)
    }

    pub fn change(&mut self, file: u64, change: Change) {
        let content = self.contents.entry(file).or_default();
        apply(&mut content.live, &change);
        content.pending.push(change);
    }

    pub fn sync(&mut self, file: u64) {
        let content = self.contents.entry(file).or_default();
        for change in content.pending.drain(..) {
            apply(&mut content.durable, &change);
        }
    }

    /// A failed sync as operating systems do it: processes go on seeing bytes that no later sync will write.
    pub fn fail_sync(&mut self, file: u64) {
        self.contents.entry(file).or_default().pending.clear();
    }

    /// Bytes of all files that have a name.
    pub fn used_bytes(&self) -> u64 {
        let files = self.names.values().map(|node| match node {
            Node::Dir => 0,
            Node::File(file) => wide(self.bytes(*file).len()),
        });
        files.sum()
    }

    /// What the machine finds when it is up again.
    pub fn after(&self, model: CrashModel, seed: u64) -> Self {
        if model == CrashModel::Kill {
            return self.clone();
        }
        let mut dice = Dice::new(seed);
        let mut names = self.durable_names.clone();
        for change in &self.pending_names {
            let survives = match model {
                CrashModel::Kill | CrashModel::SyncedSize => true,
                CrashModel::OnlySynced => false,
                CrashModel::AnyOrder => dice.below(2) == 0,
            };
            if survives {
                apply_name(&mut names, change);
            }
        }
        // What lay in a directory whose own name was lost is lost with it.
        let all = names.clone();
        names.retain(|path, _| {
            path.ancestors().skip(1).all(|dir| dir.parent().is_none() || all.get(dir) == Some(&Node::Dir))
        });
        let mut contents = BTreeMap::new();
        for node in names.values() {
            if let Node::File(file) = node {
                let before = self.contents.get(file).cloned().unwrap_or_default();
                let live = before.after(model, &mut dice);
                contents.insert(*file, Content { durable: live.clone(), live, pending: Vec::new() });
            }
        }
        let durable_names = names.clone();
        Self { contents, names, durable_names, pending_names: Vec::new(), next_file: self.next_file }
    }
}

impl Content {
    fn after(&self, model: CrashModel, dice: &mut Dice) -> Vec<u8> {
        match model {
            CrashModel::Kill => self.live.clone(),
            CrashModel::OnlySynced => self.durable.clone(),
            CrashModel::SyncedSize => {
                let mut out = self.durable.clone();
                let mut newest = self.durable.clone();
                self.pending.iter().for_each(|change| apply(&mut newest, change));
                let both = out.len().min(newest.len());
                out[..both].copy_from_slice(&newest[..both]);
                out
            }
            CrashModel::AnyOrder => {
                let mut out = self.durable.clone();
                for change in self.pending.iter().flat_map(sectors) {
                    if dice.below(2) == 0 {
                        apply(&mut out, &change);
                    }
                }
                out
            }
        }
    }
}

/// A write as the sectors it touches.
fn sectors(change: &Change) -> Vec<Change> {
    let Change::Write { offset, bytes } = change else {
        return vec![change.clone()];
    };
    let mut out = Vec::new();
    let (mut at, mut rest) = (*offset, bytes.as_slice());
    while !rest.is_empty() {
        let (sector, after) = rest.split_at(narrow(SECTOR_BYTES - at % SECTOR_BYTES).min(rest.len()));
        out.push(Change::Write { offset: at, bytes: sector.to_vec() });
        at += wide(sector.len());
        rest = after;
    }
    out
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Size(size) => bytes.resize(narrow(*size), 0),
        Change::Write { offset, bytes: new } => {
            let (start, end) = (narrow(*offset), narrow(*offset) + new.len());
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[start..end].copy_from_slice(new);
        }
    }
}

fn apply_name(names: &mut BTreeMap<PathBuf, Node>, change: &NameChange) {
    if let Some(path) = &change.removed {
        names.remove(path);
    }
    if let Some((path, node)) = &change.set {
        names.insert(path.clone(), *node);
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same choices for the same seed, good enough to choose sectors.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number in `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}
