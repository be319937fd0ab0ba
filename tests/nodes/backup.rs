//! A node backed up while it works, lost with its machine, and put back elsewhere: what others hold comes back, no size is
//! signed twice, and nobody has a complaint about anybody's log.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hushwire::io::grpc::wire::hushwire::local::v1::IndicatorDraft;
use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;

use crate::caller::{draft, feed_size};
use crate::consortium::Consortium;
use crate::node::{Node, wait};
use crate::puller::{entries, names};

const FEED: &str = "demo.example/bank-a/all";

fn device(nth: usize) -> Vec<IndicatorDraft> {
    let mut draft = draft((IdentifierKind::Device, ""));
    draft.identifier.as_mut().expect("given").value = format!("backup-device-{nth:06}");
    vec![draft]
}

fn publish(node: &Node, nth: usize) -> String {
    let answer = node.publish(&format!("case-{nth}"), device(nth)).expect("published");
    let [published] = answer.published.try_into().expect("one");
    published.name
}

fn export_verifies(consortium: &Consortium, node: &Node) {
    let (file, identity) = (format!("{}.jsonl", node.home.member), node.home.identity("auditor"));
    let (local, identity) = (node.local, identity.display());
    consortium.succeed(&format!("audit export --json --out {file} --endpoint {local} --identity {identity}"));
    consortium.succeed(&format!("audit verify {file} --roster bank-b/roster.note"));
}

#[test]
fn a_node_backed_up_at_work_and_lost_with_its_machine_gets_back_what_others_hold_and_signs_no_size_twice() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b, shop] = consortium.start_all(["bank-a", "bank-b", "shop"]);
    a.until_ready();
    let (backed_up, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut acknowledged = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let mut names = Vec::new();
            while !backed_up.load(Ordering::Relaxed) {
                names.push(publish(&a, names.len()));
                count.store(names.len(), Ordering::Relaxed);
            }
            names
        });
        wait("publications flow", || (count.load(Ordering::Relaxed) > 3).then_some(()));
        let before = count.load(Ordering::Relaxed);
        consortium.succeed("backup bank-a.backup --config bank-a/hushwire.toml --json");
        backed_up.store(true, Ordering::Relaxed);
        let names = publishing.join().expect("publishes");
        assert!(names.len() > before, "publishing went on meanwhile");
        names
    });
    for _ in 0..5 {
        acknowledged.push(publish(&a, acknowledged.len()));
    }
    let size = u64::try_from(acknowledged.len()).expect("small");
    b.until("has everything", |status| feed_size(status, FEED) == size && status.believed == size);
    shop.until("has everything", |status| feed_size(status, FEED) == size);
    let home = a.home.clone();
    let address = fs::read(home.path().join("peer.address")).expect("prepared");
    a.kill();
    fs::remove_dir_all(home.path()).expect("the machine is gone");

    let checked = consortium.succeed("restore bank-a.backup --check --json").stdout;
    let checked: serde_json::Value = serde_json::from_str(&checked).expect("JSON");
    let copied = checked["feeds"][FEED].as_u64().expect("a size");
    assert!(copied < size, "the backup is older: {copied} of {size}");
    consortium.succeed("restore bank-a.backup --to bank-a --member bank-a");
    fs::write(home.path().join("peer.address"), address).expect("written");
    let incarnation = checked["incarnation"].as_str().expect("an id").to_owned();

    let a = consortium.start("bank-a");
    a.until("its own feed is back", |status| status.state == "ready" && feed_size(status, FEED) == size);
    // Acknowledged ones once more: an entry of its own each, or the answer given before; never a second tree of one size.
    acknowledged.push(publish(&a, acknowledged.len()));
    let status = b.until("goes on", |status| feed_size(status, FEED) == size + 1 && status.believed == size + 1);
    assert!(status.feeds.iter().all(|feed| !feed.quarantined), "no two histories");
    let heard = b.home.pull("bank-a", a.home.peer(), FEED, size + 1).expect("served");
    let held = names("bank-a", &entries(&heard));
    assert!(acknowledged.iter().all(|name| held.contains(name)), "nothing acknowledged is lost");
    for node in [&a, &b, &shop] {
        export_verifies(&consortium, node);
    }
    a.stop();
    consortium.succeed("backup again.backup --config bank-a/hushwire.toml");
    let again = consortium.succeed("restore again.backup --check --json").stdout;
    let again: serde_json::Value = serde_json::from_str(&again).expect("JSON");
    assert_ne!(again["incarnation"], incarnation.as_str(), "it lives on under another incarnation");
    assert_eq!(again["feeds"][FEED], size + 1);
}

#[test]
fn a_restored_node_that_reaches_nobody_signs_nothing_and_screens() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    publish(&a, 1);
    b.until("believed", |status| status.believed == 1);
    let home = a.home.clone();
    let address = fs::read(home.path().join("peer.address")).expect("prepared");
    a.stop();
    consortium.succeed("backup bank-a.backup --config bank-a/hushwire.toml");
    fs::remove_dir_all(home.path()).expect("the machine is gone");
    let b_home = b.home.clone();
    b.stop();
    consortium.succeed("restore bank-a.backup --to bank-a");
    fs::write(home.path().join("peer.address"), address).expect("written");
    let a = consortium.start("bank-a");
    publish(&a, 2);
    let status = a.until("fenced", |status| status.state == "fenced" && status.pending == 1);
    assert_eq!((feed_size(&status, FEED), status.believed), (1, 1), "it knows what it knew, and signs nothing");
    let b = b_home.start().unwrap_or_else(|said| panic!("bank-b starts: {}", said.stderr));
    b.until("hears of it", |status| status.believed == 2);
}
