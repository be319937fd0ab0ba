//! How far a feed was verified, and what a checkpoint without entries tells.

use std::cmp::Ordering;

use crate::base::bytes::TreeHash;
use crate::base::name::FeedId;
use crate::domain::exchange::equivocation::EquivocationProof;
use crate::domain::exchange::fault::PeerFault;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::proof::HashSource;
use crate::domain::feed::tree::{CompactRange, node_hash};
use crate::domain::feed::verifier::FeedVerifier;

/// The verified part of one feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub feed: FeedId,
    /// Everything before its size is verified and stored.
    pub range: CompactRange,
    /// Newest verified checkpoint; it may be ahead of `range` while the node catches up.
    pub checkpoint: Option<SignedCheckpoint>,
}

/// Where a checkpoint stands to a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// All entries under it are verified.
    Current,
    /// So many entries under it are still to come.
    Ahead { entries: u64 },
    /// Older than what is verified: no news.
    Behind,
}

impl Cursor {
    /// Before the first entry.
    pub fn start(feed: FeedId) -> Self {
        Self { feed, range: CompactRange::default(), checkpoint: None }
    }

    /// Takes in a checkpoint without entries (a heartbeat, a head a peer told): the cursor with the newest of both and where
    /// the note stands to it.
    pub fn hear(&self, note: &[u8], verifier: &FeedVerifier) -> Result<(Self, Standing), PeerFault> {
        if *verifier.feed() != self.feed {
            return Err(PeerFault::WrongFeed);
        }
        self.take(SignedCheckpoint::verify(note, verifier)?, verifier)
    }

    /// [`Self::hear`] for a checkpoint that `verifier` has verified.
    pub fn take(&self, heard: SignedCheckpoint, verifier: &FeedVerifier) -> Result<(Self, Standing), PeerFault> {
        let verified = self.range.size();
        let standing = match heard.size().cmp(&verified) {
            Ordering::Less => Standing::Behind,
            Ordering::Equal => Standing::Current,
            Ordering::Greater => Standing::Ahead { entries: heard.size().0 - verified.0 },
        };
        let checkpoint = self.newest(heard.clone(), verifier)?;
        if standing == Standing::Current && *heard.root() != self.range.root() {
            return Err(PeerFault::RootMismatch { size: verified });
        }
        Ok((Self { checkpoint: Some(checkpoint), ..self.clone() }, standing))
    }

    /// The newer of the held checkpoint and `heard`; signatures of one and the same are joined. Two of one size with different
    /// roots are equivocation.
    pub(in crate::domain::exchange) fn newest(
        &self,
        heard: SignedCheckpoint,
        verifier: &FeedVerifier,
    ) -> Result<SignedCheckpoint, PeerFault> {
        let Some(held) = &self.checkpoint else {
            return Ok(heard);
        };
        if let Some(proof) = EquivocationProof::between(held, &heard) {
            return Err(PeerFault::Equivocation(Box::new(proof)));
        }
        match heard.size().cmp(&held.size()) {
            Ordering::Less => Ok(held.clone()),
            // Held under a feed key that counted then; the author signed it again with the one that counts now. What others
            // cosigned is the same.
            Ordering::Equal if held.author_key() != verifier.author() => {
                Ok(heard.clone().merged_with(held, verifier).unwrap_or(heard))
            }
            Ordering::Equal => Ok(held.clone().merged_with(&heard, verifier)?),
            Ordering::Greater => Ok(heard),
        }
    }
}

/// The tree of a range with more leaves: hashes of what is new, and of the complete subtrees the range still knows.
pub(in crate::domain::exchange) struct Extension<'a> {
    pub(in crate::domain::exchange) start: &'a CompactRange,
    pub(in crate::domain::exchange) leaves: &'a [TreeHash],
}

impl Extension<'_> {
    fn peak(&self, level: u8, first: u64) -> Option<TreeHash> {
        let size = self.start.size().0;
        let mut reached = 0;
        for peak in self.start.peaks() {
            let peak_level = (size - reached).ilog2();
            if reached == first && peak_level == u32::from(level) {
                return Some(*peak);
            }
            reached += 1 << peak_level;
        }
        None
    }
}

