//! `init` makes a whole node or nothing, and `doctor` says what became of it.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::{PASSPHRASE, World, said};

#[test]
fn a_new_node_is_healthy_and_keeps_its_secrets_to_its_owner() {
    let world = World::with_node();
    let doctor = world.run(&["doctor", "--config", "node/hushwire.toml", "--json"]);
    let answer = doctor.check(0, &[]).json();
    assert_eq!(answer["healthy"], true, "{answer}");
    // How full the disk is, is the machine's affair.
    let findings = answer["findings"].as_array().expect("a list").iter();
    assert!(findings.filter(|finding| finding["area"] != "disk").all(|finding| finding["level"] == "ok"), "{answer}");
    for secret in ["node/keystore.age", "node/admin.age", "node/certs/publisher-desk/key.pem"] {
        let mode = world.path(secret).metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{secret}");
    }
    for part in ["BEGIN", "PRIVATE"] {
        assert!(!world.read("node/hushwire.toml").contains(part));
    }
}

#[test]
fn a_folder_in_use_is_not_touched() {
    let world = World::new();
    std::fs::create_dir(world.path("node")).expect("a folder");
    world.write("node/notes.txt", "mine");
    let made = world.run(&["init", "--member", "bank-a", "--dir", "node"]);
    made.check(2, &["is not empty, nothing was changed", "hint:"]);
    assert_eq!(std::fs::read_dir(world.path("node")).expect("it is there").count(), 1);
}

#[test]
fn what_cannot_be_made_whole_is_not_made_at_all() {
    let world = World::new();
    let check = |passphrase: Option<&str>, args: &[&str], code: i32, part: &str| {
        let mut command = world.command();
        command.args(["init", "--dir", "node"]).args(args).env_remove("HUSHWIRE_PASSPHRASE");
        if let Some(passphrase) = passphrase {
            command.env("HUSHWIRE_PASSPHRASE", passphrase);
        }
        said(&mut command).check(code, &[part]);
        assert_eq!(std::fs::read_dir(world.path("")).expect("it is there").count(), 0, "{part}");
    };
    check(Some("short"), &["--member", "a"], 2, "at least 12 characters");
    check(None, &["--member", "a"], 2, "no passphrase");
    check(Some("long enough indeed"), &["--member", "a", "--host", "not a host"], 1, "neither a host name");
    check(Some("long enough indeed"), &["--member", "Bank A"], 2, "a member id may hold");
    let same = ["--member", "a", "--local", "127.0.0.1:7", "--peer", "127.0.0.1:7"];
    check(Some("long enough indeed"), &same, 2, "share no trust");
}

