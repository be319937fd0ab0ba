//! The demo's console: what it prints opens it, and its pages tell the story that was told.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::browser::play;

/// The demo, heard to its end and stopped as a visitor stops it.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("our child");
        // It may have ended already.
        let _gone = kill_process(pid, Signal::INT);
        drop(self.child.wait());
    }
}

#[test]
fn what_the_demo_prints_opens_its_console_and_the_pages_tell_its_story() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hushwire"));
    command.args(["demo", "--orders", "2000", "--fraudsters", "200"]).env("TMPDIR", temporary.path());
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let mut running = Running { child, lines };
    let mut told = String::new();
    for line in running.lines.by_ref().map(|line| line.expect("text")) {
        told.push_str(&line);
        told.push('\n');
        if line.contains("Ctrl-C stops") {
            break;
        }
    }
    let after = |name: &str| {
        // The last one: the story before it has addresses, too.
        let line = told.lines().rev().map(str::trim).find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name:?} is missing in\n{told}")).trim().to_owned()
    };
    let authority = after("authority of its certificate");
    let email = told.split("--identifier email=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let stage = json!({
        "email": email.expect("a command to try"),
        "console": after("address"),
        "certificate": Path::new(&authority).with_file_name("server.pem"),
        "member": "shop",
        "name": after("name"),
        "password": after("password"),
        "recovery": after("or, each once as the code").split_whitespace().collect::<Vec<_>>(),
    });
    play("demo", &stage);
}
