//! The journal's ciphers: frames under the key of their segment, segment keys under the storage key.
//!
//! ChaCha20-Poly1305 is RFC 8439; XChaCha20-Poly1305 is draft-irtf-cfrg-xchacha. Layouts stand in [`super::format`].

use std::fmt;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::format::{FrameHead, FrameKind, HEAD_BYTES, HEADER_BYTES, Header, KeyFile, SegmentName, TAG_BYTES, Tag};
use crate::base::secret::SecretBytes;
use crate::node::store::{RecordNumber, StorageFault};

/// The key of the keystore under which every segment key is wrapped.
pub type StorageKey = SecretBytes<32>;

/// Seals and opens the frames of one segment.
pub struct SegmentCipher(ChaCha20Poly1305);

/// A new segment's cipher, and the key file that lets a later process make it again.
#[derive(Debug)]
pub struct NewKey {
    pub cipher: SegmentCipher,
    pub file: KeyFile,
}

/// What a frame is sealed with, beside its plaintext.
#[derive(Debug, Clone, Copy)]
pub struct FramePlace {
    pub kind: FrameKind,
    pub number: RecordNumber,
    pub since_sync: u32,
    pub previous: Tag,
}

impl SegmentCipher {
    /// Appends one frame to `out` and returns its tag.
    pub fn seal_frame(&self, place: FramePlace, plaintext: &[u8], out: &mut Vec<u8>) -> Tag {
        let number_low = u32::try_from(place.number.0 & u64::from(u32::MAX)).expect("masked to 32 bits");
        let length = plaintext.len() + TAG_BYTES;
        let head = FrameHead { kind: place.kind, length, number_low, since_sync: place.since_sync, crc: 0 };
        let start = head.encode_start();
        let at = out.len();
        out.extend_from_slice(&start);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(plaintext);
        let body = &mut out[at + HEAD_BYTES..];
        let tag = self
            .0
            .encrypt_inout_detached(&nonce(place.number).into(), &associated_data(&start, &place.previous), body.into())
            .expect("records are far below the cipher's limit of 256 GiB");
        out.extend_from_slice(&tag);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&start), &out[at + HEAD_BYTES..]);
        out[at + 12..at + HEAD_BYTES].copy_from_slice(&crc.to_be_bytes());
        tag.into()
    }

    /// Turns a sealed body into its plaintext in place; `None` if any bit of frame, number or predecessor differs.
    pub fn open_frame<'a>(
        &self,
        head: &FrameHead,
        number: RecordNumber,
        previous: &Tag,
        sealed: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let (body, tag) = sealed.split_at_mut_checked(sealed.len().checked_sub(TAG_BYTES)?)?;
        let tag = Tag::try_from(&*tag).ok()?;
        let associated_data = associated_data(&head.encode_start(), previous);
        self.0
            .decrypt_inout_detached(&nonce(number).into(), &associated_data, (&mut *body).into(), &tag.into())
            .ok()?;
        Some(body)
    }

    /// The whole header block.
    pub fn seal_header(&self, header: &Header) -> [u8; HEADER_BYTES] {
        let start = header.encode();
        let tag = self
            .0
            .encrypt_inout_detached(&HEADER_NONCE.into(), &start, (&mut [][..]).into())
            .expect("a header is far below the cipher's limit");
        let mut out = [0; HEADER_BYTES];
        out[..start.len()].copy_from_slice(&start);
        out[start.len()..].copy_from_slice(&tag);
        out
    }

    /// Whether the header is the one that was written under this key.
    pub fn check_header(&self, block: &[u8; HEADER_BYTES]) -> bool {
        let (start, tag) = block.split_at(HEADER_BYTES - TAG_BYTES);
        let tag = Tag::try_from(tag).expect("a header ends with a tag");
        self.0.decrypt_inout_detached(&HEADER_NONCE.into(), start, (&mut [][..]).into(), &tag.into()).is_ok()
    }
}

/// No record has this number, and the first four bytes differ from every record's nonce.
const HEADER_NONCE: [u8; 12] = [0xff; 12];

fn nonce(number: RecordNumber) -> [u8; 12] {
    let mut out = [0; 12];
    out[4..].copy_from_slice(&number.0.to_be_bytes());
    out
}

fn associated_data(start: &[u8; 12], previous: &Tag) -> [u8; 12 + TAG_BYTES] {
    let mut out = [0; 12 + TAG_BYTES];
    out[..12].copy_from_slice(start);
    out[12..].copy_from_slice(previous);
    out
}

/// Draws a key for a segment and wraps it.
pub fn new_segment_key(
    storage_key: &StorageKey,
    name: SegmentName,
    journal_id: [u8; 16],
) -> Result<NewKey, StorageFault> {
    let segment_key = Zeroizing::new(random::<32>()?);
    let mut file = KeyFile {
        name,
        journal_id,
        key_id: random()?,
        storage_key_id: storage_key_id(storage_key),
        nonce: random()?,
        wrapped: [0; 48],
    };
    file.wrapped[..32].copy_from_slice(&*segment_key);
    let associated_data = file.associated_data();
    let (body, tag_place) = file.wrapped.split_at_mut(32);
    let tag = wrapping_cipher(storage_key)
        .encrypt_inout_detached(&file.nonce.into(), &associated_data, body.into())
        .expect("a key is far below the cipher's limit");
    tag_place.copy_from_slice(&tag);
    Ok(NewKey { cipher: SegmentCipher(ChaCha20Poly1305::new((&*segment_key).into())), file })
}

/// Unwraps a segment's key.
pub fn open_segment_key(storage_key: &StorageKey, file: &KeyFile) -> Result<SegmentCipher, StorageFault> {
    if file.storage_key_id != storage_key_id(storage_key) {
        return Err(StorageFault::WrongKey);
    }
    let damaged = || StorageFault::Damaged(format!("the key of segment {} was changed", file.name.first));
    let mut segment_key = Zeroizing::new([0; 32]);
    let (body, tag) = file.wrapped.split_at(32);
    segment_key.copy_from_slice(body);
    let tag = Tag::try_from(tag).map_err(|_| damaged())?;
    wrapping_cipher(storage_key)
        .decrypt_inout_detached(
            &file.nonce.into(),
            &file.associated_data(),
            segment_key.as_mut_slice().into(),
            &tag.into(),
        )
        .map_err(|_| damaged())?;
    Ok(SegmentCipher(ChaCha20Poly1305::new((&*segment_key).into())))
}

/// Random bytes of the operating system.
pub fn random<const N: usize>() -> Result<[u8; N], StorageFault> {
    let mut out = [0; N];
    getrandom::fill(&mut out).map_err(|error| StorageFault::Os(error.to_string()))?;
    Ok(out)
}

fn wrapping_cipher(storage_key: &StorageKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*Zeroizing::new(derive(storage_key, b"hushwire/v1/storage-key-wrap"))).into())
}

fn storage_key_id(storage_key: &StorageKey) -> [u8; 16] {
    let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = derive(storage_key, b"hushwire/v1/storage-key-id");
    id
}

fn derive(storage_key: &StorageKey, purpose: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(storage_key.expose()).expect("HMAC takes any key");
    mac.update(purpose);
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for SegmentCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SegmentCipher(…)")
    }
}
