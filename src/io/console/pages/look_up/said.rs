//! One statement about what was looked up: who says what, how sure, how old, and whether it counts at a checkout.

use std::collections::BTreeMap;

use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::indicator::details::Details;
use crate::domain::indicator::typology::Typology;
use crate::domain::indicator::words::{Grounds, Severity};
use crate::domain::screening::decision::in_words;
use crate::domain::screening::inquiry::{Counting, Said};
use crate::io::console::pages::log::filters::Filters;
use crate::io::console::pages::look_up::way;
use crate::io::console::visit::Visit;
use crate::io::console::zone::{Time, ago};
use crate::io::grpc::convert::indicator_name;
use crate::node::look_up::OwnStatement;

/// A statement for the page.
#[derive(Debug)]
pub struct Statement {
    pub name: String,
    pub reporter: String,
    pub kind: &'static str,
    pub counts: bool,
    pub standing: Standing,
    /// None where it does not open.
    pub content: Option<Content>,
    pub first_seen: Time,
    pub last_seen: Time,
    pub marks: Vec<Mark>,
    /// Of an own one.
    pub own: Option<Own>,
    /// What the log tells of it, for who may read that.
    pub records: Option<String>,
    /// The page of an own one, for who may read that.
    pub page: Option<String>,
}

/// Whether it counts, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub tone: &'static str,
    pub text: &'static str,
    pub why: &'static str,
}

/// What it says.
#[derive(Debug)]
pub struct Content {
    pub typology: String,
    pub typology_name: String,
    pub severity: Mark,
    pub grounds: &'static str,
    pub given: u32,
    pub now: u32,
    pub observed: Time,
    pub age: String,
    pub valid_until: Time,
    pub note: String,
}

/// A word that draws attention, explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub tone: &'static str,
    pub text: &'static str,
    pub why: &'static str,
}

/// What became of an own statement at the others.
#[derive(Debug)]
pub struct Own {
    pub received_by: String,
    pub awaited: String,
    pub confirmed: usize,
    pub false_positive: usize,
}

impl Statement {
    pub fn new(visit: &Visit, said: &Said, own: Option<&OwnStatement>, names: &BTreeMap<Typology, String>) -> Self {
        let now = said.effective_confidence.unwrap_or_default();
        let content = said.details.as_ref().map(|details| content(visit, details, now, names));
        let search = Filters::about(&said.commitment.to_string());
        Self {
            name: indicator_name(&said.reporter, &said.commitment),
            reporter: said.reporter.to_string(),
            kind: in_words(said.kind),
            counts: said.counting == Counting::Counts,
            standing: standing(said.counting),
            content,
            first_seen: visit.time(said.first_seen),
            last_seen: visit.time(said.last_seen),
            marks: marks(said),
            own: own.map(|own| Own {
                received_by: listed(&own.received_by),
                awaited: listed(&own.awaited),
                confirmed: own.sightings.confirmed,
                false_positive: own.sightings.false_positive,
            }),
            page: own.and_then(|own| {
                way(visit, "/indicators/{indicator}").map(|_| format!("/indicators/{}", own.commitment))
            }),
            records: way(visit, "/log").zip(search).map(|(log, search)| search.address(log, &[])),
        }
    }
}

fn content(visit: &Visit, details: &Details, now: u32, names: &BTreeMap<Typology, String>) -> Content {
    let severity = match details.severity {
        Severity::Low => Mark { tone: "muted", text: "low", why: "a nuisance, or an attempt without loss" },
        Severity::Medium => Mark { tone: "waiting", text: "medium", why: "a loss is likely" },
        Severity::High => Mark { tone: "bad", text: "high", why: "a loss is confirmed, or the crime organised" },
    };
    Content {
        typology: details.typology.to_string(),
        typology_name: names.get(&details.typology).cloned().unwrap_or_default(),
        severity,
        grounds: match details.grounds {
            Grounds::CustomerReport => "reported by customers, not yet confirmed",
            Grounds::OwnConfirmed => "confirmed by the member's own investigation",
            Grounds::Authority => "told by an authority",
        },
        given: details.confidence.percent(),
        now,
        observed: visit.time(details.observed_at),
        age: ago(details.observed_at, visit.now.wall),
        valid_until: visit.time(Timestamp::from_unix_s(details.validity.until_s())),
        note: details.note.as_str().to_owned(),
    }
}

/// Whether a statement counts at a checkout now, in words.
pub const fn standing(counting: Counting) -> Standing {
    let (tone, text, why) = match counting {
        Counting::Counts => ("bad", "counts", "It speaks at every checkout."),
        Counting::Retracted => ("muted", "withdrawn", "Its author took it back."),
        Counting::Quarantined => {
            ("warning", "quarantined", "Its author signed two different histories, so nothing of theirs counts.")
        }
        Counting::Sealed => {
            ("muted", "not about this", "It was sealed to another identifier: whoever made it did not know this one.")
        }
        Counting::Distrusted => (
            "muted",
            "too late",
            "It came after its author was shut out, or after the secret of its time was known to others.",
        ),
        Counting::Unreadable => ("muted", "unreadable", "It opens, and says nothing that this version understands."),
        Counting::NotYetValid => ("waiting", "not yet valid", "Its time has not come."),
        Counting::Expired => ("muted", "expired", "Its time is over."),
        Counting::BelowDemands => {
            ("muted", "below the rules", "The consortium asks for better grounds or a shorter validity.")
        }
        Counting::DisputeUnanswered => (
            "muted",
            "dispute unanswered",
            "A member holds it for wrong, and its author let the time for an answer pass.",
        ),
        Counting::DisputedHere => ("muted", "disputed by us", "We hold it for wrong."),
        Counting::HeldBack => (
            "waiting",
            "held back",
            "It would concern far more of our orders than its kind usually does, or speaks of a canary of ours: it waits until people decide.",
        ),
        Counting::Faded => {
            ("muted", "faded", "Age, and how often its author was right, left too little of it: it only informs.")
        }
    };
    Standing { tone, text, why }
}

fn marks(said: &Said) -> Vec<Mark> {
    let mark = |is: bool, tone, text, why| is.then_some(Mark { tone, text, why });
    [
        mark(said.weak, "muted", "weak", "Many innocents share this kind: by itself it never blocks."),
        mark(
            said.provisional,
            "waiting",
            "provisional",
            "Too few members have cosigned it so far: it may challenge, not block.",
        ),
        mark(
            said.stale,
            "warning",
            "stale",
            "Its author's feed was not heard of for too long: something newer may be missing.",
        ),
        mark(
            said.disputed,
            "waiting",
            "disputed",
            "A member holds it for wrong, and its author has not answered yet: it counts less.",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn listed(members: &[MemberId]) -> String {
    members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn only_what_counts_says_so_and_every_reason_has_words_of_its_own() {
        let told: BTreeSet<(&str, &str)> =
            Counting::ALL.iter().map(|counting| standing(*counting)).map(|one| (one.text, one.why)).collect();
        assert_eq!(told.len(), Counting::ALL.len());
        let counting: Vec<&Counting> = Counting::ALL.iter().filter(|one| standing(**one).text == "counts").collect();
        assert_eq!(counting, [&Counting::Counts]);
    }
}
