//! Notes of what commands did beside the node, for its audit log: `commands/ID.json` in its folder, until the node has them.
//!
//! A note is written in one step and holds no secret. Whoever may write into the folder could leave one that is not true, or
//! remove one before the node takes it: that is whoever could also take the keystore away.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::bytes::Sha256Digest;
use crate::base::epoch::KeyEpoch;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::command::{Command, CommandDone, CommandId, OwnCertificate, RotationStep};
use crate::io::keystore::file::{FileError, Readers, create, read};
use crate::io::{clock, random};

/// A note as it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    uid: u32,
    time_ms: u64,
    did: Did,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Did {
    IssueCertificate { role: String, name: String, days: u32 },
    RevokeCertificate { role: String, name: String },
    RenewCertificate { which: String, pin: String },
    IssueToken { role: String, name: String, expires_s: u64 },
    RevokeToken { name: String },
    MakeBackup { sha256: String },
    Restore { made_at_ms: u64 },
    SnoozeRule { rule: String, until_s: u64, sha256: String },
    WakeRule { rule: String, sha256: String },
    MakeNode { genesis: String },
    MakeKeys { pin: String },
    Join { genesis: String },
    PutRoster { version: u64, sha256: String },
    PutEpoch { epoch: u32 },
    ForgetEpoch { epoch: u32 },
    RotateKey { key: String, step: String, fingerprint: String },
    ResealKeystore {},
}

impl Did {
    fn of(command: &Command) -> Self {
        match command {
            Command::CertificateIssued { role, name, days } => {
                Self::IssueCertificate { role: role.to_string(), name: name.to_string(), days: *days }
            }
            Command::CertificateRevoked { role, name } => {
                Self::RevokeCertificate { role: role.to_string(), name: name.to_string() }
            }
            Command::CertificateRenewed { which, pin } => {
                Self::RenewCertificate { which: which.name().to_owned(), pin: pin.to_string() }
            }
            Command::TokenIssued { role, name, expires } => {
                Self::IssueToken { role: role.to_string(), name: name.to_string(), expires_s: expires.unix_s() }
            }
            Command::TokenRevoked { name } => Self::RevokeToken { name: name.to_string() },
            Command::BackupMade { sha256 } => Self::MakeBackup { sha256: sha256.to_string() },
            Command::BackupRestored { made_at } => Self::Restore { made_at_ms: made_at.unix_ms() },
            Command::RuleSnoozed { rule, until, sha256 } => {
                Self::SnoozeRule { rule: rule.to_string(), until_s: until.unix_s(), sha256: sha256.to_string() }
            }
            Command::NodeMade { genesis } => Self::MakeNode { genesis: genesis.to_string() },
            Command::KeysMade { pin } => Self::MakeKeys { pin: pin.to_string() },
            Command::Joined { genesis } => Self::Join { genesis: genesis.to_string() },
            Command::RosterPut { version, sha256 } => Self::PutRoster { version: *version, sha256: sha256.to_string() },
            Command::EpochPut { epoch } => Self::PutEpoch { epoch: epoch.0 },
            Command::EpochForgotten { epoch } => Self::ForgetEpoch { epoch: epoch.0 },
            Command::KeyRotated { key, step, fingerprint } => Self::RotateKey {
                key: key.to_string(),
                step: step.action().to_owned(),
                fingerprint: fingerprint.to_string(),
            },
            Command::KeystoreResealed => Self::ResealKeystore {},
            Command::RuleWoken { rule, sha256 } => {
                Self::WakeRule { rule: rule.to_string(), sha256: sha256.to_string() }
            }
        }
    }

