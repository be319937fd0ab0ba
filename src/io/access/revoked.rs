//! Certificates of the member's own authority that count no more before their end (RELIABILITY F20).
//!
//! A caller is revoked by role and name, up to a moment: whatever certificate it holds, copied or moved, was issued before. One
//! that is issued afterwards counts again, so that a person who lost a laptop keeps the name. `access/revoked/ROLE-NAME.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::limits;
use crate::base::name::CallerName;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::io::access::folder::{damaged, files};
use crate::io::certificate::CLOCK_DIFFERENCE_S;
use crate::io::keystore::file::{FileError, Readers, read, write};
use crate::io::transport::caller::LocalCaller;
use crate::io::transport::leaf::Leaf;

/// Callers, and the second up to which certificates issued to them are revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevokedCallers(BTreeMap<(Role, CallerName), u64>);

impl RevokedCallers {
    /// Whether this certificate, which names this caller, is revoked.
    pub fn holds(&self, caller: &LocalCaller, leaf: &Leaf) -> bool {
        let until = self.0.get(&(caller.role, caller.name.clone()));
        until.is_some_and(|until| leaf.not_before_s.saturating_add(CLOCK_DIFFERENCE_S) <= *until)
    }

    /// The first moment from `now` on at which a certificate issued to the caller counts.
    pub fn next_issue(&self, role: Role, name: &CallerName, now: Timestamp) -> Timestamp {
        let until = self.0.get(&(role, name.clone()));
        until.map_or(now, |until| now.max(Timestamp::from_unix_s(until.saturating_add(1))))
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// A revocation as it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    role: String,
    name: String,
    /// Certificates issued up to this second, Unix time, are revoked.
    issued_until_s: u64,
}

/// The folder of revocations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationFiles(PathBuf);

impl RevocationFiles {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Revokes every certificate issued to the caller up to `now`; up to when it is revoked then.
    pub fn revoke(&self, role: Role, name: &CallerName, now: Timestamp) -> Result<Timestamp, FileError> {
        std::fs::create_dir_all(&self.0).map_err(|reason| FileError { path: self.0.clone(), reason })?;
        let path = self.0.join(format!("{role}-{name}.json"));
        let others = files(&self.0)?.into_iter().filter(|other| *other != path).count();
        if others >= limits::ACCESS_FILES {
            // One more, and a running node could follow none of them.
            let rule = "holds as many revocations as a node follows: remove those whose last certificate has ended";
            return Err(damaged(&self.0, rule));
        }
        // Never back, where the clock went back, and beyond what was issued in the second of the revocation before.
        let stored = read(&path).ok().and_then(|text| serde_json::from_slice::<Stored>(&text).ok());
        let issued_until_s = stored.map_or(0, |stored| stored.issued_until_s.saturating_add(1)).max(now.unix_s());
        let stored = Stored { role: role.to_string(), name: name.to_string(), issued_until_s };
        let text = serde_json::to_vec_pretty(&stored).expect("plain values");
        write(&path, &text, Readers::Owner)?;
        Ok(Timestamp::from_unix_s(issued_until_s))
    }

    /// All of them. One that cannot be read fails the whole: who was revoked must not be let in because a file is damaged.
    pub fn load(&self) -> Result<RevokedCallers, FileError> {
        let mut revoked = BTreeMap::new();
        for path in files(&self.0)? {
            let stored: Stored = serde_json::from_slice(&read(&path)?)
                .map_err(|_| damaged(&path, "is no revocation: write it again with hushwire cert revoke ROLE NAME"))?;
            let named = stored.role.parse().ok().zip(stored.name.parse().ok());
            let caller = named.ok_or_else(|| damaged(&path, "names no role or no caller"))?;
            // A copy under another name takes nothing back.
            let until = revoked.entry(caller).or_insert(stored.issued_until_s);
            *until = stored.issued_until_s.max(*until);
        }
        Ok(RevokedCallers(revoked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Sha256Digest;
    use crate::io::access::folder::AccessFolder;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_305_600);

    fn leaf(issued: Timestamp) -> Leaf {
        let not_before_s = issued.unix_s() - CLOCK_DIFFERENCE_S;
        Leaf { spki: Sha256Digest([0; 32]), not_before_s, not_after_s: u64::MAX, uris: Vec::new() }
    }

    #[test]
    fn what_was_issued_before_counts_no_more_and_what_comes_after_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let access = AccessFolder::new(folder.path().to_owned());
        let before = access.stamp().expect("readable");
        assert_eq!(access.revocations().load().expect("none").count(), 0);
        let ann: CallerName = "ann".parse().expect("valid");
        access.revocations().revoke(Role::Operator, &ann, NOW).expect("written");
        assert_ne!(access.stamp().expect("readable"), before);
        let revoked = access.revocations().load().expect("readable");
        let check = |uri: &str, issued: Timestamp, expected: bool| {
            let caller = LocalCaller::from_uri(uri).expect("valid");
            assert_eq!(revoked.holds(&caller, &leaf(issued)), expected, "{uri} {issued}");
        };
        check("hushwire://bank-a/operator/ann", Timestamp::from_unix_s(NOW.unix_s() - 1), true);
        check("hushwire://bank-a/operator/ann", NOW, true);
        check("hushwire://bank-a/operator/ann", NOW.plus_s(1), false);
        check("hushwire://bank-a/auditor/ann", NOW, false);
        check("hushwire://bank-a/operator/bob", NOW, false);
        let next = revoked.next_issue(Role::Operator, &ann, NOW);
        check("hushwire://bank-a/operator/ann", next, false);
        assert_eq!(revoked.next_issue(Role::Auditor, &ann, NOW), NOW);
        // Revoked again in the same second, or by a clock that went back: what was issued between is out too.
        for again in [NOW, Timestamp::from_unix_s(NOW.unix_s() - 60)] {
            let revocations = access.revocations();
            let issued = revocations.load().expect("readable").next_issue(Role::Operator, &ann, again);
            revocations.revoke(Role::Operator, &ann, again).expect("written");
            let caller = LocalCaller::from_uri("hushwire://bank-a/operator/ann").expect("valid");
            assert!(revocations.load().expect("readable").holds(&caller, &leaf(issued)), "{again}");
        }
    }

    #[test]
    fn a_revocation_that_no_node_would_follow_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let revocations = AccessFolder::new(folder.path().to_owned()).revocations();
        let name = |number: usize| format!("c{number}").parse::<CallerName>().expect("valid");
        for number in 0..limits::ACCESS_FILES {
            std::fs::create_dir_all(folder.path().join("revoked")).expect("made");
            std::fs::write(folder.path().join(format!("revoked/screener-c{number}.json")), "{}").expect("written");
        }
        let refused = revocations.revoke(Role::Screener, &name(limits::ACCESS_FILES), NOW);
        assert!(refused.expect_err("one too many").to_string().contains("as many revocations"));
        revocations.revoke(Role::Screener, &name(0), NOW).expect("one that stands there already");
    }

    #[test]
    fn a_damaged_revocation_is_no_acquittal() {
        for content in [
            "",
            "{}",
            r#"{"role":"king","name":"ann","issued_until_s":1}"#,
            r#"{"role":"operator","name":"Ann","issued_until_s":1}"#,
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::create_dir(folder.path().join("revoked")).expect("made");
            std::fs::write(folder.path().join("revoked/operator-ann.json"), content).expect("written");
            let loaded = AccessFolder::new(folder.path().to_owned()).revocations().load();
            let said = loaded.expect_err("not what is written").to_string();
            assert!(said.contains("operator-ann.json"), "{said}");
        }
    }
}
