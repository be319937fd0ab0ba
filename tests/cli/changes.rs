//! What a consortium agreed on is changed by commands: limits, admins, groups, keys; what does not fit is refused.

use serde_json::Value;

use crate::world::{Said, World};

fn propose(world: &World, out: &str, changes: &[&str]) -> Said {
    world.run(&[&["member", "propose", "--dir", "bank-a", "--out", out], changes].concat())
}

/// The roster of a proposal.
fn proposed(world: &World, out: &str, changes: &[&str]) -> Value {
    propose(world, out, changes).check(0, &[]);
    world.run(&["member", "roster", &format!("{out}/roster-2.note"), "--json"]).check(0, &[]).json()
}

#[test]
fn limits_are_set_by_name_and_kept_within_their_bounds() {
    let world = World::new();
    world.found_two("127.0.0.1:9");
    let limits = ["witness_quorum=0", "max_validity_days=30", "minimum_grounds=authority", "freshness_limit_s=600"];
    let args: Vec<&str> = limits.iter().flat_map(|limit| ["--limit", limit]).collect();
    let roster = proposed(&world, "limits", &args);
    let expected = serde_json::json!({
        "max_validity_days": 30, "minimum_grounds": "authority", "minimum_suite": 1, "witness_quorum": 0,
        "freshness_limit_s": 600,
    });
    assert_eq!(roster["limits"], expected);
    let refused = |limit: &str, code, part: &str| {
        propose(&world, "refused", &["--limit", limit]).check(code, &[part]);
        assert!(!world.path("refused").exists(), "{limit}");
    };
    refused("quorum=1", 2, "a limit is KEY=VALUE with one of max_validity_days");
    refused("witness_quorum=many", 2, "witness_quorum takes a whole number");
    refused("witness_quorum=1", 5, "needs four active members at least");
    refused("max_validity_days=91", 5, "1 to 90 days");
    refused("minimum_suite=3", 5, "suite 1 or 2");
    refused("freshness_limit_s=0", 5, "at least one second");
}

#[test]
fn admins_come_and_go_and_the_quorum_can_be_reached() {
    let world = World::new();
    world.found_two("127.0.0.1:9");
    let ben = world.run(&["key", "admin", "ben", "--consortium", "demo.example", "--out", "ben.age"]).out;
    let ben = ben.trim();
    let two = proposed(&world, "two", &["--add-admin", ben, "--quorum", "2"]);
    assert_eq!((two["admins"].as_array().map(Vec::len), &two["quorum"]), (Some(2), &2.into()));
    let replaced = proposed(&world, "replaced", &["--add-admin", ben, "--drop-admin", "anna"]);
    assert_eq!(replaced["admins"], serde_json::json!([ben]));
    propose(&world, "x", &["--quorum", "2"]).check(5, &["the quorum of 2 cannot be reached by 1 admins"]);
    propose(&world, "x", &["--drop-admin", "cleo"])
        .check(2, &["the roster knows no admin cleo", "its admins are anna"]);
    propose(&world, "x", &["--drop-admin", "anna"]).check(5, &["admin keys may number 1 to"]);
    propose(&world, "x", &["--add-admin", "ben"]).check(2, &["give the whole line `hushwire key admin` printed"]);
    let stranger = world.run(&["key", "admin", "ben", "--consortium", "other.example", "--out", "other.age"]).out;
    propose(&world, "x", &["--add-admin", stranger.trim()]).check(5, &["must be named demo.example/admins"]);
    propose(&world, "lone", &["--quorum", "1"]).check(0, &["a single admin, or a thief of one key"]);

    // The quorum of the roster before must sign: the newcomer has no say in its own coming.
    world.run(&["member", "sign", "two/roster-2.note", "--admin", "ben.age"]).check(0, &[]);
    let alone = world.run(&["member", "apply", "--dir", "bank-a", "two/roster-2.note"]);
    alone.check(5, &["only 0 of the 1 needed admin signatures"]);
}

