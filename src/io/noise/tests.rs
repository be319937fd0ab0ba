//! What is planned and charged, and whether the noise is what theory says.
//!
//! Statistical tests compare what was drawn afresh with exact laws, by inequalities that hold for every number of draws
//! (Dvoretzky, Kiefer, Wolfowitz with Massart's constant; Hoeffding). Each states how often a sound sampler fails: at most once in
//! 10⁹ runs. Each also shows that it would notice a sampler that is a little off.

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

/// Of a test with a sound sampler.
const FALSE_ALARM: f64 = 1e-9;

/// Law of noise of a scale: the chance of each value from `-REACH` to `REACH`, beyond which there is nothing to speak of.
const REACH: i32 = 400;

fn law(scale: f64) -> Vec<f64> {
    let q = (-1.0 / scale).exp();
    (-REACH..=REACH).map(|value| (1.0 - q) / (1.0 + q) * q.powi(value.abs())).collect()
}

/// Of the sum of two independent draws.
fn law_of_two(one: &[f64]) -> Vec<f64> {
    let middle = one.len() / 2;
    let chance = |sum: usize| -> f64 {
        let pairs = one.iter().enumerate().filter_map(|(at, p)| Some((p, (sum + middle).checked_sub(at)?)));
        pairs.filter_map(|(p, other)| Some(p * one.get(other)?)).sum()
    };
    (0..one.len()).map(chance).collect()
}

/// Largest distance between the share of draws up to each value and its chance.
fn distance(draws: &[i64], law: &[f64]) -> f64 {
    let mut counts = vec![0u32; law.len()];
    for draw in draws {
        let place = usize::try_from(draw + i64::from(REACH)).unwrap_or(0).min(law.len() - 1);
        counts[place] += 1;
    }
    let all = f64::from(u32::try_from(draws.len()).expect("few"));
    let (mut drawn, mut chance, mut farthest) = (0u32, 0.0, 0.0f64);
    for (count, p) in counts.iter().zip(law) {
        drawn += count;
        chance += p;
        farthest = farthest.max((f64::from(drawn) / all - chance).abs());
    }
    farthest
}

/// What [`distance`] exceeds in one of 1/`alarm` runs at most (Massart 1990, corollary 1).
fn tolerated(draws: usize, alarm: f64) -> f64 {
    ((2.0 / alarm).ln() / (2.0 * f64::from(u32::try_from(draws).expect("few")))).sqrt()
}

/// 400,000 cells.
#[test]
fn the_noise_follows_the_discrete_laplace_law_and_cells_are_independent() {
    const CELLS: u32 = 4_000;
    let plan = plan(CELLS, 2, Epsilon::from_nano(500_000_000)).expect("plans");
    assert_eq!(plan.scale(), 4.0);
    let rows = rows(CELLS, 3);
    let noise: Vec<i64> = (0..100)
        .flat_map(|_| draw(&plan, &rows).expect("draws"))
        .map(|noisy| noisy - 3) // the exact count of every cell
        .collect();
    let alarm = FALSE_ALARM / 3.0;
    let tolerated_alone = tolerated(noise.len(), alarm);
    let of_scale = |scale: f64| distance(&noise, &law(scale));
    assert!(of_scale(4.0) <= tolerated_alone, "{} of {tolerated_alone}", of_scale(4.0));

    let pairs: Vec<i64> = noise.chunks(2).map(|pair| pair.iter().sum()).collect();
    let off = distance(&pairs, &law_of_two(&law(4.0)));
    assert!(off <= tolerated(pairs.len(), alarm), "two cells are not independent: {off}");

    let near = |noise: &&i64| u32::try_from(noise.abs()).is_ok_and(|noise| f64::from(noise) <= plan.accuracy_95());
    let share = f64::from(u32::try_from(noise.iter().filter(near).count()).expect("few"))
        / f64::from(u32::try_from(noise.len()).expect("few"));
    assert!(share >= 0.95 - tolerated_alone, "{share} of the counts lie within the half-width that is published");

    // A tenth too much or too little noise, or noise about another middle, would not pass.
    for scale in [3.6, 4.4] {
        assert!(of_scale(scale) > tolerated_alone, "a scale of {scale} goes unnoticed");
    }
    let shifted: Vec<i64> = noise.iter().map(|noise| noise + 1).collect();
    assert!(distance(&shifted, &law(4.0)) > tolerated_alone);
    let twins: Vec<i64> = noise.iter().map(|noise| 2 * noise).collect();
    assert!(distance(&twins, &law_of_two(&law(4.0))) > tolerated(pairs.len(), alarm), "one draw for two cells");
}

