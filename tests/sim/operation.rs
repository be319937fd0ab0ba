//! Operations as data: what may be done to the houses, and how a seed chooses among it.

use hushwire::domain::feed::blob::dispute::DisputeStep;
use hushwire::domain::feed::blob::sighting::SightingOutcome;
use rand::RngExt;
use rand_chacha::ChaCha20Rng;

use crate::cases::{Act, draw_act};
use crate::late;
use crate::options::Options;
use crate::releases::{PRICES, Reach};

/// Identifiers of a run; several members publish the same.
pub const IDENTIFIERS: usize = 24;

/// How a retraction names what it withdraws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Name,
    SourceRef,
    Identifier,
}

/// One thing that happens. Houses are named by their place.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Publishes identifiers, spread over a time; `sync_now` is false where other calls share the round.
    Publish {
        house: usize,
        identifiers: Vec<usize>,
        spread_s: u32,
        sync_now: bool,
    },
    /// The rogue publishes so many identifiers at once.
    Flood {
        count: usize,
    },
    /// Sends the last publication of the house again.
    Repeat {
        house: usize,
    },
    /// Replaces an earlier indicator of the house, the `nth` it has.
    Supersede {
        house: usize,
        nth: usize,
    },
    Retract {
        house: usize,
        by: By,
        nth: usize,
        sync_now: bool,
    },
    /// Asks for the `nth` release of the house.
    Release {
        house: usize,
        nth: usize,
        reach: Reach,
    },
    /// The next roster names another key of the house, for its feed from some entries ahead or for its audit log.
    NextKey {
        house: usize,
        of_feed: bool,
        ahead: u64,
    },
    /// A house opens or withdraws a dispute of the `nth` indicator there is, or its author answers the house.
    Dispute {
        house: usize,
        nth: usize,
        step: DisputeStep,
    },
    /// What the `nth` indicator of the others stopped turns out to be.
    Sight {
        house: usize,
        nth: usize,
        outcome: SightingOutcome,
    },
    /// Does something with the `nth` case of the house.
    Case {
        house: usize,
        nth: usize,
        act: Act,
    },
    /// An order with these identifiers is screened.
    Order {
        house: usize,
        identifiers: Vec<usize>,
    },
    /// Does something with what is held back at the house, or with the `nth` indicator of others.
    Brake {
        house: usize,
        nth: usize,
        act: late::Act,
    },
    Snapshot {
        house: usize,
    },
    /// Changes the snapshot at some byte, or cuts it off there.
    DamageSnapshot {
        house: usize,
        at: u64,
        cuts: bool,
    },
    Sync {
        house: usize,
    },
    Crash {
        house: usize,
        restart: bool,
    },
    Start {
        house: usize,
    },
    /// The disk refuses the next write.
    BreakDisk {
        house: usize,
    },
    Backup {
        house: usize,
    },
    Restore {
        house: usize,
        nth: usize,
        old_views: bool,
    },
    /// Cuts or heals the line from puller to server.
    Cut {
        puller: usize,
        server: usize,
    },
    Heal {
        puller: usize,
        server: usize,
    },
    /// Nobody reaches these houses, and they nobody else.
    Isolate {
        houses: Vec<usize>,
    },
    HealAll,
    Weather {
        puller: usize,
        server: usize,
        latency_ms: u64,
        loss_percent: u8,
        mangled: bool,
    },
    ClockAhead {
        house: usize,
        ms: u64,
    },
    Advance {
        ms: u64,
    },
    /// So many days pass.
    PassDays {
        days: u64,
    },
}

