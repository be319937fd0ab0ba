//! `--indicator KIND=COLUMN`, `--currency`, and the file of names.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::str::FromStr;

use crate::app::outcome::CliError;
use crate::app::records::csv::Splitter;
use crate::app::records::lines::Lines;
use crate::app::records::{input, words};
use crate::app::replay::columns::{Currency, IndicatorColumn};
use crate::base::kind::IdentifierKind;

/// One column of identifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndicatorOption(pub IndicatorColumn);

/// Not of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoIndicator {
    #[error(
        "the form is KIND=COLUMN, e.g. pan=card_number; KIND is one of pan, iban, account, email, phone, device, ip, wallet, \
         domain, url, address, merchant, par, token"
    )]
    Form,
    #[error("a {0} wants a scheme before the column: {0}=SCHEME:COLUMN, e.g. {0}=psp:card")]
    NoScheme(IdentifierKind),
}

impl FromStr for IndicatorOption {
    type Err = NoIndicator;

    fn from_str(text: &str) -> Result<Self, NoIndicator> {
        let (kind, column) = text.split_once('=').ok_or(NoIndicator::Form)?;
        let kind = words::kind(kind).map_err(|_| NoIndicator::Form)?;
        // Only where a value has a scheme in front may the option have one: a column may well be called "a:b".
        let (scheme, column) = match kind {
            IdentifierKind::Merchant | IdentifierKind::Token | IdentifierKind::Wallet | IdentifierKind::Account => {
                column.rsplit_once(':').map_or((None, column), |(scheme, column)| (Some(scheme), column))
            }
            IdentifierKind::Pan
            | IdentifierKind::Iban
            | IdentifierKind::Email
            | IdentifierKind::Mailbox
            | IdentifierKind::Phone
            | IdentifierKind::Device
            | IdentifierKind::Ip
            | IdentifierKind::Ip6Net
            | IdentifierKind::Domain
            | IdentifierKind::Url
            | IdentifierKind::Address
            | IdentifierKind::Par => (None, column),
        };
        let (scheme, column) = (scheme.map(str::trim), column.trim());
        if column.is_empty() || scheme.is_some_and(str::is_empty) {
            return Err(if scheme.is_some() { NoIndicator::NoScheme(kind) } else { NoIndicator::Form });
        }
        Ok(Self(IndicatorColumn { kind, scheme: scheme.map(str::to_owned), column: column.to_owned() }))
    }
}

/// `--currency EUR`, or the name of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyOption(pub Currency);

impl FromStr for CurrencyOption {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim();
        let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        Ok(Self(if is_code { Currency::Code(text.to_owned()) } else { Currency::Column(text.to_owned()) }))
    }
}

/// The names by value. A header row is read like any other: it names a value that no row has.
pub fn names_of(path: &Path, delimiter: char) -> Result<BTreeMap<String, String>, CliError> {
    let broken = |what: String| CliError::usage(format!("{}: {what}", path.display()));
    let opened = input::open(path).and_then(input::unpacked).map_err(|error| broken(error.to_string()))?;
    let mut lines = Lines::new(opened);
    if lines.peek(3).map_err(|error| broken(error.to_string()))? == b"\xEF\xBB\xBF" {
        lines.skip(3);
    }
    let mut names = BTreeMap::new();
    while let Some(line) = lines.next_line().map_err(|error| broken(error.to_string()))? {
        let in_line = |what: String| broken(format!("line {}: {what}", line.number));
        let text = line.text.as_ref().map_err(|rule| in_line(rule.to_string()))?;
        if text.trim().is_empty() {
            continue;
        }
        let mut splitter = Splitter::new(delimiter);
        splitter.take_line(text).map_err(|rule| in_line(rule.to_string()))?;
        let columns = splitter.finish().map_err(|rule| in_line(rule.to_string()))?;
        let [value, name] = columns.as_slice() else {
            return Err(in_line(format!("two columns are wanted, a value and its name, and it has {}", columns.len())));
        };
        let (value, name) = (value.trim().to_owned(), name.trim().to_owned());
        if names.insert(value, name.clone()).is_some_and(|before| before != name) {
            return Err(in_line("gives a value another name than an earlier line does".to_owned()));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_indicator_is_a_kind_and_a_column_and_for_some_kinds_a_scheme() {
        let check = |text: &str, kind: IdentifierKind, scheme: Option<&str>, column: &str| {
            let read = text.parse::<IndicatorOption>().expect(text).0;
            assert_eq!((read.kind, read.scheme.as_deref(), read.column.as_str()), (kind, scheme, column), "{text}");
        };
        check("pan=card number", IdentifierKind::Pan, None, "card number");
        check("device=a:b", IdentifierKind::Device, None, "a:b");
        check("token=psp:card", IdentifierKind::Token, Some("psp"), "card");
        check("token=card", IdentifierKind::Token, None, "card");
        check("account=US:021000021:number", IdentifierKind::Account, Some("US:021000021"), "number");
        for text in ["pan", "pan=", "colour=x", "=x", ""] {
            assert_eq!(text.parse::<IndicatorOption>(), Err(NoIndicator::Form), "{text}");
        }
        let token = NoIndicator::NoScheme(IdentifierKind::Token);
        assert_eq!(["token=:card", "token=psp:"].map(str::parse::<IndicatorOption>), [Err(token), Err(token)]);
    }

    #[test]
    fn a_currency_is_a_code_for_all_rows_or_a_column() {
        let read = |text: &str| text.parse::<CurrencyOption>().map(|option| option.0);
        assert_eq!(read("EUR"), Ok(Currency::Code("EUR".to_owned())));
        assert_eq!(read("cur"), Ok(Currency::Column("cur".to_owned())));
        assert_eq!(read("CURRENCY"), Ok(Currency::Column("CURRENCY".to_owned())));
    }

    #[test]
    fn a_file_of_names_has_two_columns_and_one_name_a_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("names.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("written");
            names_of(&path, ',').map_err(|error| error.message)
        };
        let names =
            read("\u{FEFF}shop,name\n7,\"Books, north\"\n\n8,Tools\n7,\"Books, north\"\n").expect("well formed");
        assert_eq!(names.get("7").map(String::as_str), Some("Books, north"));
        assert_eq!(names.get("shop").map(String::as_str), Some("name"));
        let check = |text: &str, part: &str| {
            let refused = read(text).expect_err(part);
            assert!(refused.contains(part), "{refused}");
        };
        check("7,a,b\n", "line 1: two columns are wanted");
        check("7,a\n7,b\n", "line 2: gives a value another name");
        check("7,\"a\n", "line 1: the quote opened");
    }
}
