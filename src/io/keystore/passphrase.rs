//! Where a passphrase comes from.
//!
//! Precedence, the first that is given counts: the source named on the command line (`--passphrase SOURCE`), the source named
//! in the configuration, the environment variable `HUSHWIRE_PASSPHRASE`, a prompt where there is a terminal. Naming `prompt`
//! is naming none. A source that is named but cannot be read is an error, never a reason to try the next one.
//!
//! A file descriptor or a systemd credential is best: an environment can be read by other processes of the same user.

use std::fmt;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use age::secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::io::keystore::process::{CoreDumpError, forbid_core_dumps};

/// The environment variable that is asked where no source is named.
pub const VARIABLE: &str = "HUSHWIRE_PASSPHRASE";
/// Fewest characters of a passphrase for a new file. Every guess costs an attacker a scrypt of 256 MiB.
pub const MIN_CHARACTERS: usize = 12;
/// Most bytes of a passphrase.
const MAX_BYTES: usize = 1024;

/// A passphrase. Closed: wiped on drop, never shown.
#[derive(Clone)]
pub struct Passphrase(SecretString);

/// A named source. The passphrase itself never stands in a command line or a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassphraseSource {
    /// Ask on the terminal, unless `HUSHWIRE_PASSPHRASE` is set.
    Prompt,
    /// First line of a file, e.g. a mounted secret.
    File(PathBuf),
    /// A systemd credential: a file of this name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// An environment variable.
    Variable(String),
    /// An inherited file descriptor.
    Descriptor(i32),
}

/// Why there is no passphrase. No variant holds any of its characters.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    #[error("a passphrase source is {}", PassphraseSource::FORMS)]
    Form,
    #[error("no passphrase: name a source, set {VARIABLE}, or run on a terminal to be asked")]
    NoSource,
    #[error("the passphrase cannot be read from {place}: {reason}")]
    Unreadable { place: String, reason: std::io::Error },
    #[error("the environment variable {0} is not set, or is not text")]
    NoVariable(String),
    #[error("there is no systemd credential: CREDENTIALS_DIRECTORY is not set")]
    NoCredentials,
    #[error("the passphrase is empty")]
    Empty,
    #[error("the passphrase is longer than 1024 bytes or is not one line of text")]
    NotALine,
    #[error("a new passphrase has at least {MIN_CHARACTERS} characters")]
    TooShort,
    #[error("the two passphrases differ")]
    Mismatch,
    #[error(transparent)]
    CoreDump(#[from] CoreDumpError),
}

impl PassphraseSource {
    /// Whether it needs nobody at the terminal.
    pub fn is_unattended(&self) -> bool {
        *self != Self::Prompt || std::env::var_os(VARIABLE).is_some()
    }

    /// For messages and help: what may be written.
    pub const FORMS: &'static str =
        "prompt, file:PATH, credential:NAME, env:NAME or fd:NUMBER (never the passphrase itself)";
}

impl FromStr for PassphraseSource {
    type Err = PassphraseError;

    /// The text is not repeated in the error: it may be the passphrase.
    fn from_str(text: &str) -> Result<Self, PassphraseError> {
        if text == "prompt" {
            return Ok(Self::Prompt);
        }
        let (form, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).ok_or(PassphraseError::Form)?;
        match form {
            "file" => Ok(Self::File(rest.into())),
            "credential" if !rest.contains('/') => Ok(Self::Credential(rest.to_owned())),
            "env" => Ok(Self::Variable(rest.to_owned())),
            "fd" => rest.parse().ok().filter(|fd| *fd >= 0).map(Self::Descriptor).ok_or(PassphraseError::Form),
            _ => Err(PassphraseError::Form),
        }
    }
}

/// As [`FromStr`] reads it.
impl fmt::Display for PassphraseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prompt => f.write_str("prompt"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Credential(name) => write!(f, "credential:{name}"),
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::Descriptor(number) => write!(f, "fd:{number}"),
        }
    }
}

