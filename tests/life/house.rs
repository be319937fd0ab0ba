//! Nodes in one thread over stores in memory, and the exchange between two of them as the streams do it.

use hushwire::base::bytes::Commitment;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::name::FeedId;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::{Actor, AuditRecord};
use hushwire::domain::exchange::batch::UnverifiedBatch;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::indicator::draft::Draft;
use hushwire::domain::indicator::words::{Grounds, Severity};
use hushwire::domain::roster::verified::Roster;
use hushwire::io::engine::{Engine, Reserve};
use hushwire::io::journal::memory::{MemoryJournal, MemoryRecords};
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::accept::{AcceptFault, Wanted};
use hushwire::node::publish::{IndicatorDraft, PublishFault, PublishReceipt, PublishRequest};
use hushwire::node::requests::Request;
use hushwire::node::reserve::{Found, Reservation};
use hushwire::node::serve::Outgoing;

use hushwire::node::store::{Decide, Journal, RecordNumber, RewriteOutcome, StorageFault, Visit};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::consortium::Consortium;

/// A journal that outlives its node, as a disk does.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<MemoryJournal>>, Arc<AtomicBool>, Arc<AtomicUsize>);

impl Disk {
    pub fn lock(&self) -> MutexGuard<'_, MemoryJournal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A second disk with the same bytes.
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())), Arc::default(), Arc::default())
    }

    /// From now on it takes nothing more.
    pub fn break_writes(&self) {
        self.1.store(true, Ordering::Relaxed);
    }

    /// Records that were read one by one.
    pub fn reads(&self) -> usize {
        self.2.load(Ordering::Relaxed)
    }

    /// Everything on it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let collected = self.replay(RecordNumber(0), &mut |_, record| {
            all.extend_from_slice(record);
            Ok(())
        });
        collected.expect("memory reads");
        all
    }
}

impl Journal for Disk {
    fn append(&mut self, record: &[u8]) -> Result<RecordNumber, StorageFault> {
        if self.1.load(Ordering::Relaxed) { Err(StorageFault::Stopped) } else { self.lock().append(record) }
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        self.lock().sync()
    }

    fn read(&self, number: RecordNumber) -> Result<Vec<u8>, StorageFault> {
        self.2.fetch_add(1, Ordering::Relaxed);
        self.lock().read(number)
    }

    fn next_number(&self) -> RecordNumber {
        self.lock().next_number()
    }

    fn replay(&self, from: RecordNumber, visit: &mut Visit<'_>) -> Result<(), StorageFault> {
        self.lock().replay(from, visit)
    }

    type Closed = MemoryRecords;

    fn begin_compaction(&mut self) -> Result<MemoryRecords, StorageFault> {
        self.lock().begin_compaction()
    }

    fn install(&mut self, rewritten: RewriteOutcome<Self>) -> Result<(), StorageFault> {
        self.lock().install(rewritten)
    }

    fn compact(&mut self, decide: &mut Decide<'_>) -> Result<(), StorageFault> {
        self.lock().compact(decide)
    }
}

pub type TestNode = Node<Disk, MemoryViews>;

/// One member's machine.
pub struct House {
    pub member: usize,
    pub disk: Disk,
    pub node: TestNode,
    pub rng: StdRng,
    /// Parts of the journal that compaction wrote anew.
    pub rewritten: usize,
}

impl House {
    pub fn open(consortium: &Consortium, member: usize, disk: Disk, now: Timestamp) -> Self {
        let mut rng = StdRng::seed_from_u64(u64::try_from(member).expect("small"));
        let (identity, settings) = (consortium.identity(member), consortium.settings());
        let views = MemoryViews::new();
        let roster = consortium.roster.clone();
        let node = Node::open(identity, settings, roster, disk.clone(), views, now, &mut rng).expect("opens");
        Self { member, disk, node, rng, rewritten: 0 }
    }

    /// A tick and what it made durable.
    pub fn tick(&mut self, now: Timestamp) {
        self.node.tick(now, &mut self.rng).expect("ticks");
        // The engine's part: a compaction that is due is worked on.
        if let Some(mut compaction) = self.node.due_compaction(now).expect("begins") {
            while let Some(part) = compaction.work() {
                self.node.install_compacted(part).expect("installs");
                self.rewritten += 1;
            }
            self.node.end_compaction(compaction).expect("ends");
        }
        self.node.sync().expect("syncs");
    }

    /// Publishes one device for `days`.
    pub fn publish(&mut self, device: &str, days: u32, case: Option<&str>, now: Timestamp) -> Commitment {
        let receipt = self.publish_as("", device, days, case, now);
        receipt.published.first().expect("nothing is wrong with it").commitment
    }

    pub fn publish_as(
        &mut self,
        request: &str,
        device: &str,
        days: u32,
        case: Option<&str>,
        now: Timestamp,
    ) -> PublishReceipt {
        let request = self.node.request(request, device.as_bytes());
        let device = RawIdentifier::new(IdentifierKind::Device, device.to_owned());
        self.publish_raw(request, device, days, case, now)
    }

    /// Publishes one identifier of any kind.
    pub fn publish_raw(
        &mut self,
        request: Option<Request>,
        identifier: RawIdentifier,
        days: u32,
        case: Option<&str>,
        now: Timestamp,
    ) -> PublishReceipt {
        let asked = asked(request, identifier, days, case, now);
        let receipt = self.node.publish_indicators(&Actor::Node, asked, now, &mut self.rng).expect("publishes");
        assert!(receipt.refused.is_empty(), "{:?}", receipt.refused);
        self.node.sync().expect("syncs");
        receipt
    }

    /// The roster comes into force.
    pub fn apply(&mut self, roster: &Roster, now: Timestamp) {
        self.node.apply_roster(&Actor::Node, roster.clone(), now, &mut self.rng).expect("applies");
        self.node.sync().expect("syncs");
    }

