//! One transaction to screen, within its bounds. All of it stays inside the node.

use std::fmt;

use zeroize::Zeroizing;

use crate::base::limits::{CLOCK_AHEAD_S, IDENTIFIERS_PER_TRANSACTION, SOURCE_REF_CHARACTERS};
use crate::base::time::Timestamp;
use crate::domain::identifier::RawIdentifier;
use crate::domain::profile::event::{CATEGORY_CHARACTERS, Category};

/// Characters of a channel's name.
const CHANNEL_CHARACTERS: usize = 32;

/// Highest score of a caller's own system.
const OWN_SCORE_MAX: u32 = 1_000;

/// A transaction was refused as a whole: which field broke which rule, never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    #[error("a transaction needs at least one identifier")]
    NoIdentifiers,
    #[error("a transaction has at most {IDENTIFIERS_PER_TRANSACTION} identifiers, got {got}")]
    TooManyIdentifiers { got: usize },
    #[error("the amount must not be negative")]
    NegativeAmount,
    #[error("a currency is three upper-case letters, ISO 4217")]
    Currency,
    #[error("the time lies more than {CLOCK_AHEAD_S} seconds in the future")]
    FromTheFuture,
    #[error("a channel is a lower-case word of at most {CHANNEL_CHARACTERS} letters, digits, '-' or '_'")]
    Channel,
    #[error("a country is two upper-case letters, ISO 3166-1")]
    Country,
    #[error("a reference has at most {SOURCE_REF_CHARACTERS} characters, got {got}")]
    ReferenceLength { field: &'static str, got: usize },
    #[error(
        "a merchant category is a code of four digits (ISO 18245) or a lower-case word of at most {CATEGORY_CHARACTERS} letters, \
         '-', '_' and up to four digits"
    )]
    MerchantCategory,
    #[error("the own score lies between 0 and {OWN_SCORE_MAX}, got {got}")]
    OwnScore { got: u32 },
}

impl TransactionError {
    /// The field that broke the rule.
    pub const fn field(self) -> &'static str {
        match self {
            Self::NoIdentifiers | Self::TooManyIdentifiers { .. } => "identifiers",
            Self::NegativeAmount => "amount_minor",
            Self::Currency => "currency",
            Self::FromTheFuture => "time",
            Self::Channel => "channel",
            Self::Country => "country",
            Self::ReferenceLength { field, .. } => field,
            Self::MerchantCategory => "merchant_category",
            Self::OwnScore { .. } => "own_score",
        }
    }

    /// Stable name of the rule.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::NoIdentifiers => "missing",
            Self::TooManyIdentifiers { .. } => "too_many",
            Self::NegativeAmount => "negative",
            Self::Currency => "iso_4217",
            Self::FromTheFuture => "from_the_future",
            Self::Channel => "channel_name",
            Self::Country => "iso_3166",
            Self::ReferenceLength { .. } => "too_long",
            Self::MerchantCategory => "category",
            Self::OwnScore { .. } => "score_range",
        }
    }
}

/// A caller's reference of its customer. Closed: stored only as a keyed hash, wiped on drop.
#[derive(Clone, Default)]
pub struct CustomerRef(Zeroizing<String>);

impl CustomerRef {
    pub fn new(reference: String) -> Self {
        Self(Zeroizing::new(reference))
    }

    pub fn characters(&self) -> usize {
        self.0.chars().count()
    }

    /// For the keyed hash only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CustomerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerRef(…)")
    }
}

/// A caller's reference of its order. Closed: stored only as a keyed hash, wiped on drop.
#[derive(Clone, Default)]
pub struct TransactionRef(Zeroizing<String>);

impl TransactionRef {
    pub fn new(reference: String) -> Self {
        Self(Zeroizing::new(reference))
    }

    /// For the keyed hash only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TransactionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionRef(…)")
    }
}

/// A transaction as a caller describes it.
#[derive(Debug, Default)]
pub struct TransactionDraft {
    pub identifiers: Vec<RawIdentifier>,
    pub amount_minor: i64,
    /// Empty where not given.
    pub currency: String,
    /// Now where not given.
    pub time: Option<Timestamp>,
    /// Empty where not given.
    pub channel: String,
    /// Empty where not given.
    pub country: String,
    pub customer_ref: CustomerRef,
    pub transaction_ref: TransactionRef,
    pub own_score: Option<u32>,
    /// Empty where not given.
    pub merchant_category: String,
}

/// A transaction that keeps every bound. Its identifiers may still be malformed one by one.
#[derive(Debug)]
pub struct Transaction {
    draft: TransactionDraft,
    time: Timestamp,
    category: Option<Category>,
}

