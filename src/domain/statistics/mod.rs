//! Statistics a member may publish about its data without giving away a single case: differential privacy, budgeted.
//!
//! - *Unit of privacy*: one subject at one institution in one calendar quarter. Of what is published, a subject is a case where
//!   the publisher names one, otherwise an identifier, whatever it is derived into and under whatever epoch it is published
//!   again; of what is screened, a customer where the caller names one, otherwise an order. A node knows no persons: somebody with
//!   several cases, or known to several institutions, loses at most their sum.
//! - *Contribution bound*: a subject adds at most one row to each of [`contribution::CATEGORIES_PER_SUBJECT`] categories.
//! - *Budget*: the sum of all privacy losses charged to a quarter never exceeds its cap ([`ledger`]).
//! - *Order*: the charge is durable before noise is drawn, the result is durable before anybody sees it. A crash between
//!   may waste budget, never refund it.
//! - *Schedule*: daily and weekly releases are drawn by the node itself, whoever asks ([`schedule`]); their budget is kept for
//!   them. Members' releases of one question and period add up to the consortium's ([`sum`]).
//!
//! The draw takes its own randomness and so lives in `io::noise`. Sources: NIST SP 800-226 (unit, budget, hazards);
//! Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020) for the sampler.

pub mod budget;
pub mod cells;
pub mod contribution;
pub mod event;
pub mod ledger;
pub mod period;
pub mod published;
pub mod question;
pub mod release;
pub mod schedule;
pub mod sum;
