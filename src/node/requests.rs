//! Request ids (AIP-155): a repeated call is harmless, the same id with other content is refused.
//!
//! Ids and contents are remembered as keyed fingerprints for [`limits::REQUEST_ID_HOURS`]; the answer is rebuilt from the
//! journal record that holds what the first call prepared.

use crate::base::bytes::LocalMac;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::node::Node;
use crate::node::commit::{Commit, Prepared, change};
use crate::node::keys;
use crate::node::local_mac::MacDomain;
use crate::node::store::{Journal, RecordNumber, StorageFault, Views};

/// The caller's request id with everything the request asks for, as bytes of any fixed form.
#[derive(Debug)]
pub struct Request {
    pub id: LocalMac,
    pub content: LocalMac,
}

/// What is remembered of a request id.
#[derive(Debug, PartialEq)]
pub enum Remembered {
    /// The same request: this is what it prepared.
    Same(Prepared),
    /// The id stood for something else.
    Other,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Fingerprints a request. None where the caller gave no id.
    pub fn request(&self, id: &str, content: &[u8]) -> Option<Request> {
        let mac = &self.state.identity.local_mac;
        (!id.is_empty()).then(|| Request {
            id: mac.fingerprint(MacDomain::RequestId, id.as_bytes()),
            content: mac.fingerprint(MacDomain::RequestContent, content),
        })
    }

    /// What the node remembers of this request.
    pub(in crate::node) fn remembered(
        &self,
        request: Option<&Request>,
        now: Timestamp,
    ) -> Result<Option<Remembered>, StorageFault> {
        let Some(request) = request else { return Ok(None) };
        // An erasure knows its own request by itself; for all others the id is taken.
        if self.state.erasures.of_request(&request.id, now).is_some() {
            return Ok(Some(Remembered::Other));
        }
        let record = match self.state.staged_requests.get(&request.id) {
            Some(record) => Some(*record),
            None => {
                let stored = self.row(&keys::request(&request.id))?;
                stored.as_deref().and_then(keys::read_number).map(RecordNumber)
            }
        };
        let Some(record) = record else { return Ok(None) };
        let commit = match self.journal.read(record) {
            // Compacted away: it is older than anything that is remembered.
            Err(StorageFault::NoRecord(_)) => return Ok(None),
            read => Commit::from_bytes(&read?)?,
        };
        let earlier = commit.kinds().find_map(|kind| match kind {
            change::Kind::Prepared(prepared) if prepared.request == request.id.0 => Some(prepared.clone()),
            _ => None,
        });
        let Some(earlier) = earlier else { return Ok(None) };
        let age_ms = now.ms_since(Timestamp::from_unix_ms(earlier.time_ms));
        if age_ms > limits::REQUEST_ID_HOURS * 3_600_000 {
            return Ok(None);
        }
        Ok(Some(if earlier.content == request.content.0 { Remembered::Same(earlier) } else { Remembered::Other }))
    }
}
