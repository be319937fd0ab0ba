//! The rules of canonical form, each with a stable name for machines and words for people; never with the value.

use std::fmt;

/// Why a value has no canonical form of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentifierRule {
    Empty,
    TooLong,
    Characters,
    Length,
    Parts,
    Scheme,
    Country,
    CardLuhn,
    IbanCheckDigits,
    IbanStructure,
    RoutingChecksum,
    EmailSyntax,
    DomainSyntax,
    DomainIsAddress,
    PublicSuffix,
    PhoneSyntax,
    PhoneRegionMissing,
    PhoneInvalid,
    IpSyntax,
    NetworkPrefix,
    WalletForm,
    WalletChecksum,
    UrlSyntax,
    UrlScheme,
}

impl IdentifierRule {
    pub const ALL: [Self; 24] = [
        Self::Empty,
        Self::TooLong,
        Self::Characters,
        Self::Length,
        Self::Parts,
        Self::Scheme,
        Self::Country,
        Self::CardLuhn,
        Self::IbanCheckDigits,
        Self::IbanStructure,
        Self::RoutingChecksum,
        Self::EmailSyntax,
        Self::DomainSyntax,
        Self::DomainIsAddress,
        Self::PublicSuffix,
        Self::PhoneSyntax,
        Self::PhoneRegionMissing,
        Self::PhoneInvalid,
        Self::IpSyntax,
        Self::NetworkPrefix,
        Self::WalletForm,
        Self::WalletChecksum,
        Self::UrlSyntax,
        Self::UrlScheme,
    ];

    /// Stable name for reports and machine-readable answers; it never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::Characters => "characters",
            Self::Length => "length",
            Self::Parts => "parts",
            Self::Scheme => "scheme",
            Self::Country => "country",
            Self::CardLuhn => "card_luhn",
            Self::IbanCheckDigits => "iban_check_digits",
            Self::IbanStructure => "iban_structure",
            Self::RoutingChecksum => "routing_checksum",
            Self::EmailSyntax => "email_syntax",
            Self::DomainSyntax => "domain_syntax",
            Self::DomainIsAddress => "domain_is_address",
            Self::PublicSuffix => "public_suffix",
            Self::PhoneSyntax => "phone_syntax",
            Self::PhoneRegionMissing => "phone_region_missing",
            Self::PhoneInvalid => "phone_invalid",
            Self::IpSyntax => "ip_syntax",
            Self::NetworkPrefix => "network_prefix",
            Self::WalletForm => "wallet_form",
            Self::WalletChecksum => "wallet_checksum",
            Self::UrlSyntax => "url_syntax",
            Self::UrlScheme => "url_scheme",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Empty => "it is empty",
            Self::TooLong => "it is longer than any identifier may be",
            Self::Characters => "it holds a character that this kind cannot have",
            Self::Length => {
                "it is too short or too long for this kind (a card number has 12 to 19 digits, a device id 8 to 128 characters)"
            }
            Self::Parts => "it has not the parts this kind needs, in their order",
            Self::Scheme => "the scheme before the colon must be 1 to 32 lower-case letters, digits, '.', '_' or '-'",
            Self::Country => "the country must be a code of two letters",
            Self::CardLuhn => "the card number's check digit is wrong",
            Self::IbanCheckDigits => "the check digits are wrong",
            Self::IbanStructure => "the length or structure is not that of its country",
            Self::RoutingChecksum => "the US routing number must have nine digits and a right check digit",
            Self::EmailSyntax => "an e-mail address has the form local@domain",
            Self::DomainSyntax => "it is no valid internationalised domain name",
            Self::DomainIsAddress => "it is an IP address, not a domain name",
            Self::PublicSuffix => "it is a public suffix, under which anybody may register",
            Self::PhoneSyntax => "it cannot be read as a phone number",
            Self::PhoneRegionMissing => {
                "a national phone number needs a default region (screening.default_region of the node), or write it with + and country code"
            }
            Self::PhoneInvalid => "no numbering plan has such a phone number",
            Self::IpSyntax => "it is no IP address in its usual writing",
            Self::NetworkPrefix => "an IPv6 network is shared as its /64",
            Self::WalletForm => "the address has not the form of its asset",
            Self::WalletChecksum => "the address's checksum is wrong",
            Self::UrlSyntax => "it is no complete web address",
            Self::UrlScheme => "a web address begins with http, https, ftp, ws or wss",
        }
    }
}

impl fmt::Display for IdentifierRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
