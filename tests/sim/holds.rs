//! Legal holds while days pass: what is held is never gone, and what has expired and is not held is gone.

use std::collections::{BTreeMap, BTreeSet};

use hushwire::base::bytes::Commitment;
use hushwire::base::limits;
use hushwire::base::name::FeedId;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::event::IndicatorRef;
use hushwire::domain::audit::hold::{HeldBack, HoldReason, Scope};
use hushwire::domain::audit::record::Actor;
use hushwire::domain::feed::entry::{EntryKind, Leaf};
use hushwire::node::commit::{Commit, StoredEntry, change};
use hushwire::node::store::{Journal, RecordNumber};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use crate::violation::{Invariant, Violation, broken, ensure};
use crate::world::World;

/// What each house was asked to hold, and holds since.
pub type HoldBook = BTreeMap<usize, BTreeSet<Commitment>>;

/// Indicators that one house holds of one feed before days pass.
const OF_A_FEED: usize = 2;

impl World {
    /// Every honest house holds some of what it has. With randomness of its own: what happens besides stays the same.
    pub fn place_holds(&mut self) -> Result<(), Violation> {
        let feeds: Vec<FeedId> = self.consortium.feeds().collect();
        for house in self.honest() {
            for feed in &feeds {
                let entries = self.houses[house].entries(feed)?.into_iter();
                let with_content = entries.filter(|(leaf, body)| leaf.kind == EntryKind::Indicator && body.is_some());
                let chosen = with_content.map(|(leaf, _)| leaf.commitment).filter(|name| name.0[0] % 3 == 0);
                for commitment in chosen.take(OF_A_FEED) {
                    let scope = Scope::Indicator(IndicatorRef { member: feed.member.clone(), commitment });
                    let placed = self.on_node(house, |node, now, _| {
                        let mut rng = ChaCha20Rng::from_seed(commitment.0);
                        node.place_hold(&Actor::Node, scope, HoldReason::Investigation, now, &mut rng)
                    });
                    // One that sweeps, or has no room, says so; whoever was told that it is held relies on it.
                    if let Some(Ok(_)) = placed {
                        self.holds.entry(house).or_default().insert(commitment);
                    }
                }
            }
        }
        Ok(())
    }

    /// What holds the house has now.
    pub fn held_back(&self, house: usize) -> HeldBack {
        let node = self.houses[house].node.as_ref();
        node.map(|node| node.state().holds.held()).unwrap_or_default()
    }

    /// Compares the disk of a stopped house, just swept, with what it had to hold.
    pub fn check_held(&self, house: usize, held: &HeldBack) -> Result<(), Violation> {
        let damaged = |fault| broken(Invariant::StoreWhole, fault);
        let journal = self.houses[house].disk.open(self.options.mutant).map_err(damaged)?;
        let mut kept: BTreeMap<Commitment, Leaf> = BTreeMap::new();
        let replayed = journal.replay(RecordNumber(0), &mut |_, record| {
            for kind in Commit::from_bytes(record)?.kinds() {
                let entries: Vec<&StoredEntry> = match kind {
                    change::Kind::Appended(appended) => appended.entries.iter().collect(),
                    change::Kind::Filled(filled) => filled.entry.iter().collect(),
                    _ => Vec::new(),
                };
                let whole = entries.into_iter().filter(|entry| !entry.salt.is_empty());
                kept.extend(
                    whole.filter_map(|entry| Leaf::decode(&entry.leaf).ok()).map(|leaf| (leaf.commitment, leaf)),
                );
            }
            Ok(())
        });
        replayed.map_err(damaged)?;
        for commitment in self.holds.get(&house).into_iter().flatten() {
            ensure(kept.contains_key(commitment), Invariant::HeldIsKept, || {
                format!("house {house} lost {commitment}")
            })?;
        }
        if !self.options.compacts {
            return Ok(());
        }
        // Swept in whole steps and a day; another for clocks that are behind.
        let today = self.now().day().0.saturating_sub(1);
        let horizon = (today - today % limits::EXPIRY_STEP_DAYS).saturating_sub(1);
        let over = |leaf: &Leaf| leaf.expires_day.0 < horizon;
        let forgotten = kept.values().find(|leaf| {
            leaf.kind == EntryKind::Indicator && over(leaf) && !held.entry(&leaf.commitment, Timestamp::from_unix_ms(0))
        });
        ensure(forgotten.is_none(), Invariant::HeldIsKept, || {
            format!("house {house} still has {forgotten:?}, which is over and not held")
        })
    }
}
