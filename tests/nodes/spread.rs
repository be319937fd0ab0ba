//! Identifiers of one call are spread over time as the node is set, unless the caller says otherwise.

use hushwire::io::grpc::wire::hushwire::local::v1::PublishIndicatorsRequest;
use hushwire::io::grpc::wire::hushwire::local::v1::publishing_service_client::PublishingServiceClient;
use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;

use crate::caller::{RUNTIME, draft};
use crate::consortium::Consortium;

#[test]
fn the_nodes_own_spread_holds_unless_the_caller_says_otherwise() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.home("bank-a").start_with(&[("HUSHWIRE__FEED__SPREAD_S", "86400")]).expect("starts");
    node.until_ready();
    let mut client = PublishingServiceClient::new(node.channel("publisher"));
    let mut publish = |device, spread_s| {
        let indicators = vec![draft((IdentifierKind::Device, device))];
        let request = PublishIndicatorsRequest { indicators, spread_s, ..PublishIndicatorsRequest::default() };
        RUNTIME.block_on(client.publish_indicators(request)).expect("published");
    };
    publish("device-at-once-00001", Some(0));
    node.until("believes what went out at once", |status| status.believed == 1);
    for device in ["device-spread-000001", "device-spread-000002", "device-spread-000003", "device-spread-000004"] {
        publish(device, None);
    }
    // A day is long: that two of four fall into the next moments has next to no chance.
    assert!(node.status().pending >= 3);
}
