//! From one roster to the next: the only door to a [`Roster`].
//!
//! 1. The genesis is version 1, has the hash received out of band, and is signed by its own quorum.
//! 2. Version n + 1 belongs to the same consortium, names the hash of version n and is signed by the quorum *of version n*.
//! 3. Nobody is forgotten: members, feed keys and epochs of version n stay listed; what is new comes at the end.
//! 4. Nothing falls back: not the version, not the minimum suite, not a member that left.
//!
//! Expiry is not a rule here (as in TUF, an expired version still vouches for its successor): whoever is about to *use*
//! a roster asks [`Roster::check_in_force`].

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::base::bytes::Sha256Digest;
use crate::base::time::Timestamp;
use crate::domain::note::SignedNote;
use crate::domain::note::key::NoteSigner;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::error::RosterError;
use crate::domain::roster::member::{Member, MemberState};
use crate::domain::roster::terms::{Admins, Epoch};
use crate::domain::roster::verified::Roster;

/// A well-formed roster note of unknown worth.
#[derive(Debug, Clone)]
pub struct RosterNote {
    note: SignedNote,
    received: String,
    content: RosterDraft,
    sha256: Sha256Digest,
}

impl RosterNote {
    /// Reads a note and the roster in it; nothing is verified yet.
    pub fn parse(received: &str) -> Result<Self, RosterError> {
        let note = SignedNote::parse(received.as_bytes())?;
        let content = RosterDraft::parse(note.text())?;
        let sha256 = text_sha256(note.text());
        Ok(Self { note, received: received.to_owned(), content, sha256 })
    }

    /// What it claims, for people to read before they sign.
    pub fn content(&self) -> &RosterDraft {
        &self.content
    }

    /// SHA-256 of its text.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Verifies version 1 against the hash received out of band.
    pub fn verify_genesis(self, expected: &Sha256Digest) -> Result<Roster, RosterError> {
        if self.sha256 != *expected {
            return Err(RosterError::GenesisHash { expected: expected.to_string(), got: self.sha256.to_string() });
        }
        if self.content.version != 1 {
            return Err(RosterError::NotGenesis(self.content.version));
        }
        check_quorum(&self.note, &self.content.admins)?;
        Roster::check(self.content, self.sha256, self.received)
    }

    /// Verifies the version after `current`.
    pub fn verify_next(self, current: &Roster) -> Result<Roster, RosterError> {
        check_succession(current, &self.content)?;
        check_quorum(&self.note, current.admins())?;
        Roster::check(self.content, self.sha256, self.received)
    }
}

/// Follows a chain of notes from the genesis on; all versions, none left out.
pub fn verify_chain<'a>(
    notes: impl IntoIterator<Item = &'a str>,
    genesis: &Sha256Digest,
) -> Result<Vec<Roster>, RosterError> {
    let mut chain: Vec<Roster> = Vec::new();
    for note in notes {
        let note = RosterNote::parse(note)?;
        let next = match chain.last() {
            None => note.verify_genesis(genesis)?,
            Some(current) => note.verify_next(current)?,
        };
        chain.push(next);
    }
    Ok(chain)
}

/// SHA-256 of a roster's text, its final newline included.
pub fn text_sha256(text: &str) -> Sha256Digest {
    Sha256Digest(Sha256::digest(text.as_bytes()).into())
}

/// The text of a draft under the signatures of `signers`, checked as far as one version can be.
///
/// `now` is handed to the signers; admin signatures carry no time.
pub fn sign(draft: &RosterDraft, signers: &[&NoteSigner], now: Timestamp) -> Result<RosterNote, RosterError> {
    let text = draft.to_text();
    check_draft(draft)?;
    let mut lines = signers.iter().map(|signer| signer.sign(&text, now));
    let missing = RosterError::TooFewSignatures { needed: 1, got: 0 };
    let mut note = SignedNote::new(text.clone(), lines.next().ok_or(missing)?)?;
    for line in lines {
        note.add_signature(line)?;
    }
    RosterNote::parse(&note.to_string())
}

/// Checks the rules inside one version and that its text reads back as the same draft.
pub fn check_draft(draft: &RosterDraft) -> Result<(), RosterError> {
    let text = draft.to_text();
    let read_back = RosterDraft::parse(&text)?;
    Roster::check(read_back, text_sha256(&text), String::new()).map(|_| ())
}

