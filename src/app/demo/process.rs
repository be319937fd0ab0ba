//! One node as a process of its own: started, killed, stopped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::app::outcome::CliError;

/// Longest wait for a node to serve.
const START: Duration = Duration::from_secs(30);

/// Longest wait for a node to end by itself.
const STOP: Duration = Duration::from_secs(12);

/// A running node.
#[derive(Debug)]
pub struct NodeProcess {
    child: Child,
}

/// Whether the node has told that it does everything.
fn is_open(ready: &Path) -> bool {
    let told = std::fs::read(ready).ok().and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    told.is_some_and(|told| told["opening"] == false)
}

impl NodeProcess {
    /// Starts `serve` on a node's folder and waits until both its listeners are open, and its store.
    pub async fn start(dir: &Path, passphrase: &str) -> Result<Self, CliError> {
        let failed = |error: std::io::Error| CliError::failed(format!("a node cannot be started: {error}"));
        let ready = dir.join("ready.json");
        let log = dir.join("node.log");
        drop(std::fs::remove_file(&ready));
        let output = File::options().create(true).append(true).open(&log).map_err(failed)?;
        let child = Command::new(std::env::current_exe().map_err(failed)?)
            .arg("serve")
            .arg("--config")
            .arg(dir.join("hushwire.toml"))
            .arg("--ready-file")
            .arg(&ready)
            // Should the demo be killed, its nodes see the end of what it holds, and stop.
            .arg("--stop-with-stdin")
            .env("HUSHWIRE_PASSPHRASE", passphrase)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(output)
            // Ctrl-C in the terminal reaches the demo alone, which then stops its nodes one by one.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut node = Self { child };
        let since = Instant::now();
        while !is_open(&ready) {
            if let Some(status) = node.child.try_wait().map_err(failed)? {
                return Err(CliError::failed(format!("a node ended at once: {status}; {}", last_line(&log))));
            }
            if since.elapsed() > START {
                return Err(CliError::failed(format!("a node does not serve after {} s", START.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(node)
    }

    /// As a power cut would end it.
    pub async fn kill(mut self) -> Result<(), CliError> {
        self.child.kill().await.map_err(|error| CliError::failed(format!("a node cannot be killed: {error}")))
    }

    /// As an operator would end it; what does not end is killed.
    pub async fn stop(mut self) {
        if let Some(pid) =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            // Already gone is as good as stopped.
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(STOP, self.child.wait()).await.is_err() {
            drop(self.child.kill().await);
        }
    }
}

fn last_line(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("its log is empty").to_owned()
}
