//! Planted bugs: each must be caught by its invariant within a few seeds, or the simulation sees nothing.

use crate::operation::Operation;
use crate::options::{Mutant, Options, Rogue};
use crate::releases::Reach;
use crate::violation::Invariant;
use crate::world::World;

/// Seeds in which a planted bug must show.
const SEEDS: u64 = 12;

/// How something acknowledged that is gone shows.
const LOST: [Invariant; 4] = [
    Invariant::AcknowledgedOnce,
    Invariant::RetractionFinds,
    Invariant::RetractedNeverMatches,
    Invariant::RepeatedRequest,
];

fn caught(mutant: Mutant, by: &[Invariant], options: impl Fn(u64) -> Options) {
    let mut seen = Vec::new();
    for seed in 0..SEEDS {
        let options = Options { mutant: Some(mutant), steps: 60, ..options(seed) };
        if let Err(violation) = World::run(options) {
            if by.contains(&violation.invariant) {
                return;
            }
            seen.push(violation.to_string());
        }
    }
    panic!("{mutant:?} was not caught by {by:?}; {seen:?}");
}

#[test]
fn a_journal_that_does_not_sync_is_caught() {
    caught(Mutant::SkipsSync, &LOST, |seed| Options { partitions: false, ..Options::stormy(seed) });
}

#[test]
fn an_answer_before_the_journal_is_durable_is_caught() {
    caught(Mutant::AnswersEarly, &LOST, Options::stormy);
}

#[test]
fn a_journal_that_loses_cases_is_caught() {
    caught(Mutant::SkipsSync, &[Invariant::CasesKept], |seed| Options {
        cases: true,
        partitions: false,
        ..Options::stormy(seed)
    });
}

#[test]
fn who_does_not_hear_what_changed_or_tells_it_twice_is_caught() {
    for mutant in [Mutant::MissesChanges, Mutant::ForgetsTelling] {
        caught(mutant, &[Invariant::LateMatchOnce], |seed| Options { late: true, members: 3, ..Options::calm(seed) });
    }
}

#[test]
fn members_that_ignore_quotas_are_caught() {
    let flooded = |seed| Options { rogue: Some(Rogue::Floods), ..Options::calm(seed) };
    caught(Mutant::IgnoresQuotas, &[Invariant::HeldToTheRoster], flooded);
}

#[test]
fn members_that_keep_rosters_to_themselves_are_caught() {
    let rotating = |seed| Options { rotates: true, ..Options::calm(seed) };
    caught(Mutant::KeepsRosters, &[Invariant::NoFalseAccusation, Invariant::Progress], rotating);
}

#[test]
fn a_start_that_reads_no_further_than_its_snapshot_is_caught() {
    caught(Mutant::SkipsTails, &[Invariant::SnapshotTells], |seed| Options {
        snapshots: true,
        ..Options::stormy(seed)
    });
}

#[test]
fn views_that_lose_runs_are_caught() {
    caught(Mutant::LosesRuns, &[Invariant::StoreWhole], Options::calm);
}

#[test]
fn views_that_lose_tiles_are_caught() {
    caught(Mutant::LosesTiles, &[Invariant::StoreWhole], |seed| Options {
        bulk: true,
        batch_entries: 100,
        members: 3,
        ..Options::calm(seed)
    });
}

#[test]
fn views_that_lose_request_ids_are_caught() {
    caught(Mutant::LosesRequests, &[Invariant::RepeatedRequest], Options::calm);
}

#[test]
fn a_restored_node_that_does_not_listen_is_caught() {
    let publish =
        |identifier| Operation::Publish { house: 1, identifiers: vec![identifier], spread_s: 0, sync_now: true };
    let wait = Operation::Advance { ms: 15_000 };
    let script = [
        publish(1),
        wait.clone(),
        Operation::Backup { house: 1 },
        publish(2),
        wait.clone(),
        Operation::Restore { house: 1, nth: 0, old_views: false },
        publish(4),
        wait,
    ];
    let honest = Options { restores: true, ..Options::calm(1) };
    assert!(World::play(honest, &script).is_ok());
    let deaf = World::play(Options { mutant: Some(Mutant::DeafToPeers), ..honest }, &script);
    assert!(deaf.is_err_and(|violation| violation.invariant == Invariant::SignedOnce));
}

fn release(reach: Reach) -> Operation {
    Operation::Release { house: 1, nth: 0, reach }
}

/// A script that holds, and does not with the bug planted.
fn caught_in(script: &[Operation], mutant: Mutant, invariant: Invariant) {
    let honest = Options::calm(1);
    if let Err(violation) = World::play(honest, script) {
        panic!("{violation}");
    }
    let planted = World::play(Options { mutant: Some(mutant), ..honest }, script);
    let violation = planted.expect_err("the planted bug shows");
    assert_eq!(violation.invariant, invariant, "{violation}");
}

#[test]
fn a_charge_that_is_not_durable_is_caught() {
    let script = [release(Reach::Charged), Operation::Crash { house: 1, restart: true }];
    caught_in(&script, Mutant::SkipsSync, Invariant::BudgetKept);
}

#[test]
fn a_release_that_is_answered_before_it_is_durable_is_caught() {
    let crash = Operation::Crash { house: 1, restart: true };
    let script = [release(Reach::Stored), crash, Operation::Advance { ms: 15_000 }, release(Reach::Answered)];
    caught_in(&script, Mutant::AnswersEarly, Invariant::ReleasedOnce);
}

#[test]
fn a_server_that_withholds_is_caught() {
    caught(Mutant::Withholds, &[Invariant::SameFeeds], Options::calm);
}

#[test]
fn members_that_do_not_compare_heads_are_caught() {
    caught(Mutant::KeepsHeadsToItself, &[Invariant::EquivocationProved], |seed| Options {
        twin: true,
        ..Options::calm(seed)
    });
}
