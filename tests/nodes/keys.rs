//! Keys that change while nodes run: nothing stops, and every step is taken up on SIGHUP.

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};

use crate::caller::{draft, feed_size};
use crate::consortium::{Consortium, Said};
use crate::node::{Node, wait};

/// Signs what was prepared, applies it in every member's folder and lets the nodes take it up.
pub fn sign_and_apply(consortium: &Consortium, prepared: &str, nodes: &[&Node], version: u64) {
    let files = consortium.sign(prepared);
    for node in nodes {
        let mut words = vec!["member", "apply", "--dir", node.home.member.as_str()];
        words.extend(files.iter().map(String::as_str));
        assert_eq!(consortium.run(&words).code, 0);
        node.reload();
        node.until("the new roster", |status| status.roster_version == version);
    }
}

/// The same for a card of bank A as its keystore is now.
pub fn update(consortium: &Consortium, name: &str, nodes: &[&Node], version: u64) {
    consortium.succeed(&format!("member card --dir bank-a --out {name}.card"));
    consortium.succeed(&format!("member propose --dir bank-b --update {name}.card --out {name}"));
    sign_and_apply(consortium, name, nodes, version);
}

/// What a node published reaches the others.
fn flows(from: &Node, to: &Node, device: &'static str) {
    from.flag((IdentifierKind::Device, device));
    to.until_decided((IdentifierKind::Device, device), Decision::Challenge);
}

fn as_caller(consortium: &Consortium, node: &Node, role: &str, line: &str) -> Said {
    let (endpoint, identity) = (node.local.to_string(), node.home.identity(role));
    let mut words: Vec<&str> = line.split(' ').collect();
    words.extend(["--endpoint", &endpoint, "--identity", identity.to_str().expect("a plain name")]);
    consortium.run(&words)
}

/// Waits until the log of the node tells of the event so often.
fn logged(node: &Node, event: &str, times: usize) {
    wait(event, || {
        let log = std::fs::read_to_string(node.home.log()).expect("a log");
        (log.matches(event).count() >= times).then_some(())
    });
}

#[test]
fn a_peer_key_rolls_over_between_running_nodes_without_a_break() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    b.until_ready();
    flows(&a, &b, "rollover-device-0001");
    let pin = || {
        let shown: serde_json::Value =
            serde_json::from_str(&consortium.succeed("key show --dir bank-a --json").stdout).expect("JSON");
        shown["pin"].as_str().expect("a pin").to_owned()
    };
    let before = pin();

    consortium.succeed("key rotate peer-tls --dir bank-a");
    assert_eq!(pin(), before, "the key in use stays in use");
    let early = consortium.run(&["key", "rotate", "peer-tls", "--dir", "bank-a", "--finish"]);
    assert!(early.code == 1 && early.stderr.contains("does not name the next key"), "{}", early.stderr);
    update(&consortium, "both-pins", &[&a, &b], 2);
    flows(&b, &a, "rollover-device-0002");
    let refused = consortium.run(&["key", "rotate", "peer-tls", "--dir", "bank-a", "--abandon"]);
    assert!(refused.code == 1 && refused.stderr.contains("--finish"), "{}", refused.stderr);

    consortium.succeed("key rotate peer-tls --dir bank-a --finish");
    assert_ne!(pin(), before);
    a.reload();
    logged(&a, "certificates.reloaded", 2);
    flows(&a, &b, "rollover-device-0003");
    let heard = b.home.pull("bank-a", a.home.peer(), "demo.example/bank-a/all", 1).expect("both pins count");
    assert!(!heard.is_empty());

    // The former pin ends: every connection made under it is cut, and comes back under the new key, in both directions.
    update(&consortium, "new-pin", &[&b, &a], 3);
    let heard = b.home.pull("bank-a", a.home.peer(), "demo.example/bank-a/all", 1).expect("the new key is shown");
    assert!(!heard.is_empty());
    flows(&a, &b, "rollover-device-0004");
    flows(&b, &a, "rollover-device-0005");
    let said = as_caller(&consortium, &a, "auditor", "audit list --action key.");
    assert!(said.stdout.contains("peer-tls"), "{}{}", said.stdout, said.stderr);
}

#[test]
fn a_new_certificate_of_the_local_door_is_shown_on_hangup_with_its_new_key() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    consortium.succeed("cert server --dir bank-a --host 127.0.0.1 --host localhost");
    a.reload();
    logged(&a, "certificates.reloaded", 1);
    let log = std::fs::read_to_string(a.home.log()).expect("a log");
    assert!(!log.contains("certificates.kept"), "{log}");
    assert_eq!(a.status().member, "bank-a", "and it serves");

    // A certificate that is none closes no door.
    let path = a.home.path().join("tls/server.pem");
    std::fs::write(&path, "no certificate").expect("written");
    a.reload();
    logged(&a, "certificates.kept", 1);
    assert_eq!(a.status().member, "bank-a");
}

pub fn many(from: usize, until: usize) -> Vec<local::IndicatorDraft> {
    let one = |number| local::IndicatorDraft {
        identifier: Some(local::Identifier {
            kind: IdentifierKind::Device.into(),
            value: format!("rotation-device-{number:05}"),
        }),
        ..draft((IdentifierKind::Device, ""))
    };
    (from..until).map(one).collect()
}

