//! Reserving sizes before signing them, on another path than the store: the first two layers of the fence.
//!
//! A store that is put back from a backup or a snapshot has forgotten what was signed since. The members' answers show that
//! ([`crate::node::fence`]); a small file that is not part of the copy shows it sooner and also while they are away. It names
//! the store's incarnation and, of each own feed, a size that was durable when it was written and a size up to which
//! signatures may have been made since. Nothing is signed beyond the latter before the file is durable.
//!
//! ```text
//! hushwire fence 1
//! incarnation <32 hex digits>
//! <origin> <durable size> <reserved size>        one line a feed, ascending
//! sha256 <hex digest of all lines before>
//! ```
//!
//! Where file and store disagree the node signs nothing until it has back what the file proves that it signed, or until
//! every other member has answered and none holds it; then it lives on under a new incarnation. The file must stay out of
//! backups: put back together with an old store it agrees with it, and only the members' answers are left.

use std::collections::BTreeMap;

use rand::{CryptoRng, RngExt};
use sha2::{Digest, Sha256};

use crate::base::bytes::{Incarnation, Sha256Digest};
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::node::Node;
use crate::node::commit::{Commit, Recovered, change};
use crate::node::fence::FenceState;
use crate::node::store::{Journal, StorageFault, Views};

/// What is reserved of one feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// Entries that were durable when this was written.
    pub durable: TreeSize,
    /// Sizes up to here may have been signed.
    pub until: TreeSize,
}

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub incarnation: Incarnation,
    /// By origin.
    pub feeds: BTreeMap<String, Reserved>,
}

/// What was found at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Unreadable,
    Reservation(Reservation),
}

/// The bytes are no reservation, or not those that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reservation of sizes, or changed since it was written")]
pub struct NotAReservation;

const FIRST_LINE: &str = "hushwire fence 1";

