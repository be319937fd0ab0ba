//! What the faults of keys, certificates and rosters mean on the command line: a message, a hint, an exit code.

use std::ffi::OsStr;
use std::io::ErrorKind;

use crate::app::outcome::CliError;
use crate::domain::note::NoteError;
use crate::domain::note::key::KeyError;
use crate::domain::roster::error::RosterError;
use crate::io::backup::format::BackupError;
use crate::io::certificate::CertificateError;
use crate::io::key_bundle::BundleError;
use crate::io::keystore::file::FileError;
use crate::io::keystore::keys::EpochKeysError;
use crate::io::keystore::passphrase::{PassphraseError, PassphraseSource, VARIABLE};
use crate::io::keystore::sealed::SealError;
use crate::io::keystore::store::KeystoreError;
use crate::io::keystore::stream::StreamError;
use crate::io::roster_files::RosterFilesError;

impl From<RosterError> for CliError {
    fn from(fault: RosterError) -> Self {
        let hint = match &fault {
            RosterError::TooFewSignatures { .. } => {
                Some("let another admin run: hushwire member sign FILE --admin KEYFILE")
            }
            RosterError::GenesisHash { .. } => {
                Some("ask the other members for the genesis hash again, by voice, and do not go on while it differs")
            }
            RosterError::VersionGap { .. } => {
                Some("give the versions between too; every member has them: rosters/N.note in its node's folder")
            }
            RosterError::FeedKeysChanged(_) => {
                Some("make the card again in the node's own folder, with the newest roster applied there")
            }
            RosterError::Expired(_) => Some("an admin prepares a renewal: hushwire member propose --renew-days 365"),
            _ => None,
        };
        let error = Self::not_verified(fault.to_string());
        hint.map_or(error, |hint| CliError::not_verified(fault.to_string()).hint(hint))
    }
}

impl From<NoteError> for CliError {
    fn from(fault: NoteError) -> Self {
        Self::not_verified(fault.to_string())
    }
}

impl From<BundleError> for CliError {
    fn from(fault: BundleError) -> Self {
        match fault {
            BundleError::Roster(fault) => fault.into(),
            other => Self::not_verified(other.to_string()),
        }
    }
}

impl From<RosterFilesError> for CliError {
    fn from(fault: RosterFilesError) -> Self {
        match fault {
            RosterFilesError::Roster(fault) => fault.into(),
            RosterFilesError::NoRoster => Self::failed(fault.to_string())
                .hint("join one: hushwire member join INVITATION --genesis HASH, or found one: hushwire member genesis --help"),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<KeystoreError> for CliError {
    fn from(fault: KeystoreError) -> Self {
        let error = Self::failed(fault.to_string());
        match fault {
            KeystoreError::Seal(SealError::WrongPassphrase) => {
                error.hint("check --passphrase and HUSHWIRE_PASSPHRASE; a lost passphrase cannot be recovered")
            }
            KeystoreError::Seal(SealError::NotSealed) => error.hint("restore the file from a backup"),
            KeystoreError::Content { .. } => error
                .hint("a node's keystore.age and the key of an admin, which hushwire key admin makes, are two things"),
            KeystoreError::File(FileError { path, reason })
                if reason.kind() == ErrorKind::NotFound && path.file_name() == Some(OsStr::new("keystore.age")) =>
            {
                error.hint("--dir names the folder of a node; hushwire init or hushwire member keygen makes one")
            }
            _ => error,
        }
    }
}

impl From<BackupError> for CliError {
    fn from(fault: BackupError) -> Self {
        let message = fault.to_string();
        match fault {
            BackupError::Sealed(StreamError::NeedsIdentity | StreamError::OtherIdentity) => {
                Self::usage(message).hint("--identity KEYFILE names the private key of a recipient")
            }
            BackupError::Sealed(StreamError::Seal(SealError::WrongPassphrase)) => {
                Self::failed(message).hint("it is the passphrase the keystore had when the backup was made")
            }
            BackupError::Keystore(fault) => CliError { message, ..fault.into() },
            BackupError::Roster(fault) => CliError { message, ..fault.into() },
            BackupError::OtherMember { .. } => Self::usage(message).hint("take the backup of this member"),
            BackupError::Output(error) if error.kind() == ErrorKind::BrokenPipe => Self::pipe_closed(),
            BackupError::Output(_) | BackupError::File { .. } | BackupError::Changed(_) | BackupError::Missing(_) => {
                Self::failed(message)
            }
            BackupError::Sealed(StreamError::Seal(_))
            | BackupError::Broken(_)
            | BackupError::Format(_)
            | BackupError::Mixed { .. }
            | BackupError::Journal(_) => Self::not_verified(message)
                .hint("nothing was put in place; take an earlier backup, or fetch this one again"),
        }
    }
}

impl From<PassphraseError> for CliError {
    fn from(fault: PassphraseError) -> Self {
        let hint = match fault {
            PassphraseError::Empty => format!("{VARIABLE} that is set and empty counts: unset it to be asked"),
            _ => format!("--passphrase takes {}", PassphraseSource::FORMS),
        };
        Self::usage(fault.to_string()).hint(hint)
    }
}

impl From<FileError> for CliError {
    fn from(fault: FileError) -> Self {
        Self::failed(fault.to_string())
    }
}

impl From<CertificateError> for CliError {
    fn from(fault: CertificateError) -> Self {
        Self::failed(fault.to_string())
    }
}

impl From<KeyError> for CliError {
    fn from(fault: KeyError) -> Self {
        Self::failed(fault.to_string())
    }
}

impl From<EpochKeysError> for CliError {
    fn from(fault: EpochKeysError) -> Self {
        Self::failed(fault.to_string()).hint("hushwire member apply FILE takes the key bundle another member sent")
    }
}
