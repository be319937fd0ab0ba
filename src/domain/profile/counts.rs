//! How often and how much a customer bought lately.

use crate::domain::profile::amounts::Amounts;
use crate::domain::profile::event::{Amount, Currency};
use crate::domain::profile::few::Few;
use crate::domain::profile::windows::{AmountDay, Day, Hour, Minute, Week};

/// Currencies of one customer.
pub const CURRENCIES: usize = 3;

/// Orders one bucket counts at most: who buys sixteen thousand times in ten seconds has been noticed.
pub const BUCKET_ORDERS: u64 = (1 << 14) - 1;

/// Minor units one bucket of spending holds at most.
pub const BUCKET_MINOR: u64 = (1 << 42) - 1;

/// Orders by time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub minute: Minute,
    pub hour: Hour,
    pub day: Day,
    pub week: Week,
}

impl Counts {
    pub fn advance(&mut self, from: u64, to: u64) {
        self.minute.advance(from, to);
        self.hour.advance(from, to);
        self.day.advance(from, to);
        self.week.advance(from, to);
    }

    pub fn count(&mut self, latest: u64, at: u64) {
        self.minute.add(latest, at, 1, BUCKET_ORDERS);
        self.hour.add(latest, at, 1, BUCKET_ORDERS);
        self.day.add(latest, at, 1, BUCKET_ORDERS);
        self.week.add(latest, at, 1, BUCKET_ORDERS);
    }
}

/// What a customer spends in one currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spending {
    pub currency: Currency,
    pub amounts: Amounts,
    pub day: AmountDay,
    pub week: Week,
}

/// By currency, in the order in which they were first seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purse(pub Few<Spending, CURRENCIES>);

impl Purse {
    pub fn of(&self, currency: Currency) -> Option<&Spending> {
        self.0.iter().find(|spending| spending.currency == currency)
    }

    pub fn advance(&mut self, from: u64, to: u64) {
        for spending in self.0.as_mut_slice() {
            spending.day.advance(from, to);
            spending.week.advance(from, to);
        }
    }

    /// Counts an amount towards what is spent. A currency there is no room for is left out.
    pub fn count(&mut self, amount: Amount, latest: u64, at: u64) {
        if let Some(spending) = self.place(amount.currency, false) {
            spending.day.add(latest, at, amount.minor, BUCKET_MINOR);
            spending.week.add(latest, at, amount.minor, BUCKET_MINOR);
        }
    }

    /// Takes an amount into the habits. Nothing costs nothing by habit: the check of a card is no order.
    pub fn learn(&mut self, amount: Amount) {
        if amount.minor == 0 {
            return;
        }
        if let Some(spending) = self.place(amount.currency, true) {
            spending.amounts.learn(amount.minor);
        }
    }

    /// Where a currency is kept. With `make_room` in place of the one least is known of: only what passed may push a habit out.
    fn place(&mut self, currency: Currency, make_room: bool) -> Option<&mut Spending> {
        let spending = Spending { currency, ..Spending::default() };
        if self.of(currency).is_none() && !self.0.push(spending) {
            let rarest = |spending: &&mut Spending| spending.amounts.orders();
            let least = self.0.as_mut_slice().iter_mut().rev().min_by_key(rarest).filter(|_| make_room)?;
            *least = spending;
        }
        self.0.as_mut_slice().iter_mut().find(|spending| spending.currency == currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passed_pushes_a_currency_out() {
        let mut purse = Purse::default();
        let amount = |currency: &[u8; 3]| Amount { currency: *currency, minor: 100 };
        for currency in [b"EUR", b"USD", b"GBP", b"EUR", b"GBP"] {
            purse.learn(amount(currency));
        }
        purse.count(amount(b"JPY"), 10, 10);
        assert!(purse.of(*b"JPY").is_none() && purse.of(*b"USD").is_some());
        purse.learn(amount(b"JPY"));
        assert!(purse.of(*b"JPY").is_some() && purse.of(*b"USD").is_none());
        purse.count(amount(b"JPY"), 10, 10);
        assert_eq!(purse.of(*b"JPY").map(|spending| spending.day.total(10, 10)), Some(100));
        purse.learn(Amount { currency: *b"CHF", minor: 0 });
        assert!(purse.of(*b"CHF").is_none(), "an amount of nothing is no habit");
    }
}
