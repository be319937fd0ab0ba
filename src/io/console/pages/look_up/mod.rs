//! Looking an identifier up: typed once, forgotten at once. What this member and the others hold of it, why, who received ours,
//! which decisions it touched, and what one may do next.
//!
//! The value comes in a form, goes into the closed type and on to its pseudonyms; no address, answer, message or record holds it.

mod next;
mod said;

use std::collections::BTreeMap;

use askama::Template;
use http::StatusCode;

use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::domain::identifier::RawIdentifier;
use crate::domain::indicator::typology::Typology;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::decision::in_words;
use crate::domain::screening::inquiry::{Counting, LookedUpForm};
use crate::domain::screening::own_lists::OwnList;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::kinds;
use crate::io::console::pages::enrol::sentence;
use crate::io::console::pages::log::{stored, words};
use crate::io::console::pages::look_up::next::{Known, NextStep, next_steps};
use crate::io::console::pages::look_up::said::Statement;
use crate::io::console::rows::{Verb, row};
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, Choice};
use crate::io::console::zone::Time;
use crate::io::grpc::convert::actor;
use crate::node::look_up::{LookUpFault, LookedUp, TouchedDecision};

#[derive(Debug, Template)]
#[template(path = "look_up/look_up.html")]
struct LookUp {
    frame: Frame,
    kinds: Vec<Kind>,
    most: usize,
    wrong: Option<String>,
    found: Option<Found>,
}

/// A kind to choose, with how it is written.
#[derive(Debug)]
struct Kind {
    choice: Choice,
    form: &'static str,
}

/// Everything that was found.
#[derive(Debug)]
struct Found {
    kind: &'static str,
    headline: Headline,
    forms: Vec<Form>,
    statements: Vec<Statement>,
    waiting: usize,
    decisions: Vec<Touched>,
    more_decisions: bool,
    next: Vec<NextStep>,
}

/// The answer in a sentence.
#[derive(Debug, PartialEq, Eq)]
struct Headline {
    tone: &'static str,
    text: String,
}

/// One form of what was typed.
#[derive(Debug)]
struct Form {
    kind: &'static str,
    told: Vec<String>,
}

/// A decision for which it was looked up.
#[derive(Debug)]
struct Touched {
    id: String,
    short: String,
    /// Its record in the log, for who may read that.
    record: Option<String>,
    at: Time,
    decision: Option<Badge>,
    matched: bool,
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    page(&visit, StatusCode::OK, IdentifierKind::Email, None, None)
}

pub async fn look_up(visit: Visit) -> Result<Answer, Fault> {
    let kind: IdentifierKind = visit.form.read("kind")?;
    // From here on closed, and gone with the call.
    let identifier = RawIdentifier::new(kind, visit.form.one("value")?.to_owned());
    let caller = actor(&visit.caller());
    let looked_up = visit
        .act(move |node, round| {
            let found = node.look_up(&caller, &identifier, round.now, round.rng)?;
            let list = &node.state().settings.typologies;
            let details = found.inquiry.said.iter().filter_map(|said| said.details.as_ref());
            let names = details
                .filter_map(|details| Some((details.typology.clone(), list.name(&details.typology)?.to_owned())));
            let names: BTreeMap<Typology, String> = names.collect();
            Ok::<_, LookUpFault>((found, names))
        })
        .await?;
    match looked_up {
        Ok((found, names)) => page(&visit, StatusCode::OK, kind, None, Some(Found::new(&visit, kind, &found, &names))),
        // By its rule alone: what was typed is not repeated.
        Err(LookUpFault::Identifier(error)) => {
            let wrong = format!("this is no {}: {}", in_words(kind), error.rule);
            page(&visit, StatusCode::UNPROCESSABLE_ENTITY, kind, Some(sentence(&wrong)), None)
        }
        Err(LookUpFault::Storage(fault)) => Err(stored(fault)),
    }
}

fn page(
    visit: &Visit,
    status: StatusCode,
    chosen: IdentifierKind,
    wrong: Option<String>,
    found: Option<Found>,
) -> Result<Answer, Fault> {
    let kind = |kind: IdentifierKind| Kind {
        choice: Choice { value: kind.label().to_owned(), text: in_words(kind).to_owned(), chosen: kind == chosen },
        form: kinds::form(kind),
    };
    let kinds = IdentifierKind::ALL.into_iter().map(kind).collect();
    let frame = visit.frame("Look up", &[]);
    Answer::page_as(status, &LookUp { frame, kinds, most: limits::IDENTIFIER_BYTES, wrong, found })
}

/// A page of the console, for who may open it.
fn way(visit: &Visit, path: &str) -> Option<&'static str> {
    let row = row(Verb::Get, path).filter(|row| row.who.admits(&visit.visitor().roles))?;
    Some(row.path)
}

