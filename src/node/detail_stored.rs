//! What stands behind a decision, as the journal keeps it: in the commit of its audit record. The parts and their digest are
//! [`crate::domain::audit::detail`]'s.

use prost::Message;

use crate::base::bytes::{Commitment, Salt, Sha256Digest};
use crate::base::name::FeedId;
use crate::base::time::Timestamp;
use crate::domain::audit::detail::{DecisionDetail, IndicatorDetail, KeptDetail, Part, detail_digest, read_part};
use crate::domain::audit::hold::HeldBack;
use crate::domain::feed::entry::commit;
use crate::node::keys;
use crate::node::local_mac::{LocalMacKey, MacDomain};
use crate::node::state::damaged;
use crate::node::store::{RecordNumber, StorageFault};

/// What stands behind one decision.
#[derive(Clone, PartialEq, Message)]
pub struct DecisionDetailed {
    #[prost(string, tag = "1")]
    pub decision_id: String,
    #[prost(string, tag = "2")]
    pub reference: String,
    /// Keyed fingerprints of the caller's references, 32 bytes each; empty where none was given.
    #[prost(bytes = "vec", tag = "3")]
    pub transaction: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub customer: Vec<u8>,
    /// As on the leaf of its audit record, days since 1970.
    #[prost(uint32, tag = "5")]
    pub expires_day: u32,
    /// The decision first, then one for each indicator.
    #[prost(message, repeated, tag = "6")]
    pub parts: Vec<DetailPart>,
}

/// One part.
#[derive(Clone, PartialEq, Message)]
pub struct DetailPart {
    /// Empty once the indicator it tells of is erased, as is the salt.
    #[prost(bytes = "vec", tag = "1")]
    pub blob: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub salt: Vec<u8>,
    /// 32 bytes, where blob and salt are gone.
    #[prost(bytes = "vec", tag = "3")]
    pub commitment: Vec<u8>,
    /// Feed and commitment of the indicator; empty for the decision.
    #[prost(string, tag = "4")]
    pub origin: String,
    #[prost(bytes = "vec", tag = "5")]
    pub target: Vec<u8>,
}

/// The ways that lead to a decision beside its id.
pub mod way {
    pub const REFERENCE: &[u8] = b"reference";
    pub const TRANSACTION: &[u8] = b"transaction";
    pub const CUSTOMER: &[u8] = b"customer";
    /// Every form that was looked up for it, by its pseudonym's fingerprint.
    pub const PSEUDONYM: &[u8] = b"pseudonym";
}

impl DecisionDetailed {
    /// `salt` gives a fresh one with each call. The day it expires is for the caller to set.
    pub fn new(detail: &DecisionDetail, indicators: &[IndicatorDetail], mut salt: impl FnMut() -> [u8; 32]) -> Self {
        let mut part = |blob: Vec<u8>| DetailPart { blob, salt: salt().to_vec(), ..DetailPart::default() };
        let mut parts = vec![part(detail.encode_to_vec())];
        parts.extend(detail.indicators.iter().zip(indicators).map(|(place, indicator)| {
            let target = place.name.rsplit('/').next().and_then(|hex| hex::decode(hex).ok()).unwrap_or_default();
            DetailPart { origin: place.feed.clone(), target, ..part(indicator.encode_to_vec()) }
        }));
        Self {
            decision_id: detail.decision_id.clone(),
            reference: detail.reference.clone(),
            transaction: detail.transaction.clone(),
            customer: detail.customer.clone(),
            expires_day: 0,
            parts,
        }
    }

    /// The digest in the audit record.
    pub fn digest(&self) -> Sha256Digest {
        let commitments: Vec<Commitment> = self.parts.iter().filter_map(DetailPart::committed).collect();
        detail_digest(&commitments)
    }

    /// The keys of the views that lead here. Views are not encrypted: what leads here from a pseudonym is its fingerprint, since
    /// every member can make pseudonyms of what it guesses.
    pub fn ways(&self, record: RecordNumber, key: &LocalMacKey) -> Vec<Vec<u8>> {
        let ways = [
            (way::REFERENCE, self.reference.as_bytes()),
            (way::TRANSACTION, self.transaction.as_slice()),
            (way::CUSTOMER, self.customer.as_slice()),
        ];
        let led = ways.into_iter().filter(|(_, what)| !what.is_empty());
        let mut led: Vec<Vec<u8>> =
            led.map(|(way, what)| keys::explained(way, what, record.0, &self.decision_id)).collect();
        let detail = self.parts.first().and_then(|part| read_part::<DecisionDetail>(&part.blob).ok());
        for input in detail.iter().flat_map(|detail| &detail.inputs) {
            let what = key.fingerprint(MacDomain::LookedUp, &input.pseudonym);
            led.push(keys::explained(way::PSEUDONYM, &what.0, record.0, &self.decision_id));
        }
        led
    }

    /// Whether a legal hold keeps it.
    pub fn is_held(&self, held: &HeldBack) -> bool {
        if held.is_empty() {
            return false;
        }
        let decided = self.parts.first().and_then(|part| read_part::<DecisionDetail>(&part.blob).ok());
        let time = decided.map(|decided| Timestamp::from_unix_ms(decided.time_ms));
        held.decision(&self.decision_id, time, self.parts.iter().filter_map(DetailPart::target))
    }

