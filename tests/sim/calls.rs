//! What callers inside a member ask of its node, and what befalls the machines.

use hushwire::base::bytes::Commitment;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::feed::blob::Body;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::indicator::draft::Draft;
use hushwire::domain::indicator::words::{Grounds, RetractionReason, Severity};
use hushwire::node::fence::FenceState;
use hushwire::node::publish::{IndicatorDraft, PublishFault, PublishReceipt, PublishRequest};
use hushwire::node::retract::{RetractFault, RetractReceipt, RetractRequest};
use hushwire::node::select::Selectors;

use crate::consortium::ROGUE;
use crate::house::{Backup, Waiting};
use crate::ledger::Attempt;
use crate::operation::{By, IDENTIFIERS, Operation};
use crate::options::Mutant;
use crate::violation::{Invariant, Violation, broken, ensure};
use crate::world::{LastRequest, World};

/// The raw identifier of a number: every third an e-mail, which yields two entries.
pub fn raw(identifier: usize) -> RawIdentifier {
    if identifier.is_multiple_of(3) {
        RawIdentifier::new(IdentifierKind::Email, format!("orchid-{identifier}+shop@gmail.com"))
    } else {
        RawIdentifier::new(IdentifierKind::Device, format!("device-of-the-run-{identifier:04}"))
    }
}

fn draft(
    identifier: usize,
    source_ref: &str,
    supersedes: Option<Commitment>,
    valid_until: Option<Timestamp>,
) -> IndicatorDraft {
    IndicatorDraft {
        identifier: raw(identifier),
        details: Draft {
            typology: "F1012".to_owned(),
            severity: Some(Severity::Medium),
            confidence: 80,
            grounds: Some(Grounds::OwnConfirmed),
            valid_until,
            ..Draft::default()
        },
        source_ref: Some(source_ref.to_owned()),
        supersedes,
    }
}

impl World {
    pub fn apply(&mut self, operation: Operation) -> Result<(), Violation> {
        match operation {
            Operation::Publish { house, identifiers, spread_s, sync_now } => {
                self.requests += 1;
                let (id, source_ref) = (format!("request {}", self.requests), format!("case {}", self.requests));
                self.publish(
                    house,
                    LastRequest { id, identifiers, source_ref, published: Vec::new(), acknowledged: false },
                    spread_s,
                    None,
                )?;
                if sync_now { self.sync(house) } else { Ok(()) }
            }
            Operation::Flood { count } => {
                let identifiers = (0..count).map(|one| one % IDENTIFIERS).collect();
                self.apply(Operation::Publish { house: ROGUE, identifiers, spread_s: 0, sync_now: true })
            }
            Operation::Repeat { house } => self.repeat(house),
            Operation::Supersede { house, nth } => self.supersede(house, nth),
            Operation::Retract { house, by, nth, sync_now } => {
                self.retract(house, by, nth)?;
                if sync_now { self.sync(house) } else { Ok(()) }
            }
            Operation::Sight { house, nth, outcome } => self.sight(house, nth, outcome),
            Operation::Dispute { house, nth, step } => self.dispute(house, nth, step),
            Operation::Release { house, nth, reach } => self.release(house, nth, reach),
            Operation::Case { house, nth, act } => self.act_on_case(house, nth, act),
            Operation::Order { house, identifiers } => self.order(house, &identifiers),
            Operation::Brake { house, nth, act } => self.brake(house, nth, act),
            Operation::Snapshot { house } => self.take_snapshot(house),
            Operation::DamageSnapshot { house, at, cuts } => self.damage_snapshot(house, at, cuts),
            Operation::NextKey { house, of_feed, ahead } => self.next_key(house, of_feed, ahead),
            Operation::Sync { house } => self.sync(house),
            Operation::Crash { house, restart } => {
                if self.is_needed(house) {
                    return Ok(());
                }
                self.crash(house);
                if restart { self.start(house) } else { Ok(()) }
            }
            Operation::Start { house } if !self.houses[house].is_up() => {
                self.crash(house);
                self.start(house)
            }
            Operation::Start { .. } => Ok(()),
            Operation::BreakDisk { house } => {
                if !self.is_needed(house) && self.houses[house].is_up() {
                    self.houses[house].disk.break_writes();
                    self.houses[house].disk_may_fail = true;
                }
                Ok(())
            }
            Operation::Backup { house } => {
                self.back_up(house);
                Ok(())
            }
            Operation::Restore { house, nth, old_views } => self.restore(house, nth, old_views),
            Operation::Advance { ms } => self.advance(ms),
            Operation::PassDays { days } => self.pass_days(days),
            Operation::ClockAhead { house, ms } => {
                self.houses[house].ahead_ms = ms;
                Ok(())
            }
            Operation::Cut { .. }
            | Operation::Heal { .. }
            | Operation::Isolate { .. }
            | Operation::HealAll
            | Operation::Weather { .. } => {
                self.change_lines(&operation);
                Ok(())
            }
        }
    }

