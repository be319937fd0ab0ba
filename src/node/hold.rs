//! Placing and lifting legal holds. What they hold, says [`crate::domain::audit::hold`]; the sweep asks them of every content that
//! is over.

use rand::{CryptoRng, RngExt};

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::hold::{By, Hold, HoldId, HoldReason, Scope};
use crate::domain::audit::record::Actor;
use crate::node::Node;
use crate::node::commit::{Commit, change};
use crate::node::erasures::person;
use crate::node::hold_stored::{HoldPlaced, HoldStepped};
use crate::node::state::State;
use crate::node::store::{Journal, StorageFault, Views};

/// A hold was not placed or not lifted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldFault {
    #[error("{limit} legal holds stand already; lift some")]
    TooMany { limit: usize },
    #[error("the store is being swept of what is over, which the hold would come too late for; try again")]
    Sweeping,
    #[error("no legal hold of this id stands")]
    Unknown,
    #[error("nobody asked within {hours} hours that this hold be lifted")]
    NotAsked { hours: u64 },
    #[error("lifting a hold takes two people: {person} asked for it, somebody else must confirm it")]
    SamePerson { person: String },
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Places a hold. The same person placing the same one again finds it standing.
    pub fn place_hold(
        &mut self,
        caller: &Actor,
        scope: Scope,
        reason: HoldReason,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Hold, HoldFault> {
        let placed = by(caller, now);
        let same = |hold: &&Hold| (&hold.scope, hold.reason, &hold.placed.person) == (&scope, reason, &placed.person);
        if let Some(standing) = self.state.holds.iter().find(same) {
            return Ok(standing.clone());
        }
        // A sweep decides by the holds of its beginning: what it has decided to take cannot be held any more, and whoever
        // was told that something is held must be able to rely on it.
        if self.is_compacting() {
            return Err(HoldFault::Sweeping);
        }
        if self.state.holds.len() >= limits::evidence::HOLDS {
            return Err(HoldFault::TooMany { limit: limits::evidence::HOLDS });
        }
        let hold = Hold { id: HoldId(rng.random()), scope, reason, placed, lift_asked: None };
        let event = AuditEvent::HoldPlaced {
            hold_id: hold.id.to_string(),
            scope: hold.scope.word(),
            held: hold.scope.to_string(),
            reason: reason.label(),
        };
        let mut commit = Commit::default();
        commit.push(change::Kind::HoldPlaced(HoldPlaced::of(&hold)));
        self.commit(commit, caller, vec![event], now, rng)?;
        Ok(hold)
    }

    /// The holds that stand. Looking is recorded.
    pub fn list_holds(
        &mut self,
        caller: &Actor,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Hold>, StorageFault> {
        let mut holds: Vec<Hold> = self.state.holds.iter().cloned().collect();
        holds.sort_by_key(|hold| hold.placed.at);
        let count = u64::try_from(holds.len()).unwrap_or(u64::MAX);
        self.record(caller, vec![AuditEvent::HoldsListed { holds: count }], now, rng)?;
        Ok(holds)
    }

    /// Asks that a hold be lifted. One that waits for its confirmation already goes on waiting for it.
    pub fn ask_lift(
        &mut self,
        caller: &Actor,
        id: HoldId,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Hold, HoldFault> {
        let hold = self.state.holds.get(&id).ok_or(HoldFault::Unknown)?;
        if hold.lifting(now).is_some() {
            return Ok(hold.clone());
        }
        let mut commit = Commit::default();
        commit.push(change::Kind::HoldStepped(HoldStepped::of(&id, &by(caller, now), false)));
        self.commit(commit, caller, vec![AuditEvent::HoldLiftAsked { hold_id: id.to_string() }], now, rng)?;
        self.state.holds.get(&id).cloned().ok_or(HoldFault::Unknown)
    }

    /// Lifts a hold that somebody else asked to lift. What it held goes with the next sweep, where nothing else holds it.
    pub fn confirm_lift(
        &mut self,
        caller: &Actor,
        id: HoldId,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Hold, HoldFault> {
        let hold = self.state.holds.get(&id).cloned().ok_or(HoldFault::Unknown)?;
        let hours = limits::evidence::HOLD_LIFT_HOURS;
        let Some(asked) = hold.lifting(now).cloned() else { return Err(HoldFault::NotAsked { hours }) };
        let confirmed = by(caller, now);
        if confirmed.person == asked.person {
            let event = AuditEvent::HoldRefused { hold_id: id.to_string(), rule: "same_person" };
            self.record(caller, vec![event], now, rng)?;
            return Err(HoldFault::SamePerson { person: asked.person });
        }
        let event = AuditEvent::HoldLifted { hold_id: id.to_string(), asked_by: asked.caller };
        let mut commit = Commit::default();
        commit.push(change::Kind::HoldStepped(HoldStepped::of(&id, &confirmed, true)));
        self.commit(commit, caller, vec![event], now, rng)?;
        Ok(hold)
    }
}

impl State {
    pub(in crate::node) fn apply_hold_placed(&mut self, placed: &HoldPlaced) -> Result<(), StorageFault> {
        self.holds.place(placed.read()?);
        self.use_holds();
        Ok(())
    }

    /// Of a hold that is not there nobody asks any more: compaction may have left the step and dropped the hold.
    pub(in crate::node) fn apply_hold_stepped(&mut self, stepped: &HoldStepped) -> Result<(), StorageFault> {
        let (id, by) = stepped.read()?;
        if stepped.lifted {
            self.holds.lift(&id);
            self.use_holds();
        } else {
            self.holds.ask_lift(&id, by);
        }
        Ok(())
    }

    fn use_holds(&mut self) {
        self.held = self.holds.held();
        self.cases.hold(self.held.clone());
    }
}

fn by(caller: &Actor, at: Timestamp) -> By {
    By { caller: caller.to_string(), person: person(caller), at }
}
