//! What stands behind a decision, as screening left it. Made into its parts beside screening, on the engine's thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::bytes::{LocalMac, Sha256Digest};
use crate::base::time::Timestamp;
use crate::domain::profile::anomaly::{Anomalies, Anomaly};
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::screening::answer::Screening;
use crate::domain::screening::policy::facts::Conditions;
use crate::domain::screening::policy::rule::Heard;
use crate::domain::screening::policy::word::Word;

/// All of it.
#[derive(Debug, Clone)]
pub struct Behind {
    pub screening: Arc<Screening>,
    /// The short form the customer was told.
    pub reference: String,
    /// Keyed fingerprints of the caller's references.
    pub transaction: Option<LocalMac>,
    pub customer: Option<LocalMac>,
    pub guard_sha256: Sha256Digest,
    pub asked: Asked,
    pub ruled: Ruled,
}

/// What the transaction said beside its identifiers.
#[derive(Debug, Clone)]
pub struct Asked {
    pub time: Timestamp,
    pub amount_minor: i64,
    /// Empty where not given.
    pub currency: String,
    pub channel: String,
    pub country: String,
    pub merchant_category: String,
    pub own_score: Option<u32>,
}

/// What the rules said, and what they knew beside transaction and matches.
#[derive(Debug, Clone, Default)]
pub struct Ruled {
    /// Name and version of the policy.
    pub policy: String,
    /// The rules that fired, by name.
    pub fired: Vec<(Word, Heard)>,
    pub profile: ProfileFacts,
    pub conditions: Conditions,
}

impl Behind {
    /// As facts, by the names that rules use.
    pub(super) fn facts(&self) -> BTreeMap<String, String> {
        let mut facts = self.asked.facts();
        facts.extend(self.ruled.facts());
        facts
    }
}

impl Asked {
    /// What was not given is no fact.
    fn facts(&self) -> BTreeMap<String, String> {
        let Self { time, amount_minor, currency, channel, country, merchant_category, own_score } = self;
        let facts = [
            ("time", time.to_string()),
            ("amount_minor", if currency.is_empty() { String::new() } else { amount_minor.to_string() }),
            ("currency", currency.clone()),
            ("channel", channel.clone()),
            ("country", country.clone()),
            ("merchant_category", merchant_category.clone()),
            ("own_score", own_score.map(|score| score.to_string()).unwrap_or_default()),
        ];
        let given = facts.into_iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| (format!("transaction.{name}"), value)).collect()
    }
}

impl Ruled {
    /// Of a customer who was not named nothing is known; each rule that fired says how it was heard.
    fn facts(&self) -> BTreeMap<String, String> {
        let Self { policy, fired, profile, conditions } = self;
        let mut facts: BTreeMap<String, String> =
            fired.iter().map(|(rule, heard)| (format!("rule.{rule}"), heard.label().to_owned())).collect();
        facts.extend((!policy.is_empty()).then(|| ("policy".to_owned(), policy.clone())));
        let passed = conditions.challenge_passed_s.map(|seconds| seconds.to_string());
        facts.extend(passed.map(|seconds| ("conditions.challenge_passed_s".to_owned(), seconds)));
        let anomalies: Vec<&str> = Anomalies::of(profile).iter().map(Anomaly::name).collect();
        facts.extend((!anomalies.is_empty()).then(|| ("anomalies".to_owned(), anomalies.join(","))));
        facts.extend(profile_facts(profile));
        facts
    }
}

fn profile_facts(profile: &ProfileFacts) -> impl Iterator<Item = (String, String)> + use<> {
    let ProfileFacts {
        named,
        orders,
        age_days,
        country_new,
        usual_country_percent,
        device_new,
        category_new,
        amount_percent_of_median,
        amount_deviation_tenths,
        count_1m,
        count_1h,
        count_24h,
        count_7d,
        spent_24h_minor,
        spent_7d_minor,
        impossible_travel,
    } = *profile;
    let facts = [
        ("orders", orders.to_string()),
        ("age_days", age_days.to_string()),
        ("country_new", country_new.to_string()),
        ("usual_country_percent", usual_country_percent.to_string()),
        ("device_new", device_new.to_string()),
        ("category_new", category_new.to_string()),
        ("amount_percent_of_median", amount_percent_of_median.to_string()),
        ("amount_deviation_tenths", amount_deviation_tenths.to_string()),
        ("count_1m", count_1m.to_string()),
        ("count_1h", count_1h.to_string()),
        ("count_24h", count_24h.to_string()),
        ("count_7d", count_7d.to_string()),
        ("spent_24h_minor", spent_24h_minor.to_string()),
        ("spent_7d_minor", spent_7d_minor.to_string()),
        ("impossible_travel", impossible_travel.to_string()),
    ];
    let told = facts.into_iter().filter(move |_| named);
    told.map(|(name, value)| (format!("profile.{name}"), value))
}
