//! Who viewed which page, for the audit log: the page by its row, and what it is about by a checked name. Filters of an address are
//! not told: people type into them.
//!
//! A page that asks for a role is shown only once that it was viewed is recorded. One that is everybody's own (the overview, their
//! account) is shown also where the store takes nothing any more: it is where people see that.

use std::time::Duration;

use crate::base::bytes::{Commitment, Sha256Digest};
use crate::base::limits::console as limits;
use crate::base::position::EntryIndex;
use crate::domain::audit::looked::{At, Looked, Object};
use crate::domain::audit::record::Actor;
use crate::io::console::ConsoleEngine;
use crate::io::console::fault::Fault;
use crate::io::console::rows::{Row, Verb, Who};
use crate::io::console::visit::Visit;
use crate::io::engine::EngineFault;
use crate::io::grpc::convert;
use crate::node::users::console_actor;

/// Reads a word of an address as the name of what a page is about.
type Read = fn(&str) -> Option<Object>;

/// Words of addresses that name one thing. A page whose address has another word tells no object.
const OBJECTS: [(&str, Read); 9] = [
    ("name", |value| value.parse().ok().map(Object::User)),
    ("member", |value| value.parse().ok().map(Object::Member)),
    ("case", |value| value.parse().ok().map(Object::Case)),
    ("indicator", |value| Commitment::try_from(hex::decode(value).ok()?.as_slice()).ok().map(Object::Indicator)),
    ("digest", |value| Sha256Digest::try_from(hex::decode(value).ok()?.as_slice()).ok().map(Object::Digest)),
    ("fingerprint", |value| Sha256Digest::try_from(hex::decode(value).ok()?.as_slice()).ok().map(Object::Digest)),
    ("hold", |value| Some(Object::Drawn(hex::decode(value).ok()?.try_into().ok()?))),
    ("quarantine", |value| Some(Object::Drawn(hex::decode(value).ok()?.try_into().ok()?))),
    ("entry", |value| value.parse().ok().map(|index| Object::Entry(EntryIndex(index)))),
];

/// A view that is recorded when its page is shown.
#[derive(Debug)]
pub struct Viewed {
    engine: ConsoleEngine,
    actor: Actor,
    looked: Looked,
    /// Whether the page is shown only if the log takes that it was.
    strict: bool,
}

impl Viewed {
    /// Of a page that somebody who is signed in asks for; what they do by forms has records of its own.
    pub fn of(visit: &Visit, row: &Row) -> Option<Self> {
        let visitor = visit.visitor.as_ref().filter(|_| row.verb == Verb::Get && row.who != Who::Anybody)?;
        let engine = visit.console.engine.clone();
        let actor = match visit.role {
            Some(_) => convert::actor(&visit.caller()),
            None => console_actor(engine.member(), &visitor.session.user.name),
        };
        let named = visit.values.iter().find_map(|(word, value)| object(word, value));
        let looked = Looked::new(At::Page(row.path)).of(named);
        Some(Self { engine, actor, looked, strict: matches!(row.who, Who::Roles(_)) })
    }

    /// Recorded with the next round of the engine, as all that changes something.
    pub async fn record(self) -> Result<(), Fault> {
        let Self { engine, actor, looked, strict } = self;
        let longest = Duration::from_millis(limits::REQUEST_MS);
        let recorded =
            engine.call_within(longest, move |node, round| node.record_look(&actor, looked, round.now, round.rng));
        let fault = match recorded.await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(fault)) => EngineFault::Storage(fault),
            Err(fault) => fault,
        };
        if strict {
            return Err(fault.into());
        }
        tracing::warn!(event = "console.unrecorded", fault = %fault);
        Ok(())
    }
}

fn object(word: &str, value: &str) -> Option<Object> {
    OBJECTS.iter().find(|(known, _)| *known == word).and_then(|(_, read)| read(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::console::rows::ROWS;

    /// Words that choose what is done, and name nothing.
    const CHOICES: [&str; 5] = ["step", "session", "list", "group", "place"];

    #[test]
    fn every_word_of_an_address_names_something_or_chooses_a_step() {
        for row in ROWS {
            for word in row.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                let known = OBJECTS.iter().any(|(known, _)| *known == word) || CHOICES.contains(&word);
                assert!(known, "{}: say in OBJECTS what {word} names", row.path);
            }
        }
    }

    #[test]
    fn what_is_no_name_of_its_kind_is_not_told() {
        let told = |word: &str, value: &str| object(word, value).map(|object| object.to_string());
        let (case, indicator) = ("0c".repeat(16), "ab".repeat(32));
        for (word, value) in [
            ("name", "anna"),
            ("member", "bank-b"),
            ("case", case.as_str()),
            ("indicator", &indicator),
            ("entry", "17"),
            ("digest", &indicator),
            ("hold", case.as_str()),
        ] {
            assert_eq!(told(word, value).as_deref(), Some(value), "{word}");
        }
        for (word, value) in [
            ("name", "de89370400440532013000"),
            ("name", "4111 1111 1111 1111"),
            ("case", "4111111111111111"),
            ("indicator", "mallory@example.org"),
            ("entry", "+4915129931774x"),
            ("hold", "4111111111111111"),
            ("digest", "4111111111111111"),
            ("step", "disable"),
        ] {
            assert_eq!(told(word, value), None, "{word} {value}");
        }
    }
}
