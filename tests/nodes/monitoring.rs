//! What monitoring reads of a running node: counts that are true, names that dashboards and alerts may use, nothing about
//! anybody; probes; and log lines that stay lines.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hushwire::base::limits;
use hushwire::io::grpc::wire::hushwire::local::v1::RetractIndicatorsRequest;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use regex::Regex;

use crate::caller::draft;
use crate::consortium::Consortium;
use crate::node::{Home, Node, wait};

const DEVICE: (IdentifierKind, &str) = (IdentifierKind::Device, "monitored-device-0001");
const MONITORED: [(&str, &str); 1] = [("HUSHWIRE__METRICS__LISTEN", "127.0.0.1:0")];

/// A node that listens for monitoring, and where.
pub fn start(home: &Home) -> (Node, SocketAddr) {
    let node = home.start_with(&MONITORED).unwrap_or_else(|said| panic!("it starts: {}", said.stderr));
    (node, listening(home))
}

/// Where a node listens for monitoring that does.
pub fn listening(home: &Home) -> SocketAddr {
    ready_file(home)["metrics"].as_str().expect("told").parse().expect("an address")
}

fn ready_file(home: &Home) -> serde_json::Value {
    let path = home.path().with_file_name(format!("{}.ready", home.member));
    serde_json::from_slice(&fs::read(path).expect("written")).expect("JSON")
}

/// Sends raw bytes; everything that comes back.
fn send(to: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(to).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    // Whoever is turned away at once may be so before it has said everything.
    let _sent = stream.write_all(request.as_bytes());
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("neither answered nor closed"),
        _ => String::from_utf8(heard).expect("text"),
    }
}

fn get(to: SocketAddr, path: &str, accept: &str) -> String {
    send(to, &format!("GET {path} HTTP/1.1\r\nHost: node\r\nAccept: {accept}\r\n\r\n"))
}

/// The page in the format everything understands.
pub fn scrape(to: SocketAddr) -> String {
    let heard = get(to, "/metrics", "text/plain");
    let (head, page) = heard.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    page.to_owned()
}

/// Waits until the page holds a line.
pub fn until_told(to: SocketAddr, line: &str) {
    wait(line, || scrape(to).lines().any(|told| told == line).then_some(()));
}

