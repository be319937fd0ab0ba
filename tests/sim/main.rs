//! The simulation: real nodes, a simulated clock, network and disk, one thread, one seed (DESIGN §11).
//!
//! A seed chooses operations ([`operation`]) and their faults; at the end everything is healed and the invariants
//! ([`violation`]) are checked. `HUSHWIRE_SIM_SEEDS` and `HUSHWIRE_SIM_STEPS` make longer runs, `HUSHWIRE_SIM_FIRST` begins at
//! another seed, `HUSHWIRE_SIM_TRACE=1` prints what happens.

mod adversary;
mod calls;
mod cases;
mod check;
mod consortium;
mod days;
mod disk;
mod disputes;
mod exchange;
mod holds;
mod house;
mod late;
mod ledger;
mod lines;
mod mutants;
mod network;
mod operation;
mod options;
mod regressions;
mod releases;
mod rosters;
mod sightings;
mod snapshots;
mod violation;
mod witness;
mod world;

use crate::options::{Options, Rogue};
use crate::world::World;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Runs one choice of options; a failure shows everything needed to run it again.
fn hold(options: Options) -> [u8; 32] {
    match World::run(options) {
        Ok(trace) => trace,
        Err(violation) => panic!("{violation}\n{options:?}"),
    }
}

fn hold_seeds(share: u64, options: impl Fn(u64) -> Options) {
    let first = setting("HUSHWIRE_SIM_FIRST", 0);
    let seeds = setting("HUSHWIRE_SIM_SEEDS", share);
    for seed in first..first + seeds {
        let mut options = options(seed);
        options.steps = u32::try_from(setting("HUSHWIRE_SIM_STEPS", options.steps.into())).unwrap_or(u32::MAX);
        hold(options);
    }
}

#[test]
fn a_calm_consortium_agrees() {
    hold_seeds(3, Options::calm);
}

#[test]
fn crashes_and_partitions_lose_nothing_acknowledged() {
    hold_seeds(6, Options::stormy);
}

#[test]
fn a_case_is_never_lost_nor_taken_back_and_its_timer_fires_once() {
    hold_seeds(3, |seed| Options { cases: true, days: true, compacts: true, members: 3, ..Options::stormy(seed) });
}

#[test]
fn every_late_match_that_belief_calls_for_is_told_once_and_nobody_lifts_a_quarantine_alone() {
    hold_seeds(4, |seed| Options {
        late: true,
        compacts: seed % 2 == 0,
        disputes: seed % 2 == 1,
        members: 3,
        ..Options::stormy(seed)
    });
}

#[test]
fn a_store_put_back_never_signs_twice() {
    hold_seeds(6, |seed| Options { restores: true, ..Options::stormy(seed) });
}

#[test]
fn a_budget_is_kept_over_crashes_and_old_copies_and_a_release_has_one_result() {
    hold_seeds(6, |seed| Options { releases: true, restores: true, ..Options::stormy(seed) });
}

#[test]
fn a_lying_relay_changes_nothing_and_is_the_only_one_blamed() {
    hold_seeds(5, |seed| Options { relay: true, ..Options::stormy(seed) });
}

#[test]
fn two_histories_of_one_author_are_found_out_by_all() {
    hold_seeds(5, |seed| Options { twin: true, members: 5, ..Options::calm(seed) });
}

#[test]
fn a_member_that_floods_or_names_epochs_is_held_to_the_roster_by_all() {
    let rogue = |seed: u64| if seed.is_multiple_of(2) { Rogue::Floods } else { Rogue::NamesEpochs };
    hold_seeds(4, |seed| Options { rogue: Some(rogue(seed)), ..Options::stormy(seed) });
}

#[test]
fn a_busy_feed_gets_its_quorum_of_witnesses_through_crashes_and_partitions() {
    hold_seeds(2, Options::witnessed);
    hold_seeds(3, |seed| Options { crashes: true, partitions: true, ..Options::witnessed(seed) });
}

#[test]
fn journals_on_a_failing_file_system_keep_what_they_promise() {
    hold_seeds(3, |seed| Options { disk: options::DiskKind::Files, ..Options::stormy(seed) });
}

#[test]
fn everybody_counts_the_same_disputes_and_none_strengthens_or_revives_anything() {
    hold_seeds(4, |seed| Options {
        disputes: true,
        compacts: seed % 2 == 0,
        snapshots: seed % 2 == 1,
        restores: seed % 3 == 0,
        ..Options::stormy(seed)
    });
}

#[test]
fn every_author_counts_what_became_of_its_indicators_once_for_each_member() {
    hold_seeds(5, |seed| Options { sightings: true, compacts: seed % 2 == 0, members: 3, ..Options::stormy(seed) });
}

#[test]
fn compactions_beside_the_writer_lose_nothing() {
    hold_seeds(4, |seed| Options {
        compacts: true,
        restores: true,
        disk: if seed % 2 == 0 { options::DiskKind::Files } else { options::DiskKind::Memory },
        ..Options::stormy(seed)
    });
}

#[test]
fn other_keys_take_over_and_nobody_is_blamed_for_it() {
    hold_seeds(3, |seed| Options { rotates: true, restores: seed % 2 == 1, ..Options::stormy(seed) });
    hold_seeds(1, |seed| Options { rotates: true, crashes: true, ..Options::witnessed(seed) });
}

#[test]
fn a_start_from_a_snapshot_answers_what_its_store_does() {
    hold_seeds(4, |seed| Options {
        snapshots: true,
        compacts: seed % 2 == 0,
        restores: seed % 4 == 1,
        rotates: seed % 4 == 3,
        disk: if seed % 4 == 2 { options::DiskKind::Files } else { options::DiskKind::Memory },
        ..Options::stormy(seed)
    });
}

#[test]
fn days_that_pass_free_nothing_of_a_quota() {
    hold_seeds(4, |seed| Options {
        days: true,
        compacts: true,
        snapshots: true,
        rogue: Some(Rogue::Floods).filter(|_| seed % 4 != 3),
        members: 3,
        steps: 60,
        crashes: seed % 2 == 1,
        ..Options::calm(seed)
    });
}

#[test]
fn decoys_fill_windows_and_stand_for_nobody() {
    let decoys = |seed| Options { decoys: 2, window_ms: 10_000, members: 3, steps: 60, ..Options::stormy(seed) };
    hold_seeds(3, |seed| Options { compacts: seed % 2 == 1, ..decoys(seed) });
}

#[test]
fn anything_at_once() {
    hold_seeds(10, Options::of_seed);
}

#[test]
fn feeds_of_several_hundred_entries_are_proved_from_full_tiles() {
    hold_seeds(1, |seed| Options { bulk: true, batch_entries: 100, members: 3, steps: 25, ..Options::calm(seed) });
}

#[test]
fn one_seed_is_one_history() {
    for seed in [3, 12] {
        let options = Options { steps: 40, ..Options::of_seed(seed) };
        assert_eq!(hold(options), hold(options), "{options:?}");
    }
}
