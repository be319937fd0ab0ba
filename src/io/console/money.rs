//! Amounts as people read them: with the digits behind the point that their currency has (ISO 4217, list one).

use crate::io::console::chart::grouped;

/// Currencies without a smaller unit, and those of which a thousand make one.
const WHOLE: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Minor units of a currency; none where no currency is named.
pub fn amount(minor: i64, currency: &str) -> Option<String> {
    if currency.is_empty() {
        return None;
    }
    let digits: usize = if WHOLE.contains(&currency) {
        0
    } else if THOUSANDTHS.contains(&currency) {
        3
    } else {
        2
    };
    let unit = 10_u64.pow(u32::try_from(digits).unwrap_or_default());
    let (sign, minor) = (if minor < 0 { "−" } else { "" }, minor.unsigned_abs());
    let whole = grouped(minor / unit);
    let fraction = if digits == 0 { String::new() } else { format!(".{:0digits$}", minor % unit) };
    Some(format!("{sign}{whole}{fraction} {currency}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_the_digits_of_its_currency() {
        let check = |minor: i64, currency: &str, text: &str| {
            let shown = amount(minor, currency).map(|shown| shown.replace('\u{202f}', "_"));
            assert_eq!(shown.as_deref(), Some(text));
        };
        check(12_999, "EUR", "129.99 EUR");
        check(5, "EUR", "0.05 EUR");
        check(123_456_700, "USD", "1_234_567.00 USD");
        check(12_999, "JPY", "12_999 JPY");
        check(12_999, "XPF", "12_999 XPF");
        check(12_999, "KWD", "12.999 KWD");
        check(-1, "EUR", "−0.01 EUR");
        check(i64::MIN, "JPY", "−9_223_372_036_854_775_808 JPY");
        assert_eq!(amount(12_999, ""), None);
    }
}
