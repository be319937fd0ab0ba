//! A member card: what a new member hands the admins so that they can enter it into the roster.
//!
//! A signed note whose text is the member's roster row under its own first line:
//! ```toml
//! format = "hushwire/v1/member-card"
//! consortium = "demo.hushwire.example"
//!
//! [member]
//! id = "bank-a"
//! …                       # as in a roster
//! ```
//! It is signed by the member's own feed, audit and witness keys: nobody can enter keys it does not hold. Who the member
//! *is*, the card does not prove; people compare its hash over a second channel.

use serde::Deserialize;

use crate::base::bytes::Sha256Digest;
use crate::base::name::ConsortiumId;
use crate::base::time::Timestamp;
use crate::domain::note::SignedNote;
use crate::domain::note::key::NoteSigner;
use crate::domain::roster::error::RosterError;
use crate::domain::roster::fields::{check_opening, name, read_toml};
use crate::domain::roster::member::Member;
use crate::domain::roster::row::{RawMember, write_member};
use crate::domain::roster::rules::check_member;
use crate::domain::roster::succession::text_sha256;

const FORMAT_LINE: &str = "format = \"hushwire/v1/member-card\"";
const FORMAT: &str = "hushwire/v1/member-card";

/// A card whose holder has proved to hold the keys on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberCard {
    consortium: ConsortiumId,
    member: Member,
    sha256: Sha256Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCard {
    format: String,
    consortium: String,
    member: RawMember,
}

impl MemberCard {
    /// Reads a card and checks its signatures.
    pub fn verify(received: &str) -> Result<Self, RosterError> {
        let note = SignedNote::parse(received.as_bytes())?;
        check_opening(note.text(), FORMAT_LINE)?;
        let raw: RawCard = read_toml(note.text())?;
        if raw.format != FORMAT {
            return Err(RosterError::WrongFormat { expected: FORMAT_LINE });
        }
        let consortium = name("consortium", &raw.consortium)?;
        let member = raw.member.parse()?;
        check_member(&consortium, &member)?;
        let mut keys = vec![member.audit_key.clone(), member.witness_key.clone()];
        keys.extend(member.feeds.iter().map(|feed| feed.key.clone()));
        let signed = note.verify(&keys)?;
        let got = (0..keys.len()).filter(|key| signed.iter().any(|signature| signature.key == *key)).count();
        if got < keys.len() {
            return Err(RosterError::TooFewSignatures { needed: keys.len(), got });
        }
        Ok(Self { consortium, member, sha256: text_sha256(note.text()) })
    }

    /// Writes a card signed by `signers`: every feed signer, the audit signer and the witness.
    pub fn make(
        consortium: &ConsortiumId,
        member: &Member,
        signers: &[&NoteSigner],
        now: Timestamp,
    ) -> Result<String, RosterError> {
        let mut text = format!("{FORMAT_LINE}\nconsortium = \"{consortium}\"\n\n[member]\n");
        write_member(&mut text, member);
        let mut lines = signers.iter().map(|signer| signer.sign(&text, now));
        let missing = RosterError::TooFewSignatures { needed: 1, got: 0 };
        let mut note = SignedNote::new(text.clone(), lines.next().ok_or(missing)?)?;
        for line in lines {
            note.add_signature(line)?;
        }
        let received = note.to_string();
        Self::verify(&received)?;
        Ok(received)
    }

    pub fn consortium(&self) -> &ConsortiumId {
        &self.consortium
    }

    pub fn member(&self) -> &Member {
        &self.member
    }

    /// SHA-256 of the card's text, for people to compare.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::roster::samples::{NOW, audit_signer, consortium, feed_signer, member, witness_signer};

    fn card(holder: &str) -> String {
        let signers = [feed_signer(holder), audit_signer(holder), witness_signer(holder)];
        MemberCard::make(&consortium(), &member(holder), &signers.iter().collect::<Vec<_>>(), NOW).expect("valid")
    }

    #[test]
    fn a_card_carries_a_members_row() {
        let card = MemberCard::verify(&card("bank-a")).expect("valid");
        assert_eq!((card.consortium(), card.member()), (&consortium(), &member("bank-a")));
    }

    #[test]
    fn nobody_can_enter_a_key_it_does_not_hold() {
        let lacking = [feed_signer("bank-a"), witness_signer("bank-a")];
        let made = MemberCard::make(&consortium(), &member("bank-a"), &lacking.iter().collect::<Vec<_>>(), NOW);
        assert_eq!(made.err(), Some(RosterError::TooFewSignatures { needed: 3, got: 2 }));
    }

    #[test]
    fn a_changed_card_is_refused() {
        let changed = card("bank-a").replacen("7443", "7444", 1);
        assert!(matches!(MemberCard::verify(&changed), Err(RosterError::Note(_))));
    }

    #[test]
    fn a_card_is_no_roster() {
        let refused = crate::domain::roster::succession::RosterNote::parse(&card("bank-a"));
        assert!(matches!(refused, Err(RosterError::WrongFormat { .. })));
    }
}
