//! Feedback: what an order turned out to be goes to those whose indicators had matched, and what others send is opened.
//!
//! Going out: 1 remember the outcome · 2 seal it to each author that does not have this word of ours yet · 3 prepare the
//! sightings, one commit with the audit record. A sighting is signed at a moment drawn from the whole of the next day and says
//! that day and no hour, so that neither when it comes nor what it says tells when a customer shopped here. What others see
//! is that this member said something of an indicator.
//!
//! Coming in: sightings about own indicators are opened some at a time, each once: what they say is kept in the journal.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, Salt};
use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::time::{Hour, Timestamp};
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::case::outcome::{KnownOutcome, Outcome};
use crate::domain::feed::blob::sighting::{Sighting, SightingOutcome, WordNumber};
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::domain::feed::sighting_seal::{Said, SightingTerms, seal_sighting};
use crate::domain::screening::experience::Experience;
use crate::node::Node;
use crate::node::commit::{Commit, Prepared, PreparedEntry, SightingRead, change};
use crate::node::outcomes::{self, DecisionId, Learnt, SeenIndicator};
use crate::node::state::{damaged, stored};
use crate::node::store::{Journal, StorageFault, Views};

const DAY_MS: u64 = 86_400_000;

/// What is known of one decision's order, and what had matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSighting {
    pub decision: DecisionId,
    pub outcome: SightingOutcome,
    /// At most [`limits::feedback::OUTCOME_INDICATORS`] count; own ones teach nothing and are passed over.
    pub indicators: Vec<SeenIndicator>,
}

