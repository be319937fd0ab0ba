//! What `doctor` prints is typed here, word for word, and afterwards it finds nothing to mend.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use hushwire::app::config::layout::NodeDir;
use hushwire::base::role::Role;
use hushwire::base::time::Timestamp;
use hushwire::io::certificate::LocalAuthority;
use hushwire::io::keystore::passphrase::Passphrase;
use hushwire::io::keystore::sealed::WorkFactor;
use hushwire::io::keystore::store::Keystore;
use serde_json::Value;

use crate::world::{ENVIRONMENT, PASSPHRASE, Running, Said, World, output, said};

/// Everything doctor did not find in order; how full the machine's disk is, is not the node's affair.
fn findings(world: &World) -> Vec<Value> {
    let told = world.run(&["doctor", "--config", "node/hushwire.toml", "--json"]).json();
    let all = told["findings"].as_array().expect("a list").clone();
    all.into_iter().filter(|finding| finding["level"] != "ok" && finding["area"] != "disk").collect()
}

/// Types a command as a reader would, with the built program first on the path.
fn type_in(world: &World, line: &str) {
    let program = Path::new(env!("CARGO_BIN_EXE_hushwire")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = world.shell(line);
    let typed = said(shell.env("PATH", path));
    assert_eq!(typed.code, 0, "{line}\n{}\n{}", typed.out, typed.err);
}

/// Spoils something, expects the finding, types every mend that is printed in its order, and expects a healthy node.
fn check(world: &World, what: &str, spoil: impl FnOnce(), found: &str) {
    assert_eq!(findings(world), Vec::<Value>::new(), "before {what}");
    spoil();
    let spoilt = findings(world);
    let told = spoilt.iter().any(|finding| finding["found"].as_str().is_some_and(|text| text.contains(found)));
    assert!(told, "{what}: {found:?} is missing in {spoilt:?}");
    for finding in &spoilt {
        type_in(world, finding["mend"].as_str().expect("a mend"));
    }
    assert_eq!(findings(world), Vec::<Value>::new(), "after {what}");
}

fn keystore(world: &World, dir: &str) -> Keystore {
    let passphrase = Passphrase::new(PASSPHRASE).expect("a line");
    Keystore::read(&world.path(&format!("{dir}/keystore.age")), &passphrase).expect("opens")
}

/// The member's authority, to issue what has ended long ago.
fn authority(world: &World) -> LocalAuthority {
    let pem = world.read("node/tls/local-ca.pem");
    let keystore = keystore(world, "node");
    LocalAuthority::load(&keystore.member, &pem, &keystore.keys.tls.expect("made").local_ca).expect("loads")
}

fn long_ago() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    Timestamp::from_unix_s(now - 10 * 86_400)
}

#[test]
fn every_mend_of_a_certificate_mends_it() {
    let world = World::with_node();
    let remove = |name: &'static str| {
        let path = world.path(name);
        move || fs::remove_file(path).expect("it is there")
    };
    check(&world, "no server certificate", remove("node/tls/server.pem"), "server.pem");
    check(&world, "no peer certificate", remove("node/tls/peer.pem"), "peer.pem");
    check(&world, "no authority", remove("node/tls/local-ca.pem"), "local-ca.pem");
    check(&world, "no client certificate", remove("node/certs/screener-desk/cert.pem"), "cert.pem");
    check(&world, "no client key", remove("node/certs/screener-desk/key.pem"), "key.pem");
    check(&world, "no authority beside the client", remove("node/certs/screener-desk/ca.pem"), "ca.pem");
    for name in ["local-ca", "server", "peer"] {
        let path = world.path(&format!("node/tls/{name}.pem"));
        check(&world, name, || fs::write(&path, "no certificate").expect("ours"), "is not a certificate");
    }

    let other = World::with_node();
    for name in ["local-ca", "server", "peer"] {
        let file = format!("node/tls/{name}.pem");
        let swap = || {
            fs::copy(other.path(&file), world.path(&file)).expect("copied");
        };
        check(&world, &file, swap, "belongs to a key that is not in the keystore");
    }
    let swap = || {
        let name = "node/certs/auditor-desk/key.pem";
        fs::copy(other.path(name), world.path(name)).expect("copied");
    };
    check(&world, "another client's key", swap, "is not the key of cert.pem");
    let stray = || fs::create_dir(world.path("node/certs/desk.old")).expect("made");
    check(&world, "a stray folder", stray, "is not named ROLE-NAME");
}

