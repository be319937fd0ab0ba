//! Users of the console, made and taken out on a running node: by commands, over HTTP, by nobody without the role, with nothing of a
//! code left behind.

use serde_json::{Value, json};
use tonic::Code;

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use local::user_service_client::UserServiceClient;

use crate::caller::RUNTIME;
use crate::cases::identity_of;
use crate::consortium::{Consortium, Said};
use crate::doors::reason;
use crate::http::ask;
use crate::node::Node;
use crate::search::Searcher;

/// Runs a command of an operator's; its exit code must be this.
fn run(consortium: &Consortium, node: &Node, identity: &str, words: &[&str], code: i32) -> Said {
    let reach = ["--endpoint", &node.local.to_string(), "--identity", identity];
    let said = consortium.run(&[words, &reach[..]].concat());
    assert_eq!(said.code, code, "{words:?}\n{}\n{}", said.stdout, said.stderr);
    said
}

#[test]
fn operators_make_users_by_commands_and_take_them_out_and_no_code_is_left_behind() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    let desk = node.home.identity("operator").display().to_string();
    let run = |words: &[&str], code| run(&consortium, &node, &desk, words, code);

    let made = run(&["user", "add", "anna", "--role", "operator"], 0);
    let code = made.stdout.trim().to_owned();
    assert_eq!((code.len(), code.split('-').count()), (32, 7), "26 letters in groups");
    assert!(made.stderr.contains("anna enrols with it at /enrol of the console until 20"), "{}", made.stderr);
    let again = run(&["user", "add", "anna", "--role", "operator"], 1);
    assert!(again.stderr.contains("hushwire user reset NAME"), "{}", again.stderr);
    let made = run(&["user", "add", "ben", "--role", "auditor", "--role", "analyst", "--json"], 0);
    let made: Value = serde_json::from_str(&made.stdout).expect("JSON");
    assert_eq!((&made["roles"], &made["state"]), (&json!(["analyst", "auditor"]), &json!("invited")));
    let bens = made["enrolment_code"].as_str().expect("a code").to_owned();
    assert_ne!(code, bens);

    let listed = run(&["user", "list"], 0).stdout;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("anna  operator  invited until 20"), "{listed}");
    assert!(run(&["user", "roles", "ben", "--role", "auditor"], 0).stdout.starts_with("ben  auditor  invited"));
    assert!(run(&["user", "disable", "ben"], 0).stdout.contains("disabled"));
    assert!(run(&["user", "enable", "ben"], 0).stdout.contains("invited"));
    run(&["user", "sign-out", "ben"], 0);
    let reset = run(&["user", "reset", "ben"], 0).stdout.trim().to_owned();
    assert_ne!(reset, bens);
    assert_eq!(run(&["user", "remove", "ben", "--json"], 0).stdout.trim(), r#"{"name":"ben"}"#);
    assert!(run(&["user", "disable", "ben"], 1).stderr.contains("there is no user of this name"));

    run(&["user", "add", "carla", "--role", "screener"], 2);
    run(&["user", "add", "carla"], 2);
    for name in ["Carla", "c", "carla_x", "token.carla", "4111111111111111"] {
        let refused = run(&["user", "add", name, "--role", "analyst"], 2);
        assert!(!refused.stderr.contains("4111111111111111"), "{}", refused.stderr);
    }

    let listed = consortium.audit_list(&node, &["--action", "console."]).stdout;
    let told = |action: &str| listed.matches(&format!("\"{action}\"")).count();
    let actions = ["console.user_created", "console.roles_changed", "console.user_reset", "console.user_removed"];
    assert_eq!(actions.map(told), [2, 1, 1, 1], "{listed}");
    assert!(listed.contains("/operator/"), "with who did it: {listed}");

    let home = node.stop_with_snapshot();
    let letters = [&code, &bens, &reset].map(|code| code.replace('-', ""));
    let planted: Vec<&str> = [&code, &bens, &reset].into_iter().chain(&letters).map(String::as_str).collect();
    let mut hits = Vec::new();
    assert!(Searcher::new(&planted, &[]).search_folder(&home.path(), &mut hits) > 5);
    assert_eq!(hits, [""; 0]);
}

#[test]
fn a_certificate_of_the_users_name_is_the_same_person_and_changes_not_its_own_roles() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    let desk = node.home.identity("operator").display().to_string();
    let anna = identity_of(&node.home, "operator", "anna");
    run(&consortium, &node, &anna, &["user", "add", "anna", "--role", "operator"], 0);
    let own = run(&consortium, &node, &anna, &["user", "roles", "anna", "--role", "analyst"], 1);
    assert!(own.stderr.contains("nobody changes their own roles"), "{}", own.stderr);
    run(&consortium, &node, &desk, &["user", "roles", "anna", "--role", "analyst"], 0);

    let mut client = UserServiceClient::new(node.channel("operator"));
    let named = |name: &str| local::SetUserRolesRequest { name: name.to_owned(), roles: vec![2] };
    let refused = RUNTIME.block_on(client.set_user_roles(named("nobody"))).expect_err("unknown");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "NO_SUCH_USER"));
    let refused = RUNTIME.block_on(client.set_user_roles(named("No Name"))).expect_err("no name");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let none = local::SetUserRolesRequest { name: "anna".to_owned(), roles: Vec::new() };
    assert_eq!(RUNTIME.block_on(client.set_user_roles(none)).expect_err("no role").code(), Code::InvalidArgument);
    for role in ["publisher", "screener", "analyst", "auditor"] {
        let mut client = UserServiceClient::new(node.channel(role));
        let refused = RUNTIME.block_on(client.list_users(local::ListUsersRequest {})).expect_err("not theirs");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "ROLE_NOT_ALLOWED"), "{role}");
    }
}

#[test]
fn users_are_made_and_listed_over_http_and_stay_over_a_kill() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    let post = |node: &Node, path: &str, body: Value| {
        ask(node, "operator", "POST", path, "Content-Type: application/json\r\n", &body.to_string())
    };
    let made = post(&node, "/v1/users", json!({"name": "anna", "roles": ["USER_ROLE_ANALYST"]}));
    assert_eq!(made.status, 200, "{made:?}");
    let made = made.json();
    assert_eq!((&made["enrolPath"], &made["user"]["state"]), (&json!("/enrol"), &json!("USER_STATE_INVITED")));
    let refused = post(&node, "/v1/users", json!({"name": "anna", "roles": ["USER_ROLE_ANALYST"]}));
    refused.check(409, "USER_EXISTS");
    let home = node.home.clone();
    node.kill();
    let node = home.start().unwrap_or_else(|said| panic!("starts: {}", said.stderr));
    node.until_ready();
    let listed = ask(&node, "operator", "GET", "/v1/users", "", "").json();
    assert_eq!(
        (&listed["users"][0]["name"], &listed["users"][0]["roles"]),
        (&json!("anna"), &json!(["USER_ROLE_ANALYST"]))
    );
    let disabled = post(&node, "/v1/users:disable", json!({"name": "anna"}));
    assert_eq!((disabled.status, &disabled.json()["user"]["state"]), (200, &json!("USER_STATE_DISABLED")));
}
