//! The member's own lists: they survive a restart, a compaction leaves what still acts, and each entry ends in its time.

use hushwire::base::kind::IdentifierKind;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::audit::search::AuditFilter;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::screening::own_lists::{ListingReason, OwnList};
use hushwire::node::list::{ListFault, ListReceipt, ListRow, ListTarget, ListingDraft};
use hushwire::node::publish::Refused;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House};

const DAY_S: u64 = 86_400;

fn draft(list: OwnList, device: &str, until: Option<Timestamp>) -> ListingDraft {
    let identifier = RawIdentifier::new(IdentifierKind::Device, device.to_owned());
    ListingDraft { list, identifier, until, reason: ListingReason::OwnFraud, note: "seen at the desk".to_owned() }
}

fn alone() -> (Consortium, House) {
    let consortium = Consortium::new(&["bank-a"]);
    let house = House::open(&consortium, 0, Disk::default(), START);
    (consortium, house)
}

impl House {
    fn add(&mut self, request: &str, drafts: Vec<ListingDraft>, now: Timestamp) -> Result<ListReceipt, ListFault> {
        let request = self.node.request(request, format!("{drafts:?}").as_bytes());
        let drafts = drafts.into_iter().map(Ok).collect();
        let receipt = self.node.add_listed(&Actor::Node, request, drafts, now, &mut self.rng);
        self.node.sync().expect("syncs");
        receipt
    }

    fn unlist(&mut self, list: OwnList, target: Result<ListTarget, Refused>, now: Timestamp) -> ListReceipt {
        let receipt = self.node.remove_listed(&Actor::Node, None, list, vec![target], now, &mut self.rng);
        self.node.sync().expect("syncs");
        receipt.expect("the call as a whole is well")
    }

    fn rows(&self, now: Timestamp) -> Vec<ListRow> {
        let (rows, more) = self.node.list_listed(None, None, 1_000, now);
        assert!(!more);
        rows
    }

    /// The listings of the audit log, as they are rendered.
    fn told(&mut self, now: Timestamp) -> Vec<String> {
        let filter = AuditFilter { action_prefix: "list.".to_owned(), ..AuditFilter::default() };
        let from = hushwire::node::audit_place::AuditPlace::START;
        let page = self.node.list_audit_records(&Actor::Node, &filter, &from, 1_000, now, &mut self.rng);
        let records = page.expect("reads").entries.into_iter().map(|logged| {
            let record = hushwire::domain::audit::record::AuditRecord::decode(&logged.entry.blob);
            record.expect("our own").to_string()
        });
        records.map(|line| line.split_once(' ').expect("a time in front").1.to_owned()).collect()
    }
}

#[test]
fn lists_survive_a_restart_and_each_change_is_told_without_the_value() {
    let (consortium, mut house) = alone();
    let until = START.plus_s(30 * DAY_S);
    let drafts = vec![
        draft(OwnList::Block, "device-of-a-case-01", None),
        draft(OwnList::Allow, "device-of-a-case-02", Some(until)),
    ];
    assert_eq!(house.add("", drafts, START).expect("taken").done, 2);
    let told = house.told(START);
    assert_eq!(
        told,
        [
            "ok list.added block by node kind=device reason=own-fraud".to_owned(),
            format!("ok list.added allow by node kind=device reason=own-fraud until={until}"),
        ]
    );
    let rows = house.rows(START);
    let mut again = House::open(&consortium, 0, house.disk, START);
    assert_eq!((again.rows(START).len(), again.rows(START)), (2, rows));
    assert_eq!((again.node.status(START).allowed, again.node.status(START).blocked), (1, 1));
    let shown = again.node.state().shown_lists.load_full();
    assert_eq!(shown.held(), 2, "screening sees them");
    let target = RawIdentifier::new(IdentifierKind::Device, "device-of-a-case-01".to_owned());
    assert_eq!(again.unlist(OwnList::Block, Ok(ListTarget::Identifier(target)), START).done, 1);
    assert_eq!(again.told(START).last().map(String::as_str), Some("ok list.removed block by node kind=device"));
    let again = House::open(&consortium, 0, again.disk, START);
    assert_eq!(again.rows(START).len(), 1);
}

#[test]
fn nothing_shows_to_screening_before_it_is_durable() {
    let (_, mut house) = alone();
    let drafts = vec![Ok(draft(OwnList::Block, "device-of-a-case-01", None))];
    house.node.add_listed(&Actor::Node, None, drafts, START, &mut house.rng).expect("taken");
    assert_eq!(house.node.state().shown_lists.load().held(), 0);
    house.node.sync().expect("syncs");
    assert_eq!(house.node.state().shown_lists.load().held(), 1);
}

#[test]
fn an_entry_is_replaced_keeps_its_beginning_and_ends_in_its_time() {
    let (_, mut house) = alone();
    let later = START.plus_s(60);
    house.add("", vec![draft(OwnList::Block, "device-of-a-case-01", None)], START).expect("taken");
    house.add("", vec![draft(OwnList::Block, "device-of-a-case-01", Some(later))], START.plus_s(5)).expect("taken");
    let rows = house.rows(START.plus_s(59));
    assert_eq!((rows.len(), rows[0].2.since, rows[0].2.until), (1, START, Some(later)));
    assert_eq!(house.rows(later), []);
    assert_eq!(house.node.status(later).blocked, 0);
    // Put there again, it begins anew.
    house.add("", vec![draft(OwnList::Block, "device-of-a-case-01", None)], later).expect("taken");
    assert_eq!(house.rows(later)[0].2.since, later);
}

