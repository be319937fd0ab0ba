//! Files that were cut or changed on their way: each is refused by name, with what to do, and nothing is changed.

use std::fs;

use crate::world::World;

/// Half of a file's text.
fn cut(world: &World, from: &str, to: &str) {
    let text = world.read(from);
    world.write(to, &text[..text.len() / 2]);
}

#[test]
fn a_cut_invitation_is_refused_and_a_foreign_one_says_which_format_it_has() {
    let world = World::new();
    world.found_two("127.0.0.1:9");
    let genesis = world.run(&["member", "roster", "--dir", "bank-a", "--hash"]).out.trim().to_owned();
    let join = |file: &str| world.run(&["member", "join", file, "--dir", "shop", "--genesis", &genesis]);
    world.run(&["member", "keygen", "--dir", "shop", "--consortium", "demo.example", "--member", "shop"]).check(0, &[]);
    cut(&world, "founders.invitation", "cut.invitation");
    join("cut.invitation").check(1, &["not an invitation: it ends too early", "hint: have it sent again"]);
    let other = world.read("founders.invitation").replace("hushwire/v1/invitation", "hushwire/v9/invitation");
    world.write("other.invitation", other);
    join("other.invitation")
        .check(1, &["its format is \"hushwire/v9/invitation\", this program reads \"hushwire/v1/invitation\""]);
    assert!(!world.path("shop/rosters").exists());
}

#[test]
fn a_cut_roster_note_changes_nothing() {
    let world = World::new();
    world.found_two("127.0.0.1:9");
    let roster = world.propose(&["--renew-days", "100"], "renewal");
    for length in [10, roster.len() / 2, roster.len() - 20] {
        world.write("cut.note", &roster[..length]);
        let said = world.run(&["member", "apply", "--dir", "bank-a", "cut.note"]);
        assert!(said.code == 1 || said.code == 5, "{}{}", said.out, said.err);
        said.check(said.code, &["error: "]);
    }
    world.run(&["member", "roster", "--dir", "bank-a"]).check(0, &["version 1,"]);
    world.run(&["member", "apply", "--dir", "bank-a", "renewal/roster-2.note"]).check(0, &["version 2 is in force"]);
}

#[test]
fn two_rosters_of_one_version_and_a_gap_are_told_apart_from_forgeries() {
    let world = World::new();
    world.found_two("127.0.0.1:9");
    world.propose(&["--renew-days", "100"], "one");
    world.propose(&["--renew-days", "200"], "two");
    let apply = |files: &[&str]| world.run(&[&["member", "apply", "--dir", "bank-a"], files].concat());
    apply(&["one/roster-2.note", "two/roster-2.note"])
        .check(5, &["two rosters of version 2:", "nothing was applied", "ask the admins which"]);
    world.run(&["member", "roster", "--dir", "bank-a"]).check(0, &["version 1,"]);
    apply(&["one/roster-2.note"]).check(0, &["version 2 is in force"]);
    apply(&["two/roster-2.note"]).check(5, &["two rosters of version 2:", "hint: only one can be followed"]);
    apply(&["one/roster-2.note"]).check(0, &["no newer roster"]);

    world.propose(&["--renew-days", "300"], "three");
    let gap = world.run(&["member", "apply", "--dir", "bank-b", "three/roster-3.note"]);
    gap.check(5, &["cannot follow version 1: the versions between are missing", "rosters/N.note"]);
    let both = ["member", "apply", "--dir", "bank-b", "three/roster-3.note", "bank-a/rosters/2.note"];
    world.run(&both).check(0, &["version 2 is in force", "version 3 is in force"]);
}

#[test]
fn a_cut_guard_list_or_certificate_is_named() {
    let world = World::with_node();
    let guard = |args: &[&str]| world.run(&[&["guard"], args, &["--config", "node/hushwire.toml"][..]].concat());
    world.write("vpn.txt", "203.0.114.0/24\n");
    guard(&["import", "vpn.txt", "--name", "vpn", "--grade", "weak", "--kind", "ip"]).check(0, &[]);
    cut(&world, "node/guard/vpn.guard.json", "node/guard/cut.guard.json");
    guard(&["list"]).check(1, &["cut.guard.json is not a guard list of this version"]);
    fs::remove_file(world.path("node/guard/cut.guard.json")).expect("ours");
    world.write("cut.json", "{\"name\":\"Top sites\",\"type\":\"hostname\",\"list\":[\"shop.exa");
    guard(&["import", "cut.json", "--grade", "reject"]).check(2, &["cut.json: not a MISP warning list"]);

    cut(&world, "node/tls/server.pem", "node/tls/server.pem");
    world.run(&["serve", "--config", "node/hushwire.toml"]).check(1, &["certificate of the local listener", "hint:"]);
    world.run(&["cert", "list", "--dir", "node"]).check(1, &["node/tls/server.pem is not a certificate"]);
    cut(&world, "node/tls/local-ca.pem", "node/tls/local-ca.pem");
    world
        .run(&["cert", "issue", "screener", "x", "--dir", "node"])
        .check(1, &["local-ca.pem", "hint: hushwire cert authority --dir node"]);
}

#[test]
fn a_guard_list_that_contradicts_the_command_is_refused() {
    let world = World::with_node();
    let import = |text: &str, args: &[&str]| {
        world.write("list.txt", text);
        let place = ["--config", "node/hushwire.toml"];
        world.run(&[&["guard", "import", "list.txt"], args, &place[..]].concat())
    };
    let asked = ["--name", "ours", "--grade", "weak", "--kind", "ip", "--list-version", "3"];
    for (header, what) in [
        ("# grade: reject", "grade"),
        ("# name: theirs", "name"),
        ("# version: 4", "version"),
        ("# kinds: ip ip6net", "set of kinds"),
    ] {
        let refused = import(&format!("{header}\n203.0.114.0/24\n"), &asked);
        refused
            .check(2, &[&format!("the list itself gives another {what} than was asked for"), "hint: leave the option"]);
    }
    assert!(!world.path("node/guard").exists(), "nothing was kept");
    import("# grade: often\n203.0.114.0/24\n", &asked).check(2, &["line 1: malformed header; grade is reject or weak"]);
    import("# grade: weak\n# source: our own\n# scope: everything\n203.0.114.0/24\n", &asked)
        .check(0, &["ours 3  weak"]);
}
