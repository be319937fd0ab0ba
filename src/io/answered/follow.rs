//! The thread that follows answered orders: counts their names, takes them into the window, judges those again that a change of
//! belief concerns, lets the brake look at what was said, and has late matches and quarantines recorded.
//!
//! Beside the checkouts: one thread, some thousand orders at a time, and no more than a tenth of its time on judging all of
//! them. In a flood of late matches the first of each minute are told, and the others when there is room again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::base::limits;
use crate::domain::audit::record::Actor;
use crate::domain::belief::Belief;
use crate::domain::belief::changes::Changed;
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::screening::experience::Experience;
use crate::domain::screening::late::followed::{Followed, Telling};
use crate::domain::screening::late::judge::judge;
use crate::domain::screening::late::window::Bounds;
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
const CANARIES_EVERY: Duration = Duration::from_secs(limits::brake::CANARY_LOOK_S);

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
        waiting: Receiver<Box<Given>>,
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
            let follower = Follower::new(screener, Followed::new(bounds), brakeman);
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

/// What the node is to put on record.
struct Findings {
    raises: Vec<Raise>,
    matches: Vec<LateMatch>,
}

struct Follower {
    screener: Arc<Screener>,
    followed: Followed,
    counts: Arc<AnsweredCounts>,
    brakeman: Brakeman,
    /// What is to be held back and is not on record.
    raises: Vec<Raise>,
    /// By whom orders came.
    callers: BTreeMap<Actor, Arc<str>>,
    /// The keys the canaries were read under.
    keys: Arc<KeyRing>,
    /// The belief whose changes are known.
    belief: Option<Arc<Belief>>,
    /// What own outcomes had taught when it was looked at last.
    experience: Arc<Experience>,
    began: Instant,
    looked: Instant,
    canaries_read: Instant,
}

impl Follower {
    fn new(screener: Arc<Screener>, followed: Followed, brakeman: Brakeman) -> Self {
        let counts = screener.answers.as_ref().map(|answers| Arc::clone(&answers.counted)).unwrap_or_default();
        let began = Instant::now();
        Self {
            keys: screener.keys.load_full(),
            experience: screener.experience.load_full(),
            screener,
            followed,
            counts,
            brakeman,
            raises: Vec::new(),
            callers: BTreeMap::new(),
            belief: None,
            began,
            looked: began,
            canaries_read: began,
        }
    }

    fn run(
        mut self,
        waiting: &Receiver<Box<Given>>,
        stop: &AtomicBool,
        mut record: impl FnMut(Findings) -> Result<(), EngineFault>,
    ) {
        let mut retry_at = self.began;
        while !stop.load(Ordering::Acquire) {
            // It sleeps instead of waiting for the queue: a checkout must not pay for waking it.
            std::thread::sleep(TAKE_EVERY);
            for given in waiting.try_iter().take(limits::late::ANSWERED_WAITING) {
                self.take(*given);
            }
            let now = Instant::now();
            if now.saturating_duration_since(self.looked) < LOOK_EVERY {
                continue;
            }
            self.looked = now;
            self.look();
            if retry_at > now {
                continue;
            }
            let telling = self.judge_due();
            let raises = std::mem::take(&mut self.raises);
            if telling.is_empty() && raises.is_empty() {
                continue;
            }
            let window = self.followed.window();
            let matches = telling.iter().filter_map(|Telling { number, news, judged }| {
                Some(LateMatch::of(&window.get(*number)?, judged, *news))
            });
            let findings = Findings { raises: raises.clone(), matches: matches.collect() };
            let marks: Vec<_> = telling.iter().map(|telling| (telling.number, telling.judged.decision)).collect();
            match record(findings) {
                Ok(()) => {
                    self.counts.late_matches.add(u64::try_from(marks.len()).unwrap_or(u64::MAX));
                    if let Some(took) = self.followed.told(&marks, self.began.elapsed()) {
                        self.counts.told_after.took(took);
                    }
                }
                Err(fault) => {
                    let (matches, quarantines) = (marks.len(), raises.len());
                    tracing::warn!(event = "late_match.unwritten", matches, quarantines, fault = %fault);
                    self.raises = raises;
                    self.followed.untold(&marks);
                    retry_at = now + RETRY_IN;
                }
            }
        }
        tracing::info!(event = "late_match.window_ended", orders = self.followed.window().orders());
    }

