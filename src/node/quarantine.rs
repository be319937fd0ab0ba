//! What this node holds back of others until a person decides: raised by rules, kept by one person, lifted by two.
//!
//! Rebuilt from the journal like all of the node's memory. What was lifted stays on record, so that the same rule does not
//! raise it again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rand::{CryptoRng, RngExt};

use crate::base::bytes::Commitment;
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::belief::brake::{Brake, HeldBack};
use crate::domain::screening::brake::HeldReason;
use crate::node::Node;
use crate::node::commit::{Commit, change};
use crate::node::erasures::person;
use crate::node::quarantine_stored::{KEPT, LIFT_ASKED, LIFTED, QuarantineDecided, Quarantined, read_id};
use crate::node::state::damaged;
use crate::node::store::{Journal, StorageFault, Views};

/// Names one quarantine: 16 random bytes, in text 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuarantineId(pub [u8; 16]);

impl fmt::Display for QuarantineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Not the id of a quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a quarantine has 32 hex digits")]
pub struct NoQuarantineId;

impl FromStr for QuarantineId {
    type Err = NoQuarantineId;

    fn from_str(text: &str) -> Result<Self, NoQuarantineId> {
        let bytes = hex::decode(text).map_err(|_| NoQuarantineId)?;
        bytes.try_into().map(Self).map_err(|_| NoQuarantineId)
    }
}

/// What is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Indicator(Commitment),
    /// Everything new of the member and kind, from this moment on.
    AllNew {
        since: Timestamp,
    },
}

/// How far people have come with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has decided.
    Waiting,
    /// One person wants it lifted; another has to, by that time.
    LiftAsked { by: String, person: String, ends: Timestamp },
    /// A person decided that it stays.
    Kept { by: String },
    /// It counts again.
    Lifted { at: Timestamp },
}

/// What a rule wants held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    pub member: MemberId,
    pub kind: IdentifierKind,
    pub subject: Subject,
    pub reason: HeldReason,
    /// Transactions it concerned, and of how many; 0 where that is not the reason.
    pub matched: u64,
    pub transactions: u64,
}

/// One quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: QuarantineId,
    pub raise: Raise,
    pub at: Timestamp,
    pub standing: Standing,
}

impl Row {
    /// Whether it counts in nothing.
    pub fn is_held(&self) -> bool {
        !matches!(self.standing, Standing::Lifted { .. })
    }
}

/// A person's step was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineFault {
    #[error("nothing of this id is held back")]
    Unknown,
    #[error("lifting a quarantine takes two people: {person} asked for it, somebody else must lift it")]
    SamePerson { person: String },
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// All quarantines of the longest validity.
#[derive(Debug, Default)]
pub struct Quarantines {
    rows: BTreeMap<QuarantineId, Row>,
    /// Something changed that belief does not show yet.
    pub(in crate::node) unshown: bool,
}

impl Quarantines {
    pub(in crate::node) fn raise(&mut self, stored: &Quarantined) -> Result<(), StorageFault> {
        let row = Row::read(stored)?;
        self.rows.retain(|_, earlier| !is_over(earlier.at, row.at));
        self.rows.insert(row.id, row);
        self.unshown = true;
        Ok(())
    }

    pub(in crate::node) fn decide(&mut self, stored: &QuarantineDecided) -> Result<(), StorageFault> {
        let id = read_id(&stored.id)?;
        // Compaction may have dropped what was decided of.
        let Some(row) = self.rows.get_mut(&id) else { return Ok(()) };
        let at = Timestamp::from_unix_ms(stored.time_ms);
        let (by, person) = (stored.by.clone(), stored.person.clone());
        row.standing = match stored.step {
            LIFT_ASKED => Standing::LiftAsked { by, person, ends: at.plus_s(limits::ERASURE_HOURS * 3_600) },
            LIFTED => Standing::Lifted { at },
            KEPT => Standing::Kept { by },
            _ => return Err(damaged("quarantine", "an unknown step")),
        };
        self.unshown = true;
        Ok(())
    }

