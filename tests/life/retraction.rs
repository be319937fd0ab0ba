//! Withdrawing by the publisher's own reference, and by identifier.

use std::collections::{BTreeMap, BTreeSet};

use hushwire::base::bytes::Commitment;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::limits;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::indicator::draft::Draft;
use hushwire::domain::indicator::words::{Grounds, RetractionReason, Severity};
use hushwire::node::publish::{IndicatorDraft, PublishRequest};
use hushwire::node::retract::{RetractReceipt, RetractRequest};
use hushwire::node::select::Selectors;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House};

#[test]
fn a_reference_withdraws_all_that_was_published_under_it() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let count = limits::ROWS_PER_SCAN + 1;
    for device in 0..count {
        bank.publish(&format!("device-of-a-case-{device:05}"), 30, Some("case 1"), START);
    }
    let request = RetractRequest {
        request: None,
        selectors: Selectors { source_refs: vec!["case 1".to_owned()], ..Selectors::default() },
        reason: RetractionReason::FalsePositive,
    };
    let receipt = bank.node.retract_indicators(&Actor::Node, request, START, &mut bank.rng).expect("retracts");
    assert_eq!((receipt.retracted.len(), receipt.refused.len()), (count, 0));
}

/// Publishes one identifier under a case; the kinds it became, with their names.
fn publish(bank: &mut House, kind: IdentifierKind, value: &str, case: &str) -> BTreeMap<IdentifierKind, Commitment> {
    let draft = IndicatorDraft {
        identifier: RawIdentifier::new(kind, value.to_owned()),
        details: Draft {
            typology: "F1012".to_owned(),
            severity: Some(Severity::High),
            confidence: 80,
            grounds: Some(Grounds::OwnConfirmed),
            ..Draft::default()
        },
        source_ref: Some(case.to_owned()),
        supersedes: None,
    };
    let drafts = vec![Ok(draft)];
    let asked = PublishRequest { request: None, group: None, drafts, dry_run: false, force_wide: false, spread_s: 0 };
    let receipt = bank.node.publish_indicators(&Actor::Node, asked, START, &mut bank.rng).expect("publishes");
    assert!(receipt.refused.is_empty(), "{:?}", receipt.refused);
    bank.node.sync().expect("syncs");
    receipt.published.iter().map(|published| (published.kind, published.commitment)).collect()
}

fn retract(bank: &mut House, request: &str, kind: IdentifierKind, value: &str) -> RetractReceipt {
    let identifiers = vec![Ok(RawIdentifier::new(kind, value.to_owned()))];
    let request = RetractRequest {
        request: bank.node.request(request, value.as_bytes()),
        selectors: Selectors { identifiers, ..Selectors::default() },
        reason: RetractionReason::FalsePositive,
    };
    let receipt = bank.node.retract_indicators(&Actor::Node, request, START, &mut bank.rng).expect("retracts");
    bank.node.sync().expect("syncs");
    receipt
}

#[test]
fn an_identifier_withdraws_what_was_published_for_it_and_tells_what_others_derived() {
    use IdentifierKind::{Domain, Email, Ip, Ip6Net, Mailbox, Url};
    let (dotted, plain) = ("mara.kroll.4711@gmail.com", "marakroll4711@gmail.com");
    let cases = [
        (Email, dotted, plain, Mailbox),
        (Url, "http://pay.fraud-host.com/a", "http://pay.fraud-host.com/b", Domain),
        (Ip, "2a0c:d981:6f3e:7a10::1", "2a0c:d981:6f3e:7a10::2", Ip6Net),
    ];
    for (kind, one, other, derived) in cases {
        let consortium = Consortium::new(&["bank-a"]);
        let mut bank = House::open(&consortium, 0, Disk::default(), START);
        let first = publish(&mut bank, kind, one, "case 1");
        let second = publish(&mut bank, kind, other, "case 2");
        bank.tick(START);
        let mut bank = House::open(&consortium, 0, bank.disk, START);
        let receipt = retract(&mut bank, "r1", kind, one);
        let set = |named: &[Commitment]| named.iter().copied().collect::<BTreeSet<_>>();
        let all = |published: &BTreeMap<IdentifierKind, Commitment>| published.values().copied().collect();
        assert_eq!(set(&receipt.retracted), all(&first), "{kind}");
        assert!(receipt.kept.contains(&second[&derived]) && receipt.refused.is_empty(), "{kind}: {receipt:?}");
        assert!(!receipt.kept.contains(&second[&kind]), "{kind}: it leads nowhere near it");
        assert_eq!(retract(&mut bank, "r1", kind, one), receipt, "the same answer to the same request");
        let last = retract(&mut bank, "r2", kind, other);
        assert_eq!((set(&last.retracted), last.kept.len()), (all(&second), 0), "{kind}");
        bank.tick(START);
        assert_eq!(bank.live(), 0, "{kind}");
    }
}

#[test]
fn what_was_only_derived_is_not_withdrawn_as_if_it_had_been_published_itself() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let email = publish(&mut bank, IdentifierKind::Email, "mara.kroll.4711@gmail.com", "case 1");
    let mailbox = publish(&mut bank, IdentifierKind::Mailbox, "marakroll4711@gmail.com", "case 2");
    bank.tick(START);
    let receipt = retract(&mut bank, "", IdentifierKind::Mailbox, "marakroll4711@gmail.com");
    assert_eq!(receipt.retracted, [mailbox[&IdentifierKind::Mailbox]]);
    assert_eq!(receipt.kept, [email[&IdentifierKind::Mailbox]]);
    let nothing = retract(&mut bank, "", IdentifierKind::Mailbox, "marakroll4711@gmail.com");
    assert_eq!((nothing.retracted.len(), nothing.kept, nothing.refused.len()), (0, receipt.kept, 1));
}

#[test]
fn what_an_indicator_was_derived_from_is_forgotten_when_it_expires() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    publish(&mut bank, IdentifierKind::Email, "mara.kroll.4711@gmail.com", "case 1");
    bank.tick(START);
    let kept = |bank: &House| bank.disk.bytes().len();
    bank.node.compact(START.plus_s(2 * 86_400)).expect("compacts");
    let alive = House::open(&consortium, 0, bank.disk.copy(), START.plus_s(2 * 86_400));
    let mut alive = alive;
    let receipt = retract(&mut alive, "", IdentifierKind::Email, "mara.kroll.4711@gmail.com");
    assert_eq!((receipt.retracted.len(), receipt.kept.len()), (2, 0), "compaction keeps it while the indicator lives");
    let before = kept(&bank);
    bank.node.compact(START.plus_s(300 * 86_400)).expect("compacts");
    assert!(kept(&bank) + 64 < before, "the prepared entries are gone with their marks");
}