    fn read(self) -> Option<Command> {
        Some(match self {
            Self::IssueCertificate { role, name, days } => {
                Command::CertificateIssued { role: role.parse().ok()?, name: name.parse().ok()?, days }
            }
            Self::RevokeCertificate { role, name } => {
                Command::CertificateRevoked { role: role.parse().ok()?, name: name.parse().ok()? }
            }
            Self::RenewCertificate { which, pin } => Command::CertificateRenewed {
                which: OwnCertificate::ALL.into_iter().find(|own| own.name() == which)?,
                pin: digest(&pin)?,
            },
            Self::IssueToken { role, name, expires_s } => Command::TokenIssued {
                role: role.parse().ok()?,
                name: name.parse().ok()?,
                expires: Timestamp::from_unix_s(expires_s),
            },
            Self::RevokeToken { name } => Command::TokenRevoked { name: name.parse().ok()? },
            Self::MakeBackup { sha256 } => Command::BackupMade { sha256: digest(&sha256)? },
            Self::SnoozeRule { rule, until_s, sha256 } => Command::RuleSnoozed {
                rule: rule.parse().ok()?,
                until: Timestamp::from_unix_s(until_s),
                sha256: digest(&sha256)?,
            },
            Self::MakeNode { genesis } => Command::NodeMade { genesis: digest(&genesis)? },
            Self::MakeKeys { pin } => Command::KeysMade { pin: digest(&pin)? },
            Self::Join { genesis } => Command::Joined { genesis: digest(&genesis)? },
            Self::PutRoster { version, sha256 } => Command::RosterPut { version, sha256: digest(&sha256)? },
            Self::PutEpoch { epoch } => Command::EpochPut { epoch: KeyEpoch(epoch) },
            Self::ForgetEpoch { epoch } => Command::EpochForgotten { epoch: KeyEpoch(epoch) },
            Self::RotateKey { key, step, fingerprint } => Command::KeyRotated {
                key: key.parse().ok()?,
                step: RotationStep::ALL.into_iter().find(|known| known.action() == step)?,
                fingerprint: digest(&fingerprint)?,
            },
            Self::ResealKeystore {} => Command::KeystoreResealed,
            Self::WakeRule { rule, sha256 } => {
                Command::RuleWoken { rule: rule.parse().ok()?, sha256: digest(&sha256)? }
            }
            Self::Restore { made_at_ms } => Command::BackupRestored { made_at: Timestamp::from_unix_ms(made_at_ms) },
        })
    }
}

fn digest(text: &str) -> Option<Sha256Digest> {
    Some(Sha256Digest(hex::decode(text).ok()?.try_into().ok()?))
}

/// The folder of notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFiles(PathBuf);

/// What the folder holds.
#[derive(Debug, Default)]
pub struct Notes {
    /// By time.
    pub done: Vec<CommandDone>,
    /// Files that are no notes, or cannot be read: as those of another user, who should have run the command as the node's.
    pub damaged: Vec<PathBuf>,
}

impl CommandFiles {
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Makes the folder, so that it belongs to the node and not to whoever runs the first command.
    pub fn prepare(&self) -> Result<(), FileError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|reason| FileError { path: self.0.clone(), reason })
    }

    /// Leaves a note, durably.
    pub fn leave(&self, command: &Command) -> Result<(), FileError> {
        if self.files()?.len() >= limits::COMMAND_NOTES {
            let rule = "holds as many notes for the audit log as a node takes: start the node, which takes them";
            return Err(FileError { path: self.0.clone(), reason: std::io::Error::other(rule) });
        }
        let stored =
            Stored { uid: rustix::process::getuid().as_raw(), time_ms: clock::now().unix_ms(), did: Did::of(command) };
        let text = serde_json::to_vec_pretty(&stored).expect("plain values");
        self.prepare()?;
        create(&self.path(CommandId(random::bytes())), &text, Readers::Owner)
    }

    /// What was left.
    pub fn read(&self) -> Result<Notes, FileError> {
        let mut notes = Notes::default();
        for path in self.files()? {
            match note(&path) {
                Some(done) => notes.done.push(done),
                None if path.exists() => notes.damaged.push(path),
                // Removed by an earlier look that was still under way.
                None => {}
            }
        }
        notes.done.sort_by_key(|done| (done.time, done.id));
        Ok(notes)
    }

    /// Takes a note away, once it is in the log.
    pub fn remove(&self, id: CommandId) -> Result<(), FileError> {
        let path = self.path(id);
        match std::fs::remove_file(&path) {
            Err(reason) if reason.kind() != ErrorKind::NotFound => Err(FileError { path, reason }),
            _ => Ok(()),
        }
    }

    fn path(&self, id: CommandId) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    /// Whole notes: those being written have another ending.
    fn files(&self) -> Result<Vec<PathBuf>, FileError> {
        let fault = |reason| FileError { path: self.0.clone(), reason };
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(absent) if absent.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(reason) => return Err(fault(reason)),
        };
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(fault)?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        // Nobody leaves more than these; whatever they are, memory is bounded.
        paths.truncate(limits::COMMAND_NOTES);
        Ok(paths)
    }
}

