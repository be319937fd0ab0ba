//! Explanations of decisions as the interface tells them, and the file that proves one.

use crate::base::bytes::TreeHash;
use crate::base::limits;
use crate::base::position::EntryIndex;
use crate::domain::audit::decision_proof::decision_file;
use crate::domain::audit::detail::{DecisionDetail, IndicatorDetail, IndicatorPlace, KeptDetail};
use crate::domain::audit::evidence::Fault;
use crate::domain::audit::keys::LogKeys;
use crate::domain::audit::proof::Proven;
use crate::domain::feed::entry::{Content, Entry};
use crate::domain::screening::transaction::{CustomerRef, TransactionRef};
use crate::io::grpc::case_words::{bounded, invalid};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::compliance::v1 as wire;
use crate::node::audit::AuditProof;
use crate::node::explain::{DecisionProof, Explained, Explanations, IndicatorProof, Sought};
use crate::node::local_mac::LocalMacKey;

/// What is asked for.
#[derive(Debug)]
pub struct Question {
    pub sought: Sought,
    /// The decision whose proof is wanted.
    pub proved: Option<String>,
}

impl Question {
    /// Exactly one way, within its bounds. References of customers and orders become fingerprints here.
    pub fn read(asked: wire::ExplainDecisionRequest, local_mac: &LocalMacKey) -> Result<Self, Refusal> {
        let wire::ExplainDecisionRequest { decision_id, reference, transaction_ref, customer_ref, proof } = asked;
        let ways = [
            ("decision_id", decision_id.as_str()),
            ("reference", reference.as_str()),
            ("transaction_ref", transaction_ref.as_str()),
            ("customer_ref", customer_ref.as_str()),
        ];
        let given: Vec<_> = ways.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        let [(way, text)] = given.as_slice() else {
            return Err(invalid(
                "decision_id",
                "one_way",
                "give exactly one of decision_id, reference, transaction_ref and customer_ref",
            ));
        };
        bounded(way, text.chars().count(), limits::SOURCE_REF_CHARACTERS)?;
        if proof && *way != "decision_id" {
            return Err(invalid("proof", "needs_decision_id", "a proof is of one decision: name it by its id"));
        }
        // From here on both are closed: they become fingerprints, and nothing reads them.
        let (transaction, customer) = (TransactionRef::new(transaction_ref), CustomerRef::new(customer_ref));
        let sought = match (local_mac.transaction(&transaction), local_mac.customer(&customer)) {
            (Some(transaction), _) => Sought::Transaction(transaction),
            (None, Some(customer)) => Sought::Customer(customer),
            (None, None) if reference.is_empty() => Sought::Decision(decision_id.clone()),
            (None, None) => Sought::Reference(written(&reference)),
        };
        Ok(Self { sought, proved: proof.then_some(decision_id) })
    }
}

