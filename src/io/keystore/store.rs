//! The keystore: all private keys of one node in one sealed file.
//!
//! The sealed text, UTF-8, one field a line, in this order, each line ended by `\n`:
//! ```text
//! hushwire/v1/keystore
//! consortium <id>
//! member <id>
//! feed <64 hex digits>             Ed25519 seed
//! audit <64 hex digits>            Ed25519 seed
//! witness <64 hex digits>          Ed25519 seed
//! hpke <64 hex digits>             X-Wing private key
//! storage <64 hex digits>
//! local-mac <64 hex digits>
//! tls-peer <base64>                PKCS #8 PEM; the three tls lines are all there or all absent
//! tls-local-ca <base64>
//! tls-server <base64>
//! next-feed <64 hex digits> <group>=<size>,…   keys that are to take over, each line only where there is one;
//! next-audit <64 hex digits>                   the sizes are those from which the feed key counts
//! next-witness <64 hex digits>
//! next-hpke <64 hex digits>
//! next-tls-peer <base64>
//! next-tls-server <base64>
//! epoch <number> <64 hex digits>   any number of lines, ascending
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::str::{FromStr, Lines};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::base::epoch::KeyEpoch;
use crate::base::name::{ConsortiumId, MemberId};
use crate::base::position::TreeSize;
use crate::base::secret::SecretBytes;
use crate::domain::pseudonym::keys::EpochSecret;
use crate::io::keystore::file::{self, FileError, Readers};
use crate::io::keystore::keys::{HpkeSecret, NodeKeys, TlsKeys};
use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::rollover::{NextFeedKey, NextKeys};
use crate::io::keystore::sealed::{SealError, WorkFactor, open, seal};

const FORMAT: &str = "hushwire/v1/keystore";

/// Why a keystore could not be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Opened, but not the text of a keystore; what stands there is not told.
    #[error("the opened file is not a keystore of this version: field {field} is missing or malformed")]
    Content { field: &'static str },
}

/// Private keys with the names they belong to.
#[derive(Debug)]
pub struct Keystore {
    pub consortium: ConsortiumId,
    pub member: MemberId,
    pub keys: NodeKeys,
}

impl Keystore {
    /// Reads and opens the file.
    pub fn read(path: &Path, passphrase: &Passphrase) -> Result<Self, KeystoreError> {
        Self::open(&file::read(path)?, passphrase)
    }

    /// Seals and writes a new file; an existing one is not replaced.
    pub fn create(&self, path: &Path, passphrase: &Passphrase, work: WorkFactor) -> Result<(), KeystoreError> {
        Ok(file::create(path, &self.seal(passphrase, work)?, Readers::Owner)?)
    }

    /// Seals and replaces the file in one step.
    pub fn replace(&self, path: &Path, passphrase: &Passphrase, work: WorkFactor) -> Result<(), KeystoreError> {
        Ok(file::write(path, &self.seal(passphrase, work)?, Readers::Owner)?)
    }

    pub fn seal(&self, passphrase: &Passphrase, work: WorkFactor) -> Result<Vec<u8>, KeystoreError> {
        Ok(seal(self.to_text().as_bytes(), passphrase, work)?)
    }

    pub fn open(sealed: &[u8], passphrase: &Passphrase) -> Result<Self, KeystoreError> {
        let text = open(sealed, passphrase)?;
        Self::parse(std::str::from_utf8(&text).map_err(|_| KeystoreError::Content { field: "format" })?)
    }

