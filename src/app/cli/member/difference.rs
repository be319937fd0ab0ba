//! What one roster changes against the one before it, in words an admin can hold against what was agreed.

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::app::output::counted;
use crate::domain::note::key::VerifierKey;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::member::{Member, MemberState};
use crate::domain::roster::terms::{Admins, Epoch, Limits};
use crate::io::keystore::rollover::fingerprint;

/// A line a change; none where nothing but the number changes. Taken apart field by field, so that nothing a roster says can
/// change unsaid.
pub fn changes(before: &RosterDraft, next: &RosterDraft) -> Vec<String> {
    let RosterDraft { consortium, version: _, previous: _, not_after, admins, limits, epochs, members } = before;
    let mut lines = Vec::new();
    replaced(&mut lines, "consortium", consortium, &next.consortium);
    members_changed(&mut lines, members, &next.members);
    admins_changed(&mut lines, admins, &next.admins);
    limits_changed(&mut lines, limits, &next.limits);
    epochs_changed(&mut lines, epochs, &next.epochs);
    replaced(&mut lines, "the roster is valid until", not_after, &next.not_after);
    lines
}

fn replaced<T: PartialEq + Display>(lines: &mut Vec<String>, what: &str, before: &T, next: &T) {
    if before != next {
        lines.push(format!("{what}: {before} → {next}"));
    }
}

/// What came and what went of a list, named by `shown`.
fn come_and_gone<T: PartialEq>(before: &[T], next: &[T], shown: impl Fn(&T) -> String) -> (Vec<String>, Vec<String>) {
    let beyond = |these: &[T], those: &[T]| these.iter().filter(|one| !those.contains(one)).map(&shown).collect();
    (beyond(next, before), beyond(before, next))
}

fn members_changed(lines: &mut Vec<String>, before: &[Member], next: &[Member]) {
    for row in next {
        match before.iter().find(|known| known.id == row.id) {
            Some(known) => member_changed(lines, known, row),
            None => lines.push(format!(
                "NEW MEMBER {} \"{}\": {}, groups {}, at {}, {} a day, until {}",
                row.id,
                row.name,
                row.state.label(),
                listed(&row.groups),
                listed(&row.endpoints),
                counted(row.entries_per_day, "entry", "entries"),
                row.valid_until
            )),
        }
    }
    for gone in before.iter().filter(|known| next.iter().all(|row| row.id != known.id)) {
        lines.push(format!("member {} is no longer listed", gone.id));
    }
}

fn listed<'a, T: Display + 'a>(items: impl IntoIterator<Item = &'a T>) -> String {
    let items: Vec<String> = items.into_iter().map(ToString::to_string).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(" ") }
}

fn member_changed(lines: &mut Vec<String>, before: &Member, next: &Member) {
    let Member {
        id,
        name,
        state,
        valid_from,
        valid_until,
        entries_per_day,
        endpoints,
        pins,
        groups,
        feeds,
        audit_key,
        witness_key,
        hpke_key,
    } = before;
    if *state != next.state {
        lines.push(match next.state {
            MemberState::Active => format!("member {id} is let back in"),
            MemberState::Suspended => format!("member {id} is SUSPENDED: no connection, nothing new of it counts"),
            MemberState::Left => format!("member {id} LEAVES FOR GOOD"),
        });
    }
    replaced(lines, &format!("member {id}: name"), name, &next.name);
    replaced(lines, &format!("member {id}: takes part from"), valid_from, &next.valid_from);
    replaced(lines, &format!("member {id}: takes part until"), valid_until, &next.valid_until);
    replaced(lines, &format!("member {id}: entries a day"), entries_per_day, &next.entries_per_day);
    if *endpoints != next.endpoints {
        lines.push(format!("member {id}: is reached at {} → {}", listed(endpoints), listed(&next.endpoints)));
    }
    let group_list = |groups: &BTreeSet<_>| groups.iter().cloned().collect::<Vec<_>>();
    let (come, gone) = come_and_gone(&group_list(groups), &group_list(&next.groups), ToString::to_string);
    lines.extend(come.iter().map(|group| format!("member {id}: enters group {group}")));
    lines.extend(gone.iter().map(|group| format!("member {id}: leaves group {group}")));
    let (come, gone) = come_and_gone(pins, &next.pins, ToString::to_string);
    lines.extend(come.iter().map(|pin| format!("member {id}: certificate key {pin} is admitted")));
    lines.extend(gone.iter().map(|pin| format!("member {id}: certificate key {pin} is shut out")));
    let (come, gone) = come_and_gone(feeds, &next.feeds, |feed| {
        format!("{} for group {} from size {}", feed.key, feed.group, feed.from_size)
    });
    lines.extend(come.iter().map(|feed| format!("member {id}: new feed key {feed}")));
    lines.extend(gone.iter().map(|feed| format!("member {id}: feed key {feed} is gone")));
    replaced(lines, &format!("member {id}: audit key"), audit_key, &next.audit_key);
    replaced(lines, &format!("member {id}: witness key"), witness_key, &next.witness_key);
    let hpke = |member: &Member| fingerprint(member.hpke_key.as_bytes());
    if *hpke_key != next.hpke_key {
        replaced(lines, &format!("member {id}: key for sealed bundles"), &hpke(before), &hpke(next));
    }
}

