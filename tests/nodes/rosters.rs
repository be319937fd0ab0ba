//! Rosters on running nodes: somebody comes, somebody goes.

use hushwire::io::grpc::wire::hushwire::local::v1::ApplyRosterRequest;
use hushwire::io::grpc::wire::hushwire::local::v1::node_service_client::NodeServiceClient;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};

use crate::caller::RUNTIME;
use crate::consortium::Consortium;
use crate::node::Node;

fn apply(node: &Node, files: &[String]) -> u64 {
    let roster = files.iter().find(|file| file.contains("roster-")).expect("prepared");
    let roster_note = std::fs::read(roster).expect("there");
    let mut client = NodeServiceClient::new(node.channel("operator"));
    let applied = RUNTIME.block_on(client.apply_roster(ApplyRosterRequest { roster_note }));
    applied.expect("applied").into_inner().roster_version
}

#[test]
fn a_member_joins_running_nodes_and_is_cut_off_again() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    a.flag((IdentifierKind::Device, "roster-device-0001"));

    let shop = consortium.prepare("shop", |_, own| own);
    consortium.succeed("member propose --dir bank-a --add shop.card --out joins");
    let files = consortium.sign("joins");
    assert_eq!(apply(&a, &files), 2);
    assert_eq!(apply(&a, &files), 2, "once more changes nothing");
    // Whoever hears of it first tells the others.
    b.until("heard of it", |status| status.roster_version == 2);
    let mut invite = vec!["member", "invite", "--dir", "bank-b", "--out", "shop.invitation"];
    invite.extend(files.iter().map(String::as_str));
    assert_eq!(consortium.run(&invite).code, 0);
    consortium.join("shop.invitation", "shop");
    let shop = shop.start().unwrap_or_else(|said| panic!("{}", said.stderr));
    let first = (IdentifierKind::Device, "roster-device-0001");
    shop.until_decided(first, Decision::Challenge);
    shop.flag((IdentifierKind::Device, "roster-device-0002"));
    for node in [&a, &b] {
        node.until("believes the newcomer", |status| status.believed == 2);
    }

    consortium.succeed("member propose --dir bank-a --remove shop --out leaves");
    let files = consortium.sign("leaves");
    assert_eq!(apply(&a, &files), 3);
    b.until("heard of it", |status| status.roster_version == 3);
    shop.until("cut off", |status| status.peers.iter().all(|peer| peer.state != "connected"));
    let second = (IdentifierKind::Device, "roster-device-0003");
    a.flag(second);
    b.until_decided(second, Decision::Challenge);
    assert_eq!(shop.screen(second).decision(), Decision::Allow, "nothing new reaches who left");
    let refused = shop.home.pull("bank-a", a.home.peer(), "demo.example/bank-a/all", 1).expect_err("cut off");
    assert!(refused.details().is_empty(), "not even a handshake: {refused:?}");
    assert_eq!(shop.screen(first).decision(), Decision::Challenge, "what it held it still holds");
}
