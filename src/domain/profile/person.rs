//! The profile of one customer: what is asked of it before a decision, and what it takes of a transaction after.
//!
//! *Time* is that of the transaction, and never later than the node's own clock. Transactions may come in any order: what is
//! within a window is counted where it belongs, older ones only teach habits. *Twice* the same transaction counts once: its
//! reference is among the customer's last [`RECENT`]. A node whose clock once stood ahead leaves times in the future behind; they
//! are taken back as soon as they are met.
//!
//! *Poisoning*: what was stopped teaches nothing ([`Standing`]); [`Profile::confirm`] takes it in once somebody released it.

use crate::base::limits::CLOCK_AHEAD_S;
use crate::base::time::{Day, Timestamp};
use crate::domain::profile::counts::{Counts, Purse};
use crate::domain::profile::event::{Category, Country, DeviceMark, ProfileEvent, ReferenceMark, Standing};
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::profile::few::Few;
use crate::domain::profile::habit::Habit;
use crate::domain::profile::places::apart_km;

/// Countries of one customer.
pub const COUNTRIES: usize = 5;

/// Merchant categories of one customer.
pub const CATEGORIES: usize = 5;

/// Devices of one customer, however many it uses: the last ones.
pub const DEVICES: usize = 8;

/// Transactions of one customer that are known again.
pub const RECENT: usize = 6;

/// Kilometres an hour that nobody travels, airliners included.
const FASTEST_KM_H: u64 = 1_000;

/// What is kept of one local customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Seconds of 1970, of the earliest transaction that passed; of the first one seen, where none has.
    pub first_s: u64,
    /// Of the latest; the windows end here.
    pub latest_s: u64,
    /// When this node last heard of the customer, by its own clock: what retention counts from.
    pub seen: Day,
    /// Transactions that passed.
    pub orders: u32,
    pub counts: Counts,
    pub purse: Purse,
    pub countries: Habit<Country, COUNTRIES>,
    pub categories: Habit<Category, CATEGORIES>,
    /// The last used first.
    pub devices: Few<DeviceMark, DEVICES>,
    /// The last first, and whether it taught its habits.
    pub recent: Few<(ReferenceMark, bool), RECENT>,
    /// Where the latest transaction that passed came from, and its second.
    pub last_place: Option<(Country, u64)>,
}

impl Profile {
    /// Of a customer who was never seen before `event`.
    pub fn of_stranger(event: &ProfileEvent, now: Timestamp) -> Self {
        let at = second(event, now);
        Self {
            first_s: at,
            latest_s: at,
            seen: now.day(),
            orders: 0,
            counts: Counts::default(),
            purse: Purse::default(),
            countries: Habit::default(),
            categories: Habit::default(),
            devices: Few::default(),
            recent: Few::default(),
            last_place: None,
        }
    }

    /// How a transaction stands against the profile, which does not hold it yet.
    pub fn facts(&self, event: &ProfileEvent, now: Timestamp) -> ProfileFacts {
        let mended = self.without_future(now);
        let (profile, at) = (mended.as_ref().unwrap_or(self), second(event, now));
        // Sent once more it is counted already.
        let this = u64::from(profile.remembered(event).is_none());
        let latest = profile.latest_s;
        let count = |total: u64| u32::try_from(total + this).unwrap_or(u32::MAX);
        let Counts { minute, hour, day, week } = &profile.counts;
        let mut facts = ProfileFacts {
            named: true,
            orders: profile.orders,
            age_days: profile.age_days(at),
            country_new: strays(&profile.countries, event.country),
            usual_country_percent: profile.countries.usual_percent(),
            device_new: profile.is_new_device(event),
            category_new: strays(&profile.categories, event.category),
            count_1m: count(minute.total(latest, at)),
            count_1h: count(hour.total(latest, at)),
            count_24h: count(day.total(latest, at)),
            count_7d: count(week.total(latest, at)),
            impossible_travel: profile.is_impossible_travel(event, at),
            ..ProfileFacts::default()
        };
        if let Some(amount) = event.amount {
            let spending = profile.purse.of(amount.currency);
            facts.amount_percent_of_median = spending.map_or(0, |of| of.amounts.percent_of_median(amount.minor));
            facts.amount_deviation_tenths = spending.map_or(0, |of| of.amounts.deviation_tenths(amount.minor));
            let spent = |total: u64| total.saturating_add(amount.minor * this);
            facts.spent_24h_minor = spent(spending.map_or(0, |of| of.day.total(latest, at)));
            facts.spent_7d_minor = spent(spending.map_or(0, |of| of.week.total(latest, at)));
        }
        facts
    }

