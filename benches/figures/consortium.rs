//! Nodes to measure: founded with the commands their users would type, opened in this process or run as processes.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hushwire::app::config::Config;
use hushwire::app::serve::material::Material;
use hushwire::app::serve::store::open_node;
use hushwire::io::journal::file::FileJournal;
use hushwire::io::journal::real_fs::RealFs;
use hushwire::io::transport::client::{ClientIdentity, connect_local};
use hushwire::io::transport::tls::{Authority, Certified};
use hushwire::io::views::any::AnyViews;
use hushwire::io::{clock, random};
use hushwire::node::Node;
use tonic::transport::Channel;

use crate::Fault;

/// The program under measurement, built with the profile of a release.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_hushwire");

const CONSORTIUM: &str = "bench.hushwire.example";

/// Longest wait for a process to serve.
const START: Duration = Duration::from_secs(120);

/// A node over the real journal and the real views.
pub type RealNode = Node<FileJournal<RealFs>, AnyViews>;

/// One member with its folder.
#[derive(Debug)]
pub struct Member {
    pub id: &'static str,
    pub dir: PathBuf,
    pub local: SocketAddr,
}

/// Founds a consortium in `folder`. `window_ms` goes into each configuration.
pub fn found(folder: &Path, ids: &[&'static str], window_ms: u64) -> Result<Vec<Member>, Fault> {
    let passphrase = folder.join("passphrase");
    std::fs::write(&passphrase, hex::encode(random::bytes::<32>()))?;
    let desk = Desk { folder, passphrase: format!("file:{}", passphrase.display()) };
    let bound: Vec<TcpListener> =
        (0..ids.len() * 2).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
    let addresses: Vec<SocketAddr> = bound.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    drop(bound);
    let mut members = Vec::new();
    for (id, pair) in ids.iter().zip(addresses.chunks_exact(2)) {
        let [local, peer] = pair else { return Err("addresses come in pairs".into()) };
        desk.run(&["member", "keygen", "--consortium", CONSORTIUM, "--member", id, "--dir", id], true)?;
        let (endpoint, card) = (peer.to_string(), format!("{id}.card"));
        desk.run(&["member", "card", "--name", id, "--endpoint", &endpoint, "--out", &card, "--dir", id], true)?;
        for role in ["publisher", "screener", "operator"] {
            desk.run(&["cert", "issue", role, "bench", "--dir", id], true)?;
        }
        let dir = folder.join(id);
        let text = format!(
            "[node]\nmember = \"{id}\"\n[local]\nlisten = \"{local}\"\n[peer]\nlisten = \"{peer}\"\n[keystore]\n\
             passphrase = \"{}\"\n[feed]\nwindow_ms = {window_ms}\n[log]\nlevel = \"warn\"\n",
            desk.passphrase
        );
        std::fs::write(dir.join("hushwire.toml"), text)?;
        members.push(Member { id, dir, local: *local });
    }
    desk.agree(ids)?;
    Ok(members)
}

/// Runs commands in one folder.
struct Desk<'a> {
    folder: &'a Path,
    passphrase: String,
}

