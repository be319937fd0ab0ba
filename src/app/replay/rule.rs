//! When a transaction counts as stopped: predicates over the answer the node gave, or the answer itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::app::replay::tally::Outcome;
use crate::app::replay::told::Told;
use crate::base::bytes::{Commitment, Sha256Digest};
use crate::base::kind::IdentifierKind;
use crate::base::name::MemberId;
use crate::domain::screening::answer::{Match, Screening};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::policy::Policy;
use crate::domain::screening::policy::reads::reads;
use crate::domain::screening::policy::rule::Mode;

/// What stops a transaction.
#[derive(Debug, Clone)]
pub enum StopRule {
    /// One flag that the institution can see, of any kind.
    Any,
    /// Two own flags on one identifier, or flags of two institutions on it.
    Corroborated,
    /// A policy decides anything but to let it pass.
    Policy { name: String, policy: Arc<Policy> },
}

/// The policies that every node of a replay asks.
#[derive(Debug, Clone)]
pub struct Policies {
    pub live: Arc<Policy>,
    pub candidate: Option<Arc<Policy>>,
}

impl Policies {
    /// Those of the rules. A rule that is no policy looks at matches, which are the same under each.
    pub fn of(rule: &StopRule, against: Option<&StopRule>, guard_digest: &Sha256Digest) -> Self {
        Self {
            live: rule.policy().unwrap_or_else(|| Arc::new(Policy::built_in(guard_digest))),
            candidate: against.and_then(StopRule::policy),
        }
    }
}

impl fmt::Display for StopRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Corroborated => "corroborated",
            Self::Policy { name, .. } => name,
        })
    }
}

impl StopRule {
    /// The product's own policy.
    pub fn built_in(guard_digest: &Sha256Digest) -> Self {
        Self::Policy { name: "built-in".to_owned(), policy: Arc::new(Policy::built_in(guard_digest)) }
    }

    pub fn policy(&self) -> Option<Arc<Policy>> {
        match self {
            Self::Any | Self::Corroborated => None,
            Self::Policy { policy, .. } => Some(Arc::clone(policy)),
        }
    }

    /// What the rule says of an answer at the institution `own`, where `decided` is what its policy decided.
    pub fn outcome(&self, screening: &Screening, decided: Decision, own: &MemberId) -> Outcome {
        match self {
            Self::Any | Self::Corroborated if self.finds(screening, own, &[]) => Outcome::Stop,
            Self::Any | Self::Corroborated => Outcome::Allow,
            Self::Policy { .. } => decided.into(),
        }
    }

    /// Whether this answer stops the transaction as if the indicators with these names, all of them the institution's own, had
    /// not been published: an order that turned out to be a fraud must not be found late by the flag it led to itself. A policy
    /// must decide so, and some other flag must be there.
    pub fn stops_without(&self, screening: &Screening, own: &MemberId, names: &[Commitment]) -> bool {
        let finds = || self.finds(screening, own, names);
        match self {
            Self::Any | Self::Corroborated => finds(),
            Self::Policy { .. } => screening.decision != Decision::Allow && (names.is_empty() || finds()),
        }
    }

    /// Whether there are flags enough on one identifier. To a policy one is enough.
    fn finds(&self, screening: &Screening, own: &MemberId, without: &[Commitment]) -> bool {
        let mut seen = screening.matches.iter().map(|found| Flags::of(found, own, without));
        match self {
            Self::Any | Self::Policy { .. } => seen.any(|flags| flags.institutions > 0),
            Self::Corroborated => seen.any(|flags| flags.own >= 2 || flags.institutions >= 2),
        }
    }

    /// Names that the rules of a policy read and that the history does not tell of: to the rules they are zero, false or empty.
    pub fn unknown(&self, told: Told) -> BTreeSet<String> {
        let policy = self.policy();
        let rules = policy.iter().flat_map(|policy| policy.rules()).filter(|rule| rule.mode != Mode::Off);
        rules.flat_map(|rule| reads(&rule.condition)).filter(|name| !told.tells(name)).collect()
    }
}

/// The flags on one identifier.
struct Flags {
    own: usize,
    institutions: usize,
}

impl Flags {
    fn of(found: &Match, own: &MemberId, without: &[Commitment]) -> Self {
        let left_out = found.indicators.iter().filter(|shown| without.contains(&shown.commitment)).count();
        let own_left = found.own.saturating_sub(left_out);
        // An identifier with several forms, such as an e-mail and its mailbox, has an indicator of each for one flag.
        let mut by_form: BTreeMap<IdentifierKind, usize> = BTreeMap::new();
        let shown = found.indicators.iter().filter(|shown| shown.reporter == *own);
        for indicator in shown.filter(|shown| !without.contains(&shown.commitment)) {
            *by_form.entry(indicator.kind).or_default() += 1;
        }
        let silenced = usize::from(found.own > 0 && own_left == 0);
        Self {
            own: by_form.into_values().max().unwrap_or_default(),
            institutions: found.members.saturating_sub(silenced),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_reads_and_no_history_tells_is_named() {
        let text = r#"
name = "shop"
version = 1

[amounts.large]
EUR = 1

[[rule]]
name = "known"
when = 'corroborated(2) && transaction.hour_utc > 5 && matches.exists(m, m.own > 1) && !freshness.degraded'
decision = "block"

[[rule]]
name = "unknown"
when = 'profile.country_new || over("large") || transaction.channel == "web"'
decision = "hold"

[[rule]]
name = "off"
when = 'lists.blocked'
decision = "hold"
mode = "off"
"#;
        let policy = Arc::new(Policy::parse(text, &Sha256Digest([0; 32])).expect("a policy"));
        let rule = StopRule::Policy { name: "shop".to_owned(), policy };
        let unknown = |told| rule.unknown(told).into_iter().collect::<Vec<String>>();
        assert_eq!(unknown(Told::default()), ["over", "profile.country_new", "transaction.channel"]);
        assert_eq!(unknown(Told { customer: true, country: true, ..Told::default() }), ["over", "transaction.channel"]);
        assert!(StopRule::Any.unknown(Told::default()).is_empty());
    }
}
