//! Canaries: values the member knows to be good (its own infrastructure, its own test customers), from a file of its own.
//!
//! One `kind,value` a line, as in `hushwire publish`; # begins a comment. Raw values are turned into pseudonyms as they are
//! read and kept nowhere. Whoever flags one is wrong or dishonest. So is whoever flags a host that members are reached at.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::base::bytes::Pseudonym;
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::domain::identifier::{CanonRules, RawIdentifier, canonicalise};
use crate::domain::pseudonym::keys::KeyRing;

/// The file cannot be used. Never says what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum CanaryFault {
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("{} has {got} bytes, the limit is {limit}", path.display())]
    TooLarge { path: PathBuf, got: u64, limit: u64 },
    #[error("{} line {line}: kind,value is expected, with a kind such as email, pan or ip", path.display())]
    Form { path: PathBuf, line: usize },
    #[error("{} line {line}: {rule}", path.display())]
    Value { path: PathBuf, line: usize, rule: String },
}

/// The pseudonyms of a canary file.
#[derive(Debug)]
pub struct Canaries {
    path: PathBuf,
    read_at: Option<SystemTime>,
    pub names: BTreeSet<Pseudonym>,
}

impl Canaries {
    pub fn load(path: &Path, rules: &CanonRules, keys: &KeyRing) -> Result<Self, CanaryFault> {
        let unreadable =
            |error: std::io::Error| CanaryFault::Unreadable { path: path.to_owned(), reason: error.to_string() };
        let (got, limit) = (std::fs::metadata(path).map_err(unreadable)?.len(), limits::brake::CANARY_BYTES);
        if got > limit {
            return Err(CanaryFault::TooLarge { path: path.to_owned(), got, limit });
        }
        // Before it is read: what changes meanwhile is read again.
        let read_at = modified(path);
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
        let names = parse(&text, path, rules, keys)?;
        Ok(Self { path: path.to_owned(), read_at, names })
    }

    /// Whether the file changed since it was looked at last.
    pub fn is_outdated(&self) -> bool {
        modified(&self.path) != self.read_at
    }

    /// Reads it again. A file that cannot be used leaves what was read before, and is looked at again once it changes.
    pub fn reload(&mut self, rules: &CanonRules, keys: &KeyRing) -> Result<(), CanaryFault> {
        self.read_at = modified(&self.path);
        *self = Self::load(&self.path, rules, keys)?;
        Ok(())
    }
}

/// The names of hosts that members are reached at, as the roster has them: addresses that are not public have none.
pub fn names_of_hosts(hosts: &BTreeSet<String>, rules: &CanonRules, keys: &KeyRing) -> BTreeSet<Pseudonym> {
    let mut names = BTreeSet::new();
    for host in hosts {
        let is_address = host.parse::<IpAddr>().is_ok();
        let kind = if is_address { IdentifierKind::Ip } else { IdentifierKind::Domain };
        let forms = canonicalise(&RawIdentifier::new(kind, host.clone()), rules).unwrap_or_default();
        names.extend(forms.iter().flat_map(|form| keys.readable().map(|epoch| epoch.pseudonym(form))));
    }
    names
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn parse(text: &str, path: &Path, rules: &CanonRules, keys: &KeyRing) -> Result<BTreeSet<Pseudonym>, CanaryFault> {
    let mut names = BTreeSet::new();
    for (line, written) in (1..).zip(text.lines()) {
        let written = written.trim();
        if written.is_empty() || written.starts_with('#') {
            continue;
        }
        let form = || CanaryFault::Form { path: path.to_owned(), line };
        let (kind, value) = written.split_once(',').ok_or_else(form)?;
        let kind = IdentifierKind::ALL.into_iter().find(|known| known.label() == kind.trim()).ok_or_else(form)?;
        let raw = RawIdentifier::new(kind, value.trim().to_owned());
        let forms = canonicalise(&raw, rules).map_err(|error| CanaryFault::Value {
            path: path.to_owned(),
            line,
            rule: error.to_string(),
        })?;
        for form in &forms {
            names.extend(keys.readable().map(|epoch| epoch.pseudonym(form)));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::epoch::KeyEpoch;
    use crate::base::secret::SecretBytes;
    use crate::domain::pseudonym::keys::{EpochKeys, EpochSecret};

    fn keys() -> KeyRing {
        let consortium = "demo.example".parse().expect("valid");
        let secret = EpochSecret::new(SecretBytes::new([1; 32]));
        KeyRing { current: EpochKeys::derive(&consortium, KeyEpoch(1), &secret), previous: None }
    }

    fn read(text: &str) -> Result<usize, String> {
        let names = parse(text, Path::new("canaries.csv"), &CanonRules::default(), &keys());
        names.map(|names| names.len()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn each_value_is_known_by_all_its_forms() {
        assert_eq!(read("# ours\nemail, Desk+a@gmail.com\n\npan,5204 7400 0990 0014\n"), Ok(3));
    }

    #[test]
    fn hosts_of_members_are_known_by_domain_or_address() {
        let names = |hosts: &[&str]| {
            let hosts: BTreeSet<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            names_of_hosts(&hosts, &CanonRules::default(), &keys()).len()
        };
        assert_eq!(names(&["node.bank-a.example"]), 2, "with the domain that is registered");
        assert_eq!(names(&["203.0.114.7", "no host"]), 1);
    }

    #[test]
    fn a_line_that_cannot_be_used_is_told_by_its_number_and_never_by_its_value() {
        let check = |text: &str, says: &str| {
            let fault = read(text).expect_err("it is wrong");
            assert!(fault.starts_with(says) && !fault.contains("5204"), "{fault}");
        };
        check("pan,5204740009900014\npan 5204740009900014", "canaries.csv line 2: kind,value is expected");
        check("card,5204740009900014", "canaries.csv line 1: kind,value is expected");
        check("pan,5204740009900015", "canaries.csv line 1: ");
    }
}
