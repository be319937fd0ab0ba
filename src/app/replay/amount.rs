//! What a row is about, in the units of its file: exact decimals, and the band a report counts it in.

/// A text that is no amount. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountRule {
    #[error("must be a plain number such as 1250 or 12.50, with at most four decimals and no separators")]
    Form,
    #[error("must not be negative")]
    Negative,
    #[error("must be below one trillion")]
    Range,
}

impl AmountRule {
    /// Stable name for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "amount_form",
            Self::Negative => "negative",
            Self::Range => "amount_range",
        }
    }
}

const DECIMALS: usize = 4;
const PARTS: u64 = 10_000;

/// In ten-thousandths of the file's unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u64);

/// Power of ten: 0 is below one unit, 1 from 1 to 10, 2 from 10 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Band(u32);

impl Amount {
    pub fn parse(text: &str) -> Result<Self, AmountRule> {
        let text = text.trim();
        let (text, negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let fraction = fraction.trim_end_matches('0');
        if !is_digits(whole) || fraction.len() > DECIMALS || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AmountRule::Form);
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > 12 {
            return Err(AmountRule::Range);
        }
        let parts: u64 = format!("0{whole}{fraction:0<DECIMALS$}").parse().map_err(|_| AmountRule::Form)?;
        if negative && parts > 0 { Err(AmountRule::Negative) } else { Ok(Self(parts)) }
    }

    /// Whether it has more than whole units.
    pub fn is_fractional(self) -> bool {
        !self.0.is_multiple_of(PARTS)
    }

    /// In minor units, where the file's unit is the currency's main one or the minor one itself; decimals beyond are cut.
    pub fn minor(self, main_units: bool) -> i64 {
        let parts = if main_units { self.0 / (PARTS / 100) } else { self.0 / PARTS };
        i64::try_from(parts).expect("below 10^14")
    }

    pub fn band(self) -> Band {
        Band((self.0 / PARTS).checked_ilog10().map_or(0, |digits| digits + 1))
    }

    /// For sums that cannot overflow.
    pub fn parts(self) -> u128 {
        self.0.into()
    }
}

impl Band {
    /// In words, from the lower end on and below the upper.
    pub fn words(self) -> String {
        let end = 10_u64.saturating_pow(self.0);
        if self.0 == 0 { "below 1".to_owned() } else { format!("{} to {end}", end / 10) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_plain_number_kept_exactly() {
        let check = |text: &str, expected: Result<u64, AmountRule>| {
            assert_eq!(Amount::parse(text).map(|amount| amount.0), expected, "{text:?}");
        };
        check("0", Ok(0));
        check("-0.00", Ok(0));
        check(" 84813 ", Ok(848_130_000));
        check("12.5", Ok(125_000));
        check("12.50000", Ok(125_000));
        check("0.0001", Ok(1));
        check("007", Ok(70_000));
        check("-3", Err(AmountRule::Negative));
        check("1000000000000", Err(AmountRule::Range));
        for text in ["", ".5", "1,000", "1.00001", "1e3", "$5", "--1", "٣", "NaN"] {
            check(text, Err(AmountRule::Form));
        }
    }

    #[test]
    fn minor_units_follow_the_unit_of_the_file() {
        let amount = Amount::parse("12.509").expect("a number");
        assert_eq!((amount.minor(true), amount.minor(false), amount.is_fractional()), (1_250, 12, true));
        assert!(!Amount::parse("12.00").expect("a number").is_fractional());
    }

    #[test]
    fn bands_are_powers_of_ten() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Amount::parse(text).expect("a number").band().words(), expected, "{text}");
        };
        check("0.99", "below 1");
        check("1", "1 to 10");
        check("9.9999", "1 to 10");
        check("10", "10 to 100");
        check("84813", "10000 to 100000");
    }
}