#[test]
fn every_mend_of_an_ended_certificate_mends_it() {
    let world = World::with_node();
    let name = "desk".parse().expect("valid");
    let client = || {
        let issued = authority(&world).issue_client(Role::Screener, &name, 1, long_ago()).expect("issued");
        world.write("node/certs/screener-desk/cert.pem", issued.certificate_pem);
        world.write("node/certs/screener-desk/key.pem", issued.key_pem.as_bytes());
    };
    let folders = || fs::read_dir(world.path("node/certs")).expect("there").count();
    let before = folders();
    check(&world, "an ended client certificate", client, "ended at");
    assert_eq!(folders(), before, "nothing is left beside it");

    // A renewed listener keeps its names.
    world.run(&["cert", "server", "--dir", "node", "--host", "node.internal", "--host", "10.0.0.7"]).check(0, &[]);
    let soon = || {
        world.run(&["cert", "server", "--dir", "node", "--days", "3"]).check(0, &["node.internal, 10.0.0.7"]);
    };
    check(&world, "a certificate of the listener that ends soon", soon, "ends in");
    world.run(&["cert", "server", "--dir", "node"]).check(0, &["node.internal, 10.0.0.7"]);

    let (member, mut keys) = {
        let store = keystore(&world, "node");
        (store.member, store.keys.tls.expect("made"))
    };
    let peer = || {
        let decades = Timestamp::from_unix_s(1_000_000_000);
        let issued = hushwire::io::certificate::renew_peer_certificate(&member, &keys.peer, decades).expect("made");
        world.write("node/tls/peer.pem", issued.certificate_pem);
    };
    check(&world, "an ended peer certificate", peer, "ended at");
    keys = keystore(&world, "node").keys.tls.expect("made");
    let ended = || {
        let decades = Timestamp::from_unix_s(1_000_000_000);
        let issued = LocalAuthority::renew(&member, &keys.local_ca, decades).expect("made");
        world.write("node/tls/local-ca.pem", issued.certificate_pem);
    };
    check(&world, "an ended authority", ended, "ended at");
}

#[test]
fn other_mends_mend_too() {
    let world = World::with_node();
    for name in ["node/keystore.age", "node/certs/auditor-desk/key.pem"] {
        let path = world.path(name);
        let open = || fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("ours");
        check(&world, name, open, "may be read or written by others");
    }
    let damaged = || {
        fs::create_dir_all(world.path("node/guard")).expect("made");
        world.write("node/guard/vpn.guard.json", "{\"format\":");
    };
    check(&world, "a damaged guard list", damaged, "vpn.guard.json");
    fs::remove_dir_all(world.path("node/certs")).expect("it is there");
    let found = findings(&world);
    assert!(found[0]["found"].as_str().expect("text").contains("nobody can call the node"), "{found:?}");
    type_in(&world, found[0]["mend"].as_str().expect("a mend"));
    assert_eq!(findings(&world), Vec::<Value>::new());
}

#[test]
fn a_foreign_keystore_and_a_clock_behind_the_journal_are_told() {
    let world = World::with_node();
    let other = World::with_node();
    let own = fs::read(world.path("node/keystore.age")).expect("there");
    fs::copy(other.path("node/keystore.age"), world.path("node/keystore.age")).expect("copied");
    let told = world.run(&["doctor", "--config", "node/hushwire.toml"]);
    for key in ["feed", "witness", "audit", "hpke", "peer-tls"] {
        told.check(1, &[&format!("the roster names another {key} key than it holds")]);
    }
    fs::write(world.path("node/keystore.age"), own).expect("ours");
    assert_eq!(findings(&world), Vec::<Value>::new());

    let written = world.path("node/journal/1.segment");
    fs::create_dir_all(written.parent().expect("a folder")).expect("made");
    let file = File::create(&written).expect("made");
    file.set_modified(SystemTime::now() + Duration::from_secs(86_400)).expect("ours");
    let told = world.run(&["doctor", "--config", "node/hushwire.toml"]);
    told.check(1, &["FAULT    clock", "but the journal was written at", "timedatectl set-ntp true"]);
    // What follows from the clock is not told as faults of their own, nor is it said to be in order.
    told.check(1, &["not looked at while the clock is wrong", "1 fault, 1 warning"]);
    assert!(!told.out.contains("certificates  "), "{}", told.out);
    assert_eq!(NodeDir::new(world.path("node")).journal(), written.parent().expect("a folder"));
}

#[test]
fn a_damaged_store_is_told_before_a_start_finds_it() {
    let world = stopped();
    assert_eq!(findings(&world), Vec::<Value>::new());
    let segment = world.path(&segment(&world));
    let mut bytes = fs::read(&segment).expect("there");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&segment, bytes).expect("ours");
    let parts = ["FAULT    store", "damaged store: segment 1", "serve --recover"];
    world.run(&["doctor", "--config", "node/hushwire.toml"]).check(1, &parts);
    world.run(&["serve", "--config", "node/hushwire.toml"]).check(5, &["damaged store: segment 1"]);
}

/// A node that ran once and published.
fn stopped() -> World {
    let mut node = Running::start();
    node.world.write(
        "one.csv",
        "kind,value,typology,severity,confidence,grounds\ndevice,device-number-1,F1012,high,80,authority\n",
    );
    node.run("publisher", &["publish", "one.csv"]).check(0, &[]);
    assert_eq!(node.stop(), Some(0));
    node.into_world()
}

