//! What the node counts about itself, and the plain-HTTP listener where monitoring reads it (docs/observability.md).
//!
//! - [`atomics`] is what is counted with; [`counts`], [`calls`] and [`console`] belong to those who count.
//! - [`seen`] is what a look at the node showed, a few seconds old at most.
//! - [`families`] is the one table of all metrics; [`page`] writes it in both formats.
//! - [`process`] asks the kernel about this process; [`door`] answers scrapes and probes.
//!
//! There is no global: who counts owns its counters, [`page::Metrics`] reads them. No label names a member, a caller, a
//! customer or an identifier: monitoring systems are read by more people than the node is.

pub mod atomics;
pub mod calls;
pub mod console;
pub mod counts;
pub mod door;
pub mod families;
pub mod page;
mod policy;
pub mod process;
pub mod seen;
