//! Secrets as closed types: wiped on drop, without content in `Debug`, without `Display` and without serde.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `N` secret bytes. Reading them is spelled [`SecretBytes::expose`], so that a search finds every reader.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes<const N: usize>([u8; N]);

impl<const N: usize> SecretBytes<N> {
    pub fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// A second copy, for the few places that must own one (key material handed to another holder).
    pub fn duplicate(&self) -> Self {
        Self(self.0)
    }
}

/// Compares in constant time.
impl<const N: usize> PartialEq for SecretBytes<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> Eq for SecretBytes<N> {}

impl<const N: usize> fmt::Debug for SecretBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes<{N}>(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_content() {
        let shown = format!("{:?}", SecretBytes::new([0xABu8; 4]));
        assert_eq!(shown, "SecretBytes<4>(…)");
    }
}
