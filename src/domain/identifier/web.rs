//! Web addresses: the WHATWG URL serialisation without fragment, user information and default port.
//!
//! Query parameters are kept: a parameter that only tracks on one site selects the victim's page on another.

use std::net::IpAddr;

use url::Url;
use zeroize::Zeroizing;

use crate::domain::identifier::domain_name;
use crate::domain::identifier::fold::trimmed;
use crate::domain::identifier::rule::IdentifierRule;

/// A web address and what its host is.
pub(super) struct Page {
    pub(super) canonical: Zeroizing<String>,
    pub(super) host: Host,
}

/// The host as an identifier of its own.
pub(super) enum Host {
    Name(String),
    Address(IpAddr),
    /// A public suffix or a name outside the DNS: not one owner's.
    NotPublishable,
}

/// Reads an absolute web address.
pub(super) fn page(text: &str) -> Result<Page, IdentifierRule> {
    let text = trimmed(text);
    if text.is_empty() {
        return Err(IdentifierRule::Empty);
    }
    page_of(Url::parse(text).map_err(|_| IdentifierRule::UrlSyntax)?)
}

/// Takes an address that the standard's algorithm has read.
pub(super) fn page_of(mut url: Url) -> Result<Page, IdentifierRule> {
    if !matches!(url.scheme(), "http" | "https" | "ftp" | "ws" | "wss") {
        return Err(IdentifierRule::UrlScheme);
    }
    url.set_fragment(None);
    // The standard encodes '^' in paths since 2024; the library does not yet.
    if url.path().contains('^') {
        let path = url.path().replace('^', "%5E");
        url.set_path(&path);
    }
    // These five schemes always have a host, so user information can always be taken away.
    url.set_username("").map_err(|()| IdentifierRule::UrlSyntax)?;
    url.set_password(None).map_err(|()| IdentifierRule::UrlSyntax)?;
    let host = match url.host() {
        Some(url::Host::Domain(name)) => domain_name::publishable(name).map_or(Host::NotPublishable, Host::Name),
        Some(url::Host::Ipv4(address)) => Host::Address(IpAddr::V4(address)),
        Some(url::Host::Ipv6(address)) => Host::Address(IpAddr::V6(address).to_canonical()),
        None => return Err(IdentifierRule::UrlSyntax),
    };
    Ok(Page { canonical: Zeroizing::new(url.into()), host })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_address_has_the_standards_form_without_what_the_server_never_sees() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(
                page(text).map(|page| page.canonical),
                expected.map(|form| Zeroizing::new(form.to_owned())),
                "{text:?}"
            );
        };
        check(" HTTPS://user:pw@Example.COM:443/login?x=1#top ", Ok("https://example.com/login?x=1"));
        check("http://example.com", Ok("http://example.com/"));
        check("http://example.com:8080/a/../b", Ok("http://example.com:8080/b"));
        check("https://münchen.example/ä", Ok("https://xn--mnchen-3ya.example/%C3%A4"));
        check("http://0xC0.0.2.1/", Ok("http://192.0.2.1/"));
        check("https://example.com/a^b?c^d", Ok("https://example.com/a%5Eb?c^d"));
        check("https://example.com/?utm_source=x", Ok("https://example.com/?utm_source=x"));
        check("", Err(IdentifierRule::Empty));
        check("example.com/login", Err(IdentifierRule::UrlSyntax));
        check("https://", Err(IdentifierRule::UrlSyntax));
        check("mailto:jane@example.com", Err(IdentifierRule::UrlScheme));
        check("javascript:alert(1)", Err(IdentifierRule::UrlScheme));
    }
}
