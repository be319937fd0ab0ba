//! `canonical.json`, our own vectors: what each kind of identifier becomes, or the rule that refuses it.
//!
//! An object of `cases`, each with `kind`, `raw` (as typed), a `region` where it was read in one, and either `forms` (pairs of
//! type label and canonical form, the one of the kind itself first) or `refused` (the name of the rule). Every kind must have
//! cases of both sorts, so that a shortened file does not pass.

use serde::Deserialize;

use crate::base::conformance::FileReport;
use crate::base::kind::IdentifierKind;
use crate::domain::identifier::CanonRules;
use crate::domain::identifier::conformance::all_forms;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorFile {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    kind: String,
    raw: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    forms: Vec<(String, String)>,
    #[serde(default)]
    refused: Option<String>,
}

/// Checks every case; cases count from 1.
pub(super) fn check(name: &str, content: &str) -> FileReport {
    let mut report = FileReport::new(name);
    let file: VectorFile = match serde_json::from_str(content) {
        Ok(file) => file,
        Err(fault) => {
            report.fail(|| format!("not readable: {fault}"));
            return report;
        }
    };
    for (index, case) in file.cases.iter().enumerate() {
        let outcome = verdict(case);
        report.check(outcome.is_ok(), || format!("case {}: {}", index + 1, outcome.err().unwrap_or_default()));
    }
    for kind in IdentifierKind::ALL {
        let of_kind = |case: &&Case| case.kind == kind.label();
        let refused = file.cases.iter().filter(of_kind).filter(|case| case.refused.is_some()).count();
        let accepted = file.cases.iter().filter(of_kind).count() - refused;
        report.check(accepted > 0 && refused > 0, || {
            format!("{kind} has {accepted} accepted and {refused} refused cases")
        });
    }
    report
}

/// Why a case does not hold; never with its value.
fn verdict(case: &Case) -> Result<(), String> {
    if case.forms.is_empty() == case.refused.is_none() {
        return Err("needs either forms or a refusal".to_owned());
    }
    let kind: IdentifierKind = case.kind.parse().map_err(|_| "no kind of identifier".to_owned())?;
    let default_region = match &case.region {
        Some(region) => Some(region.parse().map_err(|_| "no region".to_owned())?),
        None => None,
    };
    let ours = all_forms(kind, &case.raw, &CanonRules { default_region });
    match (ours, &case.refused) {
        (Ok(forms), None) if forms == case.forms => Ok(()),
        (Ok(_), None) => Err("other forms than the file's".to_owned()),
        (Err(rule), Some(refused)) if rule.name() == refused => Ok(()),
        (Err(rule), _) => Err(format!("refused by rule {}", rule.name())),
        (Ok(_), Some(refused)) => Err(format!("accepted, where the file refuses by rule {refused}")),
    }
}
