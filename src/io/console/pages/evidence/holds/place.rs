//! Placing a hold on a decision, an indicator or a period.

use askama::Template;
use http::StatusCode;

use crate::domain::audit::hold::{HoldReason, Scope};
use crate::domain::audit::period::AuditPeriod;
use crate::io::console::answer::Answer;
use crate::io::console::date::Date;
use crate::io::console::fault::Fault;
use crate::io::console::fields::Fields;
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::enrol::sentence;
use crate::io::console::pages::evidence::holds::{above, reason_words};
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::engine::EngineFault;
use crate::io::grpc::convert::actor;
use crate::node::hold::HoldFault;

#[derive(Debug, Template)]
#[template(path = "evidence/holds/new.html")]
struct New {
    frame: Frame,
    /// A name that a link brought along, where it is one.
    name: String,
    reasons: Vec<Reason>,
    wrong: Option<String>,
}

#[derive(Debug)]
struct Reason {
    label: &'static str,
    words: &'static str,
}

/// Nothing that can be held. What was typed is not repeated: it may be an identifier that nobody should write here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum NoScope {
    #[error(
        "that is no id of a decision or case (32 letters and digits) and no name of an indicator (members/…/indicators/…)"
    )]
    Name,
    #[error("a period has a first and a last day, and the last does not lie before the first")]
    Period,
    #[error("say why it is held")]
    Reason,
}

/// A decision or case by its id, an indicator by its name.
fn named(name: &str) -> Result<Scope, NoScope> {
    let decision = name.parse().map(Scope::Decision).map_err(|_| NoScope::Name);
    decision.or_else(|_| name.parse().map(Scope::Indicator).map_err(|_| NoScope::Name))
}

/// What a form asks to hold, and why: what has a name, or the days of a period.
fn read(form: &Fields) -> Result<(Scope, HoldReason), NoScope> {
    let reason = form.one("reason").ok();
    let reason = reason.and_then(|label| HoldReason::ALL.into_iter().find(|reason| reason.label() == label));
    let scope = match form.maybe("name").map_err(|_| NoScope::Name)? {
        Some(name) => named(name.trim())?,
        None => {
            let day = |field| form.read::<Date>(field).map_err(|_| NoScope::Period);
            let (from, last) = (day("from")?, day("last")?);
            let period = AuditPeriod::new(from.0.start(), last.0.next().start());
            Scope::Period(period.map_err(|_| NoScope::Period)?)
        }
    };
    Ok((scope, reason.ok_or(NoScope::Reason)?))
}

fn page(visit: &Visit, status: StatusCode, name: String, wrong: Option<String>) -> Result<Answer, Fault> {
    let reason = |reason: HoldReason| Reason { label: reason.label(), words: reason_words(reason) };
    let reasons = HoldReason::ALL.into_iter().map(reason).collect();
    Answer::page_as(status, &New { frame: visit.frame("Place a hold", &above()), name, reasons, wrong })
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    let name = visit.query.filter::<String>("name")?.filter(|name| named(name).is_ok());
    page(&visit, StatusCode::OK, name.unwrap_or_default(), None)
}

pub async fn place(visit: Visit) -> Result<Answer, Fault> {
    let (scope, reason) = match read(&visit.form) {
        Ok(read) => read,
        Err(error) => {
            return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, String::new(), Some(sentence(&error.to_string())));
        }
    };
    let caller = actor(&visit.caller());
    let placed = visit
        .act(move |node, round| {
            let known = match &scope {
                Scope::Decision(id) | Scope::Case(id) => node.find_decision(&id.to_string())?.is_some(),
                Scope::Indicator(_) | Scope::Period(_) => true,
            };
            node.place_hold(&caller, scope, reason, round.now, round.rng).map(|_| known)
        })
        .await?;
    match placed {
        Ok(true) => visit.tell(Tone::Done, "Held: nothing of it is erased by expiry from now on."),
        // It may be older than what is kept, or mistyped: whoever placed it has to know.
        Ok(false) => visit.tell(
            Tone::Warning,
            "The hold stands, but the audit log holds no decision of this id. Compare it with the answer or the case it came from.",
        ),
        Err(HoldFault::Storage(fault)) => return Err(EngineFault::Storage(fault).into()),
        Err(
            refused @ (HoldFault::TooMany { .. }
            | HoldFault::Sweeping
            | HoldFault::Unknown
            | HoldFault::NotAsked { .. }
            | HoldFault::SamePerson { .. }),
        ) => {
            return page(&visit, StatusCode::CONFLICT, String::new(), Some(sentence(&refused.to_string())));
        }
    }
    Ok(Answer::see(LocalPath::new("/evidence/holds")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_holds_what_has_a_name_or_the_days_of_a_period() {
        let check = |form: &str, expected: Result<&str, NoScope>| {
            let read = read(&Fields::parse(form.as_bytes()).expect("fields"));
            let read = read.map(|(scope, reason)| format!("{} {scope} {}", scope.word(), reason.label()));
            assert_eq!(read, expected.map(str::to_owned), "{form}");
        };
        let id = "ab".repeat(16);
        let indicator = format!("members/bank-b/indicators/{}", "cd".repeat(32));
        check(&format!("name=+{id}+&reason=complaint"), Ok(&format!("decision {id} complaint")));
        check(&format!("name={indicator}&reason=litigation"), Ok(&format!("indicator {indicator} litigation")));
        check(
            "from=2026-10-01&last=2026-10-31&reason=authority",
            Ok("period 2026-10-01T00:00:00.000Z/2026-11-01T00:00:00.000Z authority"),
        );
        check("name=anna%40example.org&reason=complaint", Err(NoScope::Name));
        check("name=&reason=complaint", Err(NoScope::Name));
        check(&format!("name={id}&name={id}&reason=complaint"), Err(NoScope::Name));
        check("reason=complaint", Err(NoScope::Period));
        check("from=2026-10-02&last=2026-10-01&reason=complaint", Err(NoScope::Period));
        check(&format!("name={id}"), Err(NoScope::Reason));
        check(&format!("name={id}&reason=spite"), Err(NoScope::Reason));
    }
}
