//! All runs of a replay, as many at once as there are processors, under one bar.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::app::outcome::CliError;
use crate::app::replay::history::History;
use crate::app::replay::house::{Common, HouseFault};
use crate::app::replay::run::{Finding, Question, Sharing, replay};

/// In the order of the sharings.
pub fn all(
    history: &History,
    common: &Common,
    question: &Question,
    sharings: &[Sharing],
) -> Result<Vec<Finding>, CliError> {
    let rows = u64::try_from(history.len().saturating_mul(sharings.len())).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr());
    let style = "{bar:30} {percent:>3} %  {human_pos} of {human_len} screenings  {elapsed}";
    bar.set_style(ProgressStyle::with_template(style).expect("the template is constant and valid"));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some((place, sharing)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            sharings.get(place).map(|sharing| (place, sharing))
        } {
            found.push((place, replay(history, common, question, sharing, &|done| bar.inc(done))));
        }
        found
    };
    let workers = available_parallelism().map_or(1, usize::from).min(sharings.len());
    let mut found: Vec<(usize, Result<Finding, HouseFault>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a run does not panic")).collect()
    });
    bar.finish_and_clear();
    found.sort_by_key(|(place, _)| *place);
    let findings: Result<Vec<Finding>, HouseFault> = found.into_iter().map(|(_, finding)| finding).collect();
    findings.map_err(|fault| CliError::failed(format!("a node of the replay failed: {fault}")))
}