    fn publish(
        &mut self,
        house: usize,
        mut asked: LastRequest,
        spread_s: u32,
        supersedes: Option<Commitment>,
    ) -> Result<(), Violation> {
        let Some(receipt) = self.call_publish(house, &asked, spread_s, supersedes)? else { return Ok(()) };
        ensure(receipt.refused.is_empty(), Invariant::Progress, || format!("refused: {:?}", receipt.refused))?;
        for published in &receipt.published {
            let place = usize::try_from(published.draft).expect("a draft of this call");
            let identifier = asked.identifiers[place];
            let source_ref = asked.source_ref.clone();
            let (day, expires) = (self.now().day(), self.validity().1);
            let attempt = Attempt {
                house,
                identifier,
                source_ref,
                day,
                expires,
                acknowledged: false,
                excused: false,
                expired: false,
            };
            self.ledger.attempts.insert(published.commitment, attempt);
        }
        asked.published = receipt.published.iter().map(|published| published.commitment).collect();
        self.houses[house].waiting.push(Waiting::Published(asked.published.clone()));
        if let Some(target) = supersedes {
            self.ledger.withdrawals.entry(target).or_default();
            self.houses[house].waiting.push(Waiting::Retracted(vec![target]));
        }
        if self.options.mutant == Some(Mutant::AnswersEarly) {
            self.answer(house);
        }
        self.note(&("published", house, &asked.published));
        self.last_requests.insert(house, asked);
        Ok(())
    }

    fn call_publish(
        &mut self,
        house: usize,
        asked: &LastRequest,
        spread_s: u32,
        supersedes: Option<Commitment>,
    ) -> Result<Option<PublishReceipt>, Violation> {
        let (valid_until, _) = self.validity();
        let called = self.on_node(house, |node, now, rng| {
            let one = |one: &usize| Ok(draft(*one, &asked.source_ref, supersedes, valid_until));
            let drafts = asked.identifiers.iter().map(one).collect();
            let content = format!("{:?}", asked.identifiers);
            let request = node.request(&asked.id, content.as_bytes());
            let request = PublishRequest { request, group: None, drafts, dry_run: false, force_wide: false, spread_s };
            node.publish_indicators(&Actor::Node, request, now, rng)
        });
        match called {
            None => Ok(None),
            Some(Ok(receipt)) => Ok(Some(receipt)),
            Some(Err(PublishFault::Storage(fault))) => self.houses[house].judge(Err(fault)),
            Some(Err(fault)) => Err(broken(Invariant::Progress, fault)),
        }
    }

    /// Sends the same request again: where the first was answered, the answer is the same.
    fn repeat(&mut self, house: usize) -> Result<(), Violation> {
        self.sync(house)?;
        let Some(mut last) = self.last_requests.get(&house).cloned() else { return Ok(()) };
        last.acknowledged = last.published.iter().all(|one| self.ledger.attempts[one].acknowledged);
        let excused = last.published.iter().any(|one| self.ledger.attempts[one].excused);
        if !last.acknowledged || excused || self.houses[house].restored {
            return Ok(());
        }
        let Some(receipt) = self.call_publish(house, &last, 0, None)? else { return Ok(()) };
        let again: Vec<Commitment> = receipt.published.iter().map(|published| published.commitment).collect();
        ensure(again == last.published, Invariant::RepeatedRequest, || {
            format!("house {house} answered {:?} and then {again:?}", last.published)
        })
    }

    fn supersede(&mut self, house: usize, nth: usize) -> Result<(), Violation> {
        let Some((target, identifier, _)) = self.pick(house, nth) else { return Ok(()) };
        if self.is_recovering(house) {
            return Ok(());
        }
        self.requests += 1;
        let asked = LastRequest {
            id: format!("request {}", self.requests),
            identifiers: vec![identifier],
            source_ref: format!("case {}", self.requests),
            published: Vec::new(),
            acknowledged: false,
        };
        self.publish(house, asked, 0, Some(target))?;
        self.sync(house)
    }

    fn pick(&self, house: usize, nth: usize) -> Option<(Commitment, usize, String)> {
        let standing = self.ledger.standing(house);
        let (commitment, attempt) = standing.get(nth.checked_rem(standing.len())?)?;
        Some((*commitment, attempt.identifier, attempt.source_ref.clone()))
    }

