//! Every identity at every method and route of a running node, cell by cell, against a table of our own.

pub mod knock;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};

use hushwire::app::config::layout::NodeDir;
use hushwire::base::role::Role;
use hushwire::base::time::Timestamp;
use hushwire::io::certificate::LocalAuthority;
use hushwire::io::clock;
use hushwire::io::grpc::roles;
use hushwire::io::grpc::wire::DESCRIPTORS;
use hushwire::io::http::routes::{self, OPENAPI_PATH};
use prost::Message;
use rustls::AlertDescription;
use serde_json::Value;
use tonic::Code;

use crate::consortium::Consortium;
use crate::doors::call;
use crate::http::{Answer, ask};
use crate::matrix::knock::{Shown, knock};
use crate::matrix::table::{METHODS, ROUTES};
use crate::node::{Home, Node, wait};

/// What the calls of a test must have left in the audit log: actor, method and reason, and how often.
pub type Refusals = BTreeMap<(String, String, String), usize>;

pub fn refused(refusals: &mut Refusals, actor: &str, method: &str, reason: &str) {
    *refusals.entry((actor.to_owned(), method.to_owned(), reason.to_owned())).or_default() += 1;
}

/// The refused calls in a node's audit log.
pub fn audited(consortium: &Consortium, node: &Node) -> Refusals {
    let listed = consortium.audit_list(node, &["--action", "call.refused"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let mut found = Refusals::new();
    for record in listed["records"].as_array().expect("records") {
        assert_eq!(record["outcome"], "refused", "{record}");
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{record}")).to_owned();
        refused(&mut found, &text(&record["actor"]), &text(&record["subject"]), &text(&record["fields"]["reason"]));
    }
    found
}

/// A path that can be asked.
pub fn filled(path: &str) -> String {
    ["{decision_id}", "{case_id}"]
        .iter()
        .fold(path.replace("{key}", "proceed"), |path, field| path.replace(field, &"f".repeat(32)))
}

/// The method behind a route.
pub fn method_of(verb: &str, path: &str) -> &'static str {
    let route = routes::ROUTES.iter().find(|route| (route.verb.as_str(), route.path) == (verb, path));
    route.unwrap_or_else(|| panic!("{verb} {path} is in the table and not served")).method
}

fn http(node: &Node, role: &str, verb: &str, path: &str) -> Answer {
    let (more, body) = if verb == "POST" { ("Content-Type: application/json\r\n", "{}") } else { ("", "") };
    ask(node, role, verb, &filled(path), more, body)
}

#[test]
fn every_method_and_every_route_has_a_row_here_and_every_row_something_it_stands_for() {
    let set = prost_types::FileDescriptorSet::decode(DESCRIPTORS).expect("made by the build");
    let mut served: BTreeSet<String> = roles::METHODS.iter().map(|row| row.method.to_owned()).collect();
    for file in &set.file {
        for service in &file.service {
            let name = |method: &str| format!("/{}.{}/{method}", file.package(), service.name());
            served.extend(service.method.iter().map(|method| name(method.name())));
        }
    }
    let rows: BTreeSet<String> = METHODS.iter().map(|(method, _)| (*method).to_owned()).collect();
    assert_eq!((rows.len(), &rows), (METHODS.len(), &served));

    let mut served: BTreeSet<(&str, &str)> = BTreeSet::from([("GET", OPENAPI_PATH)]);
    served.extend(routes::ROUTES.iter().map(|route| (route.verb.as_str(), route.path)));
    let rows: BTreeSet<(&str, &str)> = ROUTES.iter().map(|(verb, path, _)| (*verb, *path)).collect();
    assert_eq!((rows.len(), &rows), (ROUTES.len(), &served));
    // A route is no second way to a method: it is as open as the method.
    for (verb, path, roles) in ROUTES.iter().filter(|(_, path, _)| *path != OPENAPI_PATH) {
        let method = method_of(verb, path);
        assert_eq!(METHODS.iter().find(|(name, _)| *name == method), Some(&(method, *roles)), "{verb} {path}");
    }
}

#[test]
fn each_role_gets_what_its_cells_say_and_every_refusal_is_audited_once() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let mut refusals = Refusals::new();
    for role in Role::ALL.map(Role::as_str) {
        let actor = format!("hushwire://bank-a/{role}/desk");
        let channel = a.channel(role);
        for (method, allowed) in METHODS {
            let said = call(&channel, method);
            let expected = allowed.contains(&role);
            let is_refused = matches!(said.code(), Code::PermissionDenied | Code::Unauthenticated);
            assert_eq!(is_refused, !expected, "{role} calls {method}: {said:?}");
            assert_ne!(said.code(), Code::Unimplemented, "{method} is served");
            if !expected {
                let reason = if *allowed == ["peer"] { "WRONG_LISTENER" } else { "ROLE_NOT_ALLOWED" };
                assert_eq!(crate::doors::reason(&said), reason, "{role} calls {method}");
                refused(&mut refusals, &actor, method, reason);
            }
        }
        for (verb, path, allowed) in ROUTES {
            let answer = http(&a, role, verb, path);
            if allowed.contains(&role) {
                assert!(![401, 403, 405, 501].contains(&answer.status), "{role} {verb} {path}: {answer:?}");
            } else {
                answer.check(403, "ROLE_NOT_ALLOWED");
                refused(&mut refusals, &actor, method_of(verb, path), "ROLE_NOT_ALLOWED");
            }
        }
        assert_eq!(call(&channel, "/hushwire.local.v1.NodeService/Unheard").code(), Code::Unimplemented);
        refused(&mut refusals, &actor, "unknown", "UNKNOWN_METHOD");
    }
    // The log is written beside the answers.
    wait("the last refusal is written", || {
        let found = audited(&consortium, &a);
        (found.values().sum::<usize>() >= refusals.values().sum()).then_some(())
    });
    assert_eq!(audited(&consortium, &a), refusals);
}

