//! Rosters on running nodes: somebody comes, somebody goes.

use hushwire::io::grpc::wire::hushwire::local::v1::node_service_client::NodeServiceClient;
use hushwire::io::grpc::wire::hushwire::local::v1::publishing_service_client::PublishingServiceClient;
use hushwire::io::grpc::wire::hushwire::local::v1::{
    ApplyRosterRequest, DueIndicator, IndicatorDraft, ListDueForRepublicationRequest,
};
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};

use crate::caller::{RUNTIME, draft};
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

fn due(node: &Node) -> Vec<DueIndicator> {
    let mut client = PublishingServiceClient::new(node.channel("publisher"));
    let answer = RUNTIME.block_on(client.list_due_for_republication(ListDueForRepublicationRequest::default()));
    answer.expect("listed").into_inner().due
}

#[test]
fn a_new_epoch_on_running_nodes_lists_what_to_publish_again_and_a_customer_counts_once() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let [a, shop] = consortium.start_all(["bank-a", "shop"]);
    a.until_ready();
    let device = (IdentifierKind::Device, "epoch-device-0001");
    let names = a.flag(device);
    shop.until_decided(device, Decision::Challenge);
    assert_eq!(due(&a), Vec::new());

    consortium.succeed("key new-epoch --dir bank-a --compromised --out epoch");
    let files = consortium.sign("epoch");
    for node in [&a, &shop] {
        let mut words = vec!["member", "apply", "--dir", node.home.member.as_str()];
        words.extend(files.iter().map(String::as_str));
        assert_eq!(consortium.run(&words).code, 0);
        node.reload();
        node.until("the new epoch", |status| status.epoch == 2);
    }
    let old = due(&a);
    assert_eq!(old.iter().map(|due| (&due.name, due.epoch)).collect::<Vec<_>>(), [(&names[0], 1)]);
    assert!(old[0].readable_until.is_some(), "{old:?}");
    assert_eq!(shop.screen(device).decision(), Decision::Challenge, "both epochs are asked under");

    let again = IndicatorDraft { supersedes: names[0].clone(), ..draft(device) };
    let published = a.publish("", vec![again]).expect("published");
    assert_eq!((published.published.len(), published.refused.len()), (1, 0));
    crate::node::wait("nothing is due any more", || due(&a).is_empty().then_some(()));
    let new_name = &published.published[0].name;
    crate::node::wait("the shop matches the new one", || {
        let answer = shop.screen(device);
        let found = answer.matches.first()?;
        (found.members == 1 && found.indicators.iter().any(|held| held.name == *new_name)).then_some(())
    });
}

#[test]
fn a_new_epoch_reaches_running_peers_without_files_and_stays_theirs() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b, shop] = consortium.start_all(["bank-a", "bank-b", "shop"]);
    a.until_ready();
    consortium.succeed("key new-epoch --dir bank-a --compromised --out epoch");
    let files = consortium.sign("epoch");
    let mut words = vec!["member", "apply", "--dir", "bank-a"];
    words.extend(files.iter().map(String::as_str));
    assert_eq!(consortium.run(&words).code, 0);
    a.reload();
    for node in [&a, &b, &shop] {
        node.until("the new epoch", |status| status.roster_version == 2 && status.epoch == 2);
    }
    let device = (IdentifierKind::Device, "bundle-device-0001");
    a.flag(device);
    shop.until_decided(device, Decision::Challenge);
    // What came from a peer is opened again after a restart, also one that alone hands it on.
    a.kill();
    shop.kill();
    let shop = consortium.start("shop");
    shop.until("it still has the secret", |status| status.epoch == 2);
    assert_eq!(shop.screen(device).decision(), Decision::Challenge);
    let said = consortium.succeed("key show --dir shop --json").stdout;
    assert!(said.contains("\"epochs\":[1]"), "nobody was at hand to write its keystore: {said}");
}

#[test]
fn a_bundle_nobody_signed_changes_nothing() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let home = consortium.home("bank-a");
    let bundle = std::fs::read_to_string(consortium.path().join("genesis/epoch-1.bundle")).expect("signed");
    let forged = consortium.file("forged.bundle", &bundle.replacen("epoch = 1", "epoch = 2", 1));
    let said = consortium.run(&["member", "apply", "--dir", "bank-a", forged.to_str().expect("plain")]);
    assert_ne!(said.code, 0);
    let kept = std::fs::read_dir(home.path().join("bundles")).expect("the invitation's").count();
    assert_eq!(kept, 1);
}
