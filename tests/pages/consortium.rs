//! The page `docs/consortium.md` does what it says: its commands are run word by word, and refusals are tried beside them.

use std::path::Path;

use crate::shell::{blocks, refuse, succeed};

fn commands() -> String {
    blocks(include_str!("../../docs/consortium.md"))
}

#[test]
fn the_page_founds_a_consortium_and_lets_a_third_member_in() {
    let folder = tempfile::tempdir().expect("a folder");
    succeed(folder.path(), &commands());
    let hash = |dir: &str| succeed(folder.path(), &format!("hushwire member roster --dir {dir} --hash"));
    assert_eq!(hash("bank-a"), hash("shop"), "both follow the same roster");
    let held = |dir: &str| succeed(folder.path(), &format!("hushwire key show --json --dir {dir}"));
    for dir in ["bank-a", "shop"] {
        assert!(held(dir).contains("\"epochs\":[1,2,3]"), "{}", held(dir));
    }
    assert!(held("bank-b").contains("\"epochs\":[1,2]"), "who left gets no further epoch");
    let roster = succeed(folder.path(), "hushwire member roster --dir shop --json");
    assert!(roster.contains("\"version\":8") && roster.contains("\"state\":\"left\""), "{roster}");
    for part in ["\"max_validity_days\":60", "demo.example/admins/cleo+", "\"from_size\":50000"] {
        assert!(roster.contains(part), "{part} is missing in {roster}");
    }
    let shown = held("bank-a");
    let pin = shown.split("\"pin\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a pin");
    assert!(roster.contains(&format!("\"pins\":[\"{pin}\"]")), "the new pin alone: {roster}");
    for (path, mode) in [("bank-a/keystore.age", 0o600), ("bank-a/certs/publisher-fraud-desk/key.pem", 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::metadata(folder.path().join(path)).expect("made").permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{path}");
    }
}

/// The page up to the founders' invitation.
fn until_invited(folder: &Path) {
    let all = commands();
    let end = all.find("GENESIS=").expect("the founders enter");
    succeed(folder, &all[..end]);
}

#[test]
fn a_wrong_genesis_hash_lets_nobody_in() {
    let folder = tempfile::tempdir().expect("a folder");
    until_invited(folder.path());
    let wrong = "0".repeat(64);
    let join = format!("hushwire member join desk/founders.invitation --dir bank-a --genesis {wrong}");
    assert!(refuse(folder.path(), &join, 5).contains("not the roster whose hash was given"));
    assert!(refuse(folder.path(), "hushwire member roster --dir bank-a", 1).contains("no consortium yet"));
}

#[test]
fn one_admin_is_no_quorum() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = commands();
    let end = all.find("hushwire member sign desk/genesis/* --admin ben.age").expect("ben signs");
    succeed(folder.path(), &all[..end]);
    let said = refuse(folder.path(), "hushwire member invite --out x desk/genesis/*", 5);
    assert!(
        said.contains("only 1 of the 2 needed admin signatures") && said.contains("hint: let another admin"),
        "{said}"
    );
}

#[test]
fn a_stranger_cannot_enter_by_somebody_elses_invitation() {
    let folder = tempfile::tempdir().expect("a folder");
    until_invited(folder.path());
    let script = "GENESIS=$(hushwire member roster desk/genesis/roster-1.note --hash)\n\
        hushwire member keygen --dir thief --consortium demo.example --member bank-a\n\
        hushwire member join desk/founders.invitation --dir thief --genesis $GENESIS";
    assert!(refuse(folder.path(), script, 5).contains("with other keys than this node has"));
}

#[test]
fn mistakes_are_explained_and_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    until_invited(folder.path());
    let keygen = "hushwire member keygen --dir bank-a --consortium demo.example --member bank-a";
    assert!(refuse(folder.path(), keygen, 1).contains("exists already and is not replaced"));
    let wrong = "HUSHWIRE_PASSPHRASE='another passphrase' hushwire key show --dir bank-a";
    let said = refuse(folder.path(), wrong, 1);
    assert!(said.contains("the passphrase is wrong") && said.contains("hint:"), "{said}");
    let short = "HUSHWIRE_PASSPHRASE=short hushwire key admin cleo --consortium demo.example --out cleo.age";
    assert!(refuse(folder.path(), short, 2).contains("at least 12 characters"));
    let source = refuse(folder.path(), "hushwire key show --dir bank-a --passphrase hunter2", 2);
    assert!(source.contains("prompt, file:PATH") && !source.contains("hunter2"), "{source}");
    let role = refuse(folder.path(), "hushwire cert issue peer x --dir bank-a", 2);
    assert!(role.contains("publisher, screener"), "{role}");
    assert!(refuse(folder.path(), "hushwire member sign bank-a/tls/peer.pem --admin anna.age", 1).contains("peer.pem"));
    assert!(
        refuse(folder.path(), "hushwire cert issue screener x --dir bank-a --days 9999", 1).contains("1 to 825 days")
    );
}

#[test]
fn a_passphrase_comes_through_a_descriptor_or_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "unset HUSHWIRE_PASSPHRASE\n\
        echo 'through a descriptor' > secret\n\
        hushwire key admin anna --consortium demo.example --out anna.age --passphrase fd:3 3< secret\n\
        hushwire member keygen --dir a --consortium demo.example --member a --passphrase file:secret\n\
        hushwire key show --dir a --passphrase fd:0 < secret\n\
        cat secret | hushwire key show --dir a --passphrase fd:0\n\
        echo 'through another one' > other\n\
        hushwire key reseal --dir a --passphrase fd:3 --new-passphrase fd:4 3< secret 4< other\n\
        hushwire key show --dir a --passphrase file:other";
    succeed(folder.path(), script);
    let nothing = "unset HUSHWIRE_PASSPHRASE; hushwire key show --dir a < /dev/null";
    assert!(refuse(folder.path(), nothing, 2).contains("no passphrase"));
}
