//! Keys of signed notes: their ids, their text form, and signing.
//!
//! Two of C2SP's signature types are spoken: 0x01 Ed25519 over the text, and 0x04 timestamped cosignature
//! (`cosignature/v1`, tlog-cosignature). A type-4 signature does not commit to its key's name, so one key must never
//! serve two names; and a key never serves both types.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH, Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::base::time::Timestamp;
use crate::domain::note::SignatureLine;

/// Bytes of the big-endian time in front of a cosignature.
const TIME_LENGTH: usize = 8;

/// The rule a key or its text broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a key name is not empty and holds no space, plus sign or control character")]
    Name,
    #[error("a verifier key has the form NAME+ID+KEY with 8 hex digits of id and a base64 key")]
    Form,
    #[error("the id of the verifier key does not belong to its name and key")]
    WrongId,
    #[error("signature type {0} is not known")]
    UnknownType(u8),
    #[error("the key is not a usable Ed25519 public key")]
    NotAKey,
}

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignatureType {
    /// 0x01: Ed25519 over the note's text.
    Ed25519,
    /// 0x04: Ed25519 over `cosignature/v1`, a time and the note's text.
    Cosignature,
}

impl SignatureType {
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, KeyError> {
        match byte {
            0x01 => Ok(Self::Ed25519),
            0x04 => Ok(Self::Cosignature),
            other => Err(KeyError::UnknownType(other)),
        }
    }
}

/// `SHA-256(name ‖ 0x0A ‖ type ‖ public key)[..4]`: a hint which key signed, never a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    fn of(name: &str, signature_type: SignatureType, key: &[u8; PUBLIC_KEY_LENGTH]) -> Self {
        let mut hash = Sha256::new();
        hash.update(name.as_bytes());
        hash.update([b'\n', signature_type.byte()]);
        hash.update(key);
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        Self([a, b, c, d])
    }
}

/// Refuses names that could not stand in a signature line or a key's text.
pub(super) fn check_name(name: &str) -> Result<(), KeyError> {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.contains(forbidden) { Err(KeyError::Name) } else { Ok(()) }
}

/// A named public key with the way it signs. `Display` and `FromStr` are C2SP's `vkey` text.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: KeyId,
    signature_type: SignatureType,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Refuses bad names, bytes that are no curve point, and keys of small order.
    pub fn new(
        name: &str,
        signature_type: SignatureType,
        public_key: &[u8; PUBLIC_KEY_LENGTH],
    ) -> Result<Self, KeyError> {
        check_name(name)?;
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| KeyError::NotAKey)?;
        if key.is_weak() {
            return Err(KeyError::NotAKey);
        }
        Ok(Self { name: name.to_owned(), id: KeyId::of(name, signature_type, public_key), signature_type, key })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn id(&self) -> KeyId {
        self.id
    }

    pub fn signature_type(&self) -> SignatureType {
        self.signature_type
    }

    pub fn public_key(&self) -> &[u8; PUBLIC_KEY_LENGTH] {
        self.key.as_bytes()
    }

    /// Whether a line claims to be of this key.
    pub(super) fn is_claimed_by(&self, line: &SignatureLine) -> bool {
        self.id == line.key_id && self.name == line.name
    }

    /// Checks a signature over `text`. `Some` holds the signed time where the type has one.
    pub(super) fn verify(&self, text: &str, signature: &[u8]) -> Option<SignedTime> {
        match self.signature_type {
            SignatureType::Ed25519 => {
                self.verify_bytes(text.as_bytes(), signature)?;
                Some(SignedTime(None))
            }
            SignatureType::Cosignature => {
                let (time, signature) = signature.split_first_chunk::<TIME_LENGTH>()?;
                let unix_s = u64::from_be_bytes(*time);
                self.verify_bytes(cosigned_message(unix_s, text).as_bytes(), signature)?;
                Some(SignedTime(Some(Timestamp::from_unix_s(unix_s))))
            }
        }
    }

    fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        let signature: &[u8; SIGNATURE_LENGTH] = signature.try_into().ok()?;
        // Strict: every member must come to the same verdict on the same bytes, malleable encodings included.
        self.key.verify_strict(message, &Signature::from_bytes(signature)).ok()
    }
}

