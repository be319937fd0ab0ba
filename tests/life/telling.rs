//! The serving side of one stream over a running engine: nothing that a key signed is told before the roster that names the key,
//! however late whoever applies the roster says so.

use hushwire::base::kind::IdentifierKind;
use hushwire::base::name::FeedId;
use hushwire::base::position::{EntryIndex, TreeSize};
use hushwire::domain::audit::record::Actor;
use hushwire::domain::exchange::batch::{UnverifiedBatch, UnverifiedEntry};
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::roster::succession::RosterNote;
use hushwire::io::clock;
use hushwire::io::engine::Round;
use hushwire::io::grpc::wire::hushwire::peer::v1 as peer;
use hushwire::node::witness::AuditNews;
use peer::exchange_request::Message as Asked;
use peer::exchange_response::Message as Told;

use crate::consortium::Consortium;
use crate::door::{Doors, Stream, hello, subscribe};
use crate::house::{Disk, House, TestNode, asked, exchange};

/// Bank B pulls from bank A, which has published once.
struct Pulling {
    consortium: Consortium,
    bank: Doors,
    other: House,
    stream: Stream,
}

impl Pulling {
    async fn begin() -> Self {
        let consortium = Consortium::new(&["bank-a", "bank-b"]);
        let now = clock::now();
        let mut bank = House::open(&consortium, 0, Disk::default(), now);
        let other = House::open(&consortium, 1, Disk::default(), now);
        exchange(&consortium, &mut bank, &other, now);
        bank.publish("telling-device-0001", 30, None, now);
        bank.tick(now);
        let bank = Doors::of(bank.node);
        let words = [Some(Asked::Hello(hello(&consortium))), Some(subscribe(&consortium, 0))];
        let stream = bank.open(&consortium.members[1], words).await;
        let mut pulling = Self { consortium, bank, other, stream };
        pulling.hear_until(|told| matches!(told, Told::Batch(_))).await;
        pulling
    }

    /// The newest roster comes into force at bank A, whose device is published in the same turn where there is one.
    async fn apply(&self, device: Option<&'static str>) {
        let (roster, signers) = (self.consortium.roster.clone(), self.consortium.signers(0));
        let turn = move |node: &mut TestNode, Round { now, rng }: &mut Round<'_>| {
            node.apply_roster(&Actor::Node, roster, *now, rng).expect("applies");
            node.use_signers(signers, *now, rng).expect("takes them");
            if let Some(device) = device {
                let device = RawIdentifier::new(IdentifierKind::Device, device.to_owned());
                node.publish_indicators(&Actor::Node, asked(None, device, 30, None, *now), *now, rng)
                    .expect("publishes");
            }
            node.tick(*now, rng).expect("ticks");
        };
        self.bank.engine.call(turn).await.expect("durable");
    }

    /// Bank B takes what it is told, in order, until it is told of this.
    async fn hear_until(&mut self, is_it: impl Fn(&Told) -> bool) {
        loop {
            let told = self.stream.next().await.expect("no refusal");
            let found = is_it(&told);
            self.take(told);
            if found {
                return;
            }
        }
    }

    fn take(&mut self, told: Told) {
        let (from, now) = (self.consortium.members[0].clone(), clock::now());
        let House { node, rng, .. } = &mut self.other;
        match told {
            Told::Welcome(welcome) if !welcome.roster_note.is_empty() => {
                let note = std::str::from_utf8(&welcome.roster_note).expect("text");
                let next = RosterNote::parse(note).and_then(|note| note.verify_next(&node.state().roster));
                node.apply_roster(&Actor::Node, next.expect("the next one"), now, rng).expect("applies");
            }
            Told::Welcome(_) => {}
            Told::Heartbeat(told) => {
                let feed = FeedId::from_origin(&self.consortium.id, &told.origin).expect("of this consortium");
                node.accept_heartbeat(&from, &feed, &told.checkpoint, now, rng).expect("no fault");
            }
            Told::Batch(batch) => {
                let entries = batch.entries.into_iter().map(|entry| UnverifiedEntry {
                    leaf: entry.leaf.to_vec(),
                    blob: entry.blob.to_vec(),
                    salt: entry.salt.to_vec(),
                });
                let batch = UnverifiedBatch {
                    feed: self.consortium.feed(0),
                    first_index: EntryIndex(batch.first_index),
                    entries: entries.collect(),
                    checkpoint_note: batch.checkpoint.into_bytes(),
                    consistency: batch.consistency.iter().map(|hash| hash.to_vec()).collect(),
                };
                node.accept_batch(&from, batch, now, rng).expect("no fault");
            }
            Told::AuditHead(head) => {
                assert!(head.growth.is_empty(), "it is led on from nothing");
                let old_size = TreeSize(head.old_size);
                let news = AuditNews { old_size, checkpoint: head.checkpoint, growth: Vec::new() };
                node.witness_audit(&from, news, now, rng).expect("no fault");
            }
            Told::Unavailable(_) | Told::Equivocation(_) => panic!("{told:?}"),
        }
        node.sync().expect("syncs");
    }

    /// What bank B follows, and the faults it recorded.
    fn end(mut self) -> (u64, usize) {
        (self.other.node.state().roster.version(), self.other.audited("peer.fault", clock::now()).len())
    }
}

#[tokio::test]
async fn a_head_signed_again_under_the_next_key_goes_out_behind_the_roster_that_names_it() {
    let mut pulling = Pulling::begin().await;
    pulling.consortium.next_feed_key(0, TreeSize(1));
    pulling.apply(None).await;
    pulling.hear_until(|told| matches!(told, Told::Heartbeat(_))).await;
    assert_eq!(pulling.end(), (2, 0));
}

#[tokio::test]
async fn entries_under_the_next_key_go_out_behind_the_roster_that_names_it() {
    let mut pulling = Pulling::begin().await;
    pulling.consortium.next_feed_key(0, TreeSize(2));
    pulling.apply(Some("telling-device-0002")).await;
    pulling.hear_until(|told| matches!(told, Told::Batch(_))).await;
    assert_eq!(pulling.end(), (2, 0));
}

#[tokio::test]
async fn a_head_of_the_audit_log_under_another_key_goes_out_behind_the_roster_that_names_it() {
    let mut pulling = Pulling::begin().await;
    pulling.consortium.next_audit_key(0);
    pulling.apply(None).await;
    pulling.stream.ask(Asked::AuditWitnessed(peer::AuditWitnessed::default())).await;
    pulling.hear_until(|told| matches!(told, Told::AuditHead(_))).await;
    assert_eq!(pulling.end(), (2, 0));
}
