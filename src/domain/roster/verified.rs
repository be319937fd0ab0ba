//! A roster that was verified: built only by [`crate::domain::roster::succession`], read by everyone.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::bytes::Sha256Digest;
use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::limits;
use crate::base::name::{ConsortiumId, FeedId, GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::note::key::{SignatureType, VerifierKey};
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::error::RosterError;
use crate::domain::roster::member::{
    ADMINS, AUDIT_GROUP, FeedKey, Member, MemberState, WITNESS_GROUP, admin_key_name, audit_key_name, feed_key_name,
    witness_key_name,
};
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
        check_terms(&content)?;
        let mut keys = Uniques::default();
        for admin in &content.admins.keys {
            check_admin(&content.consortium, admin)?;
            keys.take(admin, None)?;
        }
        let mut by_id = BTreeMap::new();
        let mut by_pin = BTreeMap::new();
        let mut hpke_keys = BTreeSet::new();
        for (position, member) in content.members.iter().enumerate() {
            check_member(&content.consortium, member)?;
            if by_id.insert(member.id.clone(), position).is_some() {
                return Err(RosterError::MemberTwice(member.id.clone()));
            }
            for pin in &member.pins {
                if by_pin.insert(*pin, position).is_some() {
                    return Err(RosterError::PinTwice(member.id.clone()));
                }
            }
            for feed in &member.feeds {
                keys.take(&feed.key, Some(&member.id))?;
            }
            keys.take(&member.audit_key, None)?;
            keys.take(&member.witness_key, None)?;
            if !hpke_keys.insert(&member.hpke_key) {
                return Err(RosterError::KeyTwice(format!("hpke key of {}", member.id)));
            }
        }
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
    /// `compromised_at`.
    pub fn readable_epochs(&self, now: Timestamp) -> Vec<&Epoch> {
        let Some(current) = self.current_epoch(now) else { return Vec::new() };
        let overlap_s = u64::from(self.content.limits.max_validity_days) * 86_400;
        let mut readable = vec![current];
        if now < current.activates_at.plus_s(overlap_s) {
            readable.extend(self.content.epochs.iter().rev().find(|epoch| epoch.number < current.number));
        }
        readable
    }

    fn active(&self) -> impl Iterator<Item = &Member> {
        self.content.members.iter().filter(|member| member.state == MemberState::Active)
    }
}

fn check_terms(content: &RosterDraft) -> Result<(), RosterError> {
    let field = |field, rule| Err(RosterError::Field { field, rule });
    match (content.version, content.previous) {
        (0, _) => return field("version", "versions count from 1"),
        (1, None) | (2.., Some(_)) => {}
        (1, Some(_)) | (2.., None) => return Err(RosterError::PreviousMismatch),
    }
    let Admins { quorum, keys } = &content.admins;
    if *quorum == 0 || *quorum > keys.len() {
        return Err(RosterError::Quorum { quorum: *quorum, admins: keys.len() });
    }
    let terms = &content.limits;
    if !(1..=limits::VALIDITY_DAYS).contains(&terms.max_validity_days) {
        return field("limits.max_validity_days", "1 to 90 days");
    }
    if !(1..=2).contains(&terms.minimum_suite) {
        return field("limits.minimum_suite", "suite 1 or 2");
    }
    if usize::try_from(terms.witness_quorum).map_or(true, |quorum| quorum > content.members.len()) {
        return field("limits.witness_quorum", "not more than there are members");
    }
    if terms.freshness_limit_s == 0 {
        return field("limits.freshness_limit_s", "at least one second");
    }
    check_epochs(&content.epochs)
}