/// Draws the next operation.
pub fn draw(options: &Options, houses: usize, rng: &mut ChaCha20Rng) -> Operation {
    let house = rng.random_range(0..houses);
    let other = (house + rng.random_range(1..houses)) % houses;
    if options.releases && rng.random_bool(0.25) {
        let reach = [Reach::Begun, Reach::Charged, Reach::Stored, Reach::Answered][rng.random_range(0..4)];
        return Operation::Release { house, nth: rng.random_range(0..PRICES.len()), reach };
    }
    if options.cases && rng.random_bool(0.5) {
        return Operation::Case { house, nth: rng.random_range(0..100), act: draw_act(rng) };
    }
    if options.late && rng.random_bool(0.4) {
        if rng.random_bool(0.3) {
            return Operation::Brake { house, nth: rng.random_range(0..100), act: late::draw_act(rng) };
        }
        let count = rng.random_range(1..4);
        let identifiers = (0..count).map(|_| rng.random_range(0..IDENTIFIERS)).collect();
        return Operation::Order { house, identifiers };
    }
    if options.days && rng.random_bool(0.07) {
        return Operation::PassDays { days: rng.random_range(1..8) };
    }
    // Several a day, of which some outlast what was there before them.
    if options.days && options.rogue.is_some() && rng.random_bool(0.2) {
        return Operation::Flood { count: rng.random_range(1..8) };
    }
    if options.disputes && rng.random_bool(0.25) {
        let step = [DisputeStep::Opened, DisputeStep::Opened, DisputeStep::Withdrawn, DisputeStep::Upheld];
        return Operation::Dispute { house, nth: rng.random_range(0..100), step: step[rng.random_range(0..4)] };
    }
    if options.sightings && rng.random_bool(0.3) {
        let outcome = SightingOutcome::ALL[rng.random_range(0..2)];
        return Operation::Sight { house, nth: rng.random_range(0..12), outcome };
    }
    if options.snapshots && rng.random_bool(0.12) {
        if rng.random_bool(0.8) {
            return Operation::Snapshot { house };
        }
        return Operation::DamageSnapshot { house, at: rng.random_range(0..1 << 20), cuts: rng.random_bool(0.3) };
    }
    if options.rotates && rng.random_bool(0.08) {
        return Operation::NextKey { house, of_feed: rng.random(), ahead: rng.random_range(1..12) };
    }
    match rng.random_range(0..100) {
        0..20 => publish(options, house, rng),
        20..22 if options.rogue.is_some() => Operation::Flood { count: rng.random_range(1..12) },
        20..22 => publish(options, house, rng),
        22..26 => Operation::Repeat { house },
        26..30 => Operation::Supersede { house, nth: rng.random_range(0..100) },
        30..40 => {
            let by = [By::Name, By::SourceRef, By::Identifier][rng.random_range(0..3)];
            Operation::Retract { house, by, nth: rng.random_range(0..100), sync_now: rng.random_bool(0.6) }
        }
        40..43 => Operation::Sync { house },
        43..50 if options.crashes => Operation::Crash { house, restart: rng.random_bool(0.7) },
        50..56 if options.crashes => Operation::Start { house },
        56..58 if options.crashes => Operation::BreakDisk { house },
        58..61 if options.restores => Operation::Backup { house },
        61..64 if options.restores => {
            Operation::Restore { house, nth: rng.random_range(0..8), old_views: rng.random_bool(0.5) }
        }
        64..68 if options.partitions => Operation::Cut { puller: house, server: other },
        68..71 if options.partitions => Operation::Heal { puller: house, server: other },
        71..73 if options.partitions => Operation::Isolate { houses: vec![house] },
        73..75 if options.partitions => Operation::HealAll,
        75..78 if options.partitions => Operation::Weather {
            puller: house,
            server: other,
            latency_ms: rng.random_range(1..2_000),
            loss_percent: rng.random_range(0..15),
            mangled: rng.random_bool(0.2),
        },
        // What a clock ahead says counts only later, and of that nobody hears.
        78..79 if options.decoys == 0 && !options.late => {
            Operation::ClockAhead { house, ms: rng.random_range(0..120_000) }
        }
        _ => Operation::Advance { ms: rng.random_range(50..4_000) },
    }
}

fn publish(options: &Options, house: usize, rng: &mut ChaCha20Rng) -> Operation {
    let count = if options.bulk { 300 } else { rng.random_range(1..4) };
    let identifiers = (0..count).map(|_| rng.random_range(0..IDENTIFIERS)).collect();
    let spread_s = if rng.random_bool(0.2) { rng.random_range(1..20) } else { 0 };
    Operation::Publish { house, identifiers, spread_s, sync_now: rng.random_bool(0.6) }
}
