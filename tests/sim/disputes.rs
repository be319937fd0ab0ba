//! Disputes among the houses, and what must hold of them.

use std::collections::BTreeSet;

use hushwire::base::name::MemberId;
use hushwire::domain::audit::event::IndicatorRef;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::belief::disputes::DisputeStanding;
use hushwire::domain::belief::record::State as Standing;
use hushwire::domain::feed::blob::dispute::DisputeStep;
use hushwire::domain::indicator::words::DisputeReason;
use hushwire::node::dispute::DisputeFault;

use crate::violation::{Invariant, Violation, ensure};
use crate::world::World;

impl World {
    /// The `nth` indicator a house may open a dispute of, or the `nth` dispute that is there to be withdrawn by it or answered; and
    /// who disputes.
    fn disputable(&mut self, house: usize, nth: usize, step: DisputeStep) -> Option<(IndicatorRef, MemberId)> {
        let own = self.member_of(house);
        if step == DisputeStep::Opened {
            let others = self.ledger.attempts.iter().filter(|(_, attempt)| attempt.house != house);
            let all: Vec<_> = others.map(|(target, attempt)| (*target, attempt.house)).collect();
            let (commitment, author) = *all.get(nth % all.len().max(1))?;
            return Some((IndicatorRef { member: self.member_of(author), commitment }, own));
        }
        let mut rows = self.on_node(house, |node, _, _| node.list_disputes())?;
        rows.retain(|row| step == DisputeStep::Upheld || row.member == own);
        let row = rows.get(nth % rows.len().max(1))?;
        let member = row.author.clone()?;
        Some((IndicatorRef { member, commitment: row.target }, row.member.clone()))
    }

    pub fn dispute(&mut self, house: usize, nth: usize, step: DisputeStep) -> Result<(), Violation> {
        let Some((indicator, disputing)) = self.disputable(house, nth, step) else { return Ok(()) };
        let author = self.consortium.place(&indicator.member);
        let commitment = indicator.commitment;
        let speaker = if step == DisputeStep::Upheld { author } else { house };
        let said = self.on_node(speaker, |node, now, rng| match step {
            DisputeStep::Opened => node.dispute_indicator(&Actor::Node, &indicator, DisputeReason::Recycled, now, rng),
            DisputeStep::Withdrawn => node.withdraw_dispute(&Actor::Node, &indicator, now, rng),
            DisputeStep::Upheld => node.answer_dispute(&Actor::Node, &indicator, &disputing, now, rng),
        });
        self.note(&("dispute", house, commitment, step, &said));
        if let Some(Err(DisputeFault::Storage(fault))) = said {
            return self.houses[speaker].judge(Err(fault)).map(|_: Option<()>| ());
        }
        self.sync(speaker)
    }

    /// Everybody holds the same disputes, and of each the same to be so.
    pub fn check_disputes(&mut self) -> Result<(), Violation> {
        let mut first: Option<BTreeSet<String>> = None;
        for house in self.honest() {
            let held = self.on_node(house, |node, _, _| {
                let rows = node.list_disputes();
                let (belief, mut wrong) = (&node.state().belief, Vec::new());
                for row in &rows {
                    let statement = belief.writer().by_commitment(&row.target);
                    let counts = statement.is_some_and(|held| held.state == Standing::Live);
                    let seen = belief.view().disputed(&row.target).is_some();
                    let moot = row.standing == DisputeStanding::Moot;
                    if seen && !counts || moot && counts && row.author.as_ref() != Some(&row.member) {
                        wrong.push(row.clone());
                    }
                }
                let rows = rows.iter().map(|row| format!("{} {} {:?}", row.target, row.member, row.standing));
                (rows.collect::<BTreeSet<_>>(), wrong)
            });
            let Some((rows, wrong)) = held else { continue };
            ensure(wrong.is_empty(), Invariant::SameDisputes, || format!("house {house}: {wrong:?}"))?;
            let others = first.get_or_insert_with(|| rows.clone());
            ensure(*others == rows, Invariant::SameDisputes, || {
                format!("house {house} holds {rows:?}, another one {others:?}")
            })?;
        }
        Ok(())
    }
}
