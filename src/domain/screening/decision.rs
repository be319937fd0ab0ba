//! What to do with a transaction, why, and what to tell the customer.

use std::cmp::Reverse;
use std::fmt;

use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;

/// What to do, ascending by how much it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Let it pass.
    Allow,
    /// Ask the customer for a further proof (step-up verification).
    Challenge,
    /// Freeze it until somebody releases it.
    Hold,
    /// Refuse it.
    Block,
}

impl Decision {
    pub const ALL: [Self; 4] = [Self::Allow, Self::Challenge, Self::Hold, Self::Block];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Challenge => "challenge",
            Self::Hold => "hold",
            Self::Block => "block",
        }
    }

    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.label() == label)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Which rule spoke. In the order of precedence: where two ask for the same decision, the earlier comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonCode {
    /// A documented test value forced the answer.
    SandboxValue,
    /// The member's own allow list names an identifier.
    OwnAllowList,
    /// The member's own block list names an identifier.
    OwnBlockList,
    /// Two members flag one identifier.
    CorroboratedIndicator,
    /// Two members flag a payment card and nothing else counts against the transaction.
    CorroboratedCard,
    /// Two members flag one identifier, yet one of their feeds is stale.
    CorroboratedByStaleFeed,
    /// One member flags an identifier.
    SingleIndicator,
    /// Members flag an identifier, yet too few witnesses vouch for their feeds so far.
    ProvisionalIndicator,
    /// Members flag an identifier, yet others dispute what they say.
    DisputedIndicator,
    /// Identifiers of several kinds are flagged, each of which many innocents share.
    WeakIndicatorsTogether,
    /// An identifier many innocents share is flagged: for information only.
    WeakIndicator,
    /// What members say of an identifier has faded with age, or with how often they were wrong: for information only.
    FadedIndicator,
}

impl ReasonCode {
    pub const ALL: [Self; 12] = [
        Self::SandboxValue,
        Self::OwnAllowList,
        Self::OwnBlockList,
        Self::CorroboratedIndicator,
        Self::CorroboratedCard,
        Self::CorroboratedByStaleFeed,
        Self::SingleIndicator,
        Self::ProvisionalIndicator,
        Self::DisputedIndicator,
        Self::WeakIndicatorsTogether,
        Self::WeakIndicator,
        Self::FadedIndicator,
    ];

    /// Stable name; it never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SandboxValue => "sandbox_value",
            Self::OwnAllowList => "own_allow_list",
            Self::OwnBlockList => "own_block_list",
            Self::CorroboratedIndicator => "corroborated_indicator",
            Self::CorroboratedCard => "corroborated_card",
            Self::CorroboratedByStaleFeed => "corroborated_by_stale_feed",
            Self::SingleIndicator => "single_indicator",
            Self::ProvisionalIndicator => "provisional_indicator",
            Self::DisputedIndicator => "disputed_indicator",
            Self::WeakIndicatorsTogether => "weak_indicators_together",
            Self::WeakIndicator => "weak_indicator",
            Self::FadedIndicator => "faded_indicator",
        }
    }

    /// Whether it decides whatever the consortium says.
    const fn overrides(self) -> bool {
        match self {
            Self::SandboxValue | Self::OwnAllowList | Self::OwnBlockList => true,
            Self::CorroboratedIndicator
            | Self::CorroboratedCard
            | Self::CorroboratedByStaleFeed
            | Self::SingleIndicator
            | Self::ProvisionalIndicator
            | Self::DisputedIndicator
            | Self::WeakIndicatorsTogether
            | Self::WeakIndicator
            | Self::FadedIndicator => false,
        }
    }
}

/// One reason for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub code: ReasonCode,
    /// What this reason alone asks for.
    pub decision: Decision,
    /// Index of the identifier in the request.
    pub identifier: usize,
    /// Its kind as given.
    pub kind: IdentifierKind,
    /// Distinct members that speak.
    pub members: usize,
    /// Since when it stands on the own list that speaks; none for other reasons.
    pub since: Option<Timestamp>,
}

impl Reason {
    /// Sorts the strongest first: overrides by precedence, then the rest by decision, code and identifier.
    pub fn rank(&self) -> impl Ord + use<> {
        let override_rank = if self.code.overrides() { Some(Reverse(self.code)) } else { None };
        // Of several test values the one that stops most speaks.
        Reverse((override_rank, self.decision, Reverse(self.code), Reverse(self.identifier)))
    }