/// A reference as it is written, from how it was heard: capitals, a hyphen in the middle, and for letters that are misread the
/// figures they stand for (Crockford).
pub fn written(heard: &str) -> String {
    let symbols = heard.chars().filter(|character| character.is_ascii_alphanumeric()).map(|character| match character
        .to_ascii_uppercase()
    {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    let mut text: String = symbols.collect();
    if text.len() > 4 {
        text.insert(4, '-');
    }
    text
}

/// The answer. A proof that its reader would refuse is not handed out.
pub fn response(
    explanations: Explanations,
    proof: Option<DecisionProof>,
) -> Result<wire::ExplainDecisionResponse, Refusal> {
    let unusable = |fault: Fault| Refusal::Damaged { reason: "UNPROVABLE", description: fault.to_string() };
    let proof_file = proof.map(|proof| file_of(&proof)).transpose().map_err(unusable)?.unwrap_or_default();
    let more = explanations.more;
    Ok(wire::ExplainDecisionResponse {
        explanations: explanations.found.into_iter().map(explanation).collect(),
        more,
        proof_file,
    })
}

fn explanation(explained: Explained) -> wire::Explanation {
    let Explained { decision_id, index, detail, .. } = explained;
    let Some(kept) = detail else {
        return wire::Explanation { decision_id, audit_index: index.0, bare: true, ..wire::Explanation::default() };
    };
    let detail_sha256 = kept.digest().to_string();
    let KeptDetail { decision, indicators, .. } = kept;
    let said = indicators.into_iter().map(|part| part.said().cloned());
    let places = decision.indicators.clone();
    wire::Explanation {
        audit_index: index.0,
        indicators: places.into_iter().zip(said).map(|(place, said)| indicator(place, said)).collect(),
        detail_sha256,
        ..of_decision(decision)
    }
}

fn of_decision(decision: DecisionDetail) -> wire::Explanation {
    let reasons = decision.reasons.into_iter().map(|reason| wire::ExplainedReason {
        code: reason.code,
        decision: reason.decision,
        description: reason.description,
    });
    let inputs = decision.inputs.into_iter().map(|input| wire::ExplainedInput {
        identifier: input.identifier,
        kind: input.kind,
        epoch: input.epoch,
        pseudonym: hex::encode(input.pseudonym),
    });
    let peers = decision.peers.into_iter().map(|peer| wire::ExplainedPeer {
        member: peer.member,
        age_s: peer.age_s,
        stale: peer.stale,
        quarantined: peer.quarantined,
    });
    let refused = decision
        .refused
        .into_iter()
        .map(|refused| wire::ExplainedRefusal { identifier: refused.identifier, rule: refused.rule });
    let facts = decision.facts.into_iter().map(|(name, value)| wire::ExplainedFact { name, value });
    wire::Explanation {
        decision_id: decision.decision_id,
        reference: decision.reference,
        time_ms: decision.time_ms,
        caller: decision.caller,
        decision: decision.decision,
        reasons: reasons.collect(),
        facts: facts.collect(),
        inputs: inputs.collect(),
        inputs_left_out: decision.inputs_left_out,
        indicators_left_out: decision.indicators_left_out,
        refused: refused.collect(),
        peers: peers.collect(),
        policy_sha256: hex::encode(decision.policy_sha256),
        guard_sha256: hex::encode(decision.guard_sha256),
        degraded: decision.degraded,
        advice_key: decision.advice_key,
        transaction: hex::encode(decision.transaction),
        customer: hex::encode(decision.customer),
        ..wire::Explanation::default()
    }
}

fn indicator(place: IndicatorPlace, said: Option<IndicatorDetail>) -> wire::ExplainedIndicator {
    let erased = said.is_none();
    let said = said.unwrap_or_default();
    wire::ExplainedIndicator {
        name: place.name,
        feed: place.feed,
        index: place.index,
        identifier: place.identifier,
        erased,
        kind: said.kind,
        typology: said.typology,
        severity: said.severity,
        confidence: said.confidence,
        grounds: said.grounds,
        own: said.own,
        weak: said.weak,
        provisional: said.provisional,
        held_back: said.held_back,
        stale: said.stale,
        observed_at_ms: said.observed_at_s * 1000,
        valid_until_ms: said.valid_until_s * 1000,
        first_seen_ms: said.first_seen_ms,
        last_seen_ms: said.last_seen_ms,
        age_s: said.age_s,
    }
}

/// What stands in the file of one entry, held while the file is made.
struct Held<'a> {
    keys: LogKeys,
    entry: Entry,
    checkpoint: String,
    index: EntryIndex,
    inclusion: &'a [TreeHash],
}

impl Held<'_> {
    fn proven(&self) -> Proven<'_> {
        Proven {
            keys: &self.keys,
            index: self.index,
            entry: &self.entry,
            inclusion: self.inclusion,
            checkpoint: &self.checkpoint,
        }
    }
}