impl Passphrase {
    /// A passphrase somebody else has made and keeps safe.
    pub fn new(text: &str) -> Result<Self, PassphraseError> {
        if text.is_empty() {
            return Err(PassphraseError::Empty);
        }
        if text.len() > MAX_BYTES || text.contains(['\n', '\r', '\0']) {
            return Err(PassphraseError::NotALine);
        }
        Ok(Self(SecretString::from(text.to_owned())))
    }

    /// The passphrase of an existing file.
    pub fn obtain(source: Option<&PassphraseSource>) -> Result<Self, PassphraseError> {
        read_guarded(source, "Passphrase: ")
    }

    /// The passphrase of a file about to be made: long enough, and asked twice where it is typed.
    pub fn obtain_new(source: Option<&PassphraseSource>) -> Result<Self, PassphraseError> {
        let chosen = read_guarded(source, &format!("New passphrase, at least {MIN_CHARACTERS} characters: "))?;
        if chosen.0.expose_secret().chars().count() < MIN_CHARACTERS {
            return Err(PassphraseError::TooShort);
        }
        let typed = matches!(resolve(source)?, PassphraseSource::Prompt);
        if typed && prompt("The same again: ")?.0.expose_secret() != chosen.0.expose_secret() {
            return Err(PassphraseError::Mismatch);
        }
        Ok(chosen)
    }

    /// The passphrase of an existing file and the one it is to be sealed under from now on.
    pub fn obtain_change(
        source: Option<&PassphraseSource>,
        new: &PassphraseSource,
    ) -> Result<(Self, Self), PassphraseError> {
        Ok((read_guarded(source, "Present passphrase: ")?, Self::obtain_new(Some(new))?))
    }

    /// Read by [`crate::io::keystore::sealed`] alone.
    pub(super) fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Core dumps are off before the secret is read.
fn read_guarded(source: Option<&PassphraseSource>, question: &str) -> Result<Passphrase, PassphraseError> {
    forbid_core_dumps()?;
    read(&resolve(source)?, question)
}

fn resolve(source: Option<&PassphraseSource>) -> Result<PassphraseSource, PassphraseError> {
    match source {
        Some(source) if *source != PassphraseSource::Prompt => Ok(source.clone()),
        _ if std::env::var_os(VARIABLE).is_some() => Ok(PassphraseSource::Variable(VARIABLE.to_owned())),
        _ if std::io::stdin().is_terminal() => Ok(PassphraseSource::Prompt),
        _ => Err(PassphraseError::NoSource),
    }
}

fn read(source: &PassphraseSource, question: &str) -> Result<Passphrase, PassphraseError> {
    match source {
        PassphraseSource::Prompt => prompt(question),
        PassphraseSource::File(path) => read_line(path, &format!("file {}", path.display())),
        PassphraseSource::Credential(name) => {
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or(PassphraseError::NoCredentials)?;
            read_line(&Path::new(&folder).join(name), &format!("credential {name}"))
        }
        PassphraseSource::Variable(name) => {
            let text = std::env::var(name).map(Zeroizing::new);
            Passphrase::new(&text.map_err(|_| PassphraseError::NoVariable(name.clone()))?)
        }
        PassphraseSource::Descriptor(0) => line_of(std::io::stdin().lock(), "standard input"),
        PassphraseSource::Descriptor(number) => {
            // Opened by name: taking over a raw descriptor would need unsafe code. So the process must itself be allowed to
            // open what is behind it; standard input is read as it is.
            read_line(Path::new(&format!("/dev/fd/{number}")), &format!("file descriptor {number}"))
        }
    }
}

fn prompt(question: &str) -> Result<Passphrase, PassphraseError> {
    let unreadable = |reason| PassphraseError::Unreadable { place: "the terminal".to_owned(), reason };
    let typed = Zeroizing::new(rpassword::prompt_password(question).map_err(unreadable)?);
    Passphrase::new(&typed)
}

fn read_line(path: &Path, place: &str) -> Result<Passphrase, PassphraseError> {
    let file = File::open(path);
    line_of(file.map_err(|reason| PassphraseError::Unreadable { place: place.to_owned(), reason })?, place)
}

/// The whole content without one newline at its end; several lines are refused rather than cut.
fn line_of(source: impl Read, place: &str) -> Result<Passphrase, PassphraseError> {
    let unreadable = |reason| PassphraseError::Unreadable { place: place.to_owned(), reason };
    // Room for all that may come, so that no copy is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * MAX_BYTES));
    let limit = u64::try_from(MAX_BYTES + 2).expect("a small constant");
    source.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| PassphraseError::NotALine)?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    Passphrase::new(line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    use super::*;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(content).expect("written");
        file
    }

