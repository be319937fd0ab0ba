//! Help teaches by example and documents what scripts rely on.

use crate::world::World;

#[test]
fn help_documents_the_exit_codes() {
    let world = World::new();
    world.run(&["--help"]).check(0, &["0  done", "3  done in part", "hushwire init --member"]);
    world.run(&["audit", "verify", "--help"]).check(0, &["Examples:", "Exit code 5"]);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let world = World::new();
    world.run(&["publsh"]).check(2, &["publish"]);
    world.run(&["publish"]).check(2, &["<FILE>"]);
    let any_of_three = "<--name <NAME>|--source-ref <REF>|--identifier <KIND=VALUE>";
    world.run(&["erase", "ask", "--reason", "mistake"]).check(2, &[any_of_three]);
    world.run(&["retract", "--reason", "resolved"]).check(2, &[any_of_three, "|--file <FILE>"]);
    world.run(&["publish", "x.csv", "--confidence", "101"]).check(2, &["101"]);
}

#[test]
fn an_identifier_in_the_wrong_place_is_not_repeated() {
    let world = World::with_node();
    let said = world.run(&["screen", "--config", "node/hushwire.toml", "--identifier", "4111111111111111"]);
    said.check(2, &["KIND=VALUE"]);
    assert!(!said.err.contains("4111"), "{}", said.err);
}
