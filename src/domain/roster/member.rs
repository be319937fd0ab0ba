//! One institution as the roster knows it: names, keys, pins, addresses, groups and quotas.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::base::bytes::Sha256Digest;
use crate::base::name::{ConsortiumId, FeedId, GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::note::key::VerifierKey;

/// The group name under which a member's audit log has its origin; no sharing group may be called so.
pub const AUDIT_GROUP: &str = "audit";
/// The last part of a witness key's name; no sharing group may be called so.
pub const WITNESS_GROUP: &str = "witness";
/// The member part of an admin key's name; no member may be called so.
pub const ADMINS: &str = "admins";

/// Whether a member takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberState {
    /// Takes part.
    Active,
    /// Shut out for the time being: no connection, nothing new accepted; what it published stays readable.
    Suspended,
    /// Gone for good. The id stays listed so that nobody else can take it.
    Left,
}

impl MemberState {
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Left];

    /// The word that stands in a roster.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Left => "left",
        }
    }

    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.label() == label)
    }
}

/// What broke in a single value of a member's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub &'static str);

/// How a member is called on screens: 1 to 100 characters that show as what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberName(String);

impl MemberName {
    pub const MAX_CHARACTERS: usize = 100;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MemberName {
    type Err = ValueError;

    fn from_str(name: &str) -> Result<Self, ValueError> {
        let count = name.chars().count();
        if count == 0 || count > Self::MAX_CHARACTERS || name.trim() != name {
            return Err(ValueError("a name has 1 to 100 characters and no space at its ends"));
        }
        // Invisible and direction-changing characters would let one member be shown as another.
        let deceptive = |character: char| {
            character.is_control()
                || matches!(character, '\u{00AD}' | '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
                    | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
        };
        if name.chars().any(deceptive) {
            return Err(ValueError("a name holds no control, invisible or direction-changing characters"));
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a member's peer listener answers: `host:port`, the host a DNS name, an IPv4 address or `[IPv6]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    text: String,
    host_end: usize,
    port: u16,
}

impl Endpoint {
    /// DNS name or address; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.text[..self.host_end].trim_start_matches('[').trim_end_matches(']')
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Endpoint {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const FORM: ValueError = ValueError("an endpoint has the form HOST:PORT, e.g. node.bank-a.example:7443");
        let (host, port) = text.rsplit_once(':').ok_or(FORM)?;
        let canonical_port = !port.starts_with('0') && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse::<u16>().ok().filter(|_| canonical_port).ok_or(FORM)?;
        let known_host = if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            address.parse::<std::net::Ipv6Addr>().is_ok()
        } else {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            host.len() <= 253
                && host.split('.').all(|label| {
                    (1..=63).contains(&label.len())
                        && label.bytes().all(plain)
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                })
        };
        if !known_host {
            return Err(FORM);
        }
        Ok(Self { text: text.to_owned(), host_end: host.len(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Public half of a member's X-Wing key (KEM 0x647a), to which epoch secrets are sealed. Written `x-wing:BASE64`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HpkeKey(Box<[u8; Self::LENGTH]>);

impl HpkeKey {
    /// Bytes of an X-Wing public key.
    pub const LENGTH: usize = 1216;
    const PREFIX: &str = "x-wing:";

    pub fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(Box::new(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl FromStr for HpkeKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const FORM: ValueError = ValueError("an HPKE key has the form x-wing:BASE64 with 1216 bytes");
        let encoded = text.strip_prefix(Self::PREFIX).ok_or(FORM)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| FORM)?;
        let bytes: Box<[u8; Self::LENGTH]> = bytes.into_boxed_slice().try_into().map_err(|_| FORM)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for HpkeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, STANDARD.encode(self.0.as_slice()))
    }
}

impl fmt::Debug for HpkeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HpkeKey({}…)", hex::encode(&self.0[..8]))
    }
}

/// The key that signs one member's feed in one group from a size on, until a later row takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedKey {
    pub group: GroupId,
    /// Checkpoints of this size and beyond are signed by this key.
    pub from_size: TreeSize,
    /// Named by the feed's origin, `CONSORTIUM/MEMBER/GROUP`.
    pub key: VerifierKey,
}

/// One row of the roster. The rules between rows are kept by [`crate::domain::roster::verified::Roster`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub name: MemberName,
    pub state: MemberState,
    pub valid_from: Timestamp,
    /// Exclusive.
    pub valid_until: Timestamp,
    /// Most entries the member may append to its feeds in one UTC day, all groups together.
    pub entries_per_day: u32,
    pub endpoints: Vec<Endpoint>,
    /// SHA-256 of the SubjectPublicKeyInfo of its peer TLS keys; two while it changes from one to the other.
    pub pins: Vec<Sha256Digest>,
    /// Sharing groups whose feeds it may read and writes its own in.
    pub groups: BTreeSet<GroupId>,
    /// Every feed key it ever had, per group in ascending order of `from_size`.
    pub feeds: Vec<FeedKey>,
    /// Signs the checkpoints of its audit log; named `CONSORTIUM/MEMBER/audit`.
    pub audit_key: VerifierKey,
    /// Cosigns other members' checkpoints; named `CONSORTIUM/MEMBER/witness`.
    pub witness_key: VerifierKey,
    pub hpke_key: HpkeKey,
}

impl Member {
    /// Whether the member may connect, publish and receive at this moment.
    pub fn takes_part(&self, now: Timestamp) -> bool {
        self.state == MemberState::Active && self.valid_from <= now && now < self.valid_until
    }

    /// The key that signs checkpoints of this size in this group.
    pub fn feed_key(&self, group: &GroupId, size: TreeSize) -> Option<&VerifierKey> {
        self.feeds.iter().rev().find(|feed| feed.group == *group && feed.from_size <= size).map(|feed| &feed.key)
    }
}

/// Name of the key that signs a member's feed, which is also the feed's origin.
pub fn feed_key_name(consortium: &ConsortiumId, member: &MemberId, group: &GroupId) -> String {
    FeedId { member: member.clone(), group: group.clone() }.origin(consortium)
}

/// Name of the key that signs a member's audit log, which is also the log's origin.
pub fn audit_key_name(consortium: &ConsortiumId, member: &MemberId) -> String {
    format!("{consortium}/{member}/{AUDIT_GROUP}")
}

/// Name of the key with which a member cosigns other members' checkpoints.
pub fn witness_key_name(consortium: &ConsortiumId, member: &MemberId) -> String {
    format!("{consortium}/{member}/{WITNESS_GROUP}")
}

/// Name of a key with which an admin signs rosters and key bundles.
pub fn admin_key_name(consortium: &ConsortiumId, admin: &GroupId) -> String {
    format!("{consortium}/{ADMINS}/{admin}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        for (text, host, port) in [
            ("node.bank-a.example:7443", "node.bank-a.example", 7443),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("[::1]:9", "::1", 9),
        ] {
            let endpoint: Endpoint = text.parse().expect("valid endpoint");
            assert_eq!((endpoint.host(), endpoint.port(), endpoint.as_str()), (host, port, text));
        }
        for text in [
            "",
            "host",
            "host:",
            ":1",
            "host:0",
            "host:01",
            "host:65536",
            "ho st:1",
            "a..b:1",
            "-a:1",
            "[::1:9",
            "https://a:1",
            "a:+1",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text} must be refused");
        }
    }

    #[test]
    fn a_name_shows_as_what_it_is() {
        assert!("Bank Ä & Söhne".parse::<MemberName>().is_ok());
        for name in ["", " Bank", "Bank\nB", "Bank\u{202E}A", "Bank\u{200B}A", &"x".repeat(101)] {
            assert!(name.parse::<MemberName>().is_err(), "{name:?} must be refused");
        }
    }

    #[test]
    fn an_hpke_key_names_its_kem() {
        let key = HpkeKey::new([7; HpkeKey::LENGTH]);
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        let unnamed = key.to_string().replace("x-wing:", "x25519:");
        assert!(unnamed.parse::<HpkeKey>().is_err());
        assert!("x-wing:AAAA".parse::<HpkeKey>().is_err());
    }
}
