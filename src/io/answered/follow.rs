//! The thread that follows answered orders: counts their names, takes them into the window, judges those again that a change of
//! belief concerns, lets the brake look at what was said, and has late matches and quarantines recorded.
//!
//! Beside the checkouts: one thread, some thousand orders at a time, and no more than a tenth of its time on judging all of
//! them. In a flood of late matches the first of each minute are told, and the others when there is room again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::belief::Belief;
use crate::domain::belief::changes::Changed;
use crate::domain::case::{CaseId, Evidence};
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::experience::Experience;
use crate::domain::screening::late::judge::{Judged, News, judge, news};
use crate::domain::screening::late::window::{Bounds, Held, LateWindow, OrderNumber};
use crate::domain::screening::policy::facts::Conditions;
use crate::domain::screening::screen::ScreeningContext;
use crate::io::answered::Given;
use crate::io::answered::brake::Brakeman;
use crate::io::clock;
use crate::io::engine::{Engine, EngineFault};
use crate::io::metrics::counts::AnsweredCounts;
use crate::io::screener::Screener;
use crate::node::late::LateMatch;
use crate::node::quarantine::Raise;
use crate::node::store::{Journal, Views};

const TAKE_EVERY: Duration = Duration::from_millis(limits::late::ANSWERED_TAKE_MS);
const LOOK_EVERY: Duration = Duration::from_millis(limits::late::LOOK_MS);
const TOLD_EVERY: Duration = Duration::from_secs(limits::late::TOLD_S);
const ALL_EVERY: Duration = Duration::from_secs(limits::late::ALL_S);
const CANARIES_EVERY: Duration = Duration::from_secs(limits::brake::CANARY_LOOK_S);
const MINUTE: Duration = Duration::from_secs(60);

/// Between two attempts to record what the engine had no time for.
const RETRY_IN: Duration = Duration::from_secs(1);

/// The running thread.
#[derive(Debug)]
pub struct Following {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Following {
    /// Starts it. `runtime` is the one the engine's waiters live on; it must outlast [`Following::stop`].
    pub fn start<J, V>(
        screener: Arc<Screener>,
        engine: Engine<J, V>,
        runtime: Handle,
        waiting: Receiver<Given>,
        bounds: Bounds,
        brakeman: Brakeman,
    ) -> std::io::Result<Self>
    where
        J: Journal + Send + 'static,
        V: Views + Send + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let run = move || {
            let follower = Follower::new(screener, LateWindow::new(bounds), brakeman);
            follower.run(&waiting, &told, |Findings { raises, matches }| {
                let record = engine.call(move |node, round| {
                    node.raise_quarantines(raises, round.now, round.rng)?;
                    node.record_late_matches(matches, round.now, round.rng)
                });
                runtime.block_on(record).and_then(|written| written.map_err(EngineFault::from))
            });
        };
        let thread = std::thread::Builder::new().name("hushwire-late".to_owned()).spawn(run)?;
        Ok(Self { stop, thread })
    }

    /// Ends it; what stands in the window is gone.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        drop(self.thread.join());
    }
}

/// How often something is done at most.
struct Pace {
    every: Duration,
    due: Instant,
}

impl Pace {
    fn new(every: Duration) -> Self {
        Self { every, due: Instant::now() + every }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.due <= now;
        if due {
            self.due = now + self.every;
        }
        due
    }
}

/// What the node is to put on record.
struct Findings {
    raises: Vec<Raise>,
    matches: Vec<LateMatch>,
}

/// One order that was judged again and of which something is to be told.
struct Told {
    number: OrderNumber,
    decision: Decision,
    late: LateMatch,
}

struct Follower {
    screener: Arc<Screener>,
    window: LateWindow,
    counts: Arc<AnsweredCounts>,
    brakeman: Brakeman,
    /// What is to be held back and is not on record.
    raises: Vec<Raise>,
    /// The keys the canaries were read under.
    keys: Arc<KeyRing>,
    /// The belief whose changes are known, and its version when they were taken last.
    belief: Option<Arc<Belief>>,
    drained: u64,
    /// What own outcomes had taught when it was looked at last.
    experience: Arc<Experience>,
    /// When belief was looked at last, and the same before the oldest change of which something may still have to be told.
    looked: Instant,
    changed_after: Option<Instant>,
    /// To be judged again.
    due: BTreeSet<OrderNumber>,
    /// All are to be, as soon as none is due and the time since the last such look allows.
    all_due: bool,
    all_not_before: Instant,
    all_begun: Option<Instant>,
    /// What may still be told in this minute.
    budget: u32,
    look: Pace,
    told: Pace,
    all: Pace,
    minute: Pace,
    canaries: Pace,
}

