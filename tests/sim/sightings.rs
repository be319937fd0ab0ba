//! What became of orders, told to those whose indicators had matched: nothing acknowledged is lost, each member counts once, by
//! the word it said last.

use std::collections::{BTreeMap, BTreeSet};

use hushwire::base::bytes::Commitment;
use hushwire::base::kind::IdentifierKind;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::feed::blob::sighting::SightingOutcome;
use hushwire::node::outcomes::SeenIndicator;
use hushwire::node::sight::KnownSighting;
use hushwire::node::sightings::Tally;

use crate::house::Waiting;
use crate::violation::{Invariant, Violation, ensure};
use crate::world::World;

/// By house and indicator, the words of which one is its last: more than one where a crash came before an answer.
pub type SightingBook = BTreeMap<(usize, Commitment), LastWord>;

#[derive(Debug, Clone, Default)]
pub struct LastWord {
    may_be: BTreeSet<SightingOutcome>,
    acknowledged: bool,
}

impl LastWord {
    /// Said, and not answered yet.
    fn say(&mut self, outcome: SightingOutcome) {
        self.may_be.insert(outcome);
    }

    pub fn acknowledge(&mut self, outcome: SightingOutcome) {
        *self = Self { may_be: BTreeSet::from([outcome]), acknowledged: true };
    }

    fn surely(&self, outcome: SightingOutcome) -> bool {
        self.acknowledged && self.may_be.iter().eq([&outcome])
    }
}

impl World {
    /// An order that the `nth` indicator of the others stopped is known to have been fraud, or not.
    pub fn sight(&mut self, house: usize, nth: usize, outcome: SightingOutcome) -> Result<(), Violation> {
        let others = self.ledger.attempts.iter().filter(|(_, attempt)| attempt.house != house);
        let all: Vec<_> = others.map(|(commitment, attempt)| (*commitment, attempt.house)).collect();
        let Some((commitment, author)) = all.get(nth.checked_rem(all.len()).unwrap_or_default()).copied() else {
            return Ok(());
        };
        let seen = SeenIndicator { member: self.member_of(author), commitment, kind: IdentifierKind::Device };
        let mut decision: [u8; 16] = commitment.0[..16].try_into().expect("of 32 bytes");
        // One indicator stops two orders, and either may turn out both ways.
        decision[0] = u8::from(nth.is_multiple_of(2));
        let told = self.on_node(house, |node, now, rng| {
            // What this house does not hold stopped nothing here.
            node.state().belief.writer().by_commitment(&commitment)?;
            Some(node.sight(&Actor::Node, &KnownSighting { decision, outcome, indicators: vec![seen] }, now, rng))
        });
        self.note(&("sight", house, commitment, outcome, &told));
        match told.flatten() {
            None | Some(Ok(0)) => {}
            Some(Ok(_)) => {
                self.sightings.entry((house, commitment)).or_default().say(outcome);
                self.houses[house].waiting.push(Waiting::Sighted(commitment, outcome));
            }
            Some(Err(fault)) => return self.houses[house].judge(Err(fault)).map(|_: Option<()>| ()),
        }
        self.sync(house)
    }

    /// Every author counts of each member its last word, of what it still says itself.
    pub fn check_sightings(&mut self) -> Result<(), Violation> {
        let mut expected: BTreeMap<(usize, Commitment), [Tally; 2]> = BTreeMap::new();
        for ((_, commitment), word) in &self.sightings {
            let Some(attempt) = self.ledger.attempts.get(commitment) else { continue };
            let [least, most] = expected.entry((attempt.house, *commitment)).or_default();
            for outcome in &word.may_be {
                *count(most, *outcome) += 1;
                *count(least, *outcome) += usize::from(word.surely(*outcome));
            }
        }
        for ((author, commitment), [least, most]) in expected {
            if self.ledger.withdrawals.contains_key(&commitment) {
                continue;
            }
            let counted = self.on_node(author, |node, _, _| node.state().sightings.tally(&commitment));
            let fits = counted.is_some_and(|counted| {
                (least.confirmed..=most.confirmed).contains(&counted.confirmed)
                    && (least.false_positive..=most.false_positive).contains(&counted.false_positive)
            });
            ensure(fits, Invariant::SightingsCount, || {
                format!("house {author} counts {counted:?} of {commitment}, which were {least:?} to {most:?}")
            })?;
        }
        Ok(())
    }
}

fn count(of: &mut Tally, outcome: SightingOutcome) -> &mut usize {
    match outcome {
        SightingOutcome::Confirmed => &mut of.confirmed,
        SightingOutcome::FalsePositive => &mut of.false_positive,
    }
}