impl HashSource for Extension<'_> {
    fn subtree(&self, level: u8, index: u64) -> Option<TreeHash> {
        let first = index.checked_mul(1u64.checked_shl(u32::from(level))?)?;
        if let Some(peak) = self.peak(level, first) {
            return Some(peak);
        }
        let Some(below) = level.checked_sub(1) else {
            let offset = first.checked_sub(self.start.size().0)?;
            return self.leaves.get(usize::try_from(offset).ok()?).copied();
        };
        let left = self.subtree(below, index * 2)?;
        Some(node_hash(&left, &self.subtree(below, index * 2 + 1)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::TreeHash;
    use crate::base::position::TreeSize;
    use crate::domain::feed::checkpoint::tests::{Author, NOW, author};
    use crate::domain::feed::proof::consistency_proof;

    fn at(author: &Author, leaves: u8) -> Cursor {
        let mut cursor = Cursor::start(author.feed.clone());
        (0..leaves).for_each(|leaf| cursor.range.append(TreeHash([leaf; 32])));
        cursor
    }

    fn note(author: &Author, leaves: u8, s: u64) -> String {
        author.note(leaves.into(), at(author, leaves).range.root(), NOW.plus_s(s)).to_string()
    }

    #[test]
    fn a_heartbeat_renews_the_authors_time_without_entries() {
        let bank = author("bank-a", 1);
        let verifier = bank.verifier(&[]);
        let (cursor, standing) = at(&bank, 3).hear(note(&bank, 3, 0).as_bytes(), &verifier).expect("honest");
        assert_eq!(standing, Standing::Current);
        let (cursor, _) = cursor.hear(note(&bank, 3, 60).as_bytes(), &verifier).expect("honest");
        let checkpoint = cursor.checkpoint.as_ref().expect("heard");
        assert_eq!(checkpoint.author_time(), Some(NOW.plus_s(60)));
        let (cursor, standing) = cursor.hear(note(&bank, 7, 61).as_bytes(), &verifier).expect("honest");
        assert_eq!((standing, cursor.range.size()), (Standing::Ahead { entries: 4 }, TreeSize(3)));
        let (after, standing) = cursor.hear(note(&bank, 2, 62).as_bytes(), &verifier).expect("honest");
        assert_eq!((standing, after), (Standing::Behind, cursor));
    }

    #[test]
    fn a_heartbeat_with_another_root_is_a_fault_and_a_proof_where_both_are_signed() {
        let bank = author("bank-a", 1);
        let verifier = bank.verifier(&[]);
        let other = bank.note(3, TreeHash([9; 32]), NOW).to_string();
        let refused = at(&bank, 3).hear(other.as_bytes(), &verifier);
        assert_eq!(refused, Err(PeerFault::RootMismatch { size: TreeSize(3) }));
        let (cursor, _) = at(&bank, 3).hear(note(&bank, 3, 0).as_bytes(), &verifier).expect("honest");
        match cursor.hear(other.as_bytes(), &verifier) {
            Err(PeerFault::Equivocation(proof)) => assert_eq!(proof.verify(|_| Ok(verifier.clone())), Ok(())),
            outcome => panic!("expected a proof, got {outcome:?}"),
        }
    }

    #[test]
    fn an_extension_knows_the_hashes_that_join_it_to_any_size_after_its_start() {
        let bank = author("bank-a", 1);
        let all: Vec<TreeHash> = (0..40).map(|leaf| TreeHash([leaf; 32])).collect();
        let empty = CompactRange::default();
        let whole = Extension { start: &empty, leaves: &all };
        for start in 0..40u8 {
            let cursor = at(&bank, start);
            let part = Extension { start: &cursor.range, leaves: all.get(usize::from(start)..).expect("within") };
            for old in u64::from(start)..=40 {
                let (old, new) = (TreeSize(old), TreeSize(40));
                assert_eq!(consistency_proof(&part, old, new), consistency_proof(&whole, old, new));
            }
        }
        assert_eq!(whole.subtree(64, 0), None);
        assert_eq!(whole.subtree(63, 1), None);
    }
}
