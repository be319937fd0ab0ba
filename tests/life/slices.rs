//! However large its entries are, what is sent at once fits one message.

use hushwire::base::bytes::{Commitment, Sha256Digest};
use hushwire::base::limits;
use hushwire::base::position::TreeSize;
use hushwire::domain::audit::event::{AuditEvent, IndicatorRef};
use hushwire::domain::audit::record::Actor;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House};

#[test]
fn a_slice_of_large_audit_records_fits_one_message_and_nothing_is_left_out() {
    let name = "x".repeat(63);
    let consortium = Consortium::new(&[&name]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let indicator = IndicatorRef { member: consortium.members[0].clone(), commitment: Commitment([7; 32]) };
    let decided = |nth: usize| AuditEvent::ScreeningDecided {
        decision_id: format!("{nth:0500}"),
        decision: "block",
        reasons: vec!["corroborated_indicator".to_owned(); 30],
        matched: vec![indicator.clone(); 16],
        policy_sha256: Sha256Digest([1; 32]),
        degraded: false,
        anomalies: Vec::new(),
        detail: None,
    };
    bank.node.record(&Actor::Node, (0..1_000).map(decided).collect(), START, &mut bank.rng).expect("recorded");
    bank.node.sync().expect("syncs");
    let size = bank.node.state().audit.size();
    let (mut from, mut slices) = (TreeSize::EMPTY, Vec::new());
    while from < size {
        let slice = bank.node.export_audit_slice(from, size).expect("reads");
        let bytes =
            |entry: &hushwire::node::commit::StoredEntry| entry.leaf.len() + entry.blob.len() + entry.salt.len();
        slices.push(slice.iter().map(|logged| bytes(&logged.entry)).sum::<usize>());
        assert_eq!(slice.first().map(|logged| logged.index), Some(from.next_index()));
        from = from.plus(u64::try_from(slice.len()).expect("small")).expect("small");
    }
    assert_eq!(slices.len(), 2, "{slices:?}");
    assert!(slices.iter().all(|bytes| *bytes <= limits::BATCH_BYTES), "{slices:?}");
}
