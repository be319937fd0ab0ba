//! A roster that was verified: built only by [`crate::domain::roster::succession`], read by everyone.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::bytes::Sha256Digest;
use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::name::{ConsortiumId, FeedId, GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::note::key::VerifierKey;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::error::RosterError;
use crate::domain::roster::member::{AUDIT_GROUP, Member, MemberState};
use crate::domain::roster::rules::check_rules;
use crate::domain::roster::terms::{Admins, Epoch, Limits};

/// The roster in force, or one on the way to it. Whether it has expired is asked separately, by [`Self::check_in_force`]:
/// an expired roster is still the only one that can vouch for its successor.
#[derive(Debug, Clone)]
pub struct Roster {
    content: RosterDraft,
    sha256: Sha256Digest,
    note: String,
    by_id: BTreeMap<MemberId, usize>,
    by_pin: BTreeMap<Sha256Digest, usize>,
}

impl Roster {
    /// Checks the rules inside one version. Signatures and succession are the caller's part.
    pub(super) fn check(content: RosterDraft, sha256: Sha256Digest, note: String) -> Result<Self, RosterError> {
        check_rules(&content)?;
        let rows = || content.members.iter().enumerate();
        let by_id = rows().map(|(position, member)| (member.id.clone(), position)).collect();
        let by_pin =
            rows().flat_map(|(position, member)| member.pins.iter().map(move |pin| (*pin, position))).collect();
        Ok(Self { content, sha256, note, by_id, by_pin })
    }

    pub fn consortium(&self) -> &ConsortiumId {
        &self.content.consortium
    }

    pub fn version(&self) -> u64 {
        self.content.version
    }

    /// SHA-256 of the signed text: names this version everywhere, however many signatures its note carries.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// The whole note as it was received, to be stored and passed on.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// What it says, as the start of a next version.
    pub fn content(&self) -> &RosterDraft {
        &self.content
    }

    /// From this moment on the roster may no longer be used.
    pub fn not_after(&self) -> Timestamp {
        self.content.not_after
    }

    /// Refuses to go on with an expired roster.
    pub fn check_in_force(&self, now: Timestamp) -> Result<(), RosterError> {
        if now < self.content.not_after { Ok(()) } else { Err(RosterError::Expired(self.content.not_after)) }
    }

    pub fn admins(&self) -> &Admins {
        &self.content.admins
    }

    pub fn limits(&self) -> &Limits {
        &self.content.limits
    }

    /// Every member in the order of the document, those suspended or gone included.
    pub fn members(&self) -> &[Member] {
        &self.content.members
    }

    /// The member of this id, whatever its state.
    pub fn member(&self, id: &MemberId) -> Option<&Member> {
        self.content.members.get(*self.by_id.get(id)?)
    }

    /// The *active* member whose TLS key has this pin. Ask [`Member::takes_part`] for its validity in time, or use
    /// [`Self::admitted`].
    pub fn by_pin(&self, pin: &Sha256Digest) -> Option<&Member> {
        let member = self.content.members.get(*self.by_pin.get(pin)?)?;
        (member.state == MemberState::Active).then_some(member)
    }

    /// The member that may connect with this pin at this moment; none while the roster has expired.
    pub fn admitted(&self, pin: &Sha256Digest, now: Timestamp) -> Option<&Member> {
        self.check_in_force(now).ok()?;
        self.by_pin(pin).filter(|member| member.takes_part(now))
    }

    /// The key that signs checkpoints of this feed at this size. The audit log is the feed of group `audit`.
    pub fn feed_key(&self, feed: &FeedId, size: TreeSize) -> Option<&VerifierKey> {
        let member = self.member(&feed.member)?;
        if feed.group.as_str() == AUDIT_GROUP {
            return Some(&member.audit_key);
        }
        member.feed_key(&feed.group, size)
    }

    /// Groups of a member; empty where there is no such member.
    pub fn groups_of(&self, id: &MemberId) -> BTreeSet<GroupId> {
        self.member(id).map(|member| member.groups.clone()).unwrap_or_default()
    }

    /// All groups any active member belongs to.
    pub fn groups(&self) -> BTreeSet<GroupId> {
        self.active().flat_map(|member| member.groups.iter().cloned()).collect()
    }

    /// Active members that share at least one group with `id`, itself excluded, in the order of the document.
    pub fn peers_of(&self, id: &MemberId) -> Vec<&Member> {
        let groups = self.groups_of(id);
        self.active().filter(|member| member.id != *id && !member.groups.is_disjoint(&groups)).collect()
    }

    /// Every feed of a group, in the order of the document; those of members that are suspended or gone included, since
    /// what they published stays verifiable.
    pub fn feeds_of_group(&self, group: &GroupId) -> Vec<FeedId> {
        let has_feed = |member: &&Member| member.feeds.iter().any(|feed| feed.group == *group);
        let feed = |member: &Member| FeedId { member: member.id.clone(), group: group.clone() };
        self.content.members.iter().filter(has_feed).map(feed).collect()
    }

    /// Whether `reader` may read this feed: both belong to its group.
    pub fn may_read(&self, reader: &MemberId, feed: &FeedId) -> bool {
        let member = |id| self.member(id).is_some_and(|member| member.groups.contains(&feed.group));
        member(reader) && self.feed_key(feed, TreeSize(u64::MAX)).is_some()
    }

    /// Keys with which members cosign checkpoints, of all active members but `author`.
    pub fn witness_keys(&self, author: &MemberId) -> Vec<VerifierKey> {
        self.active().filter(|member| member.id != *author).map(|member| member.witness_key.clone()).collect()
    }

    pub fn epochs(&self) -> &[Epoch] {
        &self.content.epochs
    }

    pub fn epoch(&self, number: KeyEpoch) -> Option<&Epoch> {
        self.content.epochs.iter().find(|epoch| epoch.number == number)
    }

    pub fn epoch_by_id(&self, id: &EpochId) -> Option<&Epoch> {
        self.content.epochs.iter().find(|epoch| epoch.id == *id)
    }

    /// The epoch publishers write under: the newest that is activated and not compromised.
    pub fn current_epoch(&self, now: Timestamp) -> Option<&Epoch> {
        let usable = |epoch: &&Epoch| {
            epoch.activates_at <= now && epoch.compromised_at.is_none_or(|compromised_at| now < compromised_at)
        };
        self.content.epochs.iter().rev().find(usable)
    }

    /// Epochs screening asks under: the current one, then the one before for as long as an indicator of it can still be
    /// valid. A compromised epoch stays readable; whether something *new* counts under it is asked of its
    /// `compromised_at`. One that never began is passed over: nothing was written under it, and in its place what was
    /// written before would be forgotten.
    pub fn readable_epochs(&self, now: Timestamp) -> Vec<&Epoch> {
        let Some(current) = self.current_epoch(now) else { return Vec::new() };
        let mut readable = vec![current];
        if now < current.activates_at.plus_s(self.overlap_s()) {
            let before = self.content.epochs.iter().rev().filter(|epoch| epoch.begins());
            readable.extend(before.into_iter().find(|epoch| epoch.number < current.number));
        }
        readable
    }

    /// From when on nobody asks under an epoch any more: the one after it began and its overlap is over, or the one after
    /// that began. None while no later epoch is announced.
    pub fn readable_until(&self, number: KeyEpoch) -> Option<Timestamp> {
        let mut later = self.content.epochs.iter().filter(|epoch| epoch.number > number && epoch.begins());
        let successor = later.next()?;
        let overlap_ends = successor.activates_at.plus_s(self.overlap_s());
        Some(later.next().map_or(overlap_ends, |next| next.activates_at.min(overlap_ends)))
    }

    fn overlap_s(&self) -> u64 {
        u64::from(self.content.limits.max_validity_days) * 86_400
    }

    fn active(&self) -> impl Iterator<Item = &Member> {
        self.content.members.iter().filter(|member| member.state == MemberState::Active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::epoch::EpochId;
    use crate::domain::note::key::{NoteSigner, SignatureType};
    use crate::domain::roster::member::{FeedKey, feed_key_name};
    use crate::domain::roster::samples::{self, NOW, draft, found, group, pin, roster};

    fn id(name: &str) -> MemberId {
        name.parse().expect("valid")
    }

    fn epoch(number: u32, day: u64) -> Epoch {
        let byte = u8::try_from(number).expect("small");
        let activates_at = NOW.plus_s(day * 86_400);
        Epoch { number: KeyEpoch(number), id: EpochId([byte; 16]), activates_at, compromised_at: None }
    }

    #[test]
    fn an_epoch_is_readable_for_one_validity_after_the_next_one_starts() {
        let mut terms = draft(&["bank-a"]);
        terms.epochs.push(epoch(2, 90));
        let roster = found(&terms);
        let at = |day: u64| {
            let now = NOW.plus_s(day * 86_400);
            roster.readable_epochs(now).iter().map(|epoch| epoch.number.0).collect::<Vec<_>>()
        };
        assert_eq!((at(0), at(89)), (vec![1], vec![1]));
        assert_eq!((at(90), at(179), at(180)), (vec![2, 1], vec![2, 1], vec![2]));
        assert!(roster.readable_epochs(Timestamp::from_unix_ms(NOW.unix_ms() - 1)).is_empty());
    }

    #[test]
    fn nobody_writes_under_a_compromised_epoch() {
        let mut terms = draft(&["bank-a"]);
        // Epoch 2 was to start on day 90, got out on day 10; epoch 3 replaces it and epoch 1 at once.
        let lost = NOW.plus_s(10 * 86_400);
        terms.epochs[0].compromised_at = Some(lost);
        terms.epochs.push(Epoch { compromised_at: Some(lost), ..epoch(2, 90) });
        terms.epochs.push(epoch(3, 10));
        let roster = found(&terms);
        let current = |day: u64| roster.current_epoch(NOW.plus_s(day * 86_400)).map(|epoch| epoch.number.0);
        assert_eq!((current(9), current(10), current(91)), (Some(1), Some(3), Some(3)));
    }

    #[test]
    fn an_emergency_leaves_what_was_written_before_it_readable() {
        // `new-epoch --in-days 14`, then `--compromised` on day 3: epoch 2 never begins.
        let lost = NOW.plus_s(3 * 86_400);
        let mut terms = draft(&["bank-a"]);
        terms.epochs[0].compromised_at = Some(lost);
        terms.epochs.push(Epoch { compromised_at: Some(lost), ..epoch(2, 14) });
        terms.epochs.push(epoch(3, 3));
        let readable = |terms: &RosterDraft, day: u64| {
            let roster = found(terms);
            let readable = roster.readable_epochs(NOW.plus_s(day * 86_400));
            readable.iter().map(|epoch| epoch.number.0).collect::<Vec<_>>()
        };
        assert_eq!((readable(&terms, 2), readable(&terms, 3), readable(&terms, 14)), (vec![1], vec![3, 1], vec![3, 1]));
        let ends = |terms: &RosterDraft| found(terms).readable_until(KeyEpoch(1));
        assert_eq!(ends(&terms), Some(NOW.plus_s(93 * 86_400)));
        // What began is the one before, however short it lasted.
        terms.epochs.push(epoch(4, 20));
        assert_eq!((readable(&terms, 19), readable(&terms, 20)), (vec![3, 1], vec![4, 3]));
        assert_eq!(ends(&terms), Some(NOW.plus_s(20 * 86_400)));
        assert_eq!(found(&terms).readable_until(KeyEpoch(4)), None);
    }

    #[test]
    fn only_active_members_within_their_validity_are_admitted() {
        let mut terms = draft(&["bank-a", "bank-b", "shop"]);
        terms.members[1].state = MemberState::Suspended;
        terms.members[2].valid_until = NOW.plus_s(60);
        let roster = found(&terms);
        let admitted = |member: &str, after_s: u64| roster.admitted(&pin(member), NOW.plus_s(after_s)).is_some();
        assert!(admitted("bank-a", 0) && !admitted("bank-b", 0) && !admitted("stranger", 0));
        assert!(admitted("shop", 59) && !admitted("shop", 60));
        assert!(roster.by_pin(&pin("bank-b")).is_none());
        assert!(!admitted("bank-a", 365 * 86_400), "an expired roster admits nobody");
        assert_eq!(roster.check_in_force(NOW.plus_s(365 * 86_400)), Err(RosterError::Expired(roster.not_after())));
    }

    #[test]
    fn peers_share_a_group_and_feeds_are_read_inside_it() {
        let cards: GroupId = "cards".parse().expect("valid");
        let mut terms = draft(&["bank-a", "bank-b", "shop"]);
        let name = feed_key_name(&samples::consortium(), &id("shop"), &cards);
        let public = *terms.members[2].feeds[0].key.public_key();
        let key = VerifierKey::new(&name, SignatureType::Ed25519, &public).expect("valid");
        terms.members[2].feeds = vec![FeedKey { group: cards.clone(), from_size: TreeSize::EMPTY, key }];
        terms.members[2].groups = [cards.clone()].into();
        let roster = found(&terms);
        let peers: Vec<&str> = roster.peers_of(&id("bank-a")).iter().map(|peer| peer.id.as_str()).collect();
        assert_eq!(peers, ["bank-b"]);
        assert!(roster.peers_of(&id("shop")).is_empty() && roster.peers_of(&id("stranger")).is_empty());
        let feed = |member: &str, group: &GroupId| FeedId { member: id(member), group: group.clone() };
        assert!(roster.may_read(&id("bank-b"), &feed("bank-a", &group())));
        assert!(!roster.may_read(&id("shop"), &feed("bank-a", &group())));
        assert!(!roster.may_read(&id("bank-a"), &feed("bank-b", &AUDIT_GROUP.parse().expect("valid"))));
        assert_eq!(roster.feeds_of_group(&cards), vec![feed("shop", &cards)]);
        assert_eq!(roster.groups(), [group(), cards].into());
    }

    #[test]
    fn a_feed_key_counts_from_its_size() {
        let mut terms = draft(&["bank-a"]);
        let name = terms.members[0].feeds[0].key.name().to_owned();
        let key = NoteSigner::ed25519(&name, ed25519_dalek::SigningKey::from_bytes(&[9; 32])).expect("valid");
        let second = FeedKey { group: group(), from_size: TreeSize(100), key: key.verifier().clone() };
        terms.members[0].feeds.push(second);
        let roster = found(&terms);
        let feed = FeedId { member: id("bank-a"), group: group() };
        let first = samples::feed_signer("bank-a").verifier().clone();
        assert_eq!(roster.feed_key(&feed, TreeSize(99)), Some(&first));
        assert_eq!(roster.feed_key(&feed, TreeSize(100)), Some(key.verifier()));
        let audit = FeedId { member: id("bank-a"), group: AUDIT_GROUP.parse().expect("valid") };
        assert_eq!(roster.feed_key(&audit, TreeSize(5)), Some(samples::audit_signer("bank-a").verifier()));
    }

    #[test]
    fn a_member_is_found_by_its_id() {
        let roster = roster(&["bank-a", "bank-b"]);
        assert_eq!(roster.member(&id("bank-b")).map(|member| member.name.as_str()), Some("bank-b"));
        assert!(roster.member(&id("stranger")).is_none());
    }
}
