//! One guard list: what it is called, how strongly it guards, what it covers.

use std::collections::BTreeSet;

use ipnet::IpNet;
use regex::{RegexSet, RegexSetBuilder};
use sha2::{Digest, Sha256};

use crate::base::bytes::Sha256Digest;
use crate::base::kind::IdentifierKind;
use crate::base::limits::GUARD_EXPRESSION_BYTES;

/// How strongly a list guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListGrade {
    /// Never published, never matched.
    Reject,
    /// May inform, may never block by itself.
    Weak,
}

impl ListGrade {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Weak => "weak",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Reject, Self::Weak].into_iter().find(|grade| grade.name() == name)
    }
}

/// How far an entry that names a host or an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListScope {
    /// The host itself and the URL of its front page: a page deeper down may well be a fraud on an honest site.
    Site,
    /// Also every URL on it and every e-mail address at it: nobody outside can reach the name at all.
    Everything,
}

impl ListScope {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Everything => "everything",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Site, Self::Everything].into_iter().find(|scope| scope.name() == name)
    }
}

/// What a list says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListHeader {
    pub name: String,
    pub version: String,
    pub grade: ListGrade,
    pub scope: ListScope,
    /// Kinds the list is asked about.
    pub kinds: BTreeSet<IdentifierKind>,
}

impl ListHeader {
    /// A list without version that covers sites; its kinds are given by the file or set afterwards.
    pub fn new(name: impl Into<String>, grade: ListGrade) -> Self {
        Self { name: name.into(), version: String::new(), grade, scope: ListScope::Site, kinds: BTreeSet::new() }
    }
}

/// What of the names below a listed name is covered too. Ordered from narrow to wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Below {
    /// Not even the name: an exception to a wider rule.
    Exception,
    Nothing,
    /// Every name one label longer.
    OneLabel,
    /// Every name below that is not under a public suffix in between: `sites.example.com` of `example.com`, but not the
    /// customer `shop.vercel.app` of `vercel.app`.
    SameOwner,
    Everything,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    Network(IpNet),
    Host {
        name: String,
        below: Below,
    },
    /// A whole canonical form, or `local@` for e-mail addresses of any domain.
    Exact(String),
    /// A canonical form in which `?` stands for one character.
    Pattern(String),
    /// A regular expression that is looked for anywhere in the canonical form.
    Expression(String),
}

/// An expression of the list cannot be compiled within its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an expression of the list is not valid or too large")]
pub struct BadExpression;

/// A guard list, checked and ready for use.
#[derive(Debug, Clone)]
pub struct GuardList {
    header: ListHeader,
    entries: Vec<Entry>,
    expressions: Option<RegexSet>,
    digest: Sha256Digest,
}

impl GuardList {
    /// Sorts the entries, so that the digest does not depend on their order in the file.
    pub fn new(header: ListHeader, mut entries: Vec<Entry>) -> Result<Self, BadExpression> {
        entries.sort_unstable();
        entries.dedup();
        let patterns: Vec<&str> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Expression(pattern) => Some(pattern.as_str()),
                Entry::Network(_) | Entry::Host { .. } | Entry::Exact(_) | Entry::Pattern(_) => None,
            })
            .collect();
        let expressions = if patterns.is_empty() {
            None
        } else {
            let built = RegexSetBuilder::new(&patterns)
                .size_limit(GUARD_EXPRESSION_BYTES)
                .dfa_size_limit(GUARD_EXPRESSION_BYTES)
                .build();
            Some(built.map_err(|_| BadExpression)?)
        };
        let digest = digest(&header, &entries);
        Ok(Self { header, entries, expressions, digest })
    }

    pub fn header(&self) -> &ListHeader {
        &self.header
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// SHA-256 over header and entries.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Whether an expression of the list is found in the text.
    pub(super) fn expression_matches(&self, text: &str) -> bool {
        self.expressions.as_ref().is_some_and(|expressions| expressions.is_match(text))
    }

    pub(super) fn has_expressions(&self) -> bool {
        self.expressions.is_some()
    }
}

/// SHA-256 over lines `key value` ended by a line feed; values hold no line feed, so the lines cannot be confused.
fn digest(header: &ListHeader, entries: &[Entry]) -> Sha256Digest {
    let mut hash = Sha256::new();
    let mut line = |key: &str, value: &str| {
        hash.update(key.as_bytes());
        hash.update(b" ");
        hash.update(value.len().to_string().as_bytes());
        hash.update(b" ");
        hash.update(value.as_bytes());
        hash.update(b"\n");
    };
    line("hushwire/v1/guard-list", &header.name);
    line("version", &header.version);
    line("grade", header.grade.name());
    line("scope", header.scope.name());
    for kind in &header.kinds {
        line("kind", kind.label());
    }
    for entry in entries {
        match entry {
            Entry::Network(network) => line("network", &network.to_string()),
            Entry::Host { name, below: Below::Exception } => line("host-exception", name),
            Entry::Host { name, below: Below::Nothing } => line("host", name),
            Entry::Host { name, below: Below::OneLabel } => line("host-one-label", name),
            Entry::Host { name, below: Below::SameOwner } => line("host-same-owner", name),
            Entry::Host { name, below: Below::Everything } => line("host-everything", name),
            Entry::Exact(value) => line("exact", value),
            Entry::Pattern(value) => line("pattern", value),
            Entry::Expression(value) => line("expression", value),
        }
    }
    Sha256Digest(hash.finalize().into())
}
