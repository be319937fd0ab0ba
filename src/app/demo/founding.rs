//! Founding the demo's consortium with the commands its users would type: keys, cards, genesis, signatures, invitation.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

use crate::app::demo::account::Account;
use crate::app::demo::gateway::Gateway;
use crate::app::demo::process::NodeProcess;
use crate::app::demo::wiretap::Wiretap;
use crate::app::outcome::CliError;
use crate::io::random;

const CONSORTIUM: &str = "demo.hushwire.example";

/// One member of the cast.
#[derive(Debug)]
pub struct Member {
    pub id: &'static str,
    pub title: &'static str,
    pub dir: PathBuf,
    /// Where its own systems call.
    pub local: SocketAddr,
    /// Where other members' nodes call.
    pub peer: SocketAddr,
    /// Where people open its console.
    pub console: SocketAddr,
    pub process: Option<NodeProcess>,
}

/// The three members, their folders, the tap on the first bank's wire and the shop's gateway.
#[derive(Debug)]
pub struct Cast {
    pub members: Vec<Member>,
    pub tap: Wiretap,
    pub gateway: Gateway,
    pub passphrase: String,
    folder: PathBuf,
    keep: bool,
}

/// Positions of the members in the cast.
pub const BANK_A: usize = 0;
pub const BANK_B: usize = 1;
pub const SHOP: usize = 2;

