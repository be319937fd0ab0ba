//! IP addresses in the text form of RFC 5952, and the /64 that one IPv6 subscriber holds.

use std::net::{IpAddr, Ipv6Addr};

use zeroize::Zeroizing;

use crate::domain::identifier::fold::{to_ascii, trimmed};
use crate::domain::identifier::rule::IdentifierRule;

/// Bits of the network that stands for one IPv6 subscriber.
const NETWORK_BITS: u8 = 64;

/// An address in its usual writing; IPv4-mapped IPv6 becomes the IPv4 address it carries. Octal, hexadecimal and short
/// forms and zones are refused: programs read them differently, which is how filters are evaded.
pub(super) fn address(text: &str) -> Result<IpAddr, IdentifierRule> {
    let text = trimmed(text);
    if text.is_empty() {
        return Err(IdentifierRule::Empty);
    }
    let parsed = if text.is_ascii() {
        text.parse::<IpAddr>()
    } else {
        to_ascii(text).ok_or(IdentifierRule::Characters)?.parse::<IpAddr>()
    };
    parsed.map(|address| address.to_canonical()).map_err(|_| IdentifierRule::IpSyntax)
}

/// `address/64` or a bare IPv6 address; bits beyond the network are dropped.
pub(super) fn network(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let text = trimmed(text);
    let bare = match text.split_once('/') {
        Some((bare, bits)) if bits.parse() == Ok(NETWORK_BITS) => bare,
        Some(_) => return Err(IdentifierRule::NetworkPrefix),
        None => text,
    };
    match address(bare)? {
        IpAddr::V6(address) => Ok(network_of(address)),
        IpAddr::V4(_) => Err(IdentifierRule::NetworkPrefix),
    }
}

/// `network/64`.
pub(super) fn network_of(address: Ipv6Addr) -> Zeroizing<String> {
    let low_bits = u128::from(u64::MAX);
    Zeroizing::new(format!("{}/{NETWORK_BITS}", Ipv6Addr::from_bits(address.to_bits() & !low_bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_writing() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(address(text).map(|address| address.to_string()), expected.map(str::to_owned), "{text:?}");
        };
        check(" 192.0.2.1 ", Ok("192.0.2.1"));
        check("１９２.0.2.1", Ok("192.0.2.1"));
        check("::ffff:192.0.2.1", Ok("192.0.2.1"));
        check("::FFFF:C000:0201", Ok("192.0.2.1"));
        check("2001:DB8:0:0:0:0:0:1", Ok("2001:db8::1"));
        check("2001:db8::1:0:0:1", Ok("2001:db8::1:0:0:1"));
        check("", Err(IdentifierRule::Empty));
        check("192.000.2.1", Err(IdentifierRule::IpSyntax));
        check("192.0.513", Err(IdentifierRule::IpSyntax));
        check("0xc0000201", Err(IdentifierRule::IpSyntax));
        check("256.1.1.1", Err(IdentifierRule::IpSyntax));
        check("fe80::1%eth0", Err(IdentifierRule::IpSyntax));
        check("[2001:db8::1]", Err(IdentifierRule::IpSyntax));
        check("192.0.2.1:443", Err(IdentifierRule::IpSyntax));
        check("192.0.2.é", Err(IdentifierRule::Characters));
    }

    #[test]
    fn an_ipv6_network_is_a_64() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(network(text), expected.map(|form| Zeroizing::new(form.to_owned())), "{text:?}");
        };
        check("2001:db8:1:2:3:4:5:6", Ok("2001:db8:1:2::/64"));
        check("2001:DB8:1:2::/64", Ok("2001:db8:1:2::/64"));
        check("::/64", Ok("::/64"));
        check("2001:db8::/48", Err(IdentifierRule::NetworkPrefix));
        check("2001:db8::/", Err(IdentifierRule::NetworkPrefix));
        check("192.0.2.1", Err(IdentifierRule::NetworkPrefix));
        check("::ffff:192.0.2.1/64", Err(IdentifierRule::NetworkPrefix));
        check("2001:db8:::1", Err(IdentifierRule::IpSyntax));
        check("", Err(IdentifierRule::Empty));
    }
}
