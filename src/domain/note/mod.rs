//! Signed notes: a text with signature lines under it, as C2SP's signed-note specifies.
//!
//! ```text
//! text, one or more lines, each ended by a newline
//!
//! — key-name base64(key id ‖ signature)
//! — …
//! ```
//!
//! Rosters, key bundles and checkpoints are notes. Signatures of keys the reader does not know are ignored; a signature of
//! a known key that does not verify condemns the note. Whoever needs a quorum counts distinct keys in what
//! [`SignedNote::verify`] returns.

pub mod key;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::note::key::{KeyId, VerifierKey, check_name};

/// What a signature line starts with.
const LINE_START: &str = "— ";

/// The rule a note broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("a note of {got} bytes exceeds the limit of {limit}")]
    TooLong { got: usize, limit: usize },
    #[error("a note is UTF-8 text")]
    NotText,
    #[error("a note holds no control character other than newline")]
    ControlCharacter,
    #[error("a note is a text ended by newline, an empty line, and signature lines ended by newline")]
    Layout,
    #[error("line {line} of the signatures is not of the form '— NAME BASE64'")]
    SignatureLine { line: usize },
    #[error("more than {limit} signatures")]
    TooManySignatures { limit: usize },
    #[error("the signature of {name} does not verify")]
    BadSignature { name: String },
    #[error("no signature of a known key")]
    NoKnownSignature,
}

/// One signature, not yet checked against a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    pub(in crate::domain::note) name: String,
    pub(in crate::domain::note) key_id: KeyId,
    pub(in crate::domain::note) signature: Vec<u8>,
}

impl SignatureLine {
    /// Reads one line, without its newline.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(LINE_START)?.split_once(' ')?;
        check_name(name).ok()?;
        let decoded = BASE64.decode(encoded).ok()?;
        let (key_id, signature) = decoded.split_first_chunk::<4>()?;
        if signature.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), key_id: KeyId(*key_id), signature: signature.to_vec() })
    }

    /// The key's name as the line claims it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn key_id(&self) -> KeyId {
        self.key_id
    }
}

/// The line without its newline.
impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key_id.0.to_vec();
        bytes.extend_from_slice(&self.signature);
        write!(f, "{LINE_START}{} {}", self.name, BASE64.encode(bytes))
    }
}

/// A signature that verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedSignature {
    /// Index of the key in the list the note was verified against.
    pub key: usize,
    /// When it was made, where the signature says so (type 0x04).
    pub time: Option<Timestamp>,
}

/// A well-formed note. That its signatures are good is known only after [`Self::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl SignedNote {
    /// A new note of `text`, which must end with a newline and hold no other control character.
    pub fn new(text: String, signature: SignatureLine) -> Result<Self, NoteError> {
        check_text(&text)?;
        Ok(Self { text, signatures: vec![signature] })
    }

    /// Reads a note from bytes of unknown origin.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > limits::NOTE_BYTES {
            return Err(NoteError::TooLong { got: bytes.len(), limit: limits::NOTE_BYTES });
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        // The last empty line divides: the text itself may hold empty lines, signature lines cannot.
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Layout)?;
        let text = format!("{text}\n");
        check_text(&text)?;
        let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Layout)?;
        let mut parsed = Vec::new();
        for (index, line) in signatures.split('\n').enumerate() {
            if index == limits::NOTE_SIGNATURES {
                return Err(NoteError::TooManySignatures { limit: limits::NOTE_SIGNATURES });
            }
            parsed.push(SignatureLine::parse(line).ok_or(NoteError::SignatureLine { line: index + 1 })?);
        }
        Ok(Self { text, signatures: parsed })
    }

    /// What was signed, its final newline included.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a signature under the others, unless this very line is there already.
    pub fn add_signature(&mut self, line: SignatureLine) -> Result<(), NoteError> {
        if self.signatures.contains(&line) {
            return Ok(());
        }
        if self.signatures.len() >= limits::NOTE_SIGNATURES {
            return Err(NoteError::TooManySignatures { limit: limits::NOTE_SIGNATURES });
        }
        self.signatures.push(line);
        Ok(())
    }

    /// Puts `line` in the place of all earlier lines that claim the same key.
    pub fn renew_signature(&mut self, line: SignatureLine) -> Result<(), NoteError> {
        self.signatures.retain(|old| (old.key_id, &old.name) != (line.key_id, &line.name));
        self.add_signature(line)
    }

    /// Drops every signature line of these names.
    pub fn drop_signatures(&mut self, names: &[String]) {
        self.signatures.retain(|line| !names.contains(&line.name));
    }

    /// Checks every signature that claims to be of one of `keys`. All of them must verify and at least one must be there;
    /// unknown signers are ignored. The result stands in the order of the lines; one key may have signed more than once.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<VerifiedSignature>, NoteError> {
        let mut verified = Vec::new();
        for line in &self.signatures {
            // Two keys may share name and 4-byte id by accident: the line is good if one of them made it.
            let mut claimed = false;
            let mut good = None;
            for (index, key) in keys.iter().enumerate().filter(|(_, key)| key.is_claimed_by(line)) {
                claimed = true;
                if let Some(time) = key.verify(&self.text, &line.signature) {
                    good = Some(VerifiedSignature { key: index, time: time.0 });
                    break;
                }
            }
            match good {
                Some(signature) => verified.push(signature),
                None if claimed => return Err(NoteError::BadSignature { name: line.name.clone() }),
                None => {}
            }
        }
        if verified.is_empty() { Err(NoteError::NoKnownSignature) } else { Ok(verified) }
    }
}

