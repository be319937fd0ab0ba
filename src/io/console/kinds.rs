//! Kinds of identifiers in the words of people, and what is typed for each.

use crate::base::kind::IdentifierKind;

/// What it is called.
pub const fn name(kind: IdentifierKind) -> &'static str {
    match kind {
        IdentifierKind::Pan => "payment card number",
        IdentifierKind::Iban => "IBAN",
        IdentifierKind::Account => "bank account without IBAN",
        IdentifierKind::Email => "e-mail address",
        IdentifierKind::Mailbox => "mailbox",
        IdentifierKind::Phone => "telephone number",
        IdentifierKind::Device => "device",
        IdentifierKind::Ip => "IP address",
        IdentifierKind::Ip6Net => "IPv6 network",
        IdentifierKind::Wallet => "wallet",
        IdentifierKind::Domain => "domain",
        IdentifierKind::Url => "web address",
        IdentifierKind::Address => "postal address",
        IdentifierKind::Merchant => "merchant or terminal",
        IdentifierKind::Par => "payment account reference",
        IdentifierKind::Token => "token of a card",
    }
}

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
        Ok(kind) => name(kind),
        Err(_) => label,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = IdentifierKind::ALL.into_iter().map(name).collect();
        assert_eq!(names.len(), IdentifierKind::ALL.len());
        assert_eq!((named("pan"), named("other")), ("payment card number", "other"));
    }
}
