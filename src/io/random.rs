//! Randomness of the operating system: the one place that asks for it.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::rngs::SysRng;

/// A cryptographic generator seeded by the operating system.
///
/// # Panics
/// When the operating system has no randomness: nothing safe can go on then.
pub fn generator() -> StdRng {
    StdRng::try_from_rng(&mut SysRng).expect("the operating system provides randomness")
}

/// 128 bits nobody can guess, for names of which a node makes thousands a second: from a generator of the thread, which the
/// operating system seeds now and again. Asking the system itself for each costs a screening 0.3 µs.
pub fn name() -> [u8; 16] {
    rand::random()
}

/// `N` fresh random bytes.
///
/// # Panics
/// As [`generator`].
pub fn bytes<const N: usize>() -> [u8; N] {
    use rand::TryRng;
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system provides randomness");
    bytes
}
