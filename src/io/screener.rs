//! What answers checkouts: everything screening reads, shared without locks, and the bounded way of its records to the
//! audit log.
//!
//! Nothing here waits for the engine, a peer or a disk. Records go through a bounded queue; where it is full the answer is
//! given all the same and the loss is counted, told by a gap record once there is room again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::record::Actor;
use crate::domain::belief::Belief;
use crate::domain::case::Evidence;
use crate::domain::case::passed::Passed;
use crate::domain::identifier::CanonRules;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::profile::anomaly::{Anomalies, Anomaly};
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::screening::answer::{RefusedIdentifier, Screening};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::demands::Demands;
use crate::domain::screening::experience::Experience;
use crate::domain::screening::freshness::Freshness;
use crate::domain::screening::late::order::Order;
use crate::domain::screening::own_lists::OwnLists;
use crate::domain::screening::policy::facts::Conditions;
use crate::domain::screening::policy::rule::Heard;
use crate::domain::screening::reference::reference;
use crate::domain::screening::screen::{ScreeningContext, screen_traced};
use crate::domain::screening::transaction::Transaction;
use crate::io::answered::{Answers, Given};
use crate::io::engine::Engine;
use crate::io::metrics::counts::ScreeningCounts;
use crate::io::policies::{Loaded, Policies};
use crate::io::profiles::Profiles;
use crate::io::{clock, random};
use crate::node::behind::{Asked, Behind, Ruled};
use crate::node::local_mac::LocalMacKey;
use crate::node::record_screening::{CaseFacts, DecisionCounts, ScreeningRecord};
use crate::node::store::{Journal, Views};

/// What screening reads. Parts that change while the node runs are swapped whole.
#[derive(Debug)]
pub struct Screener {
    pub keys: ArcSwap<KeyRing>,
    /// What a snapshot said until the store is open, then the store's own. None until either is there.
    pub belief: ArcSwapOption<Belief>,
    pub canon: CanonRules,
    pub guard: ArcSwap<GuardLists>,
    /// Changed by the node once a change is durable.
    pub lists: Arc<ArcSwap<OwnLists>>,
    /// What own outcomes taught; changed by the node once an outcome is durable.
    pub experience: Arc<ArcSwap<Experience>>,
    /// Who passed a challenge lately; changed by the node once it is durable. None counts before the store is open.
    pub passed: Arc<Passed>,
    pub freshness: ArcSwap<Freshness>,
    pub policies: Arc<Policies>,
    pub demands: ArcSwap<Demands>,
    pub own: MemberId,
    /// Names customers and orders in cases.
    pub local_mac: LocalMacKey,
    pub sandbox: bool,
    /// Of the member's own customers; none where profiles are off.
    pub profiles: Option<Arc<Profiles>>,
    pub records: Records,
    /// Where answers are followed, if they are.
    pub answers: Option<Answers>,
}

/// An answer with its place in the audit log.
#[derive(Debug)]
pub struct Answered {
    /// Shared with its record, which is on its way to the disk.
    pub screening: Arc<Screening>,
    /// 128 random bits, hex: names the decision in the audit log.
    pub decision_id: String,
    /// What is unusual for the customer.
    pub anomalies: Anomalies,
    /// Short form a customer can read over the telephone.
    pub reference: String,
    pub audit: Audited,
    /// The policy that decided: names what stands in `screening` by place.
    pub policy: Arc<Loaded>,
}

impl Answered {
    /// Names of the rules that fired and have no say yet, or none for a while.
    pub fn unheard(&self) -> impl Iterator<Item = &str> {
        let unheard = self.screening.fired.iter().filter(|fired| fired.heard != Heard::Live);
        unheard.filter_map(|fired| Some(self.policy.policy.rules().get(fired.rule)?.name.as_str()))
    }
}

/// Where the record of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audited {
    /// In the audit log and on disk.
    Durable,
    /// Queued for the audit log.
    Pending,
    /// Only counted: nothing matched, nothing was stopped and nothing was very unusual.
    Counted,
    /// The queue is full or the store failed; the loss is told in the log.
    Lost,
}

/// A record on its way to the disk, for whoever waits for it.
#[derive(Debug)]
pub struct Written(oneshot::Receiver<()>);

impl Written {
    /// Where the record is at `until`, or as soon as that is certain.
    pub async fn wait(self, until: Instant) -> Audited {
        match timeout_at(until, self.0).await {
            Ok(Ok(())) => Audited::Durable,
            Ok(Err(_)) => Audited::Lost,
            Err(_) => Audited::Pending,
        }
    }
}

