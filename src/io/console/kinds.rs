//! What is typed for each kind of identifier, and kinds as records name them.

use crate::base::kind::IdentifierKind;
use crate::domain::screening::decision::in_words;

/// How it is written.
pub const fn form(kind: IdentifierKind) -> &'static str {
    match kind {
        IdentifierKind::Pan => "12 to 19 digits; spaces and dashes do not matter",
        IdentifierKind::Iban => "with its country in front; spaces do not matter",
        IdentifierKind::Account => "country:routing:account, as in US:021000021:123456789",
        IdentifierKind::Email => "as it was given; the mailbox it reaches is looked up too",
        IdentifierKind::Mailbox => "an address as its provider reads it, without dots or +tag that do not count",
        IdentifierKind::Phone => "with + and country code",
        IdentifierKind::Device => "the identifier of the device, 8 to 128 characters; capitals matter",
        IdentifierKind::Ip => "IPv4 or IPv6; the network of an IPv6 address is looked up too",
        IdentifierKind::Ip6Net => "a /64, as in 2001:db8:1:2::/64",
        IdentifierKind::Wallet => "asset:address, as in btc:bc1…",
        IdentifierKind::Domain => "the host name alone; the domain it is registered under is looked up too",
        IdentifierKind::Url => "the whole address with https:// in front; its host is looked up too",
        IdentifierKind::Address => "country|postcode|line",
        IdentifierKind::Merchant => "scheme:number",
        IdentifierKind::Par => "29 capital letters and digits",
        IdentifierKind::Token => "scheme:value",
    }
}

/// The name of a label that stands in a record; the label itself where it is of a later version.
pub fn named(label: &str) -> &str {
    match label.parse::<IdentifierKind>() {
        Ok(kind) => in_words(kind),
        Err(_) => label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_told_in_words_and_one_of_a_later_version_as_it_is() {
        assert_eq!((named("pan"), named("other")), ("payment card number", "other"));
    }
}