    /// What it says; of an indicator that `is_erased` nothing, whether compaction has seen that or not.
    pub fn read(&self, is_erased: impl Fn(&DetailPart) -> bool) -> Result<KeptDetail, StorageFault> {
        let broken = |what: &str| damaged("decision detail", what);
        let (decision, indicators) = self.parts.split_first().ok_or_else(|| broken("empty"))?;
        let Part::Whole { said: decision, salt } = decision.read::<DecisionDetail>()? else {
            return Err(broken("without its decision"));
        };
        let indicators = indicators.iter().map(|part| {
            let read = part.read::<IndicatorDetail>()?;
            Ok(if is_erased(part) { Part::Gone(read.commitment()) } else { read })
        });
        let indicators = indicators.collect::<Result<Vec<_>, StorageFault>>()?;
        if indicators.len() != decision.indicators.len() {
            return Err(broken("with other indicators than it names"));
        }
        Ok(KeptDetail { decision, salt, indicators })
    }
}

impl DetailPart {
    /// The commitment, made anew where the content is there.
    fn committed(&self) -> Option<Commitment> {
        match Salt::try_from(self.salt.as_slice()) {
            Ok(salt) => Some(commit(&salt, &self.blob)),
            Err(_) => Commitment::try_from(self.commitment.as_slice()).ok(),
        }
    }

    /// Takes what it says and leaves its commitment; whether there was anything to take.
    pub fn strip(&mut self) -> bool {
        let Some(commitment) = self.committed().filter(|_| !self.salt.is_empty()) else { return false };
        self.commitment = commitment.0.to_vec();
        self.blob.clear();
        self.salt.clear();
        true
    }

    /// The indicator it tells of.
    pub fn target(&self) -> Option<Commitment> {
        Commitment::try_from(self.target.as_slice()).ok()
    }

    /// The feed of that.
    pub fn feed(&self, consortium: &crate::base::name::ConsortiumId) -> Option<FeedId> {
        FeedId::from_origin(consortium, &self.origin).ok()
    }

    fn read<T: Message + Default>(&self) -> Result<Part<T>, StorageFault> {
        let broken = |error: &dyn std::fmt::Display| damaged("decision detail", error);
        match Salt::try_from(self.salt.as_slice()) {
            Ok(salt) => Ok(Part::Whole { said: read_part(&self.blob).map_err(|error| broken(&error))?, salt }),
            Err(_) => {
                let commitment = Commitment::try_from(self.commitment.as_slice());
                Ok(Part::Gone(commitment.map_err(|error| broken(&error))?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::SecretBytes;
    use crate::domain::audit::detail::IndicatorPlace;

    fn detailed() -> DecisionDetailed {
        let place = |byte: u8| IndicatorPlace {
            name: format!("members/bank-b/indicators/{}", Commitment([byte; 32])),
            feed: "demo.example/bank-b/all".to_owned(),
            index: u64::from(byte),
            identifier: 0,
        };
        let detail = DecisionDetail {
            decision_id: "00".repeat(16),
            reference: "0000-0000".to_owned(),
            customer: vec![7; 32],
            indicators: vec![place(1), place(2)],
            ..DecisionDetail::default()
        };
        let indicator = |confidence| IndicatorDetail { confidence, ..IndicatorDetail::default() };
        let mut salts = 0;
        DecisionDetailed::new(&detail, &[indicator(80), indicator(90)], || {
            salts += 1;
            [salts; 32]
        })
    }

    #[test]
    fn what_is_erased_leaves_its_commitment_and_the_digest_stays() {
        let mut stored = detailed();
        let digest = stored.digest();
        let whole = stored.read(|_| false).expect("just made");
        assert_eq!((whole.digest(), whole.indicators[1].said().map(|one| one.confidence)), (digest, Some(90)));
        // Erased, and compaction has not seen it: nothing of it is shown either.
        let hidden = stored.read(|part| part.target() == Some(Commitment([2; 32]))).expect("reads");
        assert_eq!((hidden.digest(), hidden.indicators[1].said()), (digest, None));
        assert!(stored.parts[2].strip() && !stored.parts[2].strip(), "once");
        let later = stored.read(|_| false).expect("reads");
        assert_eq!((later.digest(), later.indicators[1].said()), (digest, None));
        assert_eq!(later.decision.indicators[1].index, 2, "and stays named");
        assert_eq!(later.indicators[0], whole.indicators[0]);
    }

    #[test]
    fn every_way_that_was_given_leads_to_it_and_back() {
        let key = LocalMacKey::new(&SecretBytes::new([7; 32]));
        let ways = detailed().ways(RecordNumber(9), &key);
        assert_eq!(ways.len(), 2, "no order was named");
        let (start, end) = keys::all_explained(way::CUSTOMER, &[7; 32]);
        let led: Vec<_> = ways.iter().filter(|key| (&start..&end).contains(key)).collect();
        assert_eq!(led.len(), 1);
        assert_eq!(keys::read_explained(led[0], way::CUSTOMER, &[7; 32]), Some("00".repeat(16)));
        let later = keys::explained(way::CUSTOMER, &[7; 32], 10, "x");
        assert!(later < *led[0], "the newest first");
    }

    #[test]
    fn a_detail_that_was_damaged_is_said_to_be() {
        let check = |change: &dyn Fn(&mut DecisionDetailed)| {
            let mut stored = detailed();
            change(&mut stored);
            assert!(matches!(stored.read(|_| false), Err(StorageFault::Damaged(_))), "{stored:?}");
        };
        check(&|stored| stored.parts.clear());
        check(&|stored| drop(stored.parts.pop()));
        check(&|stored| stored.parts[0].blob.push(0xFF));
        check(&|stored| assert!(stored.parts[0].strip()));
        check(&|stored| stored.parts[1] = DetailPart::default());
    }
}