/// The note in a file; none where it is not what this program writes.
fn note(path: &Path) -> Option<CommandDone> {
    let id = CommandId::parse(path.file_stem()?.to_str()?)?;
    let Stored { uid, time_ms, did } = serde_json::from_slice(&read(path).ok()?).ok()?;
    Some(CommandDone { id, uid, time: Timestamp::from_unix_ms(time_ms), command: did.read()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::role::Role;
    use crate::base::rotated_key::RotatedKey;

    #[test]
    fn a_note_is_read_as_it_was_left_until_it_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = CommandFiles::new(folder.path().join("commands"));
        assert!(files.read().expect("none").done.is_empty());
        let (role, name) = (Role::Screener, "shop".parse().expect("valid"));
        let time = Timestamp::from_unix_s(1_795_305_600);
        let commands = [
            Command::CertificateIssued { role, name, days: 90 },
            Command::CertificateRevoked { role, name: "shop".parse().expect("valid") },
            Command::CertificateRenewed { which: OwnCertificate::Server, pin: Sha256Digest([8; 32]) },
            Command::TokenIssued { role, name: "token.shop".parse().expect("valid"), expires: time },
            Command::TokenRevoked { name: "token.shop".parse().expect("valid") },
            Command::BackupMade { sha256: Sha256Digest([7; 32]) },
            Command::BackupRestored { made_at: time },
            Command::RuleSnoozed {
                rule: "two_members".parse().expect("a word"),
                until: time,
                sha256: Sha256Digest([6; 32]),
            },
            Command::NodeMade { genesis: Sha256Digest([4; 32]) },
            Command::KeysMade { pin: Sha256Digest([3; 32]) },
            Command::Joined { genesis: Sha256Digest([2; 32]) },
            Command::RosterPut { version: 2, sha256: Sha256Digest([1; 32]) },
            Command::EpochPut { epoch: KeyEpoch(2) },
            Command::EpochForgotten { epoch: KeyEpoch(1) },
            Command::KeyRotated {
                key: RotatedKey::PeerTls,
                step: RotationStep::Finished,
                fingerprint: Sha256Digest([9; 32]),
            },
            Command::KeystoreResealed,
            Command::RuleWoken { rule: "two_members".parse().expect("a word"), sha256: Sha256Digest([5; 32]) },
        ];
        for command in &commands {
            files.leave(command).expect("left");
        }
        let done = files.read().expect("readable").done;
        assert!(done.is_sorted_by_key(|done| done.time));
        assert_eq!(done.len(), commands.len());
        for command in &commands {
            assert!(done.iter().any(|done| done.command == *command), "{command:?}");
        }
        for done in done {
            files.remove(done.id).expect("removed");
            files.remove(done.id).expect("gone already");
        }
        assert!(files.read().expect("readable").done.is_empty());
    }

    #[test]
    fn what_is_no_note_is_told_and_holds_up_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = CommandFiles::new(folder.path().to_owned());
        let whole = r#"{"uid":1,"time_ms":2,"did":{"revoke_token":{"name":"token.shop"}}}"#;
        let good = format!("{}.json", "0".repeat(32));
        for (name, content) in [
            ("note.json", whole),
            (good.replace('0', "1").as_str(), "{}"),
            (good.replace('0', "2").as_str(), &whole.replace("token.shop", "+44 20 7946 0018")),
            (good.replace('0', "3").as_str(), &whole.replace("revoke_token", "praise")),
            (good.replace('0', "4").as_str(), &whole.replace(r#"{"name""#, r#"{"token":"x","name""#)),
            (good.as_str(), whole),
        ] {
            std::fs::write(folder.path().join(name), content).expect("written");
        }
        let notes = files.read().expect("readable");
        assert_eq!((notes.done.len(), notes.damaged.len()), (1, 5), "{notes:?}");
    }

    #[test]
    fn more_notes_than_a_node_takes_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..limits::COMMAND_NOTES {
            std::fs::write(folder.path().join(format!("{number}.json")), "{}").expect("written");
        }
        let files = CommandFiles::new(folder.path().to_owned());
        let refused = files.leave(&Command::BackupMade { sha256: Sha256Digest([7; 32]) });
        assert!(refused.expect_err("full").to_string().contains("start the node"));
    }
}
