//! Opens a file or standard input.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Opens `path`, or standard input for `-`.
pub fn open(path: &Path) -> std::io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a folder"));
    }
    Ok(Box::new(file))
}
