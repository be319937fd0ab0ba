//! The member's own policies on disk: a file is read whole, checked, and looked at again when it changes.

use std::fs::{File, OpenOptions};
use std::io::{Error, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use crate::base::bytes::Sha256Digest;
use crate::base::limits;
use crate::domain::screening::advice::AdviceTexts;
use crate::domain::screening::policy::Policy;
use crate::domain::screening::policy::fault::PolicyFaults;
use crate::io::folder::sync_name;
use crate::io::keystore::file::{FileError, read_at_most};

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: line {line} is not UTF-8", path.display())]
    NotText { path: PathBuf, line: usize },
    #[error("{}:\n{faults}", path.display())]
    Policy { path: PathBuf, text: String, faults: PolicyFaults },
}

/// What a file looks like from outside; another one where it may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Option<(u64, u64, i64, i64)>);

/// None where no file is there.
pub fn stamp(path: &Path) -> Stamp {
    Stamp(path.metadata().ok().map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec())))
}

/// The text of the file.
pub fn text(path: &Path) -> Result<String, PolicyFileError> {
    // One byte more, so that the reader of the policy says what the limit is.
    let bytes =
        read_at_most(path, u64::try_from(limits::decisions::POLICY_BYTES).unwrap_or(u64::MAX).saturating_add(1))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        PolicyFileError::NotText { path: path.to_owned(), line }
    })?;
    // Editors on some systems begin a file with a mark of its encoding.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The policy in the file; the one that ships where none is named. Its rules may only name texts for customers that there are.
pub fn load(file: Option<&Path>, guard_digest: &Sha256Digest, texts: &AdviceTexts) -> Result<Policy, PolicyFileError> {
    let Some(path) = file else { return Ok(Policy::built_in(guard_digest)) };
    parse(path, text(path)?, guard_digest, texts)
}

/// The same for who tells customers nothing: whatever texts its rules name.
pub fn load_untold(path: &Path, guard_digest: &Sha256Digest) -> Result<Policy, PolicyFileError> {
    let text = text(path)?;
    Policy::parse(&text, guard_digest).map_err(|faults| PolicyFileError::Policy { path: path.to_owned(), text, faults })
}

pub fn parse(
    path: &Path,
    text: String,
    guard_digest: &Sha256Digest,
    texts: &AdviceTexts,
) -> Result<Policy, PolicyFileError> {
    let policy = Policy::parse_for(&text, guard_digest, texts);
    policy.map_err(|faults| PolicyFileError::Policy { path: path.to_owned(), text, faults })
}

/// Puts this text in the place of a file that still looks as it did, in one step: whoever reads it reads the old or the new one.
/// Owner and permissions stay, so that the node can still read what an administrator changed. `path` is no link.
pub fn replace(path: &Path, text: &str, seen: &Stamp) -> Result<(), FileError> {
    let error = |reason| FileError { path: path.to_owned(), reason };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let written = write_beside(path, &beside, text).and_then(|()| {
        if stamp(path) == *seen {
            std::fs::rename(&beside, path)
        } else {
            Err(Error::other("changed in the meantime: look at it, then try again"))
        }
    });
    if let Err(reason) = written {
        // Best effort: the error that counts is the one before.
        let _absent = std::fs::remove_file(&beside);
        return Err(error(reason));
    }
    sync_name(path).map_err(error)
}

fn write_beside(path: &Path, beside: &Path, text: &str) -> std::io::Result<()> {
    let old = File::open(path)?.metadata()?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    let new = file.metadata()?;
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        fchown(&file, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(old.permissions())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_its_permissions_and_not_where_somebody_else_changed_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("policy.toml");
        std::fs::write(&path, "old").expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("ours");
        let seen = stamp(&path);
        replace(&path, "new", &seen).expect("replaced");
        let mode = path.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!((text(&path).expect("text").as_str(), mode), ("new", 0o640));
        let refused = replace(&path, "newer", &seen).expect_err("it was changed");
        assert!(refused.to_string().contains("in the meantime"), "{refused}");
        assert_eq!(text(&path).expect("text"), "new");
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1, "nothing else is left behind");
    }
}