#[test]
fn a_member_gets_the_exchange_and_nothing_else_at_the_peer_door() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, _b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    let mut refusals = Refusals::new();
    let channel = consortium.home("bank-b").dial("bank-a", a.home.peer());
    for (method, allowed) in METHODS {
        let said = call(&channel, method);
        if *allowed == ["peer"] {
            assert!(!matches!(said.code(), Code::PermissionDenied | Code::Unauthenticated), "{method}: {said:?}");
            continue;
        }
        assert_eq!(said.code(), Code::PermissionDenied, "{method}: {said:?}");
        refused(&mut refusals, "bank-b", method, "WRONG_LISTENER");
    }
    for (_, path, _) in ROUTES {
        assert_eq!(call(&channel, path).code(), Code::Unimplemented, "{path} is of the other listener");
        refused(&mut refusals, "bank-b", "unknown", "UNKNOWN_METHOD");
    }
    wait("the last refusal is written", || (audited(&consortium, &a) == refusals).then_some(()));
}

/// A client certificate of a member's own authority, as of another day.
fn issued(home: &Home, role: Role, days: u32, at: Timestamp) -> Shown {
    let keystore = home.keystore();
    let certificate = std::fs::read_to_string(NodeDir::new(home.path()).local_authority()).expect("made");
    let tls = keystore.keys.tls.as_ref().expect("made");
    let authority = LocalAuthority::load(&keystore.member, &certificate, &tls.local_ca).expect("a pair");
    let issued = authority.issue_client(role, &"desk".parse().expect("valid"), days, at).expect("issued");
    Shown::pem(issued.certificate_pem, issued.key_pem.to_string())
}

/// The key a member shows to others.
pub fn of_peer(home: &Home) -> Shown {
    let keys = home.keystore().keys.tls.expect("made");
    Shown::pem(
        std::fs::read_to_string(NodeDir::new(home.path()).peer_certificate()).expect("made"),
        keys.peer.to_string(),
    )
}

/// Who is kept out at the handshake is kept out of every cell: each is tried all the same.
fn kept_out(node: &Node, who: &str, shown: &Shown, alert: AlertDescription) {
    let knocked = |verb: &str, path: &str, kind: &str| {
        let head =
            format!("{verb} {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\nContent-Length: 0\r\n{kind}\r\n");
        assert_eq!(knock(node.local, shown, b"http/1.1", head.as_bytes()), Err(alert), "{who}: {verb} {path}");
    };
    for (method, _) in METHODS {
        knocked("POST", method, "Content-Type: application/grpc\r\n");
    }
    for (verb, path, _) in ROUTES {
        knocked(verb, &filled(path), "Content-Type: application/json\r\n");
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[test]
fn whoever_is_nobody_here_is_kept_out_of_every_cell() {
    const DAY_S: u64 = 86_400;
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let a = consortium.start("bank-a");
    let (own, other) = (consortium.home("bank-a"), consortium.home("bank-b"));
    let now = clock::now();
    let earlier = Timestamp::from_unix_s(now.unix_s() - 10 * DAY_S);
    let in_force = issued(&own, Role::Operator, 1, now);
    let status = b"GET /v1/status HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";
    let heard = knock(a.local, &in_force, b"http/1.1", status).expect("the authority is the right one");
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");

    let uri = "hushwire://bank-a/operator/desk";
    let expired = issued(&own, Role::Operator, 1, earlier);
    let revoked = crate::access::shown(&a, "auditor");
    consortium.succeed("cert revoke auditor desk --dir bank-a");
    wait("the revocation is taken up", || knock(a.local, &revoked, b"http/1.1", status).err());
    kept_out(&a, "revoked", &revoked, AlertDescription::CertificateRevoked);
    kept_out(&a, "nobody", &Shown::nothing(), AlertDescription::CertificateRequired);
    kept_out(&a, "self-signed", &Shown::self_signed(uri), AlertDescription::UnknownCA);
    kept_out(&a, "expired", &expired, AlertDescription::CertificateExpired);
    let early = issued(&own, Role::Operator, 1, now.plus_s(DAY_S));
    // TLS has no alert of its own for it.
    kept_out(&a, "not yet valid", &early, AlertDescription::CertificateExpired);
    kept_out(&a, "another member's operator", &issued(&other, Role::Operator, 1, now), AlertDescription::UnknownCA);
    kept_out(&a, "another member's node", &of_peer(&other), AlertDescription::UnknownCA);
    kept_out(&a, "the node's own peer key", &of_peer(&own), AlertDescription::UnknownCA);

    let at_peer = |who: &str, shown: &Shown, alert| {
        assert_eq!(knock(own.peer(), shown, b"h2", PREFACE), Err(alert), "{who}");
    };
    at_peer("nobody", &Shown::nothing(), AlertDescription::CertificateRequired);
    at_peer("self-signed", &Shown::self_signed("hushwire://bank-b"), AlertDescription::AccessDenied);
    at_peer("expired", &expired, AlertDescription::CertificateExpired);
    for role in Role::ALL {
        at_peer(role.as_str(), &issued(&own, role, 1, now), AlertDescription::AccessDenied);
    }
    at_peer("another member's operator", &issued(&other, Role::Operator, 1, now), AlertDescription::AccessDenied);
    // Members speak HTTP/2 among themselves, so no route is asked there as a shop would ask it.
    assert_eq!(knock(own.peer(), &of_peer(&other), b"http/1.1", status), Err(AlertDescription::NoApplicationProtocol));
}
