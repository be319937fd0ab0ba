//! A feed needs no trust in whoever hands it on.

use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};

use crate::caller::feed_size;
use crate::consortium::Consortium;

#[test]
fn a_feed_whose_author_is_down_comes_from_another_member() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    let device = (IdentifierKind::Device, "relayed-device-0001");
    a.flag(device);
    b.until("believes", |status| status.believed == 1);
    drop(a);
    let shop = consortium.start("shop");
    shop.until("has it from bank-b", |status| feed_size(status, "demo.example/bank-a/all") == 1);
    let answer = shop.until_decided(device, Decision::Challenge);
    assert!(answer.matches[0].indicators[0].name.starts_with("members/bank-a/"));
    // It follows the author again once that is back, and has missed nothing.
    let a = consortium.start("bank-a");
    a.flag((IdentifierKind::Device, "relayed-device-0002"));
    shop.until("follows", |status| feed_size(status, "demo.example/bank-a/all") == 2);
    // And lets the relay go.
    crate::node::wait("the relay is not asked any longer", || {
        let log = std::fs::read_to_string(shop.home.log()).expect("a log");
        log.lines().any(|line| line.contains("exchange.unsubscribed") && line.contains("bank-b")).then_some(())
    });
}