    fn to_text(&self) -> Zeroizing<String> {
        let keys = &self.keys;
        // Room for everything, so that no copy of a secret is left behind by growing.
        let tls_bytes = keys.tls.as_ref().map_or(0, |tls| 2 * (tls.peer.len() + tls.local_ca.len() + tls.server.len()));
        let next_tls = [&keys.next.tls_peer, &keys.next.tls_server].into_iter().flatten();
        let next_bytes = 1024
            + 2 * next_tls.map(|pem| pem.len()).sum::<usize>()
            + 300 * keys.next.feed.as_ref().map_or(0, |feed| feed.from.len());
        let room = 1024 + tls_bytes + next_bytes + 90 * keys.epochs.len();
        let mut text = Zeroizing::new(String::with_capacity(room));
        let mut line = |parts: [&str; 2]| {
            text.push_str(parts[0]);
            text.push(' ');
            text.push_str(parts[1]);
            text.push('\n');
        };
        line(["consortium", self.consortium.as_str()]);
        line(["member", self.member.as_str()]);
        line(["feed", &hex_text(keys.feed.as_bytes())]);
        line(["audit", &hex_text(keys.audit.as_bytes())]);
        line(["witness", &hex_text(keys.witness.as_bytes())]);
        line(["hpke", &hex_text(keys.hpke.seed().expose())]);
        line(["storage", &hex_text(keys.storage.expose())]);
        line(["local-mac", &hex_text(keys.local_mac.expose())]);
        if let Some(tls) = &keys.tls {
            line(["tls-peer", &base64_text(&tls.peer)]);
            line(["tls-local-ca", &base64_text(&tls.local_ca)]);
            line(["tls-server", &base64_text(&tls.server)]);
        }
        let next = &keys.next;
        if let Some(feed) = &next.feed {
            let from: Vec<String> = feed.from.iter().map(|(group, size)| format!("{group}={size}")).collect();
            line(["next-feed", &Zeroizing::new(format!("{} {}", *hex_text(feed.key.as_bytes()), from.join(",")))]);
        }
        for (field, key) in [("next-audit", &next.audit), ("next-witness", &next.witness)] {
            if let Some(key) = key {
                line([field, &hex_text(key.as_bytes())]);
            }
        }
        if let Some(key) = &next.hpke {
            line(["next-hpke", &hex_text(key.seed().expose())]);
        }
        for (field, key) in [("next-tls-peer", &next.tls_peer), ("next-tls-server", &next.tls_server)] {
            if let Some(key) = key {
                line([field, &base64_text(key)]);
            }
        }
        for (number, secret) in &keys.epochs {
            line([&format!("epoch {number}"), &hex_text(secret.expose())]);
        }
        text.insert_str(0, &format!("{FORMAT}\n"));
        text
    }

    fn parse(text: &str) -> Result<Self, KeystoreError> {
        let malformed = |field| KeystoreError::Content { field };
        let mut lines = text.strip_suffix('\n').ok_or(malformed("format"))?.lines();
        if lines.next() != Some(FORMAT) {
            return Err(malformed("format"));
        }
        let mut fields = Fields(lines);
        let consortium = fields.name("consortium")?;
        let member = fields.name("member")?;
        let feed = SigningKey::from_bytes(fields.secret("feed")?.expose());
        let audit = SigningKey::from_bytes(fields.secret("audit")?.expose());
        let witness = SigningKey::from_bytes(fields.secret("witness")?.expose());
        let hpke = HpkeSecret::new(fields.secret("hpke")?);
        let (storage, local_mac) = (fields.secret("storage")?, fields.secret("local-mac")?);
        let tls = if fields.0.clone().next().is_some_and(|line| line.starts_with("tls-")) {
            let (peer, local_ca) = (fields.pem("tls-peer")?, fields.pem("tls-local-ca")?);
            Some(TlsKeys { peer, local_ca, server: fields.pem("tls-server")? })
        } else {
            None
        };
        let next = fields.next_keys()?;
        let epochs = fields.epochs()?;
        let keys = NodeKeys { feed, audit, witness, hpke, storage, local_mac, epochs, tls, next };
        Ok(Self { consortium, member, keys })
    }
}

/// The lines still to be read, in their fixed order.
struct Fields<'a>(Lines<'a>);

