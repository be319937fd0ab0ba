//! Two sharing groups: whoever leaves one gets nothing more of it, on streams that are open too.

use hushwire::io::grpc::wire::hushwire::local::v1::publishing_service_client::PublishingServiceClient;
use hushwire::io::grpc::wire::hushwire::local::v1::{PublishIndicatorsRequest, RetractIndicatorsRequest};
use hushwire::io::grpc::wire::hushwire::peer::v1::exchange_response::Message as Told;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use tonic::Code;

use crate::caller::{Identifier, RUNTIME, draft};
use crate::consortium::Consortium;
use crate::node::Node;

const ALL: &str = "demo.example/bank-a/all";
const WEST: &str = "demo.example/bank-a/west";

fn flag_in(node: &Node, group: &str, of: Identifier) -> Vec<String> {
    let request =
        PublishIndicatorsRequest { group: group.to_owned(), indicators: vec![draft(of)], ..Default::default() };
    let mut client = PublishingServiceClient::new(node.channel("publisher"));
    let published = RUNTIME.block_on(client.publish_indicators(request)).expect("published").into_inner();
    assert_eq!(published.refused, Vec::new());
    published.published.into_iter().map(|published| published.name).collect()
}

/// Bank and shop share two groups, the other bank is in one of them.
fn two_groups() -> Consortium {
    let both = ["all", "west"].as_slice();
    Consortium::found_in_groups(&[("bank-a", both), ("bank-b", &["all"]), ("shop", both)], &[], |_, own| own)
}

/// The roster in which the shop has left the group `west`, signed.
fn shop_leaves(consortium: &Consortium) -> Vec<String> {
    let home = consortium.home("bank-a");
    let roster = hushwire::app::config::layout::NodeDir::new(home.path()).roster_files().current().expect("a roster");
    let mut next = roster.content().clone();
    (next.version, next.previous) = (2, Some(roster.sha256()));
    let shop = next.members.iter_mut().find(|member| member.id.as_str() == "shop").expect("a member");
    assert!(shop.groups.remove(&"west".parse().expect("valid")));
    std::fs::create_dir(consortium.path().join("leaves")).expect("made");
    consortium.file("leaves/roster-2.note", &next.to_text());
    consortium.sign("leaves")
}

fn batch_of(origin: &'static str) -> impl Fn(&Told) -> Option<u64> {
    move |told| match told {
        Told::Batch(batch) if batch.origin == origin => Some(batch.first_index),
        _ => None,
    }
}

#[test]
fn what_is_said_in_one_group_reaches_its_members_alone_until_they_leave() {
    let consortium = two_groups();
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    let (public, western) =
        ((IdentifierKind::Device, "device-of-all-0001"), (IdentifierKind::Device, "device-of-the-west-0001"));
    flag_in(&a, "all", public);
    let names = flag_in(&a, "west", western);
    b.until_decided(public, Decision::Challenge);
    assert_eq!(b.screen(western).decision(), Decision::Allow);

    let shop = consortium.home("shop");
    let mut stream = shop.follow("bank-a", a.home.peer(), WEST);
    assert_eq!(stream.until("the first entry", batch_of(WEST)).expect("served"), 0);
    let files = shop_leaves(&consortium);
    let mut apply = vec!["member", "apply", "--dir", "bank-a"];
    apply.extend(files.iter().map(String::as_str));
    let applied = consortium.run(&apply);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    a.reload();
    let ended = |told: &Told| match told {
        Told::Unavailable(unavailable) => Some((unavailable.origin.clone(), unavailable.reason.clone())),
        _ => None,
    };
    let ended = stream.until("the subscription ends", ended).expect("the stream goes on");
    assert_eq!(ended, (WEST.to_owned(), "not_in_group".to_owned()));
    // Not even that a warning was taken back.
    a.retract(RetractIndicatorsRequest { names, ..Default::default() }).expect("retracted");
    a.until("signed", |status| crate::caller::feed_size(status, WEST) == 2);
    let pulled = shop.pull("bank-a", a.home.peer(), ALL, 1).expect("the other group goes on");
    assert!(pulled.iter().filter_map(|told| told.message.as_ref()).all(|told| batch_of(WEST)(told).is_none()));
}

#[test]
fn a_member_that_pulls_twice_is_served_on_the_newer_stream() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    a.flag((IdentifierKind::Device, "device-of-all-0001"));
    b.until("believes", |status| status.believed == 1);
    let shop = consortium.home("shop");
    let mut first = shop.follow("bank-a", a.home.peer(), ALL);
    assert_eq!(first.until("the first entry", batch_of(ALL)).expect("served"), 0);
    let mut second = shop.follow("bank-a", a.home.peer(), ALL);
    assert_eq!(second.until("the first entry", batch_of(ALL)).expect("served"), 0);
    let ended = first.until("the older ends", |_| None::<()>).expect_err("replaced");
    assert_eq!(ended.code(), Code::Aborted, "{ended:?}");
    a.flag((IdentifierKind::Device, "device-of-all-0002"));
    assert_eq!(second.until("the second entry", batch_of(ALL)).expect("served"), 1);
}
