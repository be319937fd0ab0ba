//! A folder of its own for each test, the built program in it, and a node that runs until it is dropped.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Longest wait for a node to open its doors, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(60);

/// A folder of its own.
pub struct World {
    folder: TempDir,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}):\n{}\n{}", self.out, self.err))
    }

    /// Checks the exit code and that every part was said.
    pub fn check(&self, code: i32, parts: &[&str]) -> &Self {
        let all = format!("{}\n{}", self.out, self.err);
        assert_eq!(self.code, code, "{all}");
        for part in parts {
            assert!(all.contains(part), "{part:?} is missing in:\n{all}");
        }
        self
    }
}

impl World {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// With a node that was made by `init` and does not run.
    pub fn with_node() -> Self {
        let world = Self::new();
        let addresses = ["--local", "127.0.0.1:0", "--peer", "127.0.0.1:0"];
        world.run(&[&["init", "--member", "bank-a", "--dir", "node"], &addresses[..]].concat()).check(0, &["is ready"]);
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("writable");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("readable")
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hushwire"));
        command.current_dir(self.folder.path()).env_clear();
        for (name, value) in ENVIRONMENT {
            command.env(name, value);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        said(self.command().args(args))
    }

    /// A line as a reader types it.
    pub fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-e", "-c", line]).current_dir(self.folder.path()).env_clear().envs(ENVIRONMENT);
        command
    }

    /// Two members, `bank-a` and `bank-b`, founded by one admin; others find bank-b at `endpoint`.
    pub fn found_two(&self, endpoint: &str) {
        let admin = self.run(&["key", "admin", "anna", "--consortium", "demo.example", "--out", "anna.age"]).out;
        for (member, endpoint) in [("bank-a", "127.0.0.1:9"), ("bank-b", endpoint)] {
            let keygen = ["member", "keygen", "--dir", member, "--consortium", "demo.example", "--member", member];
            self.run(&[&keygen[..], &["--local", "127.0.0.1:0", "--peer", "127.0.0.1:0"]].concat()).check(0, &[]);
            let card = ["member", "card", "--dir", member, "--name", member, "--endpoint", endpoint, "--out"];
            self.run(&[&card[..], &[&format!("{member}.card")]].concat()).check(0, &[]);
        }
        let genesis = ["member", "genesis", "--consortium", "demo.example", "--quorum", "1", "--admin", admin.trim()];
        let cards = ["--card", "bank-a.card", "--card", "bank-b.card", "--out", "genesis"];
        self.run(&[&genesis[..], &cards].concat()).check(0, &[]);
        let files = ["genesis/roster-1.note", "genesis/epoch-1.bundle"];
        self.run(&[&["member", "sign", "--admin", "anna.age"], &files[..]].concat()).check(0, &[]);
        self.run(&[&["member", "invite", "--out", "founders.invitation"], &files[..]].concat()).check(0, &[]);
        let hash = self.run(&["member", "roster", "genesis/roster-1.note", "--hash"]).out;
        for member in ["bank-a", "bank-b"] {
            let join = ["member", "join", "founders.invitation", "--dir", member, "--genesis", hash.trim()];
            self.run(&join).check(0, &[]);
        }
    }

    /// The next roster of bank-a's, signed, in a folder of its own; its text.
    pub fn propose(&self, changes: &[&str], folder: &str) -> String {
        self.run(&[&["member", "propose", "--dir", "bank-a", "--out", folder], changes].concat()).check(0, &[]);
        let files = std::fs::read_dir(self.path(folder)).expect("prepared").map(|file| file.expect("readable").path());
        let roster = files.into_iter().find(|file| file.extension().is_some_and(|end| end == "note"));
        let roster = roster.expect("a roster");
        self.run(&["member", "sign", roster.to_str().expect("a plain name"), "--admin", "anna.age"]).check(0, &[]);
        std::fs::read_to_string(roster).expect("readable")
    }
}

/// Of everything that is sealed here.
pub const PASSPHRASE: &str = "correct horse battery staple";

/// Sealing is quick here: the passphrase guards nothing.
pub const ENVIRONMENT: [(&str, &str); 2] =
    [("HUSHWIRE_DANGER_QUICK_SEALING", "true"), ("HUSHWIRE_PASSPHRASE", PASSPHRASE)];

pub fn said(command: &mut Command) -> Said {
    output(command.output().expect("the program starts"))
}

pub fn output(output: std::process::Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A node that runs until it is dropped.
pub struct Running {
    pub world: World,
    process: Child,
    pub endpoint: String,
}

impl Running {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// A node that is changed between its `init` and its start.
    pub fn start_with(change: impl FnOnce(&World)) -> Self {
        let world = World::with_node();
        change(&world);
        let log = std::fs::File::create(world.path("serve.log")).expect("writable");
        let process = std::process::Command::new(env!("CARGO_BIN_EXE_hushwire"))
            .args(["serve", "--config", "node/hushwire.toml", "--ready-file", "ready.json"])
            .current_dir(world.path(""))
            .env_clear()
            .envs(ENVIRONMENT)
            .env("HUSHWIRE__FEED__WINDOW_MS", "0")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the node starts");
        let mut running = Self { world, process, endpoint: String::new() };
        running.endpoint = running.wait_for_doors();
        running
    }

    fn wait_for_doors(&mut self) -> String {
        let begun = Instant::now();
        let ready = self.world.path("ready.json");
        loop {
            if let Some(local) = local_address(&ready) {
                return local;
            }
            let ended = self.process.try_wait().expect("the process is ours");
            assert!(ended.is_none() && begun.elapsed() < START, "no node:\n{}", self.world.read("serve.log"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a command as a caller of `role`.
    pub fn run(&self, role: &str, args: &[&str]) -> Said {
        said(self.command(role).args(args))
    }

    pub fn run_with(&self, role: &str, args: &[&str], input: impl Into<Vec<u8>>) -> Said {
        said(self.command(role).args(args).write_stdin(input))
    }

    pub fn command(&self, role: &str) -> Command {
        let mut command = self.world.command();
        command.env("HUSHWIRE_ENDPOINT", &self.endpoint).env("HUSHWIRE_IDENTITY", format!("node/certs/{role}-desk"));
        command
    }

    /// The decision on a transaction with this identifier.
    pub fn decision(&self, identifier: &str) -> String {
        let said = self.run("screener", &["screen", "--identifier", identifier, "--json"]);
        said.check(0, &[]).json()["decision"].as_str().expect("a word").to_owned()
    }

    /// Waits until the decision is `expected`: a publication counts when its window has ended.
    pub fn wait_for_decision(&self, identifier: &str, expected: &str) {
        let begun = Instant::now();
        while self.decision(identifier) != expected {
            assert!(begun.elapsed() < START, "the decision is still not {expected}");
        }
    }

    /// Tells the process to stop, as a supervisor does; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).expect("ours");
        kill_process(pid, Signal::TERM).expect("it runs");
        self.process.wait().expect("it is ours").code()
    }

    /// The folder of a process that was stopped.
    pub fn into_world(mut self) -> World {
        std::mem::replace(&mut self.world, World::new())
    }

    /// Ends the process at once, as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it is ours");
    }
}

fn local_address(ready: &Path) -> Option<String> {
    let text = std::fs::read_to_string(ready).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    Some(value["local"].as_str()?.to_owned())
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ended = self.process.kill();
        let _waited = self.process.wait();
    }
}
