//! Words of the closed vocabularies as files may write them: our own labels, the names of the interface
//! (`SEVERITY_HIGH`), and the traffic light as its standard prints it (`TLP:AMBER+STRICT`).

use std::str::FromStr;

use crate::base::kind::{IdentifierKind, UnknownKind};
use crate::domain::indicator::words::UnknownWord;
use crate::io::grpc::wire::hushwire::types::v1 as types;

/// Reads a word; `prefix` is what the interface's names put in front, e.g. `severity-`.
pub fn word<T: FromStr<Err = UnknownWord>>(text: &str, prefix: &str) -> Result<T, UnknownWord> {
    let plain = plain(text);
    plain.strip_prefix(prefix).unwrap_or(&plain).parse()
}

/// Reads a kind of identifier, by label or by the interface's name.
pub fn kind(text: &str) -> Result<IdentifierKind, UnknownKind> {
    let plain = plain(text);
    plain.strip_prefix("identifier-kind-").unwrap_or(&plain).parse()
}

fn plain(text: &str) -> String {
    text.trim().to_ascii_lowercase().replace(['_', '+'], "-").replace("tlp:", "")
}

/// The number of a kind in the interface.
pub const fn kind_number(kind: IdentifierKind) -> types::IdentifierKind {
    match kind {
        IdentifierKind::Pan => types::IdentifierKind::Pan,
        IdentifierKind::Iban => types::IdentifierKind::Iban,
        IdentifierKind::Account => types::IdentifierKind::Account,
        IdentifierKind::Email => types::IdentifierKind::Email,
        IdentifierKind::Mailbox => types::IdentifierKind::Mailbox,
        IdentifierKind::Phone => types::IdentifierKind::Phone,
        IdentifierKind::Device => types::IdentifierKind::Device,
        IdentifierKind::Ip => types::IdentifierKind::Ip,
        IdentifierKind::Ip6Net => types::IdentifierKind::Ip6net,
        IdentifierKind::Wallet => types::IdentifierKind::Wallet,
        IdentifierKind::Domain => types::IdentifierKind::Domain,
        IdentifierKind::Url => types::IdentifierKind::Url,
        IdentifierKind::Address => types::IdentifierKind::Address,
        IdentifierKind::Merchant => types::IdentifierKind::Merchant,
        IdentifierKind::Par => types::IdentifierKind::Par,
        IdentifierKind::Token => types::IdentifierKind::Token,
    }
}

/// The label of a kind in the interface; "unspecified" for what a later version may send.
pub fn kind_label(number: i32) -> &'static str {
    IdentifierKind::ALL
        .into_iter()
        .find(|kind| i32::from(kind_number(*kind)) == number)
        .map_or("unspecified", IdentifierKind::label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::indicator::words::{Grounds, Handling, Severity};

    #[test]
    fn words_are_read_in_each_of_their_spellings() {
        for text in ["high", "HIGH", " SEVERITY_HIGH "] {
            assert_eq!(word(text, "severity-"), Ok(Severity::High));
        }
        for text in ["TLP:AMBER+STRICT", "amber_strict", "HANDLING_AMBER_STRICT", "amber-strict"] {
            assert_eq!(word(text, "handling-"), Ok(Handling::AmberStrict));
        }
        assert_eq!(word("own_confirmed", "grounds-"), Ok(Grounds::OwnConfirmed));
        assert!(word::<Severity>("4111111111111111", "severity-").is_err());
        for kind_of in IdentifierKind::ALL {
            assert_eq!(kind(kind_of.label()), Ok(kind_of));
            assert_eq!(kind(kind_number(kind_of).as_str_name()), Ok(kind_of));
            assert_eq!(kind_label(kind_number(kind_of).into()), kind_of.label());
        }
    }
}
