//! What rows tell of an order beside its identifiers, time and amount: whose it is, where it comes from, what it is for. Customers'
//! profiles and policies are made of it.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::app::replay::raw_text::RawText;
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::identifier::RawIdentifier;
use crate::domain::screening::transaction::{CustomerRef, Transaction, TransactionDraft, TransactionError};

/// What some column tells, so that rules that read it mean something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    pub amount: bool,
    pub customer: bool,
    pub country: bool,
    pub currency: bool,
    pub channel: bool,
    pub category: bool,
    pub own_score: bool,
    /// Identifiers of devices.
    pub device: bool,
}

impl Told {
    /// Whether a replay gives this name of the language of policies its value.
    pub fn tells(self, name: &str) -> bool {
        let has_price = self.amount && self.currency;
        match name.split_once('.') {
            Some(("transaction", field)) => match field {
                "amount_minor" => self.amount,
                "country" => self.country,
                "currency" => self.currency,
                "channel" => self.channel,
                "own_score" | "has_own_score" => self.own_score,
                "identifiers" | "kinds" | "hour_utc" | "weekday" => true,
                _ => false,
            },
            Some(("profile", field)) if self.customer => match field {
                "country_new" | "usual_country_percent" | "impossible_travel" => self.country,
                "device_new" => self.device,
                "category_new" => self.category,
                "amount_percent_of_median" | "amount_deviation_tenths" | "spent_24h_minor" | "spent_7d_minor" => {
                    has_price
                }
                "named" | "orders" | "age_days" | "count_1m" | "count_1h" | "count_24h" | "count_7d" => true,
                _ => false,
            },
            Some((group, _)) => ["match", "freshness"].contains(&group),
            None if name == "over" => has_price,
            None => ["matches", "members", "corroborated", "flags"].contains(&name),
        }
    }
}

/// Where an order comes from and what it is for. Each empty where the row does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    pub country: String,
    pub currency: String,
    pub channel: String,
    pub category: String,
}

impl About {
    /// What of it a checkout may say.
    pub fn draft(&self, own_score: Option<u32>) -> TransactionDraft {
        TransactionDraft {
            country: self.country.clone(),
            currency: self.currency.clone(),
            channel: self.channel.clone(),
            merchant_category: self.category.clone(),
            own_score,
            ..TransactionDraft::default()
        }
    }

    /// Refuses what a node would refuse of a checkout.
    pub fn check(&self, customer: &str, own_score: Option<u32>) -> Result<(), TransactionError> {
        let any = RawIdentifier::new(IdentifierKind::Device, String::new());
        let customer_ref = CustomerRef::new(customer.to_owned());
        let draft = TransactionDraft { identifiers: vec![any], customer_ref, ..self.draft(own_score) };
        Transaction::new(draft, Timestamp::from_unix_ms(0)).map(|_| ())
    }
}

/// Names one [`About`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AboutId(u32);

/// All that occur: far fewer than there are rows.
#[derive(Debug, Default)]
pub struct Abouts {
    known: BTreeMap<About, AboutId>,
    by_id: Vec<About>,
}

impl Abouts {
    pub fn take(&mut self, about: About) -> AboutId {
        if let Some(id) = self.known.get(&about) {
            return *id;
        }
        let id = AboutId(next(self.by_id.len()));
        self.by_id.push(about.clone());
        self.known.insert(about, id);
        id
    }

    pub fn of(&self, id: AboutId) -> &About {
        self.by_id.get(wide(id.0)).expect("ids come from this list")
    }
}

/// Names one customer of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomerId(u32);

/// References of customers, each kept once.
#[derive(Default)]
pub struct Customers {
    known: BTreeMap<RawText, CustomerId>,
    by_id: Vec<RawText>,
}

impl fmt::Debug for Customers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Customers({} distinct)", self.by_id.len())
    }
}

impl Customers {
    pub fn take(&mut self, reference: Zeroizing<String>) -> CustomerId {
        let reference = RawText::new(reference);
        if let Some(id) = self.known.get(&reference) {
            return *id;
        }
        let id = CustomerId(next(self.by_id.len()));
        self.by_id.push(reference.clone());
        self.known.insert(reference, id);
        id
    }

    /// As the checkout gives it, for the node.
    pub fn reference(&self, id: CustomerId) -> CustomerRef {
        let reference = self.by_id.get(wide(id.0)).expect("ids come from this list");
        CustomerRef::new(reference.copied())
    }
}

fn next(length: usize) -> u32 {
    u32::try_from(length).expect("rows are bounded")
}

fn wide(id: u32) -> usize {
    usize::try_from(id).expect("32 bits fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_where_every_column_it_is_made_of_is() {
        let all = Told {
            amount: true,
            customer: true,
            country: true,
            currency: true,
            channel: true,
            category: true,
            own_score: true,
            device: true,
        };
        let check = |names: &[&str], told: Told| {
            for name in names {
                assert!(all.tells(name) && !told.tells(name), "{name}");
            }
        };
        check(&["transaction.country", "profile.impossible_travel"], Told { country: false, ..all });
        check(&["over", "profile.spent_7d_minor", "transaction.currency"], Told { currency: false, ..all });
        check(&["over", "profile.amount_percent_of_median", "transaction.amount_minor"], Told { amount: false, ..all });
        check(&["profile.named", "profile.count_1m", "profile.country_new"], Told { customer: false, ..all });
        check(&["profile.device_new"], Told { device: false, ..all });
        check(&["profile.category_new"], Told { category: false, ..all });
        check(&["transaction.channel"], Told { channel: false, ..all });
        check(&["transaction.own_score", "transaction.has_own_score"], Told { own_score: false, ..all });
        for name in ["lists.blocked", "challenge_passed", "conditions.challenge_passed_s"] {
            assert!(!all.tells(name), "{name}");
        }
        for name in ["match.own", "members", "transaction.hour_utc", "freshness.degraded"] {
            assert!(Told::default().tells(name), "{name}");
        }
    }

    #[test]
    fn customers_are_kept_once_and_not_shown() {
        let mut customers = Customers::default();
        let mut take = |text: &str| customers.take(Zeroizing::new(text.to_owned()));
        let (jane, june) = (take("jane"), take("june"));
        assert!(take("jane") == jane && jane != june);
        assert_eq!(format!("{customers:?}"), "Customers(2 distinct)");
    }

    #[test]
    fn what_a_node_would_refuse_of_a_checkout_is_refused_by_field_and_rule() {
        let check = |about: About, customer: &str, own_score: Option<u32>, expected: Option<(&str, &str)>| {
            let refused = about.check(customer, own_score).err().map(|error| (error.field(), error.rule()));
            assert_eq!(refused, expected);
        };
        let about = |country: &str| About { country: country.to_owned(), ..About::default() };
        check(About::default(), "", None, None);
        check(about("DE"), "c-1", Some(1_000), None);
        check(about("de"), "c-1", None, Some(("country", "iso_3166")));
        check(about("DE"), &"x".repeat(129), None, Some(("customer_ref", "too_long")));
        check(about("DE"), "c-1", Some(1_001), Some(("own_score", "score_range")));
    }
}