    /// In words, for staff.
    pub fn description(&self) -> String {
        let kind = in_words(self.kind);
        let members = self.members;
        let flag = if members == 1 { "1 member flags".to_owned() } else { format!("{members} members flag") };
        match self.code {
            ReasonCode::SandboxValue => format!("the {kind} is a documented test value that asks for this answer"),
            ReasonCode::OwnAllowList => format!("the {kind} stands on your own allow list{}", self.since_in_words()),
            ReasonCode::OwnBlockList => format!("the {kind} stands on your own block list{}", self.since_in_words()),
            ReasonCode::CorroboratedIndicator => format!("{flag} the {kind}"),
            ReasonCode::CorroboratedCard => {
                format!(
                    "{flag} the {kind} and nothing else speaks against the transaction: its genuine holder may still use it"
                )
            }
            ReasonCode::CorroboratedByStaleFeed => {
                format!("{flag} the {kind}, but not enough of their feeds are fresh: a retraction may be on its way")
            }
            ReasonCode::SingleIndicator => format!("{flag} the {kind}"),
            ReasonCode::ProvisionalIndicator => {
                format!("{flag} the {kind}, but too few witnesses vouch for it so far")
            }
            ReasonCode::DisputedIndicator => {
                format!("{flag} the {kind}, but what is said is disputed: it may challenge, not block")
            }
            ReasonCode::WeakIndicatorsTogether => {
                format!("{flag} the {kind}, which many people share; another such identifier is flagged as well")
            }
            ReasonCode::WeakIndicator => {
                format!("{flag} the {kind}, which many people share: for information only")
            }
            ReasonCode::FadedIndicator => {
                format!(
                    "{flag} the {kind}, but so long ago, or so often wrongly, that it no longer counts: for information only"
                )
            }
        }
    }
}

impl Reason {
    fn since_in_words(&self) -> String {
        self.since.map(|since| format!(" since {since}")).unwrap_or_default()
    }
}

/// A kind in words.
pub fn in_words(kind: IdentifierKind) -> &'static str {
    match kind {
        IdentifierKind::Pan => "payment card number",
        IdentifierKind::Iban => "IBAN",
        IdentifierKind::Account => "bank account",
        IdentifierKind::Email => "e-mail address",
        IdentifierKind::Mailbox => "mailbox",
        IdentifierKind::Phone => "phone number",
        IdentifierKind::Device => "device",
        IdentifierKind::Ip => "IP address",
        IdentifierKind::Ip6Net => "IPv6 network",
        IdentifierKind::Wallet => "wallet",
        IdentifierKind::Domain => "domain",
        IdentifierKind::Url => "web address",
        IdentifierKind::Address => "postal address",
        IdentifierKind::Merchant => "merchant",
        IdentifierKind::Par => "payment account reference",
        IdentifierKind::Token => "card token",
    }
}

/// Key of the text shown to the customer; it tells what to do and nothing of what others reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    Proceed,
    VerifyCustomer,
    ContactCardIssuer,
    PaymentOnHold,
    PaymentRefused,
}

impl Advice {
    /// The advice that goes with a decision and the reason that carried it.
    pub fn of(decision: Decision, carried_by: Option<ReasonCode>) -> Self {
        match decision {
            Decision::Allow => Self::Proceed,
            Decision::Challenge => Self::VerifyCustomer,
            Decision::Hold if carried_by == Some(ReasonCode::CorroboratedCard) => Self::ContactCardIssuer,
            Decision::Hold => Self::PaymentOnHold,
            Decision::Block => Self::PaymentRefused,
        }
    }

    /// Stable key.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Proceed => "proceed",
            Self::VerifyCustomer => "verify_customer",
            Self::ContactCardIssuer => "contact_card_issuer",
            Self::PaymentOnHold => "payment_on_hold",
            Self::PaymentRefused => "payment_refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: ReasonCode, decision: Decision, identifier: usize) -> Reason {
        Reason { code, decision, identifier, kind: IdentifierKind::Email, members: 2, since: None }
    }

    #[test]
    fn reasons_stand_strongest_first_and_own_lists_above_all() {
        let mut reasons = [
            reason(ReasonCode::WeakIndicator, Decision::Allow, 0),
            reason(ReasonCode::SingleIndicator, Decision::Challenge, 4),
            reason(ReasonCode::SingleIndicator, Decision::Challenge, 1),
            reason(ReasonCode::OwnBlockList, Decision::Block, 2),
            reason(ReasonCode::CorroboratedIndicator, Decision::Block, 3),
            reason(ReasonCode::CorroboratedByStaleFeed, Decision::Hold, 5),
            reason(ReasonCode::OwnAllowList, Decision::Allow, 6),
        ];
        reasons.sort_by_key(Reason::rank);
        let order: Vec<usize> = reasons.iter().map(|reason| reason.identifier).collect();
        assert_eq!(order, [6, 2, 3, 5, 1, 4, 0]);
    }

    #[test]
    fn names_are_distinct_and_descriptions_name_kind_and_members() {
        let names: std::collections::BTreeSet<_> = ReasonCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ReasonCode::ALL.len());
        let words = reason(ReasonCode::CorroboratedIndicator, Decision::Block, 0).description();
        assert_eq!(words, "2 members flag the e-mail address");
        let listed = Reason {
            since: Some(Timestamp::from_unix_s(1_795_000_000)),
            ..reason(ReasonCode::OwnBlockList, Decision::Block, 0)
        };
        assert_eq!(
            listed.description(),
            "the e-mail address stands on your own block list since 2026-11-18T11:06:40.000Z"
        );
    }
}
