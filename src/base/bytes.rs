//! Fixed-length public byte values, each with its own type so that none can stand in for another.
//!
//! Everything here is public by design (it travels between members); secrets live in [`crate::base::secret`].

use std::fmt;

/// A byte string of the wrong length was offered where a fixed length is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {expected} bytes, got {got}")]
pub struct WrongLength {
    pub what: &'static str,
    pub expected: usize,
    pub got: usize,
}

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $length:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = $length;

            pub fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = WrongLength;

            fn try_from(bytes: &[u8]) -> Result<Self, WrongLength> {
                let array: [u8; $length] = bytes.try_into().map_err(|_| WrongLength {
                    what: $what,
                    expected: $length,
                    got: bytes.len(),
                })?;
                Ok(Self(array))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

fixed_bytes!(
    /// The keyed hash that stands for one identifier in one epoch (DESIGN: `pseudonym`).
    Pseudonym,
    32,
    "pseudonym"
);
fixed_bytes!(
    /// `HMAC-SHA256(salt, "hushwire/v1/blob-commit" ‖ 0x00 ‖ blob)`: names an entry without telling its content.
    Commitment,
    32,
    "commitment"
);
fixed_bytes!(
    /// A node of an RFC 9162 tree: a leaf hash, an inner hash or a root.
    TreeHash,
    32,
    "tree hash"
);
fixed_bytes!(
    /// SHA-256 of some bytes whose exact form the holder documents (a roster note, a request body, an SPKI).
    Sha256Digest,
    32,
    "SHA-256 digest"
);
fixed_bytes!(
    /// A keyed fingerprint that never leaves the node (request ids, source references, keys of views).
    LocalMac,
    32,
    "local MAC"
);
fixed_bytes!(
    /// The random salt that hides a blob behind its commitment; destroyed together with the blob.
    Salt,
    32,
    "salt"
);
fixed_bytes!(
    /// One life of a node's store: drawn at `init` and at every restore, so that a rolled-back copy is recognised.
    Incarnation,
    16,
    "incarnation"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_length_is_refused_with_both_lengths() {
        let refused = Pseudonym::try_from(&[0u8; 31][..]).expect_err("31 bytes are no pseudonym");
        assert_eq!(refused.to_string(), "pseudonym must be 32 bytes, got 31");
    }
}