impl<'a> Fields<'a> {
    fn value(&mut self, field: &'static str) -> Result<&'a str, KeystoreError> {
        let line = self.0.next().ok_or(KeystoreError::Content { field })?;
        let (name, value) = line.split_once(' ').ok_or(KeystoreError::Content { field })?;
        if name == field { Ok(value) } else { Err(KeystoreError::Content { field }) }
    }

    fn name<T: FromStr>(&mut self, field: &'static str) -> Result<T, KeystoreError> {
        self.value(field)?.parse().map_err(|_| KeystoreError::Content { field })
    }

    fn secret(&mut self, field: &'static str) -> Result<SecretBytes<32>, KeystoreError> {
        secret_of(self.value(field)?).ok_or(KeystoreError::Content { field })
    }

    fn pem(&mut self, field: &'static str) -> Result<Zeroizing<String>, KeystoreError> {
        let malformed = || KeystoreError::Content { field };
        let bytes = STANDARD.decode(self.value(field)?).map_err(|_| malformed())?;
        String::from_utf8(bytes).map(Zeroizing::new).map_err(|_| malformed())
    }

    fn next_keys(&mut self) -> Result<NextKeys, KeystoreError> {
        let signing = |secret: SecretBytes<32>| SigningKey::from_bytes(secret.expose());
        Ok(NextKeys {
            feed: self.where_there("next-feed", Self::next_feed)?,
            audit: self.where_there("next-audit", Self::secret)?.map(signing),
            witness: self.where_there("next-witness", Self::secret)?.map(signing),
            hpke: self.where_there("next-hpke", Self::secret)?.map(HpkeSecret::new),
            tls_peer: self.where_there("next-tls-peer", Self::pem)?,
            tls_server: self.where_there("next-tls-server", Self::pem)?,
        })
    }

    /// A line that may be absent.
    fn where_there<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, KeystoreError>,
    ) -> Result<Option<T>, KeystoreError> {
        let there = self.0.clone().next().is_some_and(|line| line.split(' ').next() == Some(field));
        if there { read(self, field).map(Some) } else { Ok(None) }
    }

    fn next_feed(&mut self, field: &'static str) -> Result<NextFeedKey, KeystoreError> {
        let malformed = || KeystoreError::Content { field };
        let (secret, sizes) = self.value(field)?.split_once(' ').ok_or_else(malformed)?;
        let size = |part: &str| {
            let (group, size) = part.split_once('=')?;
            Some((group.parse().ok()?, TreeSize(size.parse().ok()?)))
        };
        let from = sizes.split(',').map(size).collect::<Option<_>>().ok_or_else(malformed)?;
        let secret = secret_of(secret).ok_or_else(malformed)?;
        Ok(NextFeedKey { key: SigningKey::from_bytes(secret.expose()), from })
    }

    fn epochs(&mut self) -> Result<BTreeMap<KeyEpoch, EpochSecret>, KeystoreError> {
        let malformed = || KeystoreError::Content { field: "epoch" };
        let mut epochs = BTreeMap::new();
        while self.0.clone().next().is_some() {
            let (number, secret) = self.value("epoch")?.split_once(' ').ok_or_else(malformed)?;
            let number = KeyEpoch(number.parse().map_err(|_| malformed())?);
            let ascending = epochs.last_key_value().is_none_or(|(last, _)| *last < number);
            if !ascending {
                return Err(malformed());
            }
            epochs.insert(number, EpochSecret::new(secret_of(secret).ok_or_else(malformed)?));
        }
        Ok(epochs)
    }
}

fn secret_of(text: &str) -> Option<SecretBytes<32>> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, bytes.as_mut_slice()).ok()?;
    Some(SecretBytes::new(*bytes))
}

fn hex_text(bytes: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(hex::encode(bytes))
}

