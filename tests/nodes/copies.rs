//! A publication is answered once it is as safe as its caller wants, or honestly with less.

use std::time::Duration;

use hushwire::io::grpc::wire::hushwire::local::v1::publishing_service_client::PublishingServiceClient;
use hushwire::io::grpc::wire::hushwire::local::v1::{Ack, PublishIndicatorsRequest, PublishIndicatorsResponse};
use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::caller::{Identifier, RUNTIME, draft};
use crate::consortium::Consortium;
use crate::node::Node;

const FIRST: Identifier = (IdentifierKind::Device, "device-of-copies-0001");
const SECOND: Identifier = (IdentifierKind::Device, "device-of-copies-0002");
const THIRD: Identifier = (IdentifierKind::Device, "device-of-copies-0003");

fn publish(node: &Node, of: Identifier, ack: i32, timeout: Duration) -> Result<PublishIndicatorsResponse, Status> {
    let message = PublishIndicatorsRequest {
        request_id: of.1.to_owned(),
        indicators: vec![draft(of)],
        ack,
        ..PublishIndicatorsRequest::default()
    };
    let mut request = tonic::Request::new(message);
    request.set_timeout(timeout);
    let mut client = PublishingServiceClient::new(node.channel("publisher"));
    Ok(RUNTIME.block_on(client.publish_indicators(request))?.into_inner())
}

fn names(answer: &PublishIndicatorsResponse) -> Vec<&str> {
    answer.published.iter().map(|published| published.name.as_str()).collect()
}

fn reached(answer: &PublishIndicatorsResponse) -> (Ack, u32, u32) {
    assert_eq!(answer.published.len(), 1);
    (answer.reached(), answer.copies, answer.others)
}

#[test]
fn a_publication_is_answered_once_enough_others_hold_it_and_otherwise_with_what_was_reached() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b, shop] = consortium.start_all(["bank-a", "bank-b", "shop"]);
    a.until_ready();
    let (long, short) = (Duration::from_secs(30), Duration::from_millis(1_500));

    let all = publish(&a, FIRST, Ack::Quorum.into(), long).expect("published");
    assert_eq!(reached(&all), (Ack::Quorum, 2, 2));
    for node in [&b, &shop] {
        assert_eq!(node.status().believed, 1, "it is durable there when the caller is answered");
    }

    shop.kill();
    let one = publish(&a, SECOND, Ack::Peer.into(), long).expect("published");
    assert_eq!(reached(&one), (Ack::Peer, 1, 2));
    let again = publish(&a, SECOND, Ack::Quorum.into(), short).expect("the same request may ask for more");
    assert_eq!((reached(&again), names(&again)), ((Ack::Peer, 1, 2), names(&one)), "and is told what there is");
    assert!(again.published.iter().all(|published| published.published_before && !published.ended_since));

    b.kill();
    let none = publish(&a, THIRD, Ack::Peer.into(), short).expect("it stands here all the same");
    assert_eq!(reached(&none), (Ack::Local, 0, 2));
    let b = consortium.start("bank-b");
    b.until("believes what it missed", |status| status.believed == 3);
    let late = publish(&a, THIRD, Ack::Peer.into(), long).expect("asked again");
    assert_eq!((reached(&late), names(&late)), ((Ack::Peer, 1, 2), names(&none)));

    let unknown = publish(&a, THIRD, 9, short).expect_err("no such word");
    assert_eq!(unknown.code(), Code::InvalidArgument);
    assert_eq!(unknown.get_error_details().error_info().map(|info| info.reason.as_str()), Some("UNKNOWN_WORD"));
}

#[test]
fn the_command_tells_what_was_reached_and_a_member_alone_is_told_at_once() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.home("bank-a").start_with(&[("HUSHWIRE__FEED__ACK", "quorum")]).expect("starts");
    a.until_ready();
    // The node's own setting cannot be reached either: nobody else is there.
    let own = publish(&a, FIRST, 0, Duration::from_secs(30)).expect("published");
    assert_eq!(reached(&own), (Ack::Local, 0, 0));

    let header = "kind,value,typology,severity,confidence,grounds\n";
    consortium.file("cases.csv", &format!("{header}device,{},F1012,high,80,own-confirmed\n", SECOND.1));
    let (endpoint, identity) = (a.local.to_string(), a.home.identity("publisher"));
    let to = ["--endpoint", &endpoint, "--identity", identity.to_str().expect("a plain name")];
    let said = consortium.run(&[["publish", "cases.csv", "--ack", "peer"].as_slice(), &to].concat());
    assert_eq!(said.code, 3, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("1 indicator published, 0 records refused"), "{}", said.stdout);
    assert!(said.stderr.contains("ack peer: not reached in time, local was; 0 of 0 other members"), "{}", said.stderr);
    let said = consortium.run(&[["publish", "cases.csv", "--ack", "local", "--json"].as_slice(), &to].concat());
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("\"ack_reached\":\"local\""), "{}", said.stdout);
    let said = consortium.run(&[["publish", "cases.csv", "--ack", "both"].as_slice(), &to].concat());
    assert!(said.code == 2 && said.stderr.contains("acknowledgements are local, peer, quorum"), "{}", said.stderr);
}

#[test]
fn who_publishes_on_a_fenced_node_is_told_what_its_statements_wait_for() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let a = consortium.start("bank-a");
    let waiting = publish(&a, FIRST, Ack::Local.into(), Duration::from_secs(30)).expect("accepted");
    assert!(waiting.waits_for.contains("1 other member has told"), "{}", waiting.waits_for);
    let _b = consortium.start("bank-b");
    a.until_ready();
    let signed = publish(&a, SECOND, Ack::Local.into(), Duration::from_secs(30)).expect("accepted");
    assert_eq!(signed.waits_for, "");
}
