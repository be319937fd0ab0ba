//! Room on the disk: running out is noticed before a write fails, because a journal that failed to write takes nothing more
//! until the node is started again.
//!
//! First this member's publications are refused, then also what peers send; what is left is for retractions, erasures, the
//! audit log, and for the compaction that may make room again. Screening needs none.

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::node::Node;
use crate::node::store::{Journal, Room, Views};

/// Too little room for what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the disk has {free_mib} MiB left and this needs {wanted_mib} MiB; free space, no restart is needed")]
pub struct DiskLow {
    pub free_mib: u64,
    pub wanted_mib: u64,
}

/// What is known of the room.
#[derive(Debug)]
pub(in crate::node) struct RoomLeft {
    room: Room,
    look_at: Timestamp,
}

impl RoomLeft {
    pub(in crate::node) fn new(now: Timestamp) -> Self {
        Self { room: Room::Enough, look_at: now }
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Looks once a second: that is a system call.
    pub(in crate::node) fn look_for_room(&mut self, now: Timestamp) {
        if self.room_left.look_at <= now {
            self.room_left = RoomLeft { room: self.journal.look_for_room(), look_at: now.plus_s(limits::ROOM_LOOK_S) };
        }
    }

    /// Too little room to publish, where that is so.
    pub fn disk_low(&self) -> Option<DiskLow> {
        match self.room_left.room {
            Room::Enough => None,
            Room::Short { free_bytes, wanted_bytes } => Some(disk_low(free_bytes, wanted_bytes)),
        }
    }

    /// Too little room to take in what peers send: half of what publishing needs.
    pub(in crate::node) fn disk_very_low(&self) -> Option<DiskLow> {
        match self.room_left.room {
            Room::Short { free_bytes, wanted_bytes } if free_bytes < wanted_bytes / 2 => {
                Some(disk_low(free_bytes, wanted_bytes / 2))
            }
            Room::Enough | Room::Short { .. } => None,
        }
    }
}

fn disk_low(free_bytes: u64, wanted_bytes: u64) -> DiskLow {
    const MIB: u64 = 1024 * 1024;
    DiskLow { free_mib: free_bytes / MIB, wanted_mib: wanted_bytes.div_ceil(MIB) }
}