fn base64_text(pem: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(pem))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::io::keystore::keys::random_secret;

    fn keystore() -> Keystore {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let mut keys = NodeKeys::generate(&mut rng);
        for number in [1, 2] {
            keys.epochs.insert(KeyEpoch(number), EpochSecret::new(random_secret(&mut rng)));
        }
        let pem = |text: &str| Zeroizing::new(format!("-----BEGIN {text}-----\n"));
        keys.tls = Some(TlsKeys { peer: pem("A"), local_ca: pem("B"), server: pem("C") });
        Keystore { consortium: "demo.example".parse().expect("valid"), member: "bank-a".parse().expect("valid"), keys }
    }

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text).expect("a line")
    }

    #[test]
    fn a_keystore_opens_to_the_same_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keystore.age");
        let made = keystore();
        made.create(&path, &passphrase("correct horse"), WorkFactor::danger_quick()).expect("written");
        let read = Keystore::read(&path, &passphrase("correct horse")).expect("opened");
        assert_eq!(*read.to_text(), *made.to_text());
        let wrong = Keystore::read(&path, &passphrase("wrong horse!")).expect_err("refused");
        assert_eq!(wrong.to_string(), "the passphrase is wrong");
    }

    #[test]
    fn nothing_readable_rests_on_disk() {
        let made = keystore();
        let sealed = made.seal(&passphrase("correct horse"), WorkFactor::danger_quick()).expect("sealed");
        let text = made.to_text();
        for secret in text.lines().filter_map(|line| line.rsplit(' ').next()).filter(|value| value.len() >= 16) {
            assert!(!sealed.windows(16).any(|window| Some(window) == secret.as_bytes().get(..16)));
        }
        assert_eq!(format!("{:?}", made.keys), "NodeKeys(… 2 epochs)");
    }

    #[test]
    fn each_field_must_stand_in_its_place() {
        let text = keystore().to_text();
        let lines: Vec<&str> = text.lines().collect();
        for at in 0..10 {
            let mut without = lines.clone();
            without.remove(at);
            let refused = Keystore::parse(&format!("{}\n", without.join("\n")));
            assert!(refused.is_err(), "without {:?}", lines[at].split(' ').next());
            let mut doubled = lines.clone();
            doubled.insert(at, lines[at]);
            assert!(Keystore::parse(&format!("{}\n", doubled.join("\n"))).is_err());
        }
        assert!(Keystore::parse(text.trim_end()).is_err(), "a cut end");
        assert!(Keystore::parse(&format!("{}extra field\n", *text)).is_err());
        assert!(Keystore::parse(&text.replace("epoch 2", "epoch 1")).is_err(), "epochs ascend");
        assert!(Keystore::parse(&text.replace("feed ", "feed zz")).is_err());
        assert!(Keystore::parse(&text).is_ok());
    }

    #[test]
    fn keys_that_are_to_take_over_are_kept_in_their_places() {
        let mut rng = ChaCha20Rng::seed_from_u64(8);
        let mut store = keystore();
        let mut key = || SigningKey::from_bytes(random_secret(&mut rng).expose());
        let from = [("all", 40), ("cards", 7)].map(|(group, size)| (group.parse().expect("valid"), TreeSize(size)));
        let from = BTreeMap::from(from);
        store.keys.next = NextKeys {
            feed: Some(NextFeedKey { key: key(), from: from.clone() }),
            audit: Some(key()),
            witness: Some(key()),
            hpke: Some(HpkeSecret::new(random_secret(&mut ChaCha20Rng::seed_from_u64(9)))),
            tls_peer: Some(Zeroizing::new("-----BEGIN D-----\n".to_owned())),
            tls_server: Some(Zeroizing::new("-----BEGIN E-----\n".to_owned())),
        };
        let text = store.to_text();
        let read = Keystore::parse(&text).expect("reads");
        assert_eq!(*read.to_text(), *text);
        assert_eq!(read.keys.next.feed.expect("kept").from, from);
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.iter().position(|line| line.starts_with("next-feed")).expect("written");
        for at in first..first + 6 {
            let mut doubled = lines.clone();
            doubled.insert(at, lines[at]);
            assert!(Keystore::parse(&format!("{}\n", doubled.join("\n"))).is_err(), "line {at} twice");
            let mut without = lines.clone();
            without.remove(at);
            assert!(Keystore::parse(&format!("{}\n", without.join("\n"))).is_ok(), "each may be absent");
        }
        for (from, to) in [("all=40", "all"), ("all=40", "ALL=40"), ("next-audit ", "next-audit x")] {
            assert!(Keystore::parse(&text.replace(from, to)).is_err(), "{from} → {to}");
        }
    }

    #[test]
    fn an_error_tells_nothing_of_the_content() {
        let text = keystore().to_text().replace("storage ", "storage x");
        let refused = Keystore::parse(&text).expect_err("malformed");
        assert_eq!(
            refused.to_string(),
            "the opened file is not a keystore of this version: field storage is missing or malformed"
        );
    }
}