fn check_epochs(epochs: &[Epoch]) -> Result<(), RosterError> {
    let mut ids = BTreeSet::from([EpochId::NONE]);
    for epoch in epochs {
        if !ids.insert(epoch.id) {
            return Err(RosterError::EpochId(epoch.number));
        }
    }
    for pair in epochs.windows(2) {
        if let [before, after] = pair
            && before.number.next() != Some(after.number)
        {
            return Err(RosterError::EpochGap { before: before.number, got: after.number });
        }
    }
    // An emergency epoch may start before a scheduled one that was compromised before its time: such a one never starts.
    let started = epochs.iter().filter(|epoch| epoch.compromised_at.is_none_or(|at| epoch.activates_at < at));
    let mut last: Option<&Epoch> = None;
    for epoch in started {
        if last.is_some_and(|last| epoch.activates_at <= last.activates_at) {
            return Err(RosterError::EpochOrder(epoch.number));
        }
        last = Some(epoch);
    }
    Ok(())
}

fn check_admin(consortium: &ConsortiumId, key: &VerifierKey) -> Result<(), RosterError> {
    let wrong = |expected: String| RosterError::AdminName { expected, got: key.name().to_owned() };
    let form = || wrong(format!("{consortium}/{ADMINS}/NAME, type 0x01"));
    let name = key.name().rsplit('/').next().and_then(|name| name.parse::<GroupId>().ok()).ok_or_else(form)?;
    if key.name() != admin_key_name(consortium, &name) || key.signature_type() != SignatureType::Ed25519 {
        return Err(form());
    }
    Ok(())
}

/// The rules of one member's row, shared with member cards.
pub(super) fn check_member(consortium: &ConsortiumId, member: &Member) -> Result<(), RosterError> {
    let field = |field, rule| Err(RosterError::MemberField { member: member.id.clone(), field, rule });
    if member.id.as_str() == ADMINS {
        return field("id", "\"admins\" is reserved");
    }
    if member.valid_from >= member.valid_until {
        return field("valid_until", "later than valid_from");
    }
    for group in member.groups.iter().chain(member.feeds.iter().map(|feed| &feed.group)) {
        if [AUDIT_GROUP, WITNESS_GROUP].contains(&group.as_str()) {
            return field("groups", "\"audit\" and \"witness\" are reserved");
        }
    }
    let key = |role, key: &VerifierKey, expected: String, signature_type| {
        if key.name() == expected && key.signature_type() == signature_type {
            return Ok(());
        }
        Err(RosterError::KeyName { member: member.id.clone(), role, expected, got: key.name().to_owned() })
    };
    key("audit", &member.audit_key, audit_key_name(consortium, &member.id), SignatureType::Ed25519)?;
    key("witness", &member.witness_key, witness_key_name(consortium, &member.id), SignatureType::Cosignature)?;
    let mut last: BTreeMap<&GroupId, TreeSize> = BTreeMap::new();
    for FeedKey { group, from_size, key: feed_key } in &member.feeds {
        key("feed", feed_key, feed_key_name(consortium, &member.id, group), SignatureType::Ed25519)?;
        let in_order = match last.insert(group, *from_size) {
            None => *from_size == TreeSize::EMPTY,
            Some(before) => before < *from_size,
        };
        if !in_order {
            return Err(RosterError::FeedSizes { member: member.id.clone(), group: group.clone() });
        }
    }
    match member.groups.iter().find(|group| !last.contains_key(group)) {
        None => Ok(()),
        Some(group) => Err(RosterError::GroupWithoutFeed { member: member.id.clone(), group: group.clone() }),
    }
}

/// Sees that each public key has one holder and one use.
#[derive(Default)]
struct Uniques {
    /// Public key → the member that uses it for its feeds; none where it has another use.
    taken: BTreeMap<[u8; 32], Option<MemberId>>,
}

