//! What a command holds in memory never rests in a file: no core dumps, from its first moment on.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::World;

/// Nobody's user and group, where the test itself may choose.
const NOBODY: u32 = 65_534;

/// Longest wait for a process to begin.
const START: Duration = Duration::from_secs(30);

/// A command that waits for an identifier on its standard input.
fn waiting(world: &World, words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hushwire"));
    command.args(words).current_dir(world.path("")).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    command.spawn().expect("the program starts")
}

/// Whether the process may leave a core: by its limit, and by the owner of its entries in `/proc`, which the kernel gives to root
/// where a process is not dumpable.
fn leaves_no_core(pid: u32) -> bool {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let core: Vec<&str> = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max core file size"))
        .map(|rest| rest.split_whitespace().take(2).collect())
        .unwrap_or_default();
    let owner = std::fs::metadata(format!("/proc/{pid}/mem")).map(|entry| entry.uid()).unwrap_or(NOBODY);
    core == ["0", "0"] && owner == 0
}

#[test]
fn a_command_that_holds_identifiers_leaves_no_core() {
    let world = World::new();
    for words in [
        &["screen", "--identifier", "pan=-"][..],
        &["retract", "--reason", "legal", "--identifier", "pan=-"],
        &["list", "add", "block", "pan=-"],
        &["list", "remove", "block", "pan=-"],
    ] {
        let mut child = waiting(&world, words);
        let begun = Instant::now();
        while !leaves_no_core(child.id()) {
            assert!(child.try_wait().expect("ours").is_none(), "{words:?} waits for standard input");
            assert!(begun.elapsed() < START, "{words:?} may leave a core");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().expect("it waits");
        child.wait().expect("ours");
    }
}
