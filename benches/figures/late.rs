//! What it costs to follow an order for late matches, beside the checkouts: its names are sealed and taken into a window that is
//! full, so that another order leaves; and the window's memory.

use std::sync::Arc;

use hushwire::base::limits;
use hushwire::base::time::Timestamp;
use hushwire::domain::profile::facts::ProfileFacts;
use hushwire::domain::screening::late::order::{Order, Traced};
use hushwire::domain::screening::late::window::{Bounds, LateWindow};
use hushwire::domain::screening::policy::facts::Conditions;
use hushwire::domain::screening::screen::{ScreeningContext, screen_traced};
use hushwire::io::clock;

use crate::figure::{Book, Sample, Target};
use crate::measure::{median, per, resident_bytes, timed};
use crate::screening::{Bench, ROUNDS};
use crate::{Fault, world};

/// Orders that are ready at once: few, so that what memory they take is little beside the window's.
const CHUNK: usize = 500;
const CHUNKS: u32 = 100;

/// As many orders come in a round as the window holds.
pub fn measure(book: &mut Book) -> Result<(), Fault> {
    let bench = &Bench::new(clock::now())?;
    let orders = CHUNK * usize::try_from(CHUNKS)?;
    assert_eq!(u64::try_from(orders)?, limits::late::ORDERS, "a round fills the window");
    let bounds = Bounds { keep_s: u64::MAX, orders, names: orders * limits::late::NAMES_PER_ORDER };
    let mut window = LateWindow::new(bounds);
    let caller: Arc<str> = "till".into();
    let mut rounds = Vec::new();
    let before = resident_bytes("self")?;
    let mut held = 0;
    // The first round fills it.
    for round in 0..=ROUNDS {
        let mut spent_ns = 0;
        for nth in 0..CHUNKS {
            let seed = u64::from(round * CHUNKS + nth);
            let answered = bench.with_context(|context| answered(seed, CHUNK, context))?;
            let ((), ns) = timed(|| {
                for (order, traced) in answered {
                    window.put(order, Arc::clone(&caller), traced.seal(bench.keys()));
                }
                Ok(())
            })?;
            spent_ns += ns;
        }
        if round == 0 {
            held = resident_bytes("self")?.saturating_sub(before);
        } else {
            rounds.push(per(spent_ns, limits::late::ORDERS));
        }
    }
    let (n, names) =
        (limits::late::ORDERS, "five identifiers, twelve names; without the fingerprints of its references");
    let sample = Sample { value: median(&rounds) / 1_000.0, n, rounds: ROUNDS };
    book.note(("screening.late_take", "an order taken into a full window"), sample, "µs CPU", Target::None, names)?;
    let sample = Sample { value: per(held, n), n, rounds: 1 };
    book.note(("screening.late_memory", "memory of one order in the window"), sample, "bytes", Target::None, names)
}

/// Orders of people who share nothing.
fn answered(seed: u64, count: usize, context: &ScreeningContext<'_>) -> Result<Vec<(Box<Order>, Traced)>, Fault> {
    let people = world::people(1_000 + seed, count);
    let answered = people.iter().map(|person| {
        let transaction = world::transaction(person, context.now)?;
        let (screening, traced) = screen_traced(&transaction, context);
        let order = Order {
            id: [0; 16],
            at: Timestamp::from_unix_s(0),
            answered: screening.decision,
            outline: transaction.outline(),
            profile: ProfileFacts::default(),
            conditions: Conditions::default(),
            customer: None,
            transaction: None,
        };
        Ok((Box::new(order), traced))
    });
    answered.collect()
}
