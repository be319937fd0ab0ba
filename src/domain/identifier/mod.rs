//! (being written)

use std::fmt;

use zeroize::Zeroizing;

use crate::base::kind::IdentifierKind;

/// An identifier in canonical form. Closed.
pub struct CanonicalIdentifier {
    kind: IdentifierKind,
    bytes: Zeroizing<Vec<u8>>,
}

impl CanonicalIdentifier {
    pub fn kind(&self) -> IdentifierKind {
        self.kind
    }

    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for CanonicalIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalIdentifier({})", self.kind)
    }
}
