//! A page typed for the reader by a shell.
//!
//! Only two things differ from what a reader types: ports, because other tests run beside this one, and the endings
//! `# → words` or `# → words (exit code N)`, which become checks. A command that only asks is asked again until it
//! says so: what a person reads a second later, a script reads at once.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::shell::{blocks, command};

/// Asks nothing of a command but its words: at most a minute's patience with one that only asks.
const PATIENCE: &str = r#"
check() { # words, exit code, times it may be tried, command
    times=0
    while :; do
        code=0; said=$(eval "$4" 2>&1) || code=$?
        case "$said" in *"$1"*) if [ "$code" = "$2" ]; then printf '%s\n' "$said"; return 0; fi ;; esac
        times=$((times + 1))
        if [ "$times" -ge "$3" ]; then
            printf 'DIFFERS: %s\nexpected: %s (exit code %s)\nsaid (exit code %s): %s\n' "$4" "$1" "$2" "$code" "$said"
            return 99
        fi
        sleep 0.3
    done
}
"#;

/// Times that a command which only asks is tried.
const TRIES: u32 = 200;

/// The script with every `# →` turned into a check.
fn checked(script: &str) -> String {
    let mut out = String::from(PATIENCE);
    for line in script.lines() {
        let Some((typed, expected)) = line.split_once("# →") else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let (words, code) = match expected.trim().rsplit_once(" (exit code ") {
            Some((words, code)) => (words, code.trim_end_matches(')')),
            None => (expected.trim(), "0"),
        };
        let asks = [
            "hushwire screen ",
            "hushwire status",
            "hushwire audit ",
            "hushwire doctor",
            "hushwire policy ",
            "transactions:screen",
            "screen_or_",
        ];
        let tries = if asks.iter().any(|asking| typed.contains(asking)) { TRIES } else { 1 };
        out.push_str(&format!("check {} {code} {tries} {}\n", quoted(words), quoted(typed.trim())));
    }
    out
}

/// One word for the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// As many free ports. They are closed again before the nodes open them.
fn free_ports(count: usize) -> Vec<u16> {
    let bound: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    bound.iter().map(|listener| listener.local_addr().expect("bound").port()).collect()
}

/// Stops the nodes a script left running, whatever became of it.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        // Those that have ended already cannot be told.
        let _told = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0)]).stderr(Stdio::null()).status();
    }
}

/// Types the shell blocks of `page` in a folder of its own. `ports` are those it names; `logs` are shown where it differs.
pub fn type_page(page: &str, ports: &[&str], logs: &[&str], environment: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut script = checked(&blocks(page));
    // By way of a mark: the digits of one that was put in may be those of another.
    let mark = |nth: usize| format!("\u{0}{}\u{0}", "x".repeat(nth + 1));
    for (nth, port) in ports.iter().enumerate() {
        assert!(script.contains(port), "the page no longer names port {port}");
        script = script.replace(port, &mark(nth));
    }
    for (nth, free) in free_ports(ports.len()).into_iter().enumerate() {
        script = script.replace(&mark(nth), &free.to_string());
    }
    let said = std::fs::File::create(folder.path().join("said")).expect("writable");
    let mut shell = command(folder.path(), &script);
    shell.envs(environment.iter().copied());
    shell.stdout(said.try_clone().expect("a file")).stderr(said).stdin(Stdio::null()).process_group(0);
    let mut child = shell.spawn().expect("a shell");
    let _group = Group(child.id());
    let status = child.wait().expect("the shell is ours");
    assert!(status.success(), "{status}\n{}", told(folder.path(), logs));
}

fn told(folder: &Path, logs: &[&str]) -> String {
    let mut all = String::new();
    for file in ["said"].iter().chain(logs) {
        let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        all.push_str(&format!("── {file}\n{text}\n"));
    }
    all
}

#[test]
fn an_ending_becomes_a_check() {
    let check = |line: &str, expected: &str| assert_eq!(checked(line), format!("{PATIENCE}{expected}\n"), "{line}");
    check("mkdir x", "mkdir x");
    check("hushwire status   # → state      ready", "check 'state      ready' 0 200 'hushwire status'");
    check("hushwire publish x   # → 1 refused (exit code 3)", "check '1 refused' 3 1 'hushwire publish x'");
    check("echo 'a'   # → a", r"check 'a' 0 1 'echo '\''a'\'''");
}
