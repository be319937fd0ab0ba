//! Checks the published vectors of RFC 9497 against this build: keys, blinding, evaluation, outputs, proofs.

use serde::Deserialize;

use crate::base::conformance::FileReport;
use crate::domain::pseudonym::oprf::proof::{EvaluationProof, prove, verify_evaluations};
use crate::domain::pseudonym::oprf::{Element, Mode, SecretScalar, evaluate};

/// Checks `content` where a file of this name is known to hold vectors of RFC 9497.
pub fn check_file(name: &str, content: &str) -> Option<FileReport> {
    match name {
        "rfc9497_ristretto255.json" => Some(check_vectors(name, content)),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SuiteCase {
    identifier: String,
    mode: u8,
    #[serde(rename = "groupDST")]
    group_tag: String,
    #[serde(with = "hex")]
    key_info: Vec<u8>,
    #[serde(with = "hex")]
    seed: [u8; 32],
    #[serde(rename = "skSm")]
    key: String,
    #[serde(rename = "pkSm")]
    public: Option<String>,
    vectors: Vec<VectorCase>,
}

/// Fields of a batch hold one value an evaluation, with commas between them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VectorCase {
    blind: String,
    blinded_element: String,
    evaluation_element: String,
    input: String,
    output: String,
    proof: Option<ProofCase>,
}

#[derive(Deserialize)]
struct ProofCase {
    #[serde(with = "hex")]
    proof: [u8; 64],
    #[serde(with = "hex")]
    r: [u8; 32],
}

fn check_vectors(name: &str, content: &str) -> FileReport {
    let mut report = FileReport::new(name);
    match serde_json::from_str::<Vec<SuiteCase>>(content) {
        Ok(suites) => suites.iter().for_each(|suite| check_suite(&mut report, suite)),
        Err(fault) => report.fail(|| format!("not readable: {fault}")),
    }
    report
}

fn check_suite(report: &mut FileReport, suite: &SuiteCase) {
    let mode = match (suite.identifier.as_str(), suite.mode) {
        ("ristretto255-SHA512", 0) => Mode::Base,
        ("ristretto255-SHA512", 1) => Mode::Verifiable,
        ("ristretto255-SHA512", 2) => return suite.vectors.iter().for_each(|_| report.set_apart("mode_not_used")),
        _ => return suite.vectors.iter().for_each(|_| report.set_apart("ciphersuite_not_used")),
    };
    let tag = [b"HashToGroup-".as_slice(), &mode.context()].concat();
    report.check(hex::encode(tag) == suite.group_tag, || format!("{mode:?}: domain separation differs"));
    let Some(key) = mode.derive_key(&suite.seed, &suite.key_info) else {
        report.fail(|| format!("{mode:?}: the seed gives no key"));
        return;
    };
    report.check(hex::encode(key.0.as_bytes()) == suite.key, || format!("{mode:?}: key differs"));
    if let Some(public) = &suite.public {
        report.check(hex::encode(key.public().encode()) == *public, || format!("{mode:?}: public key differs"));
    }
    for (index, vector) in suite.vectors.iter().enumerate() {
        let outcome = check_vector(mode, &key, vector);
        report.check(outcome.is_none(), || format!("{mode:?}, vector {index}: {}", outcome.unwrap_or_default()));
    }
}

/// What differs, if anything does.
fn check_vector(mode: Mode, key: &SecretScalar, vector: &VectorCase) -> Option<&'static str> {
    let fields = [&vector.blind, &vector.blinded_element, &vector.evaluation_element, &vector.input, &vector.output];
    let [blinds, blinded, evaluated, inputs, outputs] = fields.map(|field| field.split(',').collect::<Vec<_>>());
    let count = blinds.len();
    if [&blinded, &evaluated, &inputs, &outputs].iter().any(|list| list.len() != count) {
        return Some("the lists are of different lengths");
    }
    let mut asked = Vec::new();
    for ((((blind, blinded), evaluated), input), output) in
        blinds.iter().zip(blinded).zip(evaluated).zip(inputs).zip(outputs)
    {
        let Some(blind) = secret(blind) else { return Some("the blind is no scalar") };
        let Ok(input) = hex::decode(input) else { return Some("the input is not hex") };
        let Ok(element) = mode.blind(&input, &blind) else { return Some("the input cannot be blinded") };
        if hex::encode(element.encode()) != *blinded {
            return Some("blinded element differs");
        }
        let answer = evaluate(key, &element);
        if hex::encode(answer.encode()) != *evaluated {
            return Some("evaluation differs");
        }
        match mode.finalise(&input, &blind, &answer) {
            Ok(ours) if hex::encode(*ours) == *output => asked.push(element),
            _ => return Some("output differs"),
        }
    }
    match (mode, &vector.proof) {
        (Mode::Base, _) => None,
        (Mode::Verifiable, Some(case)) => check_proof(key, &asked, case),
        (Mode::Verifiable, None) => Some("the proof is missing"),
    }
}

fn check_proof(key: &SecretScalar, asked: &[Element], case: &ProofCase) -> Option<&'static str> {
    let Ok(nonce) = SecretScalar::decode(case.r) else { return Some("the nonce is no scalar") };
    let Ok((answers, proof)) = prove(key, asked, &nonce) else { return Some("the batch cannot be proved") };
    if proof.encode() != case.proof {
        return Some("proof differs");
    }
    let verified = EvaluationProof::decode(&case.proof)
        .and_then(|published| verify_evaluations(&key.public(), asked, answers, &published));
    verified.is_err().then_some("proof does not verify")
}

fn secret(text: &str) -> Option<SecretScalar> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    SecretScalar::decode(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = include_str!("../../../../tests/vectors/rfc9497_ristretto255.json");

    #[test]
    fn the_vectors_of_the_rfc_are_ours() {
        let report = check_vectors("rfc9497_ristretto255.json", PUBLISHED);
        assert_eq!(report.first_failures, Vec::<String>::new());
        assert_eq!((report.passed, report.apart), ((2 + 2) + (3 + 3), vec![("mode_not_used", 3)]));
    }

    #[test]
    fn a_wrong_digit_is_found_in_every_field() {
        let check = |from: &str, to: &str| {
            assert!(PUBLISHED.contains(from));
            let report = check_vectors("rfc9497_ristretto255.json", &PUBLISHED.replacen(from, to, 1));
            assert_eq!(report.failed, 1, "{from}");
        };
        check("5ebcea5e", "5ebcea5f");
        check("c803e2cc", "c803e2cd");
        check("609a0ae6", "609a0ae7");
        check("7ec6578a", "7ec6578b");
        check("527759c3", "527759c4");
        check("ddef9377", "ddef9378");
    }
}
