//! What a profile takes of one transaction: nothing of it is a raw identifier.

use crate::base::time::Timestamp;
use crate::domain::profile::few::Few;

/// Devices of one transaction that a profile looks at; a genuine checkout names one or two.
pub const DEVICES_PER_TRANSACTION: usize = 4;

/// Characters of a merchant category.
pub const CATEGORY_CHARACTERS: usize = 16;

/// ISO 3166-1 alpha-2.
pub type Country = [u8; 2];

/// ISO 4217.
pub type Currency = [u8; 3];

/// What the transaction was for: a merchant category code of four digits (ISO 18245) or a word of the caller's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Category(Few<u8, CATEGORY_CHARACTERS>);

impl Category {
    /// None where it is neither four digits nor a lower-case word of at most [`CATEGORY_CHARACTERS`] letters, digits, `-` or `_`
    /// that begins with a letter and has four digits at most: more would be somebody's number.
    pub fn parse(text: &str) -> Option<Self> {
        let code = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        let word = begins && digits <= 4 && text.bytes().all(plain);
        let mut characters = Few::default();
        ((code || word) && text.bytes().all(|byte| characters.push(byte))).then_some(Self(characters))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.0.as_slice()).expect("a category is ASCII by its parser")
    }
}

/// A device as one node's profiles know it: 64 bits of a keyed fingerprint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeviceMark(pub u64);

/// A transaction's reference as profiles remember it: 31 bits of a keyed fingerprint, enough to tell a customer's last few apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReferenceMark(u32);

impl ReferenceMark {
    pub const fn new(bits: u32) -> Self {
        Self(bits >> 1)
    }

    pub const fn bits(self) -> u32 {
        self.0
    }
}

/// An amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    pub currency: Currency,
    /// Minor units.
    pub minor: u64,
}

/// One transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileEvent {
    pub time: Timestamp,
    pub country: Option<Country>,
    pub devices: Few<DeviceMark, DEVICES_PER_TRANSACTION>,
    pub category: Option<Category>,
    pub amount: Option<Amount>,
    /// None where the caller names none: the transaction counts each time it is sent.
    pub reference: Option<ReferenceMark>,
}

impl ProfileEvent {
    /// A transaction of which nothing but its time is known.
    pub fn at(time: Timestamp) -> Self {
        Self { time, country: None, devices: Few::default(), category: None, amount: None, reference: None }
    }
}

/// How a transaction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It passed: what it shows becomes habit.
    Passed,
    /// It was challenged, held or blocked: it counts towards velocity, and teaches nothing. Otherwise whoever tries long enough
    /// with a stolen card would become the usual customer.
    Stopped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_a_code_or_a_word() {
        let check = |text: &str, taken: bool| {
            let category = Category::parse(text);
            assert_eq!(category.is_some(), taken, "{text}");
            assert!(category.is_none_or(|category| category.as_str() == text));
        };
        check("5411", true);
        check("groceries", true);
        check("e-books_2", true);
        check("books-and-papers", true);
        check("a1234", true);
        for refused in
            ["", "541", "54111", "Groceries", "2nd", "-x", "two words", "bücher", "books-and-paper-x", "a12345"]
        {
            check(refused, false);
        }
    }
}
