//! Where a 32-byte name stands in a table: segment, home bucket and fingerprint, mixed under a key of this process.
//!
//! Pseudonyms and commitments of honest members are uniform already. A dishonest member chooses its own, and without the
//! key it cannot choose many that crowd one bucket and slow down everybody's screening.

use std::fmt;

/// Segments of each table. They grow one at a time, so that growth never stalls a writer for long.
pub(super) const SEGMENTS: usize = 256;

/// Key of the mixing; drawn at start, never stored.
#[derive(Clone, Copy)]
pub struct TableKey([u64; 2]);

impl TableKey {
    /// Draws a key.
    pub fn draw(rng: &mut impl rand::CryptoRng) -> Self {
        Self([rng.next_u64(), rng.next_u64()])
    }
}

/// Shows nothing: who knows the key can crowd a bucket.
impl fmt::Debug for TableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TableKey(…)")
    }
}

/// Four big-endian words of a 32-byte name.
pub(super) type Words = [u64; 4];

pub(super) fn words_of(bytes: &[u8; 32]) -> Words {
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_be_bytes(chunk.try_into().expect("chunks of eight bytes"));
    }
    words
}

pub(super) fn bytes_of(words: &Words) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// The address of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    mixed: u64,
}

impl Place {
    /// Multiply and fold (128-bit product, halves xored): two nanoseconds, unpredictable without the key.
    pub(super) fn of(words: &Words, key: &TableKey) -> Self {
        let product = u128::from(words[0] ^ key.0[0]) * u128::from(words[1] ^ key.0[1]);
        let folded = (product >> 64) ^ (product & u128::from(u64::MAX));
        Self { mixed: u64::try_from(folded).expect("both halves have 64 bits") }
    }

    pub(super) fn segment(self) -> usize {
        usize::try_from(self.mixed >> 56).expect("eight bits")
    }

    /// The home bucket among `buckets`, by multiplication instead of division: any count is allowed, not only powers of two.
    pub(super) fn home(self, buckets: usize) -> usize {
        let spread = (self.mixed >> 24) & u64::from(u32::MAX);
        let buckets = u64::try_from(buckets).expect("a count fits 64 bits");
        usize::try_from((spread * buckets) >> 32).expect("smaller than the count")
    }

    pub(super) fn fingerprint(self) -> u32 {
        low_32(self.mixed)
    }
}

pub(super) fn low_32(word: u64) -> u32 {
    u32::try_from(word & u64::from(u32::MAX)).expect("masked to 32 bits")
}

pub(super) fn high_32(word: u64) -> u32 {
    u32::try_from(word >> 32).expect("shifted to 32 bits")
}
