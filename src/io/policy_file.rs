//! The member's own policies on disk: a file is read whole, checked, and looked at again when it changes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::base::bytes::Sha256Digest;
use crate::base::limits;
use crate::domain::screening::policy::Policy;
use crate::domain::screening::policy::fault::PolicyFaults;
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

/// The policy in the file; the one that ships where none is named.
pub fn load(file: Option<&Path>, guard_digest: &Sha256Digest) -> Result<Policy, PolicyFileError> {
    let Some(path) = file else { return Ok(Policy::built_in(guard_digest)) };
    parse(path, text(path)?, guard_digest)
}

pub fn parse(path: &Path, text: String, guard_digest: &Sha256Digest) -> Result<Policy, PolicyFileError> {
    Policy::parse(&text, guard_digest).map_err(|faults| PolicyFileError::Policy { path: path.to_owned(), text, faults })
}