#[test]
fn signing_keys_change_on_running_nodes_and_what_the_former_ones_signed_stays() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    b.until_ready();
    flows(&a, &b, "signing-device-0001");
    for line in ["witness", "audit", "hpke", "feed --from-size all=1500"] {
        consortium.succeed(&format!("key rotate {line} --dir bank-a"));
    }
    let low = "key rotate feed --dir bank-b --from-size all=1".split(' ').collect::<Vec<_>>();
    let refused = consortium.run(&low);
    assert!(refused.code == 2 && refused.stderr.contains("may have signed up to"), "{}", refused.stderr);
    // Nobody tells bank-a's node: it hears of the roster, and looks for the keys it names by itself.
    update(&consortium, "next-keys", &[&b], 2);
    a.until("heard of it", |status| status.roster_version == 2);
    flows(&a, &b, "signing-device-0002");
    for key in ["witness", "audit", "hpke"] {
        consortium.succeed(&format!("key rotate {key} --dir bank-a --finish"));
    }
    let endpoint = a.local.to_string();
    let finish = || consortium.run(&["key", "rotate", "feed", "--dir", "bank-a", "--finish", "--endpoint", &endpoint]);
    let early = finish();
    assert!(early.code == 1 && early.stderr.contains("the next key counts from 1500"), "{}", early.stderr);

    for (from, until) in [(0, 800), (800, 1_600)] {
        let published = a.publish("", many(from, until)).expect("published");
        assert!(published.refused.is_empty(), "{:?}", published.refused);
    }
    let origin = "demo.example/bank-a/all";
    let held = b.until("follows", |status| feed_size(status, origin) >= 1_602);
    assert!(held.feeds.iter().all(|feed| !feed.quarantined), "{held:?}");
    let done = finish();
    assert_eq!(done.code, 0, "{}", done.stderr);
    a.reload();
    flows(&a, &b, "signing-device-0003");
    flows(&b, &a, "signing-device-0004");
    let said = as_caller(&consortium, &a, "auditor", "audit list --action key.");
    for key in ["feed", "audit", "witness", "hpke"] {
        assert!(said.stdout.contains(key), "{key}: {}{}", said.stdout, said.stderr);
    }

    // The restarted nodes read what both keys signed.
    let (home_a, home_b) = (a.home.clone(), b.home.clone());
    drop((a, b));
    let [a, b] = [home_a, home_b].map(|home| home.start().unwrap_or_else(|said| panic!("{}", said.stderr)));
    flows(&a, &b, "signing-device-0005");
    b.until("holds all", |status| status.believed == 1_605);
}

#[test]
fn a_witness_that_missed_several_rosters_is_led_on_under_the_audit_key_in_force() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    let by_b = |status: &local::GetStatusResponse| status.audit_witnesses == ["demo.example/bank-b/witness"];
    a.until("cosigned", by_b);
    let home = b.home.clone();
    b.stop();
    consortium.succeed("key new-epoch --dir bank-a --in-days 14 --out epoch");
    sign_and_apply(&consortium, "epoch", &[&a], 2);
    consortium.succeed("key rotate audit --dir bank-a");
    consortium.succeed("member card --dir bank-a --out next-audit.card");
    consortium.succeed("member propose --dir bank-a --update next-audit.card --out next-audit");
    sign_and_apply(&consortium, "next-audit", &[&a], 3);
    assert!(!by_b(&a.status()), "its log begins anew");

    let b = home.start().unwrap_or_else(|said| panic!("{}", said.stderr));
    a.until("cosigned under the next key", by_b);
    assert_eq!(b.status().roster_version, 3);
    let faults = consortium.audit_list(&b, &["--action", "peer.fault"]);
    assert!(!faults.stdout.contains("bank-a"), "{}", faults.stdout);
}

#[test]
fn a_node_that_is_rosters_behind_blames_nobody_for_a_key_that_only_the_last_names() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b, shop] = consortium.start_all(["bank-a", "bank-b", "shop"]);
    [&a, &b, &shop].into_iter().for_each(Node::until_ready);
    flows(&a, &shop, "behind-device-0001");
    let home = shop.home.clone();
    shop.stop();
    consortium.succeed("key rotate witness --dir bank-a");
    update(&consortium, "next-witness", &[&b], 2);
    a.until("heard of it", |status| status.roster_version == 2);
    consortium.succeed("key rotate witness --dir bank-a --finish");
    consortium.succeed("key rotate feed --dir bank-a --from-size all=1500");
    update(&consortium, "next-feed", &[&b], 3);
    a.until("heard of it", |status| status.roster_version == 3);
    for (from, until) in [(0, 800), (800, 1_600)] {
        let published = a.publish("", many(from, until)).expect("published");
        assert!(published.refused.is_empty(), "{:?}", published.refused);
    }
    b.until("follows", |status| feed_size(status, "demo.example/bank-a/all") >= 1_601);
    let shop = home.start().unwrap_or_else(|said| panic!("{}", said.stderr));
    shop.until("follows", |status| feed_size(status, "demo.example/bank-a/all") >= 1_601);
    assert_eq!(shop.status().roster_version, 3);
    let said = consortium.audit_list(&shop, &["--action", "peer.fault"]);
    assert!(said.code == 0 && !said.stdout.contains("bank-a/all"), "{}{}", said.stdout, said.stderr);
}
