//! What a load showed, for a person who sizes a machine and for a program.

use serde_json::{Value, json};

use crate::app::cli::bench::load::{Load, Measured, Pace};

/// Quantiles that are shown.
const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999), ("slowest", 1.0)];

/// Longest bar of the histogram, characters.
const BAR: u64 = 40;

fn per_s(measured: &Measured) -> u64 {
    let millis = u64::try_from(measured.elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    measured.screened.saturating_mul(1000) / millis
}

/// One object; latencies in microseconds.
pub fn as_json(load: &Load, measured: &Measured) -> Value {
    let quantiles: serde_json::Map<String, Value> = QUANTILES
        .iter()
        .map(|(name, quantile)| ((*name).replace('.', "_"), measured.latency.value_at_quantile(*quantile).into()))
        .collect();
    json!({
        "loop": match load.pace { Pace::Closed => "closed", Pace::Open { .. } => "open" },
        "rate": match load.pace { Pace::Closed => None, Pace::Open { per_s } => Some(per_s) },
        "in_flight": load.in_flight,
        "batch": load.batch,
        "seconds": load.time.as_secs(),
        "screened": measured.screened,
        "per_s": per_s(measured),
        "latency_us": quantiles,
        "decisions": measured.decisions,
        "degraded": measured.degraded,
        "failures": measured.failures,
        "not_made": measured.not_made,
    })
}

/// Line by line.
pub fn as_text(load: &Load, measured: &Measured) -> Vec<String> {
    let asked = match load.pace {
        Pace::Closed => format!("{} callers, each asks again once it is answered", load.in_flight),
        Pace::Open { per_s } => format!("{per_s} orders a second, at most {} calls at once", load.in_flight),
    };
    let unit = if load.batch == 1 { "one call an order".to_owned() } else { format!("{} a message", load.batch) };
    let mut lines = vec![
        format!("asked      {asked}; {unit}; {} s", load.time.as_secs()),
        format!("answered   {} orders, {} a second", measured.screened, per_s(measured)),
    ];
    let decisions: Vec<String> = measured.decisions.iter().map(|(word, count)| format!("{count} {word}")).collect();
    lines.push(format!("decisions  {}", decisions.join(", ")));
    if measured.degraded > 0 {
        lines.push(format!("degraded   {}: hushwire status says why", measured.degraded));
    }
    for (reason, count) in &measured.failures {
        lines.push(format!("failed     {count} calls: {reason}"));
    }
    if measured.not_made > 0 {
        lines.push(format!("not made   {} calls: all {} places were taken", measured.not_made, load.in_flight));
    }
    for (name, quantile) in QUANTILES {
        lines.push(format!("{name:<9}  {}", shown(measured.latency.value_at_quantile(quantile))));
    }
    lines.extend(histogram(measured));
    lines
}

/// Microseconds as a person reads them.
fn shown(micros: u64) -> String {
    match micros {
        0..=9_999 => format!("{micros} µs"),
        10_000..=9_999_999 => format!("{}.{} ms", micros / 1000, micros / 100 % 10),
        _ => format!("{} s", micros / 1_000_000),
    }
}

/// Bars over doubling ranges of latency.
fn histogram(measured: &Measured) -> Vec<String> {
    let rows: Vec<(u64, u64)> = measured
        .latency
        .iter_log(64, 2.0)
        .map(|step| (step.value_iterated_to(), step.count_since_last_iteration()))
        .collect();
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let bar = |count: u64| "█".repeat(usize::try_from(count.saturating_mul(BAR).div_ceil(most.max(1))).unwrap_or(0));
    let from = rows.iter().position(|(_, count)| *count > 0).unwrap_or(0);
    rows.iter()
        .skip(from)
        .map(|(until, count)| format!("{:>10}  {count:>9}  {}", format!("≤ {}", shown(until + 1)), bar(*count)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_shown_in_the_unit_a_person_would_choose() {
        let check = |micros, expected: &str| assert_eq!(shown(micros), expected);
        check(0, "0 µs");
        check(9_999, "9999 µs");
        check(12_340, "12.3 ms");
        check(12_000_000, "12 s");
    }
}
