//! What the exchange log is narrowed to: read from an address or a form, written into an address again.
//!
//! What is searched for as text is typed in a form that is posted, checked for identifiers, and only then put into an address:
//! so nobody's card number gets into a history by way of a search.

use crate::base::kind::IdentifierKind;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::asked;
use crate::domain::audit::record::Outcome;
use crate::domain::audit::search::{AuditFilter, Direction, Order, SearchError, SearchWords};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::decision::in_words;
use crate::io::console::fields::{FieldError, Fields};
use crate::io::console::pages::log::actions::TOPICS;
use crate::io::console::zone::{Time, Zone};

/// Everything the log can be narrowed to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filters {
    /// The first word of actions.
    pub topic: Option<&'static str>,
    pub direction: Option<Direction>,
    pub peer: Option<MemberId>,
    pub kind: Option<IdentifierKind>,
    pub decision: Option<Decision>,
    pub outcome: Option<Outcome>,
    /// A part of an actor's name.
    pub actor: String,
    /// Words that all occur.
    pub text: String,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub oldest_first: bool,
    words: SearchWords,
}

/// Why filters are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FiltersError {
    #[error("{0}")]
    Field(#[from] FieldError),
    /// With the field that it stood in.
    #[error("{why}")]
    Search { field: &'static str, why: SearchError },
}

impl Filters {
    /// Reads the fields of an address or a form; moments without a zone are those of `zone`.
    pub fn read(fields: &Fields, zone: &Zone) -> Result<Self, FiltersError> {
        let text = |name| Ok::<_, FieldError>(fields.maybe(name)?.unwrap_or_default().trim().to_owned());
        let searched = |field, text: &str| SearchWords::new(text).map_err(|why| FiltersError::Search { field, why });
        let (typed, actor) = (text("text")?, text("actor")?);
        let words = searched("text", &typed)?;
        searched("actor", &actor)?;
        // Names of members are letters and digits, and so is an account.
        let peer: Option<MemberId> = fields.filter("peer")?;
        searched("peer", peer.as_ref().map_or("", |peer| peer.as_str()))?;
        Ok(Self {
            topic: word(fields, "topic", |topic| asked::ACTIONS.into_iter().find(|own| *own == topic))?,
            direction: word(fields, "direction", Direction::from_label)?,
            peer,
            kind: fields.filter("kind")?,
            decision: word(fields, "decision", Decision::from_label)?,
            outcome: word(fields, "outcome", |label| Outcome::ALL.into_iter().find(|one| one.name() == label))?,
            from: word(fields, "from", |text| zone.read(text))?,
            until: word(fields, "until", |text| zone.read(text))?,
            oldest_first: word(fields, "order", |order| (order == "oldest").then_some(()))?.is_some(),
            actor,
            text: typed,
            words,
        })
    }

    /// Everything in which a text occurs; none where that cannot be searched for.
    pub fn about(text: &str) -> Option<Self> {
        let words = SearchWords::new(text).ok().filter(|_| !text.is_empty())?;
        Some(Self { text: text.to_owned(), words, ..Self::default() })
    }

    /// As the node is asked.
    pub fn audit_filter(&self) -> AuditFilter {
        AuditFilter {
            action_prefix: self.topic.map(|topic| format!("{topic}.")).unwrap_or_default(),
            from: self.from,
            until: self.until,
            order: if self.oldest_first { Order::OldestFirst } else { Order::NewestFirst },
            direction: self.direction,
            peer: self.peer.clone(),
            kind: self.kind,
            decision: self.decision,
            outcome: self.outcome,
            actor: self.actor.clone(),
            words: self.words.clone(),
        }
    }

    /// The address of `path` with these filters, and these fields besides.
    pub fn address(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut fields = url::form_urlencoded::Serializer::new(String::new());
        let moment = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let own = [
            ("topic", self.topic.unwrap_or_default().to_owned()),
            ("direction", self.direction.map(Direction::label).unwrap_or_default().to_owned()),
            ("peer", self.peer.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("kind", self.kind.map(IdentifierKind::label).unwrap_or_default().to_owned()),
            ("decision", self.decision.map(Decision::label).unwrap_or_default().to_owned()),
            ("outcome", self.outcome.map(Outcome::name).unwrap_or_default().to_owned()),
            ("actor", self.actor.clone()),
            ("text", self.text.clone()),
            ("from", moment(self.from)),
            ("until", moment(self.until)),
            ("order", if self.oldest_first { "oldest" } else { "" }.to_owned()),
        ];
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        for (name, value) in own.into_iter().chain(more).filter(|(_, value)| !value.is_empty()) {
            fields.append_pair(name, &value);
        }
        let fields = fields.finish();
        if fields.is_empty() { path.to_owned() } else { format!("{path}?{fields}") }
    }

    /// What it is narrowed to, in words; nothing where all is shown.
    pub fn told(&self, zone: &Zone) -> Vec<(&'static str, String)> {
        let moment = |at: Timestamp| Time::new(at, zone).plain();
        let told = [
            ("What", self.topic.map(topic_name)),
            ("Direction", self.direction.map(direction_name).map(str::to_owned)),
            ("Member", self.peer.as_ref().map(ToString::to_string)),
            ("Kind of identifier", self.kind.map(|kind| in_words(kind).to_owned())),
            ("Decision", self.decision.map(|decision| decision.label().to_owned())),
            ("Result", self.outcome.map(|outcome| outcome.name().to_owned())),
            ("By whom", Some(self.actor.clone()).filter(|actor| !actor.is_empty())),
            ("Words", Some(self.text.clone()).filter(|text| !text.is_empty())),
            ("From", self.from.map(moment)),
            ("Before", self.until.map(moment)),
        ];
        told.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn word<T>(fields: &Fields, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, FieldError> {
    let text = fields.maybe(name)?.map(str::trim).filter(|text| !text.is_empty());
    text.map(|text| read(text).ok_or(FieldError::Unreadable(name))).transpose()
}

fn topic_name(topic: &str) -> String {
    let mut all = TOPICS.iter().flat_map(|(_, topics)| topics.iter());
    all.find(|(own, _)| *own == topic).map_or(topic, |(_, words)| words).to_owned()
}

/// Which way something went, in words.
pub const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Left => "to other members",
        Direction::Came => "from other members",
        Direction::Asked => "asked or decided here",
        Direction::Local => "the node's own affairs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Filters, FiltersError> {
        Filters::read(&Fields::parse(query.as_bytes()).expect("well-formed"), &"Europe/Berlin".parse().expect("a zone"))
    }

    #[test]
    fn filters_lead_back_to_the_address_they_were_read_from() {
        let check = |query: &str, address: &str| {
            let filters = read(query).expect("known words");
            assert_eq!(filters.address("/log", &[]), address);
            let again = read(address.split_once('?').map_or("", |(_, query)| query)).expect("known words");
            assert_eq!(again, filters);
        };
        check("", "/log");
        check("topic=&direction=+&text=&order=", "/log");
        let all = "topic=feed&direction=came&peer=bank-b&kind=pan&decision=hold&outcome=ok&actor=anna&text=a+b";
        check(all, &format!("/log?{all}"));
        check("from=2026-11-18T12:06&order=oldest", "/log?from=2026-11-18T11%3A06%3A00.000Z&order=oldest");
        check("text=%22%3E%3Cscript%3E", "/log?text=%22%3E%3Cscript%3E");
        let filters = read("until=2026-11-18").expect("a day");
        assert_eq!(filters.address("/x", &[("form", "csv")]), "/x?until=2026-11-17T23%3A00%3A00.000Z&form=csv");
    }

    #[test]
    fn the_node_is_asked_for_what_was_chosen() {
        let filter = read("topic=screening&decision=block&text=HOLD&actor=till").expect("known words").audit_filter();
        assert_eq!((filter.action_prefix.as_str(), filter.decision), ("screening.", Some(Decision::Block)));
        assert_eq!((filter.order, filter.actor.as_str()), (Order::NewestFirst, "till"));
        assert_eq!(filter.words, SearchWords::new("hold").expect("no identifier"));
    }

    #[test]
    fn what_is_no_filter_is_refused_and_an_identifier_is_told_by_its_kind() {
        let unreadable = |query: &str, field| assert_eq!(read(query), Err(FieldError::Unreadable(field).into()));
        unreadable("topic=nonsense", "topic");
        unreadable("direction=up", "direction");
        unreadable("peer=No Body", "peer");
        unreadable("kind=4111111111111111", "kind");
        unreadable("decision=maybe", "decision");
        unreadable("outcome=fine", "outcome");
        unreadable("from=yesterday", "from");
        unreadable("order=random", "order");
        assert_eq!(read("text=a&text=b"), Err(FieldError::Twice("text").into()));
        let held = |query: &str, field, kind| {
            let why = SearchError::HoldsIdentifier { kind };
            assert_eq!(read(query), Err(FiltersError::Search { field, why }));
        };
        held("text=4111+1111+1111+1111", "text", IdentifierKind::Pan);
        held("actor=mallory@example.org", "actor", IdentifierKind::Email);
    }

    #[test]
    fn what_is_no_identifier_can_be_searched_for_by_a_link() {
        let address = |text: &str| Filters::about(text).map(|filters| filters.address("/log", &[]));
        assert_eq!(address("bank-b/all").as_deref(), Some("/log?text=bank-b%2Fall"));
        assert_eq!((address(""), address("mallory@example.org")), (None, None));
    }

    #[test]
    fn filters_are_told_in_words() {
        let told = read("topic=feed&direction=left&kind=pan&from=2026-11-18T12:00").expect("known words");
        let told = told.told(&Zone::utc());
        let expected = [
            ("What", "Deliveries and receipts"),
            ("Direction", "to other members"),
            ("Kind of identifier", "payment card number"),
            ("From", "2026-11-18 11:00:00 UTC"),
        ];
        assert_eq!(told, expected.map(|(name, value)| (name, value.to_owned())));
    }
}
