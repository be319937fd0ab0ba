//! What a start answers early, from snapshot and tail, is what it answers once its store is open: what does not count later does
//! not count early.

use std::sync::Arc;

use hushwire::base::bytes::Commitment;
use hushwire::base::epoch::KeyEpoch;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::limits;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::belief::Belief;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::pseudonym::keys::KeyRing;
use hushwire::domain::roster::member::MemberState;
use hushwire::domain::roster::terms::Epoch;
use hushwire::domain::screening::freshness::FeedSigned;
use hushwire::domain::screening::own_lists::{ListingReason, OwnList, OwnLists};
use hushwire::node::list::{ListTarget, ListingDraft};
use hushwire::node::tail_walk::Walked;
use hushwire::node::unbelieved::Why;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};
use crate::snapshot::{disk, erase, file_on, retract, start_as, statements, take};

const NAMES: [&str; 3] = ["bank-a", "bank-b", "shop"];

/// Whose starts are looked at.
const READER: usize = 1;

/// What one start answers with, once early and once from its open store.
struct Both {
    early: Walked,
    open: House,
    now: Timestamp,
}

impl Both {
    /// Whatever screening reads is the same.
    fn agree(&self, consortium: &Consortium, at: &str) {
        let state = self.open.node.state();
        assert_eq!(statements(&self.early.belief, consortium), statements(&state.belief, consortium), "{at}");
        assert_eq!(held(&self.early.belief), held(&state.belief), "{at}");
        assert_eq!(self.early.demands, self.open.node.demands(), "{at}");
        let feeds = self.open.node.freshness(None, self.now);
        assert_eq!(self.early.feeds.len(), feeds.len(), "{at}");
        for (early, open) in self.early.feeds.iter().zip(&feeds) {
            // Signs of life between two records are remembered by the snapshot alone.
            assert!(early.signed_at.is_none() || early.signed_at >= open.signed_at, "{at}: {early:?}, {open:?}");
            assert_eq!(FeedSigned { signed_at: None, ..early.clone() }, FeedSigned { signed_at: None, ..open.clone() });
        }
        assert_eq!(listed(&self.early.lists, self.now), listed(&state.lists, self.now), "{at}");
    }
}

/// Of each feed that is held anything of.
fn held(belief: &Belief) -> Vec<(String, u64, u64)> {
    let feeds = belief.held_by_feed().into_iter().filter(|(_, held)| held.live + held.retracted > 0);
    let mut held: Vec<_> = feeds.map(|(feed, held)| (feed.member.to_string(), held.live, held.retracted)).collect();
    held.sort();
    held
}

/// What acts, without the notes.
fn listed(lists: &OwnLists, now: Timestamp) -> Vec<(OwnList, String)> {
    let acting = lists.after(None).filter(|(_, _, listing)| listing.acts(now));
    acting.map(|(list, name, listing)| (list, format!("{name:?} {:?}", listing.without_note()))).collect()
}

/// Three members: the first takes its quota for larger than the others do.
struct Scene {
    consortium: Consortium,
    its_own: Consortium,
    houses: [House; 3],
    /// Parts the reader's journal had written anew when the snapshot was taken.
    rewritten: usize,
    file: hushwire::io::snapshot_file::SnapshotFile<hushwire::io::journal::sim_fs::SimFs>,
    published: Vec<(usize, Commitment)>,
    devices: u32,
}

impl Scene {
    fn new(quota: u32) -> Self {
        let mut consortium = Consortium::new(&NAMES);
        consortium.amend(|terms| terms.members[0].entries_per_day = quota);
        let mut its_own = Consortium::new(&NAMES);
        its_own.roster = consortium.roster.clone();
        its_own.amend(|terms| terms.members[0].entries_per_day = 1_000);
        let houses = [&its_own, &consortium, &consortium];
        let houses = [0, 1, 2].map(|member| House::open(houses[member], member, Disk::default(), START));
        let file = file_on(&disk(), &consortium);
        let mut scene = Self { consortium, its_own, houses, rewritten: 0, file, published: Vec::new(), devices: 0 };
        scene.exchange(START);
        scene.houses.iter_mut().for_each(|house| house.tick(START));
        scene.exchange(START);
        scene
    }

