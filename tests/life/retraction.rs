//! Withdrawing by the publisher's own reference.

use hushwire::base::limits;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::indicator::words::RetractionReason;
use hushwire::node::retract::RetractRequest;

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
        names: Vec::new(),
        source_refs: vec!["case 1".to_owned()],
        identifiers: Vec::new(),
        reason: RetractionReason::FalsePositive,
    };
    let receipt = bank.node.retract_indicators(&Actor::Node, request, START, &mut bank.rng).expect("retracts");
    assert_eq!((receipt.retracted.len(), receipt.refused.len()), (count, 0));
}
