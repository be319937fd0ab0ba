//! An admin's key: signs rosters and key bundles. It belongs to a person, not to a node, and lies in a sealed file of its own.
//!
//! The sealed text: `hushwire/v1/admin-key`, `consortium <id>`, `admin <name>`, `seed <64 hex digits>`, a line each.

use std::path::Path;

use ed25519_dalek::SigningKey;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::base::name::{ConsortiumId, GroupId};
use crate::domain::note::key::{KeyError, NoteSigner};
use crate::domain::roster::member::admin_key_name;
use crate::io::keystore::file::{self, Readers};
use crate::io::keystore::keys::random_secret;
use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::sealed::{WorkFactor, open, seal};
use crate::io::keystore::store::KeystoreError;

const FORMAT: &str = "hushwire/v1/admin-key";

/// One admin's private key. Closed.
#[derive(Debug)]
pub struct AdminKey {
    consortium: ConsortiumId,
    admin: GroupId,
    key: SigningKey,
}

impl AdminKey {
    pub fn generate(consortium: ConsortiumId, admin: GroupId, rng: &mut impl CryptoRng) -> Self {
        Self { consortium, admin, key: SigningKey::from_bytes(random_secret(rng).expose()) }
    }

    /// Signs as `CONSORTIUM/admins/NAME`.
    pub fn signer(&self) -> Result<NoteSigner, KeyError> {
        NoteSigner::ed25519(&admin_key_name(&self.consortium, &self.admin), self.key.clone())
    }

    /// Seals and writes a new file; an existing one is not replaced.
    pub fn create(&self, path: &Path, passphrase: &Passphrase, work: WorkFactor) -> Result<(), KeystoreError> {
        let seed = Zeroizing::new(hex::encode(self.key.as_bytes()));
        let (consortium, admin) = (&self.consortium, &self.admin);
        let mut text = Zeroizing::new(String::with_capacity(1024));
        for part in [FORMAT, "\nconsortium ", consortium.as_str(), "\nadmin ", admin.as_str(), "\nseed ", &seed, "\n"] {
            text.push_str(part);
        }
        Ok(file::create(path, &seal(text.as_bytes(), passphrase, work)?, Readers::Owner)?)
    }

    /// Reads and opens the file.
    pub fn read(path: &Path, passphrase: &Passphrase) -> Result<Self, KeystoreError> {
        let text = open(&file::read(path)?, passphrase)?;
        let malformed = |field| KeystoreError::Content { field };
        let text = std::str::from_utf8(&text).map_err(|_| malformed("format"))?;
        let rest = text.strip_prefix(FORMAT).ok_or(malformed("format"))?;
        let rest = rest.strip_prefix("\nconsortium ").ok_or(malformed("consortium"))?;
        let (consortium, rest) = rest.split_once("\nadmin ").ok_or(malformed("admin"))?;
        let (admin, rest) = rest.split_once("\nseed ").ok_or(malformed("seed"))?;
        let mut seed = Zeroizing::new([0; 32]);
        let digits = rest.strip_suffix('\n').ok_or(malformed("seed"))?;
        hex::decode_to_slice(digits, seed.as_mut_slice()).map_err(|_| malformed("seed"))?;
        Ok(Self {
            consortium: consortium.parse().map_err(|_| malformed("consortium"))?,
            admin: admin.parse().map_err(|_| malformed("admin"))?,
            key: SigningKey::from_bytes(&seed),
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn an_admin_key_opens_to_the_same_signer() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("anna.age");
        let passphrase = Passphrase::new("correct horse").expect("a line");
        let consortium = "demo.example".parse().expect("valid");
        let made = AdminKey::generate(consortium, "anna".parse().expect("valid"), &mut ChaCha20Rng::seed_from_u64(1));
        made.create(&path, &passphrase, WorkFactor::danger_quick()).expect("written");
        let read = AdminKey::read(&path, &passphrase).expect("opened");
        let name = |key: &AdminKey| key.signer().expect("valid").verifier().to_string();
        assert_eq!(name(&read), name(&made));
        assert!(name(&read).starts_with("demo.example/admins/anna+"));
    }

    #[test]
    fn a_keystore_is_no_admin_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("other.age");
        let passphrase = Passphrase::new("correct horse").expect("a line");
        let sealed = seal(b"hushwire/v1/keystore\n", &passphrase, WorkFactor::danger_quick()).expect("sealed");
        file::create(&path, &sealed, Readers::Owner).expect("written");
        assert!(matches!(AdminKey::read(&path, &passphrase), Err(KeystoreError::Content { field: "format" })));
    }
}
