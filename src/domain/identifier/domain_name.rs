//! Domain names: UTS #46 A-labels (non-transitional), lower case, without final dot, and the public suffix list.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::domain::identifier::fold::trimmed;
use crate::domain::identifier::rule::IdentifierRule;

/// Names in the DNS that people reach have letters, digits, hyphens and, by long use, underscores.
/// Hyphens may stand anywhere: real fraud domains and content networks have them at positions 3 and 4.
const DENIED: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

/// RFC 1035 in presentation form without the final dot.
const NAME_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;

/// A domain name that may be shared: it belongs to somebody, so it lies below a public suffix.
pub(super) fn publishable(text: &str) -> Result<String, IdentifierRule> {
    let text = trimmed(text);
    if text.is_empty() {
        return Err(IdentifierRule::Empty);
    }
    let name = a_labels(text)?;
    if ends_in_number(&name) {
        return Err(IdentifierRule::DomainIsAddress);
    }
    if registrable(&name).is_none() {
        return Err(IdentifierRule::PublicSuffix);
    }
    Ok(name)
}

/// The part that one owner registered: one label below the public suffix, private section included (so
/// `shop.vercel.app` stands for itself and not for everybody on `vercel.app`). None for a public suffix.
pub(super) fn registrable(name: &str) -> Option<&str> {
    psl::domain_str(name)
}

/// UTS #46 ToASCII without transitional processing, final dot dropped.
pub(super) fn a_labels(name: &str) -> Result<String, IdentifierRule> {
    if is_plain(name) {
        let name = name.strip_suffix('.').unwrap_or(name);
        return lengths_valid(name).then(|| name.to_ascii_lowercase()).ok_or(IdentifierRule::DomainSyntax);
    }
    let ascii: Cow<'_, str> = Uts46::new()
        .to_ascii(name.as_bytes(), DENIED, Hyphens::Allow, DnsLength::VerifyAllowRootDot)
        .map_err(|_| IdentifierRule::DomainSyntax)?;
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    if ascii.split('.').any(is_doubly_encoded) {
        return Err(IdentifierRule::DomainSyntax);
    }
    lengths_valid(ascii).then(|| ascii.to_owned()).ok_or(IdentifierRule::DomainSyntax)
}

/// Whether the name needs no Unicode processing: the usual case, and ten times cheaper.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut labels = name.as_bytes().split(|byte| *byte == b'.');
    name.bytes().all(plain)
        && !labels.any(|label| label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"xn--")))
}

/// Whether an A-label hides another: UTS #46 validity criterion 4, which the library leaves out without CheckHyphens.
fn is_doubly_encoded(label: &str) -> bool {
    let decoded = label.strip_prefix("xn--").and_then(idna::punycode::decode_to_string);
    decoded.is_some_and(|decoded| decoded.starts_with("xn--"))
}

fn lengths_valid(name: &str) -> bool {
    name.len() <= NAME_BYTES && name.split('.').all(|label| (1..=LABEL_BYTES).contains(&label.len()))
}

/// Whether a resolver or browser would read the name as an IPv4 address (WHATWG URL, "ends in a number").
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hexadecimal = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_lower_case_a_labels_below_a_public_suffix() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(publishable(text), expected.map(str::to_owned), "{text:?}");
        };
        check(" Example.COM. ", Ok("example.com"));
        check("münchen.example", Ok("xn--mnchen-3ya.example"));
        check("XN--MNCHEN-3YA.example", Ok("xn--mnchen-3ya.example"));
        check("faß.de", Ok("xn--fa-hia.de"));
        check("例え。jp", Ok("xn--r8jz45g.jp"));
        check("ｗｗｗ.example.com", Ok("www.example.com"));
        check("r3---sn.example.net", Ok("r3---sn.example.net"));
        check("_dmarc.example.com", Ok("_dmarc.example.com"));
        check("shop.vercel.app", Ok("shop.vercel.app"));
        check("", Err(IdentifierRule::Empty));
        check("com", Err(IdentifierRule::PublicSuffix));
        check("co.uk", Err(IdentifierRule::PublicSuffix));
        check("vercel.app", Err(IdentifierRule::PublicSuffix));
        check("公司.cn", Err(IdentifierRule::PublicSuffix));
        check("localhost", Err(IdentifierRule::PublicSuffix));
        check("192.0.2.1", Err(IdentifierRule::DomainIsAddress));
        check("a..example.com", Err(IdentifierRule::DomainSyntax));
        check(".example.com", Err(IdentifierRule::DomainSyntax));
        check("example.com..", Err(IdentifierRule::DomainSyntax));
        check("exa mple.com", Err(IdentifierRule::DomainSyntax));
        check("example.com/login", Err(IdentifierRule::DomainSyntax));
        check("xn--xn--a--gua.pt", Err(IdentifierRule::DomainSyntax));
        check("xn--a.example", Err(IdentifierRule::DomainSyntax));
        check(&format!("{}.example", "a".repeat(64)), Err(IdentifierRule::DomainSyntax));
        check(&format!("{}example", "a.".repeat(126)), Err(IdentifierRule::DomainSyntax));
    }

    #[test]
    fn the_registrable_domain_knows_private_suffixes_and_both_writings() {
        let check = |name: &str, expected: Option<&str>| assert_eq!(registrable(name), expected, "{name:?}");
        check("a.b.example.co.uk", Some("example.co.uk"));
        check("shop.vercel.app", Some("shop.vercel.app"));
        check("vercel.app", None);
        check("x.shop.xn--55qx5d.cn", Some("shop.xn--55qx5d.cn"));
    }
}
