//! Where events may be posted: an https address, or plain http on this machine.
//!
//! The operator names the address, so one inside the member's own network is as good as any other. It is never taken from
//! an answer: a redirect is a failure (see `post`).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use rustls::pki_types::ServerName;
use url::{Host, Url};

/// Characters of an address.
const CHARACTERS: usize = 2_048;

/// Why an address cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("not an address with a host")]
    NoAddress,
    #[error("https, or http to 127.0.0.1 or [::1]: events must not travel in the clear")]
    Clear,
    #[error("without user name, password and fragment: what proves the sender is the signature")]
    Extra,
}

/// A checked address.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: Url,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).ok().filter(|_| text.len() <= CHARACTERS).ok_or(AddressError::NoAddress)?;
        let on_this_machine = match url.host().ok_or(AddressError::NoAddress)? {
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
            // A name can be made to mean another machine.
            Host::Domain(_) => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if on_this_machine => {}
            _ => return Err(AddressError::Clear),
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(AddressError::Extra);
        }
        Ok(Self { url })
    }
}

/// What is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Address(SocketAddr),
    Name(String, u16),
}

impl Address {
    /// Host and port of the connection.
    pub fn target(&self) -> Target {
        let port = self.url.port_or_known_default().unwrap_or(443);
        match self.url.host() {
            Some(Host::Ipv4(ip)) => Target::Address((IpAddr::V4(ip), port).into()),
            Some(Host::Ipv6(ip)) => Target::Address((IpAddr::V6(ip), port).into()),
            Some(Host::Domain(name)) => Target::Name(name.to_owned(), port),
            None => unreachable!("an address has a host"),
        }
    }

    /// The name its certificate must show; none where it is spoken to in the clear.
    pub fn server_name(&self) -> Option<ServerName<'static>> {
        if self.url.scheme() != "https" {
            return None;
        }
        match self.target() {
            Target::Address(address) => Some(ServerName::from(address.ip())),
            Target::Name(name, _) => ServerName::try_from(name).ok(),
        }
    }

    /// The value of `Host`.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

/// Without path and query, which may hold a key of the receiver.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}://{})", self.url.scheme(), self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_go_out_encrypted_or_stay_on_this_machine() {
        let check = |text: &str, expected: Result<(&str, &str, bool), AddressError>| {
            let read = text.parse::<Address>();
            let shown = read.as_ref().map(|address| (address.host(), address.path(), address.server_name().is_some()));
            let shown = shown.as_ref().map(|(host, path, tls)| (host.as_str(), *path, *tls));
            assert_eq!(shown.map_err(|error| **error), expected, "{text}");
        };
        check("https://desk.bank.example/hooks?key=1", Ok(("desk.bank.example", "/hooks?key=1", true)));
        check("https://10.1.2.3:8443", Ok(("10.1.2.3:8443", "/", true)));
        check("http://127.0.0.1:9000/x", Ok(("127.0.0.1:9000", "/x", false)));
        check("http://[::1]:9000/x", Ok(("[::1]:9000", "/x", false)));
        check("http://localhost:9000/x", Err(AddressError::Clear));
        check("http://10.1.2.3/x", Err(AddressError::Clear));
        check("ftp://127.0.0.1/x", Err(AddressError::Clear));
        check("https://desk:secret@bank.example/", Err(AddressError::Extra));
        check("https://bank.example/#part", Err(AddressError::Extra));
        check("bank.example/hooks", Err(AddressError::NoAddress));
        check("https://", Err(AddressError::NoAddress));
        check(&format!("https://a.example/{}", "x".repeat(CHARACTERS)), Err(AddressError::NoAddress));
    }

    #[test]
    fn a_key_in_the_path_is_not_shown() {
        let address: Address = "https://a.example/token/1234?key=5678".parse().expect("valid");
        assert_eq!(format!("{address:?}"), "Address(https://a.example)");
    }
}
