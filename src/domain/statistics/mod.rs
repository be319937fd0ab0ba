//! Statistics a member may publish about its data without giving away a data subject: differential privacy, budgeted.
//!
//! - *Unit of privacy*: one data subject at one institution in one calendar quarter. Somebody known to g institutions has
//!   a total loss of at most g times the cap.
//! - *Contribution bound*: a subject adds at most one row to each of [`contribution::CATEGORIES_PER_SUBJECT`] categories.
//! - *Budget*: the sum of all privacy losses charged to a quarter never exceeds its cap ([`ledger`]).
//! - *Order*: the charge is durable before noise is drawn, the result is durable before anybody sees it. A crash between
//!   may waste budget, never refund it.
//!
//! The draw takes its own randomness and so lives in `io::noise`. Sources: NIST SP 800-226 (unit, budget, hazards);
//! Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020) for the sampler.

pub mod budget;
pub mod contribution;
pub mod event;
pub mod ledger;
pub mod period;
pub mod question;
pub mod release;
