//! Restarts with a snapshot of belief: checkouts are answered before the store is open and verified, with what the journal says
//! since, and nothing else is.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hushwire::io::grpc::wire::hushwire::local::v1::RetractIndicatorsRequest;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use crate::caller::{RUNTIME, draft};
use crate::consortium::Consortium;
use crate::gate::Gate;
use crate::node::{Home, Node, wait};

const BEFORE: (IdentifierKind, &str) = (IdentifierKind::Device, "snapshot-device-0001");
const WITHDRAWN: (IdentifierKind, &str) = (IdentifierKind::Device, "snapshot-device-0002");
const AFTER: (IdentifierKind, &str) = (IdentifierKind::Device, "snapshot-device-0003");
const STRANGER: (IdentifierKind, &str) = (IdentifierKind::Device, "snapshot-device-0009");

const SCREENING: &str = "hushwire.local.v1.ScreeningService";

/// Longest anything here may take; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the node has logged since `from`.
fn log_since(home: &Home, from: u64) -> String {
    let log = fs::read(home.log()).expect("a log");
    String::from_utf8_lossy(&log[usize::try_from(from).expect("small")..]).into_owned()
}

fn log_size(home: &Home) -> u64 {
    fs::metadata(home.log()).expect("a log").len()
}

fn flag_all(node: &Node, of: &[(IdentifierKind, &'static str)]) -> Vec<String> {
    let names = of.iter().flat_map(|identifier| node.flag(*identifier)).collect();
    node.until("signed", |status| status.pending == 0 && status.state == "ready");
    names
}

#[test]
fn a_killed_node_answers_from_its_snapshot_and_from_what_came_since() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let [a, shop] = consortium.start_all(["bank-a", "shop"]);
    a.until_ready();
    let names = flag_all(&a, &[BEFORE, WITHDRAWN]);
    shop.until("has both", |status| status.believed == 2);
    let home = shop.stop_with_snapshot();

    let shop = home.start().unwrap_or_else(|said| panic!("{}", said.stderr));
    flag_all(&a, &[AFTER]);
    a.retract(RetractIndicatorsRequest { names: names[1..].to_vec(), ..Default::default() }).expect("withdrawn");
    shop.until("follows", |status| status.believed == 2);
    shop.until_decided(WITHDRAWN, Decision::Allow);
    shop.until_decided(AFTER, Decision::Challenge);
    shop.kill();
    a.kill();

    let from = log_size(&home);
    let shop = home.start_early().unwrap_or_else(|said| panic!("{}", said.stderr));
    let decisions = [BEFORE, WITHDRAWN, AFTER, STRANGER].map(|device| shop.screen(device).decision());
    assert_eq!(decisions, [Decision::Challenge, Decision::Allow, Decision::Challenge, Decision::Allow]);
    let log = log_since(&home, from);
    assert!(log.contains("snapshot.loaded") && log.contains("node.answering"), "{log}");
    shop.until("open", |status| status.believed == 2);
    let after = [BEFORE, WITHDRAWN, AFTER, STRANGER].map(|device| shop.screen(device).decision());
    assert_eq!(after, decisions, "the store says the same");
}

fn health(node: &Node, service: &str) -> ServingStatus {
    let mut client = HealthClient::new(node.channel("operator"));
    let request = HealthCheckRequest { service: service.to_owned() };
    RUNTIME.block_on(client.check(request)).expect("it tells").into_inner().status()
}

#[test]
fn while_the_store_is_opened_checkouts_are_answered_and_everything_else_is_told_to_come_back() {
    let (consortium, home) = stopped_with_a_flag();
    let gate = Gate::shut(&home);
    let a = home.start_early().unwrap_or_else(|said| panic!("{}", said.stderr));
    let answer = a.screen(BEFORE);
    let refused = a.publish("", vec![draft(AFTER)]).expect_err("the store is not open");
    let statuses = ["", "hushwire.local.v1.NodeService", SCREENING].map(|service| health(&a, service));
    assert_eq!(answer.decision(), Decision::Challenge);
    assert!(answer.degraded, "the node is still loading");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().expect("a reason").reason, "STORE_OPENING");
    assert!(details.retry_info().is_some_and(|retry| retry.retry_delay.is_some()), "{refused:?}");
    assert_eq!(statuses, [ServingStatus::NotServing, ServingStatus::NotServing, ServingStatus::Serving]);
    let _opened = gate.open();
    a.until_ready();
    wait("healthy", || (health(&a, "") == ServingStatus::Serving).then_some(()));
    wait("no longer degraded", || (!a.screen(BEFORE).degraded).then_some(()));
    flag_all(&a, &[AFTER]);
    // The early answers' records waited for the log.
    wait("the early decision is in the audit log", || {
        let said = consortium.audit_list(&a, &[]);
        said.stdout.contains(&answer.decision_id).then_some(())
    });
}

#[test]
fn a_node_stopped_before_its_store_is_open_ends_at_once_and_says_what_it_could_not_record() {
    let (_consortium, home) = stopped_with_a_flag();
    let _gate = Gate::shut(&home);
    let from = log_size(&home);
    let a = home.start_early().unwrap_or_else(|said| panic!("{}", said.stderr));
    assert_eq!(a.screen(BEFORE).decision(), Decision::Challenge);
    let (status, _) = a.stop();
    let log = log_since(&home, from);
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("audit.unwritten") && !log.contains("node.ready"), "{log}");
}