/// Every query of the dashboard and the alert rules.
fn queries() -> Vec<String> {
    let dashboard: serde_json::Value =
        serde_json::from_str(include_str!("../../deploy/grafana/hushwire.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut queries: Vec<String> = targets.map(|target| target["expr"].as_str().expect("a query").to_owned()).collect();
    let variables = dashboard["templating"]["list"].as_array().expect("variables").iter();
    queries.extend(variables.filter_map(|variable| variable["query"].as_str()).map(str::to_owned));
    let rules = include_str!("../../deploy/prometheus/alerts.yaml");
    let expression = Regex::new(r"(?s)expr: (.*?)\n        [a-z]").expect("a pattern");
    queries.extend(expression.captures_iter(rules).map(|found| found[1].to_owned()));
    queries
}

#[test]
fn counts_are_true_and_dashboard_and_alerts_name_only_what_is_told() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let (a, metrics) = start(&consortium.home("bank-a"));
    let b = consortium.start("bank-b");
    a.until_ready();
    a.flag(DEVICE);
    a.flag((IdentifierKind::Device, "monitored-device-0002"));
    let mut wrong = draft(DEVICE);
    wrong.typology = "no such typology".to_owned();
    assert_eq!(a.publish("", vec![wrong]).expect("in part").refused.len(), 1);
    a.until_decided((IdentifierKind::Device, "monitored-device-0003"), Decision::Allow);
    a.until_decided((IdentifierKind::Device, "monitored-device-0002"), Decision::Challenge);
    let retracted = a.retract(RetractIndicatorsRequest { names: a.flag(DEVICE), ..Default::default() });
    assert_eq!(retracted.expect("taken back").retracted.len(), 1);
    assert!(a.publish(&"x".repeat(500), vec![]).is_err());
    b.until("believes what is left", |status| status.believed == 2);

    for line in [
        "hushwire_publications_total{outcome=\"published\"} 3",
        "hushwire_publications_total{outcome=\"refused\"} 1",
        "hushwire_retractions_total 1",
        "hushwire_screenings_total{decision=\"allow\"} 1",
        "hushwire_screenings_total{decision=\"block\"} 0",
        "hushwire_believed_indicators 2",
        "hushwire_feeds{state=\"fresh\"} 1",
        "hushwire_peers{state=\"connected\"} 1",
        "hushwire_unacknowledged_entries 0",
        "hushwire_node_state{state=\"ready\"} 1",
        "hushwire_service_serving{service=\"hushwire.local.v1.ScreeningService\"} 1",
        "hushwire_privacy_budget_spent_ratio 0.0",
        "hushwire_calls_in_flight{door=\"peer\"} 1",
        "hushwire_calls_total{door=\"local\",method=\"hushwire.local.v1.PublishingService/RetractIndicators\",code=\"OK\"} 1",
    ] {
        until_told(metrics, line);
    }
    let page = scrape(metrics);
    let value = |name: &str| -> f64 {
        let line = page.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {page}"));
        line.trim().parse().expect("a number")
    };
    assert!(value("hushwire_journal_written_bytes_total ") > 1_000.0);
    assert!(value("hushwire_journal_sync_duration_seconds_count ") >= 3.0);
    assert!(value("hushwire_store_free_bytes ") < value("hushwire_store_size_bytes "));
    let year = 365.0 * 86_400.0;
    let now = value("hushwire_seen_timestamp_seconds ");
    for end in ["hushwire_roster_end_timestamp_seconds ", "hushwire_certificate_end_timestamp_seconds{door=\"local\"} "]
    {
        assert!((now..now + 11.0 * year).contains(&value(end)), "{end}");
    }

    let told: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let name = Regex::new(r"\b(?:hushwire|process)_[a-z_]+").expect("a pattern");
    let matcher = Regex::new(r#"\b(?:state|service|method|door|decision)="([^"]+)""#).expect("a pattern");
    let queries = queries();
    assert!(queries.len() > 50, "{}", queries.len());
    let mut named = BTreeSet::new();
    for query in &queries {
        for name in name.find_iter(query).map(|found| found.as_str()) {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(told.contains(family), "{name} is named by {query} and told by nobody");
            named.insert(family);
        }
        for label in matcher.captures_iter(query) {
            assert!(page.contains(&label[0]), "{} is named by {query} and never occurs", &label[0]);
        }
    }
    assert_eq!(told, named, "what is told is shown somewhere");

    // The word of an anomaly, whatever the device.
    let page = page.replace("anomaly=\"new_device\"", "");
    for private in ["bank-a", "bank-b", "desk", "demo.example", "monitored-device", "device"] {
        assert!(!page.contains(private), "{private} stands in the page:\n{page}");
    }
    let modern = get(metrics, "/metrics", "application/openmetrics-text; version=1.0.0");
    assert!(modern.contains("content-type: application/openmetrics-text") && modern.ends_with("# EOF\n"));
    a.stop();
    for line in fs::read_to_string(consortium.home("bank-a").log()).expect("a log").lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["event"].is_string() && event["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn probes_are_answered_and_nothing_else_is() {
    let consortium = Consortium::found(&["bank-a"]);
    let (_node, metrics) = start(&consortium.home("bank-a"));
    wait("ready", || get(metrics, "/readyz", "*/*").starts_with("HTTP/1.1 200").then_some(()));
    assert!(get(metrics, "/livez", "*/*").starts_with("HTTP/1.1 200"));
    assert!(get(metrics, "/v1/status", "*/*").starts_with("HTTP/1.1 404"));
    assert!(send(metrics, "POST /metrics HTTP/1.1\r\nHost: node\r\n\r\n").starts_with("HTTP/1.1 405"));
    let headers = format!("GET /metrics HTTP/1.1\r\nHost: node\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    assert!(!send(metrics, &headers).contains(" 200 "), "headers have a limit");
    assert!(!send(metrics, "nonsense\r\n\r\n").contains(" 200 "));

    // Callers who say nothing take all the places, for a few seconds and no longer.
    let silent: Vec<TcpStream> =
        (0..limits::METRICS_CONNECTIONS).map(|_| TcpStream::connect(metrics).expect("it listens")).collect();
    wait("no place is left", || get(metrics, "/livez", "*/*").is_empty().then_some(()));
    wait("places come free", || get(metrics, "/livez", "*/*").starts_with("HTTP/1.1 200").then_some(()));
    drop(silent);
}

#[test]
fn without_a_word_in_the_configuration_nothing_listens_for_monitoring() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    assert!(ready_file(&node.home).get("metrics").is_none());
}

#[test]
fn a_folder_whose_name_is_a_forged_line_stays_inside_its_field() {
    let consortium = Consortium::found(&["bank-a"]);
    let home = consortium.home("bank-a");
    let node = consortium.start("bank-a");
    node.until_ready();
    node.flag(DEVICE);
    node.until("signed", |status| status.pending == 0);
    node.kill();
    let forged = "x\n2026-01-01T00:00:00.000Z ERROR store.failed fault=forged\u{1b}[2J";
    std::os::unix::fs::symlink(".", home.path().join(forged)).expect("a name like any other");
    let files = fs::read_dir(home.path().join("journal")).expect("a journal");
    let mut segments = files.map(|file| file.expect("readable").path());
    let segment = segments.find(|path| path.extension().is_some_and(|end| end == "segment")).expect("a segment");
    let mut bytes = fs::read(&segment).expect("readable");
    let early = bytes.len() / 4;
    bytes[early] ^= 1;
    fs::write(&segment, bytes).expect("written");
    fs::remove_file(home.log()).expect("there");

    let environment = [("HUSHWIRE__NODE__DIR", forged), ("HUSHWIRE__LOG__FORMAT", "text")];
    let node = home.start_as(&["--recover"], &environment).unwrap_or_else(|said| panic!("{}", said.stderr));
    node.stop();
    let log = fs::read_to_string(home.log()).expect("a log");
    assert!(log.contains("store.set_aside") && log.contains(r"x\u000a2026-01-01"), "{log}");
    assert!(!log.contains('\u{1b}'), "{log}");
    let begins = Regex::new(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z (ERROR|WARN |INFO |DEBUG) [a-z]+[._:]")
        .expect("a pattern");
    assert!(log.lines().all(|line| begins.is_match(line)), "{log}");
    assert!(!log.lines().any(|line| line.contains(" ERROR store.failed") && line.starts_with("2026-01-01")), "{log}");
}