fn admins_changed(lines: &mut Vec<String>, before: &Admins, next: &Admins) {
    let Admins { quorum, keys } = before;
    let (come, gone) = come_and_gone(keys, &next.keys, VerifierKey::to_string);
    lines.extend(come.iter().map(|key| format!("NEW ADMIN {key}")));
    lines.extend(gone.iter().map(|key| format!("admin {key} signs no longer")));
    replaced(lines, "admins that must sign", quorum, &next.quorum);
}

fn limits_changed(lines: &mut Vec<String>, before: &Limits, next: &Limits) {
    let Limits { max_validity_days, minimum_grounds, minimum_suite, witness_quorum, freshness_limit_s } = before;
    replaced(lines, "longest validity of an indicator, days", max_validity_days, &next.max_validity_days);
    replaced(lines, "minimum grounds", &minimum_grounds.label(), &next.minimum_grounds.label());
    replaced(lines, "minimum suite", minimum_suite, &next.minimum_suite);
    replaced(lines, "cosignatures needed", witness_quorum, &next.witness_quorum);
    replaced(lines, "a feed is stale after, seconds", freshness_limit_s, &next.freshness_limit_s);
}

fn epochs_changed(lines: &mut Vec<String>, before: &[Epoch], next: &[Epoch]) {
    for epoch in next {
        let Epoch { number, id, activates_at, compromised_at } = epoch;
        let Some(known) = before.iter().find(|known| known.number == *number) else {
            lines.push(format!("new key epoch {number} ({id}) from {activates_at}"));
            continue;
        };
        replaced(lines, &format!("epoch {number}: id"), &known.id, id);
        replaced(lines, &format!("epoch {number}: from"), &known.activates_at, activates_at);
        if known.compromised_at != *compromised_at {
            let declared =
                compromised_at.map_or_else(|| "compromised no longer".to_owned(), |at| format!("COMPROMISED at {at}"));
            lines.push(format!("epoch {number}: {declared}"));
        }
    }
    for gone in before.iter().filter(|known| next.iter().all(|epoch| epoch.number != known.number)) {
        lines.push(format!("epoch {} is no longer listed", gone.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Sha256Digest;
    use crate::base::time::Timestamp;
    use crate::domain::roster::samples::draft;
    use crate::domain::roster::terms::MinimumGrounds;

    #[test]
    fn a_roster_that_changes_nothing_but_its_number_has_no_lines() {
        let before = draft(&["bank-a", "bank-b"]);
        let next = RosterDraft { version: 2, previous: Some(Sha256Digest([1; 32])), ..before.clone() };
        assert_eq!(changes(&before, &next), Vec::<String>::new());
    }

    #[test]
    fn every_change_is_said() {
        let before = draft(&["bank-a", "bank-b"]);
        let said = |change: &dyn Fn(&mut RosterDraft), part: &str| {
            let mut next = before.clone();
            change(&mut next);
            let lines = changes(&before, &next);
            assert!(lines.len() == 1 && lines[0].contains(part), "{part:?} is not the one line of {lines:?}");
            let back = changes(&next, &before);
            assert_eq!(back.len(), 1, "{back:?}");
        };
        let other = before.members[1].clone();
        let first = before.members[0].id.clone();
        said(&|next| next.members[0].state = MemberState::Suspended, "SUSPENDED");
        said(&|next| next.members[0].name = "Bank Z".parse().expect("valid"), "→ Bank Z");
        said(&|next| next.members[0].valid_until = Timestamp::from_unix_s(9), "takes part until");
        said(&|next| next.members[0].entries_per_day += 1, "entries a day");
        said(&|next| next.members[0].endpoints = vec!["z.example:1".parse().expect("valid")], "→ z.example:1");
        said(&|next| next.members[0].pins.push(Sha256Digest([9; 32])), "is admitted");
        said(&|next| next.members[0].groups.extend(["cards".parse().expect("valid")]), "enters group cards");
        said(&|next| next.members[0].feeds.extend(other.feeds.clone()), "new feed key");
        said(&|next| next.members[0].audit_key = other.audit_key.clone(), &format!("{first}: audit key"));
        said(&|next| next.members[0].witness_key = other.witness_key.clone(), "witness key");
        said(&|next| next.members[0].hpke_key = other.hpke_key.clone(), "key for sealed bundles");
        said(&|next| next.members.truncate(1), "no longer listed");
        said(&|next| next.admins.quorum += 1, "admins that must sign");
        said(&|next| next.admins.keys.push(other.audit_key.clone()), "NEW ADMIN");
        said(&|next| next.limits.max_validity_days -= 1, "longest validity");
        said(
            &|next| next.limits.minimum_grounds = MinimumGrounds::Authority,
            "minimum grounds: own-confirmed → authority",
        );
        said(&|next| next.limits.minimum_suite = 2, "minimum suite: 1 → 2");
        said(&|next| next.limits.witness_quorum += 1, "cosignatures needed");
        said(&|next| next.limits.freshness_limit_s += 1, "stale after");
        said(&|next| next.epochs[0].compromised_at = Some(Timestamp::from_unix_s(9)), "COMPROMISED at");
        said(&|next| next.epochs.clear(), "is no longer listed");
        said(&|next| next.not_after = Timestamp::from_unix_s(9), "valid until");
    }
}
