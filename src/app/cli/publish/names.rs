//! The file of names: line, kind and name of everything published, which is what `hushwire retract` takes.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::app::outcome::CliError;
use crate::app::records::words;
use crate::io::grpc::wire::hushwire::local::v1 as local;

/// See the module's documentation.
#[derive(Debug)]
pub struct NamesFile {
    path: PathBuf,
    out: std::io::BufWriter<std::fs::File>,
}

impl NamesFile {
    pub fn create(path: &Path) -> Result<Self, CliError> {
        Self::begin(path, std::fs::File::create(path))
    }

    /// Adds to what stands there.
    pub fn append(path: &Path) -> Result<Self, CliError> {
        Self::begin(path, std::fs::File::options().append(true).create(true).open(path))
    }

    fn begin(path: &Path, file: std::io::Result<std::fs::File>) -> Result<Self, CliError> {
        let length = file.and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = length.map_err(|error| unwritable(path, &error))?;
        let mut names = Self { path: path.to_owned(), out: std::io::BufWriter::new(file) };
        if length == 0 {
            names.line("line,kind,name,weak")?;
        }
        Ok(names)
    }

    pub fn add(&mut self, line: u64, published: &local::PublishedIndicator) -> Result<(), CliError> {
        let kind = words::kind_label(published.kind);
        self.line(&format!("{line},{kind},{},{}", published.name, published.weak))
    }

    fn line(&mut self, text: &str) -> Result<(), CliError> {
        writeln!(self.out, "{text}").map_err(|error| unwritable(&self.path, &error))
    }

    pub fn finish(&mut self) -> Result<(), CliError> {
        let written = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        written.map_err(|error| unwritable(&self.path, &error))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed(format!("{} cannot be written: {error}", path.display()))
}
