//! The folder in which a file's name stands: where it is, and how a name in it becomes durable.

use std::fs::File;
use std::path::Path;

/// The folder of `path`; the working folder where it is a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the name of `path` durable, or that it is gone.
pub fn sync_name(path: &Path) -> std::io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_stands_in_the_working_folder() {
        for (path, folder) in [("a", "."), ("a/b", "a"), ("./a", "."), ("/a", "/"), ("/a/b/", "/a"), ("/", ".")] {
            assert_eq!(folder_of(Path::new(path)), Path::new(folder), "{path}");
        }
    }
}
