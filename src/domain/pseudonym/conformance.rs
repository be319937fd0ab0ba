//! Checks published pseudonyms and payloads against this build: keys, epoch ids, pseudonyms, seals.

use serde::Deserialize;

use crate::base::bytes::Pseudonym;
use crate::base::conformance::FileReport;
use crate::base::epoch::KeyEpoch;
use crate::base::kind::IdentifierKind;
use crate::base::name::{ConsortiumId, MemberId};
use crate::base::secret::SecretBytes;
use crate::domain::pseudonym::keys::{EpochKeys, EpochSecret, Extracted, PURPOSE, Seal};
use crate::domain::pseudonym::payload::{open_payload, payload_key, seal_payload};

/// Checks `content` where a file of this name is known to hold pseudonyms.
pub fn check_file(name: &str, content: &str) -> Option<FileReport> {
    match name {
        "pseudonyms.json" => Some(check_pseudonyms(name, content)),
        _ => None,
    }
}

#[derive(Deserialize)]
struct PseudonymFile {
    consortium: String,
    purpose: String,
    cases: Vec<PseudonymCase>,
}

#[derive(Deserialize)]
struct PseudonymCase {
    epoch: u32,
    #[serde(with = "hex")]
    epoch_secret: [u8; 32],
    #[serde(rename = "type")]
    type_label: String,
    canonical: String,
    prk: String,
    epoch_id: String,
    tag_key: String,
    pseudonym: String,
    seal: String,
}

fn check_pseudonyms(name: &str, content: &str) -> FileReport {
    let mut report = FileReport::new(name);
    let file: PseudonymFile = match serde_json::from_str(content) {
        Ok(file) => file,
        Err(fault) => {
            report.fail(|| format!("not readable: {fault}"));
            return report;
        }
    };
    let Ok(consortium) = file.consortium.parse::<ConsortiumId>() else {
        report.fail(|| "the consortium id is not valid".to_owned());
        return report;
    };
    report.check(file.purpose == PURPOSE, || format!("purpose differs from {PURPOSE:?}"));
    for (index, case) in file.cases.iter().enumerate() {
        check_case(&mut report, &consortium, index, case);
    }
    report
}

fn check_case(report: &mut FileReport, consortium: &ConsortiumId, index: usize, case: &PseudonymCase) {
    let Ok(kind) = IdentifierKind::from_type_label(&case.type_label) else {
        report.fail(|| format!("case {index}: type {:?} is not known", case.type_label));
        return;
    };
    let secret = EpochSecret::new(SecretBytes::new(case.epoch_secret));
    let epoch = KeyEpoch(case.epoch);
    let extracted = Extracted::new(consortium, epoch, &secret);
    let keys = EpochKeys::derive(consortium, epoch, &secret);
    let (pseudonym, seal) = keys.pseudonymise_bytes(kind, case.canonical.as_bytes());
    let values = [
        ("prk", hex::encode(extracted.prk().expose()), &case.prk),
        ("epoch_id", keys.epoch_id().to_string(), &case.epoch_id),
        ("tag_key", hex::encode(extracted.tag_key(kind).expose()), &case.tag_key),
        ("pseudonym", pseudonym.to_string(), &case.pseudonym),
        ("seal", hex::encode(seal.expose()), &case.seal),
    ];
    for (value, ours, theirs) in values {
        report.check(ours == *theirs, || format!("case {index} ({}): {value} differs", case.type_label));
    }
}

/// A sealed payload with everything that went into it.
#[derive(Deserialize)]
#[expect(missing_debug_implementations, reason = "holds a seal")]
pub struct PayloadCase {
    #[serde(with = "hex")]
    seal: [u8; 32],
    reporter: String,
    #[serde(rename = "type")]
    type_label: String,
    #[serde(with = "hex")]
    pseudonym: [u8; 32],
    #[serde(with = "hex")]
    nonce: [u8; 24],
    #[serde(with = "hex")]
    plaintext: Vec<u8>,
    key: String,
    sealed: String,
}

/// Seals and opens the payload of `case` and compares key and bytes.
pub fn check_payload(report: &mut FileReport, case: &PayloadCase) {
    let (Ok(reporter), Ok(kind)) =
        (case.reporter.parse::<MemberId>(), IdentifierKind::from_type_label(&case.type_label))
    else {
        report.fail(|| "payload: reporter or type is not valid".to_owned());
        return;
    };
    let (seal, pseudonym) = (Seal::new(case.seal), Pseudonym(case.pseudonym));
    report.check(hex::encode(payload_key(&seal, &reporter).expose()) == case.key, || "payload: key differs".to_owned());
    let sealed = seal_payload(&seal, &reporter, kind, &pseudonym, case.nonce, &case.plaintext);
    report.check(hex::encode(&sealed) == case.sealed, || "payload: sealed bytes differ".to_owned());
    let opened = hex::decode(&case.sealed)
        .ok()
        .and_then(|sealed| open_payload(&seal, &reporter, kind, &pseudonym, &sealed).ok())
        .is_some_and(|opened| *opened == case.plaintext);
    report.check(opened, || "payload: does not open to the plaintext".to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = include_str!("../../../tests/vectors/pseudonyms.json");

    #[test]
    fn the_published_pseudonyms_are_ours() {
        let report = check_pseudonyms("pseudonyms.json", PUBLISHED);
        assert_eq!(report.first_failures, Vec::<String>::new());
        assert_eq!(report.passed, 1 + 5 * 56);
    }

    #[test]
    fn one_wrong_digit_is_found() {
        let wrong = PUBLISHED.replacen("9c0e6bd0", "9c0e6bd1", 1);
        let report = check_pseudonyms("pseudonyms.json", &wrong);
        assert_eq!((report.failed, report.first_failures), (1, vec!["case 0 (pan/1): epoch_id differs".to_owned()]));
    }

    #[test]
    fn an_unreadable_file_fails() {
        assert!(!check_pseudonyms("pseudonyms.json", "{").conforms());
    }
}
