//! A history in memory: one short row for each transaction, in order of time.

use crate::app::replay::amount::Amount;
use crate::app::replay::institution::Institution;
use crate::app::replay::told::{AboutId, Abouts, CustomerId, Customers, Told};
use crate::app::replay::values::{ValueId, Values};
use crate::base::time::Timestamp;

/// One transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub at: Timestamp,
    pub amount: Amount,
    pub institution: Institution,
    pub typology: TypologyId,
    pub is_fraud: bool,
    pub customer: Option<CustomerId>,
    pub about: AboutId,
    pub own_score: Option<u16>,
}

/// Names one word of the typology column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypologyId(pub u16);

/// Names one row, in order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowId(u32);

impl RowId {
    /// As a decision's id.
    pub fn name(self) -> [u8; 16] {
        u128::from(self.0).to_be_bytes()
    }
}

/// The rows of a file that can be used.
#[derive(Debug, Default)]
pub struct History {
    rows: Vec<Row>,
    /// As many for each row as there are columns of identifiers, in the order of the file.
    identifiers: Vec<Option<ValueId>>,
    columns: usize,
    order: Vec<u32>,
    pub values: Values,
    /// Words of the typology column, by their id; the first stands for rows that have none.
    pub typologies: Vec<String>,
    pub told: Told,
    pub customers: Customers,
    pub abouts: Abouts,
    /// Some amount has a fraction: the column counts in the currency's main unit.
    pub main_units: bool,
}

/// 2020-01-01: earlier expiries saturate in what the belief keeps.
const BELIEF_BEGINS_MS: u64 = 1_577_836_800_000;
const WEEK_MS: u64 = 7 * 86_400_000;

/// The longest history: so many years after 2020 the expiries that the belief keeps saturate.
pub const LONGEST_MS: u64 = 40 * 365 * 86_400_000;

/// From the first row to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rows lie more than 40 years apart; look for rows with a wrong year")]
pub struct TooLong;

impl History {
    pub fn new(columns: usize) -> Self {
        Self { columns, typologies: vec![String::new()], ..Self::default() }
    }

    /// Takes the next row of the file, with an identifier or none for each column. What stands in two columns of a row is one
    /// identifier of it.
    pub fn push(&mut self, row: Row, identifiers: impl Iterator<Item = Option<ValueId>>) {
        self.main_units |= row.amount.is_fractional();
        self.rows.push(row);
        let begin = self.identifiers.len();
        for identifier in identifiers.chain(std::iter::repeat(None)).take(self.columns) {
            let is_repeated = self.identifiers.iter().skip(begin).any(|before| *before == identifier);
            self.identifiers.push(identifier.filter(|_| !is_repeated));
        }
    }

    /// Puts the rows in order of time, those of one moment in the order of the file. A history that began before 2020 is moved
    /// by whole weeks: lengths, days of the week and hours stay.
    pub fn arrange(&mut self) -> Result<(), TooLong> {
        let times = || self.rows.iter().map(|row| row.at);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(()) };
        if last.ms_since(first) > LONGEST_MS {
            return Err(TooLong);
        }
        let shift_ms = BELIEF_BEGINS_MS.saturating_sub(first.unix_ms()).div_ceil(WEEK_MS) * WEEK_MS;
        if shift_ms > 0 {
            self.rows.iter_mut().for_each(|row| row.at = row.at.plus_ms(shift_ms));
        }
        self.order = (0..u32::try_from(self.rows.len()).expect("rows are bounded")).collect();
        let rows = &self.rows;
        self.order.sort_by_key(|position| rows.get(wide(*position)).map(|row| row.at));
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows in order of time. After [`History::arrange`].
    pub fn in_order(&self) -> impl DoubleEndedIterator<Item = (RowId, &Row)> {
        self.order.iter().map(|position| (RowId(*position), self.row(RowId(*position))))
    }

    pub fn row(&self, id: RowId) -> &Row {
        self.rows.get(wide(id.0)).expect("ids come from this history")
    }

    pub fn identifiers(&self, id: RowId) -> impl Iterator<Item = ValueId> {
        let first = wide(id.0) * self.columns;
        self.identifiers.iter().skip(first).take(self.columns).flatten().copied()
    }
}

fn wide(position: u32) -> usize {
    usize::try_from(position).expect("32 bits fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(times_ms: &[u64]) -> History {
        let mut history = History::new(1);
        for (nth, time_ms) in times_ms.iter().enumerate() {
            let amount = Amount::parse(&nth.to_string()).expect("a number");
            let at = Timestamp::from_unix_ms(*time_ms);
            let row = Row {
                at,
                amount,
                institution: Institution(0),
                typology: TypologyId(0),
                is_fraud: false,
                customer: None,
                about: AboutId::default(),
                own_score: None,
            };
            history.push(row, std::iter::empty());
        }
        history
    }

    #[test]
    fn rows_of_one_moment_keep_the_order_of_the_file() {
        let mut history = history(&[1_600_000_000_300, 1_600_000_000_200, 1_600_000_000_300, 1_600_000_000_100]);
        history.arrange().expect("short");
        let order: Vec<i64> = history.in_order().map(|(_, row)| row.amount.minor(false)).collect();
        assert_eq!(order, [3, 1, 0, 2]);
    }

    #[test]
    fn an_old_history_is_moved_by_whole_weeks() {
        let mut history = history(&[86_400_000, 90_000_000]);
        history.arrange().expect("short");
        let times: Vec<u64> = history.in_order().map(|(_, row)| row.at.unix_ms()).collect();
        assert!(times[0] >= BELIEF_BEGINS_MS && times[0] < BELIEF_BEGINS_MS + WEEK_MS, "{times:?}");
        assert_eq!(((times[0] - 86_400_000) % WEEK_MS, times[1] - times[0]), (0, 3_600_000));
    }

    #[test]
    fn rows_that_lie_too_far_apart_are_refused() {
        assert_eq!(history(&[0, LONGEST_MS + 1]).arrange(), Err(TooLong));
        assert_eq!(history(&[0, LONGEST_MS]).arrange(), Ok(()));
        assert_eq!(history(&[]).arrange(), Ok(()));
    }
}
