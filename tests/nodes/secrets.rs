//! Nothing of what proves somebody is left behind: a person sets themselves up, signs in, mistypes, types into the wrong field and
//! changes what proves them; then everything the node wrote, logged, told monitoring and exported is searched for it.

use std::net::SocketAddr;

use hushwire::io::clock;
use serde_json::Value;
use totp_rs::{Algorithm, Builder, Secret};

use crate::caller::RUNTIME;
use crate::console::{LISTEN, say};
use crate::consortium::Consortium;
use crate::leak::search_journal;
use crate::monitoring::{listening, scrape};
use crate::search::Searcher;

const PASSWORD: &str = "Zqx-Nebelkraehe ledger tin whistle 41";
const CHANGED: &str = "Zqx-Kormoran harbour brass kettle 87";
/// Wrong, and typed all the same.
const MISTYPED: &str = "Zqx-Nebelkrahe legder tin wihstle 14";

/// As much of a browser as this needs.
struct Browser {
    console: SocketAddr,
    authority: Vec<u8>,
    cookie: String,
    /// Every cookie and every form's token there was.
    seen: Vec<String>,
}

impl Browser {
    fn heard(&mut self, request: &str) -> String {
        let answer = RUNTIME.block_on(say(self.console, &self.authority, request)).expect("an answer");
        for (before, after) in [("__Host-session=", ";"), ("name=\"token\" value=\"", "\"")] {
            self.seen.extend(between(&answer, before, after).filter(|found| found.len() > 20));
        }
        if let Some(cookie) = between(&answer, "__Host-session=", ";").next() {
            self.cookie = cookie;
        }
        answer
    }

    fn head(&self, method: &str, path: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: node\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\
             Cookie: __Host-session={}\r\n",
            self.cookie
        )
    }

    fn get(&mut self, path: &str) -> String {
        let head = self.head("GET", path);
        self.heard(&format!("{head}\r\n"))
    }

    /// With the token of the session's last page.
    fn post(&mut self, path: &str, fields: &[(&str, &str)], status: u16) -> String {
        let token = self.seen.last().cloned().unwrap_or_default();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.extend_pairs(fields).append_pair("token", &token).finish();
        let head = self.head("POST", path);
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let answer = self.heard(&format!("{head}{kind}\r\nContent-Length: {}\r\n\r\n{form}", form.len()));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
        answer
    }
}

fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = String> + 'a {
    text.split(before).skip(1).filter_map(move |rest| Some(rest.split(after).next()?.to_owned()))
}

fn one(text: &str, before: &str, after: &str) -> String {
    between(text, before, after).next().unwrap_or_else(|| panic!("no {before:?} in {text}"))
}

/// The codes of a page that shows them once.
fn codes(page: &str) -> Vec<String> {
    let codes: Vec<String> = between(page, "<li><code>", "<").collect();
    assert_eq!(codes.len(), 10);
    codes
}

fn secret(page: &str) -> String {
    one(page, "class=\"secret\"><code>", "<").replace(' ', "")
}

fn totp(secret: &str) -> String {
    let secret = Secret::try_from_base32(secret).expect("base 32");
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30);
    builder.with_secret(secret).build_noncompliant().generate(clock::now().unix_s()).to_string()
}

