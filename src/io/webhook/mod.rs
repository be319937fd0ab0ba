//! Webhooks: decisions and alarms are posted to the member's own systems, signed by the scheme of Standard Webhooks.
//!
//! The outbox is the audit log. What is told is made from records that are durable there, and each receiver has a `place`
//! in the log up to which everything is delivered or given up: nothing acknowledged is lost by a crash, nothing is stored
//! twice, and what no record holds cannot be told. An event keeps its id however often it is posted.
//!
//! [`address`] says where events may go, [`secret`] signs them, `post` makes one attempt, `outbox` holds what waits,
//! [`deliver`] puts these together. [`code`] is the exception: what it tells is read from no log and rests nowhere.
//! Nothing here is waited for by a screening.

pub mod address;
pub mod aside;
pub mod code;
pub mod deliver;
mod outbox;
pub mod payload;
mod place;
mod post;
pub mod secret;