    /// Everybody takes what everybody has.
    fn exchange(&mut self, now: Timestamp) {
        for to in 0..3 {
            for from in (0..3).filter(|from| *from != to) {
                let [to, from] = self.houses.get_disjoint_mut([to, from]).expect("two members");
                exchange(&self.consortium, to, from, now);
            }
        }
    }

    fn publish(&mut self, member: usize, days: u32, now: Timestamp) {
        self.devices += 1;
        let device = format!("device-of-a-case-{:05}", self.devices);
        let commitment = self.houses[member].publish(&device, days, None, now);
        self.houses[member].tick(now);
        self.published.push((member, commitment));
    }

    fn draft(list: OwnList, device: u32, until: Option<Timestamp>) -> ListingDraft {
        let identifier = RawIdentifier::new(IdentifierKind::Device, format!("device-on-a-list-{device:02}"));
        ListingDraft { list, identifier, until, reason: ListingReason::OwnFraud, note: "seen at the desk".to_owned() }
    }

    fn list(&mut self, list: OwnList, device: u32, until: Option<Timestamp>, now: Timestamp) {
        let House { node, rng, .. } = &mut self.houses[READER];
        let drafts = vec![Ok(Self::draft(list, device, until))];
        let receipt = node.add_listed(&Actor::Node, None, drafts, now, rng).expect("taken");
        assert_eq!(receipt.refused, []);
        node.sync().expect("syncs");
    }

    fn unlist(&mut self, list: OwnList, device: u32, now: Timestamp) {
        let House { node, rng, .. } = &mut self.houses[READER];
        let target = ListTarget::Identifier(Self::draft(list, device, None).identifier);
        node.remove_listed(&Actor::Node, None, list, vec![Ok(target)], now, rng).expect("taken");
        node.sync().expect("syncs");
    }

    fn take(&mut self, now: Timestamp) {
        take(&self.file, &mut self.houses[READER], now);
        self.rewritten = self.houses[READER].rewritten;
    }

    /// Compaction discards a snapshot; the next one is taken soon.
    fn keep(&mut self, now: Timestamp) {
        if self.rewritten < self.houses[READER].rewritten {
            self.file.discard().expect("discarded");
            self.take(now);
        }
    }

    fn start(&self, now: Timestamp) -> Both {
        let disk = &self.houses[READER].disk;
        let early = start_as(READER, &self.file, &self.consortium, disk, None, now).expect("fits").expect("there");
        Both { early, open: House::open(&self.consortium, READER, disk.copy(), now), now }
    }
}

#[test]
fn what_exceeds_a_quota_before_and_after_the_snapshot_does_not_count_early() {
    let mut scene = Scene::new(3);
    (0..2).for_each(|_| scene.publish(0, 30, START));
    scene.exchange(START);
    scene.take(START);
    let later = START.plus_s(60);
    (0..5).for_each(|_| scene.publish(0, 30, later));
    scene.exchange(later);
    let both = scene.start(later);
    assert_eq!(held(&both.early.belief), [("bank-a".to_owned(), 3, 0)], "two of before and the third of the day");
    both.agree(&scene.consortium, "after a flood");
    let doubts: Vec<_> = both.open.node.state().feeds[&scene.consortium.feed(0)].unbelieved.counts().collect();
    assert_eq!(doubts, [(Why::OverQuota, 4)]);
}

#[test]
fn an_epoch_the_roster_does_not_name_does_not_count_early() {
    let mut scene = Scene::new(1_000);
    scene.take(START);
    let later = START.plus_s(60);
    let keys = scene.its_own.later_epoch(2);
    let epoch = Epoch { number: KeyEpoch(2), id: keys.epoch_id(), activates_at: later, compromised_at: None };
    let roster = scene.its_own.amend(|terms| terms.epochs.push(epoch));
    let bank = &mut scene.houses[0];
    bank.apply(&roster, later);
    let ring = KeyRing { current: keys, previous: None };
    bank.node.use_keys(Arc::new(ring), later, &mut bank.rng).expect("uses");
    scene.publish(0, 30, later);
    scene.exchange(later);
    let both = scene.start(later);
    assert_eq!(held(&both.early.belief), []);
    both.agree(&scene.consortium, "after another epoch");
}