impl Found {
    fn new(visit: &Visit, kind: IdentifierKind, found: &LookedUp, names: &BTreeMap<Typology, String>) -> Self {
        let said = &found.inquiry.said;
        let statements: Vec<Statement> = said
            .iter()
            .map(|one| {
                let own = found.own.iter().find(|own| one.own && own.commitment == one.commitment);
                Statement::new(visit, one, own, names)
            })
            .collect();
        let named = |own: bool| {
            let wanted = statements.iter().filter(move |one| one.counts && one.own.is_some() == own);
            wanted.map(|one| one.name.clone())
        };
        let known = Known {
            kind,
            foreign: named(false).next(),
            own: named(true).collect(),
            held_back: said.iter().any(|one| one.counting == Counting::HeldBack),
            decision: found.decisions.first().map(|decision| decision.decision_id.clone()),
            anything: !said.is_empty() || !found.waiting.is_empty(),
        };
        let log = way(visit, "/log/{entry}").is_some();
        Self {
            kind: in_words(kind),
            headline: headline(found),
            forms: found.inquiry.forms.iter().map(Form::new).collect(),
            waiting: found.waiting.len(),
            decisions: found.decisions.iter().map(|decision| Touched::new(visit, decision, log)).collect(),
            more_decisions: found.more_decisions,
            next: next_steps(&known, |path| way(visit, path)),
            statements,
        }
    }
}

/// What comes first decides at a checkout, too: guard lists, own lists, then what members say.
fn headline(found: &LookedUp) -> Headline {
    let told = |tone, text: String| Headline { tone, text };
    let forms = &found.inquiry.forms;
    if let Some(list) = forms.first().and_then(|form| form.rejected_by.as_ref()) {
        return told(
            "muted",
            format!(
                "This stands for nobody in particular: it is on the guard list “{list}”, so it is never shared and never matched."
            ),
        );
    }
    match forms.iter().filter_map(|form| form.listing.as_ref()).min().map(|listing| listing.list) {
        Some(OwnList::Allow) => {
            return told("good", "It is on our own allow list: orders with it pass, whatever others say.".to_owned());
        }
        Some(OwnList::Block) => {
            return told(
                "bad",
                "It is on our own block list: orders with it are refused, whatever others say.".to_owned(),
            );
        }
        None => {}
    }
    let said = &found.inquiry.said;
    let counting = || said.iter().filter(|one| one.counting == Counting::Counts);
    let mut members: Vec<&str> = counting().map(|one| one.reporter.as_str()).collect();
    members.sort_unstable();
    members.dedup();
    let (count, all) = (counting().count(), said.len());
    match members.as_slice() {
        [] if all == 0 => told(
            "muted",
            "Nobody says anything of it. That is no proof of innocence: members tell what they know.".to_owned(),
        ),
        [] => told("muted", format!("Nothing that is said of it counts at the moment, of {all} {}.", statements(all))),
        [_] if counting().all(|one| one.own) => {
            told("warning", format!("We alone warn of it: {count} of {all} {} {} now.", statements(all), counts(count)))
        }
        [one] => told(
            "warning",
            format!("One member warns of it, {one}: {count} of {all} {} {} now.", statements(all), counts(count)),
        ),
        many => told(
            "bad",
            format!("{} members warn of it: {count} of {all} {} {} now.", many.len(), statements(all), counts(count)),
        ),
    }
}

const fn statements(count: usize) -> &'static str {
    if count == 1 { "statement" } else { "statements" }
}

const fn counts(count: usize) -> &'static str {
    if count == 1 { "counts" } else { "count" }
}

impl Form {
    fn new(form: &LookedUpForm) -> Self {
        let rejected =
            form.rejected_by.as_ref().map(|list| format!("on the guard list “{list}”: never shared, never matched"));
        let weak = form.weak.then(|| "shared by many innocents: by itself it never blocks".to_owned());
        let listed = form.listing.as_ref().map(|listing| format!("on our own {} list", listing.list));
        Self { kind: in_words(form.kind), told: rejected.into_iter().chain(weak).chain(listed).collect() }
    }
}

impl Touched {
    fn new(visit: &Visit, touched: &TouchedDecision, log: bool) -> Self {
        Self {
            id: touched.decision_id.clone(),
            short: words::beginning(&touched.decision_id),
            record: log.then(|| format!("/log/{}", touched.index)),
            at: visit.time(touched.at),
            decision: Decision::from_label(&touched.decision).map(words::decision),
            matched: touched.matched,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::screening::inquiry::Inquiry;

    fn found(forms: Vec<LookedUpForm>) -> LookedUp {
        let inquiry = Inquiry { forms, said: Vec::new() };
        LookedUp { inquiry, own: Vec::new(), waiting: Vec::new(), decisions: Vec::new(), more_decisions: false }
    }

    fn form(rejected_by: Option<&str>) -> LookedUpForm {
        LookedUpForm {
            kind: IdentifierKind::Ip,
            weak: false,
            rejected_by: rejected_by.map(str::to_owned),
            listing: None,
            pseudonyms: Vec::new(),
        }
    }

    #[test]
    fn what_decides_first_is_told_first() {
        let check = |forms: Vec<LookedUpForm>, part: &str| {
            let told = headline(&found(forms));
            assert!(told.text.contains(part), "{told:?}");
        };
        check(vec![form(None)], "Nobody says anything of it.");
        check(vec![form(Some("private"))], "guard list “private”");
    }

    #[test]
    fn a_form_tells_what_is_special_of_it() {
        assert_eq!(Form::new(&form(None)).told, Vec::<String>::new());
        let weak = LookedUpForm { weak: true, ..form(Some("resolvers")) };
        assert_eq!(Form::new(&weak).told.len(), 2);
    }
}
