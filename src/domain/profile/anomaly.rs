//! What is unusual about a transaction, in words that never change.

use crate::domain::profile::facts::ProfileFacts;

/// One unusual thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anomaly {
    /// A country the customer does not order from.
    NewCountry,
    /// A device the customer does not use.
    NewDevice,
    /// A merchant category the customer does not buy in.
    NewCategory,
    /// Far more than the customer spends.
    AmountUnusual,
    /// Far more often than the customer buys.
    Velocity,
    /// Nobody travels this fast.
    ImpossibleTravel,
}

/// Of the median, percent, and tenths of a robust standard deviation above it: an amount is unusual from both on. For one who
/// always spends the same, three times as much is; for one who spends this and that, five deviations more.
const UNUSUAL_AMOUNT: (u32, u32) = (300, 50);

/// Orders in a minute and in an hour from which on it may be a burst.
const BURST: (u32, u32) = (5, 10);

impl Anomaly {
    pub const ALL: [Self; 6] = [
        Self::NewCountry,
        Self::NewDevice,
        Self::NewCategory,
        Self::AmountUnusual,
        Self::Velocity,
        Self::ImpossibleTravel,
    ];

    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NewCountry => "new_country",
            Self::NewDevice => "new_device",
            Self::NewCategory => "new_category",
            Self::AmountUnusual => "amount_unusual",
            Self::Velocity => "velocity",
            Self::ImpossibleTravel => "impossible_travel",
        }
    }

    const fn applies(self, facts: &ProfileFacts) -> bool {
        match self {
            Self::NewCountry => facts.country_new,
            Self::NewDevice => facts.device_new,
            Self::NewCategory => facts.category_new,
            Self::AmountUnusual => {
                facts.amount_percent_of_median >= UNUSUAL_AMOUNT.0 && facts.amount_deviation_tenths >= UNUSUAL_AMOUNT.1
            }
            // Bursts stand out against the customer's own day and week: a buyer who orders all day long is no burst.
            Self::Velocity => {
                (facts.count_1m >= BURST.0 && facts.count_1m.saturating_mul(3) >= facts.count_24h)
                    || (facts.count_1h >= BURST.1 && facts.count_1h.saturating_mul(3) >= facts.count_7d)
            }
            Self::ImpossibleTravel => facts.impossible_travel,
        }
    }
}

/// All that is unusual about one transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Anomalies(u8);

impl Anomalies {
    pub fn of(facts: &ProfileFacts) -> Self {
        let applying = Anomaly::ALL.iter().enumerate().filter(|(_, anomaly)| anomaly.applies(facts));
        Self(applying.fold(0, |bits, (at, _)| bits | 1 << at))
    }

    /// In the order of [`Anomaly::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Anomaly> {
        Anomaly::ALL.into_iter().enumerate().filter(move |(at, _)| self.0 & 1 << at != 0).map(|(_, anomaly)| anomaly)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether somebody should look at it although nothing stopped it: a burst, a journey nobody makes, or two things at once. A
    /// new device alone is every tenth order.
    pub fn alert(self) -> bool {
        self.0.count_ones() > 1
            || self.iter().any(|anomaly| match anomaly {
                Anomaly::Velocity | Anomaly::ImpossibleTravel => true,
                Anomaly::NewCountry | Anomaly::NewDevice | Anomaly::NewCategory | Anomaly::AmountUnusual => false,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(facts: ProfileFacts, words: &[&str], alert: bool) {
        let anomalies = Anomalies::of(&facts);
        let told: Vec<&str> = anomalies.iter().map(Anomaly::name).collect();
        assert_eq!(told, words, "{facts:?}");
        assert_eq!((anomalies.alert(), anomalies.is_empty()), (alert, words.is_empty()), "{facts:?}");
    }

    #[test]
    fn each_word_has_its_facts() {
        let usual = ProfileFacts { named: true, orders: 20, count_1m: 1, count_7d: 4, ..ProfileFacts::default() };
        check(usual, &[], false);
        check(ProfileFacts { country_new: true, ..usual }, &["new_country"], false);
        check(ProfileFacts { device_new: true, ..usual }, &["new_device"], false);
        check(ProfileFacts { category_new: true, ..usual }, &["new_category"], false);
        check(ProfileFacts { device_new: true, country_new: true, ..usual }, &["new_country", "new_device"], true);
        check(ProfileFacts { impossible_travel: true, ..usual }, &["impossible_travel"], true);
        let amount = |percent, tenths| ProfileFacts {
            amount_percent_of_median: percent,
            amount_deviation_tenths: tenths,
            ..usual
        };
        check(amount(300, 50), &["amount_unusual"], false);
        check(amount(299, 500), &[], false);
        check(amount(900, 49), &[], false);
    }

    #[test]
    fn a_burst_stands_out_against_the_customers_own_week() {
        let counts = |count_1m, count_1h, count_24h, count_7d| ProfileFacts {
            count_1m,
            count_1h,
            count_24h,
            count_7d,
            ..ProfileFacts::default()
        };
        check(counts(5, 5, 5, 5), &["velocity"], true);
        check(counts(4, 9, 9, 9), &[], false);
        check(counts(5, 300, 2_000, 12_000), &[], false);
        check(counts(1, 10, 10, 30), &["velocity"], true);
        check(counts(1, 10, 31, 31), &[], false);
    }
}
