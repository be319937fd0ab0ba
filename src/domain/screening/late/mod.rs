//! Late match: an order passed, and what the consortium says of it afterwards would have stopped it. Goods that are not
//! shipped yet can still be held.
//!
//! [`order`] is what is kept of an order: traces of its identifiers, none of which leads back to one, and the seals under
//! which later statements about them must open. A copied pseudonym opens under none, so it raises nothing. [`window`] holds
//! the orders of the past days, bounded in time and number, and finds those a changed pseudonym concerns by their [`names`].
//! [`judge`] asks the rules of screening again.

pub mod followed;

pub mod judge;

pub mod names;

pub mod order;

pub mod window;
