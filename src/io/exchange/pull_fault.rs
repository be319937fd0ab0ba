//! Why pulling from a peer ended, and how the link to it is then: what the peer did is told apart from what this machine lacks.

use crate::io::engine::EngineFault;
use crate::io::exchange::links::Link;
use crate::node::accept::AcceptFault;
use crate::node::room::DiskLow;

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub enum PullFault {
    #[error("not reachable: {0}")]
    Unreachable(String),
    #[error("the peer ended the stream: {0}")]
    Ended(String),
    #[error("the peer broke the protocol: {0}")]
    Protocol(&'static str),
    /// What the peer sent was refused; it is kept as evidence.
    #[error("refused: {0}")]
    Refused(String),
    #[error("nothing is taken in: {0}")]
    DiskLow(#[from] DiskLow),
    #[error(transparent)]
    Engine(#[from] EngineFault),
}

impl PullFault {
    /// How the link to the peer is after it.
    pub fn link(&self) -> Link {
        let failure = self.to_string();
        match self {
            Self::Refused(_) | Self::Protocol(_) => Link::Faulty { failure },
            Self::Unreachable(_) | Self::Ended(_) | Self::DiskLow(_) | Self::Engine(_) => Link::BackingOff { failure },
        }
    }
}

impl From<AcceptFault> for PullFault {
    fn from(fault: AcceptFault) -> Self {
        match fault {
            AcceptFault::Storage(fault) => Self::Engine(fault.into()),
            AcceptFault::DiskLow(low) => Self::DiskLow(low),
            AcceptFault::UnknownFeed
            | AcceptFault::Quarantined
            | AcceptFault::OwnFeed
            | AcceptFault::Incomplete
            | AcceptFault::Peer(_) => Self::Refused(fault.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::exchange::fault::PeerFault;
    use crate::node::store::StorageFault;

    #[test]
    fn what_our_own_store_refuses_does_not_show_the_peer_as_refused() {
        let check = |fault: AcceptFault, word: &str| assert_eq!(PullFault::from(fault).link().word(), word);
        check(AcceptFault::Storage(StorageFault::Full), "backing_off");
        check(AcceptFault::Storage(StorageFault::Views("unreadable".to_owned())), "backing_off");
        check(AcceptFault::Peer(PeerFault::WrongFeed), "refused");
        check(AcceptFault::OwnFeed, "refused");
    }
}