impl Follower {
    fn new(screener: Arc<Screener>, window: LateWindow, brakeman: Brakeman) -> Self {
        let counts = screener.answers.as_ref().map(|answers| Arc::clone(&answers.counted)).unwrap_or_default();
        Self {
            keys: screener.keys.load_full(),
            screener,
            window,
            counts,
            brakeman,
            raises: Vec::new(),
            belief: None,
            drained: 0,
            experience: Arc::default(),
            looked: Instant::now(),
            changed_after: None,
            due: BTreeSet::new(),
            all_due: false,
            all_not_before: Instant::now(),
            all_begun: None,
            budget: limits::late::MATCHES_PER_MINUTE,
            look: Pace::new(LOOK_EVERY),
            told: Pace::new(TOLD_EVERY),
            all: Pace::new(ALL_EVERY),
            minute: Pace::new(MINUTE),
            canaries: Pace::new(CANARIES_EVERY),
        }
    }

    fn run(
        mut self,
        waiting: &Receiver<Given>,
        stop: &AtomicBool,
        mut record: impl FnMut(Findings) -> Result<(), EngineFault>,
    ) {
        let mut retry_at = Instant::now();
        while !stop.load(Ordering::Acquire) {
            // It sleeps instead of waiting for the queue: a checkout must not pay for waking it.
            std::thread::sleep(TAKE_EVERY);
            for given in waiting.try_iter().take(limits::late::ANSWERED_WAITING) {
                self.take(given);
            }
            let now = Instant::now();
            if !self.look.is_due(now) {
                continue;
            }
            self.look_round(now);
            if retry_at > now {
                continue;
            }
            let told = self.judge_due(clock::now());
            let raises = std::mem::take(&mut self.raises);
            if told.is_empty() && raises.is_empty() {
                continue;
            }
            let (marks, matches): (Vec<_>, Vec<_>) =
                told.into_iter().map(|told| ((told.number, told.decision), told.late)).unzip();
            match record(Findings { raises: raises.clone(), matches }) {
                Ok(()) => self.mark(&marks, Instant::now()),
                Err(fault) => {
                    let (matches, quarantines) = (marks.len(), raises.len());
                    tracing::warn!(event = "late_match.unwritten", matches, quarantines, fault = %fault);
                    self.raises = raises;
                    self.due.extend(marks.iter().map(|(number, _)| *number));
                    retry_at = now + RETRY_IN;
                }
            }
        }
        tracing::info!(event = "late_match.window_ended", orders = self.window.orders());
    }

    fn take(&mut self, given: Given) {
        let Given { order, traced, may_change, matched, belief_version } = given;
        self.brakeman.count(traced.names(), order.at);
        if matched && let Some(belief) = &self.belief {
            let (mut view, now) = (belief.view(), clock::now());
            for name in traced.names() {
                self.raises.extend(self.brakeman.inspect(name, false, &mut view, now));
            }
        }
        if !may_change {
            return;
        }
        let traces = traced.seal(&self.screener.keys.load());
        let Some(number) = self.window.put(order, traces) else { return };
        // What was said between its look-up and now was taken for the window without it.
        if belief_version < self.drained {
            self.due.insert(number);
        }
    }