/// Rows of two cells with and without one subject that has thousands of events in both.
fn neighbours() -> [BoundedRows; 2] {
    let period = Period::new(Day(20_728), Day(20_735), Day(20_779)).expect("inside a quarter");
    let others: Vec<(LocalMac, u32)> =
        (0..10).map(|subject| (LocalMac([subject; 32]), u32::from(subject % 2))).collect();
    let flood = (0..8_000).map(|event| (LocalMac([99; 32]), event % 2));
    let with = others.iter().copied().chain(flood).collect();
    [others, with].map(|rows| bound_contributions(rows, 2, period, &SecretBytes::new([1; 32])))
}

#[test]
fn what_is_charged_is_the_librarys_own_loss_for_the_distance_of_neighbours() {
    let counts = |rows: &BoundedRows| {
        [0, 1].map(|cell| i64::try_from(rows.cells().iter().filter(|row| **row == cell).count()).expect("few"))
    };
    let [without, with] = neighbours().each_ref().map(counts);
    let moved: i64 = with.iter().zip(without).map(|(with, without)| (with - without).abs()).sum();
    for asked in [1_000_000, 20_000_000, 500_000_000, 2_000_000_000] {
        let plan = plan(2, 2, Epsilon::from_nano(asked)).expect("plans");
        let d_in = u32::try_from(moved).expect("two rows");
        let loss: f64 = measurement(2, plan.scale()).expect("builds").map(&d_in).expect("maps");
        assert_eq!(Epsilon::from_f64_rounded_up(loss), Some(plan.charge()), "{asked}");
        let more: f64 = measurement(2, plan.scale()).expect("builds").map(&(d_in + 1)).expect("maps");
        assert!(Epsilon::from_f64_rounded_up(more) > Some(plan.charge()), "a row more would cost more");
    }
}

/// 100,000 releases of either of two data sets: no event may be more than e^ε times as frequent with one as with the other.
#[test]
fn nobody_can_tell_from_releases_whether_a_subject_is_among_the_data_better_than_epsilon_says() {
    const RELEASES: u32 = 100_000;
    let plan = plan(2, 2, Epsilon::from_nano(500_000_000)).expect("plans");
    let measurement = measurement(2, plan.scale()).expect("builds");
    let releases = neighbours().map(|rows| {
        let cells = rows.cells().to_vec();
        (0..RELEASES).map(|_| measurement.invoke(&cells).expect("draws")).collect::<Vec<_>>()
    });
    // Everything from a corner on, in both directions, among them the events that tell the two best.
    let corners: Vec<(i64, i64)> = (0..=12).flat_map(|a| (0..=12).map(move |b| (a, b))).collect();
    let events: Vec<(i64, i64, bool)> = corners.iter().flat_map(|(a, b)| [(*a, *b, true), (*a, *b, false)]).collect();
    let share = |releases: &[Vec<i64>], (a, b, above): (i64, i64, bool)| {
        let is_in =
            |cells: &&Vec<i64>| if above { cells[0] >= a && cells[1] >= b } else { cells[0] <= a && cells[1] <= b };
        f64::from(u32::try_from(releases.iter().filter(is_in).count()).expect("few")) / f64::from(RELEASES)
    };
    let [without, with] = &releases;
    // Hoeffding for every share, over all events of both.
    let shares = f64::from(u32::try_from(events.len()).expect("few")) * 2.0;
    let slack = tolerated(usize::try_from(RELEASES).expect("few"), FALSE_ALARM / shares);
    // The largest excess of one share over e^ε times the other.
    let excess = |epsilon: f64| {
        let ratio = epsilon.exp();
        let both = events.iter().flat_map(|event| {
            let (p, q) = (share(without, *event), share(with, *event));
            [p - ratio * q, q - ratio * p]
        });
        both.fold(f64::MIN, f64::max) - (1.0 + ratio) * slack
    };
    assert!(excess(0.5) <= 0.0, "the loss is larger than was charged, by {}", excess(0.5));
    // Half of it would be too small a charge, and is noticed.
    assert!(excess(0.25) > 0.0, "a loss of twice the charge would go unnoticed: {}", excess(0.25));
}
