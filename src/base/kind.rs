//! The kinds of identifier members may share, with the labels that enter every hash.

use std::fmt;
use std::str::FromStr;

/// What an identifier identifies. The label is part of the pseudonym's derivation: it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierKind {
    Pan,
    Iban,
    Account,
    Email,
    Mailbox,
    Phone,
    Device,
    Ip,
    Ip6Net,
    Wallet,
    Domain,
    Url,
    Address,
    Merchant,
    Par,
    Token,
}

impl IdentifierKind {
    pub const ALL: [Self; 16] = [
        Self::Pan,
        Self::Iban,
        Self::Account,
        Self::Email,
        Self::Mailbox,
        Self::Phone,
        Self::Device,
        Self::Ip,
        Self::Ip6Net,
        Self::Wallet,
        Self::Domain,
        Self::Url,
        Self::Address,
        Self::Merchant,
        Self::Par,
        Self::Token,
    ];

    /// The short ASCII name used on the command line, in files and in hashes.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pan => "pan",
            Self::Iban => "iban",
            Self::Account => "account",
            Self::Email => "email",
            Self::Mailbox => "mailbox",
            Self::Phone => "phone",
            Self::Device => "device",
            Self::Ip => "ip",
            Self::Ip6Net => "ip6net",
            Self::Wallet => "wallet",
            Self::Domain => "domain",
            Self::Url => "url",
            Self::Address => "address",
            Self::Merchant => "merchant",
            Self::Par => "par",
            Self::Token => "token",
        }
    }

    /// `label ‖ "/1"`: the kind with the version of its canonical rule. A changed rule is a new type.
    pub const fn type_label(self) -> &'static str {
        match self {
            Self::Pan => "pan/1",
            Self::Iban => "iban/1",
            Self::Account => "account/1",
            Self::Email => "email/1",
            Self::Mailbox => "mailbox/1",
            Self::Phone => "phone/1",
            Self::Device => "device/1",
            Self::Ip => "ip/1",
            Self::Ip6Net => "ip6net/1",
            Self::Wallet => "wallet/1",
            Self::Domain => "domain/1",
            Self::Url => "url/1",
            Self::Address => "address/1",
            Self::Merchant => "merchant/1",
            Self::Par => "par/1",
            Self::Token => "token/1",
        }
    }

    /// Position in [`Self::ALL`]: for tables with one row a kind.
    pub fn ordinal(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).expect("every kind stands in ALL")
    }

    pub fn from_type_label(label: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.type_label() == label).ok_or(UnknownKind)
    }
}

impl fmt::Display for IdentifierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// No kind has this label. The label itself is left out: a mixed-up column may hold a raw identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown kind of identifier; known are pan, iban, account, email, mailbox, phone, device, ip, ip6net, wallet, domain, url, address, merchant, par, token"
)]
pub struct UnknownKind;

impl FromStr for IdentifierKind {
    type Err = UnknownKind;

    fn from_str(label: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.label() == label).ok_or(UnknownKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_types_lead_back_to_their_kind() {
        for kind in IdentifierKind::ALL {
            assert_eq!(kind.label().parse(), Ok(kind));
            assert_eq!(IdentifierKind::from_type_label(kind.type_label()), Ok(kind));
            assert_eq!(kind.type_label(), format!("{}/1", kind.label()));
            assert_eq!(IdentifierKind::ALL[kind.ordinal()], kind);
        }
    }

    #[test]
    fn an_unknown_label_is_not_echoed() {
        let refused = "4111111111111111".parse::<IdentifierKind>().expect_err("no such kind");
        assert!(!refused.to_string().contains("4111"));
    }
}
