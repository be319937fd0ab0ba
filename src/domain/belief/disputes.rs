//! Who holds which indicator for wrong, and what its author answered.
//!
//! Like `facts`, keyed by target and speaker, so that steps may come in any order, before their target and more than
//! once: of a member's own steps the last one in its feed stands, an author's answer stands for good. What counts follows from
//! all of it together (`settle`), once a batch:
//!
//! - A dispute counts while it is open, its target is held and not withdrawn, somebody else's, and not answered to this member.
//! - Of one member's disputes that would count, so many do as [`DISPUTES_OPEN`] says, in the order of its feed: disputing must
//!   not disarm the others. When one is settled the next counts.
//!
//! Readers see a small map behind one pointer, empty in most nodes at most times.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::bytes::Commitment;
use crate::base::limits::feedback::{DISPUTE_ANSWER_DAYS, DISPUTES_HELD, DISPUTES_OPEN};
use crate::base::name::{FeedId, MemberId};
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Timestamp};
use crate::domain::belief::parties::MemberNumber;
use crate::domain::belief::record::State;
use crate::domain::belief::writer::Writer;
use crate::domain::feed::blob::dispute::DisputeStep;
use crate::domain::indicator::words::DisputeReason;

/// What was disputed, and by whom.
pub(super) type Key = (Commitment, MemberNumber);

/// The last step of one member about one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeldDispute {
    pub(super) at: (FeedId, EntryIndex),
    /// Opened, not withdrawn.
    pub(super) open: bool,
    pub(super) reason: DisputeReason,
    /// When this node first held that step.
    pub(super) since: Timestamp,
    pub(super) keep_until: Day,
}

/// Whose disputes an author answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeldAnswers {
    pub(super) to: BTreeSet<MemberId>,
    pub(super) keep_until: Day,
}

/// How one indicator stands with those who dispute it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disputed {
    /// The earliest dispute that counts and waits for an answer.
    unanswered_since: Option<Timestamp>,
    /// All who hold it for wrong, answered or not.
    by: Vec<MemberNumber>,
}

impl Disputed {
    /// Whether its author owes an answer, in time or not.
    pub fn is_unanswered(&self) -> bool {
        self.unanswered_since.is_some()
    }

    /// Whether its author let the time for an answer pass: until it answers the indicator does not count.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.unanswered_since.is_some_and(|since| answer_due(since) <= now)
    }

    /// Whether a member holds it for wrong: for that member it does not count, whatever its author answers.
    pub fn is_by(&self, member: MemberNumber) -> bool {
        self.by.contains(&member)
    }
}

/// Until when an author answers a dispute.
pub fn answer_due(since: Timestamp) -> Timestamp {
    since.plus_s(u64::from(DISPUTE_ANSWER_DAYS) * 86_400)
}

/// Where one dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeStanding {
    /// It counts; its author owes an answer.
    Open,
    /// The member has as many open disputes as count at once.
    BeyondQuota,
    /// The author stands by its indicator.
    Upheld,
    /// The indicator is withdrawn, not held, or the disputing member's own.
    Moot,
}

/// One dispute that is not withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeRow {
    pub target: Commitment,
    /// Who disputes.
    pub member: MemberId,
    /// The author of the target, where that is held.
    pub author: Option<MemberId>,
    pub reason: DisputeReason,
    /// When this node first held it.
    pub since: Timestamp,
    pub standing: DisputeStanding,
}

/// What readers see, by target.
pub(super) type Standings = BTreeMap<Commitment, Arc<Disputed>>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Disputes {
    steps: BTreeMap<Key, HeldDispute>,
    /// By target and its claimed author.
    answers: BTreeMap<Key, HeldAnswers>,
    /// Rows of each speaker, of both kinds.
    by_speaker: BTreeMap<MemberNumber, usize>,
    /// Something changed since it was settled.
    pub(super) unsettled: bool,
}

impl Disputes {
    fn has_room(&mut self, speaker: MemberNumber) -> bool {
        let used = self.by_speaker.entry(speaker).or_default();
        let room = *used < DISPUTES_HELD;
        *used += usize::from(room);
        room
    }

    /// Takes in a step of a member about another's indicator. False where the speaker's room is used up.
    pub(super) fn step(&mut self, target: Commitment, speaker: MemberNumber, step: HeldDispute) -> bool {
        self.unsettled = true;
        if let Some(held) = self.steps.get_mut(&(target, speaker)) {
            let keep_until = held.keep_until.max(step.keep_until);
            if held.at == step.at {
                held.since = held.since.min(step.since);
            } else if held.at < step.at {
                *held = step;
            }
            held.keep_until = keep_until;
            return true;
        }
        let room = self.has_room(speaker);
        if room {
            self.steps.insert((target, speaker), step);
        }
        room
    }

    /// Takes in what an author answers a member. False where the speaker's room is used up.
    pub(super) fn answer(&mut self, target: Commitment, speaker: MemberNumber, to: &MemberId, keep_until: Day) -> bool {
        let known = self.answers.get(&(target, speaker)).is_some_and(|held| held.to.contains(to));
        if !known && !self.has_room(speaker) {
            return false;
        }
        let unsaid = || HeldAnswers { to: BTreeSet::new(), keep_until };
        let held = self.answers.entry((target, speaker)).or_insert_with(unsaid);
        held.to.insert(to.clone());
        held.keep_until = held.keep_until.max(keep_until);
        self.unsettled = true;
        true
    }

