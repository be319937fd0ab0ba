//! The fields of a form or of an address's query: read strictly, wiped when dropped.
//!
//! What a browser sends is bounded and in UTF-8; a field that is sent twice is refused where one value is wanted, so that
//! nobody can make two readers see two things.

use std::str::FromStr;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::base::limits::console as limits;

/// Why fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("a form has at most {limit} fields")]
    TooMany { limit: usize },
    #[error("the form is not in UTF-8")]
    NotUtf8,
    #[error("the field {0} is missing")]
    Missing(&'static str),
    #[error("the field {0} stands twice")]
    Twice(&'static str),
    /// What stands in it is not repeated.
    #[error("the field {0} does not hold what it should")]
    Unreadable(&'static str),
}

/// Names and values in their order. No content in `Debug`: passwords are among them.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct Fields(Vec<(String, String)>);

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fields({})", self.0.len())
    }
}

impl Fields {
    /// Reads `application/x-www-form-urlencoded`.
    pub fn parse(text: &[u8]) -> Result<Self, FieldError> {
        let mut fields = Self::default();
        for part in text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
            if fields.0.len() == limits::FORM_FIELDS {
                return Err(FieldError::TooMany { limit: limits::FORM_FIELDS });
            }
            let (name, value) = match part.iter().position(|byte| *byte == b'=') {
                Some(at) => (&part[..at], &part[at + 1..]),
                None => (part, &part[..0]),
            };
            fields.0.push((decode(name)?, decode(value)?));
        }
        Ok(fields)
    }

    /// Values of a field in their order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The one value of a field that may be left out.
    pub fn maybe(&self, name: &'static str) -> Result<Option<&str>, FieldError> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(FieldError::Twice(name)),
            (value, None) => Ok(value),
        }
    }

    /// The one value of a field.
    pub fn one(&self, name: &'static str) -> Result<&str, FieldError> {
        self.maybe(name)?.ok_or(FieldError::Missing(name))
    }

    /// A filter of an address: nothing where it is left out or empty, as browsers send what was not filled in.
    pub fn filter<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, FieldError> {
        let text = self.maybe(name)?.map(str::trim).filter(|text| !text.is_empty());
        text.map(|text| text.parse().map_err(|_| FieldError::Unreadable(name))).transpose()
    }

    /// A value of some form.
    pub fn read<T: FromStr>(&self, name: &'static str) -> Result<T, FieldError> {
        self.one(name)?.trim().parse().map_err(|_| FieldError::Unreadable(name))
    }

    /// Everything but these, for links and forms that keep the rest of an address.
    pub fn without<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        kept.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Percent-decoding with `+` for a space. The buffer never grows, so no copy of a password is left behind.
fn decode(text: &[u8]) -> Result<String, FieldError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let coded = after.first_chunk::<2>().filter(|_| *byte == b'%').and_then(hex_byte);
        bytes.push(match (coded, byte) {
            (Some(coded), _) => coded,
            (None, b'+') => b' ',
            (None, byte) => *byte,
        });
        rest = if coded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).map_err(|error| {
        error.into_bytes().zeroize();
        FieldError::NotUtf8
    })
}

fn hex_byte(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let fields = Fields::parse("name=J%C3%BCrgen+M&empty=&bare&role=a&role=b&percent=100%&odd=%zz".as_bytes());
        let fields = fields.expect("well-formed");
        assert_eq!(fields.one("name"), Ok("Jürgen M"));
        assert_eq!((fields.one("empty"), fields.one("bare")), (Ok(""), Ok("")));
        assert_eq!(fields.all("role").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((fields.one("percent"), fields.one("odd")), (Ok("100%"), Ok("%zz")));
        assert_eq!(fields.maybe("other"), Ok(None));
        assert_eq!(fields.without(&["role", "bare", "empty", "odd"]).count(), 2);
    }

    #[test]
    fn what_breaks_a_rule_is_refused_without_being_repeated() {
        let check = |text: &str, fault: FieldError| {
            let read = Fields::parse(text.as_bytes()).and_then(|fields| fields.read::<u32>("n"));
            assert_eq!(read, Err(fault), "{text}");
        };
        check("n=1&n=2", FieldError::Twice("n"));
        check("m=1", FieldError::Missing("n"));
        check("n=hunter2", FieldError::Unreadable("n"));
        check("n=%ff", FieldError::NotUtf8);
        check(&"n=1&".repeat(limits::FORM_FIELDS + 1), FieldError::TooMany { limit: limits::FORM_FIELDS });
        let filter = |text: &str| Fields::parse(text.as_bytes()).and_then(|fields| fields.filter::<u32>("n"));
        assert_eq!((filter(""), filter("n=+"), filter("n=7")), (Ok(None), Ok(None), Ok(Some(7))));
        assert_eq!(filter("n=x"), Err(FieldError::Unreadable("n")));
    }

    #[test]
    fn what_was_typed_is_not_shown() {
        let fields = Fields::parse(b"password=hunter2").expect("well-formed");
        assert_eq!(format!("{fields:?}"), "Fields(1)");
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic_and_what_is_encoded_comes_back(bytes: Vec<u8>, value: String) {
            let _read = Fields::parse(&bytes);
            let text: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("v", &value).finish();
            let fields = Fields::parse(text.as_bytes()).expect("well-formed");
            prop_assert_eq!(fields.one("v"), Ok(value.as_str()));
        }
    }
}
