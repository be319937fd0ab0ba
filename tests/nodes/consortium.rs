//! A consortium of several members in one temporary folder, formed by the commands its members would type.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::node::{Home, Node};

/// Of every keystore and admin key here; unusual, so that a search for it finds no chance hit.
pub const PASSPHRASE: &str = "zq7x-Kormoran-9931-Nebelhorn";

/// What a command said and how it ended.
#[derive(Debug, Clone)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Several members of one consortium, none of them running yet.
pub struct Consortium {
    folder: TempDir,
    /// Loopback has a whole network; one address a consortium, so that no outgoing connection takes a port between the
    /// moment it is chosen and the moment a node listens on it.
    address: IpAddr,
    /// Ports of it that were chosen: the same one is free again, and may come again, until somebody listens on it.
    chosen: Mutex<BTreeSet<u16>>,
    genesis: String,
    /// Everything any command here has said.
    said: Mutex<Vec<Said>>,
}

impl Consortium {
    /// Founds one of these members (none: only the folder), each with its keys, certificates, roster and configuration.
    pub fn found(members: &[&str]) -> Self {
        Self::found_with(members, &[], |_, own| own)
    }

    /// `genesis`: further options of the genesis. `endpoint`: where others are told to reach a member, given where it listens.
    pub fn found_with(
        members: &[&str],
        genesis: &[&str],
        endpoint: impl FnMut(&str, SocketAddr) -> SocketAddr,
    ) -> Self {
        let members: Vec<(&str, &[&str])> = members.iter().map(|member| (*member, ["all"].as_slice())).collect();
        Self::found_in_groups(&members, genesis, endpoint)
    }

    /// The same with the groups of each member.
    pub fn found_in_groups(
        members: &[(&str, &[&str])],
        genesis: &[&str],
        mut endpoint: impl FnMut(&str, SocketAddr) -> SocketAddr,
    ) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let [.., high, low] = std::process::id().to_be_bytes();
        let host = NEXT.fetch_add(1, Ordering::Relaxed);
        let address = IpAddr::V4(Ipv4Addr::new(127, 64 | (high & 0x3f), low, host));
        let folder = tempfile::tempdir().expect("a folder");
        let mut consortium =
            Self { folder, address, chosen: Mutex::default(), genesis: String::new(), said: Mutex::default() };
        let admin = consortium.succeed("key admin anna --consortium demo.example --out anna.age").stdout;
        if members.is_empty() {
            return consortium;
        }
        let mut cards = Vec::new();
        for (member, groups) in members {
            let home = consortium.prepare_in(member, groups, &mut endpoint);
            cards.push(home.card());
        }
        let mut command =
            vec!["member", "genesis", "--consortium", "demo.example", "--quorum", "1", "--out", "genesis"];
        command.extend(["--admin", admin.trim()]);
        cards.iter().for_each(|card| command.extend(["--card", card.as_str()]));
        command.extend(genesis);
        assert_eq!(consortium.run(&command).code, 0);
        consortium.succeed("member sign genesis/roster-1.note genesis/epoch-1.bundle --admin anna.age");
        consortium.succeed("member invite --out founders.invitation genesis/roster-1.note genesis/epoch-1.bundle");
        let hash = consortium.succeed("member roster genesis/roster-1.note --hash").stdout;
        consortium.genesis = hash.trim().to_owned();
        for (member, _) in members {
            consortium.join("founders.invitation", member);
        }
        consortium
    }

    /// Keys, card and configuration of a member that belongs to nothing yet.
    pub fn prepare(&self, member: &str, endpoint: impl FnMut(&str, SocketAddr) -> SocketAddr) -> Home {
        self.prepare_in(member, &["all"], endpoint)
    }

    fn prepare_in(
        &self,
        member: &str,
        groups: &[&str],
        mut endpoint: impl FnMut(&str, SocketAddr) -> SocketAddr,
    ) -> Home {
        let peer = self.free_address();
        let told = endpoint(member, peer);
        let groups: String = groups.iter().map(|group| format!(" --group {group}")).collect();
        self.succeed(&format!("member keygen --dir {member} --consortium demo.example --member {member}"));
        self.succeed(&format!(
            "member card --dir {member} --name {member} --endpoint {told} --out {member}.card{groups}"
        ));
        let home = Home::new(self.path(), member, peer);
        home.configure();
        home
    }

    /// An address nobody listens on, or was given before.
    pub fn free_address(&self) -> SocketAddr {
        loop {
            let bound = TcpListener::bind((self.address, 0)).expect("loopback has addresses");
            let free = bound.local_addr().expect("bound");
            if self.chosen.lock().unwrap_or_else(PoisonError::into_inner).insert(free.port()) {
                return free;
            }
        }
    }

    /// Enters by an invitation.
    pub fn join(&self, invitation: &str, member: &str) {
        self.succeed(&format!("member join {invitation} --dir {member} --genesis {}", self.genesis));
    }

    /// Signs what was prepared in a folder, as the only admin.
    pub fn sign(&self, prepared: &str) -> Vec<String> {
        let mut files = Vec::new();
        for file in std::fs::read_dir(self.path().join(prepared)).expect("prepared") {
            files.push(file.expect("readable").path().to_str().expect("a plain name").to_owned());
        }
        files.sort();
        let mut command = vec!["member", "sign", "--admin", "anna.age"];
        command.extend(files.iter().map(String::as_str));
        let said = self.run(&command);
        assert_eq!(said.code, 0, "{}", said.stderr);
        files
    }

    /// A member's folder.
    pub fn home(&self, member: &str) -> Home {
        Home::found(self.path(), member)
    }

    /// Starts the node of a member and waits until both its doors are open.
    pub fn start(&self, member: &str) -> Node {
        self.home(member).start().unwrap_or_else(|said| panic!("{member} does not start: {}", said.stderr))
    }

    /// Starts several.
    pub fn start_all<const N: usize>(&self, members: [&str; N]) -> [Node; N] {
        members.map(|member| self.start(member))
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    /// Runs a command line whose words hold no spaces; it must succeed.
    pub fn succeed(&self, line: &str) -> Said {
        let said = self.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(said.code, 0, "{line}\n{}{}", said.stdout, said.stderr);
        said
    }

    /// Runs a command in the folder of the consortium.
    pub fn run(&self, words: &[&str]) -> Said {
        let said: Said =
            command(self.path()).args(words).stdin(Stdio::null()).output().expect("the binary runs").into();
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push(said.clone());
        said
    }

    /// What a node's audit log holds, as its auditor lists it: JSON lines.
    pub fn audit_list(&self, node: &Node, more: &[&str]) -> Said {
        let (endpoint, identity) = (node.local.to_string(), node.home.identity("auditor").display().to_string());
        let words = ["audit", "list", "--json", "--limit", "1000", "--endpoint", &endpoint, "--identity", &identity];
        self.run(&[&words[..], more].concat())
    }

    /// Everything commands have said so far.
    pub fn transcript(&self) -> Vec<Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `hushwire` in a folder, with the passphrase in its environment and quick sealing.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hushwire"));
    command.current_dir(folder).env_clear();
    command.env("HUSHWIRE_PASSPHRASE", PASSPHRASE).env("HUSHWIRE_DANGER_QUICK_SEALING", "true");
    command
}
