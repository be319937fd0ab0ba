//! One bearer token: 256 random bits that stand for a role until they end (RFC 6750), and what is kept of it.
//!
//! ```text
//! token   "hushwire_" ‖ base64url(secret[32]), 52 characters
//! kept    SHA-256(secret), name, role, methods, times, and a MAC over these under a key of the keystore
//! ```
//! The secret is random, so its plain hash tells nothing (no password is hashed here). The MAC makes the passphrase necessary
//! for issuing, as for a certificate: who can only write into the folder makes no callers.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::base::bytes::{LocalMac, Sha256Digest};
use crate::base::framing::framed;
use crate::base::name::{CallerName, NameError};
use crate::base::role::Role;
use crate::base::secret::SecretBytes;
use crate::base::time::Timestamp;
use crate::io::grpc::roles;
use crate::io::random;
use crate::io::transport::caller::TOKEN_PREFIX;
use crate::node::local_mac::{LocalMacKey, MacDomain};

/// Begins every token, so that a search for leaked secrets knows one.
const MARK: &str = "hushwire_";

/// Characters of 32 bytes.
const SECRET_CHARACTERS: usize = 43;

/// A token itself: with its holder, and here only until it is hashed.
#[derive(Debug)]
pub struct Token(SecretBytes<32>);

/// What was shown is no token. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is hushwire_ and 43 characters")]
pub struct NoToken;

impl Token {
    /// A new one.
    pub fn generate() -> Self {
        Self(SecretBytes::new(random::bytes()))
    }

    /// Reads one strictly: one secret has one text.
    pub fn parse(text: &[u8]) -> Result<Self, NoToken> {
        let secret = text.strip_prefix(MARK.as_bytes()).filter(|secret| secret.len() == SECRET_CHARACTERS);
        let decoded = URL_SAFE_NO_PAD.decode(secret.ok_or(NoToken)?).map(Zeroizing::new).map_err(|_| NoToken)?;
        Ok(Self(SecretBytes::new(decoded.as_slice().try_into().map_err(|_| NoToken)?)))
    }

    /// Its text, for the one who asked for it, once.
    pub fn reveal(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.expose()));
        Zeroizing::new(format!("{MARK}{}", secret.as_str()))
    }

    pub fn hash(&self) -> Sha256Digest {
        Sha256Digest(Sha256::digest(self.0.expose()).into())
    }
}

/// What a token is called in lists and, behind `token.`, in the audit log; no certificate bears such a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName(CallerName);

impl TokenName {
    /// The name its calls are recorded under.
    pub fn caller(&self) -> &CallerName {
        &self.0
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str().strip_prefix(TOKEN_PREFIX).expect("put in front when it was read")
    }
}

impl FromStr for TokenName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        // By itself first: behind the prefix "-a" would pass.
        let _plain: CallerName = name.parse()?;
        Ok(Self(format!("{TOKEN_PREFIX}{name}").parse()?))
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which methods of its role a token may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All that a token may.
    Role,
    /// These, by their full paths.
    Methods(BTreeSet<String>),
}

/// A scope names what no token of the role may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token of the role {role} may call {}", listed(*role))]
pub struct ScopeError {
    role: Role,
}

fn listed(role: Role) -> String {
    let names = roles::by_token(role).filter_map(|method| method.rsplit('/').next());
    names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

impl Scope {
    /// Reads methods by their names or full paths; none given are all.
    pub fn read(role: Role, methods: &[String]) -> Result<Self, ScopeError> {
        if methods.is_empty() {
            return Ok(Self::Role);
        }
        let mut found = BTreeSet::new();
        for given in methods {
            let named = |method: &&str| *method == given || method.rsplit('/').next() == Some(given);
            let meant: Vec<String> = roles::by_token(role).filter(named).map(str::to_owned).collect();
            if meant.is_empty() {
                return Err(ScopeError { role });
            }
            found.extend(meant);
        }
        Ok(Self::Methods(found))
    }

    pub fn covers(&self, method: &str) -> bool {
        match self {
            Self::Role => true,
            Self::Methods(methods) => methods.contains(method),
        }
    }
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    pub name: TokenName,
    pub role: Role,
    pub scope: Scope,
    pub issued: Timestamp,
    pub expires: Timestamp,
    pub hash: Sha256Digest,
    pub revoked: Option<Timestamp>,
}

/// The same as it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    name: String,
    role: String,
    /// Full paths; none are all of the role.
    methods: Vec<String>,
    issued_s: u64,
    expires_s: u64,
    secret_sha256: String,
    mac: String,
    revoked_s: Option<u64>,
}