/// Rules 2 to 4, signatures apart.
pub fn check_succession(current: &Roster, next: &RosterDraft) -> Result<(), RosterError> {
    let before = current.content();
    if next.consortium != before.consortium {
        return Err(RosterError::OtherConsortium { expected: before.consortium.clone(), got: next.consortium.clone() });
    }
    if next.version <= before.version {
        return Err(RosterError::Downgrade { current: before.version, got: next.version });
    }
    if next.version - before.version != 1 {
        return Err(RosterError::VersionGap { current: before.version, got: next.version });
    }
    if next.previous != Some(current.sha256()) {
        return Err(RosterError::OtherPredecessor);
    }
    let (from, to) = (before.limits.minimum_suite, next.limits.minimum_suite);
    if to < from {
        return Err(RosterError::SuiteLowered { from, to });
    }
    for member in &before.members {
        let kept = next.members.iter().find(|row| row.id == member.id);
        check_member_kept(member, kept.ok_or_else(|| RosterError::MemberDropped(member.id.clone()))?)?;
    }
    let mut epochs = next.epochs.iter();
    match before.epochs.iter().find(|epoch| !epochs.next().is_some_and(|kept| epoch_kept(epoch, kept))) {
        Some(epoch) => Err(RosterError::EpochChanged(epoch.number)),
        None => Ok(()),
    }
}

fn check_member_kept(before: &Member, after: &Member) -> Result<(), RosterError> {
    if before.state == MemberState::Left && after.state != MemberState::Left {
        return Err(RosterError::MemberReturned(before.id.clone()));
    }
    if after.feeds.starts_with(&before.feeds) { Ok(()) } else { Err(RosterError::FeedKeysChanged(before.id.clone())) }
}

/// An epoch stays what it was; that it was compromised may be added.
fn epoch_kept(before: &Epoch, after: &Epoch) -> bool {
    let marked = Epoch { compromised_at: after.compromised_at, ..before.clone() };
    *after == marked && (before.compromised_at.is_none() || before.compromised_at == after.compromised_at)
}

/// Refuses a note that fewer than the quorum of `admins` signed. Also asked of key bundles.
pub fn check_quorum(note: &SignedNote, admins: &Admins) -> Result<(), RosterError> {
    let got = count_signers(note, admins)?;
    if got >= admins.quorum { Ok(()) } else { Err(RosterError::TooFewSignatures { needed: admins.quorum, got }) }
}

