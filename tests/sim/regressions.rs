//! What once broke an invariant, as the operations that showed it, by the rule that was mended.

use crate::operation::{By, Operation};
use crate::options::Options;
use crate::world::World;

fn publish(house: usize, identifier: usize) -> Operation {
    Operation::Publish { house, identifiers: vec![identifier], spread_s: 0, sync_now: true }
}

fn hold(options: Options, script: &[Operation]) {
    if let Err(violation) = World::play(options, script) {
        panic!("{violation}\n{options:?}");
    }
}

/// `RetractionFinds`: only what showed already was looked through.
#[test]
fn what_waits_for_its_window_is_withdrawn_by_its_identifier() {
    let waiting = Operation::Publish { house: 1, identifiers: vec![4], spread_s: 3_600, sync_now: true };
    let retract = Operation::Retract { house: 1, by: By::Identifier, nth: 0, sync_now: true };
    hold(Options::calm(1), &[waiting, retract]);
}

/// `RetractionFinds`: an entry sequenced and not yet durable was neither waiting nor believed.
#[test]
fn what_was_sequenced_in_the_same_round_is_withdrawn() {
    let by_name = |nth| Operation::Retract { house: 1, by: By::Name, nth, sync_now: false };
    hold(Options::calm(1), &[publish(1, 4), publish(1, 5), by_name(0), by_name(0)]);
}

/// `NoFalseAccusation`: a batch that overlapped with what another member had sent was blamed on its sender.
#[test]
fn author_and_relay_may_send_the_same_entries() {
    hold_seed(Options { steps: 50, ..Options::stormy(9) });
}

/// `SignedOnce`: the first peer that answered knew less than the others, and its answer was enough.
#[test]
fn a_restored_node_asks_more_than_the_first_that_answers() {
    let wait = Operation::Advance { ms: 15_000 };
    let lagging = Operation::Cut { puller: 0, server: 1 };
    let slow = |server| Operation::Weather { puller: 1, server, latency_ms: 2_000, loss_percent: 0, mangled: false };
    let mut script = vec![publish(1, 1), wait.clone(), Operation::Backup { house: 1 }];
    // House 0 hears neither from the author nor from any relay.
    script.extend([lagging, Operation::Cut { puller: 0, server: 2 }]);
    script.extend([publish(1, 2), wait.clone(), slow(2)]);
    script.extend([Operation::Restore { house: 1, nth: 0, old_views: false }, publish(1, 4), wait]);
    hold(Options { members: 3, restores: true, ..Options::calm(1) }, &script);
}

/// `StoreWhole`: views of another life of the store were taken for those of this one, because their mark was not beyond it.
#[test]
fn views_of_another_life_are_built_anew() {
    let wait = || Operation::Advance { ms: 15_000 };
    let backup = || Operation::Backup { house: 1 };
    let restore = |nth| Operation::Restore { house: 1, nth, old_views: false };
    let alone =
        |house: usize| [Operation::Cut { puller: 2, server: house }, Operation::Cut { puller: house, server: 2 }];
    let mut script = vec![publish(1, 1), wait(), backup()];
    script.extend((10..20).map(|identifier| publish(1, identifier)));
    script.extend([wait(), backup()]);
    script.extend(alone(1));
    script.extend([restore(0), publish(1, 2), publish(1, 4), wait(), restore(1), wait()]);
    hold(Options { restores: true, ..Options::calm(1) }, &script);
}

fn hold_seed(options: Options) {
    if let Err(violation) = World::run(options) {
        panic!("{violation}\n{options:?}");
    }
}

/// `EquivocationProved`: the checkpoint of a batch whose entries were held already was not looked at.
#[test]
fn a_batch_of_known_entries_may_sign_another_history() {
    hold_seed(Options { twin: true, ..Options::calm(101) });
}

/// `NoFalseAccusation`: the author who completed a feed was blamed for contents a relay had stripped before.
#[test]
fn who_completes_a_feed_has_not_stripped_it() {
    hold_seed(Options { relay: true, ..Options::stormy(102) });
}

/// `NoFalseAccusation`: a line under a witness's name and another key made honest notes unmergeable.
#[test]
fn a_borrowed_name_on_a_note_makes_nobody_guilty() {
    hold_seed(Options { relay: true, ..Options::stormy(115) });
}

/// `NoFalseAccusation`: heads of a welcome were judged before the rosters were heard that name their keys.
#[test]
fn who_is_several_rosters_behind_blames_nobody() {
    let wait = || Operation::Advance { ms: 5_000 };
    let feed_of = |house| Operation::NextKey { house, of_feed: true, ahead: 1 };
    let mut script = vec![publish(0, 1), publish(1, 2), wait(), Operation::Crash { house: 2, restart: false }];
    script.extend([feed_of(0), wait(), publish(0, 4), wait(), feed_of(1), wait(), publish(1, 5), wait()]);
    script.extend([Operation::Start { house: 2 }, wait()]);
    hold(Options { members: 3, ..Options::calm(1) }, &script);
}

/// `AuditWitnessed`: a witness that had named a head of the former key was told nothing of the log under the next one, for as
/// long as its stream lived.
#[test]
fn a_witness_names_its_head_again_behind_a_roster() {
    hold_seed(Options { rotates: true, crashes: true, ..Options::witnessed(102) });
}
