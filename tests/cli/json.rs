//! `--json` answers with the shape its help documents, and with nothing beside it.

use serde_json::Value;

use crate::world::World;

/// The names between braces in the help of `--json`.
fn documented(world: &World, command: &[&str]) -> Vec<String> {
    let help = world.run(&[command, &["--help"]].concat()).out;
    let at = help.find("One JSON object on standard output: {").unwrap_or_else(|| panic!("{command:?}: {help}"));
    let shape = help[at..].split_once('{').and_then(|(_, rest)| rest.split_once('}')).expect("a shape").0;
    let mut names: Vec<String> = shape.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    names.sort();
    names
}

fn check(world: &World, command: &[&str], args: &[&str]) -> Value {
    let said = world.run(&[command, args, &["--json"]].concat());
    said.check(0, &[]);
    let object = said.json();
    let mut names: Vec<String> = object.as_object().expect("an object").keys().cloned().collect();
    names.sort();
    assert_eq!(names, documented(world, command), "{command:?}");
    object
}

#[test]
fn commands_on_files_answer_machines_in_their_documented_shape() {
    let world = World::new();
    let key = check(&world, &["key", "admin"], &["anna", "--consortium", "demo.example", "--out", "anna.age"]);
    let key = key["key"].as_str().expect("a key");
    let addresses = ["--local", "127.0.0.1:0", "--peer", "127.0.0.1:0"];
    for member in ["bank-a", "shop"] {
        let args = ["--dir", member, "--consortium", "demo.example", "--member", member];
        check(&world, &["member", "keygen"], &[&args[..], &addresses].concat());
        let out = format!("{member}.card");
        check(&world, &["member", "card"], &["--dir", member, "--name", member, "--endpoint", "a:1", "--out", &out]);
    }
    let genesis = ["--consortium", "demo.example", "--card", "bank-a.card", "--admin", key, "--quorum", "1"];
    let made = check(&world, &["member", "genesis"], &[&genesis[..], &["--out", "genesis"]].concat());
    assert_eq!(made["version"], 1);
    let signed =
        check(&world, &["member", "sign"], &["genesis/roster-1.note", "genesis/epoch-1.bundle", "--admin", "anna.age"]);
    assert_eq!(signed["documents"].as_array().map(Vec::len), Some(2));
    let files = ["genesis/roster-1.note", "genesis/epoch-1.bundle", "--out", "x.invitation"];
    let hash = check(&world, &["member", "invite"], &files)["genesis_sha256"].as_str().expect("a hash").to_owned();
    assert_eq!(Value::String(hash.clone()), made["sha256"]);
    let joined = check(&world, &["member", "join"], &["x.invitation", "--dir", "bank-a", "--genesis", &hash]);
    assert_eq!((&joined["member"], &joined["version"]), (&"bank-a".into(), &1.into()));

    check(&world, &["member", "propose"], &["--dir", "bank-a", "--add", "shop.card", "--out", "joins"]);
    world.run(&["member", "sign", "joins/roster-2.note", "joins/epoch-1.bundle", "--admin", "anna.age"]).check(0, &[]);
    let files = ["joins/roster-2.note", "joins/epoch-1.bundle", "--dir", "bank-a"];
    let applied = check(&world, &["member", "apply"], &files);
    assert_eq!((&applied["version"], &applied["applied"][0]), (&2.into(), &2.into()));

    check(&world, &["key", "new-epoch"], &["--dir", "bank-a", "--compromised", "--out", "epoch"]);
    world.run(&["member", "sign", "epoch/roster-3.note", "epoch/epoch-2.bundle", "--admin", "anna.age"]).check(0, &[]);
    let applied =
        check(&world, &["member", "apply"], &["epoch/roster-3.note", "epoch/epoch-2.bundle", "--dir", "bank-a"]);
    assert_eq!(applied["epochs"][0], 2);
    let rotated = check(&world, &["key", "rotate"], &["witness", "--dir", "bank-a"]);
    assert_eq!(rotated["state"], "made");
    assert_eq!(check(&world, &["key", "rotate"], &["witness", "--dir", "bank-a", "--abandon"])["state"], "abandoned");
    world.write("other", "another long passphrase\n");
    check(&world, &["key", "reseal"], &["--dir", "shop", "--new-passphrase", "file:other"]);

    check(&world, &["cert", "issue"], &["screener", "desk", "--dir", "bank-a"]);
    check(&world, &["cert", "issue"], &["screener", "desk", "--dir", "bank-a", "--replace"]);
    check(&world, &["cert", "server"], &["--dir", "bank-a"]);
    check(&world, &["cert", "peer"], &["--dir", "bank-a"]);
    check(&world, &["cert", "authority"], &["--dir", "bank-a"]);
    world.write("vpn.txt", "203.0.114.0/24\n");
    let config = ["--config", "bank-a/hushwire.toml"];
    let import = ["vpn.txt", "--name", "vpn", "--grade", "weak", "--kind", "ip"];
    check(&world, &["guard", "import"], &[&import[..], &config].concat());
    check(&world, &["guard", "remove"], &[&["vpn"][..], &config].concat());
}

#[test]
fn the_secret_of_a_past_epoch_is_forgotten_in_the_documented_shape() {
    let world = World::new();
    assert_eq!(documented(&world, &["key", "forget-epoch"]), ["epoch"]);
}
