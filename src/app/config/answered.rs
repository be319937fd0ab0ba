//! `[late]` and `[brake]`: what becomes of orders once they are answered, and of indicators that would concern many of them.

use std::path::PathBuf;

use crate::app::config::layout::NodeDir;
use crate::app::config::reader::Reader;
use crate::base::limits;

/// How long orders that passed are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateConfig {
    /// 0 follows none.
    pub hours: u64,
    pub max_orders: usize,
}

impl LateConfig {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let orders = reader.integer("late.max_orders", 1..=10_000_000, limits::late::ORDERS);
        Self {
            hours: reader.integer("late.hours", 0..=720, limits::late::HOURS),
            max_orders: usize::try_from(orders).expect("the reader's range fits"),
        }
    }
}

/// When indicators that would concern many orders are stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrakeConfig {
    /// Of a thousand own transactions, that an own publication may concern without being forced.
    pub refuse_per_mille: u64,
    /// The same of an indicator of another member, before it is held back.
    pub hold_per_mille: u64,
    /// File of values known to be good.
    pub canaries: Option<PathBuf>,
}

impl BrakeConfig {
    pub(super) fn read(reader: &mut Reader, dir: &NodeDir) -> Self {
        let mut per_mille = |key| reader.integer(key, 1..=1_000, limits::brake::PER_MILLE);
        Self {
            refuse_per_mille: per_mille("brake.refuse_per_mille"),
            hold_per_mille: per_mille("brake.hold_per_mille"),
            canaries: reader.optional::<PathBuf>("brake.canaries", "a path").map(|file| dir.path().join(file)),
        }
    }
}