    fn retract(&mut self, house: usize, by: By, nth: usize) -> Result<(), Violation> {
        let Some((target, identifier, source_ref)) = self.pick(house, nth) else { return Ok(()) };
        let meant: Vec<Commitment> = match by {
            By::Name => vec![target],
            By::SourceRef => self.standing_where(house, |attempt| attempt.source_ref == source_ref),
            By::Identifier => self.standing_where(house, |attempt| attempt.identifier == identifier),
        };
        let called = self.on_node(house, |node, now, rng| {
            let request = RetractRequest {
                request: None,
                selectors: Selectors {
                    names: if by == By::Name { vec![Ok(target)] } else { Vec::new() },
                    source_refs: if by == By::SourceRef { vec![source_ref] } else { Vec::new() },
                    identifiers: if by == By::Identifier { vec![Ok(raw(identifier))] } else { Vec::new() },
                },
                reason: RetractionReason::FalsePositive,
            };
            node.retract_indicators(&Actor::Node, request, now, rng)
        });
        let receipt: RetractReceipt = match called {
            None => return Ok(()),
            Some(Ok(receipt)) => receipt,
            Some(Err(RetractFault::Storage(fault))) => {
                return self.houses[house].judge(Err(fault)).map(|_: Option<()>| ());
            }
            Some(Err(fault)) => return Err(broken(Invariant::Progress, fault)),
        };
        self.note(&("retracted", house, &receipt.retracted));
        // A store put back does not know the references of what it recovered, and nothing before it recovered it.
        let exact = !(self.is_recovering(house) || self.houses[house].restored && by != By::Name);
        let missed = meant.iter().find(|one| !receipt.retracted.contains(one));
        ensure(!exact || missed.is_none(), Invariant::RetractionFinds, || {
            format!("house {house} did not find {missed:?} by {by:?}")
        })?;
        for one in &receipt.retracted {
            self.ledger.withdrawals.entry(*one).or_default();
        }
        self.houses[house].waiting.push(Waiting::Retracted(receipt.retracted));
        Ok(())
    }

    fn standing_where(&self, house: usize, meant: impl Fn(&Attempt) -> bool) -> Vec<Commitment> {
        let standing = self.ledger.standing(house).into_iter();
        standing.filter(|(_, attempt)| meant(attempt)).map(|(commitment, _)| commitment).collect()
    }

    fn is_recovering(&self, house: usize) -> bool {
        self.houses[house].recovers_from.is_some() && self.houses[house].fence() != Some(FenceState::Open)
    }

    /// Somebody recovers from it, or it recovers itself.
    pub fn is_needed(&self, house: usize) -> bool {
        self.houses.iter().any(|other| other.recovers_from == Some(house)) || self.houses[house].recovers_from.is_some()
    }

    fn back_up(&mut self, house: usize) {
        let (acknowledged, retracted) = self.ledger.acknowledged_of(house);
        let books = self.ledger.books(house).clone();
        let held = &mut self.houses[house];
        if held.is_up() && held.waiting.is_empty() {
            let copy = Backup { disk: held.disk.copy(), views: held.views.copy(), acknowledged, retracted, books };
            held.backups.push(copy);
        }
    }

    /// Puts an old copy back, where somebody reachable holds everything that was ever shown of the feed: the promise.
    fn restore(&mut self, house: usize, nth: usize, old_views: bool) -> Result<(), Violation> {
        let count = self.houses[house].backups.len();
        let Some(nth) = nth.checked_rem(count) else { return Ok(()) };
        let Some(holder) = self.best_holder(house) else { return Ok(()) };
        if !self.houses[house].honest || self.is_needed(house) {
            return Ok(());
        }
        let feed = self.consortium.feed(self.houses[house].member);
        let held = self.houses[holder].said(&feed)?;
        let shown: Vec<Body> = self.houses[holder].entries(&feed)?.into_iter().filter_map(|(_, body)| body).collect();
        self.crash(house);
        let backup = &self.houses[house].backups[nth];
        self.ledger.excuse(house, backup, &held);
        *self.ledger.books(house) = backup.books.put_back(&shown);
        let (disk, views) = (backup.disk.copy(), backup.views.copy());
        self.houses[house].disk = disk;
        if old_views {
            self.houses[house].views = views;
        }
        self.houses[house].restored = true;
        // A copy knows nothing of what was held since.
        self.holds.remove(&house);
        self.houses[house].recovers_from = Some(holder);
        self.note(&("restored", house, holder));
        self.start(house)
    }

    fn best_holder(&self, house: usize) -> Option<usize> {
        let feed = self.consortium.feed(self.houses[house].member);
        let needed = self.ledger.shown_size(&feed);
        let can = |other: &usize| {
            let candidate = &self.houses[*other];
            let reached = self.lines.get(&(house, *other)).is_some_and(|line| !line.cut && line.loss == 0.0);
            candidate.honest && candidate.is_up() && reached && candidate.holds(&feed) >= needed && *other != house
        };
        (0..self.houses.len()).find(can)
    }

    /// Once the fence is open again, the holder may go its way.
    pub fn check_recovered(&mut self, house: usize) {
        if self.houses[house].recovers_from.is_some() && self.houses[house].fence() == Some(FenceState::Open) {
            self.houses[house].recovers_from = None;
        }
    }
}
