//! The axis of a chart: round numbers that cover what is drawn, and where a number stands.

use crate::io::console::chart::grouped;
use crate::io::console::chart::svg::Px;

/// From 0 to `top` in equal steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    pub step: u64,
    pub top: u64,
}

/// Steps of an axis: more would be lines to count.
const STEPS: u64 = 4;

impl Scale {
    /// Steps of 1, 2 or 5 times a power of ten.
    pub fn covering(highest: u64) -> Self {
        let wanted = highest.div_ceil(STEPS).max(1);
        let mut power: u64 = 1;
        while power.saturating_mul(10) <= wanted {
            power = power.saturating_mul(10);
        }
        let steps = [1, 2, 5, 10].into_iter().map(|times| power.saturating_mul(times));
        let step = steps.into_iter().find(|step| *step >= wanted).unwrap_or(wanted);
        Self { step, top: highest.max(1).div_ceil(step).saturating_mul(step) }
    }

    /// The numbers of the axis, from 0 up.
    pub fn marks(self) -> impl Iterator<Item = u64> {
        (0..=self.top / self.step).map(move |mark| mark * self.step)
    }

    /// How high a number stands where the whole axis is `height` high.
    pub fn height(self, number: u64, height: Px) -> Px {
        let tenths = i128::from(height.0) * i128::from(number.min(self.top)) / i128::from(self.top);
        Px(i64::try_from(tenths).expect("no higher than the axis"))
    }
}

/// A number of an axis up to `top`, short, and alike all along the axis: 1 200 000 is 1.2M.
pub fn short(number: u64, top: u64) -> String {
    let (unit, letter) = match top {
        _ if number == 0 => return "0".to_owned(),
        0..10_000 => return grouped(number),
        10_000..1_000_000 => (1_000, "k"),
        1_000_000..1_000_000_000 => (1_000_000, "M"),
        _ => (1_000_000_000, "G"),
    };
    match number % unit * 10 / unit {
        0 => format!("{}{letter}", grouped(number / unit)),
        tenth => format!("{}.{tenth}{letter}", number / unit),
    }
}

/// Which columns get a label, so that labels of so many pixels do not touch: the last one always.
pub fn labelled(columns: usize, width: u32, label: u32) -> impl Fn(usize) -> bool {
    let fit = usize::try_from((width / label.max(1)).max(1)).unwrap_or(1);
    let every = columns.div_ceil(fit).max(1);
    move |column| column < columns && (columns - 1 - column).is_multiple_of(every)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_axis_has_round_numbers() {
        let check = |highest, marks: &[u64]| {
            assert_eq!(Scale::covering(highest).marks().collect::<Vec<_>>(), marks, "{highest}");
        };
        check(0, &[0, 1]);
        check(1, &[0, 1]);
        check(3, &[0, 1, 2, 3]);
        check(7, &[0, 2, 4, 6, 8]);
        check(45, &[0, 20, 40, 60]);
        check(400, &[0, 100, 200, 300, 400]);
        check(20_001, &[0, 10_000, 20_000, 30_000]);
    }

    #[test]
    fn axis_numbers_are_short() {
        let check = |number, top, text: &str| assert_eq!(short(number, top).replace('\u{202f}', "_"), text);
        check(0, 9_999, "0");
        check(9_000, 9_999, "9_000");
        check(5_000, 20_000, "5k");
        check(12_500, 50_000, "12.5k");
        check(0, 4_000_000, "0");
        check(1_200_000, 4_000_000, "1.2M");
        check(3_000_000_000, 3_000_000_000, "3G");
    }

    #[test]
    fn labels_do_not_touch_and_the_last_column_has_one() {
        let check = |columns, expected: &[usize]| {
            let labelled = labelled(columns, 300, 50);
            assert_eq!((0..columns + 2).filter(|column| labelled(*column)).collect::<Vec<_>>(), expected, "{columns}");
        };
        check(0, &[]);
        check(1, &[0]);
        check(6, &[0, 1, 2, 3, 4, 5]);
        check(7, &[0, 2, 4, 6]);
        check(30, &[4, 9, 14, 19, 24, 29]);
    }

    proptest! {
        #[test]
        fn an_axis_covers_what_it_shows_with_few_marks(highest: u64) {
            let scale = Scale::covering(highest);
            prop_assert!(scale.top >= highest.min(scale.top) && scale.marks().count() <= 6);
            let (whole, none) = (Px::whole(200), Px(0));
            prop_assert!(scale.height(0, whole) == none && scale.height(highest, whole) <= whole);
        }
    }
}
