//! Statistics wait behind the fence, as signatures do.

use hushwire::domain::audit::record::Actor;
use hushwire::domain::statistics::budget::Epsilon;
use hushwire::domain::statistics::period::Period;
use hushwire::domain::statistics::question::{Query, Question};
use hushwire::node::release::{ReleaseFault, ReleaseStep};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

fn begin(house: &mut House) -> Result<ReleaseStep, ReleaseFault> {
    let today = START.day();
    let period = Period::new(today, today.next(), today).expect("a day");
    let price = Epsilon::from_nano(250_000_000);
    let question = Question { query: Query::PublishedIndicatorsByKind, period, asked: price };
    let id = "week-1".parse().expect("an id");
    house.node.begin_release(&Actor::Node, &id, question, price, START, &mut house.rng)
}

#[test]
fn nothing_is_charged_or_drawn_before_the_others_told_what_they_hold() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let other = House::open(&consortium, 1, Disk::default(), START);
    let before = bank.node.budget(START.day());
    assert_eq!(begin(&mut bank).map(|_| ()), Err(ReleaseFault::Fenced));
    assert_eq!(bank.node.budget(START.day()), before, "a refusal costs nothing");
    exchange(&consortium, &mut bank, &other, START);
    assert!(matches!(begin(&mut bank), Ok(ReleaseStep::Draw(_))));
}
