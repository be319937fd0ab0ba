//! Proofs of decisions: what was written verifies, and each rule refuses what breaks it.

use crate::domain::feed::proof::ProofError;

use super::*;
use crate::base::bytes::{Commitment, Pseudonym};
use crate::base::kind::IdentifierKind;
use crate::domain::audit::decision_proof::{decision_file, verify_decision};
use crate::domain::audit::detail::{DecisionDetail, IndicatorDetail, IndicatorPlace, InputDetail, KeptDetail, Part};
use crate::domain::audit::evidence::Fault;
use crate::domain::audit::proof::Proven;
use crate::domain::feed::blob::indicator::Indicator;
use crate::domain::pseudonym::suite::Suite;

const EPOCH: EpochId = EpochId([9; 16]);

/// A feed and a log of one entry each, and a decision that rests on the entry of the feed.
struct Case {
    feed: NoteSigner,
    log: NoteSigner,
    witness: NoteSigner,
    indicator: Entry,
    detail: KeptDetail,
    /// What stands in the record.
    bound: Option<Sha256Digest>,
}

fn indicator(kind: EntryKind, reporter: &str) -> Entry {
    let said = Indicator {
        suite: Suite::KeyedHash,
        kind: IdentifierKind::Device,
        pseudonym: Pseudonym([5; 32]),
        reporter: reporter.parse().expect("valid"),
        hour: crate::base::time::Hour(498_611),
        sealed: vec![7; 104],
    };
    Entry::seal_new(kind, EPOCH, Day(20_800), said.encode(), Salt([3; 32])).expect("short")
}

fn case() -> Case {
    let key = |byte: u8| SigningKey::from_bytes(&[byte; 32]);
    let indicator = indicator(EntryKind::Indicator, "bank-b");
    let input = InputDetail {
        identifier: 0,
        kind: "device".to_owned(),
        epoch: 1,
        epoch_id: EPOCH.0.to_vec(),
        pseudonym: vec![5; 32],
    };
    let place = IndicatorPlace {
        name: format!("members/bank-b/indicators/{}", indicator.leaf().commitment),
        feed: "demo.example/bank-b/all".to_owned(),
        index: 0,
        identifier: 0,
    };
    let decision = DecisionDetail {
        decision_id: "d-1".to_owned(),
        decision: "challenge".to_owned(),
        inputs: vec![input],
        indicators: vec![place],
        ..DecisionDetail::default()
    };
    let said = IndicatorDetail { confidence: 80, ..IndicatorDetail::default() };
    let indicators = vec![Part::Whole { said, salt: Salt([2; 32]) }];
    Case {
        feed: NoteSigner::ed25519("demo.example/bank-b/all", key(11)).expect("a good name"),
        log: NoteSigner::ed25519("demo.example/shop/audit", key(12)).expect("a good name"),
        witness: NoteSigner::cosigner("demo.example/shop/witness", key(13)).expect("a good name"),
        indicator,
        detail: KeptDetail { decision, salt: Salt([1; 32]), indicators },
        bound: None,
    }
}

impl Case {
    fn checkpoint(&self, signer: &NoteSigner, entry: &Entry) -> String {
        let origin = signer.verifier().name().to_owned();
        let checkpoint = Checkpoint { origin, size: TreeSize(1), root: entry.leaf_hash() };
        checkpoint.sign(signer, &self.witness, Timestamp::from_unix_s(1_795_000_000)).expect("signs").to_string()
    }

    fn file(&self) -> String {
        let event = AuditEvent::ScreeningDecided {
            decision_id: "d-1".to_owned(),
            decision: "challenge",
            reasons: Vec::new(),
            matched: Vec::new(),
            policy_sha256: Sha256Digest([4; 32]),
            degraded: false,
            anomalies: Vec::new(),
            detail: Some(self.bound.unwrap_or_else(|| self.detail.digest())),
        };
        let blob = event.into_record(Timestamp::from_unix_s(1_795_000_000), &Actor::Node).encode();
        let record = Entry::seal_new(EntryKind::Audit, EpochId::NONE, Day(20_800), blob, Salt([8; 32])).expect("short");
        let witness = || vec![self.witness.verifier().clone()];
        let log = LogKeys::new(self.log.verifier().clone(), witness()).expect("keys of a log");
        let feed = LogKeys::of_feed(self.feed.verifier().clone(), witness()).expect("keys of a feed");
        let (of_log, of_feed) = (self.checkpoint(&self.log, &record), self.checkpoint(&self.feed, &self.indicator));
        let proven = |keys, entry, checkpoint| Proven { keys, index: EntryIndex(0), entry, inclusion: &[], checkpoint };
        let indicators = [Some(proven(&feed, &self.indicator, of_feed.as_str()))];
        decision_file(&proven(&log, &record, &of_log), &self.detail, &indicators).expect("written")
    }
}

