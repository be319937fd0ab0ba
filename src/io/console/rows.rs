//! Every address of the console, who may ask it, and what answers: one table, tested cell by cell. What has no row is not there.

use std::future::Future;
use std::pin::Pin;

use crate::base::role::Role;
use crate::domain::user::roles::ConsoleRoles;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::pages::{
    account, cases, enrol, evidence, held_back, indicators, lists, log, look_up, members, overview, policy, prove,
    sign_in, statistics, users,
};
use crate::io::console::visit::Visit;

/// How an address is asked. HEAD is GET without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Looks, and changes nothing.
    Get,
    /// Changes something. Must come from a page of this console, and from the session it belongs to.
    Post,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Anybody,
    /// Whoever is signed in.
    Users,
    /// Whoever has one of these roles; the first of them that fits is the one they act in.
    Roles(&'static [Role]),
}

impl Who {
    pub fn admits(self, roles: &ConsoleRoles) -> bool {
        match self {
            Self::Anybody | Self::Users => true,
            Self::Roles(_) => self.role(roles).is_some(),
        }
    }

    /// The role that lets somebody in, where one is asked for.
    pub fn role(self, roles: &ConsoleRoles) -> Option<Role> {
        match self {
            Self::Anybody | Self::Users => None,
            Self::Roles(asked) => asked.iter().copied().find(|role| roles.has(*role)),
        }
    }
}

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = Result<Answer, Fault>> + Send>>;

/// One address.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub verb: Verb,
    /// With `{words}` that [`Visit::value`] reads.
    pub path: &'static str,
    pub who: Who,
    /// Whether password and code must have been given within the last minutes. A dangerous action is a pair of rows with one
    /// path: GET asks whether it is meant, POST does it.
    pub proved: bool,
    pub answer: fn(Visit) -> Answering,
}

const fn get(path: &'static str, who: Who, answer: fn(Visit) -> Answering) -> Row {
    Row { verb: Verb::Get, path, who, proved: false, answer }
}

const fn post(path: &'static str, who: Who, answer: fn(Visit) -> Answering) -> Row {
    Row { verb: Verb::Post, path, who, proved: false, answer }
}

impl Row {
    const fn proved(mut self) -> Self {
        self.proved = true;
        self
    }
}

const OPERATORS: Who = Who::Roles(&[Role::Operator]);
const AUDITORS: Who = Who::Roles(&[Role::Auditor]);
const INQUIRERS: Who = Who::Roles(&[Role::Analyst, Role::Auditor]);

/// Who works cases.
const ANALYSTS: Who = Who::Roles(&[Role::Analyst]);

/// Who may see by which rules is decided.
const RULES: Who = Who::Roles(&[Role::Analyst, Role::Auditor, Role::Operator]);

/// Who may change the own lists.
const LISTS: Who = Who::Roles(&[Role::Analyst, Role::Operator]);

/// Who takes back and answers.
const PUBLISHERS: Who = Who::Roles(&[Role::Publisher]);

/// Who sees how the own indicators stand.
const WATCHERS: Who = Who::Roles(&[Role::Publisher, Role::Analyst, Role::Auditor]);

/// Who sees what is held back, and who of them decides.
const BRAKE: Who = Who::Roles(&[Role::Analyst, Role::Operator, Role::Auditor]);
const BRAKE_PEOPLE: Who = Who::Roles(&[Role::Analyst, Role::Operator]);

/// Who sees members and keys.
const OVERSEERS: Who = Who::Roles(&[Role::Operator, Role::Auditor]);
const AUDITORS_OPERATORS: Who = Who::Roles(&[Role::Auditor, Role::Operator]);

