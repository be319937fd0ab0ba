//! Rosters on running nodes: somebody comes, somebody goes.

use hushwire::io::clock;
use hushwire::io::grpc::wire::hushwire::local::v1::node_service_client::NodeServiceClient;
use hushwire::io::grpc::wire::hushwire::local::v1::publishing_service_client::PublishingServiceClient;
use hushwire::io::grpc::wire::hushwire::local::v1::{
    ApplyRosterRequest, DueIndicator, IndicatorDraft, ListDueForRepublicationRequest, PublishIndicatorsRequest,
};
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};

use crate::caller::{RUNTIME, draft, feed_size};
use crate::consortium::Consortium;
use crate::node::{Node, wait};

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

    // The quarter's epoch is announced, and then the secret gets out before it begins.
    for (kind, version, epoch) in [("--in-days 14", 2, 1), ("--compromised", 3, 3)] {
        consortium.succeed(&format!("key new-epoch --dir bank-a {kind} --out roster-{version}"));
        let files = consortium.sign(&format!("roster-{version}"));
        for node in [&a, &shop] {
            apply_to_folder(&consortium, &node.home.member, &files);
            node.reload();
            node.until("follows", |status| (status.roster_version, status.epoch) == (version, epoch));
        }
    }
    let forgotten = consortium.run(&["key", "forget-epoch", "1", "--dir", "bank-a"]);
    assert!(forgotten.code != 0 && forgotten.stderr.contains("still needed"), "{forgotten:?}");
    let old = due(&a);
    assert_eq!(old.iter().map(|due| (&due.name, due.epoch)).collect::<Vec<_>>(), [(&names[0], 1)]);
    assert!(old[0].readable_until.is_some(), "{old:?}");
    assert_eq!(shop.screen(device).decision(), Decision::Challenge, "both epochs are asked under");

    let (endpoint, identity) = (a.local.to_string(), a.home.identity("publisher").display().to_string());
    let listed =
        |words: &[&str]| consortium.run(&[&["due", "--endpoint", &endpoint, "--identity", &identity], words].concat());
    let json: serde_json::Value = serde_json::from_str(&listed(&["--json"]).stdout).expect("JSON");
    assert_eq!((&json["due"][0]["name"], &json["due"][0]["epoch"]), (&names[0].as_str().into(), &1.into()));
    assert!(json["due"][0]["readable_until"].as_str().is_some_and(|until| until.ends_with('Z')), "{json}");
    assert!(listed(&["--csv"]).stdout.starts_with("name,kind,epoch,readable_until\nmembers/bank-a/indicators/"));
    assert!(listed(&[]).stderr.contains("1 indicator to publish again"));

    let again = IndicatorDraft { supersedes: names[0].clone(), ..draft(device) };
    let published = a.publish("", vec![again]).expect("published");
    assert_eq!((published.published.len(), published.refused.len()), (1, 0));
    wait("nothing is due any more", || due(&a).is_empty().then_some(()));
    let new_name = &published.published[0].name;
    wait("the shop matches the new one", || {
        let answer = shop.screen(device);
        let found = answer.matches.first()?;
        (found.members == 1 && found.indicators.iter().any(|held| held.name == *new_name)).then_some(())
    });
}

