//! Identifiers: from what somebody typed to the one form that every member derives the same pseudonym from.
//!
//! Canonical form version 1. The bytes are UTF-8; a changed rule is a new type (`pan/2`), never a silent change, because two
//! members with different rules would stop finding each other's warnings without any error.
//!
//! ```text
//! kind      canonical bytes                                                   also yields
//! pan       12–19 digits, separators removed, Luhn valid
//! iban      upper case, no separators, country's structure, mod 97
//! account   CC:routing:account, upper case, no separators; US routing checksum
//! email     trimmed, NFC, lower case, domain as A-labels without final dot    mailbox
//! mailbox   the e-mail after the provider's own rules (see `mailbox`)
//! phone     E.164 with +; a national number needs the caller's region
//! device    opaque printable ASCII, 8–128 bytes, trimmed, case kept
//! ip        RFC 5952 text, IPv4-mapped unwrapped                              IPv6: ip6net
//! ip6net    the /64, e.g. 2001:db8:1:2::/64
//! wallet    asset:address, checksum valid where the form has one
//! domain    UTS #46 A-labels, lower case, no final dot                        its registrable domain
//! url       WHATWG serialised, without fragment, user info or default port    its host, as domain or ip
//! address   CC|postcode|line, NFKC, upper case, punctuation folded
//! merchant  scheme:id                 par  29 upper-case alphanumerics        token  scheme:value
//! ```
//!
//! What is left out: whether an identifier may be shared at all is [`guard`]'s question, not one of form.

mod bank;
mod card;
pub mod conformance;
mod domain_name;
mod email;
mod fold;
pub mod guard;
pub mod guard_import;
mod ip;
mod mailbox;
mod opaque;
mod phone;
mod postal;
mod rule;
pub mod sandbox;
pub mod text;
mod wallet;
mod web;

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::Region;
use zeroize::Zeroizing;

use crate::base::kind::IdentifierKind;
use crate::base::limits::IDENTIFIER_BYTES;

/// A rule of canonical form that a value broke.
pub type IdentifierRule = rule::IdentifierRule;

/// An identifier as somebody typed it. Closed: no content in `Debug`, no `Display`, wiped on drop.
pub struct RawIdentifier {
    kind: IdentifierKind,
    value: Zeroizing<String>,
}

impl RawIdentifier {
    /// Takes any text; [`canonicalise`] says whether it is an identifier of this kind.
    pub fn new(kind: IdentifierKind, value: String) -> Self {
        Self { kind, value: Zeroizing::new(value) }
    }

    pub fn kind(&self) -> IdentifierKind {
        self.kind
    }
}

impl fmt::Debug for RawIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawIdentifier({}, …)", self.kind)
    }
}

/// An identifier in canonical form version 1; only [`canonicalise`] builds it. Closed like [`RawIdentifier`].
#[derive(PartialEq, Eq)]
pub struct CanonicalIdentifier {
    kind: IdentifierKind,
    bytes: Zeroizing<Vec<u8>>,
}

impl CanonicalIdentifier {
    fn new(kind: IdentifierKind, mut canonical: Zeroizing<String>) -> Self {
        Self { kind, bytes: Zeroizing::new(std::mem::take(&mut *canonical).into_bytes()) }
    }

    pub fn kind(&self) -> IdentifierKind {
        self.kind
    }

    /// The canonical bytes, UTF-8. The modules that may read them stand in a list that `tests/tidy.rs` holds.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// The canonical bytes as the text they are, inside this module.
    fn expose_text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("canonical bytes are made from a String")
    }
}

impl fmt::Debug for CanonicalIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalIdentifier({}, …)", self.kind)
    }
}

/// A region of the telephone network, ISO 3166-1 alpha-2, e.g. `GB`: what a national phone number is read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region2(Region);

/// The text is no two-letter region code that has a numbering plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a region is an ISO 3166-1 code of two letters that has a telephone numbering plan, such as GB or US")]
pub struct UnknownRegion;

impl FromStr for Region2 {
    type Err = UnknownRegion;

    fn from_str(code: &str) -> Result<Self, UnknownRegion> {
        let region = Region::from_str(&code.to_ascii_uppercase()).map_err(|_| UnknownRegion)?;
        phone::has_numbering_plan(region).then_some(Self(region)).ok_or(UnknownRegion)
    }
}