#[test]
fn members_enter_and_leave_groups() {
    let world = World::new();
    world.found_two("127.0.0.1:9");
    let roster = proposed(&world, "cards", &["--add-group", "bank-a=cards", "--add-group", "bank-b=cards"]);
    for member in roster["members"].as_array().expect("a list") {
        assert_eq!(member["groups"], serde_json::json!(["all", "cards"]));
        assert_eq!(member["feed_keys"][1]["group"], "cards");
    }
    let roster = proposed(&world, "left", &["--drop-group", "bank-b=all"]);
    assert_eq!(roster["members"][1]["groups"], serde_json::json!([]));
    assert_eq!(roster["members"][1]["feed_keys"][0]["group"], "all", "what it published stays verifiable");
    // By its own card the member gives the same key.
    world
        .run(&["member", "card", "--dir", "bank-a", "--group", "all", "--group", "cards", "--out", "new.card"])
        .check(0, &[]);
    let roster = proposed(&world, "by-card", &["--update", "new.card"]);
    assert_eq!(roster["members"][0]["groups"], serde_json::json!(["all", "cards"]));
    propose(&world, "x", &["--add-group", "bank-a=all"]).check(2, &["takes part in group all already"]);
    propose(&world, "x", &["--drop-group", "bank-a=cards"]).check(2, &["takes no part in group cards"]);
    propose(&world, "x", &["--add-group", "shop=cards"]).check(2, &["the roster knows no member shop"]);
    propose(&world, "x", &["--add-group", "bank-a"]).check(2, &["MEMBER=GROUP"]);
    propose(&world, "x", &["--add-group", "bank-a=audit"]).check(5, &["are reserved"]);
    propose(&world, "x", &[]).check(2, &["nothing to change"]);
}

#[test]
fn a_card_of_somebody_else_takes_nobodys_place() {
    let world = World::new();
    world.found_two("127.0.0.1:9");
    let keygen = ["member", "keygen", "--dir", "thief", "--consortium", "demo.example", "--member", "bank-b"];
    world.run(&keygen).check(0, &[]);
    let card = ["member", "card", "--dir", "thief", "--name", "bank-b", "--endpoint", "b:1", "--out", "thief.card"];
    world.run(&card).check(0, &[]);
    propose(&world, "x", &["--update", "thief.card"])
        .check(5, &["the card of bank-b is signed by no key that the roster names for it"]);
    let nameless = ["member", "card", "--dir", "thief", "--out", "other.card"];
    world.run(&nameless).check(2, &["--endpoint is needed: no roster names this member yet"]);
}