    /// The newest roster comes into force with the signers that go with it, in one turn.
    pub fn follow(&mut self, consortium: &Consortium, now: Timestamp) {
        self.node.apply_roster(&Actor::Node, consortium.roster.clone(), now, &mut self.rng).expect("applies");
        self.node.use_signers(consortium.signers(self.member), now, &mut self.rng).expect("takes them");
        self.node.sync().expect("syncs");
    }

    /// Publishes one device, or says why not.
    pub fn try_publish(&mut self, device: &str, now: Timestamp) -> Result<PublishReceipt, PublishFault> {
        let device = RawIdentifier::new(IdentifierKind::Device, device.to_owned());
        let asked = asked(None, device, 30, None, now);
        self.node.publish_indicators(&Actor::Node, asked, now, &mut self.rng)
    }

    /// The records of the audit log whose action is this.
    pub fn audited(&mut self, action: &str, now: Timestamp) -> Vec<AuditRecord> {
        let head = self.node.begin_audit_export(&Actor::Node, TreeSize::EMPTY, now, &mut self.rng).expect("exports");
        let mut records = Vec::new();
        let mut from = TreeSize::EMPTY;
        while from < head.size {
            let slice = self.node.export_audit_slice(from, head.size).expect("reads");
            from = TreeSize(from.0 + u64::try_from(slice.len()).expect("small"));
            records.extend(slice.iter().map(|logged| AuditRecord::decode(&logged.entry.blob).expect("ours")));
        }
        records.into_iter().filter(|record| record.action() == action).collect()
    }

    /// What it holds of a feed, from the beginning on.
    pub fn held(&self, feed: &FeedId, limit: usize) -> Outgoing {
        let outgoing = self.node.outgoing(&feed.member, feed, TreeSize::EMPTY, limit);
        outgoing.expect("reads").expect("a head")
    }

    /// Indicators that count here.
    pub fn live(&self) -> u64 {
        self.node.state().belief.held().live
    }
}

/// `to` connects to `from` and takes everything it may have, `limit` entries a batch, `change` applied on the way.
pub fn pull(
    consortium: &Consortium,
    to: &mut House,
    from: &House,
    limit: usize,
    now: Timestamp,
    mut change: impl FnMut(&mut UnverifiedBatch),
) -> Result<(), AcceptFault> {
    let (reader, sender) = (&consortium.members[to.member], &consortium.members[from.member]);
    let heads = from.node.greet(reader, 1).heads.into_iter();
    let heads = heads.map(|(feed, head)| (feed.origin(&consortium.id), head.checkpoint.to_string())).collect();
    to.node.learn_heads(sender, heads, now, &mut to.rng)?;
    for Wanted { feed, from: mut at, .. } in to.node.wanted_from(sender) {
        if from.node.may_read(reader, &feed, at).is_err() {
            continue;
        }
        while let Some(outgoing) = from.node.outgoing(reader, &feed, at, limit).expect("reads") {
            let end = outgoing.end;
            let mut batch = outgoing.unverified(&feed);
            change(&mut batch);
            let accepted = to.node.accept_batch(sender, batch, now, &mut to.rng);
            to.node.sync().expect("syncs");
            accepted?;
            at = end;
        }
    }
    Ok(())
}

/// An honest exchange.
pub fn exchange(consortium: &Consortium, to: &mut House, from: &House, now: Timestamp) {
    pull(consortium, to, from, 1_000, now, |_| {}).expect("an honest exchange");
}

/// An engine with the node of a house.
pub fn engine_of(node: TestNode, tick: Duration) -> (Engine<Disk, MemoryViews>, JoinHandle<()>) {
    let (consortium, member) = (node.state().identity.consortium.clone(), node.state().identity.member.clone());
    let opener = move || {
        let reserve: Reserve = Box::new(|_| Ok(()));
        Ok::<_, StorageFault>((node, reserve, ()))
    };
    let (engine, _, thread) = Engine::start(consortium, member, tick, opener).expect("a thread is given");
    while !engine.is_open() {
        std::thread::yield_now();
    }
    (engine, thread)
}

/// The engine's part: what the node wants to reserve becomes durable on another path.
pub fn reserve(house: &mut House, file: &mut Option<Reservation>) {
    if let Some(wanted) = house.node.wanted_reservation() {
        let text = wanted.encode();
        *file = Some(Reservation::decode(text.as_bytes()).expect("as it was written"));
        house.node.confirm_reservation(wanted);
    }
}

/// Opens a house guarded by what stands in the file.
pub fn open_guarded(
    consortium: &Consortium,
    member: usize,
    disk: Disk,
    file: &Option<Reservation>,
    now: Timestamp,
) -> House {
    let mut house = House::open(consortium, member, disk, now);
    let found = file.clone().map_or(Found::Nothing, Found::Reservation);
    house.node.guard(found, now, &mut house.rng).expect("guards");
    house
}

/// A publication of one ordinary statement.
pub fn asked(
    request: Option<Request>,
    identifier: RawIdentifier,
    days: u32,
    case: Option<&str>,
    now: Timestamp,
) -> PublishRequest {
    let draft = IndicatorDraft {
        identifier,
        details: Draft {
            typology: "F1012".to_owned(),
            severity: Some(Severity::High),
            confidence: 80,
            grounds: Some(Grounds::OwnConfirmed),
            valid_until: Some(now.plus_s(u64::from(days) * 86_400)),
            ..Draft::default()
        },
        source_ref: case.map(str::to_owned),
        supersedes: None,
    };
    PublishRequest { request, group: None, drafts: vec![Ok(draft)], dry_run: false, force_wide: false, spread_s: 0 }
}
