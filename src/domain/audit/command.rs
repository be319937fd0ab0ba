//! What a command did beside the node, on its machine: whom it let in or shut out, which keys, rosters and rules it changed, and which
//! copies it made.
//!
//! The node does not see it happen. The command leaves a note, and the node writes it into its audit log, once: a note has an
//! identity, and the record carries it. How notes are kept is `io`'s.

use std::fmt;

use crate::base::bytes::Sha256Digest;
use crate::base::epoch::KeyEpoch;
use crate::base::name::CallerName;
use crate::base::role::Role;
use crate::base::rotated_key::RotatedKey;
use crate::base::time::Timestamp;
use crate::domain::audit::record::AuditRecord;
use crate::domain::screening::policy::word::Word;

/// Identity of a note, drawn by the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId(pub [u8; 16]);

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl CommandId {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self(hex::decode(text).ok()?.try_into().ok()?);
        (id.to_string() == text).then_some(id)
    }

    /// The note a record of the audit log was made from, if it was made from one.
    pub fn of_record(record: &AuditRecord) -> Option<Self> {
        if !ACTIONS.contains(&record.action()) {
            return None;
        }
        record.fields().find(|(name, _)| *name == ID_FIELD).and_then(|(_, value)| Self::parse(value))
    }
}

/// The field of a record that holds the identity of its note.
const ID_FIELD: &str = "command_id";

/// The action of each kind of note.
const ACTIONS: [&str; 19] = [
    "cert.issued",
    "cert.revoked",
    "cert.renewed",
    "token.issued",
    "token.revoked",
    "backup.made",
    "backup.restored",
    "rule.snoozed",
    "rule.woken",
    "node.made",
    "keys.made",
    "consortium.joined",
    "roster.put",
    "epoch.put",
    "epoch.forgotten",
    "key.prepared",
    "key.finished",
    "key.abandoned",
    "keystore.resealed",
];

/// A certificate of the node itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnCertificate {
    Server,
    Peer,
    Authority,
}

impl OwnCertificate {
    pub const ALL: [Self; 3] = [Self::Server, Self::Peer, Self::Authority];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Peer => "peer",
            Self::Authority => "authority",
        }
    }
}

/// What was done. Names and roles only: neither certificate nor token is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    CertificateIssued {
        role: Role,
        name: CallerName,
        days: u32,
    },
    CertificateRevoked {
        role: Role,
        name: CallerName,
    },
    CertificateRenewed {
        which: OwnCertificate,
        pin: Sha256Digest,
    },
    TokenIssued {
        role: Role,
        name: CallerName,
        expires: Timestamp,
    },
    TokenRevoked {
        name: CallerName,
    },
    BackupMade {
        sha256: Sha256Digest,
    },
    BackupRestored {
        made_at: Timestamp,
    },
    /// Digest of the file with it asleep. Why stands in that file, which the journal keeps.
    RuleSnoozed {
        rule: Word,
        until: Timestamp,
        sha256: Sha256Digest,
    },
    /// Digest of the file with it awake.
    RuleWoken {
        rule: Word,
        sha256: Sha256Digest,
    },
    /// Folder, keys and a consortium of its own.
    NodeMade {
        genesis: Sha256Digest,
    },
    /// Of a node that is to join a consortium; the pin is that of its peer certificate.
    KeysMade {
        pin: Sha256Digest,
    },
    Joined {
        genesis: Sha256Digest,
    },
    /// Into the folder of rosters, from where a running node takes it.
    RosterPut {
        version: u64,
        sha256: Sha256Digest,
    },
    /// The secret of an epoch, into the keystore.
    EpochPut {
        epoch: KeyEpoch,
    },
    EpochForgotten {
        epoch: KeyEpoch,
    },
    KeyRotated {
        key: RotatedKey,
        step: RotationStep,
        fingerprint: Sha256Digest,
    },
    KeystoreResealed,
}

/// What became of the key that is to take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationStep {
    /// It lies beside the one in use.
    Prepared,
    /// It took over, and the former one is destroyed.
    Finished,
    /// It is destroyed.
    Abandoned,
}

impl RotationStep {
    pub const ALL: [Self; 3] = [Self::Prepared, Self::Finished, Self::Abandoned];

    pub const fn action(self) -> &'static str {
        match self {
            Self::Prepared => "key.prepared",
            Self::Finished => "key.finished",
            Self::Abandoned => "key.abandoned",
        }
    }
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandDone {
    pub id: CommandId,
    /// User of the machine who ran it, as far as the machine knows.
    pub uid: u32,
    pub time: Timestamp,
    pub command: Command,
}

