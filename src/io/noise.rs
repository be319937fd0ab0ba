//! The draw of differentially private noise, by OpenDP. It takes its own randomness, which is why it lives on this floor.
//!
//! Integers in, integers out: the sampler is exact, and no floating-point sum can leak low bits. A measurement is built and
//! used inside one call because its closures cannot move between threads. Drawing takes 10 to 20 µs a cell and its time
//! depends on what is drawn: it runs on a blocking thread, and what it gave is published and answered at a moment that was
//! fixed before ([`answer_moment`]), so that neither a caller nor a reader of the feed can time it.
//!
//! Randomness: OpenDP's own generator, a ChaCha20 of the thread that the operating system seeds. Why not OpenSSL's:
//! `docs/statistics.md`.
//!
//! Mechanism: counts by fixed categories, then discrete Laplace noise (Ghosh, Roughgarden, Sundararajan 2012; sampler of
//! Canonne, Kamath, Steinke 2020). Order of use: [`plan`] → charge the ledger → make the charge durable → [`draw`].

use std::time::Duration;

use opendp::accuracy::discrete_laplacian_scale_to_accuracy;
use opendp::core::Measurement;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::error::ErrorVariant;
use opendp::measurements::make_laplace;
use opendp::measures::MaxDivergence;
use opendp::metrics::{L1Distance, SymmetricDistance};
use opendp::transformations::make_count_by_categories;
use tokio::time::Instant;

use crate::base::limits;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::contribution::BoundedRows;
use crate::domain::statistics::release::Figures;

/// What a draw will cost and how exact it will be; known before any data is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoisePlan {
    categories: u32,
    bound: u32,
    scale: u32,
    charge: Epsilon,
    accuracy_95: f64,
}

impl NoisePlan {
    /// Scale of the discrete Laplace noise; a whole number, its standard deviation is about 1.41 times as much.
    pub fn scale(&self) -> f64 {
        f64::from(self.scale)
    }

    /// Privacy loss as OpenDP's own map computes it, rounded up to whole billionths.
    pub fn charge(&self) -> Epsilon {
        self.charge
    }

    /// Half-width of the 95 % interval of each count.
    pub fn accuracy_95(&self) -> f64 {
        self.accuracy_95
    }

    /// What is published beside the counts.
    pub fn figures(&self) -> Figures {
        Figures { scale: self.scale(), contribution_bound: self.bound, accuracy_95: self.accuracy_95 }
    }
}

/// Why no noise can be drawn. Holds no data.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum NoiseError {
    #[error("a privacy loss of {asked} is too small or too large to draw for")]
    Price { asked: Epsilon },
    #[error("{got} rows a subject in {got_categories} categories are not the planned {bound} in {categories}")]
    NotAsPlanned { bound: u32, got: u32, categories: u32, got_categories: u32 },
    #[error("the noise library broke its rule {0}")]
    Library(ErrorVariant),
}

impl From<opendp::error::Error> for NoiseError {
    fn from(error: opendp::error::Error) -> Self {
        // Its message may repeat what it was given; the rule is enough.
        Self::Library(error.variant)
    }
}

type Rows = VectorDomain<AtomDomain<u32>>;
type NoisyCounts = Measurement<Rows, SymmetricDistance, MaxDivergence, Vec<i64>>;

/// Adding or removing one subject changes `bound` rows (the unit of [`SymmetricDistance`] is a row).
#[expect(clippy::disallowed_methods, reason = "this is the one place that draws")]
fn measurement(categories: u32, scale: f64) -> Result<NoisyCounts, NoiseError> {
    let count = make_count_by_categories::<L1Distance<i64>, u32, i64>(
        VectorDomain::new(AtomDomain::default()),
        SymmetricDistance,
        (0..categories).collect(),
        false,
    )?;
    let noise = make_laplace(count.output_domain.clone(), count.output_metric.clone(), scale, None)?;
    Ok(opendp::combinators::make_chain_mt(&noise, &count)?)
}

/// Plans a histogram of `categories` cells in which one subject owns at most `bound` rows, for a loss of about `asked`.
pub fn plan(categories: u32, bound: u32, asked: Epsilon) -> Result<NoisePlan, NoiseError> {
    // A whole scale, rounded up: the loss is then at most what was asked, but for the last rounding.
    let scale = (u64::from(bound) * 1_000_000_000)
        .checked_div(asked.nano())
        .map(|whole| whole + u64::from(whole * asked.nano() < u64::from(bound) * 1_000_000_000))
        .and_then(|scale| u32::try_from(scale).ok())
        .filter(|scale| *scale > 0)
        .ok_or(NoiseError::Price { asked })?;
    let loss: f64 = measurement(categories, f64::from(scale))?.map(&bound)?;
    let charge = Epsilon::from_f64_rounded_up(loss).ok_or(NoiseError::Price { asked })?;
    let accuracy_95 = discrete_laplacian_scale_to_accuracy(f64::from(scale), 0.05)?;
    Ok(NoisePlan { categories, bound, scale, charge, accuracy_95 })
}

/// Draws once. The plan's charge must be durable before; the result must be durable before anybody sees it.
pub fn draw(plan: &NoisePlan, rows: &BoundedRows) -> Result<Vec<i64>, NoiseError> {
    let NoisePlan { categories, bound, .. } = *plan;
    if rows.bound() > bound || rows.categories() != categories {
        let (got, got_categories) = (rows.bound(), rows.categories());
        return Err(NoiseError::NotAsPlanned { bound, got, categories, got_categories });
    }
    Ok(measurement(plan.categories, plan.scale())?.invoke(&rows.cells().to_vec())?)
}

/// When a release that was asked for at `asked` and drawn at `drawn` is published and answered: at the next whole multiple of
/// a time far longer than any draw.
pub fn answer_moment(asked: Instant, drawn: Instant) -> Instant {
    let step = Duration::from_millis(limits::RELEASE_STEP_MS);
    let begun = drawn.saturating_duration_since(asked).as_millis() / step.as_millis();
    asked + step * u32::try_from(begun).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests;