/// The whole note as it travels.
impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.signatures {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.len() > limits::NOTE_BYTES {
        return Err(NoteError::TooLong { got: text.len(), limit: limits::NOTE_BYTES });
    }
    if !text.ends_with('\n') {
        return Err(NoteError::Layout);
    }
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::ControlCharacter);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::note::key::NoteSigner;

    /// Key and note of the signed-note specification.
    const SPECIFIED_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SPECIFIED_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn signer(name: &str, seed: u8) -> NoteSigner {
        NoteSigner::ed25519(name, SigningKey::from_bytes(&[seed; 32])).expect("a valid name")
    }

    fn signed_by(signers: &[&NoteSigner], text: &str) -> SignedNote {
        let mut lines = signers.iter().map(|signer| signer.sign(text, NOW));
        let mut note = SignedNote::new(text.to_owned(), lines.next().expect("one signer")).expect("a valid text");
        for line in lines {
            note.add_signature(line).expect("below the limit");
        }
        note
    }

    #[test]
    fn the_note_of_the_specification_verifies() {
        let key: VerifierKey = SPECIFIED_KEY.parse().expect("valid");
        let note = SignedNote::parse(SPECIFIED_NOTE.as_bytes()).expect("valid");
        assert_eq!(note.verify(&[key]), Ok(vec![VerifiedSignature { key: 0, time: None }]));
        assert_eq!(note.to_string(), SPECIFIED_NOTE);
    }

    #[test]
    fn unknown_signers_are_ignored_among_sixteen() {
        let signers: Vec<NoteSigner> = (0..16).map(|seed| signer(&format!("signer-{seed}"), seed)).collect();
        let note = signed_by(&signers.iter().collect::<Vec<_>>(), "text\n");
        let parsed = SignedNote::parse(note.to_string().as_bytes()).expect("valid");
        let last = signers.last().expect("sixteen").verifier().clone();
        assert_eq!(parsed.verify(&[last]), Ok(vec![VerifiedSignature { key: 0, time: None }]));
        assert_eq!(parsed.verify(&[signer("other", 99).verifier().clone()]), Err(NoteError::NoKnownSignature));
    }

    #[test]
    fn a_forged_signature_of_a_known_key_condemns_the_note() {
        let (good, forger) = (signer("good", 1), signer("victim", 2));
        let victim = signer("victim", 3).verifier().clone();
        let mut line = forger.sign("text\n", NOW);
        line.key_id = victim.id();
        let mut note = signed_by(&[&good], "text\n");
        note.add_signature(line).expect("below the limit");
        let refused = note.verify(&[good.verifier().clone(), victim]);
        assert_eq!(refused, Err(NoteError::BadSignature { name: "victim".to_owned() }));
    }

    #[test]
    fn a_cosignature_carries_its_time_and_signs_it() {
        let cosigner = NoteSigner::cosigner("witness", SigningKey::from_bytes(&[5; 32])).expect("valid");
        let keys = [cosigner.verifier().clone()];
        let mut note = signed_by(&[&cosigner], "text\n");
        assert_eq!(note.verify(&keys), Ok(vec![VerifiedSignature { key: 0, time: Some(NOW) }]));
        *note.signatures[0].signature.get_mut(7).expect("a time of eight bytes") ^= 1;
        assert_eq!(note.verify(&keys), Err(NoteError::BadSignature { name: "witness".to_owned() }));
    }

    #[test]
    fn a_changed_text_does_not_verify() {
        let good = signer("good", 1);
        let changed = signed_by(&[&good], "one\n").to_string().replacen("one", "two", 1);
        let note = SignedNote::parse(changed.as_bytes()).expect("well-formed");
        assert_eq!(note.verify(&[good.verifier().clone()]), Err(NoteError::BadSignature { name: "good".to_owned() }));
    }

    #[test]
    fn each_rule_of_a_note_refuses_its_breach() {
        let check = |note: &str, rule: NoteError| assert_eq!(SignedNote::parse(note.as_bytes()), Err(rule), "{note:?}");
        check("", NoteError::Layout);
        check("text\n", NoteError::Layout);
        check("text\n\n— a AAAAAAA=", NoteError::Layout);
        check("te\txt\n\n— a AAAAAAA=\n", NoteError::ControlCharacter);
        check("text\n\n", NoteError::Layout);
        check("text\n\n\n", NoteError::Layout);
        check("text\n\n- a AAAAAAA=\n", NoteError::SignatureLine { line: 1 });
        check("text\n\n— a AAAAAAA=\n— a+b AAAAAAA=\n", NoteError::SignatureLine { line: 2 });
        check("text\n\n— a AAAAAA==\n", NoteError::SignatureLine { line: 1 });
        check("text\n\n— a AAAA AAA=\n", NoteError::SignatureLine { line: 1 });
        let many = "— a AAAAAAA=\n".repeat(limits::NOTE_SIGNATURES + 1);
        check(&format!("text\n\n{many}"), NoteError::TooManySignatures { limit: limits::NOTE_SIGNATURES });
        let long = "x".repeat(limits::NOTE_BYTES + 1);
        check(&long, NoteError::TooLong { got: limits::NOTE_BYTES + 1, limit: limits::NOTE_BYTES });
        assert_eq!(SignedNote::parse(b"text\xff\n\n"), Err(NoteError::NotText));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = SignedNote::parse(&bytes);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                let _ = text.parse::<VerifierKey>();
            }
        }

        #[test]
        fn what_parses_is_written_back_byte_for_byte(text in "[a-z\n]{0,40}", name in "[a-z/.]{1,9}", seed: u8) {
            let note = signed_by(&[&signer(&name, seed)], &format!("{text}\n")).to_string();
            prop_assert_eq!(SignedNote::parse(note.as_bytes()).expect("well-formed").to_string(), note);
        }
    }
}
