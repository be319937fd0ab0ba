//! Orders that pass and are followed, and what is held back of others: every late match that belief calls for is told once,
//! what is held back decides nothing, and nobody lifts it alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use hushwire::base::limits;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::AuditRecord;
use hushwire::domain::belief::changes::Changed;
use hushwire::domain::identifier::canonicalise;
use hushwire::domain::identifier::guard::GuardLists;
use hushwire::domain::profile::facts::ProfileFacts;
use hushwire::domain::roster::exclusion::Exclusions;
use hushwire::domain::screening::answer::Screening;
use hushwire::domain::screening::brake::HeldReason;
use hushwire::domain::screening::decision::Decision;
use hushwire::domain::screening::demands::Demands;
use hushwire::domain::screening::experience::Experience;
use hushwire::domain::screening::freshness::{FeedSigned, Freshness};
use hushwire::domain::screening::late::followed::Followed;
use hushwire::domain::screening::late::judge::judge;
use hushwire::domain::screening::late::order::Order;
use hushwire::domain::screening::late::window::Bounds;
use hushwire::domain::screening::policy::Policy;
use hushwire::domain::screening::policy::facts::Conditions;
use hushwire::domain::screening::screen::{ScreeningContext, screen_traced};
use hushwire::domain::screening::transaction::{Transaction, TransactionDraft};
use hushwire::node::late::LateMatch;
use hushwire::node::quarantine::{QuarantineFault, QuarantineId, Raise, Subject};
use rand::RngExt;
use rand_chacha::ChaCha20Rng;

use crate::calls::raw;
use crate::cases::person;
use crate::house::SimNode;
use crate::operation::IDENTIFIERS;
use crate::options::Mutant;
use crate::violation::{Invariant, Violation, broken, ensure};
use crate::world::World;

/// No order leaves it in a run.
const BOUNDS: Bounds = Bounds { keep_s: 72 * 3_600, orders: 10_000, names: 1_000_000 };

static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::built_in(&GuardLists::built_in().digest()));

/// What is done with what others said, or with the `nth` of what is held back of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Raise,
    Lift {
        /// By one of two people.
        ben: bool,
    },
    Keep,
}

pub fn draw_act(rng: &mut ChaCha20Rng) -> Act {
    match rng.random_range(0..8) {
        0..3 => Act::Raise,
        3..7 => Act::Lift { ben: rng.random() },
        _ => Act::Keep,
    }
}

/// An empty window: what stood in it is gone with the process.
pub fn followed() -> Followed {
    Followed::new(BOUNDS)
}

