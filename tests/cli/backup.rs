//! `backup` and `restore` as an operator types them: what they say, what they refuse, and what they leave behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::world::{Running, World, said};

const CONFIG: [&str; 2] = ["--config", "node/hushwire.toml"];

fn backup(world: &World, file: &str, more: &[&str]) -> crate::world::Said {
    world.run(&[&["backup", file], &CONFIG[..], more].concat())
}

fn names(world: &World) -> Vec<String> {
    let entries = fs::read_dir(world.path("")).expect("there").map(|entry| entry.expect("readable").file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().expect("text")).collect();
    names.sort();
    names
}

/// Flips one bit of a file.
fn edit(world: &World, from: &str, at: usize, to: &str) {
    let mut bytes = fs::read(world.path(from)).expect("readable");
    bytes[at] ^= 1;
    world.write(to, bytes);
}

#[test]
fn a_running_node_is_backed_up_and_comes_back_for_its_owner_alone() {
    let mut node = Running::start();
    let case =
        "kind,value,typology,severity,confidence,grounds\ndevice,backup-device-0001,F1012,high,90,own-confirmed\n";
    node.world.write("case.csv", case);
    node.run("publisher", &["publish", "case.csv"]).check(0, &[]);
    node.wait_for_decision("device=backup-device-0001", "challenge");
    node.world.run(&["cert", "revoke", "auditor", "ann", "--dir", "node"]).check(0, &[]);
    let made = backup(&node.world, "node.backup", &["--json"]).check(0, &[]).json();
    assert_eq!(made["member"], "bank-a");
    let mode = node.world.path("node.backup").metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let sum = said(&mut node.world.shell("sha256sum node.backup")).out;
    assert!(sum.starts_with(made["sha256"].as_str().expect("a digest")), "{sum}");

    node.world.run(&["restore", "node.backup", "--check"]).check(0, &["verified: bank-a of", "1 entry", "audit log"]);
    assert_eq!(node.stop(), Some(0));
    let checked = node.world.run(&["restore", "node.backup", "--to", "back", "--json"]);
    checked.check(0, &["hushwire serve --config back/hushwire.toml"]);
    let answer: serde_json::Value = serde_json::from_str(&checked.out).expect("one object");
    assert_eq!((&answer["verified"], &answer["pending"]), (&true.into(), &0.into()));
    assert!(answer["records"].as_u64() >= Some(1) && answer["records"] == made["records"], "{answer} {made}");
    let revoked = |dir: &str| fs::read_dir(node.world.path(dir).join("access/revoked")).expect("there").count();
    assert_eq!((revoked("node"), revoked("back")), (1, 1), "who is revoked stays so");
    for left_out in ["fence", "belief.snapshot", "views", "journal/reserve", "journal/lock"] {
        assert!(!node.world.path("back").join(left_out).exists(), "{left_out}");
    }
    let mut folders = vec![node.world.path("back")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("readable").map(|entry| entry.expect("readable")) {
            let kind = entry.metadata().expect("there");
            assert_eq!(kind.permissions().mode() & 0o077, 0, "{}", entry.path().display());
            if kind.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    node.world.run(&["doctor", "--config", "back/hushwire.toml"]).check(0, &[]);
}

#[test]
fn a_backup_that_was_cut_edited_or_sealed_under_another_passphrase_leaves_nothing_half_done() {
    let world = World::with_node();
    backup(&world, "node.backup", &[]).check(0, &["bank-a of", "sha256"]);
    let whole = fs::read(world.path("node.backup")).expect("readable");
    let before = {
        world.write("bad.backup", "");
        names(&world)
    };
    let refused = |code: i32, parts: &[&str]| {
        world.run(&["restore", "bad.backup", "--check"]).check(code, parts);
        world.run(&["restore", "bad.backup", "--to", "back"]).check(code, parts);
        assert_eq!(names(&world), before, "something is left behind");
    };
    for length in [0, 50, 300, whole.len() / 2, whole.len() - 1] {
        world.write("bad.backup", &whole[..length]);
        refused(5, &["error: the backup"]);
    }
    for at in [60, whole.len() / 3, whole.len() - 1] {
        edit(&world, "node.backup", at, "bad.backup");
        let checked = world.run(&["restore", "bad.backup", "--check"]);
        assert!(checked.code == 5 || checked.code == 1, "byte {at}: {}", checked.err);
        refused(checked.code, &["error: the backup"]);
    }
    world.write("bad.backup", "not sealed at all, whatever its name says");
    refused(5, &["does not open", "nothing was put in place"]);
    world.write("bad.backup", &whole);
    let other =
        said(world.command().args(["restore", "bad.backup", "--to", "back"]).env("HUSHWIRE_PASSPHRASE", "another one"));
    other.check(1, &["the passphrase is wrong", "had when the backup was made"]);
    let nobody = ["restore", "bad.backup", "--to", "back", "--member", "bank-b"];
    world.run(&nobody).check(2, &["of member bank-a, not of bank-b"]);
    world.run(&["restore", "nothing.backup", "--to", "back"]).check(2, &["nothing.backup"]);
    assert_eq!(names(&world), before);
}

#[test]
fn what_is_there_is_not_replaced_and_a_full_disk_is_told() {
    let world = World::with_node();
    world.write("node.backup", "mine");
    backup(&world, "node.backup", &[]).check(2, &["exists already and is not replaced"]);
    assert_eq!(world.read("node.backup"), "mine");
    fs::remove_file(world.path("node.backup")).expect("ours");
    backup(&world, "node.backup", &[]).check(0, &[]);
    world.run(&["restore", "node.backup", "--to", "node"]).check(2, &["is not empty, nothing was changed"]);
    world.run(&["restore", "node.backup"]).check(2, &["--to DIR", "--check"]);
    fs::create_dir(world.path("empty")).expect("made");
    world.run(&["restore", "node.backup", "--to", "empty"]).check(0, &["verified"]);
    let full = world.command().args(["backup", "-"]).args(CONFIG).output().expect("starts");
    assert!(full.status.success() && full.stdout.starts_with(b"age-encryption.org/v1"), "a pipe takes it");
    let program = env!("CARGO_BIN_EXE_hushwire");
    let full = said(&mut world.shell(&format!("{program} backup - --config node/hushwire.toml > /dev/full")));
    full.check(1, &["cannot be written", "No space left"]);
    backup(&world, "no/such/folder.backup", &[]).check(1, &["folder.backup"]);
}

#[test]
fn a_backup_for_a_recipient_opens_with_its_key_and_the_passphrase_together() {
    let world = World::with_node();
    let key = age::x25519::Identity::generate();
    let other = age::x25519::Identity::generate();
    let text = |key: &age::x25519::Identity| age::secrecy::ExposeSecret::expose_secret(&key.to_string()).to_owned();
    world.write("key.txt", format!("# of the vault\n{}\n", text(&key)));
    world.write("other.txt", text(&other));
    backup(&world, "node.backup", &["--recipient", &key.to_public().to_string()]).check(0, &[]);
    backup(&world, "x.backup", &["--recipient", "age1mistyped"]).check(2, &["a public key of age"]);
    let restore = |more: &[&str]| world.run(&[&["restore", "node.backup", "--check"], more].concat());
    restore(&[]).check(2, &["private key is needed", "--identity"]);
    restore(&["--identity", "other.txt"]).check(2, &["other recipients"]);
    restore(&["--identity", "node/hushwire.toml"]).check(2, &["holds no private key of age"]);
    restore(&["--identity", "key.txt"]).check(0, &["verified: bank-a"]);
    let thief = said(
        world
            .command()
            .args(["restore", "node.backup", "--check", "--identity", "key.txt"])
            .env("HUSHWIRE_PASSPHRASE", "not the keystore's"),
    );
    thief.check(1, &["keystore: the passphrase is wrong"]);
}

#[test]
fn a_damaged_store_is_not_backed_up_as_if_it_were_whole() {
    let mut node = Running::start();
    assert_eq!(node.stop(), Some(0));
    let segment = "node/journal/00000001-00000001-00000000.segment";
    let middle = fs::read(node.world.path(segment)).expect("written").len() / 2;
    edit(&node.world, segment, middle, segment);
    backup(&node.world, "node.backup", &[]).check(5, &["journal:", "nothing was backed up"]);
    assert!(!node.world.path("node.backup").exists());
    assert!(names(&node.world).iter().all(|name| !name.ends_with(".new")), "nothing is left behind");
}
