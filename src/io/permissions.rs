//! Whether the user that runs a node may use its files. Whoever looks as root is told what the owner of the folder may: root
//! may everything, and a file that root left there stops the node, not root.
//!
//! For the owner of the folder only the permission bits are read; access lists beside them are not.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::geteuid;

/// Folders below each other that are followed: a node's own are three deep.
const DEPTH: usize = 5;

/// As whom files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// Who runs this program.
    Caller,
    /// Another one, by the numbers of user and group.
    Other { user: u32, group: u32 },
}

/// What a node does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Read,
    ReadAndWrite,
}

/// A file, or a folder, that may not be used as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    pub path: PathBuf,
    pub owner: u32,
    pub mode: u32,
}

impl User {
    /// The user a node in this folder runs as.
    pub fn of(folder: &Path) -> Self {
        match std::fs::metadata(folder) {
            Ok(held) if geteuid().is_root() => Self::Other { user: held.uid(), group: held.gid() },
            _ => Self::Caller,
        }
    }

    /// What of a place, and of all below it, may not be used; what is not there is no trouble.
    pub fn forbidden(self, place: &Path, used: Use) -> Vec<Forbidden> {
        let mut found = Vec::new();
        self.look(place, used, DEPTH, &mut found);
        found
    }

    fn look(self, place: &Path, used: Use, depth: usize, found: &mut Vec<Forbidden>) {
        let Ok(held) = std::fs::metadata(place) else { return };
        if !self.may(place, &held, used) {
            found.push(Forbidden { path: place.to_owned(), owner: held.uid(), mode: held.mode() & 0o7777 });
            return;
        }
        let entries = (held.is_dir() && depth > 0).then(|| std::fs::read_dir(place).ok()).flatten();
        let mut paths: Vec<PathBuf> = entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().for_each(|path| self.look(path, used, depth - 1, found));
    }

    fn may(self, place: &Path, held: &Metadata, used: Use) -> bool {
        match self {
            Self::Caller => {
                let folder = if held.is_dir() { Access::EXEC_OK } else { Access::empty() };
                let asked = match used {
                    Use::Read => Access::READ_OK,
                    Use::ReadAndWrite => Access::READ_OK | Access::WRITE_OK,
                };
                access(place, asked | folder).is_ok()
            }
            Self::Other { user, group } => {
                let owner = (held.uid() == user, held.gid() == group);
                permits(held.mode(), user, owner, needed(held.is_dir(), used))
            }
        }
    }
}

/// The bits that must stand for whoever asks.
const fn needed(is_dir: bool, used: Use) -> u32 {
    let read = if is_dir { 0o5 } else { 0o4 };
    match used {
        Use::Read => read,
        Use::ReadAndWrite => read | 0o2,
    }
}

/// The first of owner, group and others that a user belongs to decides.
const fn permits(mode: u32, user: u32, (is_owner, is_group): (bool, bool), needed: u32) -> bool {
    let shift = if is_owner {
        6
    } else if is_group {
        3
    } else {
        0
    };
    user == 0 || (mode >> shift) & needed == needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_owner_group_and_others_decides() {
        let check = |mode, owner, used, expected| {
            assert_eq!(permits(mode, 1_000, owner, needed(false, used)), expected, "{mode:o} {owner:?} {used:?}");
        };
        check(0o600, (true, true), Use::ReadAndWrite, true);
        check(0o600, (false, true), Use::Read, false);
        check(0o640, (false, true), Use::Read, true);
        check(0o640, (false, true), Use::ReadAndWrite, false);
        check(0o644, (false, false), Use::Read, true);
        check(0o066, (true, false), Use::Read, false);
        assert!(permits(0, 0, (false, false), needed(false, Use::ReadAndWrite)), "root may everything");
        assert!(!permits(0o600, 1_000, (true, false), needed(true, Use::Read)), "a folder is searched");
    }
}
