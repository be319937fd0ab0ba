//! Statistics and budget in a browser: what others released, the sum, a question within the budget, and one beyond it.

use hushwire::io::grpc::wire::hushwire::compliance::v1::ReleaseStatisticsRequest;
use hushwire::io::grpc::wire::hushwire::compliance::v1::statistics_service_client::StatisticsServiceClient;
use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;
use serde_json::json;

use crate::browser::{CONSOLE, play, stage};
use crate::caller::{RUNTIME, draft, feed_size};
use crate::consortium::Consortium;
use crate::node::Node;
use crate::people::invite;

/// Devices that each of the two members flags: far more than the noise of a dear answer.
const FLAGGED: usize = 40;

/// Releases of the other member: more than one page of the table.
const RELEASES: usize = 55;

/// As long as an id may be.
fn longest() -> String {
    format!("the-other-members-release-{}", "w".repeat(38))
}

fn flag_many(node: &Node) {
    // Identifiers of tests live as long as the program.
    let values = (0..FLAGGED).map(|nth| format!("{}-statistics-{nth:04}", node.home.member).leak());
    let drafts = values.map(|value| draft((IdentifierKind::Device, value))).collect();
    let published = node.publish("", drafts).expect("published");
    assert_eq!(published.published.len(), FLAGGED, "{published:?}");
}

/// The member's auditor releases what it published today under each of these ids, all at once.
fn release(node: &Node, asked: impl IntoIterator<Item = (String, u64)>) {
    let today = hushwire::io::clock::now().day();
    let client = StatisticsServiceClient::new(node.channel("auditor"));
    let calls = asked.into_iter().map(|(release_id, epsilon_nano)| {
        let (from_day, until_day, query) = (today.0, today.next().0, String::new());
        let request = ReleaseStatisticsRequest { release_id, from_day, until_day, epsilon_nano, query };
        let mut client = client.clone();
        RUNTIME.spawn(async move { client.release_statistics(request).await.map(|_| ()) })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls {
        RUNTIME.block_on(call).expect("no panic").expect("released");
    }
}

#[test]
fn an_auditor_reads_the_sum_with_its_error_bars_asks_within_the_budget_and_learns_when_it_renews() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let node = consortium.home("bank-a").start_with(&[CONSOLE]).unwrap_or_else(|said| panic!("{}", said.stderr));
    let other = consortium.start("bank-b");
    node.until_ready();
    other.until_ready();
    flag_many(&node);
    flag_many(&other);
    release(&other, [(longest(), 1_000_000_000)]);
    release(&other, (0..RELEASES).map(|nth| (format!("of-bank-b-{nth:02}"), 1_000_000)));
    let entries = u64::try_from(FLAGGED + RELEASES).expect("small") + 1;
    node.until("the releases came", |status| feed_size(status, "demo.example/bank-b/all") == entries);
    let mut stage = stage(&node);
    stage["codes"] = json!({ "cleo": invite(&consortium, &node, "cleo", &["auditor"]) });
    stage["flagged"] = json!(FLAGGED);
    stage["release"] = json!(longest());
    play("statistics", &stage);
    // What she asked and what was refused her stands in the audit log, under her name.
    let listed = consortium.audit_list(&node, &["--actor", "hushwire://bank-a/auditor/cleo"]);
    for word in ["statistics.released", "statistics.refused", "budget_exhausted"] {
        assert!(listed.stdout.contains(word), "{word} is missing in\n{}{}", listed.stdout, listed.stderr);
    }
}
