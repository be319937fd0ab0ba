//! Every name a condition may use, with its type and what it means: the one table behind the checker, the evaluation and the
//! documentation page.
//!
//! Numbers are whole: amounts in minor units, shares in percent, times in seconds. A number beyond what fits is cut to the
//! largest that does, so that no rule fails on an unusual amount.

use crate::base::kind::IdentifierKind;
use crate::domain::screening::finding::{Standing, family};
use crate::domain::screening::policy::facts::{Facts, MatchFacts};

/// What a text may be: a misspelt word would never be equal to anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    Kind,
    Family,
    Standing,
    /// Two capital letters.
    Country,
    /// Three capital letters.
    Currency,
    /// A lower-case word.
    Channel,
    /// A typology's id.
    Typology,
}

/// How a fact of the transaction is read.
#[derive(Debug, Clone, Copy)]
pub enum Read {
    Flag(fn(&Facts<'_>) -> bool),
    Number(fn(&Facts<'_>) -> i64),
    Text(Vocabulary, for<'f> fn(&'f Facts<'_>) -> &'f str),
    /// Kinds of the transaction's identifiers.
    Kinds,
}

/// How a fact of one match is read.
#[derive(Debug, Clone, Copy)]
pub enum ReadMatch {
    Flag(fn(&MatchFacts<'_>) -> bool),
    Number(fn(&MatchFacts<'_>) -> i64),
    Text(Vocabulary, fn(&MatchFacts<'_>) -> &'static str),
    Kinds,
    Typologies,
}

/// One name.
#[derive(Debug)]
pub struct Name<R> {
    /// Empty for what stands by itself.
    pub group: &'static str,
    pub field: &'static str,
    pub read: R,
    pub meaning: &'static str,
}

const fn name<R>(group: &'static str, field: &'static str, read: R, meaning: &'static str) -> Name<R> {
    Name { group, field, read, meaning }
}

/// As a number of the language.
fn whole<N: TryInto<i64>>(number: N) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

use Read::{Flag, Number, Text};

pub static NAMES: &[Name<Read>] = &[
    name(
        "",
        "members",
        Number(|facts| whole(facts.members)),
        "distinct members that count fully, over all matches: two that flag two different identifiers are two",
    ),
    name(
        "transaction",
        "amount_minor",
        Number(|facts| facts.transaction.amount().0),
        "amount in minor units of its currency",
    ),
    name(
        "transaction",
        "currency",
        Text(Vocabulary::Currency, |facts| facts.transaction.amount().1),
        "ISO 4217; empty where not given",
    ),
    name(
        "transaction",
        "channel",
        Text(Vocabulary::Channel, |facts| facts.transaction.channel()),
        "as the caller names it, e.g. `\"web\"`; empty where not given",
    ),
    name(
        "transaction",
        "country",
        Text(Vocabulary::Country, |facts| facts.transaction.country()),
        "ISO 3166-1, two letters; empty where not given",
    ),
    name(
        "transaction",
        "own_score",
        Number(|facts| facts.transaction.own_score().map_or(0, i64::from)),
        "the caller's own score, 0 to 1000; 0 where not given",
    ),
    name(
        "transaction",
        "has_own_score",
        Flag(|facts| facts.transaction.own_score().is_some()),
        "the caller gave a score of its own",
    ),
    name(
        "transaction",
        "identifiers",
        Number(|facts| whole(facts.transaction.identifiers().len())),
        "how many identifiers were given",
    ),
    name("transaction", "kinds", Read::Kinds, "their kinds"),
    name(
        "transaction",
        "hour_utc",
        Number(|facts| whole(facts.transaction.time().unix_s() / 3600 % 24)),
        "hour of its time, 0 to 23, UTC",
    ),
    // 1970-01-01 was a Thursday.
    name(
        "transaction",
        "weekday",
        Number(|facts| whole((facts.transaction.time().unix_s() / 86_400 + 3) % 7 + 1)),
        "1 for Monday to 7 for Sunday, UTC",
    ),
    name(
        "profile",
        "named",
        Flag(|facts| facts.profile.named),
        "the caller named the customer; all of `profile` is zero and false where not",
    ),
    name(
        "profile",
        "orders",
        Number(|facts| facts.profile.orders.into()),
        "transactions of this customer before this one",
    ),
    name("profile", "age_days", Number(|facts| facts.profile.age_days.into()), "whole days since the first of them"),
    name(
        "profile",
        "country_new",
        Flag(|facts| facts.profile.country_new),
        "the customer has a habit of countries, and this one is not among them",
    ),
    name(
        "profile",
        "usual_country_percent",
        Number(|facts| facts.profile.usual_country_percent.into()),
        "share of its most frequent country",
    ),
    name(
        "profile",
        "device_new",
        Flag(|facts| facts.profile.device_new),
        "the customer has known devices, and none of this transaction's is among them",
    ),
    name(
        "profile",
        "category_new",
        Flag(|facts| facts.profile.category_new),
        "the customer has a habit of merchant categories, and this one is not among them",
    ),
    name(
        "profile",
        "amount_percent_of_median",
        Number(|facts| facts.profile.amount_percent_of_median.into()),
        "amount against the customer's median in this currency; 0 where there is no habit yet",
    ),
    name(
        "profile",
        "amount_deviation_tenths",
        Number(|facts| facts.profile.amount_deviation_tenths.into()),
        "how far the amount is above the median, in tenths of a robust standard deviation; 0 below it and where there is no habit yet",
    ),
    name(
        "profile",
        "count_1m",
        Number(|facts| facts.profile.count_1m.into()),
        "transactions of the last minute, this one included",
    ),
    name("profile", "count_1h", Number(|facts| facts.profile.count_1h.into()), "of the last hour"),
    name("profile", "count_24h", Number(|facts| facts.profile.count_24h.into()), "of the last day"),
    name("profile", "count_7d", Number(|facts| facts.profile.count_7d.into()), "of the last week"),
    name(
        "profile",
        "spent_24h_minor",
        Number(|facts| whole(facts.profile.spent_24h_minor)),
        "amounts of the last day in this currency, minor units, this one included",
    ),
    name("profile", "spent_7d_minor", Number(|facts| whole(facts.profile.spent_7d_minor)), "of the last week"),
    name(
        "profile",
        "impossible_travel",
        Flag(|facts| facts.profile.impossible_travel),
        "nobody travels this fast from the country of the last transaction to this one's",
    ),
    name(
        "lists",
        "allowed",
        Flag(|facts| facts.allowed),
        "an identifier stands on the own allow list; the answer is then to allow, whatever rules say",
    ),
    name(
        "lists",
        "blocked",
        Flag(|facts| facts.blocked),
        "an identifier stands on the own block list; the answer is then to block, unless one is allowed",
    ),
    name(
        "freshness",
        "degraded",
        Flag(|facts| facts.freshness.is_degraded()),
        "some peer's feed is stale, or the node is still loading",
    ),
    name(
        "freshness",
        "stale_peers",
        Number(|facts| whole(facts.freshness.peers().iter().filter(|peer| peer.stale).count())),
        "how many peers are stale",
    ),
    name(
        "freshness",
        "oldest_s",
        Number(|facts| facts.freshness.peers().iter().map(|peer| peer.age_s.into()).max().unwrap_or(0)),
        "age of the oldest feed, seconds",
    ),
    name(
        "conditions",
        "challenge_passed_s",
        Number(|facts| facts.conditions.challenge_passed_s.map_or(-1, whole)),
        "seconds since the customer last passed a challenge; -1 where never",
    ),
];

pub static MATCH_NAMES: &[Name<ReadMatch>] = &[
    name(
        "match",
        "kind",
        ReadMatch::Text(Vocabulary::Kind, |found| found.kind.label()),
        "kind of the identifier as given",
    ),
    name(
        "match",
        "family",
        ReadMatch::Text(Vocabulary::Family, |found| found.family().label()),
        "kinds that say the same thing have one family: `\"email\"` is also that of a mailbox, `\"pan\"` of every form of a card",
    ),
    name("match", "kinds", ReadMatch::Kinds, "the forms of it that matched"),
    name("match", "typologies", ReadMatch::Typologies, "ids of the typologies it is reported under"),
    name(
        "match",
        "severity",
        ReadMatch::Number(|found| found.severity.into()),
        "the highest reported: 1 low, 2 medium, 3 high",
    ),
    name(
        "match",
        "confidence",
        ReadMatch::Number(|found| found.confidence.into()),
        "confidence of all members together after age and what own outcomes taught of each, 0 to 100",
    ),
    name(
        "match",
        "members",
        ReadMatch::Number(|found| whole(found.members)),
        "distinct members that count fully: not weak, faint, provisional or disputed, not from a stale feed",
    ),
    name("match", "members_any", ReadMatch::Number(|found| whole(found.members_any)), "distinct members of any kind"),
    name("match", "own", ReadMatch::Number(|found| whole(found.own)), "statements of this member itself"),
    name("match", "weak", ReadMatch::Flag(|found| found.weak), "only forms matched that many innocents share"),
    name(
        "match",
        "provisional",
        ReadMatch::Flag(|found| found.provisional),
        "for some statement too few witnesses vouch so far",
    ),
    name("match", "stale", ReadMatch::Flag(|found| found.stale), "some statement comes from a stale feed"),
    name(
        "match",
        "disputed",
        ReadMatch::Flag(|found| found.disputed),
        "another member disputes some statement, and its author has not answered yet",
    ),
    name(
        "match",
        "faint",
        ReadMatch::Flag(|found| found.faint),
        "of some statement so little confidence is left that it only informs",
    ),
    name(
        "match",
        "card",
        ReadMatch::Flag(|found| found.is_card()),
        "it stands for a payment card: number, account reference or token",
    ),
    name(
        "match",
        "standing",
        ReadMatch::Text(Vocabulary::Standing, |found| found.standing.label()),
        "`\"corroborated\"` (two members count fully), `\"corroborated_stale\"` (two with a stale feed), `\"single\"`, `\"provisional\"`, `\"disputed\"` (it may challenge, not block), `\"weak\"`, `\"faded\"` (for information only)",
    ),
    name(
        "match",
        "age_s",
        ReadMatch::Number(|found| whole(found.age_s)),
        "seconds since the newest statement about it arrived here",
    ),
];

/// One function, as it is written and what it means.
pub static FUNCTIONS: &[(&str, &str)] = &[
    (
        "corroborated(N)",
        "some identifier is flagged by at least N distinct members that count fully, over all its forms",
    ),
    ("flags(\"KIND\")", "an identifier of this kind is flagged by a member that counts fully"),
    (
        "over(\"NAME\")",
        "the amount is above the threshold of this name in `[amounts]`; false in a currency that has none",
    ),
    ("challenge_passed(SECONDS)", "the customer passed a challenge within so many seconds"),
    ("size(LIST)", "how many there are; also `LIST.size()`"),
    (
        "LIST.exists(x, …)",
        "the condition holds for some of them; also `all`, `exists_one`, and `filter`, which gives a list",
    ),
    ("x in LIST", "one of them is equal to x; the list may be written out: `[\"DE\", \"FR\"]`"),
    ("TEXT.startsWith(\"…\")", "also `endsWith` and `contains`"),
];

impl Vocabulary {
    /// Whether a written word can be one of these.
    pub fn takes(self, word: &str) -> bool {
        let capitals = |length| word.len() == length && word.bytes().all(|byte| byte.is_ascii_uppercase());
        match self {
            Self::Kind | Self::Family | Self::Standing => self.words().contains(&word),
            Self::Country => word.is_empty() || capitals(2),
            Self::Currency => word.is_empty() || capitals(3),
            Self::Channel => {
                word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
            }
            Self::Typology => {
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
            }
        }
    }

    /// All words, where they can be listed.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::Kind => IdentifierKind::ALL.iter().map(|kind| kind.label()).collect(),
            Self::Family => {
                let heads = IdentifierKind::ALL.iter().filter(|kind| family(**kind) == **kind);
                heads.map(|kind| kind.label()).collect()
            }
            Self::Standing => Standing::ALL.iter().map(|standing| standing.label()).collect(),
            Self::Country | Self::Currency | Self::Channel | Self::Typology => Vec::new(),
        }
    }

    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Kind => "a kind of identifier",
            Self::Family => "a family of kinds",
            Self::Standing => "a standing",
            Self::Country => "a country, two capital letters",
            Self::Currency => "a currency, three capital letters",
            Self::Channel => "a channel, a lower-case word",
            Self::Typology => "the id of a typology",
        }
    }
}