/// A record in the queue, and who waits for it.
#[derive(Debug)]
pub struct Queued {
    record: ScreeningRecord,
    written: Option<oneshot::Sender<()>>,
}

/// Why there is no answer: it would allow what nobody looked at.
#[derive(Debug)]
pub enum Unscreened {
    /// What the consortium knows is not in memory yet.
    Cold,
    /// No identifier of the transaction can be used; this is the first.
    NothingUsable(RefusedIdentifier),
}

impl Screener {
    /// Screens one transaction and queues its record; with `durable`, what tells when that is on disk.
    pub fn screen(
        &self,
        transaction: &Transaction,
        caller: &Actor,
        durable: bool,
        now: Timestamp,
    ) -> Result<(Answered, Option<Written>), Unscreened> {
        let belief = self.belief.load();
        let belief = belief.as_ref().ok_or(Unscreened::Cold)?;
        let id = random::name();
        let policy = self.policies.live();
        let candidate = self.policies.candidate().filter(|candidate| candidate.is_asked(&id));
        let guard = self.guard.load();
        let profiles = self.profiles.as_ref();
        let asked = profiles.and_then(|profiles| profiles.ask(transaction, &self.canon, &guard, now));
        let profile = asked.as_ref().map(|asked| asked.facts).unwrap_or_default();
        let customer = || self.local_mac.customer(transaction.customer_ref());
        let named = if self.passed.is_empty() { None } else { customer() };
        let passed = named.and_then(|customer| self.passed.challenge_passed(&customer, now));
        let conditions = Conditions { challenge_passed_s: passed };
        let belief_version = belief.version();
        let context = ScreeningContext {
            keys: &self.keys.load(),
            belief,
            canon: &self.canon,
            guard: &guard,
            lists: &self.lists.load(),
            experience: &self.experience.load(),
            freshness: &self.freshness.load(),
            policy: &policy.policy,
            candidate: candidate.as_ref().map(|candidate| &candidate.policy),
            profile: &profile,
            conditions,
            demands: &self.demands.load(),
            own: &self.own,
            sandbox: self.sandbox,
            now,
        };
        let (mut screening, traced) = screen_traced(transaction, &context);
        if screening.refused.len() == transaction.identifiers().len() {
            return Err(Unscreened::NothingUsable(screening.refused.swap_remove(0)));
        }
        policy.count(&screening.fired);
        if let Some((candidate, would_decide)) = candidate.zip(screening.candidate) {
            candidate.compare(screening.decision, would_decide);
        }
        let decision_id = hex::encode(id);
        let (reference, screening) = (reference(&id), Arc::new(screening));
        let anomalies = Anomalies::of(&profile);
        // A test value that stands for an overloaded node gets no answer: the order comes again.
        if let Some((profiles, asked)) = profiles.zip(asked).filter(|_| !screening.overload) {
            profiles.counted.told(anomalies);
            profiles.take(asked, screening.decision, id, now);
        }
        let kept = || {
            let behind = Behind {
                screening: Arc::clone(&screening),
                reference: reference.clone(),
                transaction: self.local_mac.transaction(transaction.transaction_ref()),
                customer: customer(),
                guard_sha256: guard.digest(),
                asked: asked_of(transaction),
                ruled: ruled(&policy, &screening, profile, conditions),
            };
            let case = (screening.decision != Decision::Allow).then(|| case_facts(transaction, &behind));
            (behind, case)
        };
        let told = Told { screening: &screening, anomalies, decision_id: &decision_id };
        let (audit, written) = self.records.take(caller, told, kept, durable, now);
        if let Some(answers) = &self.answers {
            let order = Box::new(Order {
                id,
                at: now,
                answered: screening.decision,
                outline: transaction.outline(),
                profile,
                conditions,
                customer: None,
                transaction: None,
            });
            let references = (transaction.customer_ref().clone(), transaction.transaction_ref().clone());
            answers.take(Given::new(order, caller.clone(), references, traced, &screening, belief_version));
        }
        Ok((Answered { anomalies, reference, screening, decision_id, audit, policy }, written))
    }
}

/// What the transaction said beside its identifiers and references.
fn asked_of(transaction: &Transaction) -> Asked {
    let (amount_minor, currency) = transaction.amount();
    Asked {
        time: transaction.time(),
        amount_minor,
        currency: currency.to_owned(),
        channel: transaction.channel().to_owned(),
        country: transaction.country().to_owned(),
        merchant_category: transaction
            .merchant_category()
            .map(|category| category.as_str().to_owned())
            .unwrap_or_default(),
        own_score: transaction.own_score(),
    }
}

