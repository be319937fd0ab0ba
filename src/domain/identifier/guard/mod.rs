//! Guard lists: which identifiers are shared by so many innocents that a warning about them would hurt more than help.
//!
//! Two grades. *Reject*: never published, never matched (private networks, public resolvers, test cards, reserved phone
//! numbers, empty devices …). *Weak*: shared by many (exits of VPNs, postal addresses …): may inform, may never block by
//! itself. What ships lies in `deploy/guard`, made by a script from primary registries; larger lists are imported.
//! Every list is versioned and hashed, and the digest of all of them stands in the record of each decision.

pub mod index;
pub mod list;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::base::bytes::Sha256Digest;
use crate::base::kind::IdentifierKind;
use crate::domain::identifier::{CanonicalIdentifier, guard_import, sandbox};
use index::GuardIndex;
use list::{GuardList, ListGrade, ListHeader};

/// The lists that ship, one file each.
const BUILT_IN: [&str; 8] = [
    include_str!("../../../../deploy/guard/special_purpose_networks.txt"),
    include_str!("../../../../deploy/guard/public_resolvers.txt"),
    include_str!("../../../../deploy/guard/special_use_names.txt"),
    include_str!("../../../../deploy/guard/documentation_names.txt"),
    include_str!("../../../../deploy/guard/mail_providers.txt"),
    include_str!("../../../../deploy/guard/reserved_phones.txt"),
    include_str!("../../../../deploy/guard/test_cards.txt"),
    include_str!("../../../../deploy/guard/role_mailboxes.txt"),
];

/// Names of rules that need no list.
const UNIFORM: &str = "uniform_values";
const SANDBOX: &str = "sandbox";
const POSTAL: &str = "postal_addresses";

/// What the guard says of one identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade<'a> {
    Clear,
    /// May inform, may never block by itself; with the name of the list.
    Weak(&'a str),
    /// Never published, never matched; with the name of the list.
    Rejected(&'a str),
}

/// All guard lists of a node, ready to be asked millions of times.
#[derive(Debug, Clone)]
pub struct GuardLists {
    lists: BTreeMap<String, GuardList>,
    reject: GuardIndex,
    weak: GuardIndex,
    digest: Sha256Digest,
}

impl GuardLists {
    /// The lists that ship.
    pub fn built_in() -> Self {
        let header = ListHeader::new("", ListGrade::Reject);
        let lists = BUILT_IN.into_iter().map(|text| {
            guard_import::plain_text(header.clone(), text)
                .expect("the lists that ship are valid, a test reads them all")
        });
        Self::of(lists)
    }

    /// With one more list; a list of the same name is replaced.
    pub fn with_imported(self, list: GuardList) -> Self {
        self.with_all_imported([list])
    }

    /// With more lists at once: the index is built a single time.
    pub fn with_all_imported(self, lists: impl IntoIterator<Item = GuardList>) -> Self {
        Self::of(self.lists.into_values().chain(lists))
    }

    fn of(lists: impl IntoIterator<Item = GuardList>) -> Self {
        let lists: BTreeMap<String, GuardList> =
            lists.into_iter().map(|list| (list.header().name.clone(), list)).collect();
        let graded = |grade: ListGrade| lists.values().filter(move |list| list.header().grade == grade);
        let (reject, weak) = (GuardIndex::of(graded(ListGrade::Reject)), GuardIndex::of(graded(ListGrade::Weak)));
        let mut hash = Sha256::new();
        hash.update(b"hushwire/v1/guard-lists\n");
        for list in lists.values() {
            hash.update(list.digest().as_bytes());
        }
        Self { reject, weak, digest: Sha256Digest(hash.finalize().into()), lists }
    }

    /// SHA-256 over the digests of all lists in the order of their names: what the decisions of a time were guarded by.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// The lists in the order of their names.
    pub fn lists(&self) -> impl Iterator<Item = &GuardList> {
        self.lists.values()
    }

    /// How freely the identifier may be shared and matched. Below a microsecond unless imported lists hold expressions.
    pub fn grade(&self, identifier: &CanonicalIdentifier) -> Grade<'_> {
        if let Some(name) = self.reject.find(identifier) {
            return Grade::Rejected(name);
        }
        if is_uniform(identifier) {
            return Grade::Rejected(UNIFORM);
        }
        if sandbox::outcome(identifier).is_some() {
            return Grade::Rejected(SANDBOX);
        }
        if let Some(name) = self.weak.find(identifier) {
            return Grade::Weak(name);
        }
        match identifier.kind() {
            IdentifierKind::Address => Grade::Weak(POSTAL),
            IdentifierKind::Pan
            | IdentifierKind::Iban
            | IdentifierKind::Account
            | IdentifierKind::Email
            | IdentifierKind::Mailbox
            | IdentifierKind::Phone
            | IdentifierKind::Device
            | IdentifierKind::Ip
            | IdentifierKind::Ip6Net
            | IdentifierKind::Wallet
            | IdentifierKind::Domain
            | IdentifierKind::Url
            | IdentifierKind::Merchant
            | IdentifierKind::Par
            | IdentifierKind::Token => Grade::Clear,
        }
    }
}

/// Whether the value is one character repeated (`000…`, `ffffffff-ffff-…`): what devices and forms send for "none".
fn is_uniform(identifier: &CanonicalIdentifier) -> bool {
    let value = match identifier.kind() {
        IdentifierKind::Pan | IdentifierKind::Device | IdentifierKind::Par => identifier.expose(),
        // The part after the last colon: account number, merchant id, token, wallet without its 0x.
        IdentifierKind::Account | IdentifierKind::Merchant | IdentifierKind::Token | IdentifierKind::Wallet => {
            let value = identifier.expose().rsplit(|byte| *byte == b':').next().unwrap_or_default();
            value.strip_prefix(b"0x").unwrap_or(value)
        }
        IdentifierKind::Iban
        | IdentifierKind::Email
        | IdentifierKind::Mailbox
        | IdentifierKind::Phone
        | IdentifierKind::Ip
        | IdentifierKind::Ip6Net
        | IdentifierKind::Domain
        | IdentifierKind::Url
        | IdentifierKind::Address => return false,
    };
    let mut significant = value.iter().filter(|byte| !matches!(byte, b'-' | b':' | b' ' | b'.' | b'_'));
    let first = significant.next();
    significant.all(|byte| Some(byte) == first)
}

#[cfg(test)]
mod tests;