impl Transaction {
    pub fn new(draft: TransactionDraft, now: Timestamp) -> Result<Self, TransactionError> {
        let identifiers = draft.identifiers.len();
        if identifiers == 0 {
            return Err(TransactionError::NoIdentifiers);
        }
        if identifiers > IDENTIFIERS_PER_TRANSACTION {
            return Err(TransactionError::TooManyIdentifiers { got: identifiers });
        }
        if draft.amount_minor < 0 {
            return Err(TransactionError::NegativeAmount);
        }
        let upper =
            |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if !draft.currency.is_empty() && !upper(&draft.currency, 3) {
            return Err(TransactionError::Currency);
        }
        if !draft.country.is_empty() && !upper(&draft.country, 2) {
            return Err(TransactionError::Country);
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        if draft.channel.len() > CHANNEL_CHARACTERS || !draft.channel.bytes().all(plain) {
            return Err(TransactionError::Channel);
        }
        let references = [("customer_ref", &draft.customer_ref.0), ("transaction_ref", &draft.transaction_ref.0)];
        for (field, reference) in references {
            let got = reference.chars().count();
            if got > SOURCE_REF_CHARACTERS {
                return Err(TransactionError::ReferenceLength { field, got });
            }
        }
        if let Some(got) = draft.own_score.filter(|score| *score > OWN_SCORE_MAX) {
            return Err(TransactionError::OwnScore { got });
        }
        let category = Category::parse(&draft.merchant_category);
        if category.is_none() && !draft.merchant_category.is_empty() {
            return Err(TransactionError::MerchantCategory);
        }
        let time = draft.time.unwrap_or(now);
        if time > now.plus_s(CLOCK_AHEAD_S) {
            return Err(TransactionError::FromTheFuture);
        }
        Ok(Self { draft, time, category })
    }

    /// What is left of it without its identifiers and without who its customer is: enough to judge it again.
    pub fn outline(&self) -> Self {
        let TransactionDraft { amount_minor, currency, time, channel, country, own_score, merchant_category, .. } =
            &self.draft;
        let draft = TransactionDraft {
            amount_minor: *amount_minor,
            currency: currency.clone(),
            time: *time,
            channel: channel.clone(),
            country: country.clone(),
            own_score: *own_score,
            merchant_category: merchant_category.clone(),
            ..TransactionDraft::default()
        };
        Self { draft, time: self.time, category: self.category }
    }

    /// Empty in an outline only.
    pub fn identifiers(&self) -> &[RawIdentifier] {
        &self.draft.identifiers
    }

    /// Amount in minor units and its currency, empty where not given.
    pub fn amount(&self) -> (i64, &str) {
        (self.draft.amount_minor, &self.draft.currency)
    }

    pub fn time(&self) -> Timestamp {
        self.time
    }

    pub fn channel(&self) -> &str {
        &self.draft.channel
    }

    pub fn country(&self) -> &str {
        &self.draft.country
    }

    pub fn customer_ref(&self) -> &CustomerRef {
        &self.draft.customer_ref
    }

    pub fn transaction_ref(&self) -> &TransactionRef {
        &self.draft.transaction_ref
    }

    pub fn merchant_category(&self) -> Option<Category> {
        self.category
    }

    /// 0 to 1000.
    pub fn own_score(&self) -> Option<u32> {
        self.draft.own_score
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::kind::IdentifierKind;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn draft() -> TransactionDraft {
        TransactionDraft {
            identifiers: vec![RawIdentifier::new(IdentifierKind::Device, "device-0001".to_owned())],
            amount_minor: 1_299,
            currency: "EUR".to_owned(),
            channel: "web".to_owned(),
            country: "DE".to_owned(),
            own_score: Some(1_000),
            ..TransactionDraft::default()
        }
    }

    #[test]
    fn a_transaction_within_its_bounds_is_taken_and_made_now_by_default() {
        let transaction = Transaction::new(draft(), NOW).expect("keeps every bound");
        assert_eq!((transaction.time(), transaction.amount()), (NOW, (1_299, "EUR")));
        let bare = TransactionDraft { identifiers: draft().identifiers, ..TransactionDraft::default() };
        assert!(Transaction::new(bare, NOW).is_ok());
    }

    #[test]
    fn each_bound_refuses_by_field_and_rule() {
        let check = |change: &dyn Fn(&mut TransactionDraft), field: &str, rule: &str| {
            let mut draft = draft();
            change(&mut draft);
            let error = Transaction::new(draft, NOW).expect_err("a bound is broken");
            assert_eq!((error.field(), error.rule()), (field, rule));
        };
        check(&|draft| draft.identifiers.clear(), "identifiers", "missing");
        let many = || (0..33).map(|_| RawIdentifier::new(IdentifierKind::Device, "device-0001".to_owned())).collect();
        check(&|draft| draft.identifiers = many(), "identifiers", "too_many");
        check(&|draft| draft.amount_minor = -1, "amount_minor", "negative");
        check(&|draft| draft.currency = "eur".to_owned(), "currency", "iso_4217");
        check(&|draft| draft.country = "DEU".to_owned(), "country", "iso_3166");
        check(&|draft| draft.channel = "Web shop".to_owned(), "channel", "channel_name");
        check(&|draft| draft.customer_ref = CustomerRef::new("x".repeat(129)), "customer_ref", "too_long");
        check(&|draft| draft.transaction_ref = TransactionRef::new("x".repeat(129)), "transaction_ref", "too_long");
        check(&|draft| draft.own_score = Some(1_001), "own_score", "score_range");
        check(&|draft| draft.merchant_category = "54".to_owned(), "merchant_category", "category");
        check(&|draft| draft.time = Some(NOW.plus_s(301)), "time", "from_the_future");
    }

    #[test]
    fn debug_shows_neither_identifiers_nor_the_customer() {
        let mut draft = draft();
        draft.customer_ref = CustomerRef::new("jane".to_owned());
        draft.transaction_ref = TransactionRef::new("jane-1".to_owned());
        let shown = format!("{:?}", Transaction::new(draft, NOW).expect("valid"));
        assert!(!shown.contains("jane") && !shown.contains("device-0001"), "{shown}");
    }
}
