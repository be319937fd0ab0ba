//! The first command of the README: it tells its whole story on real nodes and its figures agree with each other; it can be
//! tried by hand and stopped at any time; a story that does not come true is not told as one.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Longest anything here may take; the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(120);

fn demo(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hushwire"));
    command.arg("demo").args(words);
    command
}

fn number(figures: &Value, name: &str) -> u64 {
    figures[name].as_u64().unwrap_or_else(|| panic!("{name} is not a count: {}", figures[name]))
}

/// A demo of which every line is heard, in a temporary folder of its own.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    temporary: TempDir,
}

impl Running {
    fn start(words: &[&str]) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut command = demo(words);
        command.env("TMPDIR", temporary.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the demo runs");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        Self { child, lines, temporary }
    }

    /// Listens until a line says this; everything heard.
    fn until(&mut self, words: &str) -> String {
        let mut heard = String::new();
        for line in self.lines.by_ref().map(|line| line.expect("text")) {
            heard.push_str(&line);
            heard.push('\n');
            if line.contains(words) {
                return heard;
            }
        }
        panic!("the demo ended without saying {words:?}:\n{heard}");
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("our child");
        kill_process(pid, signal).expect("our child");
    }

    /// The folder of the three nodes.
    fn folder(&self) -> Option<PathBuf> {
        let mut found = std::fs::read_dir(self.temporary.path()).expect("readable");
        found.next().map(|entry| entry.expect("readable").path())
    }

    /// Waits for its end: how it ended, what it said until then, and what it printed. Nothing of it is left.
    fn end(mut self) -> (ExitStatus, String, String) {
        let said: Vec<String> = self.lines.by_ref().map(|line| line.expect("text")).collect();
        let mut printed = String::new();
        let mut stdout = self.child.stdout.take().expect("piped");
        std::io::Read::read_to_string(&mut stdout, &mut printed).expect("text");
        let status = self.child.wait().expect("our child");
        assert_eq!(self.folder(), None, "the folder is removed");
        assert_eq!(processes_of(self.temporary.path()), Vec::<String>::new(), "every process is stopped");
        (status, said.join("\n"), printed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where a test failed; SIGTERM lets the demo stop its nodes.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _gone = kill_process(pid, Signal::TERM);
        }
        drop(self.child.wait());
    }
}

/// Command lines of processes that name the folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("plain text");
    let processes = std::fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(folder)).collect()
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_demo_tells_its_story_and_its_figures_agree() {
    let output =
        demo(&["--exit", "--json", "--orders", "4000", "--fraudsters", "400"]).output().expect("the demo runs");
    let account = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{account}");
    let figures: Value = serde_json::from_slice(&output.stdout).expect("one JSON object on standard output");

    assert!(number(&figures, "published") > 600);
    assert_eq!(number(&figures, "believed"), number(&figures, "published"));
    assert_eq!(number(&figures, "screened"), 4000);
    let decisions = &figures["decisions"];
    let [allow, challenge, hold, block] = ["allow", "challenge", "hold", "block"].map(|one| number(decisions, one));
    assert!(allow > 0 && challenge > 0 && hold > 0 && block > 0, "{decisions}");
    assert_eq!(allow + challenge + hold + block, 4000);
    assert_eq!(challenge + hold + block, number(&figures, "fraudulent_stopped"));
    assert_eq!(number(&figures, "honest_stopped"), 0);
    assert!(number(&figures, "fraudulent") >= number(&figures, "fraudulent_stopped"));
    for figure in ["screenings_per_s", "screen_p50_us", "publish_ms", "retraction_ms", "catch_up_ms"] {
        assert!(number(&figures, figure) > 0, "{figure}");
    }
    assert!(number(&figures, "retraction_ms") < 60_000 && number(&figures, "catch_up_ms") < 60_000);
    let ascending =
        ["screen_p50_us", "screen_p90_us", "screen_p99_us", "screen_max_us"].map(|one| number(&figures, one));
    assert!(ascending.is_sorted(), "{ascending:?}");
    let challenged = &figures["challenged_order"];
    assert_eq!([&challenged["decision"], &challenged["reason"]], ["challenge", "single_indicator"]);
    assert_eq!((&challenged["wrong_refused"], &challenged["released"]), (&true.into(), &true.into()));
    assert_eq!(challenged["next_decision"], "allow", "not asked again");
    let held = &figures["held_order"];
    assert_eq!([&held["decision"], &held["reason"], &held["next_decision"]], ["hold", "unusual_country", "allow"]);
    assert_eq!(held["anomalies"], serde_json::json!(["new_country"]));
    assert_eq!((&held["released"], &held["next_anomalies"]), (&true.into(), &serde_json::json!([])), "it became habit");
    let blocked = &figures["blocked_order"];
    assert_eq!((&blocked["decision"], &blocked["proved"]), (&"block".into(), &true.into()));
    assert_eq!(blocked["reasons"], serde_json::json!(["corroborated_indicator"]));
    assert_eq!(blocked["reported_by"], serde_json::json!(["bank-a", "bank-b"]));
    assert!(blocked["policy_name"].as_str().is_some_and(|name| name.starts_with("default/")), "{blocked}");
    assert_eq!(
        [&blocked["policy_sha256"], &blocked["decision_id"]].map(|hex| hex.as_str().map(str::len)),
        [Some(64), Some(32)]
    );
    assert!(number(&figures, "published_while_down") > 800);
    assert!(number(&figures, "values_searched") > 600);
    assert!(number(&figures, "disk_bytes_searched") > 1_000_000 && number(&figures, "wire_bytes_searched") > 100_000);
    assert_eq!((number(&figures, "disk_values_found"), number(&figures, "wire_values_found")), (0, 0));
    assert_eq!(figures["release"]["epsilon"], 0.5);
    assert_eq!(figures["release"]["counts"].as_array().map(Vec::len), Some(16));
    assert!(number(&figures, "audit_records") > 100);
    assert_eq!(figures["audit_verified"], Value::Bool(true));
    for told in [
        "CHALLENGE",
        "BLOCK",
        "HOLD",
        "ALLOW",
        "A customer proves who they are, and the order is released",
        "An order unlike its customer is held, and a person releases it",
        "verified without the node",
        "NOT protect against: a malicious member",
        "budget",
        "every line proved",
        "Everything is stopped; the temporary folder is removed.",
    ] {
        assert!(account.contains(told), "the account does not say {told:?}:\n{account}");
    }
}