impl TokenRecord {
    /// A JSON object under the node's key.
    pub fn write(&self, key: &LocalMacKey) -> Vec<u8> {
        let stored = Stored {
            name: self.name.to_string(),
            role: self.role.to_string(),
            methods: self.methods(),
            issued_s: self.issued.unix_s(),
            expires_s: self.expires.unix_s(),
            secret_sha256: hex::encode(self.hash.0),
            mac: hex::encode(self.mac(key).0),
            revoked_s: self.revoked.map(Timestamp::unix_s),
        };
        serde_json::to_vec_pretty(&stored).expect("plain values")
    }

    /// Reads what was written under the node's key; nothing where anything but the revocation was changed since.
    pub fn read(content: &[u8], key: &LocalMacKey) -> Option<Self> {
        let (record, mac) = Self::read_unchecked(content)?;
        bool::from(record.mac(key).0.ct_eq(&mac.0)).then_some(record)
    }

    /// The same without the key, for lists: what it says counts for nothing.
    pub fn read_unchecked(content: &[u8]) -> Option<(Self, LocalMac)> {
        let stored: Stored = serde_json::from_slice(content).ok()?;
        let bytes = |text: &str| <[u8; 32]>::try_from(hex::decode(text).ok()?).ok();
        let methods: BTreeSet<String> = stored.methods.into_iter().filter(|method| method.len() < 256).collect();
        let record = Self {
            name: stored.name.parse().ok()?,
            role: stored.role.parse().ok()?,
            scope: if methods.is_empty() { Scope::Role } else { Scope::Methods(methods) },
            issued: Timestamp::from_unix_s(stored.issued_s),
            expires: Timestamp::from_unix_s(stored.expires_s),
            hash: Sha256Digest(bytes(&stored.secret_sha256)?),
            revoked: stored.revoked_s.map(Timestamp::from_unix_s),
        };
        Some((record, LocalMac(bytes(&stored.mac)?)))
    }

    /// Marks stored content as revoked, without the key: taking power away needs none.
    pub fn revoke(content: &[u8], at: Timestamp) -> Option<Vec<u8>> {
        let mut stored: Stored = serde_json::from_slice(content).ok()?;
        stored.revoked_s = Some(stored.revoked_s.unwrap_or(at.unix_s()));
        serde_json::to_vec_pretty(&stored).ok()
    }

    pub fn methods(&self) -> Vec<String> {
        match &self.scope {
            Scope::Role => Vec::new(),
            Scope::Methods(methods) => methods.iter().cloned().collect(),
        }
    }