/// Looks with everything a node screens by.
fn with_context<T>(node: &SimNode, now: Timestamp, look: impl FnOnce(&ScreeningContext<'_>) -> T) -> T {
    let state = node.state();
    let own = &state.identity.member;
    let feeds = state.feeds.values().map(|feed| FeedSigned {
        feed: feed.id().clone(),
        signed_at: Some(now),
        limit_s: u32::MAX,
        quarantined: false,
    });
    look(&ScreeningContext {
        keys: &state.identity.key_ring,
        belief: &state.belief,
        canon: &state.settings.canon_rules,
        guard: &state.settings.guards,
        lists: &state.lists,
        experience: &Experience::default(),
        freshness: &Freshness::assess(&feeds.collect::<Vec<_>>(), own, false, now),
        policy: &POLICY,
        candidate: None,
        profile: &ProfileFacts::default(),
        conditions: Conditions::default(),
        demands: &Demands::of(&state.roster, &Exclusions::default()),
        own,
        sandbox: false,
        now,
    })
}

/// What is held back is shown and has no say.
fn check_answer(house: usize, screening: &Screening) -> Result<(), Violation> {
    for found in screening.matches.iter().filter(|found| found.indicators.len() < limits::INDICATORS_PER_MATCH) {
        let speaking = found.indicators.iter().filter(|indicator| !indicator.held_back);
        let speaking: BTreeSet<_> = speaking.map(|indicator| &indicator.reporter).collect();
        let by = screening.reasons.iter().find(|reason| reason.identifier == Some(found.identifier));
        let right = found.members == speaking.len() && !(speaking.is_empty() && by.is_some());
        ensure(right, Invariant::HeldBackIsMute, || format!("house {house}: {found:?} with {by:?}"))?;
    }
    Ok(())
}

impl World {
    /// An order is screened; one that passes is followed.
    pub fn order(&mut self, house: usize, identifiers: &[usize]) -> Result<(), Violation> {
        let id: [u8; 16] = self.rng.random();
        let identifiers = identifiers.iter().map(|identifier| raw(*identifier)).collect();
        let draft = TransactionDraft { identifiers, ..TransactionDraft::default() };
        let screened = self.on_node(house, |node, now, _| {
            let transaction = Transaction::new(draft, now).expect("within bounds");
            let version = node.state().belief.version();
            let (screening, traced) = with_context(node, now, |context| screen_traced(&transaction, context));
            let traces = traced.seal(&node.state().identity.key_ring);
            (screening, transaction.outline(), traces, version, now)
        });
        let Some((screening, outline, traces, version, at)) = screened else { return Ok(()) };
        check_answer(house, &screening)?;
        let answered = screening.decision;
        self.note(&("order", house, hex::encode(id), answered));
        if answered <= Decision::Challenge {
            self.orders.insert((house, hex::encode(id)), answered);
            let order = Order {
                id,
                at,
                answered,
                outline,
                profile: ProfileFacts::default(),
                conditions: Conditions::default(),
                customer: None,
                transaction: None,
            };
            self.houses[house].orders.take(Box::new(order), person("till").to_string().into(), traces, version);
        }
        Ok(())
    }

    /// What the thread beside the checkouts does ten times a second.
    pub fn follow_orders(&mut self, house: usize) -> Result<(), Violation> {
        if !self.options.late || !self.houses[house].is_up() {
            return Ok(());
        }
        let mut followed = std::mem::replace(&mut self.houses[house].orders, followed());
        let (elapsed, mutant) = (Duration::from_millis(self.elapsed_ms), self.options.mutant);
        let outcome = self.on_node(house, |node, now, rng| {
            let belief = std::sync::Arc::clone(&node.state().belief);
            match belief.take_changes() {
                Changed::All => followed.all_changed(),
                Changed::These(_) if mutant == Some(Mutant::MissesChanges) => {}
                Changed::These(pseudonyms) => followed.changed(&pseudonyms),
            }
            followed.look(belief.version(), now, elapsed);
            followed.begin_minute(elapsed);
            let telling = with_context(node, now, |context| {
                let mut view = belief.view();
                followed.judge_due(|held| judge(held, None, context, &mut view))
            });
            let matches = telling.iter().map(|one| {
                let held = followed.window().get(one.number).expect("it was judged");
                LateMatch::of(&held, &one.judged, one.news)
            });
            let matches: Vec<LateMatch> = matches.collect();
            let marks: Vec<_> = telling.iter().map(|one| (one.number, one.judged.decision)).collect();
            (marks, node.record_late_matches(matches, now, rng))
        });
        let Some((marks, outcome)) = outcome else { return Ok(()) };
        let told = !marks.is_empty();
        if self.houses[house].judge(outcome)?.is_some() && mutant != Some(Mutant::ForgetsTelling) {
            followed.told(&marks, elapsed);
        }
        self.houses[house].orders = followed;
        if told { self.sync(house) } else { Ok(()) }
    }

    pub fn brake(&mut self, house: usize, nth: usize, act: Act) -> Result<(), Violation> {
        let others = self.ledger.attempts.iter().filter(|(_, attempt)| attempt.house != house);
        let others: Vec<_> = others.map(|(target, attempt)| (*target, attempt.house, attempt.identifier)).collect();
        let of_another = others.get(nth % others.len().max(1)).map(|(target, author, identifier)| Raise {
            member: self.member_of(*author),
            kind: raw(*identifier).kind(),
            subject: Subject::Indicator(*target),
            reason: HeldReason::Canary,
            matched: 0,
            transactions: 0,
        });
        let done = self.on_node(house, |node, now, rng| {
            let rows: Vec<QuarantineId> = node.state().quarantines.after(None).map(|row| row.id).collect();
            let row = rows.get(nth % rows.len().max(1)).copied();
            match (act, row, of_another) {
                (Act::Raise, _, Some(raise)) => node.raise_quarantines(vec![raise], now, rng).map_err(Into::into),
                (Act::Lift { ben }, Some(id), _) => {
                    let caller = person(if ben { "ben" } else { "anna" });
                    node.lift_quarantine(&caller, id, now, rng).map(|_| ())
                }
                (Act::Keep, Some(id), _) => node.keep_quarantined(&person("anna"), id, now, rng),
                (Act::Raise | Act::Lift { .. } | Act::Keep, _, _) => Ok(()),
            }
        });
        match done {
            Some(Err(QuarantineFault::Storage(fault))) => {
                self.houses[house].judge::<()>(Err(fault))?;
            }
            // The second person was the first.
            Some(Err(QuarantineFault::SamePerson { .. }) | Ok(())) | None => {}
            // Keeping what was lifted.
            Some(Err(QuarantineFault::Unknown)) if act == Act::Keep => {}
            Some(Err(fault @ QuarantineFault::Unknown)) => return Err(broken(Invariant::LiftedByTwo, fault)),
        }
        self.sync(house)
    }

    /// Of every order that is followed the last word is what belief says now, and the audit log told each once.
    pub fn check_late(&mut self, house: usize) -> Result<(), Violation> {
        let records = self.records(house)?;
        let mut last: BTreeMap<String, Decision> = self.orders_of(house).collect();
        for record in records.iter().filter(|record| record.action().starts_with("late_match.")) {
            let field = |wanted| record.fields().find(|(name, _)| *name == wanted).map(|(_, value)| value);
            let decision = field("decision").and_then(Decision::from_label).expect("every one has it");
            let before = last.insert(record.subject().to_owned(), decision).expect("of an order");
            let news = if record.action() == "late_match.raised" { decision > before } else { decision < before };
            ensure(news, Invariant::LateMatchOnce, || {
                format!("house {house} told {} of {}: {before}, then {decision}", record.action(), record.subject())
            })?;
        }
        let Some(node) = &self.houses[house].node else { return Ok(()) };
        let (now, window) = (self.houses[house].clock(self.now()), self.houses[house].orders.window());
        for held in window.all().filter_map(|number| window.get(number)) {
            let id = hex::encode(held.order().id);
            let judged = with_context(node, now, |context| judge(&held, None, context, &mut context.belief.view()));
            check_answer(house, &judged.screening)?;
            ensure(judged.decision == held.told(), Invariant::LateMatchOnce, || {
                format!("house {house}: {id} is {} and was told to be {}", judged.decision, held.told())
            })?;
            ensure(last.get(&id) == Some(&held.told()), Invariant::LateMatchOnce, || {
                format!("house {house}: the log tells {:?} of {id}, not {}", last.get(&id), held.told())
            })?;
            let opened = node.state().cases.get(&hushwire::domain::case::CaseId(held.order().id)).is_some();
            ensure(opened || held.told() == held.order().answered, Invariant::LateMatchOnce, || {
                format!("house {house}: {id} is {} and nobody works it", held.told())
            })?;
        }
        Ok(())
    }

    /// What the log says was lifted was asked for by one person and lifted by another; everything else still has no say.
    pub fn check_brake(&mut self, house: usize) -> Result<(), Violation> {
        let mut raised = BTreeSet::new();
        let mut lifted = BTreeSet::new();
        for record in self.records(house)? {
            let field = |wanted| record.fields().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
            match record.action() {
                "quarantine.indicator" => {
                    let id = field("quarantine_id").expect("every one has it");
                    ensure(raised.insert(id.clone()), Invariant::LiftedByTwo, || format!("{id} was raised twice"))?;
                }
                "quarantine.indicator_lifted" => {
                    let (asked, by) = (field("asked_by").expect("who asked"), record.actor().to_owned());
                    ensure(asked != by, Invariant::LiftedByTwo, || format!("house {house}: {by} lifted alone"))?;
                    lifted.insert(field("quarantine_id").expect("every one has it"));
                }
                _ => {}
            }
        }
        let Some(node) = &self.houses[house].node else { return Ok(()) };
        let state = node.state();
        let rows = || state.quarantines.after(None).filter(|row| row.is_held());
        let held: BTreeSet<String> = rows().map(|row| row.id.to_string()).collect();
        let expected: BTreeSet<String> = raised.difference(&lifted).cloned().collect();
        ensure(held == expected, Invariant::LiftedByTwo, || format!("house {house} holds {held:?}, not {expected:?}"))?;
        let named = |subject| match subject {
            Subject::Indicator(commitment) => Some(commitment),
            Subject::AllNew { .. } => None,
        };
        let mute: BTreeSet<_> = rows().filter_map(|row| named(row.raise.subject)).collect();
        for identifier in 0..IDENTIFIERS {
            let forms = canonicalise(&raw(identifier), &state.settings.canon_rules);
            let forms = forms.map_err(|error| broken(Invariant::Progress, error))?;
            for pseudonym in forms.iter().map(|form| state.identity.key_ring.current.pseudonym(form)) {
                for statement in state.belief.view().statements(&pseudonym) {
                    let right = statement.braked == mute.contains(&statement.commitment);
                    ensure(right, Invariant::HeldBackIsMute, || format!("house {house}: {statement:?}"))?;
                }
            }
        }
        Ok(())
    }

    fn orders_of(&self, house: usize) -> impl Iterator<Item = (String, Decision)> {
        let of = self.orders.iter().filter(move |((of, _), _)| *of == house);
        of.map(|((_, id), answered)| (id.clone(), *answered))
    }

    /// The audit log of a house.
    fn records(&self, house: usize) -> Result<Vec<AuditRecord>, Violation> {
        let Some(node) = &self.houses[house].node else { return Ok(Vec::new()) };
        let mut records = Vec::new();
        let (mut from, size) = (TreeSize::EMPTY, node.state().audit.durable_size);
        while from < size {
            let slice = node.export_audit_slice(from, size).map_err(|fault| broken(Invariant::StoreWhole, fault))?;
            from = TreeSize(from.0 + u64::try_from(slice.len()).expect("small"));
            records.extend(slice.iter().filter_map(|logged| AuditRecord::decode(&logged.entry.blob).ok()));
        }
        Ok(records)
    }
}