/// The file that proves a decision to whoever has the rosters.
pub fn file_of(proof: &DecisionProof) -> Result<String, Fault> {
    let record = of_record(&proof.record)?;
    // An indicator whose checkpoint no key given here verifies any more is left unproved; the others are none the worse.
    let held = proof.indicators.iter().map(|indicator| of_indicator(indicator.as_ref()?).ok());
    let held: Vec<_> = held.collect();
    let indicators: Vec<_> = held.iter().map(|held| held.as_ref().map(Held::proven)).collect();
    decision_file(&record.proven(), &proof.detail, &indicators)
}

fn of_record(proof: &AuditProof) -> Result<Held<'_>, Fault> {
    let keys = LogKeys::parse(&proof.head.verifier_key, &proof.head.witness_keys)?;
    let stored = &proof.entry.entry;
    let content = match (stored.blob.as_slice(), stored.salt.as_slice()) {
        ([], []) => None,
        (blob, salt) => Some(Content { blob: blob.to_vec(), salt: salt.try_into().map_err(|_| Fault::Form)? }),
    };
    let entry = Entry::from_parts(&stored.leaf, content)?;
    let checkpoint = keys.trim(&proof.head.checkpoint)?;
    Ok(Held { keys, entry, checkpoint, index: proof.entry.index, inclusion: &proof.inclusion })
}

fn of_indicator(proof: &IndicatorProof) -> Result<Held<'_>, Fault> {
    let keys = LogKeys::parse_feed(&proof.verifier_key, &proof.witness_keys)?;
    let checkpoint = keys.trim(&proof.checkpoint)?;
    let entry = proof.entry.clone();
    Ok(Held { keys, entry, checkpoint, index: proof.index, inclusion: &proof.inclusion })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::SecretBytes;

    fn key() -> LocalMacKey {
        LocalMacKey::new(&SecretBytes::new([7; 32]))
    }

    fn asked(way: &str, text: &str) -> wire::ExplainDecisionRequest {
        let mut asked = wire::ExplainDecisionRequest::default();
        let field = match way {
            "decision_id" => &mut asked.decision_id,
            "reference" => &mut asked.reference,
            "transaction_ref" => &mut asked.transaction_ref,
            _ => &mut asked.customer_ref,
        };
        text.clone_into(field);
        asked
    }

    #[test]
    fn each_way_is_read_and_a_reference_is_understood_as_it_was_heard() {
        let sought = |way: &str, text: &str| Question::read(asked(way, text), &key()).expect("one way").sought;
        assert_eq!(sought("decision_id", "ab"), Sought::Decision("ab".to_owned()));
        for heard in ["7KQ2-M0XD", "7kq2 moxd", "7kq2m0xd", " 7KQ2M0XD. "] {
            assert_eq!(sought("reference", heard), Sought::Reference("7KQ2-M0XD".to_owned()), "{heard}");
        }
        let (order, customer) = (sought("transaction_ref", "17"), sought("customer_ref", "17"));
        assert!(matches!((&order, &customer), (Sought::Transaction(one), Sought::Customer(other)) if one != other));
    }

    #[test]
    fn what_is_no_question_is_refused_by_its_rule() {
        let check = |asked: wire::ExplainDecisionRequest, field: &str, rule: &str| {
            let refused = Question::read(asked, &key()).expect_err(rule);
            let Refusal::InvalidArgument { field: got, rule: why, .. } = refused else { panic!("{refused:?}") };
            assert_eq!((got.as_str(), why), (field, rule));
        };
        check(wire::ExplainDecisionRequest::default(), "decision_id", "one_way");
        let two = wire::ExplainDecisionRequest { reference: "x".to_owned(), ..asked("decision_id", "x") };
        check(two, "decision_id", "one_way");
        check(asked("customer_ref", &"x".repeat(129)), "customer_ref", "too_long");
        check(wire::ExplainDecisionRequest { proof: true, ..asked("reference", "x") }, "proof", "needs_decision_id");
    }
}