/// The journal's one segment, as a message names it.
fn segment(world: &World) -> String {
    let files =
        fs::read_dir(world.path("node/journal")).expect("there").map(|file| file.expect("readable").file_name());
    let mut names = files.map(|name| name.into_string().expect("text")).filter(|name| name.ends_with(".segment"));
    format!("node/journal/{}", names.next().expect("written"))
}

/// Any user that is not root.
const NOBODY: u32 = 65_534;

/// As the user a node runs as, who is not the one that looks after the machine.
fn as_nobody(world: &World, args: &[&str]) -> Said {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hushwire"));
    command.current_dir(world.path("")).env_clear().envs(ENVIRONMENT).args(args);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    output(command.output().expect("the program starts"))
}

#[test]
fn a_file_that_the_nodes_user_may_not_use_is_named() {
    let world = stopped();
    let root = rustix::process::geteuid().is_root();
    let named = segment(&world);
    let segment = world.path(&named);
    // Root may everything, so that root leaves the files to somebody else; anybody else can only forbid them to himself.
    if root {
        fs::set_permissions(world.path(""), fs::Permissions::from_mode(0o755)).expect("ours");
        type_in(&world, &format!("chown -R {NOBODY}:{NOBODY} node && chown 0:0 {named} node/keystore.age"));
    } else {
        for path in [&segment, &world.path("node/keystore.age")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("ours");
        }
    }
    let doctor = as_nobody(&world, &["doctor", "--config", "node/hushwire.toml"]);
    doctor
        .check(1, &[&format!("you may not use {named}"), "and 1 more", "chown -R --reference=node/ node/   # as root"]);
    // What cannot be read has no wrong passphrase.
    doctor.check(1, &["node/keystore.age: Permission denied", "chown --reference=node node/keystore.age"]);
    if root {
        let told = findings(&world);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0]["found"].as_str().expect("text").contains("the owner of the node's folder (uid 65534)"),
            "{told:?}"
        );
        type_in(&world, "chown 65534:65534 node/keystore.age");
    } else {
        fs::set_permissions(world.path("node/keystore.age"), fs::Permissions::from_mode(0o600)).expect("ours");
    }
    let parts = [&format!("{named} may not be used by this user"), "mode "];
    as_nobody(&world, &["serve", "--config", "node/hushwire.toml"]).check(1, &parts);
}

#[test]
fn an_ended_certificate_of_the_node_itself_is_told_in_its_log_and_is_no_stranger_on_the_port() {
    let node = Running::start_with(|world| {
        let issued = authority(world).issue_server(&["127.0.0.1".to_owned()], 1, long_ago()).expect("issued");
        world.write("node/tls/server.pem", issued.certificate_pem);
        let mut keystore = keystore(world, "node");
        keystore.keys.tls.as_mut().expect("made").server = issued.key_pem;
        let passphrase = Passphrase::new(PASSPHRASE).expect("a line");
        keystore.replace(&world.path("node/keystore.age"), &passphrase, WorkFactor::danger_quick()).expect("written");
    });
    let begun = Instant::now();
    let told = || {
        node.world
            .read("serve.log")
            .lines()
            .any(|line| line.contains("certificate.expired") && line.contains("door=local"))
    };
    while !told() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", node.world.read("serve.log"));
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut doctor = node.world.command();
    doctor.args(["doctor", "--config", "node/hushwire.toml"]).env("HUSHWIRE__LOCAL__LISTEN", &node.endpoint);
    let told = said(&mut doctor);
    told.check(1, &["node/tls/server.pem ended at", "which a node with an ended certificate cannot", "kill -HUP"]);
    assert!(!told.out.contains("is taken"), "{}", told.out);
}

#[test]
fn a_peer_that_cannot_be_reached_is_told_with_its_address() {
    let world = World::new();
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    world.found_two(&nowhere.to_string());
    let told = world.run(&["doctor", "--config", "bank-a/hushwire.toml"]);
    told.check(0, &["WARNING  peers", &format!("bank-b is not reached at {nowhere}"), "nc -vz"]);
    let listening = std::net::TcpListener::bind(nowhere).expect("free again");
    world.run(&["doctor", "--config", "bank-a/hushwire.toml"]).check(0, &["bank-b is reached at"]);
    drop(listening);
}

#[test]
fn the_mend_of_a_roster_that_ends_renews_it_once_the_admin_is_named() {
    let world = World::new();
    world.found_two("127.0.0.1:9");
    world.propose(&["--renew-days", "10"], "short");
    world.run(&["member", "apply", "--dir", "bank-a", "short/roster-2.note"]).check(0, &[]);
    let told = || world.run(&["doctor", "--config", "bank-a/hushwire.toml", "--json"]).json();
    let ends = |told: &Value| {
        let all = told["findings"].as_array().expect("a list").clone();
        all.into_iter().find(|finding| finding["found"].as_str().is_some_and(|text| text.contains("ends in")))
    };
    let found = ends(&told()).expect("it ends soon");
    type_in(&world, &found["mend"].as_str().expect("a mend").replace("KEYFILE", "anna.age"));
    assert_eq!(ends(&told()), None);
}
