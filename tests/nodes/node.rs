//! One member's folder, and the process that runs on it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::consortium::{Said, command};

/// Longest anything here may take; the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// Asks until there is an answer. Panics with `what` was expected when there is none in time.
pub fn wait<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    wait_longer(what, Duration::ZERO, ask)
}

/// The same for what a node itself does only so often.
pub fn wait_longer<T>(what: &str, more: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE + more;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A member's folder beside those of the others.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
    pub member: String,
}

impl Home {
    pub fn new(folder: &Path, member: &str, peer: SocketAddr) -> Self {
        let home = Self::found(folder, member);
        std::fs::write(home.path().join("peer.address"), peer.to_string()).expect("written");
        home
    }

    /// A folder that was prepared before.
    pub fn found(folder: &Path, member: &str) -> Self {
        Self { folder: folder.to_owned(), member: member.to_owned() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.member)
    }

    pub fn card(&self) -> String {
        format!("{}.card", self.member)
    }

    /// Where the node listens for others.
    pub fn peer(&self) -> SocketAddr {
        let text = std::fs::read_to_string(self.path().join("peer.address")).expect("prepared");
        text.parse().expect("an address")
    }

    /// Any free port for the member's own systems, the announced one for peers, short windows, every event in the log.
    pub fn configure(&self) {
        let text = format!(
            "[node]\nmember = \"{}\"\n[local]\nlisten = \"127.0.0.1:0\"\n[peer]\nlisten = \"{}\"\n\
             [keystore]\npassphrase = \"env:HUSHWIRE_PASSPHRASE\"\n[feed]\nwindow_ms = 20\n\
             [log]\nlevel = \"debug\"\nformat = \"json\"\n",
            self.member,
            self.peer()
        );
        std::fs::write(self.path().join("hushwire.toml"), text).expect("written");
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.member))
    }

    /// Where a clean stop leaves a snapshot of belief.
    pub fn snapshot(&self) -> PathBuf {
        self.path().join("belief.snapshot")
    }

    /// Starts the node; what it said where it ended instead.
    pub fn start(&self) -> Result<Node, Said> {
        self.start_with(&[])
    }

    /// The same with overrides of the configuration.
    pub fn start_with(&self, environment: &[(&str, &str)]) -> Result<Node, Said> {
        self.start_as(&[], environment)
    }

    /// The same with further words on the command line.
    pub fn start_as(&self, words: &[&str], environment: &[(&str, &str)]) -> Result<Node, Said> {
        self.start_until(words, environment, |opening| !opening)
    }

    /// Starts the node and waits only until its doors are open, whether its store is or not.
    pub fn start_early(&self) -> Result<Node, Said> {
        self.start_until(&[], &[], |_| true)
    }

    /// Starts the node and waits only until its doors are open, behind which nothing is answered yet.
    pub fn start_cold(&self, environment: &[(&str, &str)]) -> Node {
        let Spawned { child, said_before, .. } = self.spawn(&[], environment);
        let local = wait("the doors are open", || {
            let log = std::fs::read(self.log()).expect("a log");
            let lines = log.get(said_before..)?.split(|byte| *byte == b'\n');
            let mut events = lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
            let opening = events.find(|event| event["event"] == "node.opening")?;
            Some(opening["local"].as_str()?.parse().expect("an address"))
        });
        Node { home: self.clone(), child, local, console: None }
    }

    fn start_until(
        &self,
        words: &[&str],
        environment: &[(&str, &str)],
        enough: impl Fn(bool) -> bool,
    ) -> Result<Node, Said> {
        let Spawned { mut child, ready, said_before } = self.spawn(words, environment);
        let started = wait("the node opens its doors or ends", || {
            if let Some(status) = child.try_wait().expect("our child") {
                return Some(Err(status));
            }
            let ready: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready).ok()?).ok()?;
            if !enough(ready["opening"].as_bool().expect("it says whether the store is open")) {
                return None;
            }
            let address = |name: &str| ready[name].as_str().map(|text| text.parse().expect("an address"));
            Some(Ok((address("local")?, address("console"))))
        });
        match started {
            Ok((local, console)) => Ok(Node { home: self.clone(), child, local, console }),
            Err(status) => {
                let log = std::fs::read(self.log()).expect("a log");
                let stderr = String::from_utf8_lossy(&log[said_before..]).into_owned();
                Err(Said { code: status.code().unwrap_or(-1), stdout: String::new(), stderr })
            }
        }
    }

    fn spawn(&self, words: &[&str], environment: &[(&str, &str)]) -> Spawned {
        let ready = self.folder.join(format!("{}.ready", self.member));
        drop(std::fs::remove_file(&ready));
        let log = File::options().append(true).create(true).open(self.log()).expect("a log");
        let said_before = usize::try_from(log.metadata().expect("a file").len()).expect("small");
        let mut command = command(&self.folder);
        command.args(["serve", "--config", &format!("{}/hushwire.toml", self.member), "--ready-file"]).arg(&ready);
        command.args(words).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        Spawned { child: command.spawn().expect("the binary runs"), ready, said_before }
    }
}

/// A node that was just started.
struct Spawned {
    child: Child,
    /// Where it will say that it answers.
    ready: PathBuf,
    /// Bytes of the log of earlier starts.
    said_before: usize,
}

/// A running node. Dropped, it is killed.
pub struct Node {
    pub home: Home,
    child: Child,
    /// Where the member's own systems reach it.
    pub local: SocketAddr,
    /// Where browsers do, if anywhere.
    pub console: Option<SocketAddr>,
}

/// SIGKILL to a process of ours: nothing can be finished.
pub fn kill(pid: Pid) {
    kill_process(pid, Signal::KILL).expect("our child");
}

impl Node {
    pub fn pid(&self) -> Pid {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("our child")
    }

    /// SIGHUP: certificates, rosters and keys of the folder are read again.
    pub fn reload(&self) {
        kill_process(self.pid(), Signal::HUP).expect("our child");
    }

    /// Waits until the process ends by itself.
    pub fn until_ended(mut self) -> ExitStatus {
        wait("the node ends by itself", || self.child.try_wait().expect("our child"))
    }

    /// Kills the node and waits for its end.
    pub fn kill(mut self) {
        kill(self.pid());
        self.child.wait().expect("our child");
    }

    /// SIGTERM, and how the process ended and after how long.
    pub fn stop(mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        kill_process(self.pid(), Signal::TERM).expect("our child");
        let status = wait("the node ends", || self.child.try_wait().expect("our child"));
        (status, asked.elapsed())
    }

    /// SIGTERM, and a start and another until one has left a snapshot of belief: a stop has only so long for it, which is too
    /// short where the disk is slow just then.
    pub fn stop_with_snapshot(self) -> Home {
        let (home, mut node) = (self.home.clone(), self);
        let end = Instant::now() + DEADLINE;
        loop {
            assert_eq!(node.stop().0.code(), Some(0));
            if home.snapshot().exists() {
                return home;
            }
            assert!(Instant::now() < end, "no stop of {} left a snapshot", home.member);
            node = home.start().unwrap_or_else(|said| panic!("{}", said.stderr));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
