//! Configuration: every fault at once, by key, without values.

use crate::world::World;

#[test]
fn all_faults_are_told_at_once_by_serve_and_by_doctor() {
    let world = World::new();
    world.write(
        "hushwire.toml",
        "[node]\nmember = \"Bank A\"\n[feed]\nwindow_ms = \"soon\"\nwindw = 1\n[keystore]\npassphrase = \"hunter2\"\n",
    );
    let parts = [
        "feed.window_ms: must be a whole number from 0 to 3600000",
        "feed.windw: is not a key; [feed] has decoys, window_ms",
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
