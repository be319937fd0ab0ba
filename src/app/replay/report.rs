//! What a replay found, as programs read it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::app::replay::history::History;
use crate::app::replay::late::LateCounts;
use crate::app::replay::run::{Finding, Question};
use crate::app::replay::tally::{Counts, Difference, Outcome, Pair, share};
use crate::app::replay::values::Standing;
use crate::domain::screening::decision::Decision;

/// One JSON object; the field names are the interface.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Names that the policies read and the history does not tell of.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown: BTreeSet<String>,
    pub institutions: u16,
    pub expiry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ship_after: Option<String>,
    /// Rows that were replayed, and frauds among them.
    pub rows: u64,
    pub fraud: u64,
    /// Rows of the file that were left out.
    pub refused: u64,
    pub identifiers: IdentifierReport,
    pub runs: Vec<RunReport>,
}

/// Identifiers that could not be used, each counted as often as a row names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IdentifierReport {
    /// By kind and rule.
    pub malformed: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// On a guard list, by kind: never published, never matched.
    pub guarded: BTreeMap<String, u64>,
    /// Rows without any identifier that can be used: they pass unscreened.
    pub unscreened_rows: u64,
}

/// One way of sharing.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    pub sharing: String,
    #[serde(flatten)]
    pub counts: CountsReport,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_amount: Vec<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_typology: Vec<Part>,
    /// By what was decided, where a policy decides.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_decision: BTreeMap<&'static str, Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<DifferenceReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<LateReport>,
}

/// Rows of one band of amounts or of one typology.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    pub part: String,
    #[serde(flatten)]
    pub counts: CountsReport,
}

#[derive(Debug, Clone, Serialize)]
pub struct CountsReport {
    pub tp: u32,
    pub fp: u32,
    #[serde(rename = "fn")]
    pub missed: u32,
    pub tn: u32,
    pub recall: Option<f64>,
    pub precision: Option<f64>,
    pub recall_amount: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct DifferenceReport {
    pub both: Pair,
    pub only_rule: Pair,
    pub only_against: Pair,
    /// By what each of the two said, as far as it occurs.
    pub decisions: Vec<DecisionsReport>,
}

/// Rows of which the two rules said this.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionsReport {
    pub rule: &'static str,
    pub against: &'static str,
    #[serde(flatten)]
    pub rows: Pair,
}

/// Frauds that were let through and found before and after the goods left.
#[derive(Debug, Clone, Serialize)]
pub struct LateReport {
    pub caught_before_shipment: u32,
    pub caught_after_shipment: u32,
    pub never_caught: u32,
    /// Stopped at once or found before shipment, of all frauds.
    pub recall_before_shipment: Option<f64>,
    pub false_before_shipment: u32,
    pub false_after_shipment: u32,
}

impl Report {
    pub fn new(
        history: &History,
        question: &Question,
        (institutions, expiry): (u16, String),
        refused: u64,
        findings: &[Finding],
    ) -> Self {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Self {
            rule: question.rule.to_string(),
            against: question.against.as_ref().map(ToString::to_string),
            unknown: question.rules().flat_map(|rule| rule.unknown(history.told)).collect(),
            institutions,
            expiry,
            ship_after: question.ship_after.as_ref().map(ToString::to_string),
            rows: count(history.len()),
            fraud: count(history.in_order().filter(|(_, row)| row.is_fraud).count()),
            refused,
            identifiers: IdentifierReport::of(history),
            runs: findings.iter().map(|finding| RunReport::new(history, question, finding)).collect(),
        }
    }
}

impl IdentifierReport {
    fn of(history: &History) -> Self {
        let mut report = Self::default();
        for (id, _) in history.in_order() {
            let mut is_usable = false;
            for value in history.identifiers(id) {
                let kind = || history.values.kind(value).label().to_owned();
                match history.values.standing(value) {
                    Standing::Usable(_) => is_usable = true,
                    Standing::Malformed(rule) => {
                        *report.malformed.entry(kind()).or_default().entry(rule).or_default() += 1;
                    }
                    Standing::Guarded => *report.guarded.entry(kind()).or_default() += 1,
                }
            }
            report.unscreened_rows += u64::from(!is_usable);
        }
        report
    }
}

impl RunReport {
    fn new(history: &History, question: &Question, finding: &Finding) -> Self {
        let tally = &finding.tally;
        let by_amount = tally.by_amount.iter().map(|(band, counts)| Part::new(band.words(), counts));
        let by_typology = tally.by_typology.iter().map(|(typology, counts)| {
            let word = history.typologies.get(usize::from(typology.0)).cloned().unwrap_or_default();
            Part::new(if word.is_empty() { "(none)".to_owned() } else { word }, counts)
        });
        let has_typologies = history.typologies.len() > 1;
        Self {
            sharing: finding.sharing.to_string(),
            counts: CountsReport::new(&tally.all),
            by_amount: if history.told.amount { by_amount.collect() } else { Vec::new() },
            by_typology: if has_typologies { by_typology.collect() } else { Vec::new() },
            by_decision: question.rule.policy().map(|_| by_decision(&tally.by_outcome)).unwrap_or_default(),
            difference: question.against.as_ref().map(|_| DifferenceReport::new(&finding.difference)),
            late: finding.late.map(|late| LateReport::new(&tally.all, late)),
        }
    }
}

impl Part {
    fn new(part: String, counts: &Counts) -> Self {
        Self { part, counts: CountsReport::new(counts) }
    }
}

impl CountsReport {
    fn new(counts: &Counts) -> Self {
        Self {
            tp: counts.true_positives,
            fp: counts.false_positives,
            missed: counts.false_negatives,
            tn: counts.true_negatives,
            recall: counts.recall(),
            precision: counts.precision(),
            recall_amount: counts.recall_by_amount(),
        }
    }
}

impl DifferenceReport {
    fn new(difference: &Difference) -> Self {
        let Difference { both, only_live, only_candidate, pairs } = difference;
        let decisions = pairs.iter().map(|((live, candidate), rows)| DecisionsReport {
            rule: live.label(),
            against: candidate.label(),
            rows: *rows,
        });
        Self { both: *both, only_rule: *only_live, only_against: *only_candidate, decisions: decisions.collect() }
    }
}

/// Every decision there is.
fn by_decision(counted: &BTreeMap<Outcome, Pair>) -> BTreeMap<&'static str, Pair> {
    let rows = |outcome: Outcome| counted.get(&outcome).copied().unwrap_or_default();
    Decision::ALL.map(|decision| (decision.label(), rows(decision.into()))).into()
}

impl LateReport {
    fn new(counts: &Counts, late: LateCounts) -> Self {
        let LateCounts { before, after, honest_before, honest_after } = late;
        let in_time = u128::from(counts.true_positives) + u128::from(before);
        Self {
            caught_before_shipment: before,
            caught_after_shipment: after,
            never_caught: counts.false_negatives.saturating_sub(before + after),
            recall_before_shipment: share(in_time, counts.frauds().into()),
            false_before_shipment: honest_before,
            false_after_shipment: honest_after,
        }
    }
}