    /// What a snapshot must know: all that was not lifted, as if nobody had decided of it.
    pub(in crate::node) fn held_back(&self) -> impl Iterator<Item = Row> {
        let held = self.rows.values().filter(|row| row.is_held());
        held.map(|row| Row { standing: Standing::Waiting, ..row.clone() })
    }

    /// Rows behind an id, in the order of ids.
    pub fn after(&self, id: Option<QuarantineId>) -> impl Iterator<Item = &Row> {
        let from = id.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.rows.range((from, std::ops::Bound::Unbounded)).map(|(_, row)| row)
    }

    /// How many nobody has decided of.
    pub fn waiting(&self) -> usize {
        let waits = |row: &&Row| matches!(row.standing, Standing::Waiting | Standing::LiftAsked { .. });
        self.rows.values().filter(waits).count()
    }

    /// What belief marks with it.
    pub(in crate::node) fn brake(&self) -> Brake {
        let mut brake = Brake::default();
        for row in self.rows.values().filter(|row| row.is_held()) {
            let Raise { member, kind, subject, .. } = &row.raise;
            match subject {
                Subject::Indicator(commitment) => {
                    brake.indicators.insert(*commitment);
                }
                Subject::AllNew { since } => {
                    brake.floods.push(HeldBack { member: member.clone(), kind: *kind, since: *since });
                }
            }
        }
        brake
    }

    /// What is held back for it; nothing where that is already. Where as many are held of a member as people would look at, it is
    /// all it ever said of the kind; as long as people have just lifted that, single ones are held as before.
    fn wanted(&self, raise: Raise, now: Timestamp) -> Option<Raise> {
        if self.is_full(&raise.member) {
            let ever = Timestamp::from_unix_ms(0);
            let all = Raise { subject: Subject::AllNew { since: ever }, ..raise.clone() };
            let covers = |row: &Row| {
                let Raise { member, kind, subject, .. } = &row.raise;
                row.is_held() && (member, *kind, *subject) == (&all.member, all.kind, all.subject)
            };
            if self.rows.values().any(covers) {
                return None;
            }
            if !self.knows(&all, now) {
                return Some(all);
            }
        }
        Some(raise).filter(|raise| !self.knows(raise, now))
    }

    /// Whether a member has as many single indicators here, lifted ones too, as people would look at.
    fn is_full(&self, member: &MemberId) -> bool {
        let single = |row: &&Row| matches!(row.raise.subject, Subject::Indicator(_)) && row.raise.member == *member;
        self.rows.values().filter(single).count() >= limits::brake::QUARANTINES_OF_MEMBER
    }

    /// Whether this was raised before, whatever became of it. A flood is raised again once the one before was lifted a day ago.
    fn knows(&self, raise: &Raise, now: Timestamp) -> bool {
        self.rows.values().any(|row| match (row.raise.subject, raise.subject) {
            (Subject::Indicator(held), Subject::Indicator(new)) => held == new,
            (Subject::AllNew { .. }, Subject::AllNew { .. }) => {
                let lifted_long_ago =
                    matches!(row.standing, Standing::Lifted { at } if at.plus_s(limits::brake::FLOOD_LIFTED_S) < now);
                row.raise.member == raise.member && row.raise.kind == raise.kind && !lifted_long_ago
            }
            (Subject::Indicator(_), Subject::AllNew { .. }) | (Subject::AllNew { .. }, Subject::Indicator(_)) => false,
        })
    }
}

impl FromIterator<Row> for Quarantines {
    fn from_iter<T: IntoIterator<Item = Row>>(rows: T) -> Self {
        Self { rows: rows.into_iter().map(|row| (row.id, row)).collect(), unshown: false }
    }
}

/// Whether what was raised then speaks of nothing that can still be held.
fn is_over(raised: Timestamp, now: Timestamp) -> bool {
    raised.day().0.saturating_add(limits::KEPT_DAYS) < now.day().0
}