/// Everything there is.
pub const ROWS: &[Row] = &[
    get("/", Who::Users, |visit| Box::pin(overview::show(visit))),
    get("/sign-in", Who::Anybody, |visit| Box::pin(sign_in::show(visit))),
    post("/sign-in", Who::Anybody, |visit| Box::pin(sign_in::sign_in(visit))),
    post("/sign-out", Who::Users, |visit| Box::pin(sign_in::sign_out(visit))),
    get("/prove", Who::Users, |visit| Box::pin(prove::show(visit))),
    post("/prove", Who::Users, |visit| Box::pin(prove::prove(visit))),
    get("/enrol", Who::Anybody, |visit| Box::pin(enrol::show(visit))),
    post("/enrol", Who::Anybody, |visit| Box::pin(enrol::begin(visit))),
    post("/enrol/finish", Who::Anybody, |visit| Box::pin(enrol::finish(visit))),
    get("/account", Who::Users, |visit| Box::pin(account::show(visit))),
    post("/account/zone", Who::Users, |visit| Box::pin(account::set_zone(visit))),
    get("/account/password", Who::Users, |visit| Box::pin(account::password::show(visit))),
    post("/account/password", Who::Users, |visit| Box::pin(account::password::change(visit))),
    get("/account/recovery", Who::Users, |visit| Box::pin(account::recovery::show(visit))),
    post("/account/recovery", Who::Users, |visit| Box::pin(account::recovery::renew(visit))),
    get("/account/authenticator", Who::Users, |visit| Box::pin(account::authenticator::show(visit))).proved(),
    post("/account/authenticator", Who::Users, |visit| Box::pin(account::authenticator::renew(visit))),
    post("/account/sessions/{session}/end", Who::Users, |visit| Box::pin(account::end_session(visit))).proved(),
    post("/account/sessions/end-others", Who::Users, |visit| Box::pin(account::end_others(visit))).proved(),
    get("/cases", ANALYSTS, |visit| Box::pin(cases::inbox(visit))),
    post("/cases/find", ANALYSTS, |visit| Box::pin(cases::find(visit))),
    get("/cases/{case}", ANALYSTS, |visit| Box::pin(cases::one::show(visit))),
    post("/cases/{case}/note", ANALYSTS, |visit| Box::pin(cases::step::note(visit))),
    post("/cases/{case}/assign", ANALYSTS, |visit| Box::pin(cases::step::assign(visit))),
    get("/cases/{case}/proof", ANALYSTS, |visit| Box::pin(cases::proof::show(visit))),
    get("/cases/{case}/proof.json", ANALYSTS, |visit| Box::pin(cases::proof::download(visit))),
    get("/cases/{case}/release", ANALYSTS, |visit| Box::pin(cases::step::ask_release(visit))).proved(),
    post("/cases/{case}/release", ANALYSTS, |visit| Box::pin(cases::step::release(visit))).proved(),
    get("/cases/{case}/confirm", ANALYSTS, |visit| Box::pin(cases::step::ask_confirm(visit))).proved(),
    post("/cases/{case}/confirm", ANALYSTS, |visit| Box::pin(cases::step::confirm(visit))).proved(),
    get("/cases/{case}/dispute/{indicator}", ANALYSTS, |visit| Box::pin(cases::dispute::ask(visit))).proved(),
    post("/cases/{case}/dispute/{indicator}", ANALYSTS, |visit| Box::pin(cases::dispute::dispute(visit))).proved(),
    get("/cases/{case}/{step}", ANALYSTS, |visit| Box::pin(cases::step::ask(visit))),
    post("/cases/{case}/{step}", ANALYSTS, |visit| Box::pin(cases::step::take(visit))),
    get("/policy", RULES, |visit| Box::pin(policy::show(visit))),
    get("/policy/{digest}", RULES, |visit| Box::pin(policy::set::show(visit))),
    get("/lists", LISTS, |visit| Box::pin(lists::show(visit))),
    get("/lists/add", LISTS, |visit| Box::pin(lists::ask_add(visit))).proved(),
    post("/lists/add", LISTS, |visit| Box::pin(lists::add(visit))).proved(),
    get("/lists/{list}/{fingerprint}/remove", LISTS, |visit| Box::pin(lists::ask_remove(visit))).proved(),
    post("/lists/{list}/{fingerprint}/remove", LISTS, |visit| Box::pin(lists::remove(visit))).proved(),
    get("/users", OPERATORS, |visit| Box::pin(users::list(visit))),
    get("/users/new", OPERATORS, |visit| Box::pin(users::create::ask(visit))).proved(),
    post("/users/new", OPERATORS, |visit| Box::pin(users::create::create(visit))).proved(),
    get("/users/{name}", OPERATORS, |visit| Box::pin(users::one::show(visit))),
    post("/users/{name}/roles", OPERATORS, |visit| Box::pin(users::change::roles(visit))).proved(),
    get("/users/{name}/{step}", OPERATORS, |visit| Box::pin(users::change::ask(visit))).proved(),
    post("/users/{name}/{step}", OPERATORS, |visit| Box::pin(users::change::change(visit))).proved(),
    get("/log", AUDITORS, |visit| Box::pin(log::show(visit))),
    post("/log", AUDITORS, |visit| Box::pin(log::narrow(visit))),
    get("/log/export", AUDITORS, |visit| Box::pin(log::take::export(visit))),
    get("/log/report", AUDITORS, |visit| Box::pin(log::take::report(visit))),
    get("/log/{entry}", AUDITORS, |visit| Box::pin(log::one::show(visit))),
    post("/log/{entry}", AUDITORS, |visit| Box::pin(log::one::verify(visit))),
    get("/log/{entry}/proof", AUDITORS, |visit| Box::pin(log::one::proof(visit))),
    get("/look-up", INQUIRERS, |visit| Box::pin(look_up::ask(visit))),
    post("/look-up", INQUIRERS, |visit| Box::pin(look_up::look_up(visit))),
    get("/indicators", WATCHERS, |visit| Box::pin(indicators::list(visit))),
    get("/indicators/{indicator}", WATCHERS, |visit| Box::pin(indicators::one::show(visit))),
    get("/indicators/{indicator}/retract", PUBLISHERS, |visit| Box::pin(indicators::retract::ask(visit))).proved(),
    post("/indicators/{indicator}/retract", PUBLISHERS, |visit| Box::pin(indicators::retract::retract(visit))).proved(),
    get("/indicators/{indicator}/answer/{member}", PUBLISHERS, |visit| Box::pin(indicators::answer::ask(visit)))
        .proved(),
    post("/indicators/{indicator}/answer/{member}", PUBLISHERS, |visit| Box::pin(indicators::answer::answer(visit)))
        .proved(),
    get("/held-back", BRAKE, |visit| Box::pin(held_back::list(visit))),
    get("/held-back/{quarantine}", BRAKE, |visit| Box::pin(held_back::one::show(visit))),
    get("/held-back/{quarantine}/{step}", BRAKE_PEOPLE, |visit| Box::pin(held_back::step::ask(visit))).proved(),
    post("/held-back/{quarantine}/{step}", BRAKE_PEOPLE, |visit| Box::pin(held_back::step::decide(visit))).proved(),
    get("/members", OVERSEERS, |visit| Box::pin(members::list(visit))),
    get("/members/{member}", OVERSEERS, |visit| Box::pin(members::one::show(visit))),
    get("/members/{member}/proofs/{group}", OVERSEERS, |visit| Box::pin(members::proof::download(visit))),
    get("/statistics", AUDITORS_OPERATORS, |visit| Box::pin(statistics::show(visit))),
    get("/statistics/releases", AUDITORS_OPERATORS, |visit| Box::pin(statistics::releases::list(visit))),
    get("/statistics/releases/{place}", AUDITORS_OPERATORS, |visit| Box::pin(statistics::release::show(visit))),
    get("/statistics/ask", AUDITORS_OPERATORS, |visit| Box::pin(statistics::ask::ask(visit))),
    post("/statistics/ask", AUDITORS_OPERATORS, |visit| Box::pin(statistics::ask::make(visit))).proved(),
    get("/evidence", AUDITORS_OPERATORS, |visit| Box::pin(evidence::show(visit))),
    post("/evidence/report", AUDITORS, |visit| Box::pin(evidence::report::download(visit))),
    get("/evidence/holds", AUDITORS_OPERATORS, |visit| Box::pin(evidence::holds::list(visit))),
    get("/evidence/holds/new", AUDITORS_OPERATORS, |visit| Box::pin(evidence::holds::place::ask(visit))),
    post("/evidence/holds/new", AUDITORS_OPERATORS, |visit| Box::pin(evidence::holds::place::place(visit))),
    get("/evidence/holds/{hold}/{step}", AUDITORS_OPERATORS, |visit| Box::pin(evidence::holds::lift::ask(visit)))
        .proved(),
    post("/evidence/holds/{hold}/{step}", AUDITORS_OPERATORS, |visit| Box::pin(evidence::holds::lift::lift(visit)))
        .proved(),
];

