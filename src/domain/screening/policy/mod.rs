//! The policy: from what was found about each identifier to a decision with its reasons.
//!
//! A policy is a file of rules whose conditions are written in CEL, checked whole before it decides anything ([`mod@file`],
//! [`check`]). The [`Policy::built_in`] one is such a file too, `deploy/policy/default.toml`.
//!
//! In order of precedence:
//!
//! 1. A documented test value, where the node is a sandbox, gives the answer it stands for.
//! 2. The member's own allow list lets the transaction pass.
//! 3. The member's own block list refuses it.
//! 4. Of the live rules that fire, the one that stops most decides: block, hold, challenge, allow. Among equals the one that
//!    stands first in the file.
//!
//! The first three are no rules: no policy can move them. Rules in shadow are evaluated and told beside the answer.

pub mod check;
pub mod cost;
pub mod decide;
pub mod eval;
pub mod facts;
pub mod fault;
pub mod file;
pub mod language;
pub mod names;
pub mod needs;
pub mod reads;
pub mod rule;
pub mod thresholds;
pub mod word;

use sha2::{Digest, Sha256};

use crate::base::bytes::Sha256Digest;
use crate::base::framing::framed;
use crate::domain::screening::policy::fault::PolicyFaults;
use crate::domain::screening::policy::rule::Rule;
use crate::domain::screening::policy::word::Word;

/// The policy of a node that has no file of its own.
pub const DEFAULT: &str = include_str!("../../../../deploy/policy/default.toml");

/// A checked policy on the guard lists it was loaded with.
#[derive(Debug)]
pub struct Policy {
    name: Word,
    version: u32,
    rules: Vec<Rule>,
    text: String,
    digest: Sha256Digest,
}

impl Policy {
    /// Reads and checks a file. `guard_digest` is the digest of the guard lists in force.
    pub fn parse(text: &str, guard_digest: &Sha256Digest) -> Result<Self, PolicyFaults> {
        let file = file::read(text)?;
        let digest = digest(&text_digest(text), guard_digest);
        Ok(Self { name: file.name, version: file.version, rules: file.rules, text: text.to_owned(), digest })
    }

    /// The one that ships.
    pub fn built_in(guard_digest: &Sha256Digest) -> Self {
        Self::parse(DEFAULT, guard_digest).expect("a test reads the file that ships")
    }

    /// SHA-256 of `lp("hushwire/v2/policy") ‖ lp(SHA-256 of the file) ‖ lp(guard digest)`: names what decided.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// `name/version`.
    pub fn title(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }

    /// In the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The file, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }
}

pub fn text_digest(text: &str) -> Sha256Digest {
    Sha256Digest(Sha256::digest(text.as_bytes()).into())
}

/// What [`Policy::digest`] is of a file with this digest.
pub fn digest(text_digest: &Sha256Digest, guard_digest: &Sha256Digest) -> Sha256Digest {
    let bytes = framed(&[b"hushwire/v2/policy", text_digest.as_bytes(), guard_digest.as_bytes()]);
    Sha256Digest(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests;