/// What a valid signature says of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SignedTime(pub(super) Option<Timestamp>);

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.signature_type.byte()];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id.0), BASE64.encode(key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // The name holds no plus sign, but the base64 of the key may: split from the left.
        let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Form)?;
        let mut id_bytes = [0; 4];
        hex::decode_to_slice(id, &mut id_bytes).map_err(|_| KeyError::Form)?;
        let key = BASE64.decode(key).map_err(|_| KeyError::Form)?;
        let (type_byte, public_key) = key.split_first().ok_or(KeyError::Form)?;
        let signature_type = SignatureType::from_byte(*type_byte)?;
        let public_key = public_key.try_into().map_err(|_| KeyError::NotAKey)?;
        let parsed = Self::new(name, signature_type, public_key)?;
        if parsed.id.0 != id_bytes {
            return Err(KeyError::WrongId);
        }
        // One key has one text: the digits of the id could be capitals.
        if parsed.to_string() == text { Ok(parsed) } else { Err(KeyError::Form) }
    }
}

/// A named private key. Closed: it signs and names its public half, nothing else.
pub struct NoteSigner {
    verifier: VerifierKey,
    key: SigningKey,
}

impl NoteSigner {
    /// A signer of type 0x01.
    pub fn ed25519(name: &str, key: SigningKey) -> Result<Self, KeyError> {
        Self::new(name, SignatureType::Ed25519, key)
    }

    /// A signer of type 0x04.
    pub fn cosigner(name: &str, key: SigningKey) -> Result<Self, KeyError> {
        Self::new(name, SignatureType::Cosignature, key)
    }

    fn new(name: &str, signature_type: SignatureType, key: SigningKey) -> Result<Self, KeyError> {
        let verifier = VerifierKey::new(name, signature_type, key.verifying_key().as_bytes())?;
        Ok(Self { verifier, key })
    }

    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs `text`. `now` enters the signature of a cosigner, in whole seconds, and is ignored by the other type.
    pub fn sign(&self, text: &str, now: Timestamp) -> SignatureLine {
        let signature = match self.verifier.signature_type {
            SignatureType::Ed25519 => self.key.sign(text.as_bytes()).to_bytes().to_vec(),
            SignatureType::Cosignature => {
                let unix_s = now.unix_s();
                let mut signature = unix_s.to_be_bytes().to_vec();
                signature.extend_from_slice(&self.key.sign(cosigned_message(unix_s, text).as_bytes()).to_bytes());
                signature
            }
        };
        SignatureLine { name: self.verifier.name.clone(), key_id: self.verifier.id, signature }
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.verifier)
    }
}

fn cosigned_message(unix_s: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {unix_s}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_text() -> String {
        NoteSigner::ed25519("bank-a", SigningKey::from_bytes(&[7; 32])).expect("valid").verifier().to_string()
    }

    #[test]
    fn a_verifier_key_leads_back_to_its_text() {
        let text = key_text();
        assert_eq!(text.parse::<VerifierKey>().expect("valid").to_string(), text);
    }

    #[test]
    fn each_rule_of_a_verifier_key_refuses_its_breach() {
        let check = |text: &str, rule: KeyError| assert_eq!(text.parse::<VerifierKey>(), Err(rule), "{text}");
        let text = key_text();
        let key = text.rsplit('+').next().expect("three parts").to_owned();
        check("bank-a", KeyError::Form);
        check("bank-a+00000000", KeyError::Form);
        check(&text.replacen("bank-a", "bank-b", 1), KeyError::WrongId);
        check(&format!("+00000000+{key}"), KeyError::Name);
        check(&format!("bank a+00000000+{key}"), KeyError::Name);
        check("bank-a+00000000+*", KeyError::Form);
        check("bank-a+00000000+", KeyError::Form);
        check(&format!("bank-a+00000000+{}", BASE64.encode([1, 2, 3])), KeyError::NotAKey);
        check(
            &format!("bank-a+00000000+{}", BASE64.encode([[9; 1].as_slice(), &[7; 32]].concat())),
            KeyError::UnknownType(9),
        );
        // The identity is a point of order one: every signature of it would verify.
        let mut identity = [0; 33];
        (identity[0], identity[1]) = (1, 1);
        check(&format!("bank-a+00000000+{}", BASE64.encode(identity)), KeyError::NotAKey);
    }

    #[test]
    fn a_signer_shows_only_its_public_half() {
        let signer = NoteSigner::cosigner("bank-a/witness", SigningKey::from_bytes(&[7; 32])).expect("valid");
        assert!(!format!("{signer:?}").contains("0707"));
    }
}