    fn read_from(content: &[u8]) -> Result<String, PassphraseError> {
        let file = file(content);
        let source = PassphraseSource::File(file.path().to_owned());
        read(&source, "").map(|passphrase| passphrase.0.expose_secret().to_owned())
    }

    #[test]
    fn one_newline_at_the_end_is_no_part_of_it() {
        assert_eq!(read_from(b"correct horse\n").expect("a line"), "correct horse");
        assert_eq!(read_from(b"correct horse").expect("a line"), "correct horse");
        assert_eq!(read_from(b"correct horse \r\n").expect("a line"), "correct horse ");
    }

    #[test]
    fn what_is_not_one_line_is_refused() {
        assert!(matches!(read_from(b""), Err(PassphraseError::Empty)));
        assert!(matches!(read_from(b"\n"), Err(PassphraseError::Empty)));
        assert!(matches!(read_from(b"one\ntwo\n"), Err(PassphraseError::NotALine)));
        assert!(matches!(read_from(b"\xff\n"), Err(PassphraseError::NotALine)));
        assert!(matches!(read_from(&[b'x'; 1025]), Err(PassphraseError::NotALine)));
    }

    #[test]
    fn a_descriptor_is_read() {
        let mut opened = file(b"from a descriptor\n");
        std::io::Seek::rewind(opened.as_file_mut()).expect("a file");
        let line = read_line(Path::new(&format!("/dev/fd/{}", opened.as_raw_fd())), "").expect("readable");
        assert_eq!(line.0.expose_secret(), "from a descriptor");
    }

    #[test]
    fn a_source_has_its_form_and_is_never_repeated() {
        let parsed = |text: &str| text.parse::<PassphraseSource>();
        assert_eq!(parsed("fd:3").ok(), Some(PassphraseSource::Descriptor(3)));
        assert_eq!(parsed("file:/run/secret").ok(), Some(PassphraseSource::File("/run/secret".into())));
        assert_eq!(parsed("credential:hushwire").ok(), Some(PassphraseSource::Credential("hushwire".to_owned())));
        assert_eq!(parsed("prompt").ok(), Some(PassphraseSource::Prompt));
        for text in ["hunter2", "fd:-1", "fd:x", "file:", "credential:../x", "pass:hunter2"] {
            let refused = parsed(text).expect_err("no source");
            assert!(!refused.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_named_source_that_fails_is_an_error() {
        let missing = PassphraseSource::File("/nonexistent/passphrase".into());
        assert!(matches!(Passphrase::obtain(Some(&missing)), Err(PassphraseError::Unreadable { .. })));
        let unset = PassphraseSource::Variable("HUSHWIRE_NO_SUCH_VARIABLE".to_owned());
        assert!(matches!(Passphrase::obtain(Some(&unset)), Err(PassphraseError::NoVariable(_))));
    }

    #[test]
    fn a_new_passphrase_is_long_enough() {
        let short = file(b"eleven char\n");
        let source = PassphraseSource::File(short.path().to_owned());
        assert!(matches!(Passphrase::obtain_new(Some(&source)), Err(PassphraseError::TooShort)));
    }

    #[test]
    fn a_passphrase_is_not_shown() {
        assert_eq!(format!("{:?}", Passphrase::new("correct horse").expect("a line")), "Passphrase(…)");
    }
}