    /// Takes a decided transaction in. Sent once more it counts once, and teaches once, when it passed.
    pub fn observe(&mut self, event: &ProfileEvent, standing: Standing, now: Timestamp) {
        if let Some(mended) = self.without_future(now) {
            *self = mended;
        }
        self.seen = now.day();
        let at = second(event, now);
        let remembered = self.remembered(event);
        if remembered.is_none() {
            self.count(event, at);
        }
        let passed = standing == Standing::Passed;
        let taught = remembered.and_then(|place| self.recent.as_slice().get(place)).is_some_and(|(_, taught)| *taught);
        if passed && !taught {
            self.learn(event, at);
        }
        match (remembered, event.reference) {
            (Some(place), _) => {
                if let Some((_, taught)) = self.recent.as_mut_slice().get_mut(place) {
                    *taught |= passed;
                }
            }
            (None, Some(mark)) => self.recent.push_front((mark, passed)),
            (None, None) => {}
        }
    }

    /// Takes the habits of a transaction in that was stopped when it was observed, and released since.
    pub fn confirm(&mut self, event: &ProfileEvent, now: Timestamp) {
        if let Some(mended) = self.without_future(now) {
            *self = mended;
        }
        match self.remembered(event).and_then(|place| self.recent.as_mut_slice().get_mut(place)) {
            Some((_, true)) => return,
            Some((_, taught)) => *taught = true,
            None => {}
        }
        self.learn(event, second(event, now));
    }

    /// Days since the first transaction that passed.
    fn age_days(&self, at: u64) -> u32 {
        if self.orders == 0 { 0 } else { u32::try_from(at.saturating_sub(self.first_s) / 86_400).unwrap_or(u32::MAX) }
    }

    fn count(&mut self, event: &ProfileEvent, at: u64) {
        if at > self.latest_s {
            self.counts.advance(self.latest_s, at);
            self.purse.advance(self.latest_s, at);
            self.latest_s = at;
        }
        self.counts.count(self.latest_s, at);
        if let Some(amount) = event.amount {
            self.purse.count(amount, self.latest_s, at);
        }
    }

    fn learn(&mut self, event: &ProfileEvent, at: u64) {
        // Who was only ever stopped is no older for it.
        self.first_s = if self.orders == 0 { at } else { self.first_s.min(at) };
        self.orders = self.orders.saturating_add(1);
        if let Some(country) = event.country {
            self.countries.learn(country);
            if self.last_place.is_none_or(|(_, last)| last <= at) {
                self.last_place = Some((country, at));
            }
        }
        if let Some(category) = event.category {
            self.categories.learn(category);
        }
        for device in event.devices.iter() {
            match self.devices.iter().position(|known| known == device) {
                Some(place) => self.devices.to_front(place),
                None => self.devices.push_front(*device),
            }
        }
        if let Some(amount) = event.amount {
            self.purse.learn(amount);
        }
    }

    fn remembered(&self, event: &ProfileEvent) -> Option<usize> {
        let reference = event.reference?;
        self.recent.iter().position(|(mark, _)| *mark == reference)
    }

    fn is_new_device(&self, event: &ProfileEvent) -> bool {
        let known = |device: &DeviceMark| self.devices.iter().any(|known| known == device);
        let (names_one, has_habit) = (!event.devices.as_slice().is_empty(), !self.devices.as_slice().is_empty());
        names_one && has_habit && !event.devices.iter().any(known)
    }

    fn is_impossible_travel(&self, event: &ProfileEvent, at: u64) -> bool {
        let Some(((from, last), to)) = self.last_place.zip(event.country).filter(|((from, _), to)| from != to) else {
            return false;
        };
        apart_km(from, to) * 3_600 > FASTEST_KM_H * at.abs_diff(last)
    }

    /// The profile without times that lie in the future, where it holds any: the node's clock stood ahead when they were taken.
    /// The windows begin anew; habits stay.
    fn without_future(&self, now: Timestamp) -> Option<Self> {
        let now_s = now.unix_s();
        let furthest = now_s.saturating_add(CLOCK_AHEAD_S);
        if self.latest_s <= furthest && self.last_place.is_none_or(|(_, last)| last <= furthest) {
            return None;
        }
        let mut mended = Self {
            first_s: self.first_s.min(now_s),
            latest_s: now_s,
            counts: Counts::default(),
            last_place: self.last_place.filter(|(_, last)| *last <= furthest),
            ..*self
        };
        for spending in mended.purse.0.as_mut_slice() {
            (spending.day, spending.week) = Default::default();
        }
        Some(mended)
    }
}

/// A clock that stands a little ahead of the node's must not move the windows past what comes next.
fn second(event: &ProfileEvent, now: Timestamp) -> u64 {
    event.time.min(now).unix_s()
}

fn strays<T: Copy + Default + PartialEq, const N: usize>(habit: &Habit<T, N>, value: Option<T>) -> bool {
    value.is_some_and(|value| habit.is_habit() && !habit.knows(&value))
}

#[cfg(test)]
mod tests;