impl KnownSighting {
    /// What a case's outcome says to those who reported what matched.
    pub fn of(known: &KnownOutcome) -> Self {
        let indicators = known.evidence.iter().map(|seen| SeenIndicator {
            member: seen.member.clone(),
            commitment: seen.commitment,
            kind: seen.kind,
        });
        let outcome = match known.outcome {
            Outcome::Fraud => SightingOutcome::Confirmed,
            Outcome::Genuine => SightingOutcome::FalsePositive,
        };
        Self { decision: known.decision.0, outcome, indicators: indicators.collect() }
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Lets what own outcomes taught show there from now on: where whoever screens looks already.
    pub fn show_experience_in(&mut self, shown: Arc<ArcSwap<Experience>>) {
        self.state.shown_experience = shown;
        self.state.show_experience();
    }

    /// Learns from an outcome and tells those who reported. Repeated, it changes nothing. How many are told.
    pub fn sight(
        &mut self,
        caller: &Actor,
        known: &KnownSighting,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<usize, StorageFault> {
        let mut commit = Commit::default();
        let told = self.prepare_sightings(known, &mut commit, now, rng)?;
        if !commit.changes.is_empty() {
            let decision_id = hex::encode(known.decision);
            let event = AuditEvent::OutcomeReported { decision_id, outcome: known.outcome.label() };
            self.commit(commit, caller, vec![event], now, rng)?;
        }
        Ok(told)
    }

    /// The changes of [`Node::sight`], for whoever commits them with more, as the step of a case. Nothing is added where all of it
    /// is known.
    pub(in crate::node) fn prepare_sightings(
        &self,
        known: &KnownSighting,
        commit: &mut Commit,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<usize, StorageFault> {
        let others = known.indicators.iter().filter(|seen| seen.member != self.state.identity.member);
        let others = others.take(limits::feedback::OUTCOME_INDICATORS).cloned();
        let learnt = Learnt { outcome: known.outcome, at: now, indicators: others.collect() };
        let held = self.state.outcomes.of(&known.decision);
        let same = held.is_some_and(|held| (held.outcome, &held.indicators) == (learnt.outcome, &learnt.indicators));
        if same || learnt.indicators.is_empty() {
            return Ok(0);
        }
        let (mut entries, mut words) = (Vec::new(), Vec::new());
        for seen in &learnt.indicators {
            let before = self.state.outcomes.said(&seen.commitment);
            let said = match before {
                Some(before) if before.outcome == known.outcome => before,
                _ => Said { outcome: known.outcome, word: WordNumber::next(before.map(|said| said.word), now.day()) },
            };
            if before != Some(said) {
                entries.extend(self.sighting(seen, said, now, rng)?);
            }
            words.push(said.word);
        }
        let told = entries.len();
        commit.push(change::Kind::OutcomeLearnt(outcomes::stored(known.decision, &learnt, &words)));
        if told > 0 {
            let prepared = Prepared { time_ms: now.unix_ms(), entries, ..Prepared::default() };
            commit.push(change::Kind::Prepared(prepared));
        }
        Ok(told)
    }

    /// A sighting ready to be prepared; none where its target is gone, or nobody is there to read it.
    fn sighting(
        &self,
        seen: &SeenIndicator,
        said: Said,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<PreparedEntry>, StorageFault> {
        let identity = &self.state.identity;
        let author = self.state.roster.member(&seen.member);
        let (Some(feed), Some(author)) = (self.feed_of(&seen.commitment, &seen.member), author) else {
            return Ok(None);
        };
        let terms = SightingTerms {
            consortium: &identity.consortium,
            reporter: &identity.member,
            author: &seen.member,
            target: &seen.commitment,
        };
        let Ok(sealed) = seal_sighting(&terms, &author.hpke_key, said, rng) else { return Ok(None) };
        let tomorrow = now.day().next();
        let not_before = tomorrow.start().plus_ms(rng.random_range(0..DAY_MS));
        let hour = Hour(tomorrow.0.saturating_mul(24));
        let blob = Sighting { target: seen.commitment, reporter: identity.member.clone(), hour, sealed }.encode();
        let expires = now.plus_s(u64::from(limits::feedback::SIGHTING_DAYS) * 86_400).day();
        let epoch_id = identity.key_ring.current.epoch_id();
        let entry = Entry::seal_new(EntryKind::Sighting, epoch_id, expires, blob, Salt(rng.random()))
            .map_err(|error| damaged("sighting", error))?;
        Ok(Some(PreparedEntry {
            group: feed.group.to_string(),
            entry: Some(stored(&entry)),
            not_before_ms: not_before.unix_ms(),
            ..PreparedEntry::default()
        }))
    }

    /// The feed in which an indicator of this member stands, where it is held.
    pub(in crate::node) fn feed_of(&self, indicator: &Commitment, author: &MemberId) -> Option<FeedId> {
        let statement = self.state.belief.writer().by_commitment(indicator)?;
        let view = self.state.belief.view();
        view.feed(statement.feed).filter(|feed| feed.member == *author).cloned()
    }

    /// Opens some of what others sealed to this member.
    pub(in crate::node) fn read_sightings(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let (mut commit, mut events) = (Commit::default(), Vec::new());
        for (at, unread) in self.state.sightings.unread(limits::feedback::SIGHTINGS_PER_TICK) {
            let (target, reporter) = (unread.sighting.target, at.0.member.clone());
            let identity = &self.state.identity;
            let member = identity.member.clone();
            if self.feed_of(&target, &member).is_none() {
                self.state.sightings.pass_over(&at);
                continue;
            }
            let terms = SightingTerms {
                consortium: &identity.consortium,
                reporter: &reporter,
                author: &identity.member,
                target: &target,
            };
            let opened = identity.sighting_keys.iter().find_map(|key| key.open(&terms, &unread.sighting.sealed).ok());
            commit.push(change::Kind::SightingRead(SightingRead {
                origin: at.0.origin(&identity.consortium),
                index: at.1.0,
                target: target.0.to_vec(),
                outcome: opened.map_or(0, |said| said.outcome.number().into()),
                word: opened.map_or(0, |said| said.word.0),
                time_ms: now.unix_ms(),
            }));
            events.push(AuditEvent::SightingReceived {
                indicator: IndicatorRef { member, commitment: target },
                from: reporter,
                outcome: opened.map_or("unreadable", |said| said.outcome.label()),
            });
        }
        if commit.changes.is_empty() { Ok(()) } else { self.commit(commit, &Actor::Node, events, now, rng) }
    }
}