impl Cast {
    /// Makes everything and starts the three nodes.
    pub async fn found(account: &Account, keep: Option<PathBuf>) -> Result<Self, CliError> {
        account.step("Founding a consortium of two banks and a shop");
        let kept = keep.is_some();
        let folder = keep.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("hushwire-demo-{}", hex::encode(random::bytes::<6>())))
        });
        std::fs::create_dir_all(&folder).map_err(|error| CliError::failed(format!("{}: {error}", folder.display())))?;
        // 256 random bits: sealing with less work is safe for such a passphrase, and quick.
        let passphrase = hex::encode(random::bytes::<32>());
        let ports = free_ports(9)?;
        let [a, ap, ac, b, bp, bc, s, sp, sc] = ports.as_slice() else {
            return Err(CliError::failed("no free ports"));
        };
        let member = |id: &'static str, title, local: &SocketAddr, peer: &SocketAddr, console: &SocketAddr| Member {
            id,
            title,
            dir: folder.join(id),
            local: *local,
            peer: *peer,
            console: *console,
            process: None,
        };
        let members = vec![
            member("bank-a", "Bank A", a, ap, ac),
            member("bank-b", "Bank B", b, bp, bc),
            member("shop", "The shop", s, sp, sc),
        ];
        let tap = Wiretap::start(*ap).await?;
        let gateway = Gateway::start().await?;
        let mut cast = Self { members, tap, gateway, passphrase, folder, keep: kept };
        let bar = account.bar(3 * 6 + 9, "steps");
        cast.make_keys(&bar).await?;
        cast.agree(&bar).await?;
        for member in &cast.members {
            write_config(member)?;
        }
        cast.connect_gateway()?;
        for position in 0..cast.members.len() {
            cast.start(position).await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        account.say(
            "Each member made its own keys and certificates. Two administrators signed the roster, the list of members and \
             their keys, and each member checked its hash. The first key for pseudonyms was sealed to each of them. Three \
             node processes now talk over TLS, each side proving who it is.",
        );
        for member in &cast.members {
            account.figure(
                member.title,
                format!("{}  its systems: {}  other members: {}", member.id, member.local, member.peer),
            );
        }
        Ok(cast)
    }

    async fn make_keys(&self, bar: &indicatif::ProgressBar) -> Result<(), CliError> {
        for member in &self.members {
            let keygen = ["member", "keygen", "--consortium", CONSORTIUM, "--member", member.id, "--dir"];
            self.run(keygen.map(OsStr::new).into_iter().chain([member.dir.as_os_str()])).await?;
            bar.inc(1);
            // The shop reaches bank A over a wire on which somebody listens.
            let endpoint = if member.id == "bank-a" { self.tap.address } else { member.peer }.to_string();
            let card = self.folder.join(format!("{}.card", member.id));
            let arguments = ["member", "card", "--name", member.title, "--endpoint", &endpoint, "--dir"];
            let paths = [member.dir.as_os_str(), OsStr::new("--out"), card.as_os_str()];
            self.run(arguments.map(OsStr::new).into_iter().chain(paths)).await?;
            bar.inc(1);
            let certificates = match member.id {
                "shop" => &["screener checkout", "analyst fraud-team", "auditor officer", "operator night-shift"][..],
                _ => &["publisher fraud-desk", "auditor officer", "operator night-shift"][..],
            };
            for certificate in certificates {
                let (role, name) = certificate.split_once(' ').unwrap_or((*certificate, "demo"));
                let arguments = ["cert", "issue", role, name, "--dir"];
                self.run(arguments.map(OsStr::new).into_iter().chain([member.dir.as_os_str()])).await?;
                bar.inc(1);
            }
        }
        Ok(())
    }

    /// The shop's node posts the codes of its challenges to the shop's gateway, signed.
    fn connect_gateway(&self) -> Result<(), CliError> {
        let dir = &self.member(SHOP)?.dir;
        let unwritable = |path: &Path, error: std::io::Error| CliError::failed(format!("{}: {error}", path.display()));
        let secret = dir.join("gateway.secret");
        std::fs::write(&secret, &self.gateway.secret).map_err(|error| unwritable(&secret, error))?;
        let config = dir.join("hushwire.toml");
        let text = std::fs::read_to_string(&config).map_err(|error| unwritable(&config, error))?;
        let hook = format!(
            "\n[[webhooks]]\nname = \"gateway\"\nurl = \"http://{}/codes\"\nsecret = \"gateway.secret\"\n\
             events = [\"challenge.code\"]\n",
            self.gateway.address
        );
        std::fs::write(&config, text + &hook).map_err(|error| unwritable(&config, error))
    }

    async fn agree(&self, bar: &indicatif::ProgressBar) -> Result<(), CliError> {
        let mut admins = Vec::new();
        for admin in ["anna", "ben"] {
            let file = self.folder.join(format!("{admin}.age"));
            let arguments = ["key", "admin", admin, "--consortium", CONSORTIUM, "--out"];
            let printed = self.run(arguments.map(OsStr::new).into_iter().chain([file.as_os_str()])).await?;
            let key = printed.lines().find(|line| line.contains("/admins/")).unwrap_or_default();
            admins.push((file, key.trim().to_owned()));
            bar.inc(1);
        }
        let genesis = self.folder.join("genesis");
        let mut arguments: Vec<&OsStr> = ["member", "genesis", "--consortium", CONSORTIUM].map(OsStr::new).into();
        let cards: Vec<PathBuf> =
            self.members.iter().map(|member| self.folder.join(format!("{}.card", member.id))).collect();
        for card in &cards {
            arguments.extend([OsStr::new("--card"), card.as_os_str()]);
        }
        for (_, key) in &admins {
            arguments.extend([OsStr::new("--admin"), OsStr::new(key)]);
        }
        // Bank A also shares what its customers reported.
        arguments.extend(["--minimum-grounds", "customer-report"].map(OsStr::new));
        arguments.extend([OsStr::new("--out"), genesis.as_os_str()]);
        let printed = self.run(arguments).await?;
        let hash = printed.lines().find_map(|line| line.strip_prefix("genesis hash: ")).unwrap_or_default().trim();
        bar.inc(1);
        let files: Vec<PathBuf> = std::fs::read_dir(&genesis)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(|error| CliError::failed(format!("{}: {error}", genesis.display())))?;
        for (admin, _) in &admins {
            let signed = files.iter().map(|file| file.as_os_str());
            let sign = ["member", "sign"].map(OsStr::new).into_iter().chain(signed);
            self.run(sign.chain([OsStr::new("--admin"), admin.as_os_str()])).await?;
            bar.inc(1);
        }
        let invitation = self.folder.join("founders.invitation");
        let invite = ["member", "invite", "--out"].map(OsStr::new).into_iter().chain([invitation.as_os_str()]);
        self.run(invite.chain(files.iter().map(|file| file.as_os_str()))).await?;
        for member in &self.members {
            let join = [OsStr::new("member"), OsStr::new("join"), invitation.as_os_str(), OsStr::new("--dir")];
            let genesis = [member.dir.as_os_str(), OsStr::new("--genesis"), OsStr::new(hash)];
            self.run(join.into_iter().chain(genesis)).await?;
            bar.inc(1);
        }
        Ok(())
    }

    /// Runs one command of this program, however it ends.
    pub async fn command(&self, arguments: impl IntoIterator<Item = &OsStr>) -> Result<Output, CliError> {
        let program = std::env::current_exe()
            .map_err(|error| CliError::failed(format!("this program cannot find itself: {error}")))?;
        Command::new(program)
            .args(arguments)
            .env("HUSHWIRE_PASSPHRASE", &self.passphrase)
            .env("HUSHWIRE_DANGER_QUICK_SEALING", "true")
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| CliError::failed(format!("a command cannot be started: {error}")))
    }

    /// Runs one command of this program and returns what it printed.
    pub async fn run(&self, arguments: impl IntoIterator<Item = &OsStr>) -> Result<String, CliError> {
        let arguments: Vec<&OsStr> = arguments.into_iter().collect();
        let output = self.command(arguments.iter().copied()).await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let words: Vec<_> = arguments.iter().take(2).map(|word| word.to_string_lossy()).collect();
        let said = String::from_utf8_lossy(&output.stderr);
        Err(CliError::failed(format!("hushwire {} failed: {}", words.join(" "), said.trim())))
    }

    /// Starts a member's node.
    pub async fn start(&mut self, position: usize) -> Result<(), CliError> {
        let passphrase = self.passphrase.clone();
        let member = self.members.get_mut(position).ok_or_else(no_such_member)?;
        member.process = Some(NodeProcess::start(&member.dir, &passphrase).await?);
        Ok(())
    }

    /// Kills a member's node as a power cut would.
    pub async fn kill(&mut self, position: usize) -> Result<(), CliError> {
        match self.members.get_mut(position).and_then(|member| member.process.take()) {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Stops every node as an operator would. The folder goes with the cast.
    pub async fn close(&mut self) {
        for member in &mut self.members {
            if let Some(process) = member.process.take() {
                process.stop().await;
            }
        }
    }

    /// Whether the folder stays when the demo ends.
    pub fn is_kept(&self) -> bool {
        self.keep
    }

    pub fn member(&self, position: usize) -> Result<&Member, CliError> {
        self.members.get(position).ok_or_else(no_such_member)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of bank A's fraud desk: raw identifiers, on no node.
    pub fn desk_file(&self) -> PathBuf {
        self.folder.join("bank-a-flags.csv")
    }

    /// Commands for a visitor, against the running nodes, with what each is for; `email` is flagged.
    pub fn commands_to_try(&self, email: &str) -> [(&'static str, String); 4] {
        let config = |id: &str| self.folder.join(id).join("hushwire.toml").display().to_string();
        [
            ("what the shop's node holds, and whom it hears", format!("status --config {}", config("shop"))),
            (
                "an order with an e-mail address that bank A flagged",
                format!("screen --config {} --identifier email={email}", config("shop")),
            ),
            (
                "bank A takes it back; then ask the shop again",
                format!("retract --config {} --reason false-positive --identifier email={email}", config("bank-a")),
            ),
            ("what the shop's node did, you included", format!("audit list --config {}", config("shop"))),
        ]
    }
}

fn no_such_member() -> CliError {
    CliError::failed("no such member")
}

/// Whatever ends the demo: no node goes on, and nothing is left among the temporary files.
impl Drop for Cast {
    fn drop(&mut self) {
        // A node still running here is killed by the drop of its process.
        self.members.clear();
        if !self.keep {
            drop(std::fs::remove_dir_all(&self.folder));
        }
    }
}

/// Ports that are free now. They are closed again before the nodes open them; on a busy machine somebody else may be
/// quicker, and then the node says which port is taken.
fn free_ports(count: usize) -> Result<Vec<SocketAddr>, CliError> {
    let bound: Result<Vec<TcpListener>, _> = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let bound = bound.map_err(|error| CliError::failed(format!("no free port: {error}")))?;
    let addresses: Result<Vec<SocketAddr>, _> = bound.iter().map(TcpListener::local_addr).collect();
    addresses.map_err(|error| CliError::failed(format!("no free port: {error}")))
}

fn write_config(member: &Member) -> Result<(), CliError> {
    let text = format!(
        "[node]\nmember = \"{}\"\ndir = \".\"\n\n[local]\nlisten = \"{}\"\n\n[peer]\nlisten = \"{}\"\n\n\
         [keystore]\npassphrase = \"env:HUSHWIRE_PASSPHRASE\"\n\n[feed]\nwindow_ms = 100\n\n\
         [console]\nlisten = \"{}\"\n",
        member.id, member.local, member.peer, member.console
    );
    let path = member.dir.join("hushwire.toml");
    std::fs::write(&path, text).map_err(|error| CliError::failed(format!("{}: {error}", path.display())))
}
