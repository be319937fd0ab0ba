//! The sealed payload of an indicator: who holds the identifier can read it, who holds only a replica cannot.
//!
//! ```text
//! key    = HKDF-Expand(seal, lp("hushwire/v1/payload") ‖ lp(reporter), 32)
//! AAD    = lp("hushwire/v1/payload-aad") ‖ lp(type) ‖ pseudonym
//! sealed = nonce[24] ‖ XChaCha20-Poly1305(key, nonce, AAD, plaintext ‖ 0x80 ‖ 0x00…)      padded to a multiple of 64
//! ```

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::base::bytes::Pseudonym;
use crate::base::framing::{framed, push_framed};
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::secret::SecretBytes;
use crate::domain::pseudonym::keys::{Seal, expand};

const KEY_LABEL: &[u8] = b"hushwire/v1/payload";
const AAD_LABEL: &[u8] = b"hushwire/v1/payload-aad";

/// Bytes of the nonce in front.
pub const NONCE_BYTES: usize = 24;

/// Bytes of the authentication tag at the end.
const TAG_BYTES: usize = 16;

/// Plaintexts are padded to a multiple of this, so that a length tells next to nothing.
const PADDING_BLOCK: usize = 64;

/// Why a payload was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error("a sealed payload of {got} bytes does not have the length of a nonce, whole blocks and a tag")]
    Length { got: usize },
    #[error("the payload was not sealed by this reporter for this identifier")]
    NotAuthentic,
    #[error("the opened payload is not padded as its format says")]
    Padding,
}

/// Seals `plaintext` under a fresh random `nonce`.
pub fn seal_payload(
    seal: &Seal,
    reporter: &MemberId,
    kind: IdentifierKind,
    pseudonym: &Pseudonym,
    nonce: [u8; NONCE_BYTES],
    plaintext: &[u8],
) -> Vec<u8> {
    let padded_length = (plaintext.len() / PADDING_BLOCK + 1) * PADDING_BLOCK;
    let mut text = Zeroizing::new(Vec::with_capacity(padded_length + TAG_BYTES));
    text.extend_from_slice(plaintext);
    text.push(0x80);
    text.resize(padded_length, 0);
    cipher(seal, reporter)
        .encrypt_in_place(&XNonce::from(nonce), &associated_data(kind, pseudonym), &mut *text)
        .expect("a blob is far below the cipher's limit of 256 GiB");
    let mut sealed = Vec::with_capacity(NONCE_BYTES + text.len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&text);
    sealed
}

/// Opens what [`seal_payload`] made with the same seal, reporter, kind and pseudonym.
pub fn open_payload(
    seal: &Seal,
    reporter: &MemberId,
    kind: IdentifierKind,
    pseudonym: &Pseudonym,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, PayloadError> {
    check_sealed_length(sealed)?;
    let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(PayloadError::Length { got: sealed.len() })?;
    let mut text = Zeroizing::new(text.to_vec());
    cipher(seal, reporter)
        .decrypt_in_place(&XNonce::from(*nonce), &associated_data(kind, pseudonym), &mut *text)
        .map_err(|_| PayloadError::NotAuthentic)?;
    let end = text.iter().rposition(|byte| *byte != 0).ok_or(PayloadError::Padding)?;
    // A whole block of padding, or a pad byte other than 0x80, would be a second encoding of the same plaintext.
    if text.get(end) != Some(&0x80) || text.len() - end > PADDING_BLOCK {
        return Err(PayloadError::Padding);
    }
    text.truncate(end);
    Ok(text)
}

/// Refuses lengths that sealing cannot give. Holders of a replica can check no more than this.
pub fn check_sealed_length(sealed: &[u8]) -> Result<(), PayloadError> {
    let got = sealed.len();
    let padded = got.checked_sub(NONCE_BYTES + TAG_BYTES).filter(|padded| *padded > 0 && padded % PADDING_BLOCK == 0);
    if padded.is_none() || got > limits::BLOB_BYTES {
        return Err(PayloadError::Length { got });
    }
    Ok(())
}

/// The key of one reporter's payloads about one identifier.
pub(in crate::domain::pseudonym) fn payload_key(seal: &Seal, reporter: &MemberId) -> SecretBytes<32> {
    expand(&SecretBytes::new(*seal.expose()), &framed(&[KEY_LABEL, reporter.as_bytes()]))
}

fn cipher(seal: &Seal, reporter: &MemberId) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(payload_key(seal, reporter).expose().into())
}

fn associated_data(kind: IdentifierKind, pseudonym: &Pseudonym) -> Vec<u8> {
    let mut data = Vec::with_capacity(AAD_LABEL.len() + 1 + 16 + Pseudonym::LENGTH);
    push_framed(&mut data, AAD_LABEL);
    push_framed(&mut data, kind.type_label().as_bytes());
    data.extend_from_slice(pseudonym.as_bytes());
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(name: &str) -> MemberId {
        name.parse().expect("a valid name")
    }

    #[test]
    fn only_the_same_seal_reporter_kind_and_pseudonym_open_a_payload() {
        let (seal, reporter, kind, pseudonym) =
            (Seal::new([1; 32]), member("bank-a"), IdentifierKind::Pan, Pseudonym([2; 32]));
        let sealed = seal_payload(&seal, &reporter, kind, &pseudonym, [3; 24], b"details");
        let opened = open_payload(&seal, &reporter, kind, &pseudonym, &sealed).expect("the same parameters");
        assert_eq!(*opened, b"details");
        let refused = [
            open_payload(&Seal::new([9; 32]), &reporter, kind, &pseudonym, &sealed),
            open_payload(&seal, &member("bank-b"), kind, &pseudonym, &sealed),
            open_payload(&seal, &reporter, IdentifierKind::Iban, &pseudonym, &sealed),
            open_payload(&seal, &reporter, kind, &Pseudonym([9; 32]), &sealed),
        ];
        for outcome in refused {
            assert_eq!(outcome, Err(PayloadError::NotAuthentic));
        }
    }

    #[test]
    fn lengths_that_sealing_cannot_give_are_refused() {
        for length in [0, 23, 24, 40, 103, 105, 24 + 16 + 64 * 1024] {
            assert_eq!(check_sealed_length(&vec![0; length]), Err(PayloadError::Length { got: length }));
        }
        assert_eq!(check_sealed_length(&[0; 104]), Ok(()));
    }

    proptest! {
        #[test]
        fn any_plaintext_comes_back_and_its_length_is_hidden(plaintext in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (seal, reporter, pseudonym) = (Seal::new([1; 32]), member("bank-a"), Pseudonym([2; 32]));
            let sealed = seal_payload(&seal, &reporter, IdentifierKind::Pan, &pseudonym, [3; 24], &plaintext);
            prop_assert_eq!((sealed.len() - 40) % 64, 0);
            let opened = open_payload(&seal, &reporter, IdentifierKind::Pan, &pseudonym, &sealed);
            prop_assert_eq!(&*opened.expect("just sealed"), &plaintext);
        }

        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let refused = open_payload(&Seal::new([1; 32]), &member("a"), IdentifierKind::Pan, &Pseudonym([2; 32]), &bytes);
            prop_assert!(refused.is_err());
        }
    }
}