#[test]
fn a_cold_node_answers_no_checkout_and_its_health_tells_the_moment_it_does() {
    let (_consortium, home) = stopped_with_a_flag();
    let gate = Gate::shut(&home);
    let a = home.start_cold(&[("HUSHWIRE__STORAGE__SNAPSHOT", "false")]);
    assert_eq!(["", SCREENING].map(|service| health(&a, service)), [ServingStatus::NotServing; 2]);
    let mut client = HealthClient::new(a.channel("operator"));
    let mut told = ["", SCREENING].map(|service| {
        let watched = client.watch(HealthCheckRequest { service: service.to_owned() });
        RUNTIME.block_on(async { tokio::time::timeout(PATIENCE, watched).await }).expect("in time").expect("watched")
    });
    let mut next = |service: usize| {
        let news = told[service].get_mut().message();
        let news = RUNTIME.block_on(async { tokio::time::timeout(PATIENCE, news).await });
        news.expect("in time").expect("it goes on").expect("it has not ended").status()
    };
    assert_eq!([next(0), next(1)], [ServingStatus::NotServing; 2]);
    let refused = a.try_screen(BEFORE).expect_err("an answer would allow what nobody looked at");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().expect("a reason").reason, "STORE_OPENING");
    assert!(details.retry_info().is_some_and(|retry| retry.retry_delay.is_some()), "{refused:?}");
    let _opened = gate.open();
    assert_eq!([next(1), next(0)], [ServingStatus::Serving; 2]);
    assert_eq!(a.screen(BEFORE).decision(), Decision::Challenge);
}

#[test]
fn a_cold_node_that_is_told_to_stop_ends_at_once() {
    let (_consortium, home) = stopped_with_a_flag();
    let _gate = Gate::shut(&home);
    let from = log_size(&home);
    let a = home.start_cold(&[("HUSHWIRE__STORAGE__SNAPSHOT", "false")]);
    assert_eq!(health(&a, ""), ServingStatus::NotServing);
    let (status, _) = a.stop();
    let log = log_since(&home, from);
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("node.stopped") && !log.contains("node.ready"), "{log}");
}

/// A stopped member with a flagged value.
fn stopped_with_a_flag() -> (Consortium, Home) {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    flag_all(&a, &[BEFORE]);
    (consortium, a.stop_with_snapshot())
}

#[test]
fn damage_found_behind_a_snapshot_ends_the_node_that_already_answered() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    flag_all(&a, &[BEFORE]);
    let home = a.stop_with_snapshot();
    // Another start begins another segment: the first is read only by the full replay.
    home.start().unwrap_or_else(|said| panic!("{}", said.stderr)).stop();
    let mut segments: Vec<_> = files(&home.path().join("journal"), "segment");
    segments.sort();
    assert!(segments.len() > 1);
    let mut bytes = fs::read(&segments[0]).expect("readable");
    // Behind the first record, which tells one journal from another.
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    fs::write(&segments[0], bytes).expect("written");
    let from = log_size(&home);
    let code = match home.start_early() {
        Ok(node) => node.until_ended().code(),
        Err(said) => Some(said.code),
    };
    let log = log_since(&home, from);
    assert_eq!(code, Some(5), "{log}");
    assert!(log.contains("node.answering") && log.contains("damaged store: segment 1 at record"), "{log}");
    assert!(home.snapshot().exists());
    let from = log_size(&home);
    let a = home.start_as(&["--recover"], &[]).unwrap_or_else(|said| panic!("it recovers: {}", said.stderr));
    let log = log_since(&home, from);
    assert!(!log.contains("node.answering") && !home.snapshot().exists(), "set aside with its journal: {log}");
    a.kill();
}

fn files(folder: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder).expect("a folder").map(|file| file.expect("readable").path());
    files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

#[test]
fn a_snapshot_that_is_damaged_foreign_or_unwanted_is_discarded_and_the_answers_are_the_same() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    flag_all(&a, &[BEFORE]);
    b.until("has it", |status| status.believed == 1);
    let homes = [a, b].map(Node::stop_with_snapshot);
    let [own, foreign] = [homes[0].snapshot(), homes[1].snapshot()];
    let whole = fs::read(&own).expect("there");
    let mut changed = whole.clone();
    let last = changed.len() - 40;
    changed[last] ^= 1;
    let check = |content: &[u8], environment: &[(&str, &str)], reason: &str| {
        fs::write(&own, content).expect("written");
        let from = log_size(&homes[0]);
        let a = homes[0].start_with(environment).unwrap_or_else(|said| panic!("{reason}: {}", said.stderr));
        let log = log_since(&homes[0], from);
        assert!(log.contains("snapshot.discarded") && log.contains(reason), "{reason} is missing in: {log}");
        assert!(!log.contains("node.answering") && !own.exists(), "{log}");
        assert_eq!(a.screen(BEFORE).decision(), Decision::Challenge, "{reason}");
        // No clean stop: the next round brings its own file.
        a.kill();
    };
    check(&changed, &[], "changed since");
    check(&whole[..whole.len() - 1], &[], "not written to its end");
    check(b"short", &[], "not written to its end");
    check(&fs::read(&foreign).expect("there"), &[], "the storage key does not belong to this store");
    check(&whole, &[("HUSHWIRE__STORAGE__SNAPSHOT", "false")], "storage.snapshot is off");
}
