//! Chunks of records as rows of atomic words: one writer changes them while readers read, without a lock.
//!
//! The writer never reuses a place. A chunk that emptied is *retired* as a whole, and only then its number may name
//! another chunk; a reader that meets a retired chunk holds an outdated view and takes a new one.
//!
//! A record is wiped in this order: state to vacant, release fence, words to zero. A reader copies the words, passes an
//! acquire fence and looks at the state again; whoever saw one zero also sees the vacancy, so no torn record gets out.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use crate::domain::belief::place::Words;
use crate::domain::belief::record::{LINK, Link, MAX_BLOCKS, ORIGIN, Origin, RecordNumber, SEALED, stride};

/// Records of one payload length.
#[derive(Debug)]
pub(super) struct Chunk {
    stride: usize,
    words: Box<[AtomicU64]>,
    retired: AtomicBool,
}

/// Places of a chunk: many for the usual length, few for the rare ones, so that an idle node stays small.
fn places(blocks: usize) -> usize {
    match blocks {
        0..=1 => RecordNumber::PLACES,
        2..=3 => RecordNumber::PLACES / 4,
        _ => RecordNumber::PLACES / 32,
    }
}

/// A copy of the fixed words of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) pseudonym: Words,
    pub(super) commitment: Words,
    pub(super) link: Link,
    pub(super) origin: Origin,
}

impl Chunk {
    pub(super) fn new(blocks: usize) -> Self {
        debug_assert!((1..=MAX_BLOCKS).contains(&blocks));
        let stride = stride(blocks);
        let words = (0..stride * places(blocks)).map(|_| AtomicU64::new(0)).collect();
        Self { stride, words, retired: AtomicBool::new(false) }
    }

    pub(super) fn places(&self) -> usize {
        self.words.len() / self.stride
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.words.len() * size_of::<AtomicU64>()
    }

    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    fn row(&self, place: usize) -> &[AtomicU64] {
        &self.words[place * self.stride..(place + 1) * self.stride]
    }

    pub(super) fn pseudonym(&self, place: usize) -> Words {
        load_words(&self.row(place)[0..4])
    }

    pub(super) fn commitment(&self, place: usize) -> Words {
        load_words(&self.row(place)[4..8])
    }

    pub(super) fn link(&self, place: usize) -> Link {
        Link::unpack(self.row(place)[LINK].load(Ordering::Acquire))
    }

    pub(super) fn set_link(&self, place: usize, link: Link) {
        self.row(place)[LINK].store(link.pack(), Ordering::Release);
    }

    pub(super) fn set_origin(&self, place: usize, origin: Origin) {
        self.row(place)[ORIGIN].store(origin.pack(), Ordering::Release);
    }

    /// Copies a record out; the head alone where it is vacant.
    pub(super) fn read(&self, place: usize) -> (Head, Option<Box<[u8]>>) {
        let row = self.row(place);
        let pseudonym = load_words(&row[0..4]);
        let commitment = load_words(&row[4..8]);
        let origin = Origin::unpack(row[ORIGIN].load(Ordering::Relaxed));
        let mut sealed = Vec::with_capacity((row.len() - SEALED) * 8);
        for word in &row[SEALED..] {
            sealed.extend_from_slice(&word.load(Ordering::Relaxed).to_be_bytes());
        }
        fence(Ordering::Acquire);
        let link = self.link(place);
        let head = Head { pseudonym, commitment, link, origin };
        (head, link.state.map(|_| sealed.into_boxed_slice()))
    }

    /// Appends a held record to `out`, as its words lie here but for the next record.
    pub(super) fn copy_out(&self, place: usize, out: &mut Vec<u8>) {
        for (number, word) in self.row(place).iter().enumerate() {
            let word = match number {
                LINK => Link { next: None, ..self.link(place) }.pack(),
                _ => word.load(Ordering::Relaxed),
            };
            out.extend_from_slice(&word.to_be_bytes());
        }
    }

    /// Fills a place of a chunk nobody can reach yet with such bytes.
    pub(super) fn copy_in(&self, place: usize, bytes: &[u8]) {
        for (word, bytes) in self.row(place).iter().zip(bytes.chunks_exact(8)) {
            let bytes = bytes.try_into().expect("chunks of eight bytes");
            word.store(u64::from_be_bytes(bytes), Ordering::Relaxed);
        }
        self.set_link(place, Link { next: None, ..self.link(place) });
    }

    /// Fills a place nobody can reach yet.
    pub(super) fn write(&self, place: usize, head: &Head, sealed: &[u8]) {
        let row = self.row(place);
        store_words(&row[0..4], &head.pseudonym);
        store_words(&row[4..8], &head.commitment);
        row[ORIGIN].store(head.origin.pack(), Ordering::Relaxed);
        for (word, bytes) in row[SEALED..].iter().zip(sealed.chunks_exact(8)) {
            let bytes = bytes.try_into().expect("chunks of eight bytes");
            word.store(u64::from_be_bytes(bytes), Ordering::Relaxed);
        }
        row[LINK].store(head.link.pack(), Ordering::Release);
    }

    /// Vacates a place nobody can reach any more; readers that still stand on it find their way on by `next`.
    pub(super) fn wipe(&self, place: usize) {
        let row = self.row(place);
        let mut link = self.link(place);
        link.state = None;
        row[LINK].store(link.pack(), Ordering::Release);
        fence(Ordering::Release);
        for word in row[..LINK].iter().chain(&row[ORIGIN..]) {
            word.store(0, Ordering::Relaxed);
        }
    }
}

fn load_words(row: &[AtomicU64]) -> Words {
    let mut words = [0; 4];
    for (word, atomic) in words.iter_mut().zip(row) {
        *word = atomic.load(Ordering::Relaxed);
    }
    words
}

fn store_words(row: &[AtomicU64], words: &Words) {
    for (atomic, word) in row.iter().zip(words) {
        atomic.store(*word, Ordering::Relaxed);
    }
}
