//! Privacy loss in whole billionths, so that sums neither drift nor round in anybody's favour but the data subjects'.

use std::fmt;
use std::str::FromStr;

/// A privacy loss ε in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epsilon(u64);

impl Epsilon {
    pub const NONE: Self = Self(0);

    /// What one case or identifier may lose at one institution in one quarter.
    pub const QUARTER_CAP: Self = Self(2_000_000_000);

    /// What one release spends unless asked otherwise: a weekly histogram fits the quarter with room for more.
    pub const RELEASE_DEFAULT: Self = Self(100_000_000);

    /// The least a release may ask for; below, the noise would exceed any count.
    pub const RELEASE_LEAST: Self = Self(1_000_000);

    pub const fn from_nano(nano: u64) -> Self {
        Self(nano)
    }

    pub const fn nano(self) -> u64 {
        self.0
    }

    /// The smallest number of billionths that is not less than `epsilon`, exactly; none where it is negative, not a number
    /// or beyond 64 bits.
    pub fn from_f64_rounded_up(epsilon: f64) -> Option<Self> {
        if !epsilon.is_finite() || epsilon < 0.0 {
            return None;
        }
        // A finite double is mantissa · 2^exponent: integers all the way, instead of a product that is rounded itself.
        let bits = epsilon.to_bits();
        let fraction = u128::from(bits & 0x000F_FFFF_FFFF_FFFF);
        let stored_exponent = u32::try_from(bits >> 52).ok()?;
        let (mantissa, exponent) = match stored_exponent {
            0 => (fraction, 0),
            normal => (fraction | 1 << 52, normal - 1),
        };
        let scaled = mantissa * 1_000_000_000;
        // The value is scaled · 2^(exponent − 1074).
        let nano = match exponent.checked_sub(1074) {
            Some(0) => scaled,
            Some(_) => return None,
            None => {
                let shift = 1074 - exponent;
                if shift < u128::BITS { scaled.div_ceil(1 << shift) } else { u128::from(scaled > 0) }
            }
        };
        u64::try_from(nano).ok().map(Self)
    }

    pub fn checked_plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

/// Text that is no privacy loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a privacy loss is a decimal number with at most nine digits after the point, e.g. 0.1")]
pub struct EpsilonError;

/// Reads a decimal, exactly.
impl FromStr for Epsilon {
    type Err = EpsilonError;

    fn from_str(text: &str) -> Result<Self, EpsilonError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
            return Err(EpsilonError);
        }
        let number = |digits: String| digits.parse::<u64>().map_err(|_| EpsilonError);
        let whole = number(whole.to_owned())?.checked_mul(1_000_000_000).ok_or(EpsilonError)?;
        whole.checked_add(number(format!("{fraction:0<9}"))?).map(Self).ok_or(EpsilonError)
    }
}

/// As a decimal with nine digits, e.g. `0.100000001`.
impl fmt::Display for Epsilon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_loss_is_rounded_up_to_whole_billionths() {
        let check = |epsilon: f64, nano: Option<u64>| {
            assert_eq!(Epsilon::from_f64_rounded_up(epsilon), nano.map(Epsilon::from_nano), "{epsilon}");
        };
        check(0.0, Some(0));
        check(0.5, Some(500_000_000));
        check(1.0, Some(1_000_000_000));
        check(0.1, Some(100_000_001)); // the double nearest to 0.1 lies above it
        check(f64::MIN_POSITIVE, Some(1));
        check(5e-324, Some(1));
        check(2.0, Some(2_000_000_000));
        check(1e9, Some(1_000_000_000_000_000_000));
        check(1e12, None);
        check(f64::MAX, None);
        check(-0.1, None);
        check(f64::NAN, None);
        check(f64::INFINITY, None);
    }

    #[test]
    fn a_loss_is_read_exactly() {
        let check = |text: &str, nano: Option<u64>| {
            assert_eq!(text.parse().ok(), nano.map(Epsilon::from_nano), "{text}");
        };
        check("0.1", Some(100_000_000));
        check("2", Some(2_000_000_000));
        check("0.000000001", Some(1));
        check("0.0000000001", None);
        check("18446744074", None);
        for text in ["", ".", ".1", "1.", "-1", "+1", "1e3", "0x1", "١"] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn rounding_never_undercharges_and_never_by_more_than_one_billionth(nano in 0u32..u32::MAX, below in 1u32..1000) {
            let epsilon = f64::from(nano) / 1e9 + 1.0 / (1e9 * f64::from(below) * 2.0);
            let charged = Epsilon::from_f64_rounded_up(epsilon).expect("small").nano();
            prop_assert!(charged >= u64::from(nano) && charged <= u64::from(nano) + 2);
        }
    }
}
