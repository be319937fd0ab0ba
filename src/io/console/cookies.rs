//! The console's two cookies: the session's, and the time zone somebody chose.
//!
//! The prefix `__Host-` makes the browser itself refuse one that another host, a sub-domain or a page without TLS tries to set.

use http::HeaderMap;
use http::header::COOKIE;

use crate::io::console::session::SessionId;
use crate::io::console::zone::Zone;

const SESSION: &str = "__Host-session";
const ZONE: &str = "__Host-zone";

/// Seconds a chosen zone is remembered: half a year.
const ZONE_S: u64 = 15_552_000;

fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut own = values.by_ref().filter(|(own, _)| *own == name).map(|(_, value)| value);
    let first = own.next();
    // Two of one name: which of them this console set, nobody can say.
    first.filter(|_| own.next().is_none())
}

/// The session a browser shows.
pub fn session(headers: &HeaderMap) -> Option<SessionId> {
    value(headers, SESSION).map(SessionId::of_cookie)
}

/// The zone somebody chose earlier.
pub fn zone(headers: &HeaderMap) -> Option<Zone> {
    value(headers, ZONE)?.parse().ok()
}

/// Lets the browser show this session from now on, until it is closed.
pub fn keep_session(id: &SessionId) -> String {
    format!("{SESSION}={}; Path=/; Secure; HttpOnly; SameSite=Strict", id.cookie_value())
}

/// Lets the browser forget its session.
pub fn drop_session() -> String {
    format!("{SESSION}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// Lets the browser remember a zone.
pub fn keep_zone(zone: &Zone) -> String {
    format!("{ZONE}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={ZONE_S}", zone.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(texts: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(COOKIE, text.parse().expect("ASCII"));
        }
        headers
    }

    #[test]
    fn one_cookie_of_the_name_is_read_and_two_are_none() {
        let check = |texts: &[&str], expected: Option<&str>| {
            let read = session(&cookies(texts)).map(|id| id.cookie_value().to_owned());
            assert_eq!(read.as_deref(), expected, "{texts:?}");
        };
        check(&["__Host-session=abc"], Some("abc"));
        check(&["a=b; __Host-session=abc; c=d"], Some("abc"));
        check(&["a=b", "__Host-session=abc"], Some("abc"));
        check(&["session=abc"], None);
        check(&["__host-session=abc"], None);
        check(&["__Host-session=abc; __Host-session=def"], None);
        check(&["__Host-session=abc", "__Host-session=abc"], None);
        check(&[], None);
    }

    #[test]
    fn what_is_set_no_script_reads_and_no_other_site_sends() {
        let id = SessionId::of_cookie("abc");
        for set in [keep_session(&id), drop_session(), keep_zone(&Zone::utc())] {
            for part in ["__Host-", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
                assert!(set.contains(part), "{part:?} is missing in {set}");
            }
            assert!(!set.contains("Domain"), "{set}");
        }
        assert!(keep_session(&id).starts_with("__Host-session=abc;"));
    }

    #[test]
    fn a_zone_comes_back_and_nonsense_is_no_zone() {
        let berlin: Zone = "Europe/Berlin".parse().expect("a zone");
        let sent = keep_zone(&berlin).split(';').next().map(str::to_owned).expect("one");
        assert_eq!(zone(&cookies(&[&sent])), Some(berlin));
        assert_eq!(zone(&cookies(&["__Host-zone=../../etc/passwd"])), None);
    }
}