/// What the canonical form depends on beside the value itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CanonRules {
    /// Region that phone numbers without country code are read in; without it they are refused.
    pub default_region: Option<Region2>,
}

/// A refused identifier: which kind and which rule, never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} refused: {rule}")]
pub struct IdentifierError {
    pub kind: IdentifierKind,
    pub rule: IdentifierRule,
}

/// Brings a raw identifier into canonical form version 1.
///
/// The first of the result has the kind that was given; the others are further identifiers that follow from it (a
/// mailbox from an e-mail, the registrable domain from a domain, the /64 from an IPv6 address, the host from a URL), in
/// the order of the table of this module. Canonicalising a canonical form gives itself.
pub fn canonicalise(raw: &RawIdentifier, rules: &CanonRules) -> Result<Vec<CanonicalIdentifier>, IdentifierError> {
    canonical_forms(raw.kind, &raw.value, rules).map_err(|rule| IdentifierError { kind: raw.kind, rule })
}

fn canonical_forms(
    kind: IdentifierKind,
    value: &str,
    rules: &CanonRules,
) -> Result<Vec<CanonicalIdentifier>, IdentifierRule> {
    if value.len() > IDENTIFIER_BYTES {
        return Err(IdentifierRule::TooLong);
    }
    let single = |canonical: Zeroizing<String>| Ok(vec![CanonicalIdentifier::new(kind, canonical)]);
    match kind {
        IdentifierKind::Pan => single(card::pan(value)?),
        IdentifierKind::Par => single(card::par(value)?),
        IdentifierKind::Token => single(opaque::token(value)?),
        IdentifierKind::Iban => single(bank::iban(value)?),
        IdentifierKind::Account => single(bank::account(value)?),
        IdentifierKind::Mailbox => single(mailbox::reached_by(&email::address(value)?)),
        IdentifierKind::Phone => single(phone::e164(value, rules.default_region.map(|region| region.0))?),
        IdentifierKind::Device => single(opaque::device(value)?),
        IdentifierKind::Ip6Net => single(ip::network(value)?),
        IdentifierKind::Wallet => single(wallet::wallet(value)?),
        IdentifierKind::Address => single(postal::address(value)?),
        IdentifierKind::Merchant => single(opaque::merchant(value)?),
        IdentifierKind::Email => {
            let address = email::address(value)?;
            let mailbox = mailbox::reached_by(&address);
            Ok(vec![
                CanonicalIdentifier::new(IdentifierKind::Email, address),
                CanonicalIdentifier::new(IdentifierKind::Mailbox, mailbox),
            ])
        }
        IdentifierKind::Ip => Ok(with_network(ip::address(value)?)),
        IdentifierKind::Domain => {
            let host = Zeroizing::new(domain_name::publishable(value)?);
            let registrable = domain_name::registrable(&host).filter(|registrable| *registrable != *host);
            let registrable = registrable.map(|name| Zeroizing::new(name.to_owned()));
            let mut forms = vec![CanonicalIdentifier::new(IdentifierKind::Domain, host)];
            forms.extend(registrable.map(|name| CanonicalIdentifier::new(IdentifierKind::Domain, name)));
            Ok(forms)
        }
        IdentifierKind::Url => {
            let page = web::page(value)?;
            let mut forms = vec![CanonicalIdentifier::new(IdentifierKind::Url, page.canonical)];
            match page.host {
                web::Host::Name(name) => {
                    forms.push(CanonicalIdentifier::new(IdentifierKind::Domain, Zeroizing::new(name)))
                }
                web::Host::Address(address) => forms.extend(with_network(address)),
                web::Host::NotPublishable => {}
            }
            Ok(forms)
        }
    }
}

/// An address and, for IPv6, the network of one subscriber around it.
fn with_network(address: std::net::IpAddr) -> Vec<CanonicalIdentifier> {
    let mut forms = vec![CanonicalIdentifier::new(IdentifierKind::Ip, Zeroizing::new(address.to_string()))];
    if let std::net::IpAddr::V6(address) = address {
        forms.push(CanonicalIdentifier::new(IdentifierKind::Ip6Net, ip::network_of(address)));
    }
    forms
}

#[cfg(test)]
mod tests;