impl Desk<'_> {
    fn agree(&self, ids: &[&'static str]) -> Result<(), Fault> {
        let printed = self.run(&["key", "admin", "anna", "--consortium", CONSORTIUM, "--out", "anna.age"], true)?;
        let admin = printed.lines().find(|line| line.contains("/admins/")).ok_or("no admin key")?.trim().to_owned();
        let cards: Vec<String> = ids.iter().map(|id| format!("{id}.card")).collect();
        let mut genesis = vec!["member", "genesis", "--consortium", CONSORTIUM, "--admin", &admin, "--quorum", "1"];
        genesis.extend(["--out", "genesis"]);
        for card in &cards {
            genesis.extend(["--card", card]);
        }
        let printed = self.run(&genesis, false)?;
        let hash = printed.lines().find_map(|line| line.strip_prefix("genesis hash: ")).ok_or("no hash")?.trim();
        let files: Vec<String> = std::fs::read_dir(self.folder.join("genesis"))?
            .map(|file| file.map(|file| file.path().display().to_string()))
            .collect::<Result<_, _>>()?;
        let with = |before: &[&'static str]| {
            before.iter().copied().map(str::to_owned).chain(files.iter().cloned()).collect::<Vec<String>>()
        };
        self.run(&with(&["member", "sign", "--admin", "anna.age"]), true)?;
        self.run(&with(&["member", "invite", "--out", "founders.invitation"]), false)?;
        for id in ids {
            self.run(&["member", "join", "founders.invitation", "--dir", id, "--genesis", hash], true)?;
        }
        Ok(())
    }

    fn run(&self, arguments: &[impl AsRef<OsStr>], sealed: bool) -> Result<String, Fault> {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.folder).env("HUSHWIRE_DANGER_QUICK_SEALING", "true");
        if sealed {
            command.args(["--passphrase", &self.passphrase]);
        }
        let output = command.output()?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?);
        }
        let words: Vec<_> = arguments.iter().take(2).map(|word| word.as_ref().to_string_lossy()).collect();
        Err(format!("hushwire {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr)).into())
    }
}

impl Member {
    /// Opens the node in this process.
    pub fn open(&self) -> Result<RealNode, Fault> {
        let now = clock::now();
        let config = Config::load(&self.dir.join("hushwire.toml"))?;
        let material = Material::load(&config, now)?;
        let (node, _) = open_node(&config, &material, now)?;
        Ok(node)
    }

    /// Starts the node as a process and waits until it does everything.
    pub fn serve(&self) -> Result<Process, Fault> {
        let ready = self.dir.join("ready.json");
        if ready.exists() {
            std::fs::remove_file(&ready)?;
        }
        let mut command = Command::new(PROGRAM);
        command.arg("serve").arg("--config").arg(self.dir.join("hushwire.toml")).arg("--ready-file").arg(&ready);
        let mut process = Process::start(command, &ready)?;
        process.wait(|| is_open(&ready))?;
        process.opened_in = process.since.elapsed();
        Ok(process)
    }

    /// A channel for one of the member's systems. Needs a running runtime.
    pub fn connect(&self, role: &str) -> Result<Channel, Fault> {
        let folder = self.dir.join("certs").join(format!("{role}-bench"));
        let read = |name: &str| std::fs::read(folder.join(name));
        let identity = ClientIdentity {
            certified: Certified::from_pem(&read("cert.pem")?, &read("key.pem")?)?,
            authority: Authority::from_pem(&read("ca.pem")?)?,
        };
        Ok(connect_local(&self.local.to_string(), &identity)?)
    }
}

/// A running process; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    since: Instant,
    /// From the start to the moment it served, were it from a snapshot.
    pub started_in: Duration,
    /// From the start to the moment its store was open and verified.
    pub opened_in: Duration,
}

/// Whether the node has told that its store is open.
fn is_open(ready: &Path) -> bool {
    let told = std::fs::read(ready).ok().and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    told.is_some_and(|told| told["opening"] == false)
}

impl Process {
    /// Starts `command` and waits for the file it writes when it serves.
    pub fn start(mut command: Command, ready: &Path) -> Result<Self, Fault> {
        let since = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut process = Self { child, since, started_in: Duration::ZERO, opened_in: Duration::ZERO };
        process.wait(|| ready.exists())?;
        process.started_in = process.since.elapsed();
        Ok(process)
    }

    fn wait(&mut self, done: impl Fn() -> bool) -> Result<(), Fault> {
        while !done() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("a server ended: {status}").into());
            }
            if self.since.elapsed() > START {
                return Err("a server does not serve".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// As an operator would end it.
    pub fn stop(mut self) -> Result<(), Fault> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.ok_or("a process has a number")?, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