    fn take(&mut self, given: Given) {
        let Given { mut order, caller, references: (customer, reference), traced, may_change, matched, belief_version } =
            given;
        // What somebody warned of does not become common by coming again and again: a bot would be freed by its own orders. Only who
        // has passed a challenge is known to be honest.
        if !matched || order.conditions.challenge_passed_s.is_some() {
            self.brakeman.count(traced.names(), order.at);
        }
        if matched && let Some(belief) = &self.belief {
            let (mut view, now) = (belief.view(), clock::now());
            for name in traced.names() {
                self.raises.extend(self.brakeman.inspect(name, false, &mut view, now));
            }
        }
        if may_change {
            let traces = traced.seal(&self.screener.keys.load());
            let local_mac = &self.screener.local_mac;
            (order.customer, order.transaction) = (local_mac.customer(&customer), local_mac.transaction(&reference));
            let caller = self.named(caller);
            self.followed.take(order, caller, traces, belief_version);
        }
    }

    /// As the audit log names them: one name for all orders of a caller.
    fn named(&mut self, caller: Actor) -> Arc<str> {
        if let Some(name) = self.callers.get(&caller) {
            return Arc::clone(name);
        }
        if self.callers.len() >= limits::late::CALLERS_KNOWN {
            self.callers.clear();
        }
        let name: Arc<str> = caller.to_string().into();
        self.callers.insert(caller, Arc::clone(&name));
        name
    }

    /// Finds out which orders are due, and what is to be held back.
    fn look(&mut self) {
        let (now, clock_now) = (self.began.elapsed(), clock::now());
        let window = self.followed.window();
        self.counts.window(window.orders(), window.crowded_out());
        let Some(belief) = self.screener.belief.load_full() else { return };
        let replaced = !self.belief.as_ref().is_some_and(|known| Arc::ptr_eq(known, &belief));
        if replaced {
            self.belief = Some(Arc::clone(&belief));
            self.followed.replaced(now);
        }
        let experience = self.screener.experience.load_full();
        if !Arc::ptr_eq(&experience, &self.experience) {
            self.experience = experience;
            self.followed.all_changed();
        }
        let mut view = belief.view();
        let (inspected, arrived) = match belief.take_changes() {
            Changed::All => {
                self.followed.all_changed();
                (self.brakeman.names(), false)
            }
            Changed::These(pseudonyms) => {
                self.followed.changed(&pseudonyms);
                (pseudonyms, true)
            }
        };
        for pseudonym in &inspected {
            self.raises.extend(self.brakeman.inspect(pseudonym, arrived, &mut view, clock_now));
        }
        let arrivals = belief.take_arrivals();
        // What a start read is no arrival. That everything may have changed says nothing of that: a flood is one of its causes.
        if !replaced {
            self.raises.extend(self.brakeman.arrived(arrivals, clock_now));
        }
        if self.canaries_read.elapsed() >= CANARIES_EVERY {
            self.canaries_read = Instant::now();
            let keys = self.screener.keys.load_full();
            let keys_changed = !Arc::ptr_eq(&keys, &self.keys);
            for pseudonym in self.brakeman.reread(&self.screener.canon, &keys, keys_changed) {
                self.raises.extend(self.brakeman.inspect(&pseudonym, false, &mut view, clock_now));
            }
            self.keys = keys;
        }
        self.followed.look(belief.version(), clock_now, now);
        if let Some(due) = self.followed.begin_minute(now) {
            tracing::warn!(event = "late_match.flood", told = limits::late::MATCHES_PER_MINUTE, due);
        }
    }

    /// Judges some of those that are due; what is to be told of them.
    fn judge_due(&mut self) -> Vec<Telling> {
        let Some(belief) = &self.belief else { return Vec::new() };
        let (screener, now) = (&self.screener, clock::now());
        let policy = screener.policies.live();
        let context = ScreeningContext {
            keys: &screener.keys.load(),
            belief,
            canon: &screener.canon,
            guard: &screener.guard.load(),
            lists: &screener.lists.load(),
            experience: &screener.experience.load(),
            freshness: &screener.freshness.load(),
            policy: &policy.policy,
            candidate: None,
            // Those of each order are its own.
            profile: &ProfileFacts::default(),
            conditions: Conditions::default(),
            demands: &screener.demands.load(),
            own: &screener.own,
            sandbox: false,
            now,
        };
        let mut view = belief.view();
        self.followed.judge_due(|held| {
            let customer = held.order().customer;
            let passed_s = customer.and_then(|customer| screener.passed.challenge_passed(&customer, now));
            judge(held, passed_s, &context, &mut view)
        })
    }
}
