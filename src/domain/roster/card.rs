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
//! It is signed by the member's own audit and witness keys and the newest feed key of each of its groups: nobody can enter
//! keys it does not hold. The card of a member that is in already names its former feed keys too, and is signed by a key the
//! roster knows: nobody can enter for somebody else. Who the member *is*, the card does not prove; people compare its hash
//! over a second channel.

use serde::Deserialize;

use crate::base::bytes::Sha256Digest;
use crate::base::name::ConsortiumId;
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::note::key::{NoteSigner, VerifierKey};
use crate::domain::note::{NoteError, SignedNote};
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
    note: SignedNote,
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
        keys.extend(newest_feed_keys(&member));
        let signed = note.verify(&keys)?;
        let got = (0..keys.len()).filter(|key| signed.iter().any(|signature| signature.key == *key)).count();
        if got < keys.len() {
            return Err(RosterError::TooFewSignatures { needed: keys.len(), got });
        }
        let sha256 = text_sha256(note.text());
        Ok(Self { consortium, member, note, sha256 })
    }

    /// Writes a card signed by `signers`: the newest feed signer of each group, the audit signer, the witness, and one the
    /// roster knows.
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

    /// Refuses the card of a newcomer that names former feed keys: it has not proved to hold them.
    pub fn check_first(&self) -> Result<(), RosterError> {
        if self.member.feeds.iter().all(|feed| feed.from_size == TreeSize::EMPTY) {
            Ok(())
        } else {
            Err(RosterError::FormerFeedKeys(self.member.id.clone()))
        }
    }

    /// Refuses a card that none of the signing keys in `row`, what the roster says of the member so far, has signed: all
    /// keys may change at once, but not without their holder.
    pub fn check_vouched(&self, row: &Member) -> Result<(), RosterError> {
        let mut keys = vec![row.audit_key.clone(), row.witness_key.clone()];
        keys.extend(newest_feed_keys(row));
        match self.note.verify(&keys) {
            Ok(_) => Ok(()),
            Err(NoteError::NoKnownSignature) => Err(RosterError::CardNotVouched(self.member.id.clone())),
            Err(fault) => Err(fault.into()),
        }
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

fn newest_feed_keys(member: &Member) -> impl Iterator<Item = VerifierKey> {
    member.groups.iter().filter_map(|group| member.feed_key(group, TreeSize(u64::MAX)).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::roster::member::FeedKey;
    use crate::domain::roster::samples::{NOW, audit_signer, consortium, feed_signer, group, member, witness_signer};

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
    fn a_card_is_signed_by_the_newest_feed_key_and_only_a_member_that_is_in_may_name_a_former_one() {
        let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let next = NoteSigner::ed25519(feed_signer("bank-a").verifier().name(), key).expect("valid");
        let mut row = member("bank-a");
        row.feeds.push(FeedKey { group: group(), from_size: TreeSize(7), key: next.verifier().clone() });
        let (audit, witness) = (audit_signer("bank-a"), witness_signer("bank-a"));
        let made = |feed: &NoteSigner| MemberCard::make(&consortium(), &row, &[feed, &audit, &witness], NOW);
        assert_eq!(
            made(&feed_signer("bank-a")).err(),
            Some(RosterError::TooFewSignatures { needed: 3, got: 2 }),
            "the former key vouches for nothing"
        );
        let read = MemberCard::verify(&made(&next).expect("signed")).expect("valid");
        assert_eq!(read.check_first(), Err(RosterError::FormerFeedKeys("bank-a".parse().expect("valid"))));
        assert_eq!(MemberCard::verify(&card("bank-a")).expect("valid").check_first(), Ok(()));
    }

    #[test]
    fn a_card_with_other_keys_needs_the_signature_of_one_the_roster_knows() {
        let key = |seed| ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        let (known, before) = (member("bank-a"), feed_signer("bank-a"));
        let feed = NoteSigner::ed25519(before.verifier().name(), key(1)).expect("valid");
        let audit = NoteSigner::ed25519(known.audit_key.name(), key(2)).expect("valid");
        let witness = NoteSigner::cosigner(known.witness_key.name(), key(3)).expect("valid");
        let mut row = member("bank-a");
        row.feeds.push(FeedKey { group: group(), from_size: TreeSize(7), key: feed.verifier().clone() });
        (row.audit_key, row.witness_key) = (audit.verifier().clone(), witness.verifier().clone());
        let made = |signers: &[&NoteSigner]| {
            let card = MemberCard::make(&consortium(), &row, signers, NOW).expect("signed by its own keys");
            MemberCard::verify(&card).expect("valid").check_vouched(&known)
        };
        let refused = made(&[&feed, &audit, &witness]);
        assert_eq!(refused, Err(RosterError::CardNotVouched("bank-a".parse().expect("valid"))));
        assert_eq!(made(&[&feed, &audit, &witness, &before]), Ok(()));
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
