//! Erasures that wait for a second person: what one has asked for, until another confirms it or it ends.
//!
//! Rebuilt from the journal like all of the node's memory. A confirmed one stays until its end, so that a repeated confirmation
//! gets the same answer.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::base::bytes::{Commitment, LocalMac};
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::record::Actor;
use crate::node::commit::{self, ErasureAsked};
use crate::node::erase::ErasureReason;
use crate::node::state::damaged;
use crate::node::store::StorageFault;

/// Names one asked erasure: 16 random bytes, in text 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErasureId(pub [u8; 16]);

impl fmt::Display for ErasureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Not the id of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of an erasure has 32 hex digits")]
pub struct NoErasureId;

impl FromStr for ErasureId {
    type Err = NoErasureId;

    fn from_str(text: &str) -> Result<Self, NoErasureId> {
        let bytes = hex::decode(text).map_err(|_| NoErasureId)?;
        bytes.try_into().map(Self).map_err(|_| NoErasureId)
    }
}

/// One erasure that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub id: ErasureId,
    /// Who asked, as the audit log names callers.
    pub by: String,
    /// The name of the person; whoever confirms has another.
    pub person: String,
    pub at: Timestamp,
    pub reason: ErasureReason,
    pub targets: Vec<Commitment>,
    /// Own indicators an identifier also leads to, published for another one.
    pub kept: Vec<Commitment>,
    pub refused: Vec<commit::RefusedRecord>,
    /// Fingerprints of the request's id and content, where it had an id.
    pub request: Option<(LocalMac, LocalMac)>,
    /// What was erased, once it is confirmed.
    pub erased: Option<Vec<Commitment>>,
}

impl Asked {
    /// From this moment on nobody can confirm it.
    pub fn ends(&self) -> Timestamp {
        self.at.plus_s(limits::ERASURE_HOURS * 3_600)
    }

    /// Its stored form.
    pub(in crate::node) fn stored(&self) -> ErasureAsked {
        let bytes = |named: &[Commitment]| named.iter().map(|target| target.0.to_vec()).collect();
        let (request, content) = self.request.unzip();
        ErasureAsked {
            id: self.id.0.to_vec(),
            by: self.by.clone(),
            person: self.person.clone(),
            time_ms: self.at.unix_ms(),
            reason: self.reason.number(),
            targets: bytes(&self.targets),
            kept: bytes(&self.kept),
            refused: self.refused.clone(),
            request: request.map(|mac| mac.0.to_vec()).unwrap_or_default(),
            content: content.map(|mac| mac.0.to_vec()).unwrap_or_default(),
        }
    }

    fn read(stored: &ErasureAsked) -> Result<Self, StorageFault> {
        let mac = |bytes: &Vec<u8>| LocalMac::try_from(bytes.as_slice());
        let request = match stored.request.is_empty() {
            true => None,
            false => Some((mac(&stored.request).map_err(broken)?, mac(&stored.content).map_err(broken)?)),
        };
        Ok(Self {
            id: read_id(&stored.id)?,
            by: stored.by.clone(),
            person: stored.person.clone(),
            at: Timestamp::from_unix_ms(stored.time_ms),
            reason: ErasureReason::from_number(stored.reason).ok_or_else(|| broken("an unknown reason"))?,
            targets: named(&stored.targets)?,
            kept: named(&stored.kept)?,
            refused: stored.refused.clone(),
            request,
            erased: None,
        })
    }
}

/// The person behind a caller. One person may hold certificates of several roles: the name alone tells people apart.
pub(in crate::node) fn person(caller: &Actor) -> String {
    match caller {
        Actor::Local { name, .. } => name.clone(),
        Actor::Node | Actor::Peer(_) | Actor::Stranger | Actor::Machine { .. } => caller.to_string(),
    }
}

/// All that have not ended.
#[derive(Debug, Default)]
pub struct Erasures(BTreeMap<ErasureId, Asked>);