/// A page of the navigation; who sees it follows from its row.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub title: &'static str,
    pub path: &'static str,
    /// A drawing of `icons.html`.
    pub icon: &'static str,
}

const fn entry(title: &'static str, path: &'static str, icon: &'static str) -> Entry {
    Entry { title, path, icon }
}

/// The navigation, by purpose.
pub const NAVIGATION: &[(&str, &[Entry])] = &[
    (
        "Watch",
        &[
            entry("Overview", "/", "overview"),
            entry("Exchange log", "/log", "log"),
            entry("Look up", "/look-up", "lookup"),
        ],
    ),
    (
        "Decide",
        &[
            entry("Cases", "/cases", "cases"),
            entry("Indicators", "/indicators", "indicators"),
            entry("Held back", "/held-back", "held"),
            entry("Policy", "/policy", "policy"),
            entry("Own lists", "/lists", "lists"),
        ],
    ),
    (
        "Answer for it",
        &[entry("Evidence", "/evidence", "evidence"), entry("Statistics and budget", "/statistics", "statistics")],
    ),
    ("Keep", &[entry("Members and keys", "/members", "members"), entry("Users and sessions", "/users", "users")]),
];

/// The row of an address as the table writes it.
pub fn row(verb: Verb, path: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.verb == verb && row.path == path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_address_stands_once_and_every_page_of_the_navigation_has_one() {
        let distinct: BTreeSet<_> = ROWS.iter().map(|row| (row.verb == Verb::Post, row.path)).collect();
        assert_eq!(distinct.len(), ROWS.len());
        for entry in NAVIGATION.iter().flat_map(|(_, entries)| entries.iter()) {
            assert!(row(Verb::Get, entry.path).is_some(), "{} leads nowhere", entry.path);
        }
    }

    #[test]
    fn whoever_is_not_signed_in_finds_the_ways_in_and_nothing_else() {
        let open: Vec<&str> = ROWS.iter().filter(|row| row.who == Who::Anybody).map(|row| row.path).collect();
        assert_eq!(open, ["/sign-in", "/sign-in", "/enrol", "/enrol", "/enrol/finish"]);
        assert!(
            ROWS.iter().all(|row| row.who != Who::Anybody || !row.proved),
            "who is nobody has nothing to prove again"
        );
    }

    #[test]
    fn somebody_acts_in_the_first_role_of_the_row_that_is_theirs() {
        let both = ConsoleRoles::new([Role::Auditor, Role::Operator]).expect("roles of people");
        let who = Who::Roles(&[Role::Analyst, Role::Operator, Role::Auditor]);
        assert_eq!(who.role(&both), Some(Role::Operator));
        assert!(!Who::Roles(&[Role::Analyst]).admits(&both));
    }
}
