//! What the product is for: a warning travels, counts, is corroborated, and is taken back.

use hushwire::io::grpc::wire::hushwire::local::v1::RetractIndicatorsRequest;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};

use crate::caller::{draft, identifier};
use crate::consortium::Consortium;

const PHONE: (IdentifierKind, &str) = (IdentifierKind::Phone, "+49 1512 3847561");
const CARD: (IdentifierKind, &str) = (IdentifierKind::Pan, "5218 0391 7766 4435");
const DEVICE: (IdentifierKind, &str) = (IdentifierKind::Device, "device-7f31-a0c4-5519");

#[test]
fn a_warning_of_one_bank_challenges_an_order_and_of_two_blocks_it_until_taken_back() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b, shop] = consortium.start_all(["bank-a", "bank-b", "shop"]);
    a.until_ready();
    b.until_ready();
    assert_eq!(shop.screen(PHONE).decision(), Decision::Allow);

    let mut first = draft(PHONE);
    first.source_ref = "CASE-1".to_owned();
    a.publish("", vec![first]).expect("published");
    b.until("believes", |status| status.believed == 1);
    let challenged = shop.until_decided(PHONE, Decision::Challenge);
    assert_eq!(challenged.matches[0].members, 1);
    assert!(challenged.matches[0].indicators[0].feed.ends_with("bank-a/all"), "{challenged:?}");

    let second = b.flag(PHONE);
    let blocked = shop.until_decided(PHONE, Decision::Block);
    assert_eq!(blocked.matches[0].members, 2);

    let by_name = b.retract(RetractIndicatorsRequest { names: second, ..Default::default() }).expect("retracted");
    assert_eq!((by_name.retracted.len(), by_name.refused.len()), (1, 0));
    shop.until_decided(PHONE, Decision::Challenge);

    let source_refs = vec!["CASE-1".to_owned()];
    let by_reference = a.retract(RetractIndicatorsRequest { source_refs, ..Default::default() }).expect("retracted");
    assert_eq!((by_reference.retracted.len(), by_reference.refused.len()), (1, 0));
    shop.until_decided(PHONE, Decision::Allow);

    a.flag(DEVICE);
    shop.until_decided(DEVICE, Decision::Challenge);
    let identifiers = vec![identifier(DEVICE)];
    let by_value = a.retract(RetractIndicatorsRequest { identifiers, ..Default::default() }).expect("retracted");
    assert_eq!((by_value.retracted.len(), by_value.refused.len()), (1, 0));
    shop.until_decided(DEVICE, Decision::Allow);

    // Its genuine holder still uses a stolen card: two banks hold it and do not block.
    a.flag(CARD);
    b.flag(CARD);
    shop.until_decided(CARD, Decision::Hold);
}
