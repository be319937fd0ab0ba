//! What was verified of a decision, for people and for programs.

use serde_json::{Value, json};

use crate::app::outcome::CliError;
use crate::app::output;
use crate::domain::audit::decision_proof::{IndicatorProof, VerifiedDecision};

/// What was verified behind a decision, each indicator on a line of its own.
pub fn tell(decision: &VerifiedDecision) -> Result<(), CliError> {
    let (id, count) = (&decision.detail.decision_id, decision.indicators.len());
    output::answer(format!("  what stood behind decision {id} is as it was recorded, with {count} indicators"))?;
    for indicator in &decision.indicators {
        let name = &indicator.place.name;
        let said = match &indicator.proof {
            None => format!("  {name}: this file holds no proof of it"),
            Some(IndicatorProof { verifier_key, size, witnessed, matched }) => {
                let content = if *matched { "about an identifier of the decision" } else { "its content is gone" };
                let by: Vec<&str> = witnessed.iter().flat_map(|one| &one.by).map(|(key, _)| key.name()).collect();
                let by = if by.is_empty() { "nobody else".to_owned() } else { by.join(", ") };
                format!("  {name}: {content}; size {size} signed by {verifier_key}, cosigned by {by}")
            }
        };
        output::answer(said)?;
    }
    Ok(())
}

/// The same for a program.
pub fn as_json(decision: &VerifiedDecision) -> Value {
    let indicators = decision.indicators.iter().map(|indicator| {
        let proof = indicator.proof.as_ref();
        json!({
            "name": indicator.place.name,
            "proved": proof.is_some(),
            "matched": proof.is_some_and(|proof| proof.matched),
            "verifier_key": proof.map(|proof| &proof.verifier_key),
            "witnesses": proof.iter().flat_map(|proof| &proof.witnessed).flat_map(|one| &one.by)
                .map(|(key, _)| key.name()).collect::<Vec<_>>(),
        })
    });
    json!({"detail": decision.detail, "indicators": indicators.collect::<Vec<_>>()})
}
