//! Which records of the audit log somebody looks for.
//!
//! What is typed here stands in addresses of pages and in histories, so it may hold no identifier ([`SearchWords`]): whoever has
//! one looks it up instead, which is recorded and leaves no trace of the value.

use std::fmt;

use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::record::{AuditRecord, Outcome};
use crate::domain::identifier::text::looks_like_identifier;
use crate::domain::screening::decision::Decision;

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To other members.
    Left,
    /// From other members.
    Came,
    /// Somebody inside asked, looked or decided.
    Asked,
    /// The node's own affairs.
    Local,
}

impl Direction {
    pub const ALL: [Self; 4] = [Self::Left, Self::Came, Self::Asked, Self::Local];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Came => "came",
            Self::Asked => "asked",
            Self::Local => "local",
        }
    }

    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.label() == label)
    }

    /// By the action of a record; one that this table does not know is the node's own affair.
    pub fn of(action: &str) -> Self {
        match action {
            "indicator.published"
            | "indicator.retracted"
            | "entry.erased"
            | "decoy.published"
            | "feed.delivered"
            | "checkpoint.cosigned"
            | "indicator.disputed"
            | "dispute.upheld"
            | "dispute.withdrawn"
            | "statistics.released" => Self::Left,
            "feed.received" | "feed.equivocated" | "feed.silent" | "feed.unbelieved" | "peer.fault"
            | "quarantine.raised" | "sighting.received" => Self::Came,
            "call.refused"
            | "decision.explained"
            | "publication.refused"
            | "statistics.refused"
            | "console.viewed"
            | "activity.shown"
            | "indicator.listed"
            | "statistics.listed"
            | "statistics.summed"
            | "statistics.budget_shown" => Self::Asked,
            other => {
                let (topic, _) = other.split_once('.').unwrap_or_default();
                let asked = ["audit", "authenticator", "case", "erasure", "identifier", "list", "profile", "screening"];
                // Of the log itself: that it has a gap, or is another than was cosigned, nobody asked.
                let own = matches!(other, "audit.gap" | "audit.diverged");
                if asked.contains(&topic) && !own { Self::Asked } else { Self::Local }
            }
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// In which order records are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    OldestFirst,
    NewestFirst,
}

/// The rule a search broke; what was typed is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    #[error("a search has at most {limit} characters, got {got}", limit = limits::SEARCH_CHARACTERS)]
    Length { got: usize },
    #[error(
        "this looks like an identifier of kind {kind}: look it up instead, where it is neither kept nor shown in an address"
    )]
    HoldsIdentifier { kind: IdentifierKind },
}

/// Words that all must occur in a record, in any case and order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchWords(Vec<String>);