    /// Finds out which orders are due.
    fn look_round(&mut self, now: Instant) {
        self.window.expire(clock::now());
        self.counts.window(self.window.orders(), self.window.crowded_out());
        let Some(belief) = self.screener.belief.load_full() else { return };
        if !self.belief.as_ref().is_some_and(|known| Arc::ptr_eq(known, &belief)) {
            // Answers given from the one before may still be on their way: they are asked with the next look at all.
            self.belief = Some(Arc::clone(&belief));
            self.all.due = now + TOLD_EVERY;
            self.all_due = true;
        }
        let (mut view, clock_now) = (belief.view(), clock::now());
        let (inspected, arrived) = match belief.take_changes() {
            Changed::All => {
                self.all_due = true;
                (self.brakeman.names(), false)
            }
            Changed::These(pseudonyms) => {
                for pseudonym in &pseudonyms {
                    let before = self.due.len();
                    self.due.extend(self.window.concerned(pseudonym));
                    if self.due.len() > before {
                        self.changed_after.get_or_insert(self.looked);
                    }
                }
                (pseudonyms, true)
            }
        };
        for pseudonym in &inspected {
            self.raises.extend(self.brakeman.inspect(pseudonym, arrived, &mut view, clock_now));
        }
        let arrivals = belief.take_arrivals();
        // What a start read is no arrival.
        if arrived {
            self.raises.extend(self.brakeman.arrived(arrivals, clock_now));
        }
        if self.canaries.is_due(now) {
            let keys = self.screener.keys.load_full();
            let keys_changed = !Arc::ptr_eq(&keys, &self.keys);
            for pseudonym in self.brakeman.reread(&self.screener.canon, &keys, keys_changed) {
                self.raises.extend(self.brakeman.inspect(&pseudonym, false, &mut view, clock_now));
            }
            self.keys = keys;
        }
        self.looked = now;
        let experience = self.screener.experience.load_full();
        self.all_due |= !Arc::ptr_eq(&experience, &self.experience);
        self.experience = experience;
        // After they were taken: whoever looked up before that is judged once more.
        self.drained = belief.version();
        if self.told.is_due(now) {
            self.due.extend(self.window.raised());
        }
        self.all_due |= self.all.is_due(now);
        if self.due.is_empty() {
            if let Some(begun) = self.all_begun.take() {
                self.all_not_before = now + now.saturating_duration_since(begun) * 9;
            }
            if self.all_due && self.all_not_before <= now {
                self.due.extend(self.window.all());
                self.all_due = false;
                self.all_begun = (!self.due.is_empty()).then_some(now);
            }
        }
        if self.minute.is_due(now) {
            if self.budget == 0 {
                tracing::warn!(
                    event = "late_match.flood",
                    told = limits::late::MATCHES_PER_MINUTE,
                    due = self.due.len()
                );
            }
            self.budget = limits::late::MATCHES_PER_MINUTE;
        }
    }

    /// Judges some of those that are due; what is to be told of them.
    fn judge_due(&mut self, now: Timestamp) -> Vec<Told> {
        let mut told = Vec::new();
        let Some(belief) = self.belief.clone() else { return told };
        if self.due.is_empty() {
            return told;
        }
        let screener = Arc::clone(&self.screener);
        let policy = screener.policies.live();
        let context = ScreeningContext {
            keys: &screener.keys.load(),
            belief: &belief,
            canon: &screener.canon,
            guard: &screener.guard.load(),
            lists: &screener.lists.load(),
            freshness: &screener.freshness.load(),
            experience: &screener.experience.load(),
            policy: &policy.policy,
            candidate: None,
            profile: &ProfileFacts::default(),
            conditions: Conditions::default(),
            demands: &screener.demands.load(),
            own: &screener.own,
            sandbox: false,
            now,
        };
        let mut view = belief.view();
        for _ in 0..limits::late::ORDERS_AT_ONCE {
            // What is beyond the minute's room stays due.
            if self.budget == 0 {
                break;
            }
            let Some(number) = self.due.pop_first() else { break };
            let Some(held) = self.window.get(number) else { continue };
            let passed_s = held.order().customer.and_then(|customer| screener.passed.challenge_passed(&customer, now));
            let judged = judge(&held, passed_s, &context, &mut view);
            if let Some(news) = news(held.told(), judged.decision) {
                self.budget -= 1;
                told.push(Told { number, decision: judged.decision, late: late_match(&held, &judged, news) });
            }
        }
        told
    }

    fn mark(&mut self, told: &[(OrderNumber, Decision)], now: Instant) {
        if let Some(changed_after) = self.changed_after.filter(|_| !told.is_empty()) {
            self.counts.told_after.took(now.saturating_duration_since(changed_after));
        }
        self.changed_after = self.changed_after.filter(|_| !self.due.is_empty());

        for (number, decision) in told {
            self.window.tell(*number, *decision);
        }
        self.counts.late_matches.add(u64::try_from(told.len()).unwrap_or(u64::MAX));
    }
}

fn late_match(held: &Held<'_>, judged: &Judged, news: News) -> LateMatch {
    let (order, screening) = (held.order(), &judged.screening);
    let (amount_minor, currency) = order.outline.amount();
    LateMatch {
        id: CaseId(order.id),
        caller: order.caller.clone(),
        answered: order.answered,
        decision: judged.decision,
        news,
        reasons: screening.reasons.iter().map(|reason| reason.code.name().to_owned()).collect(),
        evidence: Evidence::of(screening),
        policy_sha256: screening.policy_sha256,
        amount_minor,
        currency: currency.to_owned(),
        transaction: order.transaction,
        customer: order.customer,
    }
}
