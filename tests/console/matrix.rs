//! Every address of the console, asked by nobody and in every role: what is not allowed here is refused.

use std::collections::BTreeSet;

use hushwire::base::role::Role;
use hushwire::domain::user::roles::ConsoleRoles;
use hushwire::io::console::rows::{ROWS, Verb};
use serde_json::{Value, json};

use crate::browser::{CONSOLE, play, stage};
use crate::consortium::Consortium;
use crate::people::invite;

/// Who gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum In {
    Anybody,
    Users,
    Roles(&'static [Role]),
}

const OPERATORS: In = In::Roles(&[Role::Operator]);
const ANALYSTS: In = In::Roles(&[Role::Analyst]);
const RULES: In = In::Roles(&[Role::Analyst, Role::Auditor, Role::Operator]);
const LISTS: In = In::Roles(&[Role::Analyst, Role::Operator]);

/// No case, rule set or entry of a list.
const NO_CASE: [&str; 9] = [
    "/cases/00000000000000000000000000000000",
    "/cases/00000000000000000000000000000000/note",
    "/cases/00000000000000000000000000000000/assign",
    "/cases/00000000000000000000000000000000/proof",
    "/cases/00000000000000000000000000000000/proof.json",
    "/cases/00000000000000000000000000000000/release",
    "/cases/00000000000000000000000000000000/confirm",
    "/cases/00000000000000000000000000000000/refuse",
    "/policy/0000000000000000000000000000000000000000000000000000000000000000",
];
const NO_DISPUTE: &str =
    "/cases/00000000000000000000000000000000/dispute/0000000000000000000000000000000000000000000000000000000000000000";
const NO_ENTRY: &str = "/lists/block/0000000000000000000000000000000000000000000000000000000000000000/remove";

/// Written down apart from the product's own table: address there, an address to ask, who gets in.
const TABLE: &[(Verb, &str, &str, In)] = &[
    (Verb::Get, "/", "/", In::Users),
    (Verb::Get, "/sign-in", "/sign-in", In::Anybody),
    (Verb::Post, "/sign-in", "/sign-in", In::Anybody),
    (Verb::Get, "/prove", "/prove", In::Users),
    (Verb::Post, "/prove", "/prove", In::Users),
    (Verb::Get, "/enrol", "/enrol", In::Anybody),
    (Verb::Post, "/enrol", "/enrol", In::Anybody),
    (Verb::Post, "/enrol/finish", "/enrol/finish", In::Anybody),
    (Verb::Get, "/account", "/account", In::Users),
    (Verb::Post, "/account/zone", "/account/zone", In::Users),
    (Verb::Get, "/account/password", "/account/password", In::Users),
    (Verb::Post, "/account/password", "/account/password", In::Users),
    (Verb::Get, "/account/recovery", "/account/recovery", In::Users),
    (Verb::Post, "/account/recovery", "/account/recovery", In::Users),
    (Verb::Get, "/account/authenticator", "/account/authenticator", In::Users),
    (Verb::Post, "/account/authenticator", "/account/authenticator", In::Users),
    (Verb::Post, "/account/sessions/{session}/end", "/account/sessions/0123456789abcdef/end", In::Users),
    (Verb::Post, "/account/sessions/end-others", "/account/sessions/end-others", In::Users),
    (Verb::Get, "/cases", "/cases", ANALYSTS),
    (Verb::Post, "/cases/find", "/cases/find", ANALYSTS),
    (Verb::Get, "/cases/{case}", NO_CASE[0], ANALYSTS),
    (Verb::Post, "/cases/{case}/note", NO_CASE[1], ANALYSTS),
    (Verb::Post, "/cases/{case}/assign", NO_CASE[2], ANALYSTS),
    (Verb::Get, "/cases/{case}/proof", NO_CASE[3], ANALYSTS),
    (Verb::Get, "/cases/{case}/proof.json", NO_CASE[4], ANALYSTS),
    (Verb::Get, "/cases/{case}/release", NO_CASE[5], ANALYSTS),
    (Verb::Post, "/cases/{case}/release", NO_CASE[5], ANALYSTS),
    (Verb::Get, "/cases/{case}/confirm", NO_CASE[6], ANALYSTS),
    (Verb::Post, "/cases/{case}/confirm", NO_CASE[6], ANALYSTS),
    (Verb::Get, "/cases/{case}/dispute/{indicator}", NO_DISPUTE, ANALYSTS),
    (Verb::Post, "/cases/{case}/dispute/{indicator}", NO_DISPUTE, ANALYSTS),
    (Verb::Get, "/cases/{case}/{step}", NO_CASE[7], ANALYSTS),
    (Verb::Post, "/cases/{case}/{step}", NO_CASE[7], ANALYSTS),
    (Verb::Get, "/policy", "/policy", RULES),
    (Verb::Get, "/policy/{digest}", NO_CASE[8], RULES),
    (Verb::Get, "/lists", "/lists", LISTS),
    (Verb::Get, "/lists/add", "/lists/add", LISTS),
    (Verb::Post, "/lists/add", "/lists/add", LISTS),
    (Verb::Get, "/lists/{list}/{name}/remove", NO_ENTRY, LISTS),
    (Verb::Post, "/lists/{list}/{name}/remove", NO_ENTRY, LISTS),
    (Verb::Get, "/users", "/users", OPERATORS),
    (Verb::Get, "/users/new", "/users/new", OPERATORS),
    (Verb::Post, "/users/new", "/users/new", OPERATORS),
    (Verb::Get, "/users/{name}", "/users/nobody", OPERATORS),
    (Verb::Post, "/users/{name}/roles", "/users/nobody/roles", OPERATORS),
    (Verb::Get, "/users/{name}/{step}", "/users/nobody/disable", OPERATORS),
    (Verb::Post, "/users/{name}/{step}", "/users/nobody/disable", OPERATORS),
    // Last: whoever asks it is signed out.
    (Verb::Post, "/sign-out", "/sign-out", In::Users),
];

fn name(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
    }
}

#[test]
fn every_address_lets_in_whom_the_table_names_and_nobody_else() {
    let known: BTreeSet<_> = TABLE.iter().map(|(verb, path, ..)| (name(*verb), *path)).collect();
    let there: BTreeSet<_> = ROWS.iter().map(|row| (name(row.verb), row.path)).collect();
    assert_eq!(known, there, "left: this table, right: the console's");

    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.home("bank-a").start_with(&[CONSOLE]).unwrap_or_else(|said| panic!("{}", said.stderr));
    let people: Vec<Value> = ConsoleRoles::ALL
        .iter()
        .map(|role| {
            let code = invite(&consortium, &node, &format!("some-{role}"), &[role.as_str()]);
            json!({ "name": format!("some-{role}"), "role": role.as_str(), "code": code })
        })
        .collect();
    let rows: Vec<Value> = TABLE
        .iter()
        .map(|(verb, _, ask, who)| {
            let roles: Vec<&str> = match who {
                In::Anybody | In::Users => ConsoleRoles::ALL.iter().map(|role| role.as_str()).collect(),
                In::Roles(roles) => roles.iter().map(|role| role.as_str()).collect(),
            };
            json!({ "verb": name(*verb), "path": ask, "roles": roles, "nobody": *who == In::Anybody })
        })
        .collect();
    let mut stage = stage(&node);
    stage["people"] = json!(people);
    stage["rows"] = json!(rows);
    play("matrix", &stage);
}