/// What the rules said, and of what.
fn ruled(policy: &Loaded, screening: &Screening, profile: ProfileFacts, conditions: Conditions) -> Ruled {
    let rules = policy.policy.rules();
    let fired = screening.fired.iter().filter_map(|fired| Some((rules.get(fired.rule)?.name.clone(), fired.heard)));
    Ruled { policy: policy.policy.title(), fired: fired.collect(), profile, conditions }
}

/// What a case of this decision is opened with.
fn case_facts(transaction: &Transaction, behind: &Behind) -> CaseFacts {
    let (amount_minor, currency) = transaction.amount();
    CaseFacts {
        evidence: Evidence::of(&behind.screening),
        amount_minor,
        currency: currency.to_owned(),
        transaction: behind.transaction,
        customer: behind.customer,
    }
}

/// Counters by caller.
type Counts = BTreeMap<Actor, DecisionCounts>;

/// The records on their way to the audit log.
#[derive(Debug)]
pub struct Records {
    /// For monitoring; never reset.
    pub counted: Arc<ScreeningCounts>,
    queue: Sender<Queued>,
    counts: Mutex<Counts>,
    loss: Mutex<Option<Loss>>,
}

/// Records that found no room, or that the store did not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Loss {
    since: Timestamp,
    records: u64,
}

/// What the record of an answer is made of.
#[derive(Debug)]
struct Told<'a> {
    screening: &'a Screening,
    anomalies: Anomalies,
    decision_id: &'a str,
}

impl Records {
    /// The sending side and what [`write_records`] reads.
    pub fn new() -> (Self, Receiver<Queued>) {
        let (queue, waiting) = mpsc::channel(limits::SCREENING_RECORDS);
        let (counted, counts) = (Arc::default(), Mutex::new(Counts::new()));
        (Self { counted, queue, counts, loss: Mutex::new(None) }, waiting)
    }

    /// Records in the queue.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity().saturating_sub(self.queue.capacity())
    }

    fn take(
        &self,
        caller: &Actor,
        told: Told<'_>,
        kept: impl FnOnce() -> (Behind, Option<CaseFacts>),
        durable: bool,
        now: Timestamp,
    ) -> (Audited, Option<Written>) {
        let Told { screening, anomalies, decision_id } = told;
        self.count(caller, screening.decision);
        if screening.decision == Decision::Allow && screening.matches.is_empty() && !anomalies.alert() {
            return (Audited::Counted, None);
        }
        let matched = screening.matches.iter().flat_map(|found| &found.indicators);
        let (behind, case) = kept();
        let record = ScreeningRecord {
            caller: caller.clone(),
            time: now,
            decision_id: decision_id.to_owned(),
            decision: screening.decision.label(),
            reasons: screening.reasons.iter().map(|reason| reason.code.name().to_owned()).collect(),
            matched: matched.map(|indicator| (indicator.reporter.clone(), indicator.commitment)).collect(),
            policy_sha256: screening.policy_sha256,
            degraded: screening.degraded,
            anomalies: anomalies.iter().map(Anomaly::name).collect(),
            case,
            behind: Some(behind),
        };
        let (written, waiting) = if durable { Some(oneshot::channel()).unzip() } else { (None, None) };
        if self.queue.try_send(Queued { record, written }).is_ok() {
            return (Audited::Pending, waiting.map(Written));
        }
        self.counted.records_lost.one();
        self.lose(now, 1);
        (Audited::Lost, None)
    }

    fn count(&self, caller: &Actor, decision: Decision) {
        self.counted.decided(decision);
        // Held for one addition; a panic cannot leave a counter half changed.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let row = match counts.get_mut(caller) {
            Some(row) => row,
            None => counts.entry(caller.clone()).or_default(),
        };
        match decision {
            Decision::Allow => row.allowed += 1,
            Decision::Challenge => row.challenged += 1,
            Decision::Hold => row.held += 1,
            Decision::Block => row.blocked += 1,
        }
    }

    fn lose(&self, since: Timestamp, records: u64) {
        if records == 0 {
            return;
        }
        let mut loss = self.loss.lock().unwrap_or_else(PoisonError::into_inner);
        let before = loss.unwrap_or(Loss { since, records: 0 });
        *loss = Some(Loss { since: before.since.min(since), records: before.records.saturating_add(records) });
    }

    fn take_loss(&self) -> Option<Loss> {
        self.loss.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Counters that could not be written go back to be written with the next minute's.
    fn give_back(&self, unwritten: Counts) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (caller, more) in unwritten {
            let row = counts.entry(caller).or_default();
            row.allowed += more.allowed;
            row.challenged += more.challenged;
            row.held += more.held;
            row.blocked += more.blocked;
        }
    }

    /// The node stops before its store is open: what is queued finds no log any more.
    fn tell_lost(&self, waiting: &Receiver<Queued>) {
        let (records, counted) = (waiting.len(), self.take_counts().len());
        if records + counted > 0 {
            tracing::error!(event = "audit.unwritten", records, counted, fault = "stopped before the store was open");
        }
    }

    fn take_counts(&self) -> Counts {
        std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes records to the audit log: gathered for `window`, then durable together; counters once a minute. When `stop` turns
/// true, what is queued and counted is written and the task ends. Records wait in their queue while the store is opened.
pub async fn write_records<J, V>(
    engine: Engine<J, V>,
    screener: Arc<Screener>,
    mut waiting: Receiver<Queued>,
    window: Duration,
    mut stop: watch::Receiver<bool>,
) where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    tokio::select! {
        biased;
        open = engine.opened() => if !open { return },
        () = stopped(&mut stop) => return screener.records.tell_lost(&waiting),
    }
    let mut minute = clock::now().unix_s() / 60;
    loop {
        let mut records = Vec::new();
        tokio::select! {
            _ = waiting.recv_many(&mut records, limits::RECORDS_PER_COMMIT) => tokio::time::sleep(window).await,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = stopped(&mut stop) => {}
        }
        while records.len() < limits::RECORDS_PER_COMMIT
            && let Ok(record) = waiting.try_recv()
        {
            records.push(record);
        }
        let last = *stop.borrow() && records.len() < limits::RECORDS_PER_COMMIT;
        let this_minute = clock::now().unix_s() / 60;
        let counts = if last || this_minute > minute { screener.records.take_counts() } else { Counts::new() };
        write(&engine, &screener.records, records, Timestamp::from_unix_s(minute * 60), counts).await;
        minute = this_minute;
        if last {
            return;
        }
    }
}

