//! The views' files are damaged, or cannot be opened at all: the node starts, loses nothing, and its journal is left alone.

use std::fs;
use std::path::PathBuf;

use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;

use crate::caller::feed_size;
use crate::consortium::Consortium;
use crate::node::{Home, Node};

const FEED: &str = "demo.example/bank-a/all";

fn flag(node: &Node, device: &'static str) {
    node.flag((IdentifierKind::Device, device));
    node.until("signed", |status| status.pending == 0 && status.state == "ready");
}

fn started(home: &Home) -> Node {
    home.start().unwrap_or_else(|said| panic!("it starts: {}", said.stderr))
}

/// Every file under the views' folder.
fn files(dir: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("readable").map(|entry| entry.expect("readable")) {
        if entry.path().is_dir() { found.extend(files(entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[test]
fn garbled_views_are_derived_again_and_serve_the_whole_feed() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop", "market"]);
    let [mut a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    flag(&a, "views-device-0001");
    b.until("has it", |status| status.believed == 1);
    b.stop();
    // Whole files, or a stretch in the middle of each; then somebody asks for the feed who has nothing of it.
    let whole: fn(&mut [u8]) = |bytes| bytes.fill(0x5A);
    let stretch: fn(&mut [u8]) = |bytes| {
        let third = bytes.len() / 3;
        bytes[third..2 * third].iter_mut().for_each(|byte| *byte ^= 0x5A);
    };
    for (garble, newcomer) in [(whole, "shop"), (stretch, "market")] {
        let home = a.home.clone();
        a.stop();
        for file in files(home.path().join("views")) {
            let mut bytes = fs::read(&file).expect("readable");
            garble(&mut bytes);
            fs::write(&file, bytes).expect("written");
        }
        a = started(&home);
        let newcomer = consortium.start(newcomer);
        newcomer.until("has the whole feed", |status| status.believed == 1 && feed_size(status, FEED) == 1);
        assert!(a.status().alarms.is_empty(), "{:?}", a.status().alarms);
        newcomer.stop();
    }
}

#[test]
fn views_that_cannot_be_opened_keep_no_node_from_starting_and_raise_an_alarm() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    flag(&a, "views-device-0003");
    let home = a.home.clone();
    a.stop();
    let views = home.path().join("views");
    fs::remove_dir_all(&views).expect("removed");
    fs::write(&views, b"in the way").expect("written");
    let a = started(&home);
    a.until_ready();
    flag(&a, "views-device-0004");
    b.until("has all", |status| status.believed == 2 && feed_size(status, FEED) == 2);
    let alarms = a.status().alarms;
    assert!(alarms.iter().any(|alarm| alarm.contains("views are kept in memory only")), "{alarms:?}");
    let log = fs::read_to_string(home.log()).expect("a log");
    assert!(log.contains("views.in_memory"));
    a.stop();
    fs::remove_file(&views).expect("removed");
    let a = started(&home);
    a.until_ready();
    assert!(a.status().alarms.is_empty(), "{:?}", a.status().alarms);
}
