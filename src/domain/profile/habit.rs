//! What a customer usually does, of which there are few: countries, merchant categories. The most frequent are kept with their
//! counts, which fade: what did not happen among the last hundred or two is forgotten.

use crate::domain::profile::few::Few;

/// Orders from which on there is a habit to stray from.
pub const HABIT_ORDERS: u32 = 5;

/// Counts together at which all are halved.
const FADES_AT: u32 = 200;

/// The `N` most frequent values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habit<T, const N: usize> {
    rows: Few<(T, u8), N>,
    /// Counts of values that made room.
    others: u8,
}

impl<T: Copy + Default, const N: usize> Default for Habit<T, N> {
    fn default() -> Self {
        Self { rows: Few::default(), others: 0 }
    }
}

impl<T: Copy + Default + PartialEq, const N: usize> Habit<T, N> {
    /// From stored rows; none where they could not have been made here.
    pub fn from_rows(rows: Few<(T, u8), N>, others: u8) -> Option<Self> {
        let habit = Self { rows, others };
        let distinct = rows.iter().enumerate().all(|(at, (value, _))| !rows.iter().take(at).any(|(of, _)| of == value));
        (distinct && rows.iter().all(|(_, count)| *count > 0) && habit.total() < FADES_AT).then_some(habit)
    }

    /// In the order in which they were first seen.
    pub const fn rows(&self) -> &Few<(T, u8), N> {
        &self.rows
    }

    pub const fn others(&self) -> u8 {
        self.others
    }

    pub fn is_habit(&self) -> bool {
        self.total() >= HABIT_ORDERS
    }

    pub fn knows(&self, value: &T) -> bool {
        self.rows.iter().any(|(known, _)| known == value)
    }

    /// Share of the most frequent value, percent, rounded down; 0 where nothing is known.
    pub fn usual_percent(&self) -> u32 {
        let most = self.rows.iter().map(|(_, count)| u32::from(*count)).max().unwrap_or(0);
        (100 * most).checked_div(self.total()).unwrap_or(0)
    }

    pub fn learn(&mut self, value: T) {
        if let Some((_, count)) = self.rows.as_mut_slice().iter_mut().find(|(known, _)| *known == value) {
            *count += 1;
        } else if !self.rows.push((value, 1)) {
            // The rarest makes room: one odd order must not push out what is usual.
            if let Some(rarest) = self.rows.as_mut_slice().iter_mut().rev().min_by_key(|(_, count)| *count) {
                self.others = self.others.saturating_add(rarest.1);
                *rarest = (value, 1);
            }
        }
        if self.total() >= FADES_AT {
            self.others /= 2;
            self.rows.retain_mut(|(_, count)| {
                *count /= 2;
                *count > 0
            });
        }
    }

    fn total(&self) -> u32 {
        self.rows.iter().map(|(_, count)| u32::from(*count)).sum::<u32>() + u32::from(self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_makes_room_and_shares_count_what_left() {
        let mut habit: Habit<u8, 2> = Habit::default();
        for value in [1, 1, 1, 2, 3] {
            habit.learn(value);
        }
        assert!(habit.knows(&1) && habit.knows(&3) && !habit.knows(&2));
        assert_eq!((habit.usual_percent(), habit.others()), (60, 1));
        assert!(habit.is_habit());
    }

    #[test]
    fn what_no_longer_happens_fades() {
        let mut habit: Habit<u8, 4> = Habit::default();
        habit.learn(9);
        (0..100).for_each(|_| habit.learn(1));
        assert!(habit.knows(&9));
        (0..100).for_each(|_| habit.learn(1));
        assert!(!habit.knows(&9) && habit.knows(&1));
        // A new habit overtakes the old one.
        (0..100).for_each(|_| habit.learn(2));
        assert_eq!(habit.rows().iter().max_by_key(|(_, count)| *count).map(|(value, _)| *value), Some(2));
    }

    #[test]
    fn rows_that_could_not_have_been_made_here_are_refused() {
        let rows = |rows: &[(u8, u8)]| {
            let mut few: Few<(u8, u8), 4> = Few::default();
            rows.iter().for_each(|row| assert!(few.push(*row)));
            Habit::from_rows(few, 0).is_some()
        };
        assert!(rows(&[(1, 1), (2, 198)]));
        assert!(!rows(&[(1, 1), (1, 1)]) && !rows(&[(1, 0)]) && !rows(&[(1, 100), (2, 100)]));
    }
}