#[test]
fn the_own_lists_of_before_and_after_the_snapshot_act_early() {
    let mut scene = Scene::new(1_000);
    let soon = START.plus_s(100);
    scene.list(OwnList::Block, 1, None, START);
    scene.list(OwnList::Allow, 2, Some(soon), START);
    scene.list(OwnList::Block, 3, None, START);
    scene.take(START);
    scene.list(OwnList::Allow, 4, None, START.plus_s(10));
    scene.unlist(OwnList::Block, 3, START.plus_s(20));
    for (now, expected) in [(soon.plus_s(0), 2), (START.plus_s(30), 3)] {
        let both = scene.start(now);
        assert_eq!(listed(&both.early.lists, now).len(), expected, "at {now}");
        both.agree(&scene.consortium, "after changes of the lists");
    }
}

#[test]
fn who_was_shut_out_before_the_snapshot_is_so_early_and_a_snapshot_of_before_is_not_used() {
    let mut scene = Scene::new(1_000);
    scene.publish(2, 30, START);
    scene.exchange(START);
    scene.take(START);
    let later = START.plus_s(60);
    let roster = scene.consortium.amend(|terms| terms.members[2].state = MemberState::Suspended);
    scene.houses[READER].apply(&roster, later);
    let refused =
        start_as(READER, &scene.file, &scene.consortium, &scene.houses[READER].disk, None, later).expect_err("unfit");
    assert_eq!(refused, hushwire::node::cut::Unfit::OtherRoster.into());
    scene.take(later);
    let both = scene.start(later.plus_s(60));
    both.agree(&scene.consortium, "after an exclusion");
    let shop = &scene.consortium.members[2];
    let epoch = scene.consortium.roster.epochs()[0].id;
    let trusted = [START, later].map(|first_seen| both.early.demands.trust(shop, &epoch, first_seen));
    assert_eq!(trusted, [true, false], "from the moment it was shut out here");
}

/// Everything at once, in an order of its own for each seed.
#[test]
fn over_floods_retractions_erasures_and_lists_early_answers_are_the_later_ones() {
    for seed in 0..4 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut scene = Scene::new(4);
        if seed % 3 == 0 {
            let roster = scene.consortium.amend(|terms| terms.members[2].state = MemberState::Suspended);
            scene.houses[READER].apply(&roster, START);
        }
        scene.take(START);
        let mut now = START;
        for step in 0..50 {
            now = now.plus_s(rng.random_range(1..20_000));
            let device = rng.random_range(0..6);
            let list = if rng.random() { OwnList::Allow } else { OwnList::Block };
            match rng.random_range(0..10) {
                0..=2 => {
                    let member = if rng.random() { 0 } else { READER };
                    (0..rng.random_range(1..6)).for_each(|_| {
                        let days = if rng.random() { rng.random_range(1..5) } else { 30 };
                        scene.publish(member, days, now);
                    });
                }
                3 | 4 => {
                    let Some(at) = (!scene.published.is_empty()).then(|| rng.random_range(0..scene.published.len()))
                    else {
                        continue;
                    };
                    let (member, target) = scene.published.swap_remove(at);
                    if scene.houses[member].node.state().belief.writer().by_commitment(&target).is_none() {
                        continue;
                    }
                    if rng.random() {
                        retract(&mut scene.houses[member], target, now);
                    } else {
                        erase(&mut scene.houses[member], target, now);
                    }
                    scene.houses[member].tick(now);
                }
                5 => scene.list(list, device, rng.random::<bool>().then(|| now.plus_s(30_000)), now),
                6 => scene.unlist(list, device, now),
                7 => scene.take(now),
                _ => scene.exchange(now),
            }
            scene.keep(now);
            let both = scene.start(now);
            both.agree(&scene.consortium, &format!("seed {seed}, step {step}"));
        }
        assert!(scene.devices > 20 && now > START.plus_s(limits::HEARTBEAT_S));
    }
}