#[test]
fn a_decision_verifies_with_its_indicator_and_who_vouches_for_it() {
    let verified = verify_decision(&case().file(), TODAY).expect("as it was written");
    assert_eq!(
        (verified.detail.decision_id.as_str(), verified.log.origin.as_str()),
        ("d-1", "demo.example/shop/audit")
    );
    let proof = verified.indicators[0].proof.as_ref().expect("proved");
    assert!(proof.matched && proof.verifier_key.starts_with("demo.example/bank-b/all+"));
    let by: Vec<&str> = proof.witnessed.iter().flat_map(|one| &one.by).map(|(key, _)| key.name()).collect();
    assert_eq!(by, ["demo.example/shop/witness"], "another member than its author");
}

#[test]
fn each_rule_of_a_decisions_proof_refuses_what_breaks_it() {
    let check = |change: &dyn Fn(&mut Case), fault: Fault| {
        let mut case = case();
        change(&mut case);
        assert_eq!(verify_decision(&case.file(), TODAY).err(), Some(fault));
    };
    check(&|case| case.bound = Some(Sha256Digest([6; 32])), Fault::Detail);
    check(&|case| case.detail.decision.decision_id = "d-2".to_owned(), Fault::Detail);
    check(&|case| case.detail.indicators.clear(), Fault::Detail);
    check(
        &|case| case.detail.decision.indicators[0].feed = "demo.example/bank-b/eu".to_owned(),
        Fault::Indicator { nth: 0 },
    );
    let name = format!("members/bank-b/indicators/{}", Commitment([7; 32]));
    check(&|case| case.detail.decision.indicators[0].name.clone_from(&name), Fault::Indicator { nth: 0 });
    check(&|case| case.indicator = indicator(EntryKind::Decoy, "bank-b"), Fault::Indicator { nth: 0 });
    check(&|case| case.detail.decision.inputs[0].pseudonym = vec![6; 32], Fault::Unmatched { nth: 0 });
    check(&|case| case.detail.decision.inputs[0].epoch_id = vec![6; 16], Fault::Unmatched { nth: 0 });
    check(&|case| case.detail.decision.inputs[0].kind = "email".to_owned(), Fault::Unmatched { nth: 0 });
    check(&|case| case.detail.decision.inputs[0].identifier = 1, Fault::Unmatched { nth: 0 });
    let foreign = |case: &mut Case| {
        case.indicator = indicator(EntryKind::Indicator, "bank-c");
        let commitment = case.indicator.leaf().commitment;
        case.detail.decision.indicators[0].name = format!("members/bank-b/indicators/{commitment}");
    };
    check(&foreign, Fault::Unmatched { nth: 0 });
    check(
        &|case| case.detail.decision.indicators[0].index = 1,
        ProofError::BeyondTree { index: EntryIndex(1), size: TreeSize(1) }.into(),
    );
    let version = case().file().replacen("\"version\":1", "\"version\":9", 1);
    assert_eq!(verify_decision(&version, TODAY).err(), Some(Fault::Version { got: 9, known: 1 }));
    let format = case().file().replacen("hushwire-decision-proof", "hushwire-decision-prooF", 1);
    assert_eq!(verify_decision(&format, TODAY).err(), Some(Fault::NotAudit));
}

#[test]
fn what_was_left_out_or_erased_is_not_held_against_the_rest() {
    let mut left_out = case();
    left_out.detail.decision.inputs.clear();
    left_out.detail.decision.inputs_left_out = 1;
    assert!(verify_decision(&left_out.file(), TODAY).is_ok());
    let mut erased = case();
    let commitment = erased.detail.indicators[0].commitment();
    erased.detail.indicators[0] = Part::Gone(commitment);
    erased.indicator = Entry::from_parts(erased.indicator.leaf_bytes(), None).expect("a bare leaf");
    let verified = verify_decision(&erased.file(), TODAY).expect("the leaf is proved");
    assert_eq!(verified.indicators[0].detail, None);
    assert!(!verified.indicators[0].proof.as_ref().expect("proved").matched);
    // What is gone cannot be put in by somebody else.
    erased.detail.indicators[0] = Part::Gone(Commitment([7; 32]));
    erased.bound = Some(case().detail.digest());
    assert_eq!(verify_decision(&erased.file(), TODAY).err(), Some(Fault::Detail));
}
