//! How far a receiver has got in the audit log, durable in a file of its own.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::position::TreeSize;
use crate::io::keystore::file::{self, FileError, Readers, read_at_most};

const FILE_BYTES: u64 = 16 * 1024;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The first record that may still have to be told.
    pub next: u64,
    /// Events left out because too many waited, ever.
    pub dropped: u64,
    /// Of these, what the receiver has been told.
    pub told_dropped: u64,
    /// Records before `next` whose events were refused and are tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aside: Vec<StandingPlace>,
}

/// One event that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingPlace {
    /// Of its record.
    pub index: u64,
    /// When it was refused first, seconds since 1970.
    pub since_s: u64,
}

/// A file that holds no place.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{path} holds no place in the audit log; remove it to begin with what comes next")]
    NoPlace { path: String },
}

impl Place {
    /// At the end of a log of this size: what happened before is not told.
    pub fn beginning(size: TreeSize) -> Self {
        Self { next: size.0, ..Self::default() }
    }

    /// None where there is none yet.
    pub fn read(path: &Path) -> Result<Option<Self>, PlaceError> {
        // What cannot be looked at is not absent: the receiver would begin at the end, and events be lost.
        if !path.try_exists().map_err(|reason| FileError { path: path.to_owned(), reason })? {
            return Ok(None);
        }
        let text = read_at_most(path, FILE_BYTES)?;
        let place =
            serde_json::from_slice(&text).map_err(|_| PlaceError::NoPlace { path: path.display().to_string() })?;
        Ok(Some(place))
    }

    /// Durable when this returns.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let text = serde_json::to_vec(self).expect("plain numbers");
        file::write(path, &text, Readers::Owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits;

    #[test]
    fn a_place_survives_its_file_and_what_is_none_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("desk.place");
        assert_eq!(Place::read(&path).expect("nothing yet"), None);
        let refused = |index| StandingPlace { index, since_s: u64::MAX };
        for aside in [Vec::new(), vec![refused(3), refused(5)], vec![refused(u64::MAX); limits::WEBHOOK_ASIDE]] {
            let place = Place { next: 7, dropped: 3, told_dropped: 2, aside };
            place.write(&path).expect("written");
            assert_eq!(Place::read(&path).expect("readable"), Some(place));
        }
        std::fs::write(&path, r#"{"next":7,"dropped":3,"told_dropped":2}"#).expect("as written before");
        assert_eq!(Place::read(&path).expect("readable").expect("there").aside, []);
        for broken in ["", "{\"next\":7}", "{\"next\":7,\"dropped\":0,\"told_dropped\":0,\"x\":1}"] {
            std::fs::write(&path, broken).expect("written");
            assert!(Place::read(&path).is_err(), "{broken}");
        }
    }
}
