//! What a listing of the audit log was narrowed to, in words of ours: what somebody typed has no way into the log.

use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::search::AuditFilter;
use crate::domain::identifier::text::looks_like_identifier;

/// What a listing was narrowed to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// The first word of its actions, "other" for what none begins with; none for all.
    pub actions: Option<&'static str>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub direction: Option<&'static str>,
    pub peer: Option<MemberId>,
    pub kind: Option<&'static str>,
    pub decision: Option<&'static str>,
    pub outcome: Option<&'static str>,
    /// Whether part of an actor's name, or words, were asked for: which, is not told.
    pub actor: bool,
    pub text: bool,
}

/// The first words of all actions.
pub const ACTIONS: [&str; 40] = [
    "activity",
    "audit",
    "authenticator",
    "backup",
    "call",
    "case",
    "cert",
    "checkpoint",
    "console",
    "consortium",
    "decision",
    "decoy",
    "dispute",
    "entry",
    "epoch",
    "erasure",
    "feed",
    "guard",
    "hold",
    "identifier",
    "indicator",
    "key",
    "keys",
    "keystore",
    "late_match",
    "list",
    "node",
    "peer",
    "policy",
    "profile",
    "publication",
    "quarantine",
    "roster",
    "rule",
    "screening",
    "sighting",
    "statistics",
    "store",
    "token",
    "webhook",
];

impl Asked {
    /// What somebody typed is nowhere in it: a prefix of actions becomes the word of ours that it begins with, or that alone
    /// begins with it.
    pub fn new(filter: &AuditFilter) -> Self {
        Self {
            actions: actions(&filter.action_prefix),
            from: filter.from,
            until: filter.until,
            direction: filter.direction.map(|direction| direction.label()),
            peer: filter.peer.clone().filter(|peer| looks_like_identifier(peer.as_str()).is_none()),
            kind: filter.kind.map(|kind| kind.label()),
            decision: filter.decision.map(|decision| decision.label()),
            outcome: filter.outcome.map(|outcome| outcome.name()),
            actor: !filter.actor.is_empty(),
            text: !filter.words.is_empty(),
        }
    }

    /// Its fields in a record.
    pub(in crate::domain::audit) fn fields(self) -> impl Iterator<Item = (&'static str, String)> {
        let Self { actions, from, until, direction, peer, kind, decision, outcome, actor, text } = self;
        let label = |name, label: Option<&'static str>| label.map(|label| (name, label.to_owned()));
        let given = |name, given: bool| given.then(|| (name, "given".to_owned()));
        let fields = [
            label("actions", actions),
            from.map(|from| ("from", from.to_string())),
            until.map(|until| ("until", until.to_string())),
            label("direction", direction),
            peer.map(|peer| ("of_peer", peer.to_string())),
            label("of_kind", kind),
            label("of_decision", decision),
            label("of_outcome", outcome),
            given("of_actor", actor),
            given("text", text),
        ];
        fields.into_iter().flatten()
    }
}

fn actions(prefix: &str) -> Option<&'static str> {
    let first = prefix.split('.').next().unwrap_or_default();
    let mut begun = ACTIONS.into_iter().filter(|word| word.starts_with(first));
    let one = begun.next().filter(|_| begun.next().is_none());
    let whole = ACTIONS.into_iter().find(|word| *word == first);
    (!prefix.is_empty()).then(|| whole.or(one).unwrap_or("other"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::kind::IdentifierKind;
    use crate::domain::audit::record::Outcome;
    use crate::domain::audit::search::{Direction, Order, SearchWords};
    use crate::domain::screening::decision::Decision;

    #[test]
    fn what_a_listing_was_narrowed_to_is_told_in_words_of_ours_alone() {
        let check = |prefix: &str, expected: Option<&str>| {
            assert_eq!(actions(prefix), expected, "{prefix:?}");
        };
        check("", None);
        check("screening.", Some("screening"));
        check("screening.decided", Some("screening"));
        check("scr", Some("screening"));
        check("s", Some("other"));
        check("anna.smith@example.org", Some("other"));
        check("screening of 4111111111111111", Some("other"));
    }

    #[test]
    fn every_filter_of_a_listing_is_told_and_of_what_was_typed_that_it_was() {
        let filter = AuditFilter {
            action_prefix: "screening.".to_owned(),
            from: Some(Timestamp::from_unix_ms(0)),
            until: Some(Timestamp::from_unix_ms(0)),
            order: Order::NewestFirst,
            direction: Some(Direction::Came),
            peer: Some("bank-b".parse().expect("a member")),
            kind: Some(IdentifierKind::Iban),
            decision: Some(Decision::Hold),
            outcome: Some(Outcome::Fault),
            actor: "marlowe".to_owned(),
            words: SearchWords::new("nebelkraehe").expect("no identifier"),
        };
        let told: Vec<String> = Asked::new(&filter).fields().map(|(name, value)| format!("{name}={value}")).collect();
        let epoch = "1970-01-01T00:00:00.000Z";
        let [from, until] = ["from", "until"].map(|name| format!("{name}={epoch}"));
        let narrowed = ["of_peer=bank-b", "of_kind=iban", "of_decision=hold", "of_outcome=fault", "of_actor=given"];
        let head = ["actions=screening", from.as_str(), until.as_str(), "direction=came"];
        assert_eq!(told, [&head[..], &narrowed, &["text=given"]].concat());
        assert_eq!(Asked::new(&AuditFilter::default()).fields().count(), 0);
    }

    #[test]
    fn every_action_begins_with_a_word_that_listings_tell() {
        for file in [
            include_str!("words.rs"),
            include_str!("command.rs"),
            include_str!("console.rs"),
            include_str!("looked.rs"),
        ] {
            let texts = file.split('"').skip(1).step_by(2);
            let is_word = |text: &str| text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
            for action in texts.filter(|text| text.split_once('.').is_some_and(|(a, b)| is_word(a) && is_word(b))) {
                let first = action.split('.').next().expect("the text before a dot");
                assert!(ACTIONS.contains(&first), "{action}");
            }
        }
    }
}
