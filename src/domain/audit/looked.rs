//! What somebody looked at: a page of the console, a listing, one thing. In words of ours and checked names: what somebody typed to
//! find it has no way into the log.

use std::fmt;

use crate::base::bytes::{Commitment, Sha256Digest};
use crate::base::kind::IdentifierKind;
use crate::base::name::MemberId;
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Timestamp};
use crate::domain::case::CaseId;
use crate::domain::user::name::UserName;

/// What somebody looked at. Two of one caller that are the same count as one look and its repetitions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Looked {
    at: At,
    object: Option<Object>,
    narrowed: Vec<(&'static str, Word)>,
}

/// Kinds of what can be looked at. Other looks have events of their own, because they tell more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// A page of the console, by its address as the table of all addresses writes it.
    Page(&'static str),
    Activity,
    OwnIndicators,
    Cases,
    Case,
    Releases,
    ReleaseSum,
    Budget,
    AuditSize,
}

/// One thing, by the name it has in the node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    User(UserName),
    Member(MemberId),
    Case(CaseId),
    Indicator(Commitment),
    /// Of a log.
    Entry(EntryIndex),
    /// A set of rules, or what stands on an own list, by fingerprint.
    Digest(Sha256Digest),
    /// A legal hold or a quarantine: sixteen bytes drawn for it.
    Drawn([u8; 16]),
}

/// What a listing was narrowed to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// A word of the code.
    Label(&'static str),
    Member(MemberId),
    Day(Day),
    /// Something that is not told: a reference, a name, a text.
    Something,
}

/// Looks of one caller at one thing: the first one at once, further ones within a minute with their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looks {
    pub looked: Looked,
    pub times: u64,
    /// Of the first that is counted, where it was not told at once.
    pub since: Option<Timestamp>,
}

impl At {
    pub(in crate::domain::audit) const fn action(self) -> &'static str {
        match self {
            Self::Page(_) => "console.viewed",
            Self::Activity => "activity.shown",
            Self::OwnIndicators => "indicator.listed",
            Self::Cases => "case.listed",
            Self::Case => "case.shown",
            Self::Releases => "statistics.listed",
            Self::ReleaseSum => "statistics.summed",
            Self::Budget => "statistics.budget_shown",
            Self::AuditSize => "audit.size_shown",
        }
    }
}

impl Looked {
    pub fn new(at: At) -> Self {
        Self { at, object: None, narrowed: Vec::new() }
    }

    #[must_use]
    pub fn of(mut self, object: impl Into<Option<Object>>) -> Self {
        self.object = object.into();
        self
    }

    /// A filter, where it was given.
    #[must_use]
    pub fn by(mut self, name: &'static str, word: impl Into<Option<Word>>) -> Self {
        self.narrowed.extend(word.into().map(|word| (name, word)));
        self
    }

    /// A filter that is given or not.
    #[must_use]
    pub fn where_given(self, name: &'static str, given: bool) -> Self {
        self.by(name, given.then_some(Word::Something))
    }

    /// Whether it is about one thing, of which somebody may ask for years who looked at it.
    pub(in crate::domain::audit) const fn is_of_one(&self) -> bool {
        self.object.is_some()
    }
}

impl Looks {
    /// A look that is told at once.
    pub fn once(looked: Looked) -> Self {
        Self { looked, times: 1, since: None }
    }

    /// Action, subject and fields of its record.
    pub(in crate::domain::audit) fn words(self) -> (&'static str, String, Vec<(&'static str, String)>) {
        let Self { looked: Looked { at, object, narrowed }, times, since } = self;
        let mut fields = vec![("times", times.to_string())];
        fields.extend(since.map(|since| ("since", since.to_string())));
        if let At::Page(page) = at {
            fields.push(("page", page.to_owned()));
        }
        for (name, word) in narrowed {
            // A filter may take several words.
            match fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, told)) => *told = format!("{told},{word}"),
                None => fields.push((name, word.to_string())),
            }
        }
        (at.action(), object.map(|object| object.to_string()).unwrap_or_default(), fields)
    }
}

impl From<IdentifierKind> for Word {
    fn from(kind: IdentifierKind) -> Self {
        Self::Label(kind.label())
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => f.write_str(label),
            Self::Member(member) => write!(f, "{member}"),
            Self::Day(day) => write!(f, "{day}"),
            Self::Something => f.write_str("given"),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "{name}"),
            Self::Member(member) => write!(f, "{member}"),
            Self::Case(case) => write!(f, "{case}"),
            Self::Indicator(commitment) => write!(f, "{commitment}"),
            Self::Entry(index) => write!(f, "{}", index.0),
            Self::Digest(digest) => write!(f, "{digest}"),
            Self::Drawn(id) => f.write_str(&hex::encode(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::event::AuditEvent;
    use crate::domain::audit::record::{Actor, AuditRecord};

    fn check(looks: Looks, expected: &str) {
        let record = AuditEvent::Looked(looks).into_record(Timestamp::from_unix_ms(0), &Actor::Node);
        assert_eq!(AuditRecord::decode(&record.encode()), Ok(record.clone()));
        assert_eq!(record.to_string(), format!("1970-01-01T00:00:00.000Z ok {expected}"));
    }

    #[test]
    fn a_look_is_told_by_page_and_object_and_a_listing_by_what_narrowed_it() {
        let user = Looked::new(At::Page("/users/{name}")).of(Object::User("anna".parse().expect("a name")));
        check(Looks::once(user.clone()), "console.viewed anna by node page=/users/{name} times=1");
        let since = Some(Timestamp::from_unix_ms(0));
        let again = Looks { looked: user, times: 7, since };
        check(again, "console.viewed anna by node page=/users/{name} since=1970-01-01T00:00:00.000Z times=7");
        let states = ["open", "challenged"].map(Word::Label);
        let cases = states.into_iter().fold(Looked::new(At::Cases), |cases, state| cases.by("of_state", state));
        let cases = cases.by("of_decision", Word::Label("hold")).where_given("customer", true);
        let told = "customer=given of_decision=hold of_state=open,challenged times=1";
        check(Looks::once(cases), &format!("case.listed by node {told}"));
        let none = Looked::new(At::OwnIndicators).by("of_kind", None::<Word>).where_given("disputed", false);
        check(Looks::once(none), "indicator.listed by node times=1");
    }

    #[test]
    fn who_looked_at_one_thing_can_be_told_longer_than_who_looked_at_a_list() {
        let days = |looked| AuditEvent::Looked(Looks::once(looked)).keep_days();
        assert!(days(Looked::new(At::Cases)) < days(Looked::new(At::Case).of(Object::Case(CaseId([7; 16])))));
    }
}
