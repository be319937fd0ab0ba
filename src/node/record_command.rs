//! What commands did beside the node, taken into its audit log: each note once, however often it is brought.

use std::collections::VecDeque;

use rand::CryptoRng;

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::command::{CommandDone, CommandId};
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::{Actor, AuditRecord};
use crate::node::Node;
use crate::node::store::{Journal, StorageFault, Views};

/// The newest notes that are in the log. A note is removed before others are taken, so that one which comes again, after a crash in
/// between, is among these.
#[derive(Debug, Default)]
pub struct Commands(VecDeque<CommandId>);

impl Commands {
    /// Takes note of a record that was made from a note.
    pub(in crate::node) fn note(&mut self, record: &AuditRecord) {
        let Some(id) = CommandId::of_record(record) else { return };
        if self.0.len() == limits::COMMAND_NOTES {
            self.0.pop_front();
        }
        self.0.push_back(id);
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Writes the notes that are not in the log yet; how many those were. With the answer all of them are in it.
    pub fn record_commands(
        &mut self,
        done: Vec<CommandDone>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<usize, StorageFault> {
        let mut recorded = 0;
        for done in done {
            if self.state.commands.0.contains(&done.id) {
                continue;
            }
            let actor = Actor::Machine { uid: done.uid };
            self.record(&actor, vec![AuditEvent::CommandDone(done)], now, rng)?;
            recorded += 1;
        }
        Ok(recorded)
    }
}
