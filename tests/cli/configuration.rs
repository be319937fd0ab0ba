//! Configuration: every fault at once, by key, without values.

use crate::world::{Running, World};

#[test]
fn all_faults_are_told_at_once_by_serve_and_by_doctor() {
    let world = World::new();
    world.write(
        "hushwire.toml",
        "[node]\nmember = \"Bank A\"\n[feed]\nwindow_ms = \"soon\"\nwindw = 1\n[keystore]\npassphrase = \"hunter2\"\n",
    );
    let parts = [
        "feed.window_ms: must be a whole number from 0 to 3600000",
        "feed.windw: is not a key; [feed] has ack, decoys, spread_s, window_ms",
        "keystore.passphrase: must be prompt, file:PATH",
        "node.member: must be the member's id",
    ];
    let serve = world.run(&["serve"]);
    serve.check(2, &parts).check(2, &["4 faults"]);
    let doctor = world.run(&["doctor"]);
    doctor.check(1, &parts).check(1, &["edit hushwire.toml"]);
    for said in [serve, doctor] {
        assert!(!said.out.contains("hunter2") && !said.err.contains("hunter2"));
    }
}

#[test]
fn the_environment_overrides_and_a_misspelt_override_is_refused() {
    let world = World::with_node();
    let with = |name: &str, value: &str| {
        crate::world::said(world.command().args(["doctor", "--config", "node/hushwire.toml"]).env(name, value))
    };
    with("HUSHWIRE__SCREENING__SANDBOX", "true").check(0, &["sandbox is on", "set sandbox = false"]);
    with("HUSHWIRE__SCREENING__SANDBOX", "maybe").check(1, &["HUSHWIRE__SCREENING__SANDBOX: must be true or false"]);
    with("HUSHWIRE__SCREENING__SANDBOKS", "true").check(1, &["HUSHWIRE__SCREENING__SANDBOKS: overrides no key"]);
}

#[test]
fn a_file_that_is_no_configuration_is_named_with_its_line() {
    let world = World::new();
    world.run(&["serve"]).check(2, &["hushwire.toml cannot be read"]);
    world.write("hushwire.toml", "[node]\nmember = bank\n");
    world.run(&["serve"]).check(2, &["not valid TOML at line 2"]);
    world.write("hushwire.toml", b"[node]\nmember = \"\xFF\"\n");
    world.run(&["serve"]).check(2, &["line 2 is not UTF-8"]);
    world.write("hushwire.toml", "#".repeat(2_000_000));
    world.run(&["serve"]).check(2, &["exceed the limit"]);
}

#[test]
fn the_sample_configurations_are_read_without_a_fault() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/config");
    let mut read = 0;
    for file in std::fs::read_dir(folder).expect("the samples are there") {
        let path = file.expect("readable").path();
        hushwire::app::config::Config::load(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        read += 1;
    }
    assert!(read >= 3, "{read} samples");
}

const FILE: &str = "HUSHWIRE__TYPOLOGY__FILE";

#[test]
fn a_typology_list_of_ones_own_is_checked_by_doctor_and_a_broken_one_starts_no_node() {
    let world = World::with_node();
    let doctor =
        || crate::world::said(world.command().args(["doctor", "--config", "node/hushwire.toml"]).env(FILE, "own.tsv"));
    doctor().check(1, &["typology", "own.tsv", "take typology.file out"]);
    world.write("node/own.tsv", "X1\tRefund by phone\nX2 Without a tab\n");
    doctor().check(1, &["line 2 of the typology list must be an id, a tab and a name"]);
    let serve =
        crate::world::said(world.command().args(["serve", "--config", "node/hushwire.toml"]).env(FILE, "own.tsv"));
    serve.check(1, &["typology list: ", "own.tsv", "line 2", "hushwire doctor"]);
    world.write("node/own.tsv", "X1\tRefund by phone\n");
    doctor().check(0, &["1 typologies to publish under"]);
}

#[test]
fn a_node_publishes_under_its_own_typologies_only() {
    let node = Running::start_with(|world| {
        let configured =
            world.read("node/hushwire.toml").replace("# file = \"typology.tsv\"", "file = \"typology.tsv\"");
        world.write("node/hushwire.toml", configured);
        world.write("node/typology.tsv", "X1\tRefund by phone\n");
    });
    let file = |typology: &str| {
        let header = "kind,value,typology,severity,confidence,grounds\n";
        node.world
            .write("cases.csv", format!("{header}device,device-of-a-case-0001,{typology},high,80,own-confirmed\n"));
    };
    file("X1");
    node.run("publisher", &["publish", "cases.csv"]).check(0, &["1 indicator published"]);
    file("F1012");
    node.run("publisher", &["publish", "cases.csv"]).check(1, &["no such typology in this node's list"]);
}
