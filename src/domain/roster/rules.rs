//! The rules inside one version of a roster: what may stand beside what.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::epoch::EpochId;
use crate::base::limits;
use crate::base::name::{ConsortiumId, GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::domain::note::key::{SignatureType, VerifierKey};
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::error::RosterError;
use crate::domain::roster::member::{
    ADMINS, AUDIT_GROUP, FeedKey, Member, MemberState, WITNESS_GROUP, admin_key_name, audit_key_name, feed_key_name,
    witness_key_name,
};
use crate::domain::roster::terms::{Admins, Epoch};

/// Checks everything one version can be checked for by itself.
pub(super) fn check_rules(content: &RosterDraft) -> Result<(), RosterError> {
    check_terms(content)?;
    let mut keys = Uniques::default();
    for admin in &content.admins.keys {
        check_admin(&content.consortium, admin)?;
        keys.take(admin, None)?;
    }
    let (mut ids, mut pins, mut hpke_keys) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for member in &content.members {
        check_member(&content.consortium, member)?;
        if !ids.insert(&member.id) {
            return Err(RosterError::MemberTwice(member.id.clone()));
        }
        if !member.pins.iter().all(|pin| pins.insert(pin)) {
            return Err(RosterError::PinTwice(member.id.clone()));
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
    Ok(())
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
    check_witness_quorum(content)?;
    if terms.freshness_limit_s == 0 {
        return field("limits.freshness_limit_s", "at least one second");
    }
    check_epochs(&content.epochs)
}

/// With n active members of whom f = ⌊(n − 1) / 3⌋ may be faulty, two quorums of q share more than f where 2q − n > f: then
/// no two histories of one feed can both be witnessed. A feed's author is no witness of it, so q goes to n − 1; below four
/// members nobody may be faulty and the rule stays off.
fn check_witness_quorum(content: &RosterDraft) -> Result<(), RosterError> {
    let quorum = content.limits.witness_quorum;
    let active = content.members.iter().filter(|member| member.state == MemberState::Active).count();
    let active = u32::try_from(active).unwrap_or(u32::MAX);
    let faulty = active.saturating_sub(1) / 3;
    let (least, most) = ((active + faulty) / 2 + 1, active.saturating_sub(1));
    if quorum == 0 || (faulty > 0 && (least..=most).contains(&quorum)) {
        return Ok(());
    }
    if faulty == 0 {
        return Err(RosterError::WitnessesTooFew { quorum, active });
    }
    Err(RosterError::WitnessQuorum { quorum, active, faulty, least, most })
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
    let mut last: Option<&Epoch> = None;
    for epoch in epochs.iter().filter(|epoch| epoch.begins()) {
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
    use crate::base::epoch::KeyEpoch;
    use crate::domain::roster::samples::{self, NOW, draft, found, pin};
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

    fn epoch(number: u32, day: u64) -> Epoch {
        let byte = u8::try_from(number).expect("small");
        let activates_at = NOW.plus_s(day * 86_400);
        Epoch { number: KeyEpoch(number), id: EpochId([byte; 16]), activates_at, compromised_at: None }
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
    fn a_witness_quorum_is_reachable_and_lets_no_two_histories_pass() {
        let check = |active: usize, left: usize, allowed: &[u32]| {
            let mut terms = draft(&["a"]);
            terms.members = (0..active + left).map(|number| samples::member(&format!("m{number}"))).collect();
            for member in terms.members.iter_mut().skip(active) {
                member.state = MemberState::Left;
            }
            let passes = (0..12).filter(|quorum| {
                terms.limits.witness_quorum = *quorum;
                check_draft(&terms).is_ok()
            });
            assert_eq!(passes.collect::<Vec<_>>(), allowed, "{active} active, {left} left");
        };
        check(1, 0, &[0]);
        check(3, 0, &[0]);
        check(3, 4, &[0]);
        check(4, 0, &[0, 3]);
        check(5, 3, &[0, 4]);
        check(6, 0, &[0, 4, 5]);
        check(7, 0, &[0, 5, 6]);
        check(10, 0, &[0, 7, 8, 9]);
        let refused = |members: &[&str]| {
            let mut terms = draft(members);
            terms.limits.witness_quorum = 2;
            check_draft(&terms)
        };
        let wrong = RosterError::WitnessQuorum { quorum: 2, active: 4, faulty: 1, least: 3, most: 3 };
        assert_eq!(refused(&["a", "b", "c", "d"]), Err(wrong));
        assert_eq!(refused(&["a", "b", "c"]), Err(RosterError::WitnessesTooFew { quorum: 2, active: 3 }));
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
}