fn count_signers(note: &SignedNote, admins: &Admins) -> Result<usize, RosterError> {
    use crate::domain::note::NoteError;
    match note.verify(&admins.keys) {
        // Distinct keys: one admin who signs twice is still one.
        Ok(signatures) => Ok(signatures.iter().map(|signature| signature.key).collect::<BTreeSet<_>>().len()),
        Err(NoteError::NoKnownSignature) => Ok(0),
        Err(fault) => Err(fault.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::position::TreeSize;
    use crate::domain::note::NoteError;
    use crate::domain::roster::member::{FeedKey, HpkeKey};
    use crate::domain::roster::samples::{NOW, admin_signer, draft, feed_signer, found, group, roster};

    /// The valid successor of `current`.
    fn next_of(current: &Roster) -> RosterDraft {
        let mut next = current.content().clone();
        next.version += 1;
        next.previous = Some(current.sha256());
        next
    }

    fn signed(draft: &RosterDraft, admins: &[&str]) -> RosterNote {
        let signers: Vec<NoteSigner> = admins.iter().map(|name| admin_signer(name)).collect();
        sign(draft, &signers.iter().collect::<Vec<_>>(), NOW).expect("a valid draft")
    }

    /// Changes a valid successor; the quorum signs whatever comes out.
    fn check(change: impl FnOnce(&mut RosterDraft), expected: impl FnOnce(&RosterError) -> bool) {
        let current = roster(&["bank-a", "bank-b"]);
        let mut next = next_of(&current);
        signed(&next, &["anna", "cleo"]).verify_next(&current).expect("the unchanged successor is valid");
        change(&mut next);
        let refused = signed(&next, &["anna", "cleo"]).verify_next(&current).expect_err("the rule must refuse");
        assert!(expected(&refused), "{refused}");
    }

    #[test]
    fn the_genesis_is_known_by_its_hash_and_signed_by_its_own_quorum() {
        let terms = draft(&["bank-a", "bank-b"]);
        let note = signed(&terms, &["anna", "ben"]);
        let hash = note.sha256();
        assert_eq!(note.clone().verify_genesis(&hash).expect("valid").sha256(), hash);
        let other = note.verify_genesis(&Sha256Digest([7; 32]));
        assert!(matches!(other, Err(RosterError::GenesisHash { .. })));
        let lone = signed(&terms, &["anna"]).verify_genesis(&hash);
        assert_eq!(lone.err(), Some(RosterError::TooFewSignatures { needed: 2, got: 1 }));
    }

    #[test]
    fn a_later_version_is_no_genesis() {
        let next = signed(&next_of(&roster(&["bank-a"])), &["anna", "ben"]);
        let hash = next.sha256();
        assert_eq!(next.verify_genesis(&hash).err(), Some(RosterError::NotGenesis(2)));
    }

    #[test]
    fn more_signatures_do_not_change_the_hash() {
        let terms = draft(&["bank-a"]);
        assert_eq!(signed(&terms, &["anna", "ben"]).sha256(), signed(&terms, &["anna", "ben", "cleo"]).sha256());
    }

    #[test]
    fn the_quorum_of_the_version_before_must_sign() {
        let current = roster(&["bank-a"]);
        let mut next = next_of(&current);
        // The new version brings its own admins; they have no say yet.
        next.admins.keys = ["dora", "emil"].map(|name| admin_signer(name).verifier().clone()).to_vec();
        let usurped = signed(&next, &["dora", "emil"]).verify_next(&current);
        assert_eq!(usurped.err(), Some(RosterError::TooFewSignatures { needed: 2, got: 0 }));
        let followed = signed(&next, &["anna", "ben"]).verify_next(&current).expect("the old quorum signed");
        let last = signed(&next_of(&followed), &["anna", "ben"]).verify_next(&followed);
        assert_eq!(last.err(), Some(RosterError::TooFewSignatures { needed: 2, got: 0 }));
    }

    #[test]
    fn one_admin_who_signs_twice_is_one() {
        let current = roster(&["bank-a"]);
        let mut note = signed(&next_of(&current), &["anna"]).received;
        let line = note.lines().last().expect("a signature").to_owned();
        note.push_str(&line);
        note.push('\n');
        let refused = RosterNote::parse(&note).expect("well-formed").verify_next(&current);
        assert_eq!(refused.err(), Some(RosterError::TooFewSignatures { needed: 2, got: 1 }));
    }

    #[test]
    fn a_text_changed_after_signing_is_refused() {
        let current = roster(&["bank-a"]);
        let note = signed(&next_of(&current), &["anna", "ben"]).received.replacen("100000", "999999", 1);
        let refused = RosterNote::parse(&note).expect("well-formed").verify_next(&current);
        assert!(matches!(refused, Err(RosterError::Note(NoteError::BadSignature { .. }))));
    }

    #[test]
    fn versions_follow_without_gap_or_fall() {
        check(|next| next.version = 3, |e| *e == RosterError::VersionGap { current: 1, got: 3 });
        check(
            |next| (next.version, next.previous) = (1, None),
            |e| *e == RosterError::Downgrade { current: 1, got: 1 },
        );
        check(|next| next.previous = Some(Sha256Digest([7; 32])), |e| *e == RosterError::OtherPredecessor);
    }

    #[test]
    fn another_consortium_cannot_take_over() {
        let current = roster(&["bank-a"]);
        let mut next = next_of(&current);
        next.consortium = "other.example".parse().expect("valid");
        assert!(matches!(check_succession(&current, &next), Err(RosterError::OtherConsortium { .. })));
    }

    #[test]
    fn the_minimum_suite_never_falls() {
        let mut terms = draft(&["bank-a"]);
        terms.limits.minimum_suite = 2;
        let current = found(&terms);
        let mut next = next_of(&current);
        next.limits.minimum_suite = 1;
        let refused = signed(&next, &["anna", "ben"]).verify_next(&current);
        assert_eq!(refused.err(), Some(RosterError::SuiteLowered { from: 2, to: 1 }));
    }

    #[test]
    fn members_stay_listed_and_do_not_come_back() {
        check(|next| drop(next.members.pop()), |e| matches!(e, RosterError::MemberDropped(_)));
        let current = roster(&["bank-a", "bank-b"]);
        let mut next = next_of(&current);
        next.members[1].state = MemberState::Left;
        let current = signed(&next, &["anna", "ben"]).verify_next(&current).expect("a member may leave");
        let mut next = next_of(&current);
        next.members[1].state = MemberState::Active;
        let refused = signed(&next, &["anna", "ben"]).verify_next(&current);
        assert!(matches!(refused, Err(RosterError::MemberReturned(_))));
    }

    #[test]
    fn a_feed_key_changes_only_by_a_later_one() {
        let other = || {
            let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
            NoteSigner::ed25519(feed_signer("bank-a").verifier().name(), key).expect("valid").verifier().clone()
        };
        check(|next| next.members[0].feeds[0].key = other(), |e| matches!(e, RosterError::FeedKeysChanged(_)));
        let current = roster(&["bank-a"]);
        let mut next = next_of(&current);
        next.members[0].feeds.push(FeedKey { group: group(), from_size: TreeSize(42), key: other() });
        signed(&next, &["anna", "ben"]).verify_next(&current).expect("a later key says from which size it counts");
    }

    #[test]
    fn keys_that_sign_nothing_lasting_may_be_replaced_and_pins_may_overlap() {
        let current = roster(&["bank-a", "bank-b"]);
        let mut next = next_of(&current);
        let row = &mut next.members[0];
        let key = |seed| ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        row.audit_key = NoteSigner::ed25519(row.audit_key.name(), key(7)).expect("valid").verifier().clone();
        row.witness_key = NoteSigner::cosigner(row.witness_key.name(), key(8)).expect("valid").verifier().clone();
        row.hpke_key = HpkeKey::new([7; HpkeKey::LENGTH]);
        row.pins.push(Sha256Digest([7; 32]));
        let both = signed(&next, &["anna", "ben"]).verify_next(&current).expect("two pins while the key changes");
        let mut last = next_of(&both);
        last.members[0].pins.remove(0);
        signed(&last, &["anna", "ben"]).verify_next(&both).expect("and then the new one alone");
        let mut taken = next_of(&both);
        taken.members[1].hpke_key = taken.members[0].hpke_key.clone();
        assert!(matches!(check_draft(&taken), Err(RosterError::KeyTwice(_))), "but nobody takes another one's key");
    }

    #[test]
    fn epochs_stay_what_they_were() {
        check(|next| next.epochs[0].id.0 = [9; 16], |e| matches!(e, RosterError::EpochChanged(_)));
        check(|next| next.epochs[0].activates_at = NOW.plus_s(1), |e| matches!(e, RosterError::EpochChanged(_)));
        let current = roster(&["bank-a"]);
        let mut next = next_of(&current);
        next.epochs[0].compromised_at = Some(NOW.plus_s(60));
        let current = signed(&next, &["anna", "ben"]).verify_next(&current).expect("a compromise may be declared");
        let mut next = next_of(&current);
        next.epochs[0].compromised_at = None;
        let refused = signed(&next, &["anna", "ben"]).verify_next(&current);
        assert!(matches!(refused, Err(RosterError::EpochChanged(_))), "and not be taken back");
    }

    #[test]
    fn a_chain_is_followed_from_the_genesis_without_a_gap() {
        let first = roster(&["bank-a"]);
        let second = signed(&next_of(&first), &["anna", "ben"]).verify_next(&first).expect("valid");
        let third = signed(&next_of(&second), &["ben", "cleo"]).verify_next(&second).expect("valid");
        let chain = verify_chain([first.note(), second.note(), third.note()], &first.sha256()).expect("a whole chain");
        assert_eq!(chain.last().map(Roster::sha256), Some(third.sha256()));
        let gap = verify_chain([first.note(), third.note()], &first.sha256());
        assert_eq!(gap.err(), Some(RosterError::VersionGap { current: 1, got: 3 }));
        assert!(verify_chain([second.note()], &first.sha256()).is_err());
    }
}