impl Uniques {
    /// `feeds_of`: one member may sign its feeds in several groups with one key, since a checkpoint names its feed.
    fn take(&mut self, key: &VerifierKey, feeds_of: Option<&MemberId>) -> Result<(), RosterError> {
        match self.taken.insert(*key.public_key(), feeds_of.cloned()) {
            None => Ok(()),
            Some(before) if feeds_of.is_some() && before.as_ref() == feeds_of => Ok(()),
            Some(_) => Err(RosterError::KeyTwice(key.name().to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::note::key::NoteSigner;
    use crate::domain::roster::samples::{self, NOW, draft, found, group, pin, roster};
    use crate::domain::roster::succession::check_draft;

    fn check(change: impl FnOnce(&mut RosterDraft), expected: impl FnOnce(&RosterError) -> bool) {
        let mut changed = draft(&["bank-a", "bank-b"]);
        check_draft(&changed).expect("the sample is valid");
        change(&mut changed);
        let refused = check_draft(&changed).expect_err("the rule must refuse");
        assert!(expected(&refused), "{refused}");
    }

    fn id(name: &str) -> MemberId {
        name.parse().expect("valid")
    }

    #[test]
    fn ids_pins_and_keys_are_unique() {
        check(
            |d| d.members[1] = samples::member("bank-a"),
            |e| matches!(e, RosterError::MemberTwice(member) if *member == id("bank-a")),
        );
        check(|d| d.members[1].pins = vec![pin("bank-a")], |e| matches!(e, RosterError::PinTwice(_)));
        check(|d| d.members[0].pins = vec![pin("x"), pin("x")], |e| matches!(e, RosterError::PinTwice(_)));
        check(|d| d.members[1].hpke_key = d.members[0].hpke_key.clone(), |e| matches!(e, RosterError::KeyTwice(_)));
        check(|d| d.admins.keys[1] = d.admins.keys[0].clone(), |e| matches!(e, RosterError::KeyTwice(_)));
        let audit_with_feed_key = |d: &mut RosterDraft| {
            let member = &mut d.members[0];
            let name = member.audit_key.name().to_owned();
            let key = member.feeds[0].key.public_key();
            member.audit_key = VerifierKey::new(&name, SignatureType::Ed25519, key).expect("valid");
        };
        check(audit_with_feed_key, |e| matches!(e, RosterError::KeyTwice(_)));
    }

    #[test]
    fn one_member_may_sign_two_groups_with_one_key_but_no_other_member_may() {
        let other: GroupId = "cards".parse().expect("valid");
        let mut valid = draft(&["bank-a", "bank-b"]);
        let public = *valid.members[0].feeds[0].key.public_key();
        let key_of = |member: &str| {
            let name = feed_key_name(&samples::consortium(), &id(member), &other);
            VerifierKey::new(&name, SignatureType::Ed25519, &public).expect("valid")
        };
        let feed_key = |member| FeedKey { group: other.clone(), from_size: TreeSize::EMPTY, key: key_of(member) };
        valid.members[0].feeds.push(feed_key("bank-a"));
        check_draft(&valid).expect("one holder, one use");
        valid.members[1].feeds.push(feed_key("bank-b"));
        assert!(matches!(check_draft(&valid), Err(RosterError::KeyTwice(_))));
    }

    #[test]
    fn keys_carry_the_name_of_their_holder_and_use() {
        check(
            |d| d.members[0].audit_key = samples::audit_signer("bank-b").verifier().clone(),
            |e| matches!(e, RosterError::KeyName { role: "audit", .. }),
        );
        check(
            |d| d.members[0].witness_key = d.members[0].audit_key.clone(),
            |e| matches!(e, RosterError::KeyName { role: "witness", .. }),
        );
        check(
            |d| d.members[0].feeds[0].key = samples::feed_signer("bank-b").verifier().clone(),
            |e| matches!(e, RosterError::KeyName { role: "feed", .. }),
        );
        check(|d| d.admins.keys[0] = d.members[0].audit_key.clone(), |e| matches!(e, RosterError::AdminName { .. }));
    }

    #[test]
    fn reserved_names_are_refused() {
        check(|d| d.members[0].id = id(ADMINS), |e| matches!(e, RosterError::MemberField { field: "id", .. }));
        check(
            |d| d.members[0].groups = ["audit".parse().expect("valid")].into(),
            |e| matches!(e, RosterError::MemberField { field: "groups", .. }),
        );
    }

    #[test]
    fn feed_keys_count_from_ascending_sizes_starting_at_zero() {
        check(|d| d.members[0].feeds[0].from_size = TreeSize(1), |e| matches!(e, RosterError::FeedSizes { .. }));
        let again = |d: &mut RosterDraft| {
            let feed = d.members[0].feeds[0].clone();
            d.members[0].feeds.push(feed);
        };
        check(again, |e| matches!(e, RosterError::FeedSizes { .. }));
        check(
            |d| d.members[0].groups = ["cards".parse().expect("valid")].into(),
            |e| matches!(e, RosterError::GroupWithoutFeed { .. }),
        );
    }

    #[test]
    fn terms_stay_inside_their_bounds() {
        let field =
            |name: &'static str| move |e: &RosterError| matches!(e, RosterError::Field { field, .. } if *field == name);
        check(|d| d.limits.max_validity_days = 0, field("limits.max_validity_days"));
        check(|d| d.limits.max_validity_days = 91, field("limits.max_validity_days"));
        check(|d| d.limits.minimum_suite = 3, field("limits.minimum_suite"));
        check(|d| d.limits.witness_quorum = 3, field("limits.witness_quorum"));
        check(|d| d.limits.freshness_limit_s = 0, field("limits.freshness_limit_s"));
        check(|d| d.version = 0, field("version"));
        check(|d| d.version = 2, |e| *e == RosterError::PreviousMismatch);
        check(|d| d.previous = Some(pin("x")), |e| *e == RosterError::PreviousMismatch);
        check(|d| d.admins.quorum = 0, |e| matches!(e, RosterError::Quorum { .. }));
        check(|d| d.admins.quorum = 4, |e| matches!(e, RosterError::Quorum { .. }));
        check(
            |d| d.members[0].valid_until = d.members[0].valid_from,
            |e| matches!(e, RosterError::MemberField { field: "valid_until", .. }),
        );
    }

    #[test]
    fn counts_stay_inside_their_bounds() {
        let count =
            |what: &'static str| move |e: &RosterError| matches!(e, RosterError::Count { what: it, .. } if *it == what);
        check(|d| d.members.clear(), count("members"));
        check(|d| d.epochs.clear(), count("epochs"));
        check(|d| d.admins.keys.clear(), count("admin keys"));
        check(|d| d.members[0].pins.clear(), count("pins of a member"));
        check(|d| d.members[0].pins = vec![pin("x"), pin("y"), pin("z")], count("pins of a member"));
        check(|d| d.members[0].feeds.clear(), count("feed keys of a member"));
        let endpoint = |number: usize| format!("n{number}.example:1").parse().expect("valid");
        check(|d| d.members[0].endpoints = (0..9).map(endpoint).collect(), count("endpoints of a member"));
        check(
            |d| d.members = (0..=limits::MEMBERS).map(|number| samples::member(&format!("m{number}"))).collect(),
            |e| matches!(e, RosterError::Count { what: "members", .. } | RosterError::TooLong { .. }),
        );
    }

    #[test]
    fn a_full_roster_fits_its_note() {
        let mut full = draft(&["bank-a"]);
        full.members = (0..limits::MEMBERS).map(|number| samples::member(&format!("member-{number}"))).collect();
        assert_eq!(found(&full).members().len(), limits::MEMBERS);
    }

    fn epoch(number: u32, day: u64) -> Epoch {
        let byte = u8::try_from(number).expect("small");
        let activates_at = NOW.plus_s(day * 86_400);
        Epoch { number: KeyEpoch(number), id: EpochId([byte; 16]), activates_at, compromised_at: None }
    }

    #[test]
    fn epochs_are_consecutive_and_ascend() {
        check(|d| d.epochs.push(epoch(3, 1)), |e| matches!(e, RosterError::EpochGap { .. }));
        check(|d| d.epochs.push(epoch(2, 0)), |e| matches!(e, RosterError::EpochOrder(KeyEpoch(2))));
        check(
            |d| d.epochs.push(Epoch { id: EpochId([1; 16]), ..epoch(2, 1) }),
            |e| matches!(e, RosterError::EpochId(KeyEpoch(2))),
        );
        check(|d| d.epochs[0].id = EpochId::NONE, |e| matches!(e, RosterError::EpochId(KeyEpoch(1))));
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