    /// Whether anybody spoke of it so.
    pub(super) fn names(&self, target: &Commitment) -> bool {
        let (least, most) = ((*target, MemberNumber(0)), (*target, MemberNumber(u16::MAX)));
        self.steps.range(least..=most).next().is_some()
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = (&Key, &HeldDispute)> {
        self.steps.iter()
    }

    pub(super) fn answers(&self) -> impl Iterator<Item = (&Key, &HeldAnswers)> {
        self.answers.iter()
    }

    fn is_answered(&self, target: &Commitment, author: MemberNumber, to: &MemberId) -> bool {
        self.answers.get(&(*target, author)).is_some_and(|held| held.to.contains(to))
    }

    pub(super) fn drop_before(&mut self, today: Day) {
        let held = self.steps.len() + self.answers.len();
        self.steps.retain(|_, held| held.keep_until >= today);
        self.answers.retain(|_, held| held.keep_until >= today);
        if held == self.steps.len() + self.answers.len() {
            return;
        }
        self.by_speaker.clear();
        let rows = self.steps.keys().map(|(_, speaker)| (*speaker, 1));
        let answered = self.answers.iter().map(|((_, speaker), held)| (*speaker, held.to.len()));
        for (speaker, rows) in rows.chain(answered) {
            *self.by_speaker.entry(speaker).or_default() += rows;
        }
        self.unsettled = true;
    }

    pub(super) fn size_bytes(&self) -> usize {
        let step = size_of::<Key>() + size_of::<HeldDispute>();
        let answer = size_of::<Key>() + size_of::<HeldAnswers>();
        self.steps.len() * step + self.answers.len() * answer
    }
}

impl Writer<'_> {
    /// Every dispute that is not withdrawn, with where it stands.
    pub fn disputes(&self) -> Vec<DisputeRow> {
        let disputes = &self.state.disputes;
        let mut open: Vec<_> = disputes.steps().filter(|(_, held)| held.open).collect();
        // The order of the members' feeds decides which count where one has too many.
        open.sort_by(|(_, left), (_, right)| left.at.cmp(&right.at));
        let mut counted: BTreeMap<MemberNumber, usize> = BTreeMap::new();
        let parties = &self.state.roots.parties;
        let rows = open.into_iter().filter_map(|((target, speaker), held)| {
            let member = parties.member(*speaker)?.clone();
            let statement = self.by_commitment(target);
            let standing = match &statement {
                Some(statement) if statement.state == State::Live && statement.reporter != *speaker => {
                    let counted = counted.entry(*speaker).or_default();
                    if disputes.is_answered(target, statement.reporter, &member) {
                        DisputeStanding::Upheld
                    } else if *counted >= DISPUTES_OPEN {
                        DisputeStanding::BeyondQuota
                    } else {
                        *counted += 1;
                        DisputeStanding::Open
                    }
                }
                Some(_) | None => DisputeStanding::Moot,
            };
            let author = statement.and_then(|statement| parties.member(statement.reporter).cloned());
            Some(DisputeRow { target: *target, member, author, reason: held.reason, since: held.since, standing })
        });
        rows.collect()
    }

    /// Lets readers see what follows from all disputes together. Called once the writer is done with its batch.
    pub(super) fn settle(&mut self) {
        if !self.state.disputes.unsettled {
            return;
        }
        self.state.disputes.unsettled = false;
        let mut standings: BTreeMap<Commitment, Disputed> = BTreeMap::new();
        for row in self.disputes() {
            let Some(member) = self.state.roots.parties.member_number(&row.member) else { continue };
            if row.standing == DisputeStanding::Moot {
                continue;
            }
            let disputed = standings.entry(row.target).or_default();
            disputed.by.push(member);
            if row.standing == DisputeStanding::Open {
                let earliest = disputed.unanswered_since.map_or(row.since, |since| since.min(row.since));
                disputed.unanswered_since = Some(earliest);
            }
        }
        let standings: Standings = standings.into_iter().map(|(target, held)| (target, Arc::new(held))).collect();
        let before = self.belief.disputed.swap(Arc::new(standings));
        let after = self.belief.disputed.load();
        let targets: BTreeSet<&Commitment> = before.keys().chain(after.keys()).collect();
        for target in targets.into_iter().filter(|target| before.get(*target) != after.get(*target)) {
            if let Some(record) = self.find(target) {
                self.belief.changes.note(self.pseudonym(record));
            }
        }
    }

    /// Takes in a step of a dispute. False where the speaker's room is used up.
    pub(super) fn dispute(
        &mut self,
        target: Commitment,
        speaker: MemberNumber,
        at: (FeedId, EntryIndex),
        said: (DisputeStep, DisputeReason, Option<&MemberId>),
        since: Timestamp,
        keep_until: Day,
    ) -> bool {
        let disputes = &mut self.state.disputes;
        match said {
            (DisputeStep::Upheld, _, Some(to)) => disputes.answer(target, speaker, to, keep_until),
            // An answer to nobody answers nothing.
            (DisputeStep::Upheld, _, None) => true,
            (step @ (DisputeStep::Opened | DisputeStep::Withdrawn), reason, _) => {
                let open = step == DisputeStep::Opened;
                disputes.step(target, speaker, HeldDispute { at, open, reason, since, keep_until })
            }
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        self.settle();
    }
}
