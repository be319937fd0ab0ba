//! What to do with a transaction, why, and what to tell the customer.

use std::cmp::Reverse;
use std::fmt;

use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::screening::policy::word::Word;

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

/// What spoke. The first three stand above every rule, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReasonCode {
    /// A documented test value forced the answer.
    SandboxValue,
    /// The member's own allow list names an identifier.
    OwnAllowList,
    /// The member's own block list names an identifier.
    OwnBlockList,
    /// A rule of the policy, at this place in its file, with the word it gives as its reason.
    Rule { place: usize, rule: Word, reason: Word },
}

impl ReasonCode {
    /// Stable name; it never changes for what is no rule.
    pub fn name(&self) -> &str {
        match self {
            Self::SandboxValue => "sandbox_value",
            Self::OwnAllowList => "own_allow_list",
            Self::OwnBlockList => "own_block_list",
            Self::Rule { reason, .. } => reason.as_str(),
        }
    }

    /// The name of the rule, where one spoke.
    pub fn rule(&self) -> Option<&Word> {
        match self {
            Self::Rule { rule, .. } => Some(rule),
            Self::SandboxValue | Self::OwnAllowList | Self::OwnBlockList => None,
        }
    }

    /// Ascending by precedence; the place of a rule counts only among equal decisions.
    const fn precedence(&self) -> (u8, usize) {
        match self {
            Self::SandboxValue => (0, 0),
            Self::OwnAllowList => (1, 0),
            Self::OwnBlockList => (2, 0),
            Self::Rule { place, .. } => (3, *place),
        }
    }
}

/// One reason for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub code: ReasonCode,
    /// What this reason alone asks for.
    pub decision: Decision,
    /// Index of the identifier in the request; none where it is about the transaction.
    pub identifier: Option<usize>,
    /// Distinct members that speak.
    pub members: usize,
    /// Since when it stands on the own list that speaks; none for other reasons.
    pub since: Option<Timestamp>,
    /// The key its rule gives for the text to the customer.
    pub advice: Option<Word>,
    /// In words, for staff.
    pub description: String,
    /// It is never the only ground for ending the relationship with a customer.
    pub not_sole_basis: bool,
}

impl Reason {
    /// Sorts the strongest first: what stands above the rules by precedence, then by decision, place in the file and
    /// identifier.
    pub fn rank(&self) -> impl Ord + use<> {
        let (above, place) = self.code.precedence();
        // Of several test values the one that stops most speaks.
        (above, Reverse(self.decision), place, self.identifier)
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    Proceed,
    VerifyCustomer,
    PaymentOnHold,
    PaymentRefused,
    /// What the rule that carried the decision names.
    OfRule(Word),
}

impl Advice {
    /// The advice that goes with a decision and the reason that carried it.
    pub fn of(decision: Decision, carried_by: Option<&Reason>) -> Self {
        if let Some(named) = carried_by.and_then(|reason| reason.advice.clone()) {
            return Self::OfRule(named);
        }
        match decision {
            Decision::Allow => Self::Proceed,
            Decision::Challenge => Self::VerifyCustomer,
            Decision::Hold => Self::PaymentOnHold,
            Decision::Block => Self::PaymentRefused,
        }
    }

    /// Stable key.
    pub fn key(&self) -> &str {
        match self {
            Self::Proceed => "proceed",
            Self::VerifyCustomer => "verify_customer",
            Self::PaymentOnHold => "payment_on_hold",
            Self::PaymentRefused => "payment_refused",
            Self::OfRule(word) => word.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: ReasonCode, decision: Decision, identifier: usize) -> Reason {
        Reason {
            code,
            decision,
            identifier: Some(identifier),
            members: 2,
            since: None,
            advice: None,
            description: String::new(),
            not_sole_basis: true,
        }
    }

    #[test]
    fn reasons_stand_strongest_first_and_own_lists_above_all() {
        let rule = |place: usize| {
            let word: Word = format!("rule_{place}").parse().expect("a word");
            ReasonCode::Rule { place, rule: word.clone(), reason: word }
        };
        let mut reasons = [
            reason(rule(0), Decision::Allow, 0),
            reason(rule(3), Decision::Challenge, 4),
            reason(rule(3), Decision::Challenge, 1),
            reason(ReasonCode::OwnBlockList, Decision::Block, 2),
            reason(rule(9), Decision::Block, 3),
            reason(rule(2), Decision::Hold, 5),
            reason(ReasonCode::OwnAllowList, Decision::Allow, 6),
            reason(rule(1), Decision::Hold, 7),
        ];
        reasons.sort_by_key(Reason::rank);
        let order: Vec<usize> = reasons.iter().filter_map(|reason| reason.identifier).collect();
        assert_eq!(order, [6, 2, 3, 7, 5, 1, 4, 0]);
    }
}
