//! Why pulling from a peer ended, and how the link to it is then: what the peer did is told apart from what this machine lacks.

use std::error::Error;

use tonic::Status;
use tonic_types::StatusExt;

use crate::io::engine::EngineFault;
use crate::io::exchange::links::Link;
use crate::node::accept::AcceptFault;
use crate::node::room::DiskLow;

/// The reason a peer gives that is being stopped.
pub const STOPPING: &str = "STOPPING";

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub enum PullFault {
    #[error("not reachable: {0}")]
    Unreachable(String),
    #[error("the peer ended the stream: {0}")]
    Ended(String),
    /// Its process or the connection ended, and nothing was said.
    #[error("the peer went away: the connection broke off")]
    WentAway,
    #[error("the peer is being stopped in good order")]
    Stopping,
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
        if self.is_breach() { Link::Faulty { failure } } else { Link::BackingOff { failure } }
    }

    /// The peer broke a rule.
    pub fn is_breach(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Protocol(_))
    }

    /// The peer was not there, or left: nobody refused anything.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::WentAway | Self::Stopping)
    }

    /// What ended a stream. A status that names a cause on this machine was made here, of a connection that broke: its words are
    /// those of the protocol below and tell nobody anything.
    pub fn of_stream(status: &Status) -> Self {
        let details = status.get_error_details();
        match details.error_info().map(|info| info.reason.as_str()) {
            Some(STOPPING) => Self::Stopping,
            _ if status.source().is_some() => Self::WentAway,
            _ => Self::Ended(status.message().to_owned()),
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
            | AcceptFault::FormerKey
            | AcceptFault::Peer(_) => Self::Refused(fault.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::exchange::fault::PeerFault;
    use crate::io::grpc::status::Refusal;
    use crate::node::store::StorageFault;

    #[test]
    fn a_peer_that_is_stopped_one_that_went_away_and_one_that_gives_a_reason_are_told_apart() {
        let check = |status: Status, words: &str| assert_eq!(PullFault::of_stream(&status).to_string(), words);
        let description = "the node is stopping".to_owned();
        let stopping = Refusal::Unavailable { reason: STOPPING, description, retry_after_ms: 1_000 };
        check(stopping.into(), "the peer is being stopped in good order");
        let broken = Status::from_error(Box::new(std::io::Error::other("h2 protocol error")));
        check(broken, "the peer went away: the connection broke off");
        let replaced =
            Refusal::Aborted { reason: "STREAM_REPLACED", description: "a newer stream took over".to_owned() };
        check(replaced.into(), "the peer ended the stream: a newer stream took over");
    }

    #[test]
    fn what_our_own_store_refuses_does_not_show_the_peer_as_refused() {
        let check = |fault: AcceptFault, word: &str| assert_eq!(PullFault::from(fault).link().word(), word);
        check(AcceptFault::Storage(StorageFault::Full), "backing_off");
        check(AcceptFault::Storage(StorageFault::Views("unreadable".to_owned())), "backing_off");
        check(AcceptFault::Peer(PeerFault::WrongFeed), "refused");
        check(AcceptFault::OwnFeed, "refused");
    }
}