#[test]
fn doctor_prints_the_command_that_mends() {
    let world = World::with_node();
    let doctor = || world.run(&["doctor", "--config", "node/hushwire.toml"]);
    let key = world.path("node/certs/screener-desk/key.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("ours");
    doctor().check(1, &["may be read or written by others (mode 644)", "chmod 600 node/certs/screener-desk/key.pem"]);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("ours");

    std::fs::remove_file(world.path("node/tls/server.pem")).expect("it is there");
    doctor().check(1, &["node/tls/server.pem"]);
    world.run(&["cert", "server", "--dir", "node"]).check(0, &[]);
    doctor().check(0, &[]);

    let wrong = said(
        world
            .command()
            .args(["doctor", "--config", "node/hushwire.toml"])
            .env("HUSHWIRE_PASSPHRASE", "another one entirely"),
    );
    wrong.check(1, &["FAULT", "keystore", "passphrase"]);

    std::fs::remove_dir_all(world.path("node/rosters")).expect("it is there");
    doctor().check(1, &["roster", "hushwire member join"]);
}

#[test]
fn a_taken_port_is_named() {
    let world = World::with_node();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    for (section, variable) in [("peer", "HUSHWIRE__PEER__LISTEN"), ("metrics", "HUSHWIRE__METRICS__LISTEN")] {
        let run = |command: &str| {
            said(world.command().args([command, "--config", "node/hushwire.toml"]).env(variable, &address))
        };
        run("doctor").check(1, &["is taken by another program", &format!("set listen under [{section}]")]);
        run("serve").check(1, &[&format!("{section}.listen"), "cannot be listened on", "ss -ltnp"]);
    }
}

#[test]
fn a_node_that_does_not_run_is_exit_code_4_with_advice() {
    let world = World::with_node();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").to_string();
    world
        .run(&["status", "--endpoint", &free, "--identity", "node/certs/operator-desk"])
        .check(4, &["cannot be reached", "hushwire serve"]);
    world.run(&["status"]).check(2, &["--endpoint HOST:PORT"]);
    world.run(&["status", "--endpoint", &free, "--identity", "nowhere"]).check(2, &["nowhere"]);
}

#[test]
fn guard_lists_are_imported_shown_and_removed() {
    let world = World::with_node();
    let guard = |args: &[&str]| world.run(&[&["guard"], args, &["--config", "node/hushwire.toml"][..]].concat());
    world.write("vpn.txt", "# our own list\n203.0.114.0/24\n");
    guard(&["import", "vpn.txt", "--name", "our-vpn", "--grade", "weak", "--kind", "ip"])
        .check(0, &["our-vpn", "weak", "1 entry of"]);
    world.write("misp.json", r#"{"name":"Top sites","version":7,"type":"hostname","matching_attributes":["domain"],"list":["shop.example.org"]}"#);
    guard(&["import", "misp.json", "--grade", "reject"]).check(0, &["reject", "domain"]);
    guard(&["list"]).check(0, &["our-vpn"]);
    guard(&["remove", "our-vpn"]).check(0, &[]);
    guard(&["remove", "our-vpn"]).check(1, &["no imported list"]);

    world.write("broken.json", "{\"list\":[");
    guard(&["import", "broken.json", "--grade", "weak"]).check(2, &["not a MISP warning list"]);
    world.write("latin.txt", b"a\nb\xE9\n");
    guard(&["import", "latin.txt", "--name", "x", "--grade", "weak", "--kind", "domain"])
        .check(2, &["not UTF-8 in line 2"]);
}

#[test]
fn whoever_leaves_while_the_passphrase_is_asked_for_leaves_no_folder() {
    let world = World::new();
    let fifo = world.path("passphrase");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).expect("made");
    let mut asking = std::process::Command::new(env!("CARGO_BIN_EXE_hushwire"));
    asking.args(["init", "--member", "bank-a", "--dir", "node", "--passphrase", "file:passphrase"]);
    let mut asking = asking.current_dir(world.path("")).spawn().expect("it starts");
    // Opens when the other side does: from now on the command waits for the passphrase.
    let answer = std::fs::OpenOptions::new().write(true).open(&fifo).expect("ours");
    asking.kill().expect("it waits");
    asking.wait().expect("it is ours");
    drop(answer);
    assert_eq!(std::fs::read_dir(world.path("")).expect("there").count(), 1, "the passphrase's own file alone");
}

#[test]
fn whoever_leaves_while_keys_are_sealed_leaves_no_folder() {
    let world = World::new();
    let mut sealing = std::process::Command::new(env!("CARGO_BIN_EXE_hushwire"));
    sealing.args(["init", "--member", "bank-a", "--dir", "node"]).env("HUSHWIRE_PASSPHRASE", PASSPHRASE);
    // Sealed in earnest, which takes its time.
    sealing.env_remove("HUSHWIRE_DANGER_QUICK_SEALING").current_dir(world.path("")).stderr(Stdio::piped());
    let sealing = sealing.spawn().expect("it starts");
    let files = || std::fs::read_dir(world.path("")).expect("there").count();
    let begun = Instant::now();
    while files() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no folder is begun");
    }
    let pid = i32::try_from(sealing.id()).ok().and_then(Pid::from_raw).expect("ours");
    kill_process(pid, Signal::INT).expect("it works");
    let ended = sealing.wait_with_output().expect("it is ours");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!((ended.status.code(), files()), (Some(130), 0), "{told}");
    assert!(told.contains("interrupted: nothing was made"), "{told}");
}

#[test]
fn what_a_killed_init_left_the_next_removes_and_what_one_that_runs_is_making_it_leaves() {
    let world = World::new();
    let (killed, running) = (".node.init-2147483646", format!(".node.init-{}", std::process::id()));
    for folder in [killed, &running, ".node.init-notes", ".other.init-2147483646"] {
        std::fs::create_dir(world.path(folder)).expect("made");
        world.write(&format!("{folder}/keystore.age"), "half");
    }
    let init = ["init", "--member", "bank-a", "--dir", "node", "--local", "127.0.0.1:0", "--peer", "127.0.0.1:0"];
    world.run(&init).check(0, &["left behind", "another hushwire init that still runs", "is ready"]);
    let left: Vec<_> = [killed, &running, ".node.init-notes", ".other.init-2147483646", "node"]
        .into_iter()
        .filter(|name| world.path(name).exists())
        .collect();
    assert_eq!(left, [running.as_str(), ".node.init-notes", ".other.init-2147483646", "node"]);
}

#[test]
fn an_address_of_another_machine_and_a_bad_override_are_named() {
    let world = World::with_node();
    let run = |command: &str, name: &str, value: &str| {
        said(world.command().args([command, "--config", "node/hushwire.toml"]).env(name, value))
    };
    // Documentation addresses belong to no machine.
    for (section, variable) in [("local", "HUSHWIRE__LOCAL__LISTEN"), ("peer", "HUSHWIRE__PEER__LISTEN")] {
        let advice = format!("this machine has no such address (ip address shows those it has): set {section}.listen");
        for command in ["doctor", "serve"] {
            run(command, variable, "192.0.2.77:7440").check(1, &[&advice]);
        }
    }
    for (name, value) in [("HUSHWIRE__FEED__WINDOW_MS", "soon"), ("HUSHWIRE__FED__WINDOW_MS", "0")] {
        run("doctor", name, value).check(1, &[&format!("→ unset {name}")]);
    }
}

#[test]
fn a_keystore_that_others_may_read_is_told_when_the_node_starts() {
    let mut node = crate::world::Running::start_with(|world| {
        let keystore = world.path("node/keystore.age");
        std::fs::set_permissions(keystore, std::fs::Permissions::from_mode(0o644)).expect("ours");
    });
    assert_eq!(node.stop(), Some(0));
    let log = node.world.read("serve.log");
    assert!(log.contains("keystore.open_to_others") && log.contains("chmod 600"), "{log}");
}
