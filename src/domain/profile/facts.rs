//! How one transaction stands against its customer's profile: what policies are written in.

/// Facts about one transaction, taken before the transaction itself enters the profile. All zero and false where the caller
/// names no customer; mostly so for a customer never seen before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProfileFacts {
    /// The caller named a customer.
    pub named: bool,
    /// Transactions of this customer that passed before.
    pub orders: u32,
    /// Whole days since the first of them.
    pub age_days: u32,
    /// The customer has a habit of countries, and this country is not among them.
    pub country_new: bool,
    /// Share of the customer's transactions from its most frequent country, percent.
    pub usual_country_percent: u32,
    /// The customer has known devices, and none of this transaction's is among them.
    pub device_new: bool,
    /// The customer has a habit of merchant categories, and this category is not among them.
    pub category_new: bool,
    /// Amount against the customer's median amount in this currency, percent; 0 where there is no habit yet.
    pub amount_percent_of_median: u32,
    /// The amount's distance from the median in robust standard deviations (1.4826 times the median absolute deviation),
    /// tenths; 0 below the median and where there is no habit yet.
    pub amount_deviation_tenths: u32,
    /// Transactions in the last minute, hour, day and week, stopped ones and this one included. Windows of buckets: they cover up
    /// to a sixth more, see [`mod@crate::domain::profile::windows`].
    pub count_1m: u32,
    pub count_1h: u32,
    pub count_24h: u32,
    pub count_7d: u32,
    /// Amounts asked for in the last day and week in this currency, minor units, stopped ones and this one included.
    pub spent_24h_minor: u64,
    pub spent_7d_minor: u64,
    /// Nobody travels this fast from the country of the customer's last transaction to the country of this one.
    pub impossible_travel: bool,
}
