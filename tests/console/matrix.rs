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
const AUDITORS: In = In::Roles(&[Role::Auditor]);
const INQUIRERS: In = In::Roles(&[Role::Analyst, Role::Auditor]);
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
const PUBLISHERS: In = In::Roles(&[Role::Publisher]);
const WATCHERS: In = In::Roles(&[Role::Publisher, Role::Analyst, Role::Auditor]);
const BRAKE: In = In::Roles(&[Role::Analyst, Role::Auditor, Role::Operator]);
const BRAKE_PEOPLE: In = In::Roles(&[Role::Analyst, Role::Operator]);
const OVERSEERS: In = In::Roles(&[Role::Auditor, Role::Operator]);
const AUDITORS_OPERATORS: In = In::Roles(&[Role::Auditor, Role::Operator]);

/// Written down apart from the product's own table: address there, an address to ask, who gets in, whether password and code must
/// have been given just now (what becomes of whoever gave them long ago shows `tests/nodes/pages.rs`).
const TABLE: &[(Verb, &str, &str, In, bool)] = &[
    (Verb::Get, "/", "/", In::Users, false),
    (Verb::Get, "/sign-in", "/sign-in", In::Anybody, false),
    (Verb::Post, "/sign-in", "/sign-in", In::Anybody, false),
    (Verb::Get, "/prove", "/prove", In::Users, false),
    (Verb::Post, "/prove", "/prove", In::Users, false),
    (Verb::Get, "/enrol", "/enrol", In::Anybody, false),
    (Verb::Post, "/enrol", "/enrol", In::Anybody, false),
    (Verb::Post, "/enrol/finish", "/enrol/finish", In::Anybody, false),
    (Verb::Get, "/account", "/account", In::Users, false),
    (Verb::Post, "/account/zone", "/account/zone", In::Users, false),
    (Verb::Get, "/account/password", "/account/password", In::Users, false),
    (Verb::Post, "/account/password", "/account/password", In::Users, false),
    (Verb::Get, "/account/recovery", "/account/recovery", In::Users, false),
    (Verb::Post, "/account/recovery", "/account/recovery", In::Users, false),
    (Verb::Get, "/account/authenticator", "/account/authenticator", In::Users, true),
    (Verb::Post, "/account/authenticator", "/account/authenticator", In::Users, false),
    (Verb::Post, "/account/sessions/{session}/end", "/account/sessions/0123456789abcdef/end", In::Users, true),
    (Verb::Post, "/account/sessions/end-others", "/account/sessions/end-others", In::Users, true),
    (Verb::Get, "/users", "/users", OPERATORS, false),
    (Verb::Get, "/users/new", "/users/new", OPERATORS, true),
    (Verb::Post, "/users/new", "/users/new", OPERATORS, true),
    (Verb::Get, "/users/{name}", "/users/nobody", OPERATORS, false),
    (Verb::Post, "/users/{name}/roles", "/users/nobody/roles", OPERATORS, true),
    (Verb::Get, "/users/{name}/{step}", "/users/nobody/disable", OPERATORS, true),
    (Verb::Post, "/users/{name}/{step}", "/users/nobody/disable", OPERATORS, true),
    (Verb::Get, "/log", "/log", AUDITORS, false),
    (Verb::Post, "/log", "/log", AUDITORS, false),
    (Verb::Get, "/log/export", "/log/export?form=csv", AUDITORS, false),
    (Verb::Get, "/log/report", "/log/report", AUDITORS, false),
    (Verb::Get, "/log/{entry}", "/log/0", AUDITORS, false),
    (Verb::Post, "/log/{entry}", "/log/0", AUDITORS, false),
    (Verb::Get, "/log/{entry}/proof", "/log/0/proof", AUDITORS, false),
    (Verb::Get, "/look-up", "/look-up", INQUIRERS, false),
    (Verb::Post, "/look-up", "/look-up", INQUIRERS, false),
    (Verb::Get, "/cases", "/cases", ANALYSTS, false),
    (Verb::Post, "/cases/find", "/cases/find", ANALYSTS, false),
    (Verb::Get, "/cases/{case}", NO_CASE[0], ANALYSTS, false),
    (Verb::Post, "/cases/{case}/note", NO_CASE[1], ANALYSTS, false),
    (Verb::Post, "/cases/{case}/assign", NO_CASE[2], ANALYSTS, false),
    (Verb::Get, "/cases/{case}/proof", NO_CASE[3], ANALYSTS, false),
    (Verb::Get, "/cases/{case}/proof.json", NO_CASE[4], ANALYSTS, false),
    (Verb::Get, "/cases/{case}/release", NO_CASE[5], ANALYSTS, true),
    (Verb::Post, "/cases/{case}/release", NO_CASE[5], ANALYSTS, true),
    (Verb::Get, "/cases/{case}/confirm", NO_CASE[6], ANALYSTS, true),
    (Verb::Post, "/cases/{case}/confirm", NO_CASE[6], ANALYSTS, true),
    (Verb::Get, "/cases/{case}/{step}", NO_CASE[7], ANALYSTS, false),
    (Verb::Post, "/cases/{case}/{step}", NO_CASE[7], ANALYSTS, false),
    (Verb::Get, "/policy", "/policy", RULES, false),
    (Verb::Get, "/policy/{digest}", NO_CASE[8], RULES, false),
    (Verb::Get, "/lists", "/lists", LISTS, false),
    (Verb::Get, "/lists/add", "/lists/add", LISTS, true),
    (Verb::Post, "/lists/add", "/lists/add", LISTS, true),
    (Verb::Get, "/lists/{list}/{fingerprint}/remove", NO_ENTRY, LISTS, true),
    (Verb::Post, "/lists/{list}/{fingerprint}/remove", NO_ENTRY, LISTS, true),
    (Verb::Get, "/indicators", "/indicators", WATCHERS, false),
    (Verb::Get, "/indicators/{indicator}", "/indicators/ab", WATCHERS, false),
    (Verb::Get, "/indicators/{indicator}/retract", "/indicators/ab/retract", PUBLISHERS, true),
    (Verb::Post, "/indicators/{indicator}/retract", "/indicators/ab/retract", PUBLISHERS, true),
    (Verb::Get, "/indicators/{indicator}/answer/{member}", "/indicators/ab/answer/shop", PUBLISHERS, true),
    (Verb::Post, "/indicators/{indicator}/answer/{member}", "/indicators/ab/answer/shop", PUBLISHERS, true),
    (Verb::Get, "/held-back", "/held-back", BRAKE, false),
    (Verb::Get, "/held-back/{quarantine}", "/held-back/ab", BRAKE, false),
    (Verb::Get, "/held-back/{quarantine}/{step}", "/held-back/ab/lift", BRAKE_PEOPLE, true),
    (Verb::Post, "/held-back/{quarantine}/{step}", "/held-back/ab/lift", BRAKE_PEOPLE, true),
    (Verb::Get, "/members", "/members", OVERSEERS, false),
    (Verb::Get, "/members/{member}", "/members/bank-a", OVERSEERS, false),
    (Verb::Get, "/members/{member}/proofs/{group}", "/members/bank-a/proofs/all", OVERSEERS, false),
    (Verb::Get, "/statistics", "/statistics", AUDITORS_OPERATORS, false),
    (Verb::Get, "/statistics/releases", "/statistics/releases", AUDITORS_OPERATORS, false),
    (Verb::Get, "/statistics/releases/{place}", "/statistics/releases/none", AUDITORS_OPERATORS, false),
    (Verb::Get, "/statistics/ask", "/statistics/ask", AUDITORS_OPERATORS, false),
    (Verb::Post, "/statistics/ask", "/statistics/ask", AUDITORS_OPERATORS, true),
    (Verb::Get, "/evidence", "/evidence", AUDITORS_OPERATORS, false),
    (Verb::Post, "/evidence/report", "/evidence/report", AUDITORS, false),
    (Verb::Get, "/evidence/holds", "/evidence/holds", AUDITORS_OPERATORS, false),
    (Verb::Get, "/evidence/holds/new", "/evidence/holds/new", AUDITORS_OPERATORS, false),
    (Verb::Post, "/evidence/holds/new", "/evidence/holds/new", AUDITORS_OPERATORS, false),
    (Verb::Get, "/evidence/holds/{hold}/{step}", "/evidence/holds/none/lift", AUDITORS_OPERATORS, true),
    (Verb::Post, "/evidence/holds/{hold}/{step}", "/evidence/holds/none/lift", AUDITORS_OPERATORS, true),
    (Verb::Get, "/cases/{case}/dispute/{indicator}", NO_DISPUTE, ANALYSTS, true),
    (Verb::Post, "/cases/{case}/dispute/{indicator}", NO_DISPUTE, ANALYSTS, true),
    // Last: whoever asks it is signed out.
    (Verb::Post, "/sign-out", "/sign-out", In::Users, false),
];

fn name(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
    }
}

#[test]
fn every_address_lets_in_whom_the_table_names_and_nobody_else() {
    let known: BTreeSet<_> = TABLE.iter().map(|(verb, path, .., proved)| (name(*verb), *path, *proved)).collect();
    let there: BTreeSet<_> = ROWS.iter().map(|row| (name(row.verb), row.path, row.proved)).collect();
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
        .map(|(verb, _, ask, who, _)| {
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