#[test]
fn a_next_key_is_made_once_named_by_the_card_and_given_up_before_the_roster_names_it() {
    let world = World::new();
    world.found_two("127.0.0.1:9");
    let rotate = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        world.run(&[&["key", "rotate", "--dir", "bank-a"], &words[..]].concat())
    };
    for key in ["witness", "audit", "hpke", "peer-tls"] {
        rotate(&format!("{key} --finish")).check(2, &[&format!("there is no next {key} key")]);
        rotate(key).check(0, &["hushwire member card --dir bank-a", "--finish"]);
        rotate(key).check(2, &["lies there already", "--abandon"]);
        rotate(&format!("{key} --finish")).check(1, &["does not name the next key"]);
    }
    rotate("witness --from-size all=9").check(2, &["--from-size"]);
    rotate("feed").check(2, &["--from-size all=SIZE is missing"]);
    rotate("feed --from-size all=0").check(2, &["may have signed up to 0 already"]);
    rotate("feed --from-size all=9 --from-size cards=9").check(2, &["bank-a is not in group cards"]);
    rotate("feed --from-size all=9").check(0, &[]);
    rotate("storage").check(2, &["one of feed, witness, audit, hpke, peer-tls"]);

    world.run(&["member", "card", "--dir", "bank-a", "--out", "next.card"]).check(0, &[]);
    let roster = proposed(&world, "next", &["--update", "next.card"]);
    let (row, before) = (&roster["members"][0], world.run(&["member", "roster", "--dir", "bank-a", "--json"]).json());
    let before = &before["members"][0];
    for field in ["audit_key", "witness_key", "hpke_key_sha256"] {
        assert_ne!(row[field], before[field], "{field}");
    }
    assert_eq!((&row["feed_keys"][0], &row["pins"][0]), (&before["feed_keys"][0], &before["pins"][0]));
    assert_eq!((&row["feed_keys"][1]["from_size"], row["pins"].as_array().map(Vec::len)), (&9.into(), Some(2)));

    rotate("audit --abandon").check(0, &["the one in use stays"]);
    world.run(&["member", "sign", "next/roster-2.note", "--admin", "anna.age"]).check(0, &[]);
    world.run(&["member", "apply", "--dir", "bank-a", "next/roster-2.note"]).check(0, &[]);
    rotate("witness --abandon").check(1, &["the roster in force names the next key", "--finish takes it over"]);
    rotate("audit --finish").check(2, &["there is no next audit key"]);
    let doctor = || world.run(&["doctor", "--config", "bank-a/hushwire.toml"]);
    doctor().check(1, &["the roster names its next witness key", "→ hushwire key rotate witness --dir bank-a"]);
    rotate("feed --finish").check(4, &["the node must say how far its feed is"]);
    for key in ["witness", "hpke", "peer-tls"] {
        rotate(&format!("{key} --finish")).check(0, &["next: kill -HUP the node"]);
    }
    let told = doctor();
    told.check(1, &["the roster names another audit key than it holds"]);
    assert!(!told.out.contains("its next witness key"), "{}", told.out);
    world.run(&["key", "show", "--dir", "bank-a"]).check(0, &["to take over feed"]);
}

#[test]
fn an_admin_sees_what_a_roster_changes_before_it_is_signed() {
    let world = World::new();
    world.found_two("127.0.0.1:9");
    let sign = |files: &[&str]| world.run(&[&["member", "sign", "--admin", "anna.age"], files].concat());
    sign(&["genesis/roster-1.note"]).check(0, &["the first roster"]);
    propose(&world, "x", &["--suspend", "bank-b", "--limit", "max_validity_days=30", "--add-group", "bank-a=cards"])
        .check(0, &[]);
    let words = [
        "changes against version 1",
        "member bank-b is SUSPENDED",
        "member bank-a: enters group cards",
        "longest validity of an indicator, days: 90 → 30",
        "signed x/roster-2.note",
    ];
    let told = sign(&["x/in-force.roster", "x/roster-2.note"]);
    told.check(0, &words);
    assert!(!told.out.contains("signed x/in-force.roster"), "{}", told.out);
    sign(&["x/in-force.roster"]).check(2, &["nothing to sign"]);
    let json = sign(&["x/in-force.roster", "x/roster-2.note", "--json"]).check(0, &[]).json();
    assert_eq!(json["documents"].as_array().map(Vec::len), Some(1));
    assert!(json["documents"][0]["changes"].to_string().contains("SUSPENDED"), "{json}");

    sign(&["x/roster-2.note"]).check(0, &["what it changes is not shown", "--against"]);
    for place in ["bank-a", "genesis/roster-1.note"] {
        sign(&["x/roster-2.note", "--against", place]).check(0, &words);
    }
    sign(&["x/roster-2.note", "--against", "bank-a.card"]).check(2, &["no roster and no node's folder"]);
    sign(&["x/roster-2.note", "--against", "x/roster-2.note"]).check(5, &["none of the files follows version 2"]);
    world.run(&["member", "apply", "--dir", "bank-a", "x/in-force.roster", "x/roster-2.note"]).check(0, &["version 2"]);
}
