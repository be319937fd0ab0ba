//! Readers of belief beside its writer, on real threads: nothing is missed, nothing torn gets out, nobody waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hushwire::base::bytes::{Commitment, Pseudonym};
use hushwire::base::epoch::EpochId;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::name::FeedId;
use hushwire::base::position::EntryIndex;
use hushwire::base::time::{Day, Timestamp};
use hushwire::domain::belief::place::TableKey;
use hushwire::domain::belief::said::{Said, SaidContent};
use hushwire::domain::belief::{Belief, Witnessing};
use rand::SeedableRng;

/// Held throughout; what comes and goes beside them makes tables grow and chunks move.
const LASTING: u64 = 500;
const ROUNDS: u64 = 12;
const PASSING_PER_ROUND: u64 = 6_000;
const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

fn name(number: u64, salt: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, factor) in bytes.chunks_exact_mut(8).zip([0x9E37_79B9_7F4A_7C15_u64, 0xD6E8_FEB8_6659_FD93, 3, 5]) {
        chunk.copy_from_slice(&(number + (salt << 40)).wrapping_mul(factor).to_be_bytes());
    }
    bytes
}

fn sealed(number: u64) -> Vec<u8> {
    number.to_be_bytes().repeat(13)
}

fn apply(belief: &Belief, index: u64, commitment: [u8; 32], expires_day: Day, content: SaidContent<'_>) {
    let feed = FeedId { member: "bank-a".parse().expect("valid"), group: "all".parse().expect("valid") };
    let mut writer = belief.writer();
    let said = Said {
        feed: writer.feed(&feed).expect("room"),
        index: EntryIndex(index),
        commitment: Commitment(commitment),
        epoch_id: EpochId([1; 16]),
        expires_day,
        first_seen: NOW,
        content,
    };
    writer.apply(&said).expect("room");
}

fn believe(belief: &Belief, number: u64, expires_day: Day) {
    let sealed = sealed(number);
    let pseudonym = Pseudonym(name(number, 1));
    let content = SaidContent::Indicator { pseudonym, kind: IdentifierKind::Pan, sealed: &sealed };
    apply(belief, number, name(number, 2), expires_day, content);
}

fn look_up(belief: &Belief, number: u64) {
    let statements = belief.view().statements(&Pseudonym(name(number, 1)));
    if number < LASTING {
        assert_eq!(statements.len(), 1, "lasting statement {number} was missed");
    }
    for statement in statements {
        assert_eq!(*statement.sealed, *sealed(number), "torn record");
        assert_eq!(statement.commitment, Commitment(name(number, 2)));
        assert_eq!(statement.index, EntryIndex(number));
    }
}

#[test]
fn lasting_statements_are_always_found_and_passing_ones_are_whole() {
    let key = TableKey::draw(&mut rand_chacha::ChaCha12Rng::seed_from_u64(3));
    let belief = Belief::new(key, Witnessing::NotNeeded);
    for number in 0..LASTING {
        believe(&belief, number, Day(30_000));
    }
    let done = AtomicBool::new(false);
    let looked_up = [AtomicU64::new(0), AtomicU64::new(0)];
    std::thread::scope(|scope| {
        let readers = looked_up.each_ref().map(|counter| {
            let (belief, done) = (&belief, &done);
            scope.spawn(move || {
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    number = (number + 13) % (LASTING + ROUNDS * PASSING_PER_ROUND);
                    look_up(belief, number);
                    look_up(belief, number % LASTING);
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let today = NOW.day().0;
        for round in 0..ROUNDS {
            let first = LASTING + round * PASSING_PER_ROUND;
            let day = Day(today + u32::try_from(round).expect("small"));
            for number in first..first + PASSING_PER_ROUND {
                believe(&belief, number, day);
                if number % 5 == 0 {
                    let target = Commitment(name(number, 2));
                    apply(&belief, number + 1_000_000, name(number, 3), day, SaidContent::Erasure { target });
                }
            }
            belief.writer().expire(day);
        }
        belief.writer().expire(Day(29_999));
        // On a busy machine a reader may have had no turn yet; one that ended early has panicked and fails the scope.
        let is_idle = |counter: &AtomicU64| counter.load(Ordering::Relaxed) < 1_000;
        while looked_up.iter().any(is_idle) && !readers.iter().any(|reader| reader.is_finished()) {
            std::thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(belief.held().live, LASTING);
}
