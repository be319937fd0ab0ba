//! Runs a scenario: a script in Node.js with the tools of `package-lock.json`, installed beside the build at the first use.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::node::Node;

/// Any free port for browsers.
pub const CONSOLE: (&str, &str) = ("HUSHWIRE__CONSOLE__LISTEN", "127.0.0.1:0");

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/console");

/// Folder with the packages that scripts use. One lock file, one installation: a changed lock is installed anew.
static TOOLS: LazyLock<PathBuf> = LazyLock::new(|| {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/checks/console");
    let (wanted, installed) = (Path::new(HERE).join("package-lock.json"), tools.join("package-lock.json"));
    let complete = tools.join("complete");
    let read = |path: &Path| std::fs::read(path).ok();
    if read(&installed) == read(&wanted) && complete.exists() {
        return tools;
    }
    drop(std::fs::remove_file(&complete));
    std::fs::create_dir_all(&tools).expect("a folder");
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(Path::new(HERE).join(name), tools.join(name)).expect("copied");
    }
    let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"];
    let npm = Command::new("npm").args(options).arg(&tools).output().expect("npm is needed: run .ci/tools");
    assert!(npm.status.success(), "{}", String::from_utf8_lossy(&npm.stderr));
    std::fs::write(complete, "").expect("written");
    tools
});

/// What every scenario is told of a node.
pub fn stage(node: &Node) -> Value {
    let console = node.console.expect("the console is configured");
    json!({
        "console": format!("https://{console}"),
        "certificate": node.home.path().join("tls/server.pem"),
        "member": node.home.member,
    })
}

/// Runs a scenario to its end; what it printed where it failed.
pub fn play(scenario: &str, stage: &Value) {
    let shots = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/console");
    std::fs::create_dir_all(&shots).expect("a folder");
    let output = Command::new("node")
        .arg(Path::new(HERE).join(format!("{scenario}.mjs")))
        .env("HUSHWIRE_TOOLS", &*TOOLS)
        .env("HUSHWIRE_SHOTS", shots)
        .env("HUSHWIRE_STAGE", stage.to_string())
        .stdin(Stdio::null())
        .output()
        .expect("Node.js is needed: run .ci/tools");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{scenario}:\n{}{}", said(&output.stdout), said(&output.stderr));
}
