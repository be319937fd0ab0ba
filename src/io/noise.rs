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
mod tests {
    use super::*;
    use crate::base::bytes::LocalMac;
    use crate::base::secret::SecretBytes;
    use crate::base::time::Day;
    use crate::domain::statistics::contribution::bound_contributions;
    use crate::domain::statistics::period::Period;

    fn rows(categories: u32, per_category: u8) -> BoundedRows {
        let period = Period::new(Day(20_728), Day(20_735), Day(20_779)).expect("inside a quarter");
        let rows = (0..categories).flat_map(|category| {
            (0..per_category).map(move |subject| {
                let mut mac = [subject; 32];
                mac[..4].copy_from_slice(&category.to_be_bytes());
                (LocalMac(mac), category)
            })
        });
        bound_contributions(rows, categories, period, &SecretBytes::new([1; 32]))
    }

    #[test]
    fn the_default_release_has_scale_twenty_and_is_charged_what_the_library_says() {
        let plan = plan(16, 2, Epsilon::RELEASE_DEFAULT).expect("plans");
        assert_eq!(plan.scale(), 20.0);
        let charge = plan.charge().nano();
        assert!((100_000_000..=100_000_002).contains(&charge), "{charge}");
        assert!((60.0..62.0).contains(&plan.accuracy_95()), "{}", plan.accuracy_95());
    }

    #[test]
    fn a_loss_is_never_charged_below_what_the_scale_costs() {
        for asked in [1_000_000, 3_333_333, 99_999_999, 500_000_000, 1_999_999_999, 2_000_000_000] {
            let plan = plan(4, 2, Epsilon::from_nano(asked)).expect("plans");
            assert!(plan.charge().nano() <= asked + 2, "{asked}: {}", plan.charge());
            assert!(plan.scale() * 1e-9 * f64::from(u32::try_from(plan.charge().nano()).expect("small")) >= 2.0);
        }
        assert!(matches!(plan(4, 2, Epsilon::NONE), Err(NoiseError::Price { .. })));
        let dearest = plan(4, 2, Epsilon::from_nano(u64::MAX)).expect("plans");
        assert_eq!((dearest.scale(), dearest.charge()), (1.0, Epsilon::QUARTER_CAP));
    }

    #[test]
    fn rows_of_another_shape_are_refused() {
        let plan = plan(4, 2, Epsilon::RELEASE_DEFAULT).expect("plans");
        let refused = NoiseError::NotAsPlanned { bound: 2, got: 2, categories: 4, got_categories: 5 };
        assert_eq!(draw(&plan, &rows(5, 1)), Err(refused));
    }

    #[test]
    fn the_moment_of_an_answer_tells_nothing_of_the_draw() {
        let asked = Instant::now();
        let check = |drawn_ms: u64, answered_ms: u64| {
            let moment = answer_moment(asked, asked + Duration::from_millis(drawn_ms));
            assert_eq!(moment - asked, Duration::from_millis(answered_ms), "{drawn_ms}");
        };
        check(0, 1_000);
        check(1, 1_000);
        check(999, 1_000);
        check(1_000, 2_000);
        check(8_500, 9_000);
    }

    /// 400,000 cells: mean, variance and the share of zeros within five standard errors of the discrete Laplace law, so
    /// that a sound sampler fails less than once in a million runs.
    #[test]
    fn the_noise_follows_the_discrete_laplace_law() {
        const CELLS: u32 = 4_000;
        const DRAWS: u32 = 100;
        let plan = plan(CELLS, 2, Epsilon::from_nano(500_000_000)).expect("plans"); // scale 4
        let rows = rows(CELLS, 3);
        let (mut sum, mut squares, mut zeros) = (0i64, 0i64, 0u32);
        for _ in 0..DRAWS {
            for noisy in draw(&plan, &rows).expect("draws") {
                let noise = noisy - 3;
                sum += noise;
                squares += noise * noise;
                zeros += u32::from(noise == 0);
            }
        }
        let draws = f64::from(CELLS * DRAWS);
        let as_float = |value: i64| f64::from(i32::try_from(value).expect("small"));
        // q = e^(−1/scale): P(0) = (1 − q)/(1 + q), variance = 2q/(1 − q)², fourth moment = variance · (1 + 10q + q²)/(1 − q)².
        let q = (-1.0f64 / plan.scale()).exp();
        let p_zero = (1.0 - q) / (1.0 + q);
        let variance = 2.0 * q / (1.0 - q).powi(2);
        let fourth = variance * (1.0 + 10.0 * q + q * q) / (1.0 - q).powi(2);
        let within = |what: &str, got: f64, expected: f64, of_one: f64| {
            let error = (of_one / draws).sqrt();
            assert!((got - expected).abs() < 5.0 * error, "{what}: {got}, expected {expected} ± {error}");
        };
        within("mean", as_float(sum) / draws, 0.0, variance);
        within("variance", as_float(squares) / draws, variance, fourth - variance * variance);
        within("zeros", f64::from(zeros) / draws, p_zero, p_zero * (1.0 - p_zero));
    }
}
