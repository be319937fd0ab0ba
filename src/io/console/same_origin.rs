//! Whether a form was sent from a page of this console: what the browser itself says, which no page can change.
//!
//! The cookie is `SameSite=Strict`, but a site is every port and every sub-domain of a host; the token in the form would do
//! alone, but not for signing in, before there is a session. Fetch Metadata (W3C) and `Origin` (Fetch §3.2) cover both.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Where the request came from, in the browser's words.
const SITE: &str = "sec-fetch-site";

/// Whether the browser says that a page of this very host and port sent this. A browser that says nothing of it is too old to
/// be used here. With `Referrer-Policy: no-referrer` the origin of our own forms is `null`; what counts then is the site.
pub fn is_ours(headers: &HeaderMap, authority: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if headers.get_all(SITE).iter().count() != 1 || text(SITE) != Some("same-origin") {
        return false;
    }
    // HTTP/2 names the host in the address, HTTP/1.1 in a header.
    let host = authority.or_else(|| text(HOST.as_str()));
    match (text(ORIGIN.as_str()), host) {
        (None | Some("null"), _) => true,
        (Some(origin), Some(host)) => origin.strip_prefix("https://") == Some(host),
        (Some(_), None) => false,
    }
}

/// Whether somebody followed a link of another site here: the strict cookie is not sent with such a request, whoever is signed in.
pub fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get(SITE).is_some_and(|site| site == "cross-site" || site == "same-site")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], ours: bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("ASCII"));
        }
        assert_eq!(is_ours(&map, None), ours, "{headers:?}");
    }

    #[test]
    fn only_what_the_browser_says_comes_from_here_is_ours() {
        let host = ("host", "console.example:7443");
        let site = |value| ("sec-fetch-site", value);
        check(&[host, site("same-origin"), ("origin", "https://console.example:7443")], true);
        check(&[host, site("same-origin"), ("origin", "null")], true);
        check(&[host, site("same-origin")], true);
        // Another port is the same site, and its forms carry a strict cookie.
        check(&[host, site("same-site"), ("origin", "https://console.example:8443")], false);
        check(&[host, site("cross-site"), ("origin", "https://evil.example")], false);
        check(&[host, site("cross-site"), ("origin", "null")], false);
        check(&[host, site("none")], false);
        check(&[host, ("origin", "https://console.example:7443")], false);
        check(&[host], false);
        check(&[host, site("same-origin"), ("origin", "http://console.example:7443")], false);
        check(&[host, site("same-origin"), ("origin", "https://console.example")], false);
        check(&[host, site("same-origin"), ("origin", "https://evil.example")], false);
        check(&[host, site("same-origin"), site("cross-site")], false);
        check(&[site("same-origin"), ("origin", "https://console.example:7443")], false);
    }

    #[test]
    fn the_host_of_http_2_counts_before_a_header() {
        let mut headers = HeaderMap::new();
        headers.insert("sec-fetch-site", "same-origin".parse().expect("ASCII"));
        headers.insert("origin", "https://console.example".parse().expect("ASCII"));
        headers.insert("host", "evil.example".parse().expect("ASCII"));
        assert!(is_ours(&headers, Some("console.example")));
        assert!(!is_ours(&headers, None));
    }
}