#[test]
fn what_it_prints_can_be_typed_while_the_nodes_run_and_ctrl_c_stops_everything() {
    let mut running = Running::start(&["--orders", "200", "--fraudsters", "100"]);
    let heard = running.until("Ctrl-C stops");
    let program = env!("CARGO_BIN_EXE_hushwire");
    let commands: Vec<&str> = heard.lines().map(str::trim).filter(|line| line.starts_with(program)).collect();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let type_in = |command: &str| {
        let typed = Command::new("sh").args(["-c", command]).current_dir(elsewhere.path()).output().expect("a shell");
        let said = String::from_utf8_lossy(&typed.stderr).into_owned();
        assert!(typed.status.success(), "{command}: {said}");
        String::from_utf8_lossy(&typed.stdout).into_owned()
    };
    let [status, screen, retract, audit] = commands.as_slice() else { panic!("four commands: {commands:?}\n{heard}") };
    let check = |command: &str, expected: &str| {
        let said = type_in(command);
        assert!(said.contains(expected), "{command} does not say {expected:?}: {said}");
    };
    check(status, "bank-a");
    check(screen, "challenge");
    check(retract, "members/bank-a/indicators/");
    wait("the retraction arrives", || type_in(screen).contains("allow"));
    check(audit, "screening");

    running.signal(Signal::INT);
    let (status, said, _) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("Everything is stopped; the temporary folder is removed."), "{said}");
}

#[test]
fn killed_it_leaves_no_node_behind() {
    let mut running = Running::start(&[]);
    running.until("Founding a consortium");
    let nodes = || processes_of(running.temporary.path()).iter().filter(|line| line.contains(" serve ")).count();
    wait("a node serves", || {
        nodes() > 0 && running.folder().is_some_and(|folder| folder.join("bank-a").join("ready.json").exists())
    });
    running.signal(Signal::KILL);
    wait("every node stops", || nodes() == 0);
    let log = running.folder().expect("nobody removed it").join("bank-a").join("node.log");
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(log.contains("node.stopped"), "in good order: {log}");
}

#[test]
fn told_to_stop_while_it_founds_the_consortium_it_leaves_nothing() {
    check_stopped_while_founding(Signal::TERM);
}

#[test]
fn a_terminal_that_is_closed_leaves_nothing_either() {
    check_stopped_while_founding(Signal::HUP);
}

fn check_stopped_while_founding(signal: Signal) {
    let mut running = Running::start(&[]);
    running.until("Founding a consortium");
    wait("the first node starts", || {
        running.folder().is_some_and(|folder| folder.join("bank-a").join("node.log").exists())
    });
    running.signal(signal);
    let (status, said, printed) = running.end();
    assert_eq!((status.code(), printed.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains("stopped before the story was told"), "{said}");
}

/// Somebody else withdraws the warning that the story wants to withdraw, while the demo is held.
#[test]
fn a_match_that_vanished_fails_its_act_with_exit_code_5() {
    let mut running = Running::start(&["--exit", "--json", "--orders", "500", "--fraudsters", "100"]);
    running.until("The shop screens its orders");
    running.signal(Signal::STOP);
    let folder = running.folder().expect("the nodes run");
    let mut desk = csv::Reader::from_path(folder.join("bank-a-flags.csv")).expect("the desk's file");
    let rows = desk.records().map(|row| row.expect("a row"));
    // Devices that bank A alone flagged: every fourth fraudster is known to bank B too.
    let alone = rows.filter(|row| row[0] == *"device" && case_of(&row[9]) >= 25);
    let device = alone.map(|row| row[1].to_owned()).nth(2).expect("the device of the act");
    let withdrawn = Command::new(env!("CARGO_BIN_EXE_hushwire"))
        .args(["retract", "--reason", "false-positive", "--identifier", &format!("device={device}"), "--config"])
        .arg(folder.join("bank-a").join("hushwire.toml"))
        .output()
        .expect("the binary runs");
    assert!(withdrawn.status.success(), "{}", String::from_utf8_lossy(&withdrawn.stderr));
    running.signal(Signal::CONT);
    let (status, said, printed) = running.end();
    assert_eq!((status.code(), printed.as_str()), (Some(5), ""), "{said}");
    let failed = "the act \"Bank A was wrong once, and takes it back\" failed: an order from the device before the \
                  retraction: the shop's node says allow, expected was challenge";
    assert!(said.contains(failed), "{said}");
}

/// The number at the end of `bank-a-case-17`.
fn case_of(source_ref: &str) -> usize {
    source_ref.rsplit('-').next().and_then(|number| number.parse().ok()).expect("a case of the demo")
}

#[test]
fn too_few_fraudsters_are_refused_with_what_to_do() {
    let output = demo(&["--exit", "--orders", "10", "--fraudsters", "1"]).output().expect("the demo runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("--fraudsters"), "{told}");
}