impl Erasures {
    pub(in crate::node) fn ask(&mut self, stored: &ErasureAsked) -> Result<(), StorageFault> {
        let asked = Asked::read(stored)?;
        self.0.retain(|_, earlier| earlier.ends() > asked.at);
        self.0.insert(asked.id, asked);
        Ok(())
    }

    pub(in crate::node) fn confirm(&mut self, id: &[u8], erased: &[Vec<u8>]) -> Result<(), StorageFault> {
        // Compaction may have dropped what was asked for; then nobody asks for the answer any more.
        if let Some(asked) = self.0.get_mut(&read_id(id)?) {
            asked.erased = Some(named(erased)?);
        }
        Ok(())
    }

    /// One that has not ended.
    pub(in crate::node) fn get(&self, id: &ErasureId, now: Timestamp) -> Option<&Asked> {
        self.0.get(id).filter(|asked| asked.ends() > now)
    }

    /// The one a request with this id has asked for.
    pub(in crate::node) fn of_request(&self, id: &LocalMac, now: Timestamp) -> Option<&Asked> {
        let of_it = |asked: &&Asked| asked.request.is_some_and(|(request, _)| request == *id);
        self.0.values().filter(|asked| asked.ends() > now).find(of_it)
    }

    /// How many wait for a confirmation.
    pub(in crate::node) fn waiting(&self, now: Timestamp) -> usize {
        self.0.values().filter(|asked| asked.erased.is_none() && asked.ends() > now).count()
    }
}

fn read_id(bytes: &[u8]) -> Result<ErasureId, StorageFault> {
    bytes.try_into().map(ErasureId).map_err(|_| broken("an id of another length"))
}

fn named(stored: &[Vec<u8>]) -> Result<Vec<Commitment>, StorageFault> {
    stored.iter().map(|target| Commitment::try_from(target.as_slice()).map_err(broken)).collect()
}

fn broken(error: impl fmt::Display) -> StorageFault {
    damaged("asked erasure", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(id: u8, at: Timestamp) -> Asked {
        Asked {
            id: ErasureId([id; 16]),
            by: "hushwire://bank-a/publisher/anna".to_owned(),
            person: "anna".to_owned(),
            at,
            reason: ErasureReason::Authority,
            targets: vec![Commitment([1; 32])],
            kept: vec![Commitment([2; 32])],
            refused: Vec::new(),
            request: Some((LocalMac([3; 32]), LocalMac([4; 32]))),
            erased: None,
        }
    }

    #[test]
    fn what_was_asked_for_survives_its_bytes_and_ends() {
        let start = Timestamp::from_unix_s(1_000);
        let mut erasures = Erasures::default();
        let one = asked(1, start);
        erasures.ask(&one.stored()).expect("as it was written");
        assert_eq!(erasures.get(&one.id, start), Some(&one));
        assert_eq!(erasures.of_request(&LocalMac([3; 32]), start), Some(&one));
        assert_eq!((erasures.get(&one.id, one.ends()), erasures.waiting(one.ends())), (None, 0));
        erasures.confirm(&one.id.0, &[vec![1; 32]]).expect("known");
        assert_eq!((erasures.waiting(start), erasures.0.len()), (0, 1));
        erasures.ask(&asked(2, one.ends()).stored()).expect("as it was written");
        assert_eq!(erasures.0.len(), 1, "what has ended is forgotten");
    }

    #[test]
    fn an_id_is_read_back_from_its_text() {
        let id = ErasureId([0xAB; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "ab", "zz", "abababababababababababababababab00"] {
            assert_eq!(text.parse::<ErasureId>(), Err(NoErasureId), "{text}");
        }
    }

    #[test]
    fn one_person_with_two_certificates_is_one_person() {
        let caller =
            |role, name: &str| Actor::Local { member: "bank-a".parse().expect("valid"), role, name: name.to_owned() };
        assert_eq!(person(&caller("publisher", "anna")), person(&caller("operator", "anna")));
        assert_ne!(person(&caller("publisher", "anna")), person(&caller("publisher", "ben")));
    }
}