#[test]
fn a_member_enters_a_further_group_while_it_runs() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b, shop] = consortium.start_all(["bank-a", "bank-b", "shop"]);
    a.until_ready();
    let mut propose = "member propose --dir bank-a --out cards".to_owned();
    for node in [&a, &b] {
        let (member, peer) = (&node.home.member, node.home.peer());
        let groups = "--group all --group cards";
        consortium.succeed(&format!(
            "member card --dir {member} --name {member} --endpoint {peer} {groups} --out {member}-2.card"
        ));
        propose.push_str(&format!(" --update {member}-2.card"));
    }
    consortium.succeed(&propose);
    assert_eq!(apply(&a, &consortium.sign("cards")), 2);
    for node in [&b, &shop] {
        node.until("heard of it", |status| status.roster_version == 2);
    }
    let device = (IdentifierKind::Device, "cards-device-0001");
    let request = PublishIndicatorsRequest {
        group: "cards".to_owned(),
        indicators: vec![draft(device)],
        ..PublishIndicatorsRequest::default()
    };
    let mut client = PublishingServiceClient::new(a.channel("publisher"));
    let published = RUNTIME.block_on(client.publish_indicators(request)).expect("published").into_inner();
    assert_eq!((published.published.len(), published.refused.len()), (1, 0));
    a.until("signed", |status| status.pending == 0 && feed_size(status, "demo.example/bank-a/cards") == 1);
    b.until_decided(device, Decision::Challenge);
    // The feed of the first group goes on, and who is not in the second sees nothing of it.
    a.flag((IdentifierKind::Device, "cards-device-0002"));
    shop.until("follows", |status| feed_size(status, "demo.example/bank-a/all") == 1);
    assert!(shop.status().feeds.iter().all(|feed| !feed.origin.ends_with("/cards")));
    assert_eq!(shop.screen(device).decision(), Decision::Allow);
}

/// Applies prepared files to a node's folder.
fn apply_to_folder(consortium: &Consortium, member: &str, files: &[String]) {
    let mut words = vec!["member", "apply", "--dir", member];
    words.extend(files.iter().map(String::as_str));
    let said = consortium.run(&words);
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn a_node_whose_roster_files_were_set_back_does_not_start_until_they_are_complete() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let a = consortium.start("bank-a");
    consortium.succeed("member propose --dir bank-a --remove bank-b --out leaves");
    let files = consortium.sign("leaves");
    assert_eq!(apply(&a, &files), 2);
    a.stop();
    let home = consortium.home("bank-a");
    std::fs::remove_file(home.path().join("rosters/2.note")).expect("there");
    let said = home.start().map(drop).expect_err("bank-b would be a member again");
    assert_eq!(said.code, 5, "{}", said.stderr);
    for part in ["the roster files end at version 1", "followed version 2", "member apply", "hint: "] {
        assert!(said.stderr.contains(part), "{part:?} is missing in: {}", said.stderr);
    }
    apply_to_folder(&consortium, "bank-a", &files);
    let a = consortium.start("bank-a");
    a.until("follows again", |status| status.roster_version == 2);
}

#[test]
fn what_a_relay_hands_on_of_a_member_that_was_shut_out_before_is_kept_and_does_not_count() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    let device = (IdentifierKind::Device, "excluded-device-0001");
    a.flag(device);
    b.until("believes", |status| status.believed == 1);
    // What was first seen in the very second in which its author is shut out came too late: that second must be over.
    let believed_by = clock::now().unix_s();
    wait("a second ends", || (clock::now().unix_s() > believed_by).then_some(()));
    drop(a);
    consortium.succeed("member propose --dir bank-b --suspend bank-a --out suspended");
    let files = consortium.sign("suspended");
    apply_to_folder(&consortium, "shop", &files);
    let shop = consortium.start("shop");
    shop.until("has it from bank-b", |status| feed_size(status, "demo.example/bank-a/all") == 1);
    assert_eq!(shop.screen(device).decision(), Decision::Allow, "its word had ended before it came here");
    b.until("heard of it", |status| status.roster_version == 2);
    let answer = b.screen(device);
    assert_eq!(answer.decision(), Decision::Challenge, "what came before counts on: {answer:?}");
    // The member itself learns of it and acknowledges nothing more.
    let a = consortium.start("bank-a");
    apply(&a, &files);
    let refused = a.publish("", vec![draft(device)]).expect_err("nobody would listen");
    let info = tonic_types::StatusExt::get_error_details(&refused);
    assert_eq!(info.error_info().map(|info| info.reason.as_str()), Some("NOT_TAKING_PART"), "{refused:?}");
}