/// The same for compaction.
pub(in crate::node) fn is_over_ms(time_ms: u64, now: Timestamp) -> bool {
    is_over(Timestamp::from_unix_ms(time_ms), now)
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Holds back what rules found; what was raised before is left as it is.
    pub fn raise_quarantines(
        &mut self,
        raises: Vec<Raise>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        for raise in raises {
            let Some(raise) = self.state.quarantines.wanted(raise, now) else { continue };
            let id = QuarantineId(rng.random());
            let row = Row { id, raise, at: now, standing: Standing::Waiting };
            let event = AuditEvent::IndicatorQuarantined {
                quarantine_id: id.to_string(),
                member: row.raise.member.clone(),
                kind: row.raise.kind,
                reason: row.raise.reason.label(),
                matched: row.raise.matched,
                transactions: row.raise.transactions,
            };
            let mut commit = Commit::default();
            commit.push(change::Kind::Quarantined(row.stored()));
            self.commit(commit, &Actor::Node, vec![event], now, rng)?;
        }
        Ok(())
    }

    /// Lets it count again: the first person asks, and another one lifts. Whether it is lifted. Repeated, it changes nothing.
    pub fn lift_quarantine(
        &mut self,
        caller: &Actor,
        id: QuarantineId,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<bool, QuarantineFault> {
        let row = self.state.quarantines.rows.get(&id).ok_or(QuarantineFault::Unknown)?;
        let member = row.raise.member.clone();
        let quarantine_id = id.to_string();
        match row.standing.clone() {
            Standing::Lifted { .. } => Ok(true),
            Standing::LiftAsked { person: asked, ends, .. } if ends > now && asked == person(caller) => {
                let event = AuditEvent::QuarantineLiftRefused { quarantine_id, rule: "same_person" };
                self.record(caller, vec![event], now, rng)?;
                Err(QuarantineFault::SamePerson { person: asked })
            }
            Standing::LiftAsked { by, ends, .. } if ends > now => {
                let event = AuditEvent::IndicatorUnquarantined { quarantine_id, member, asked_by: by };
                self.decide(caller, id, LIFTED, event, now, rng)?;
                Ok(true)
            }
            Standing::Waiting | Standing::LiftAsked { .. } | Standing::Kept { .. } => {
                let event = AuditEvent::QuarantineLiftAsked { quarantine_id, member };
                self.decide(caller, id, LIFT_ASKED, event, now, rng)?;
                Ok(false)
            }
        }
    }

    /// A person looked at it, and it stays. What two people lifted is not held back again by one.
    pub fn keep_quarantined(
        &mut self,
        caller: &Actor,
        id: QuarantineId,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), QuarantineFault> {
        let held = self.state.quarantines.rows.get(&id).filter(|row| row.is_held());
        let row = held.ok_or(QuarantineFault::Unknown)?;
        if let Standing::Kept { .. } = row.standing {
            return Ok(());
        }
        let event = AuditEvent::QuarantineKept { quarantine_id: id.to_string(), member: row.raise.member.clone() };
        Ok(self.decide(caller, id, KEPT, event, now, rng)?)
    }

    fn decide(
        &mut self,
        caller: &Actor,
        id: QuarantineId,
        step: u32,
        event: AuditEvent,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let mut commit = Commit::default();
        commit.push(change::Kind::QuarantineDecided(QuarantineDecided {
            id: id.0.to_vec(),
            step,
            by: caller.to_string(),
            person: person(caller),
            time_ms: now.unix_ms(),
        }));
        self.commit(commit, caller, vec![event], now, rng)
    }
}

#[cfg(test)]
pub(in crate::node) mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    pub fn row(id: u8, subject: Subject) -> Row {
        let member = "bank-b".parse().expect("valid");
        let (kind, reason) = (IdentifierKind::Pan, HeldReason::Wide);
        let raise = Raise { member, kind, subject, reason, matched: 41, transactions: 1_000 };
        Row { id: QuarantineId([id; 16]), raise, at: NOW, standing: Standing::Waiting }
    }

    fn decided(id: u8, step: u32) -> QuarantineDecided {
        let (by, person) = ("hushwire://bank-a/analyst/anna".to_owned(), "anna".to_owned());
        QuarantineDecided { id: vec![id; 16], step, by, person, time_ms: NOW.unix_ms() }
    }

    #[test]
    fn one_member_fills_its_own_share_and_nobody_elses() {
        let mut quarantines = Quarantines::default();
        for number in 0..limits::brake::QUARANTINES_OF_MEMBER {
            let (mut id, mut commitment) = ([0; 16], [0; 32]);
            id[..8].copy_from_slice(&number.to_be_bytes());
            commitment[..8].copy_from_slice(&number.to_be_bytes());
            assert!(!quarantines.is_full(&"bank-b".parse().expect("valid")));
            let row = Row { id: QuarantineId(id), ..row(0, Subject::Indicator(Commitment(commitment))) };
            quarantines.raise(&row.stored()).expect("as it was written");
        }
        assert!(quarantines.is_full(&"bank-b".parse().expect("valid")));
        assert!(!quarantines.is_full(&"bank-c".parse().expect("valid")));

        // One more holds back all; once people lifted that, single ones are held again.
        let ever = Subject::AllNew { since: Timestamp::from_unix_ms(0) };
        let one_more = |number: u8| row(0, Subject::Indicator(Commitment([number; 32]))).raise;
        let all = quarantines.wanted(one_more(201), NOW).expect("nothing holds it yet");
        assert_eq!(all.subject, ever);
        let held = Row { id: QuarantineId([255; 16]), raise: all, at: NOW, standing: Standing::Waiting };
        quarantines.raise(&held.stored()).expect("as it was written");
        assert_eq!(quarantines.wanted(one_more(202), NOW), None, "it is among all");
        quarantines.decide(&decided(255, LIFTED)).expect("known");
        let single = quarantines.wanted(one_more(203), NOW).expect("nothing holds it now");
        assert_eq!(single.subject, Subject::Indicator(Commitment([203; 32])));
        let elsewhere = Raise { member: "bank-c".parse().expect("valid"), ..one_more(204) };
        assert_eq!(quarantines.wanted(elsewhere.clone(), NOW), Some(elsewhere));
    }

    #[test]
    fn what_is_held_back_survives_its_bytes_and_is_shown_until_it_is_lifted() {
        let (one, all) = (Subject::Indicator(Commitment([7; 32])), Subject::AllNew { since: NOW });
        let mut quarantines = Quarantines::default();
        for (id, subject) in [(1, one), (2, all)] {
            let row = row(id, subject);
            assert_eq!(Row::read(&row.stored()), Ok(row.clone()));
            quarantines.raise(&row.stored()).expect("as it was written");
        }
        assert_eq!((quarantines.waiting(), quarantines.brake().indicators.len()), (2, 1));
        assert_eq!(quarantines.brake().floods.len(), 1);
        quarantines.decide(&decided(1, LIFT_ASKED)).expect("known");
        assert_eq!(quarantines.brake().indicators.len(), 1, "one person lifts nothing");
        quarantines.decide(&decided(1, LIFTED)).expect("known");
        quarantines.decide(&decided(2, KEPT)).expect("known");
        assert_eq!((quarantines.waiting(), quarantines.brake().indicators.len()), (0, 0));
        assert_eq!(quarantines.brake().floods.len(), 1, "what is kept stays");
        let snapshot: Quarantines = quarantines.held_back().collect();
        assert_eq!(snapshot.brake(), quarantines.brake(), "a snapshot holds back the same");
        assert!(quarantines.knows(&row(9, one).raise, NOW), "what was lifted is not raised again");
        assert!(quarantines.decide(&decided(2, 9)).is_err());
        let again = |hours: u64| quarantines.knows(&row(9, all).raise, NOW.plus_s(hours * 3_600));
        assert!(again(24 * 30), "what is kept is not raised again");
        let lifted = QuarantineDecided { time_ms: NOW.plus_s(30 * 86_400).unix_ms(), ..decided(2, LIFTED) };
        quarantines.decide(&lifted).expect("known");
        let again = |days: u64| quarantines.knows(&row(9, all).raise, NOW.plus_s(days * 86_400));
        assert!(again(30) && again(31) && !again(32), "a day after people lifted it, however old it was");
        let later = Row { at: NOW.plus_s(u64::from(limits::KEPT_DAYS + 1) * 86_400), ..row(3, all) };
        quarantines.raise(&later.stored()).expect("as it was written");
        assert_eq!(quarantines.after(None).count(), 1, "nothing of then is held any more");
    }
}
