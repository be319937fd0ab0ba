//! One figure: a measured number with everything needed to doubt it, as one JSON object in a file of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::{Fault, say};

/// A measured number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// `group.what`, also the name of its file.
    pub name: String,
    pub what: String,
    pub value: f64,
    pub unit: String,
    pub target: Target,
    /// Operations measured.
    pub n: u64,
    /// The value is the median of as many rounds.
    pub rounds: u32,
    /// What the number does not say by itself.
    pub remark: String,
    pub date: String,
    pub machine: String,
    /// Load average of the machine when the figure was taken.
    pub load: String,
    pub commit: String,
    pub command: String,
    /// Indicators held by the node of the groups `stock` and `rpc` in that run.
    pub stock: u32,
}

/// What the product wants to reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Told for its own sake.
    None,
}

impl Target {
    /// Whether `value` reaches the target; none where there is none.
    pub fn is_met(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(least) => Some(value >= least),
            Self::AtMost(most) => Some(value <= most),
            Self::None => None,
        }
    }
}

/// What was counted for a figure.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub value: f64,
    pub n: u64,
    pub rounds: u32,
}

/// Where figures are written while they are measured.
#[derive(Debug)]
pub struct Book {
    machine: String,
    commit: String,
    command: String,
    stock: u32,
}

/// Folder of the JSON files.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench")
}

impl Book {
    pub fn open(stock: u32) -> Result<Self, Fault> {
        std::fs::create_dir_all(folder())?;
        let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        let command = if arguments.is_empty() {
            "make bench".to_owned()
        } else {
            format!("cargo bench --locked --bench figures -- {}", arguments.join(" "))
        };
        Ok(Self { machine: machine(), commit: commit(), command, stock })
    }

    /// Writes one figure.
    pub fn note(
        &mut self,
        (name, what): (&str, &str),
        sample: Sample,
        unit: &str,
        target: Target,
        remark: &str,
    ) -> Result<(), Fault> {
        let figure = Figure {
            name: name.to_owned(),
            what: what.to_owned(),
            value: sample.value,
            unit: unit.to_owned(),
            target,
            n: sample.n,
            rounds: sample.rounds,
            remark: remark.to_owned(),
            date: hushwire::io::clock::now().to_string(),
            machine: self.machine.clone(),
            load: load(),
            commit: self.commit.clone(),
            command: self.command.clone(),
            stock: self.stock,
        };
        say(format!("{name}: {} {unit}", shown(sample.value)))?;
        std::fs::write(folder().join(format!("{name}.json")), serde_json::to_vec_pretty(&figure)?)?;
        Ok(())
    }
}

/// A number with three significant digits or all of its integer ones.
pub fn shown(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        small if small >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let row = |text: &str, key: &str| {
        let row = text.lines().find(|line| line.starts_with(key))?;
        Some(row.split_once(':')?.1.trim().to_owned())
    };
    let model = row(&cpu, "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let flags = row(&cpu, "flags").unwrap_or_default();
    let sha = if flags.split(' ').any(|flag| flag == "sha_ni") { "SHA-NI" } else { "no SHA-NI" };
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let memory = row(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{model}, {cores} cores, {sha}, {memory}, Linux {}", kernel.trim())
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    // The newest commit of what is measured: a later one of texts or of the figures' own code measures the same.
    let product = ["--", "src", "proto", "deploy", "build.rs", "Cargo.toml", "Cargo.lock"];
    let with = |before: &[&'static str]| git(&[before, &product].concat());
    let commit = with(&["log", "-1", "--abbrev=12", "--format=%h"]).unwrap_or_else(|| "unknown".to_owned());
    match with(&["status", "--porcelain"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit} with changes"),
    }
}
