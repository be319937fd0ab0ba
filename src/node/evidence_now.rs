//! Whether what stopped an order still counts: between the stop and the person who decides, its author may have withdrawn it.

use crate::domain::belief::record::State as Standing;
use crate::domain::case::Evidence;
use crate::node::Node;
use crate::node::store::{Journal, Views};

/// How an indicator stands at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceNow {
    Counts,
    /// Too few witnesses so far, or its member floods: it may ask for a challenge, and blocks nothing.
    Provisional,
    /// This node holds it back until a person decides.
    HeldBack,
    /// Its author signed two histories.
    Quarantined,
    /// Its author took it back.
    Withdrawn,
    /// Expired or erased, or its author is no member any more.
    Gone,
}

impl<J: Journal, V: Views> Node<J, V> {
    pub fn evidence_now(&self, evidence: &Evidence) -> EvidenceNow {
        let Some(statement) = self.state.belief.writer().by_commitment(&evidence.commitment) else {
            return EvidenceNow::Gone;
        };
        match statement.state {
            Standing::Retracted => EvidenceNow::Withdrawn,
            Standing::Live if statement.quarantined => EvidenceNow::Quarantined,
            Standing::Live if statement.braked => EvidenceNow::HeldBack,
            Standing::Live if statement.provisional => EvidenceNow::Provisional,
            Standing::Live => EvidenceNow::Counts,
        }
    }
}
