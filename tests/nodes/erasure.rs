//! Erasure by command: it takes two people, and then the content is on nobody's disk any more.

use hushwire::domain::feed::blob::Body;
use hushwire::domain::feed::entry::EntryKind;
use hushwire::io::clock;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use hushwire::node::store::{Journal, RecordNumber};

use crate::caller::{Identifier, draft};
use crate::consortium::{Consortium, Said};
use crate::node::{Home, Node};
use crate::puller::entries;
use crate::store::OpenNode;

const DEVICE: Identifier = (IdentifierKind::Device, "device-to-be-erased-01");
const OTHER: Identifier = (IdentifierKind::Device, "device-that-stays-0001");
const FEED: &str = "demo.example/bank-a/all";

/// Runs a command as a holder of a certificate.
fn run(consortium: &Consortium, node: &Node, client: &str, words: &[&str]) -> Said {
    let folder = node.home.path().join("certs").join(client).display().to_string();
    consortium.run(&[words, &["--endpoint", &node.local.to_string(), "--identity", &folder]].concat())
}

/// The content of every indicator in a feed, as it comes to another member.
fn blobs(reader: &Home, author: &Node, size: u64) -> Vec<Vec<u8>> {
    let pulled = reader.pull("bank-a", author.home.peer(), FEED, size).expect("served");
    let indicator = |blob: &[u8]| matches!(Body::decode(EntryKind::Indicator, blob), Ok(Body::Indicator(_)));
    entries(&pulled).iter().map(|entry| entry.blob.to_vec()).filter(|blob| indicator(blob)).collect()
}

fn on_disk(home: &Home, blob: &[u8]) -> bool {
    let mut found = false;
    let mut search = |_: RecordNumber, record: &[u8]| {
        found |= record.windows(blob.len()).any(|window| window == blob);
        Ok(())
    };
    home.journal().replay(RecordNumber(0), &mut search).expect("whole");
    found
}

/// The two stores hear of each other and compact, as running nodes do within the hour.
fn compact(homes: [&Home; 2]) {
    let now = clock::now();
    let mut nodes = homes.map(|home| home.open_store(now));
    let heads = |node: &OpenNode| {
        let of = |feed: &hushwire::base::name::FeedId| feed.origin(&"demo.example".parse().expect("valid"));
        let heads = node.heads().into_iter();
        heads.map(|(feed, head)| (of(&feed), head.checkpoint.to_string())).collect::<Vec<_>>()
    };
    let told = [heads(&nodes[1]), heads(&nodes[0])];
    let members = [&homes[1].member, &homes[0].member].map(|name| name.parse().expect("valid"));
    let mut rng = hushwire::io::random::generator();
    for ((node, heads), from) in nodes.iter_mut().zip(told).zip(members) {
        node.learn_heads(&from, heads, now, &mut rng).expect("heard");
        assert!(node.compact(now).expect("compacts").contents > 0);
    }
}

#[test]
fn two_people_erase_an_indicator_and_its_content_leaves_every_disk() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    let mut case = draft(DEVICE);
    case.source_ref = "CASE-7".to_owned();
    a.publish("", vec![case]).expect("published");
    b.until("believes", |status| status.believed == 1);
    let content = blobs(&b.home, &a, 1);
    a.flag(OTHER);
    b.until("believes", |status| status.believed == 2);
    for (role, name) in [("publisher", "anna"), ("operator", "anna"), ("publisher", "ben"), ("auditor", "desk")] {
        consortium.succeed(&format!("cert issue {role} {name} --dir bank-a"));
    }

    let words = ["erase", "ask", "--reason", "data-subject", "--source-ref", "CASE-7", "--source-ref", "CASE-8"];
    let asked = run(&consortium, &a, "publisher-anna", &words);
    assert_eq!(asked.code, 3, "one reference names nothing: {}", asked.stderr);
    assert!(asked.stderr.contains("1 indicator will be erased once somebody else confirms"), "{}", asked.stderr);
    let id = asked.stdout.trim();
    for alone in ["publisher-anna", "operator-anna"] {
        let refused = run(&consortium, &a, alone, &["erase", "confirm", id]);
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("an erasure takes two people: anna asked for it"), "{}", refused.stderr);
        assert!(refused.stderr.contains("[SECOND_PERSON_NEEDED]"), "{}", refused.stderr);
    }
    let shown = run(&consortium, &a, "publisher-ben", &["erase", "confirm", id, "--dry-run", "--json"]);
    assert!(shown.stdout.contains("\"asked_by\":\"hushwire://bank-a/publisher/anna\""), "{}", shown.stdout);
    assert_eq!((a.status().believed, b.status().believed), (2, 2), "nothing is erased yet");

    let confirmed = run(&consortium, &a, "publisher-ben", &["erase", "confirm", id]);
    assert_eq!(confirmed.code, 0, "{}", confirmed.stderr);
    assert!(confirmed.stdout.contains("members/bank-a/indicators/"), "{}", confirmed.stdout);
    b.until("has forgotten", |status| status.believed == 1);
    assert_eq!(b.screen(DEVICE).decision(), Decision::Allow);
    assert_eq!(b.screen(OTHER).decision(), Decision::Challenge);

    let log =
        run(&consortium, &a, "auditor-desk", &["audit", "list", "--action", "e", "--json", "--limit", "100"]).stdout;
    for part in
        ["erasure.asked", "erasure.refused", "erasure.confirmed", "entry.erased", "publisher/ben", "operator/anna"]
    {
        assert!(log.contains(part), "{part} is missing in {log}");
    }
    let unknown = run(&consortium, &a, "publisher-ben", &["erase", "confirm", &"0".repeat(32)]);
    assert!(unknown.code == 1 && unknown.stderr.contains("[NO_SUCH_ERASURE]"), "{}", unknown.stderr);
    let malformed = run(&consortium, &a, "publisher-ben", &["erase", "confirm", "4929073188462052"]);
    assert!(malformed.code == 1 && malformed.stderr.contains("32 hex digits"), "{}", malformed.stderr);
    let role = run(&consortium, &a, "operator-anna", &words);
    assert!(role.code == 1 && role.stderr.contains("[ROLE_NOT_ALLOWED]"), "{}", role.stderr);

    let homes = [a.home.clone(), b.home.clone()];
    assert_eq!((a.stop().0.code(), b.stop().0.code()), (Some(0), Some(0)));
    assert_eq!(content.len(), 1);
    assert!(homes.iter().all(|home| on_disk(home, &content[0])), "until the next compaction");
    compact([&homes[0], &homes[1]]);
    assert!(!homes.iter().any(|home| on_disk(home, &content[0])));
}
