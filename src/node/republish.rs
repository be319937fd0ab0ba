//! What is due for republication: live indicators of this member under an epoch that ends before they do.
//!
//! Nobody but the publisher can carry a pseudonym into the next epoch, because a node keeps no raw values.

use crate::base::bytes::Commitment;
use crate::base::epoch::KeyEpoch;
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::belief::record::State as Standing;
use crate::domain::belief::view::ListPosition;
use crate::node::Node;
use crate::node::store::{Journal, Views};

/// Statements looked through for one page.
const SCANNED_PER_PAGE: usize = 100_000;

/// One indicator to publish again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub commitment: Commitment,
    pub kind: IdentifierKind,
    pub epoch: KeyEpoch,
    /// From this moment nobody can match it any more; none while the next epoch is not in the roster.
    pub readable_until: Option<Timestamp>,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// About `limit` due indicators from a position on, with the position of the next page.
    pub fn list_due_for_republication(&self, from: ListPosition, limit: usize) -> (Vec<Due>, Option<ListPosition>) {
        let current = self.state.identity.key_ring.current.epoch_id();
        let mut due = Vec::new();
        let mut next = Some(from);
        let mut scanned = 0;
        let mut view = self.state.belief.view();
        while let Some(position) = next.filter(|_| due.len() < limit && scanned < SCANNED_PER_PAGE) {
            let (own, more) = view.reported_by(&self.state.identity.member, position, limit);
            scanned += own.len().max(1);
            next = more;
            for statement in own {
                let decoy = self.state.decoys.contains(&statement.commitment);
                if statement.state != Standing::Live || statement.epoch_id == current || decoy {
                    continue;
                }
                let Some(epoch) = self.state.roster.epoch_by_id(&statement.epoch_id) else { continue };
                due.push(Due {
                    commitment: statement.commitment,
                    kind: statement.kind,
                    epoch: epoch.number,
                    readable_until: self.state.roster.readable_until(epoch.number),
                });
            }
        }
        (due, next)
    }
}
