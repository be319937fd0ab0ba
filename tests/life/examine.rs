//! Examining a record of the audit log: every step holds where nothing was touched, and the one that does not is named.

use hushwire::base::position::{EntryIndex, TreeSize};
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::check::{CheckStep, Held, all_hold};
use hushwire::domain::audit::record::{Actor, AuditRecord};
use hushwire::domain::feed::entry::EntryKind;
use hushwire::node::commit::{Commit, change};
use hushwire::node::examine::Examined;
use hushwire::node::store::{Journal, Keep};

use crate::consortium::{Consortium, START};
use crate::erasure::erase;
use crate::house::{Disk, House, exchange};
use crate::witnessing::{go_on, minute, witness};

/// The newest record of an action, examined.
fn examine(house: &mut House, action: &str, now: Timestamp) -> Examined {
    let size = house.node.state().audit.durable_size;
    let slice = house.node.export_audit_slice(TreeSize::EMPTY, size).expect("reads");
    let of_action = |blob: &[u8]| AuditRecord::decode(blob).is_ok_and(|record| record.action() == action);
    let index = slice.iter().rev().find(|logged| of_action(&logged.entry.blob)).expect("it happened").index;
    let examined = house.node.examine_audit_record(&Actor::Node, index, now, &mut house.rng).expect("reads");
    house.node.sync().expect("syncs");
    examined.expect("the log has it")
}

fn not_held(steps: &[CheckStep]) -> Vec<(&'static str, Held)> {
    steps.iter().filter(|step| step.held != Held::Holds).map(|step| (step.step, step.held)).collect()
}

fn world() -> (Consortium, House, House) {
    let consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let [mut bank, mut other, mut shop] =
        [0, 1, 2].map(|member| House::open(&consortium, member, Disk::default(), START));
    for from in [&other, &shop] {
        exchange(&consortium, &mut bank, from, START);
    }
    for from in [&bank, &shop] {
        exchange(&consortium, &mut other, from, START);
    }
    bank.tick(START);
    for nth in 1..4 {
        go_on(&mut bank, nth);
        witness(&consortium, &mut bank, &mut shop, None, minute(nth)).expect("one log");
    }
    other.tick(minute(3));
    exchange(&consortium, &mut other, &bank, minute(3));
    (consortium, bank, other)
}

#[test]
fn a_record_that_others_cosigned_holds_in_every_step_and_names_who_vouches_for_it() {
    let (_, mut bank, _) = world();
    let examined = examine(&mut bank, "node.started", minute(4));
    assert_eq!(not_held(&examined.steps), []);
    let vouching: Vec<(&str, bool)> =
        examined.cosigned.iter().map(|one| (one.member.as_str(), one.is_author)).collect();
    assert_eq!(vouching, [("bank-a", true), ("shop", false)]);
    assert!(examined.cosigned.iter().all(|one| one.at <= minute(4)));
    let newest = examine(&mut bank, "audit.proved", minute(4));
    assert_eq!(not_held(&newest.steps), [("cosignatures", Held::Open)], "nobody has seen that one yet");
    let beyond = EntryIndex(u64::MAX);
    let examined = bank.node.examine_audit_record(&Actor::Node, beyond, minute(4), &mut bank.rng).expect("reads");
    assert!(examined.is_none());
}

#[test]
fn what_came_and_what_left_is_proved_by_the_feed_it_stands_in_also_when_it_is_erased() {
    let (consortium, mut bank, mut other) = world();
    let came = examine(&mut other, "feed.received", minute(4));
    assert_eq!((came.entries.len(), came.entries_left_out), (3, 0));
    for entry in &came.entries {
        assert_eq!((entry.feed.clone(), entry.kind), (consortium.feed(0), EntryKind::Indicator));
        assert!(all_hold(&entry.steps), "{:?}", entry.steps);
    }
    let published = examine(&mut bank, "indicator.published", minute(4));
    let target = published.entries.first().expect("its entry").commitment;
    assert!(published.record.expect("kept").subject().ends_with(&target.to_string()));
    erase(&mut bank, target, minute(4));
    bank.tick(minute(5));
    let erased = examine(&mut bank, "indicator.published", minute(5));
    assert!(erased.entries.is_empty(), "nothing leads there any more");
    exchange(&consortium, &mut other, &bank, minute(5));
    let first = examine(&mut other, "feed.received", minute(5));
    assert!(first.entries.iter().any(|entry| entry.kind == EntryKind::Erasure && all_hold(&entry.steps)));
}

#[test]
fn a_record_that_was_rewritten_under_the_node_fails_at_the_step_that_shows_it() {
    let (_, mut bank, _) = world();
    let rewritten = bank.disk.lock().compact(&mut |_, record| {
        let mut commit = Commit::from_bytes(record).expect("readable");
        for change in &mut commit.changes {
            let Some(change::Kind::Audited(audited)) = change.kind.as_mut() else { continue };
            for entry in &mut audited.entries {
                if let Some(byte) = entry.blob.last_mut() {
                    *byte ^= 1;
                }
            }
        }
        Keep::Rewritten(commit.to_bytes())
    });
    rewritten.expect("rewrites");
    let examined = bank.node.examine_audit_record(&Actor::Node, EntryIndex(0), minute(4), &mut bank.rng);
    let examined = examined.expect("reads").expect("the log has it");
    let failed = not_held(&examined.steps);
    assert!(failed.contains(&("content", Held::Fails)), "{failed:?}");
    assert!(!all_hold(&examined.steps));
    let held: Vec<&str> = examined.steps.iter().filter(|step| step.held == Held::Holds).map(|step| step.step).collect();
    // Words can be read from other bytes too: that they are not the ones committed to is the step before.
    assert_eq!(held, ["leaf", "words", "inclusion", "signature", "roster", "cosignatures"], "the tree was not touched");
}