    fn mac(&self, key: &LocalMacKey) -> LocalMac {
        let (issued, expires) = (self.issued.unix_s().to_be_bytes(), self.expires.unix_s().to_be_bytes());
        let (name, role) = (self.name.as_str().as_bytes(), self.role.as_str().as_bytes());
        let methods = self.methods();
        let mut fields: Vec<&[u8]> = vec![name, role, &issued, &expires, &self.hash.0];
        fields.extend(methods.iter().map(String::as_bytes));
        key.fingerprint(MacDomain::AccessToken, &framed(&fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> LocalMacKey {
        LocalMacKey::new(&SecretBytes::new([7; 32]))
    }

    fn record() -> TokenRecord {
        TokenRecord {
            name: "checkout-1".parse().expect("valid"),
            role: Role::Screener,
            scope: Scope::read(Role::Screener, &["ScreenTransaction".to_owned()]).expect("allowed"),
            issued: Timestamp::from_unix_s(1_000),
            expires: Timestamp::from_unix_s(2_000),
            hash: Sha256Digest([3; 32]),
            revoked: None,
        }
    }

    #[test]
    fn a_token_is_read_back_from_its_one_text_and_from_no_other() {
        let token = Token::generate();
        let text = token.reveal();
        assert_eq!(Token::parse(text.as_bytes()).expect("its own text").hash(), token.hash());
        assert_ne!(Token::generate().hash(), token.hash());
        assert_eq!(format!("{token:?}"), "Token(SecretBytes<32>(…))");
        let secret = &text[MARK.len()..];
        let check = |text: &str| assert!(Token::parse(text.as_bytes()).is_err(), "{text:?}");
        check("");
        check(MARK);
        check(secret);
        check(&text[..text.len() - 1]);
        check(&format!("{}a", text.as_str()));
        check(&format!("{} ", text.as_str()));
        check(&format!("HUSHWIRE_{secret}"));
        check(&format!("{MARK}{}=", &secret[..42]));
        check(&format!("{MARK}{}+", &secret[..42]));
        // The last character carries four bits: with others set, it would be a second text of the same secret.
        check(&format!("{MARK}{}B", "A".repeat(42)));
    }

    #[test]
    fn a_kept_token_that_was_changed_counts_for_nothing_and_a_revocation_needs_no_key() {
        let written = record().write(&key());
        assert_eq!(TokenRecord::read(&written, &key()), Some(record()));
        assert_eq!(TokenRecord::read(&written, &LocalMacKey::new(&SecretBytes::new([8; 32]))), None);
        let text = String::from_utf8(written.clone()).expect("JSON");
        for (from, to) in [
            ("checkout-1", "checkout-2"),
            ("\"screener\"", "\"operator\""),
            ("2000", "3000"),
            ("1000", "1001"),
            ("0303", "0304"),
            ("/ScreenTransaction\"", "/ScreenTransactions\""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert_eq!(TokenRecord::read(changed.as_bytes(), &key()), None, "{from}");
        }
        let revoked = TokenRecord::revoke(&written, Timestamp::from_unix_s(1_500)).expect("readable");
        let twice = TokenRecord::revoke(&revoked, Timestamp::from_unix_s(1_600)).expect("readable");
        let read = TokenRecord::read(&twice, &key()).expect("the rest stands");
        assert_eq!(read.revoked, Some(Timestamp::from_unix_s(1_500)));
    }

    #[test]
    fn a_scope_is_part_of_what_a_token_of_the_role_may_call() {
        let check = |role: Role, method: &str, covers: Option<&str>| {
            let read = Scope::read(role, &[method.to_owned()]);
            assert_eq!(
                read.as_ref().ok().map(|scope| scope.covers(covers.unwrap_or(""))),
                covers.map(|_| true),
                "{method}"
            );
        };
        let screen = "/hushwire.local.v1.ScreeningService/ScreenTransaction";
        check(Role::Screener, "ScreenTransaction", Some(screen));
        check(Role::Screener, screen, Some(screen));
        check(Role::Screener, "PublishIndicators", None);
        check(Role::Screener, "", None);
        // It needs two people, and a token is none.
        check(Role::Publisher, "EraseIndicators", None);
        check(Role::Operator, "ConfirmErasure", None);
        let scope = Scope::read(Role::Screener, &["ScreenTransaction".to_owned()]).expect("allowed");
        assert!(!scope.covers("/hushwire.local.v1.ScreeningService/ScreenTransactions"));
        let refused = Scope::read(Role::Auditor, &["Nothing".to_owned()]).expect_err("no method").to_string();
        assert!(refused.contains("GetStatus") && !refused.contains("Nothing"), "{refused}");
    }

    #[test]
    fn a_token_is_named_as_no_certificate_is() {
        let name: TokenName = "checkout-1".parse().expect("valid");
        assert_eq!((name.as_str(), name.caller().as_str()), ("checkout-1", "token.checkout-1"));
        for bad in ["", "-a", "A", "a/b", &"x".repeat(58)] {
            assert!(bad.parse::<TokenName>().is_err(), "{bad:?}");
        }
    }
}