#[test]
fn a_witness_quorum_must_fit_who_stays() {
    let consortium = Consortium::found_with(&["a", "b", "c", "d"], &["--witness-quorum", "3"], |_, own| own);
    let propose = |words: &str| {
        let line = format!("member propose --dir a --remove d {words} --out leaves{}", words.replace([' ', '-'], ""));
        consortium.run(&line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>())
    };
    let refused = propose("");
    let said = "a witness quorum of 3 needs four active members at least, this roster has 3; set it to 0";
    assert!(refused.code != 0 && refused.stderr.contains(said), "{refused:?}");
    assert_eq!(propose("--limit witness_quorum=0").code, 0);
}

#[test]
fn a_card_with_other_signing_keys_updates_nobody() {
    let consortium = Consortium::found(&["bank-a"]);
    for words in [
        "keygen --dir stranger --consortium demo.example --member bank-a",
        "card --dir stranger --name bank-a --endpoint 127.0.0.1:7441 --group all --group cards --out stranger.card",
    ] {
        consortium.succeed(&format!("member {words}"));
    }
    let refused = consortium.run(&["member", "propose", "--dir", "bank-a", "--update", "stranger.card", "--out", "x"]);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(refused.stderr.contains("is signed by no key that the roster names for it"), "{refused:?}");
}

#[test]
fn a_new_epoch_reaches_running_peers_without_files_and_stays_theirs() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b, shop] = consortium.start_all(["bank-a", "bank-b", "shop"]);
    a.until_ready();
    consortium.succeed("key new-epoch --dir bank-a --compromised --out epoch");
    apply_to_folder(&consortium, "bank-a", &consortium.sign("epoch"));
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
    assert_eq!(epochs_in_keystore(&consortium, "shop"), [1], "nobody was at hand to write it");
}

fn epochs_in_keystore(consortium: &Consortium, member: &str) -> Vec<u64> {
    let said = consortium.succeed(&format!("key show --dir {member} --json")).stdout;
    let shown: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    shown["epochs"].as_array().expect("listed").iter().filter_map(serde_json::Value::as_u64).collect()
}

#[test]
fn commands_that_need_the_secret_of_an_epoch_find_the_one_a_peer_handed_on() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let [a, shop] = consortium.start_all(["bank-a", "shop"]);
    consortium.succeed("key new-epoch --dir bank-a --compromised --out epoch");
    apply_to_folder(&consortium, "bank-a", &consortium.sign("epoch"));
    a.reload();
    a.until("the author follows", |status| status.roster_version == 2);
    shop.until("the new epoch", |status| status.roster_version == 2 && status.epoch == 2);
    assert_eq!(epochs_in_keystore(&consortium, "shop"), [1]);

    let told = consortium.run(&["doctor", "--config", "shop/hushwire.toml"]).stdout;
    assert!(told.contains("it holds the secrets of every epoch that is read"), "{told}");
    consortium.prepare("late", |_, own| own);
    consortium.succeed("member propose --dir shop --add late.card --out joins");
    assert!(consortium.path().join("joins/epoch-2.bundle").exists(), "the shop seals it to the newcomer");

    // With the former key goes the only other way to what was sealed to it.
    consortium.succeed("key rotate hpke --dir shop");
    consortium.succeed("member card --dir shop --out shop-2.card");
    consortium.succeed("member propose --dir bank-a --update shop-2.card --out rotated");
    apply_to_folder(&consortium, "shop", &consortium.sign("rotated"));
    consortium.succeed("key rotate hpke --dir shop --finish");
    assert_eq!(epochs_in_keystore(&consortium, "shop"), [1, 2]);
    shop.kill();
    let shop = consortium.start("shop");
    shop.until("it still has the secret", |status| status.epoch == 2);
}

#[test]
fn a_bundle_nobody_signed_changes_nothing() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let home = consortium.home("bank-a");
    let bundle = std::fs::read_to_string(consortium.path().join("genesis/epoch-1.bundle")).expect("signed");
    let forged = consortium.file("forged.bundle", &bundle.replacen("epoch = 1", "epoch = 2", 1));
    let said = consortium.run(&["member", "apply", "--dir", "bank-a", forged.to_str().expect("plain")]);
    assert_eq!(said.code, 5, "{said:?}");
    let kept = std::fs::read_dir(home.path().join("bundles")).expect("the invitation's").count();
    assert_eq!(kept, 1);
}