/// Resolves when the node stops; the end of the sender means the same as its word.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Writes one batch. What cannot be written is counted as lost, and told by a gap record as soon as something can.
async fn write<J, V>(engine: &Engine<J, V>, queue: &Records, records: Vec<Queued>, minute: Timestamp, counts: Counts)
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let gap = queue.take_loss();
    if records.is_empty() && counts.is_empty() && gap.is_none() {
        return;
    }
    let (offered, kept_counts) = (records.len(), counts.clone());
    let (records, waiters): (Vec<_>, Vec<_>) =
        records.into_iter().map(|queued| (queued.record, queued.written)).unzip();
    let written = engine.call(move |node, round| {
        node.record_screenings(records, round.rng)?;
        node.record_counts(minute, counts, round.now, round.rng)?;
        match gap {
            Some(Loss { since, records }) => node.record_gap(since, round.now, records, round.now, round.rng),
            None => Ok(()),
        }
    });
    let outcome = written.await.and_then(|outcome| Ok(outcome?));
    if outcome.is_ok() {
        // Who gave up waiting was answered that it is pending.
        for waiter in waiters.into_iter().flatten() {
            let _gave_up = waiter.send(());
        }
    }
    if let Err(fault) = outcome {
        tracing::error!(event = "audit.unwritten", records = offered, fault = %fault);
        queue.counted.records_lost.add(u64::try_from(offered).unwrap_or(u64::MAX));
        let lost = u64::try_from(offered).unwrap_or(u64::MAX).saturating_add(gap.map_or(0, |gap| gap.records));
        queue.lose(gap.map_or_else(clock::now, |gap| gap.since), lost);
        queue.give_back(kept_counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_is_told_once_with_its_beginning() {
        let (records, _waiting) = Records::new();
        assert_eq!(records.take_loss(), None);
        records.lose(Timestamp::from_unix_s(20), 3);
        records.lose(Timestamp::from_unix_s(10), 2);
        assert_eq!(records.take_loss(), Some(Loss { since: Timestamp::from_unix_s(10), records: 5 }));
        assert_eq!(records.take_loss(), None);
    }

    #[test]
    fn counters_that_were_not_written_are_added_to_the_next() {
        let (records, _waiting) = Records::new();
        records.count(&Actor::Node, Decision::Block);
        let unwritten = records.take_counts();
        records.count(&Actor::Node, Decision::Block);
        records.give_back(unwritten);
        let counted = records.take_counts().remove(&Actor::Node).expect("the node was counted");
        assert_eq!(counted, DecisionCounts { blocked: 2, ..DecisionCounts::default() });
    }
}
