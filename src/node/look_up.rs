//! Looking an identifier up: what this member and the others hold of it, who received ours, which decisions it touched.
//!
//! The identifier comes in raw and goes no further than its pseudonyms. Nothing is kept of it; the audit log tells who looked,
//! the kind, and how much was found.

use std::collections::BTreeSet;

use rand::CryptoRng;

use crate::base::bytes::{Commitment, Pseudonym};
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::audit::detail::DecisionDetail;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::identifier::{IdentifierError, RawIdentifier};
use crate::domain::screening::demands::Demands;
use crate::domain::screening::freshness::Freshness;
use crate::domain::screening::inquiry::{Inquiry, InquiryContext, Said, inquire};
use crate::node::Node;
use crate::node::detail_stored::way;
use crate::node::keys;
use crate::node::local_mac::MacDomain;
use crate::node::sightings::Tally;
use crate::node::store::{Journal, StorageFault, Views};

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct LookedUp {
    pub inquiry: Inquiry,
    /// Of this member's own statements, in their order.
    pub own: Vec<OwnStatement>,
    /// Own indicators that wait for their window.
    pub waiting: Vec<Commitment>,
    /// The newest first, at most [`limits::EXPLAINED_PER_CALL`].
    pub decisions: Vec<TouchedDecision>,
    /// There are older ones.
    pub more_decisions: bool,
}

/// What became of an own statement at the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnStatement {
    pub commitment: Commitment,
    /// Members that acknowledged it.
    pub received_by: Vec<MemberId>,
    /// Members that may read it and have not acknowledged it.
    pub awaited: Vec<MemberId>,
    pub sightings: Tally,
}

/// A recorded decision for which the identifier was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TouchedDecision {
    pub decision_id: String,
    /// Of its record in the audit log.
    pub index: EntryIndex,
    pub at: Timestamp,
    /// "allow", "challenge", "hold" or "block".
    pub decision: String,
    /// Statements about this identifier were among what it rested on.
    pub matched: bool,
}

/// Nothing was looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookUpFault {
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Looks one identifier up for somebody, which is recorded.
    pub fn look_up(
        &mut self,
        caller: &Actor,
        identifier: &RawIdentifier,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<LookedUp, LookUpFault> {
        let state = &self.state;
        let member = &state.identity.member;
        let freshness = Freshness::assess(&self.freshness(None, now), member, false, now);
        let demands = Demands::of(&state.roster, &state.exclusions);
        let context = InquiryContext {
            keys: &state.identity.key_ring,
            canon: &state.settings.canon_rules,
            guard: &state.settings.guards,
            lists: &state.lists,
            experience: state.outcomes.experience(),
            freshness: &freshness,
            demands: &demands,
            own: member,
            now,
        };
        let inquiry = inquire(identifier, &context, &mut state.belief.view())?;
        let own = inquiry.said.iter().filter(|said| said.own).map(|said| self.own_statement(said)).collect();
        let pseudonyms: BTreeSet<Pseudonym> =
            inquiry.forms.iter().flat_map(|form| &form.pseudonyms).map(|(_, pseudonym)| *pseudonym).collect();
        let waiting = pseudonyms.iter().flat_map(|pseudonym| state.pending.indicators_of(pseudonym)).collect();
        let (decisions, more_decisions) = self.decisions_about(&pseudonyms)?;
        let looked_up = LookedUp { inquiry, own, waiting, decisions, more_decisions };
        let event = AuditEvent::IdentifierLookedUp {
            kind: identifier.kind(),
            statements: count(looked_up.inquiry.said.len()),
            decisions: count(looked_up.decisions.len()),
        };
        self.record(caller, vec![event], now, rng)?;
        Ok(looked_up)
    }

    fn own_statement(&self, said: &Said) -> OwnStatement {
        let (mut received_by, mut awaited) = (Vec::new(), Vec::new());
        let sightings = self.state.sightings.tally(&said.commitment);
        if let Some(feed) = self.state.feeds.get(&said.feed) {
            for peer in self.state.roster.peers_of(&self.state.identity.member) {
                let holds = feed.acknowledged.get(&peer.id).is_some_and(|size| said.index.0 < size.0);
                if holds {
                    received_by.push(peer.id.clone());
                } else if self.state.roster.may_read(&peer.id, &said.feed) {
                    awaited.push(peer.id.clone());
                }
            }
        }
        OwnStatement { commitment: said.commitment, received_by, awaited, sightings }
    }

    /// Recorded decisions for which any of these was looked up, the newest first, and whether there are more.
    fn decisions_about(&self, pseudonyms: &BTreeSet<Pseudonym>) -> Result<(Vec<TouchedDecision>, bool), StorageFault> {
        let limit = limits::EXPLAINED_PER_CALL;
        // By what follows in their keys: the newest record has the least.
        let mut led = BTreeSet::new();
        for pseudonym in pseudonyms {
            let what = self.state.identity.local_mac.fingerprint(MacDomain::LookedUp, pseudonym.as_bytes());
            let (start, end) = keys::all_explained(way::PSEUDONYM, &what.0);
            for (key, _) in self.rows(&start, &end, limit + 1)? {
                let id = keys::read_explained(&key, way::PSEUDONYM, &what.0);
                led.extend(id.map(|id| (key.get(start.len()..).unwrap_or_default().to_vec(), id)));
            }
        }
        let more = led.len() > limit;
        let mut decisions = Vec::new();
        for (_, decision_id) in led.into_iter().take(limit) {
            let Some(explained) = self.explained(&decision_id)? else { continue };
            // Its retention has ended: that it was there is all that rests, and is nothing about this identifier.
            let Some(detail) = explained.detail else { continue };
            let detail = detail.decision;
            decisions.push(TouchedDecision {
                decision_id,
                index: explained.index,
                at: Timestamp::from_unix_ms(detail.time_ms),
                matched: is_matched(&detail, pseudonyms),
                decision: detail.decision,
            });
        }
        Ok((decisions, more))
    }
}

/// Whether an indicator about one of these was among what a decision rested on.
fn is_matched(detail: &DecisionDetail, pseudonyms: &BTreeSet<Pseudonym>) -> bool {
    let about = |bytes: &[u8]| Pseudonym::try_from(bytes).is_ok_and(|pseudonym| pseudonyms.contains(&pseudonym));
    let inputs = detail.inputs.iter().filter(|input| about(&input.pseudonym));
    let identifiers: BTreeSet<u32> = inputs.map(|input| input.identifier).collect();
    detail.indicators.iter().any(|place| identifiers.contains(&place.identifier))
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