#[test]
fn compaction_leaves_what_acts_and_takes_what_was_replaced_removed_or_expired() {
    let (consortium, mut house) = alone();
    house.tick(START);
    let note = |house: &House, text: &str| {
        house.disk.bytes().windows(text.len()).filter(|window| *window == text.as_bytes()).count()
    };
    let noted = |device: &str, until, note: &str| {
        let note = note.to_owned();
        ListingDraft { note, ..draft(OwnList::Block, device, until) }
    };
    let soon = START.plus_s(DAY_S);
    let drafts = vec![
        noted("device-of-a-case-01", None, "the first stays"),
        noted("device-of-a-case-02", None, "the second goes"),
        noted("device-of-a-case-03", Some(soon), "the third expires"),
        noted("device-of-a-case-04", None, "the fourth is replaced"),
    ];
    house.add("", drafts, START).expect("taken");
    let target = RawIdentifier::new(IdentifierKind::Device, "device-of-a-case-02".to_owned());
    house.unlist(OwnList::Block, Ok(ListTarget::Identifier(target)), START);
    house.add("", vec![noted("device-of-a-case-04", None, "this stands instead")], START).expect("taken");
    let later = START.plus_s(30 * DAY_S);
    let rows = house.rows(later);
    assert_eq!(rows.len(), 2);
    house.node.compact(later).expect("compacts");
    let texts = ["the second goes", "the third expires", "the fourth is replaced"];
    assert_eq!(texts.map(|text| note(&house, text)), [0; 3]);
    assert_eq!(["the first stays", "this stands instead"].map(|text| note(&house, text)), [1; 2]);
    assert_eq!((house.rows(later), house.node.state().lists.held()), (rows.clone(), 2));
    let again = House::open(&consortium, 0, house.disk, later);
    assert_eq!(again.rows(later), rows);
}

#[test]
fn a_repeated_request_changes_nothing_and_another_under_its_id_is_refused() {
    let (consortium, mut house) = alone();
    let drafts = || {
        let noted =
            ListingDraft { note: "mail jane@example.org".to_owned(), ..draft(OwnList::Allow, "device-x-01", None) };
        vec![draft(OwnList::Block, "device-of-a-case-01", None), noted]
    };
    let first = house.add("request 1", drafts(), START).expect("taken");
    assert_eq!((first.done, first.refused.len()), (1, 1));
    let target = RawIdentifier::new(IdentifierKind::Device, "device-of-a-case-01".to_owned());
    house.unlist(OwnList::Block, Ok(ListTarget::Identifier(target)), START);
    let mut house = House::open(&consortium, 0, house.disk, START);
    assert_eq!(house.add("request 1", drafts(), START), Ok(first), "also after a restart");
    assert_eq!(house.rows(START), [], "what was removed since stays removed");
    let other = vec![draft(OwnList::Block, "device-of-a-case-09", None)];
    assert_eq!(house.add("request 1", other, START), Err(ListFault::RequestIdReused));
}

#[test]
fn each_record_that_breaks_a_rule_is_refused_by_field_and_rule() {
    let (_, mut house) = alone();
    let mut check = |change: &dyn Fn(&mut ListingDraft), field: &str, rule: &str| {
        let mut broken = draft(OwnList::Allow, "device-of-a-case-01", None);
        change(&mut broken);
        let receipt = house.add("", vec![broken], START).expect("the call as a whole is well");
        let told = receipt.refused.first().map(|refused| (refused.field.as_str(), refused.rule.as_str()));
        assert_eq!((receipt.done, told), (0, Some((field, rule))));
        assert!(!receipt.refused[0].description.contains("4111"), "{}", receipt.refused[0].description);
    };
    let raw = |kind, value: &str| RawIdentifier::new(kind, value.to_owned());
    check(&|draft| draft.until = Some(START), "until", "past");
    check(&|draft| draft.note = "x".repeat(141), "note", "note_too_long");
    check(&|draft| draft.note = "two\nlines".to_owned(), "note", "note_not_printable");
    check(&|draft| draft.note = "card 4111 1111 1111 1111".to_owned(), "note", "note_holds_identifier");
    check(&|draft| draft.identifier = raw(IdentifierKind::Pan, "4111111111111112"), "value", "card_luhn");
    check(&|draft| draft.identifier = raw(IdentifierKind::Ip, "10.0.0.1"), "value", "guard_list");
    let target = ListTarget::Identifier(raw(IdentifierKind::Device, "device-of-a-case-01"));
    let receipt = house.unlist(OwnList::Block, Ok(target), START);
    assert_eq!((receipt.done, receipt.refused[0].rule.as_str()), (0, "not_found"));
    assert_eq!(house.told(START), [""; 0], "nothing happened, nothing is told");
}

#[test]
fn pages_follow_each_other_and_an_entry_is_removed_by_its_name() {
    let (_, mut house) = alone();
    let drafts = (0..25).map(|number| {
        let list = if number % 2 == 0 { OwnList::Allow } else { OwnList::Block };
        draft(list, &format!("device-of-a-case-{number:02}"), None)
    });
    house.add("", drafts.collect(), START).expect("taken");
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let (rows, more) = house.node.list_listed(None, after, 4, START);
        after = rows.last().map(|(list, name, _)| (*list, *name));
        seen.extend(rows);
        if !more {
            break;
        }
    }
    assert_eq!(seen, house.rows(START));
    assert_eq!(house.node.list_listed(Some(OwnList::Block), None, 100, START).0.len(), 12);
    let (list, name, _) = seen[0];
    assert_eq!(house.unlist(list, Ok(ListTarget::Name(name)), START).done, 1);
    assert_eq!(house.rows(START).len(), 24);
}