#[test]
fn nothing_of_what_proves_somebody_is_found_in_anything_the_node_leaves_behind() {
    let consortium = Consortium::found(&["bank-a"]);
    let metrics = ("HUSHWIRE__METRICS__LISTEN", "127.0.0.1:0");
    let node =
        consortium.home("bank-a").start_with(&[LISTEN, metrics]).unwrap_or_else(|said| panic!("{}", said.stderr));
    let reach =
        ["--endpoint", &node.local.to_string(), "--identity", &node.home.identity("operator").display().to_string()];
    let made = consortium.run(&[&["user", "add", "anna", "--role", "operator", "--json"], &reach[..]].concat());
    let made: Value = serde_json::from_str(&made.stdout).expect("JSON");
    let code = made["enrolment_code"].as_str().expect("a code").to_owned();
    let authority = std::fs::read(node.home.path().join("tls/local-ca.pem")).expect("made");
    let console = node.console.expect("it is configured");
    let mut anna = Browser { console, authority, cookie: String::new(), seen: Vec::new() };

    let first = secret(&anna.post("/enrol", &[("code", &code)], 200));
    let offered = anna.post("/enrol", &[("code", &code)], 200);
    let (taken, offer) = (secret(&offered), one(&offered, "name=\"offer\" value=\"", "\""));
    let shown = totp(&taken);
    let enrol = |repeated| {
        [
            ("code", code.as_str()),
            ("offer", offer.as_str()),
            ("totp", shown.as_str()),
            ("password", PASSWORD),
            ("repeated", repeated),
        ]
    };
    anna.post("/enrol/finish", &enrol(MISTYPED), 422);
    let kept = codes(&anna.post("/enrol/finish", &enrol(PASSWORD), 200));
    // Mistyped, and the password in the place of the name, of the code, of where to go on.
    let sign_in = |name, password, code| [("name", name), ("password", password), ("code", code)];
    anna.post("/sign-in", &sign_in("anna", MISTYPED, &kept[0]), 403);
    anna.post("/sign-in", &sign_in(PASSWORD, "anna", &kept[0]), 403);
    anna.post("/sign-in", &sign_in("anna", &kept[1], PASSWORD), 403);
    anna.post("/enrol", &[("code", &kept[1])], 403);
    anna.post("/sign-in", &sign_in("anna", PASSWORD, &kept[0]), 303);
    anna.get("/");
    anna.post("/users/new", &[("name", PASSWORD)], 422);
    anna.get(&format!("/users/{}", kept[2]));
    anna.get(&format!("/sign-in?back=/{}", kept[2]));
    anna.post("/prove", &[("password", MISTYPED), ("code", &kept[2])], 403);
    anna.post("/prove", &[("password", PASSWORD), ("code", &kept[2])], 303);
    anna.get("/account");
    let renewed = secret(&anna.get("/account/authenticator"));
    let change = [("password", PASSWORD), ("code", kept[3].as_str()), ("new", CHANGED), ("repeated", CHANGED)];
    anna.post("/account/password", &change, 303);
    anna.get("/account");
    let other = codes(&anna.post("/account/recovery", &[("password", CHANGED), ("code", &kept[4])], 200));
    anna.get("/account");
    anna.post("/sign-out", &[], 303);

    let mut texts = vec![PASSWORD.to_owned(), CHANGED.to_owned(), MISTYPED.to_owned(), first, taken, renewed];
    let raw: Vec<Vec<u8>> = texts[3..]
        .iter()
        .map(|secret| Secret::try_from_base32(secret.as_str()).expect("base 32").as_ref().to_vec())
        .collect();
    let codes: Vec<String> = kept.into_iter().chain(other).chain([code]).collect();
    texts.extend(codes.iter().map(|code| code.replace('-', "")));
    texts.extend(codes);
    assert!(anna.seen.len() > 6, "cookies and tokens were seen");
    texts.extend(anna.seen);
    let searcher = Searcher::new(&texts.iter().map(String::as_str).collect::<Vec<_>>(), &raw);

    let mut hits = Vec::new();
    searcher.search("metrics", scrape(listening(&node.home)).as_bytes(), &mut hits);
    let listed = consortium.audit_list(&node, &[]);
    assert!(listed.stdout.contains("console.signed_in") && listed.stdout.contains("console.viewed"));
    searcher.search("the audit log", listed.stdout.as_bytes(), &mut hits);
    searcher.search("what was said of it", listed.stderr.as_bytes(), &mut hits);
    let home = node.stop_with_snapshot();
    let log = std::fs::read(home.log()).expect("a log");
    assert!(!log.is_empty());
    searcher.search("the log", &log, &mut hits);
    assert!(searcher.search_folder(&home.path(), &mut hits) > 5);
    search_journal(&searcher, &home, &mut hits);
    assert_eq!(hits, [""; 0]);
}
