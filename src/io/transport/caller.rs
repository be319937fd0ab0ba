//! Who is at the other end of a connection: verified once at the handshake, carried by every request as an extension.

use crate::base::bytes::Sha256Digest;
use crate::base::name::{CallerName, MemberId};
use crate::base::role::Role;
use crate::io::transport::leaf::Leaf;
use crate::io::transport::pins::PinRegistry;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Begins the names of callers that are known by a token. No certificate is believed with such a name, so that the audit log
/// never takes one for the other.
pub const TOKEN_PREFIX: &str = "token.";

/// A system or person inside this member, as its certificate `hushwire://<member>/<role>/<name>` says, or its
/// token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalCaller {
    pub member: MemberId,
    pub role: Role,
    pub name: CallerName,
}

/// The rule a certificate's names broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    #[error("the certificate must name exactly one URI hushwire://MEMBER/ROLE/NAME")]
    Uri,
    #[error("the role in the certificate is none of publisher, screener, analyst, auditor, operator")]
    Role,
    #[error("the certificate names another member than this node's")]
    Member,
    #[error("names that begin with {TOKEN_PREFIX} are those of tokens")]
    Token,
}

impl LocalCaller {
    /// Reads `hushwire://<member>/<role>/<name>`.
    pub fn from_uri(uri: &str) -> Result<Self, CallerError> {
        let rest = uri.strip_prefix("hushwire://").ok_or(CallerError::Uri)?;
        let mut parts = rest.split('/');
        let (Some(member), Some(role), Some(name), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CallerError::Uri);
        };
        Ok(Self {
            member: member.parse().map_err(|_| CallerError::Uri)?,
            role: role.parse().map_err(|_| CallerError::Role)?,
            name: name.parse().map_err(|_| CallerError::Uri)?,
        })
    }

    /// Reads the one URI of a verified certificate; a second one would leave open who calls.
    pub fn from_leaf(leaf: &Leaf, member: &MemberId) -> Result<Self, CallerError> {
        let [uri] = leaf.uris.as_slice() else {
            return Err(CallerError::Uri);
        };
        let caller = Self::from_uri(uri)?;
        if caller.name.as_str().starts_with(TOKEN_PREFIX) {
            return Err(CallerError::Token);
        }
        if caller.member == *member { Ok(caller) } else { Err(CallerError::Member) }
    }

    /// The URI of its certificate.
    pub fn uri(&self) -> String {
        format!("hushwire://{}/{}/{}", self.member, self.role, self.name)
    }
}

/// Another member's node: the member its key is pinned to.
#[derive(Clone)]
pub struct PeerCaller {
    pub member: MemberId,
    pub spki: Sha256Digest,
    pins: Arc<PinRegistry>,
}

impl PeerCaller {
    /// The member a key belongs to in the roster in force, or nothing.
    pub fn of(spki: Sha256Digest, pins: &Arc<PinRegistry>) -> Option<Self> {
        Some(Self { member: pins.member_of(&spki)?, spki, pins: Arc::clone(pins) })
    }

    /// Whether the roster in force still pins this key to this member.
    pub fn is_pinned(&self) -> bool {
        self.pins.holds(&self.spki, &self.member)
    }

    /// Returns once the roster no longer pins this key to this member: a handler of a long-lived stream selects on it.
    pub async fn revoked(&self) {
        self.pins.dropped(&self.spki, &self.member).await;
    }
}

impl fmt::Debug for PeerCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerCaller").field("member", &self.member).field("spki", &self.spki).finish()
    }
}

/// Where a connection comes from. Stands on each of its requests; behind a proxy it is the proxy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteAddress(pub IpAddr);

/// Every kind of caller.
#[derive(Debug, Clone)]
pub enum Caller {
    Local(LocalCaller),
    Peer(PeerCaller),
    /// Nobody known: came without a certificate, where a token or the cookie of a session may follow with each call.
    Stranger,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_caller_is_read_from_its_uri_strictly() {
        let check = |uri: &str, expected: Result<&str, CallerError>| {
            let read = LocalCaller::from_uri(uri).map(|caller| caller.uri());
            assert_eq!(read, expected.map(str::to_owned), "{uri:?}");
        };
        check("hushwire://bank-a/screener/shop-1", Ok("hushwire://bank-a/screener/shop-1"));
        check("https://bank-a/screener/shop-1", Err(CallerError::Uri));
        check("hushwire://bank-a/screener", Err(CallerError::Uri));
        check("hushwire://bank-a/screener/", Err(CallerError::Uri));
        check("hushwire://bank-a/screener/shop/x", Err(CallerError::Uri));
        check("hushwire:///screener/shop", Err(CallerError::Uri));
        check("hushwire://bank-a/peer/shop", Err(CallerError::Role));
        check("hushwire://bank-a/Operator/shop", Err(CallerError::Role));
        check("hushwire://bank-a/operator/sh%6fp", Err(CallerError::Uri));
    }

    #[test]
    fn a_certificate_names_one_caller_of_this_member() {
        let check = |uris: &[&str], expected: Result<(), CallerError>| {
            let uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
            let leaf = Leaf { spki: Sha256Digest([0; 32]), not_before_s: 0, not_after_s: 0, uris };
            let member = "bank-a".parse().expect("valid");
            assert_eq!(LocalCaller::from_leaf(&leaf, &member).map(|_| ()), expected, "{:?}", leaf.uris);
        };
        check(&["hushwire://bank-a/screener/shop"], Ok(()));
        check(&[], Err(CallerError::Uri));
        check(&["hushwire://bank-a/screener/shop", "hushwire://bank-a/operator/ann"], Err(CallerError::Uri));
        check(&["hushwire://bank-b/screener/shop"], Err(CallerError::Member));
        check(&["hushwire://bank-a/screener/token.shop"], Err(CallerError::Token));
    }
}