impl CommandDone {
    /// Action, subject and fields of its record.
    pub(in crate::domain::audit) fn words(&self) -> (&'static str, String, Vec<(&'static str, String)>) {
        let mut fields = vec![(ID_FIELD, self.id.to_string()), ("command_time", self.time.to_string())];
        let (action, subject) = match &self.command {
            Command::CertificateIssued { role, name, days } => {
                fields.push(("days", days.to_string()));
                ("cert.issued", format!("{role}/{name}"))
            }
            Command::CertificateRevoked { role, name } => ("cert.revoked", format!("{role}/{name}")),
            Command::CertificateRenewed { which, pin } => {
                fields.push(("pin", pin.to_string()));
                ("cert.renewed", which.name().to_owned())
            }
            Command::TokenIssued { role, name, expires } => {
                fields.push(("expires", expires.to_string()));
                ("token.issued", format!("{role}/{name}"))
            }
            Command::TokenRevoked { name } => ("token.revoked", name.to_string()),
            Command::BackupMade { sha256 } => {
                fields.push(("sha256", sha256.to_string()));
                ("backup.made", String::new())
            }
            Command::BackupRestored { made_at } => {
                fields.push(("made_at", made_at.to_string()));
                ("backup.restored", String::new())
            }
            Command::RuleSnoozed { rule, until, sha256 } => {
                fields.extend([("sha256", sha256.to_string()), ("until", until.to_string())]);
                ("rule.snoozed", rule.to_string())
            }
            Command::RuleWoken { rule, sha256 } => {
                fields.push(("sha256", sha256.to_string()));
                ("rule.woken", rule.to_string())
            }
            Command::NodeMade { genesis } => {
                fields.push(("genesis_sha256", genesis.to_string()));
                ("node.made", String::new())
            }
            Command::KeysMade { pin } => {
                fields.push(("pin", pin.to_string()));
                ("keys.made", String::new())
            }
            Command::Joined { genesis } => {
                fields.push(("genesis_sha256", genesis.to_string()));
                ("consortium.joined", String::new())
            }
            Command::RosterPut { version, sha256 } => {
                fields.push(("sha256", sha256.to_string()));
                ("roster.put", version.to_string())
            }
            Command::EpochPut { epoch } => ("epoch.put", epoch.to_string()),
            Command::EpochForgotten { epoch } => ("epoch.forgotten", epoch.to_string()),
            Command::KeyRotated { key, step, fingerprint } => {
                fields.push(("fingerprint", fingerprint.to_string()));
                (step.action(), key.to_string())
            }
            Command::KeystoreResealed => ("keystore.resealed", String::new()),
        };
        (action, subject, fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::event::AuditEvent;
    use crate::domain::audit::record::Actor;

    const DIGEST: Sha256Digest = Sha256Digest([7; 32]);
    const TIME: Timestamp = Timestamp::from_unix_s(1_795_305_600);

    fn name(text: &str) -> CallerName {
        text.parse().expect("valid")
    }

    #[test]
    fn a_record_says_what_was_done_by_whom_and_from_which_note() {
        let (role, rule) = (Role::Screener, || "two_members".parse().expect("a word"));
        let rotated = |step| Command::KeyRotated { key: RotatedKey::Feed, step, fingerprint: DIGEST };
        let mut actions = Vec::new();
        for (command, subject) in [
            (Command::CertificateIssued { role, name: name("shop"), days: 90 }, "screener/shop"),
            (Command::CertificateRevoked { role, name: name("shop") }, "screener/shop"),
            (Command::CertificateRenewed { which: OwnCertificate::Peer, pin: DIGEST }, "peer"),
            (Command::TokenIssued { role, name: name("token.shop"), expires: TIME }, "screener/token.shop"),
            (Command::TokenRevoked { name: name("token.shop") }, "token.shop"),
            (Command::BackupMade { sha256: DIGEST }, ""),
            (Command::BackupRestored { made_at: TIME }, ""),
            (Command::RuleSnoozed { rule: rule(), until: TIME, sha256: DIGEST }, "two_members"),
            (Command::RuleWoken { rule: rule(), sha256: DIGEST }, "two_members"),
            (Command::NodeMade { genesis: DIGEST }, ""),
            (Command::KeysMade { pin: DIGEST }, ""),
            (Command::Joined { genesis: DIGEST }, ""),
            (Command::RosterPut { version: 3, sha256: DIGEST }, "3"),
            (Command::EpochPut { epoch: KeyEpoch(2) }, "2"),
            (Command::EpochForgotten { epoch: KeyEpoch(1) }, "1"),
            (rotated(RotationStep::Prepared), "feed"),
            (rotated(RotationStep::Finished), "feed"),
            (rotated(RotationStep::Abandoned), "feed"),
            (Command::KeystoreResealed, ""),
        ] {
            let done = CommandDone { id: CommandId([0xAB; 16]), uid: 1_000, time: TIME, command };
            let record =
                AuditEvent::CommandDone(done.clone()).into_record(TIME.plus_s(1), &Actor::Machine { uid: done.uid });
            assert_eq!((record.actor(), record.subject()), ("MACHINE/uid-1000", subject));
            assert_eq!(AuditRecord::decode(&record.encode()), Ok(record.clone()));
            assert_eq!(CommandId::of_record(&record), Some(done.id));
            actions.push(record.action().to_owned());
        }
        assert_eq!(actions, ACTIONS, "every action leads back to its note");
        let other = AuditEvent::NodeStopped.into_record(TIME, &Actor::Node);
        assert_eq!(CommandId::of_record(&other), None);
    }

    #[test]
    fn an_identity_has_one_text() {
        let id = CommandId([0xAB; 16]);
        assert_eq!(CommandId::parse(&id.to_string()), Some(id));
        for text in ["", "ab", &"AB".repeat(16), &"ab".repeat(17), "zz"] {
            assert_eq!(CommandId::parse(text), None, "{text:?}");
        }
    }
}