impl SearchWords {
    pub fn new(text: &str) -> Result<Self, SearchError> {
        let got = text.chars().count();
        if got > limits::SEARCH_CHARACTERS {
            return Err(SearchError::Length { got });
        }
        // Names that the log itself uses are digits in part and must not pass for cards.
        let typed: Vec<&str> = text.split(|at: char| at.is_whitespace() || at == '/').collect();
        let strange: Vec<&str> = typed.into_iter().filter(|word| !is_digest(word)).collect();
        // Once as typed, so that what is an address by its slashes is seen as one.
        let whole =
            text.split_whitespace().filter(|word| !word.split('/').any(is_digest)).collect::<Vec<_>>().join(" ");
        match looks_like_identifier(&whole).or_else(|| looks_like_identifier(&strange.join(" "))) {
            Some(kind) => Err(SearchError::HoldsIdentifier { kind }),
            None => Ok(Self(text.split_whitespace().map(str::to_lowercase).collect())),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn are_in(&self, record: &AuditRecord) -> bool {
        let text = if self.0.is_empty() { String::new() } else { record.to_string().to_lowercase() };
        self.0.iter().all(|word| text.contains(word))
    }
}

/// The names of decisions, cases, indicators and digests: whole bytes as lower-case hex, sixteen or more.
fn is_digest(word: &str) -> bool {
    word.len() >= 32
        && word.len().is_multiple_of(2)
        && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Which records of the log: all that every given part keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only actions that start with this.
    pub action_prefix: String,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub order: Order,
    pub direction: Option<Direction>,
    /// Only what this member did, sent, received or said.
    pub peer: Option<MemberId>,
    /// Only what is about identifiers of this kind.
    pub kind: Option<IdentifierKind>,
    pub decision: Option<Decision>,
    pub outcome: Option<Outcome>,
    /// Only actors with this in their name.
    pub actor: String,
    pub words: SearchWords,
}

impl AuditFilter {
    pub fn keeps(&self, record: &AuditRecord) -> bool {
        let field = |name| record.fields().find(|(field, _)| *field == name).map(|(_, value)| value);
        record.action().starts_with(&self.action_prefix)
            && self.from.is_none_or(|from| from <= record.time())
            && self.until.is_none_or(|until| record.time() < until)
            && self.direction.is_none_or(|direction| Direction::of(record.action()) == direction)
            && self.outcome.is_none_or(|outcome| record.outcome() == outcome)
            && self.kind.is_none_or(|kind| field("kind") == Some(kind.label()))
            && self.decision.is_none_or(|decision| field("decision") == Some(decision.label()))
            && record.actor().contains(&self.actor)
            && self.peer.as_ref().is_none_or(|peer| concerns(record, peer))
            && self.words.are_in(record)
    }
}

/// Whether a member did, sent, received or said what a record tells of.
pub fn concerns(record: &AuditRecord, member: &MemberId) -> bool {
    let is_theirs = |text: &str| {
        let text = text.strip_prefix("members/").unwrap_or(text);
        text.split('/').next() == Some(member.as_str())
    };
    let told = |(name, value): (&str, &str)| match name {
        "peer" | "from" | "answers" => value == member.as_str(),
        _ => name.starts_with("matched_") && is_theirs(value),
    };
    record.actor() == member.as_str() || is_theirs(record.subject()) || record.fields().any(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::{Commitment, Sha256Digest};
    use crate::base::epoch::KeyEpoch;
    use crate::base::name::FeedId;
    use crate::base::position::{EntryIndex, EntryRange, TreeSize};
    use crate::domain::audit::event::{AuditEvent, IndicatorRef};
    use crate::domain::audit::record::Actor;

    const TIME: Timestamp = Timestamp::from_unix_s(1_795_305_600);

    fn member(name: &str) -> MemberId {
        name.parse().expect("valid")
    }

    fn records() -> Vec<AuditRecord> {
        let till = Actor::Local { member: member("shop"), role: "screener", name: "till-7".to_owned() };
        let feed = |name: &str| FeedId { member: member(name), group: "all".parse().expect("valid") };
        let indicator = |name: &str| IndicatorRef { member: member(name), commitment: Commitment([0xAB; 32]) };
        let range = EntryRange::new(EntryIndex(5), TreeSize(9)).expect("not empty");
        let decided = AuditEvent::ScreeningDecided {
            decision_id: "0c".repeat(16),
            decision: "hold",
            reasons: vec!["single_indicator".to_owned()],
            matched: vec![indicator("bank-b")],
            policy_sha256: Sha256Digest([1; 32]),
            degraded: false,
            anomalies: Vec::new(),
            detail: None,
        };
        let published = AuditEvent::IndicatorPublished {
            indicator: indicator("shop"),
            kind: IdentifierKind::Pan,
            epoch: KeyEpoch(3),
            group: "all".parse().expect("valid"),
            weak: false,
        };
        let delivered = AuditEvent::BatchDelivered { peer: member("bank-a"), feed: feed("shop"), range };
        let received = AuditEvent::BatchReceived { from: member("bank-a"), feed: feed("bank-b"), range };
        let seen =
            AuditEvent::SightingReceived { indicator: indicator("shop"), from: member("bank"), outcome: "confirmed" };
        let at = |seconds, event: AuditEvent, actor: &Actor| event.into_record(TIME.plus_s(seconds), actor);
        vec![
            at(0, AuditEvent::NodeStopped, &Actor::Node),
            at(1, published, &Actor::Node),
            at(2, delivered, &Actor::Peer(member("bank-a"))),
            at(3, received, &Actor::Node),
            at(4, decided, &till),
            at(5, seen, &Actor::Node),
            at(6, AuditEvent::RosterRefused { rule: "version" }, &Actor::Node),
        ]
    }

    #[test]
    fn each_part_of_a_filter_keeps_what_it_names_and_nothing_else() {
        let check = |change: &dyn Fn(&mut AuditFilter), kept: &[usize]| {
            let mut filter = AuditFilter::default();
            change(&mut filter);
            let found = records()
                .iter()
                .enumerate()
                .filter(|(_, record)| filter.keeps(record))
                .map(|(nth, _)| nth)
                .collect::<Vec<_>>();
            assert_eq!(found, kept, "{filter:?}");
        };
        let words = |text: &str| SearchWords::new(text).expect("no identifier");
        check(&|_| {}, &[0, 1, 2, 3, 4, 5, 6]);
        check(&|filter| filter.action_prefix = "feed.".to_owned(), &[2, 3]);
        check(&|filter| filter.from = Some(TIME.plus_s(4)), &[4, 5, 6]);
        check(&|filter| filter.until = Some(TIME.plus_s(2)), &[0, 1]);
        check(&|filter| filter.direction = Some(Direction::Left), &[1, 2]);
        check(&|filter| filter.direction = Some(Direction::Came), &[3, 5]);
        check(&|filter| filter.direction = Some(Direction::Asked), &[4]);
        check(&|filter| filter.direction = Some(Direction::Local), &[0, 6]);
        check(&|filter| filter.peer = Some(member("bank-a")), &[2, 3]);
        check(&|filter| filter.peer = Some(member("bank-b")), &[3, 4]);
        check(&|filter| filter.peer = Some(member("bank")), &[5]);
        check(&|filter| filter.kind = Some(IdentifierKind::Pan), &[1]);
        check(&|filter| filter.kind = Some(IdentifierKind::Phone), &[]);
        check(&|filter| filter.decision = Some(Decision::Hold), &[4]);
        check(&|filter| filter.outcome = Some(Outcome::Refused), &[6]);
        check(&|filter| filter.actor = "till-7".to_owned(), &[4]);
        check(&|filter| filter.words = words("SINGLE_indicator hold"), &[4]);
        check(&|filter| filter.words = words("single_indicator block"), &[]);
        check(&|filter| filter.words = words(&"0c".repeat(16)), &[4]);
    }

    #[test]
    fn what_is_searched_for_is_no_identifier() {
        let name = format!("members/bank-a/indicators/{}", "41".repeat(32));
        let fine = [
            "",
            "hold",
            "demo.example/bank-a/all",
            &name,
            &"41".repeat(16),
            "hushwire://shop/screener/till-7",
            "v0.1.0",
        ];
        for text in fine {
            assert!(SearchWords::new(text).is_ok(), "{text}");
        }
        let check =
            |text: &str, kind| assert_eq!(SearchWords::new(text), Err(SearchError::HoldsIdentifier { kind }), "{text}");
        check("4111 1111 1111 1111", IdentifierKind::Pan);
        check("decision 4111111111111111", IdentifierKind::Pan);
        check("4111/1111/1111/1111", IdentifierKind::Pan);
        check("mallory@example.org", IdentifierKind::Email);
        check("members/mallory@example.org", IdentifierKind::Email);
        check("https://shop.example.com/order/1", IdentifierKind::Url);
        check("+44 20 7946 0018", IdentifierKind::Phone);
        assert_eq!(SearchWords::new(&"x".repeat(201)), Err(SearchError::Length { got: 201 }));
    }
}
