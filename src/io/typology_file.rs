//! The node's own list of typologies, where it has one: the file `typology.file` names, in the form of
//! [`crate::domain::indicator::typology`]. It takes the place of the list that ships, as a whole.

use std::path::{Path, PathBuf};

use crate::base::limits;
use crate::domain::indicator::typology::{TypologyError, TypologyList};
use crate::io::keystore::file::{FileError, read_at_most};

/// Why the list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TypologyFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: line {line} is not UTF-8", path.display())]
    NotText { path: PathBuf, line: usize },
    #[error("{}: {reason}", path.display())]
    List { path: PathBuf, reason: TypologyError },
}

/// The list in the file; the one that ships where none is named.
pub fn load(file: Option<&Path>) -> Result<TypologyList, TypologyFileError> {
    let Some(path) = file else { return Ok(TypologyList::built_in()) };
    let text = String::from_utf8(read_at_most(path, limits::TYPOLOGY_BYTES)?).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        TypologyFileError::NotText { path: path.to_owned(), line }
    })?;
    // Editors on some systems begin a file with a mark of its encoding.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    TypologyList::parse(text).map_err(|reason| TypologyFileError::List { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_ones_own_takes_the_place_of_the_one_that_ships_and_a_fault_names_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("own.tsv");
        let read = |content: &[u8]| {
            std::fs::write(&file, content).expect("writable");
            load(Some(&file)).map(|list| list.iter().count()).map_err(|error| error.to_string())
        };
        assert_eq!(load(None).expect("ships").iter().count(), TypologyList::built_in().iter().count());
        assert_eq!(read("\u{feff}X1\tOne\nX2\tTwo\n".as_bytes()), Ok(2));
        let check = |content: &[u8], part: &str| {
            let refused = read(content).expect_err("it is no list");
            assert!(refused.contains("own.tsv") && refused.contains(part), "{part:?} is missing in {refused:?}");
        };
        check(b"X1\tOne\nX2 Two\n", "line 2 of the typology list must be an id, a tab and a name");
        check(b"X1\tOne\nX1\tTwo\n", "line 2 of the typology list repeats an earlier id");
        check(b"# nothing\n", "the typology list is empty");
        check(b"X1\tOne\nX2\t\xFF\n", "line 2 is not UTF-8");
        check(&vec![b'#'; 2_000_000], "larger than");
        std::fs::remove_file(&file).expect("there");
        assert!(load(Some(&file)).is_err_and(|error| error.to_string().contains("own.tsv")));
    }
}
