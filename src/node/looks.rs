//! Who looked at what, for the audit log: a caller's first look at once, the same again within the next minute as a number, told once
//! the minute is over. So nobody fills the log by loading a page a thousand times, and nobody looks without a trace. The numbers are
//! in memory: a crash loses how often somebody looked again, and that they looked never.

use std::collections::BTreeMap;

use rand::CryptoRng;

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::looked::{Looked, Looks};
use crate::domain::audit::record::Actor;
use crate::node::Node;
use crate::node::store::{Journal, StorageFault, Views};

/// Looks of the last minute.
#[derive(Debug, Default)]
pub struct Looking(BTreeMap<(Actor, Looked), Again>);

/// The same look again.
#[derive(Debug)]
struct Again {
    /// From when on it is another look.
    until: Timestamp,
    times: u64,
    /// Of the first repetition.
    since: Option<Timestamp>,
}

impl Again {
    fn told(&self, looked: Looked) -> Option<AuditEvent> {
        let Self { times, since, .. } = *self;
        (times > 0).then_some(AuditEvent::Looked(Looks { looked, times, since }))
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Records that somebody looked at something; what they see is shown only when this is done.
    pub fn record_look(
        &mut self,
        caller: &Actor,
        looked: Looked,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let key = (caller.clone(), looked);
        if let Some(again) = self.state.looking.0.get_mut(&key).filter(|again| now < again.until) {
            again.times += 1;
            again.since.get_or_insert(now);
            return Ok(());
        }
        let before = self.state.looking.0.get(&key).and_then(|again| again.told(key.1.clone()));
        let events = before.into_iter().chain([AuditEvent::Looked(Looks::once(key.1.clone()))]).collect();
        self.record(caller, events, now, rng)?;
        self.state.looking.0.remove(&key);
        // Beyond that many, each look is told by itself.
        if self.state.looking.0.len() < limits::LOOKS {
            let until = now.plus_s(limits::LOOKS_TOLD_S);
            self.state.looking.0.insert(key, Again { until, times: 0, since: None });
        }
        Ok(())
    }

    /// Tells of what was looked at again in minutes that are over.
    pub(in crate::node) fn tell_looks(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StorageFault> {
        let over = self.state.looking.0.iter().filter(|(_, again)| again.until <= now).map(|(key, _)| key.clone());
        let mut by_caller: BTreeMap<Actor, Vec<Looked>> = BTreeMap::new();
        for (caller, looked) in over.collect::<Vec<_>>() {
            by_caller.entry(caller).or_default().push(looked);
        }
        for (caller, looks) in by_caller {
            let keys = looks.into_iter().map(|looked| (caller.clone(), looked)).collect::<Vec<_>>();
            let again = |key: &(Actor, Looked)| self.state.looking.0.get(key)?.told(key.1.clone());
            let events: Vec<AuditEvent> = keys.iter().filter_map(again).collect();
            if !events.is_empty() {
                self.record(&caller, events, now, rng)?;
            }
            // Only now: what could not be recorded is told with the next attempt.
            for key in &keys {
                self.state.looking.0.remove(key);
            }
        }
        Ok(())
    }
}
