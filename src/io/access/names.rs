//! The names of tokens that were ever given, one a line: `access/token-names`.
//!
//! The audit log knows a token by its name, for longer than its file is kept: a name that stood for one system must not come to
//! stand for another because the first one's file was removed.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::base::limits;
use crate::io::access::folder::damaged;
use crate::io::keystore::file::{FileError, read_at_most};

/// The file of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenNames(PathBuf);

impl GivenNames {
    pub(super) fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// Gives a name, durably, or refuses it. `older` are names of tokens that may stand in no line yet.
    pub fn give(&self, name: &str, older: &[String]) -> Result<(), FileError> {
        let error = |reason| FileError { path: self.0.clone(), reason };
        let content = match read_at_most(&self.0, limits::TOKEN_NAMES_BYTES) {
            Ok(content) => content,
            Err(absent) if absent.reason.kind() == ErrorKind::NotFound => Vec::new(),
            Err(fault) => return Err(fault),
        };
        let content = String::from_utf8(content).map_err(|_| damaged(&self.0, "is no list of names"))?;
        let given: BTreeSet<&str> = content.lines().collect();
        if given.contains(name) || older.iter().any(|older| older == name) {
            let rule =
                format!("the name {name} was given before, and the audit log tells tokens apart by it: take another");
            return Err(error(std::io::Error::new(ErrorKind::AlreadyExists, rule)));
        }
        // A line that a crash cut off stays as it is, and stands for nothing.
        let mut lines = if content.is_empty() || content.ends_with('\n') { String::new() } else { "\n".to_owned() };
        for name in older.iter().map(String::as_str).filter(|older| !given.contains(older)).chain([name]) {
            lines.push_str(name);
            lines.push('\n');
        }
        // Added behind, not put in place of the file: of two commands at once none takes back what the other gave.
        let added = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0).and_then(|mut file| {
            file.write_all(lines.as_bytes())?;
            file.sync_all()
        });
        added.map_err(error)?;
        let folder = self.0.parent().expect("it stands in a node's folder");
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_once_whatever_became_of_its_token() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = GivenNames::new(folder.path().join("token-names"));
        names.give("shop", &["older".to_owned()]).expect("the first");
        for taken in ["shop", "older"] {
            let refused = names.give(taken, &[]).expect_err("given before").to_string();
            assert!(refused.contains("was given before"), "{refused}");
        }
        // A part of a line is no name, and hides none.
        let file = folder.path().join("token-names");
        std::fs::write(&file, "older\nshop\nche").expect("written");
        names.give("checkout", &[]).expect("another");
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "older\nshop\nche\ncheckout\n");
        std::fs::write(&file, "x\n".repeat(usize::try_from(limits::TOKEN_NAMES_BYTES / 2).expect("small") + 1))
            .expect("written");
        names.give("more", &[]).expect_err("more names than are kept");
    }
}