impl Reservation {
    pub fn encode(&self) -> String {
        let mut text = format!("{FIRST_LINE}\nincarnation {}\n", self.incarnation);
        for (origin, Reserved { durable, until }) in &self.feeds {
            text.push_str(&format!("{origin} {durable} {until}\n"));
        }
        let digest = Sha256Digest(Sha256::digest(&text).into());
        text.push_str(&format!("sha256 {digest}\n"));
        text
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, NotAReservation> {
        let text = std::str::from_utf8(bytes).map_err(|_| NotAReservation)?;
        let mut lines = text.lines();
        let incarnation = match (lines.next(), lines.next().and_then(|line| line.strip_prefix("incarnation "))) {
            (Some(FIRST_LINE), Some(incarnation)) => hex::decode(incarnation).map_err(|_| NotAReservation)?,
            _ => return Err(NotAReservation),
        };
        let incarnation = Incarnation::try_from(incarnation.as_slice()).map_err(|_| NotAReservation)?;
        let mut feeds = BTreeMap::new();
        for line in lines.take_while(|line| !line.starts_with("sha256 ")) {
            let mut words = line.split(' ');
            let (Some(origin), Some(durable), Some(until)) = (words.next(), words.next(), words.next()) else {
                return Err(NotAReservation);
            };
            let size = |word: &str| word.parse().map(TreeSize).map_err(|_| NotAReservation);
            feeds.insert(origin.to_owned(), Reserved { durable: size(durable)?, until: size(until)? });
        }
        let reservation = Self { incarnation, feeds };
        // One text for one content: the digest is checked with everything else.
        if reservation.encode() == text { Ok(reservation) } else { Err(NotAReservation) }
    }
}

/// Whether and how far a node signs by its reservation.
#[derive(Debug, Default)]
pub(in crate::node) enum Guard {
    /// Nobody keeps a file: the members' answers alone protect.
    #[default]
    Off,
    On {
        reserved: Option<Reservation>,
        /// The file contradicts the store.
        distrusted: bool,
    },
}

impl<J: Journal, V: Views> Node<J, V> {
    /// From now on nothing is signed beyond what is reserved. `found` is what stood in the file at this start.
    pub fn guard(&mut self, found: Found, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StorageFault> {
        let contradiction = match &found {
            Found::Nothing if self.is_new => None,
            Found::Nothing => Some("no_fence_file"),
            Found::Unreadable => Some("fence_file_unreadable"),
            Found::Reservation(reserved) if reserved.incarnation != self.state.incarnation => Some("other_incarnation"),
            Found::Reservation(reserved) if self.holds_less(reserved) => Some("store_behind_reservation"),
            Found::Reservation(_) => None,
        };
        let reserved = match found {
            Found::Reservation(reserved) => Some(reserved),
            Found::Nothing | Found::Unreadable => None,
        };
        for (origin, reserved) in reserved.iter().flat_map(|reservation| &reservation.feeds) {
            if let Ok(feed) = FeedId::from_origin(&self.state.identity.consortium, origin) {
                self.state.fence.remember(&feed, reserved.durable);
            }
        }
        self.guard = Guard::On { reserved, distrusted: contradiction.is_some() };
        match contradiction {
            None => Ok(()),
            Some(reason) => {
                self.state.fence.distrust();
                self.record(&Actor::Node, vec![AuditEvent::NodeFenced { reason }], now, rng)?;
                self.sync()
            }
        }
    }

    /// Whether what a former feed key of this member signed may be what this store forgot. In a store that forgot nothing it is
    /// not taken in: a member that stole the key could have its own entries signed as ours.
    pub(in crate::node) fn may_have_forgotten(&self) -> bool {
        match &self.guard {
            Guard::Off => self.fence_state() != FenceState::Open,
            Guard::On { distrusted, .. } => *distrusted,
        }
    }

    fn holds_less(&self, reserved: &Reservation) -> bool {
        let own = self.state.feeds.values().filter(|feed| self.state.identity.is_own(feed.id()));
        own.into_iter()
            .any(|feed| reserved.feeds.get(&feed.origin).is_some_and(|reserved| feed.size() < reserved.durable))
    }

    /// What should be made durable in the file now; none while nothing more is needed, or nothing may be signed anyway.
    pub fn wanted_reservation(&self) -> Option<Reservation> {
        let Guard::On { reserved, distrusted: false } = &self.guard else { return None };
        if self.fence_state() != FenceState::Open {
            return None;
        }
        let current = reserved.as_ref().filter(|reserved| reserved.incarnation == self.state.incarnation);
        let mut wanted = Reservation { incarnation: self.state.incarnation, feeds: BTreeMap::new() };
        let mut short = current.is_none();
        for feed in self.state.feeds.values().filter(|feed| self.state.identity.is_own(feed.id())) {
            let known = current.and_then(|reserved| reserved.feeds.get(&feed.origin));
            let waiting = u64::try_from(self.state.pending.len()).unwrap_or(u64::MAX);
            let decoys = u64::try_from(self.state.settings.decoys).unwrap_or(u64::MAX);
            let needed = feed.size().0.saturating_add(waiting).saturating_add(decoys);
            // Ahead of need, so that signing hardly ever waits for the file.
            let enough = known.filter(|known| known.until.0 >= needed.saturating_add(limits::RESERVED_SIZES / 2));
            short |= enough.is_none();
            let until = TreeSize(needed.saturating_add(limits::RESERVED_SIZES));
            let fresh = Reserved { durable: feed.durable_size, until };
            wanted.feeds.insert(feed.origin.clone(), fresh);
        }
        short.then_some(wanted)
    }

    /// The file is durable with this content.
    pub fn confirm_reservation(&mut self, written: Reservation) {
        if let Guard::On { reserved, .. } = &mut self.guard {
            *reserved = Some(written);
        }
    }

    /// The largest size of an own feed that may be signed now.
    pub(in crate::node) fn signable(&self, origin: &str) -> TreeSize {
        match &self.guard {
            Guard::Off => TreeSize(u64::MAX),
            Guard::On { reserved, .. } => reserved
                .as_ref()
                .filter(|reserved| reserved.incarnation == self.state.incarnation)
                .and_then(|reserved| reserved.feeds.get(origin))
                .map_or(TreeSize::EMPTY, |reserved| reserved.until),
        }
    }

    /// Goes on under a new incarnation once the fence is open again for a store that had forgotten something.
    pub(in crate::node) fn live_on(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StorageFault> {
        let Guard::On { distrusted: true, .. } = &self.guard else { return Ok(()) };
        if self.fence_state() != FenceState::Open {
            return Ok(());
        }
        let mut commit = Commit::default();
        let incarnation: [u8; 16] = rng.random();
        commit.push(change::Kind::Recovered(Recovered { incarnation: incarnation.to_vec() }));
        let own = self.state.feeds.values().filter(|feed| self.state.identity.is_own(feed.id()));
        let recovered = own.map(|feed| AuditEvent::NodeRecovered { feed: feed.id().clone(), size: feed.size() });
        let events = recovered.collect();
        self.commit(commit, &Actor::Node, events, now, rng)?;
        if let Guard::On { distrusted, .. } = &mut self.guard {
            *distrusted = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation() -> Reservation {
        let reserved = Reserved { durable: TreeSize(7), until: TreeSize(1_031) };
        Reservation {
            incarnation: Incarnation([0xAB; 16]),
            feeds: [("demo.example/bank-a/all".to_owned(), reserved)].into(),
        }
    }

    #[test]
    fn a_reservation_is_written_to_the_byte() {
        let lines = "hushwire fence 1\nincarnation abababababababababababababababab\ndemo.example/bank-a/all 7 1031\n";
        let text = reservation().encode();
        assert!(text.starts_with(lines), "{text}");
        assert_eq!(Reservation::decode(text.as_bytes()), Ok(reservation()));
    }

    #[test]
    fn any_change_is_found() {
        let text = reservation().encode();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            assert_eq!(Reservation::decode(&bytes), Err(NotAReservation), "byte {at}");
            assert_eq!(Reservation::decode(&bytes[..at]), Err(NotAReservation), "cut at {at}");
        }
    }
}
