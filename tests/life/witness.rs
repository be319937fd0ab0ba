//! Enough members cosign what an author signs, also of a busy feed, and the store remembers it.

use hushwire::base::limits;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::node::accept::AcceptFault;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};
use crate::snapshot::{self, disk, file_on, start_as, statements};

const NAMES: [&str; 4] = ["bank-a", "bank-b", "bank-c", "shop"];

/// Four members, of whom three must cosign; each has heard of every other.
fn four(consortium: &Consortium) -> Vec<House> {
    let mut houses: Vec<House> = (0..4).map(|member| House::open(consortium, member, Disk::default(), START)).collect();
    let others: Vec<House> = (0..4).map(|member| House::open(consortium, member, Disk::default(), START)).collect();
    for house in &mut houses {
        let member = house.member;
        others
            .iter()
            .filter(|other| other.member != member)
            .for_each(|other| exchange(consortium, house, other, START));
        house.tick(START);
    }
    houses
}

/// A member hears the checkpoints an author tells, the older ones first, and the author its cosignatures. How many there were.
fn tell(consortium: &Consortium, houses: &mut [House], author: usize, reader: usize, now: Timestamp) -> usize {
    let feed = consortium.feed(author);
    let Some(head) = houses[author].node.heads().remove(&feed) else { return 0 };
    let notes: Vec<_> = head.beside.into_iter().map(|(_, note)| note).chain([head.checkpoint]).collect();
    let mut lines = Vec::new();
    for note in notes {
        let House { node, rng, .. } = &mut houses[reader];
        let heard = node.accept_heartbeat(&consortium.members[author], &feed, &note, now, rng);
        lines.extend(heard.expect("an honest checkpoint"));
        houses[reader].node.sync().expect("syncs");
    }
    for (size, line) in &lines {
        houses[author].node.accept_cosignature(&consortium.members[reader], &feed, *size, line);
        houses[author].node.sync().expect("syncs");
    }
    lines.len()
}

/// Every reader takes the entries, cosigns, and hears who else did.
fn converse(consortium: &Consortium, houses: &mut [House], author: usize, now: Timestamp) {
    for _ in 0..2 {
        for reader in (0..4).filter(|reader| *reader != author) {
            take(consortium, houses, author, reader, now);
            tell(consortium, houses, author, reader, now);
        }
    }
    houses.iter_mut().for_each(|house| house.tick(now));
}

fn take(consortium: &Consortium, houses: &mut [House], author: usize, reader: usize, now: Timestamp) {
    let (low, high) = houses.split_at_mut(author.max(reader));
    let (to, from) = if reader < author { (&mut low[reader], &high[0]) } else { (&mut high[0], &low[author]) };
    exchange(consortium, to, from, now);
}

fn witnessed(house: &House, consortium: &Consortium) -> TreeSize {
    house.node.state().feeds.get(&consortium.feed(0)).expect("a feed of the roster").witnessed
}

fn publish(houses: &mut [House], nth: u64, now: Timestamp) {
    houses[0].publish(&format!("device-of-a-case-{nth:02}"), 30, None, now);
    houses[0].tick(now);
}

#[test]
fn a_quorum_once_reached_stands_after_everybody_was_restarted() {
    let consortium = Consortium::with_quorum(&NAMES, 3);
    let mut houses = four(&consortium);
    publish(&mut houses, 1, START);
    converse(&consortium, &mut houses, 0, START);
    let all = |houses: &[House]| houses.iter().map(|house| witnessed(house, &consortium)).collect::<Vec<_>>();
    assert_eq!(all(&houses), vec![TreeSize(1); 4]);
    let records = |house: &House| house.node.state().audit.size();
    let before = records(&houses[0]);
    converse(&consortium, &mut houses, 0, START);
    assert_eq!(records(&houses[0]), before, "it is stored once");
    let houses: Vec<House> = houses
        .into_iter()
        .enumerate()
        .map(|(member, house)| House::open(&consortium, member, house.disk, START))
        .collect();
    assert_eq!(all(&houses), vec![TreeSize(1); 4]);
}

#[test]
fn two_of_three_cosignatures_are_not_enough_and_the_third_is_asked_for_after_a_restart() {
    let consortium = Consortium::with_quorum(&NAMES, 3);
    let mut houses = four(&consortium);
    publish(&mut houses, 1, START);
    for reader in [1, 2] {
        take(&consortium, &mut houses, 0, reader, START);
        assert_eq!(tell(&consortium, &mut houses, 0, reader, START), 1);
        assert_eq!(tell(&consortium, &mut houses, 0, reader, START), 0, "a checkpoint is cosigned once");
    }
    houses[0].tick(START);
    assert_eq!(witnessed(&houses[0], &consortium), TreeSize(0));
    // What was not stored yet is gone, and everybody is asked again.
    let disk = houses[0].disk.clone();
    houses[0] = House::open(&consortium, 0, disk, START);
    converse(&consortium, &mut houses, 0, START);
    assert_eq!(witnessed(&houses[0], &consortium), TreeSize(1));
    assert_eq!(witnessed(&houses[3], &consortium), TreeSize(1));
}

#[test]
fn a_feed_that_never_rests_gets_its_quorum_behind_its_newest_checkpoint() {
    let consortium = Consortium::with_quorum(&NAMES, 3);
    let mut houses = four(&consortium);
    publish(&mut houses, 1, START);
    for nth in 2..20 {
        // Between any two members the author signs again: none of its checkpoints is the newest for two of them.
        let reader = usize::try_from(nth % 3).expect("small") + 1;
        take(&consortium, &mut houses, 0, reader, START);
        publish(&mut houses, nth, START);
        tell(&consortium, &mut houses, 0, reader, START);
    }
    let far = witnessed(&houses[0], &consortium);
    assert!(far >= TreeSize(10) && far < TreeSize(19), "{far}");
    for reader in houses.iter().skip(1) {
        assert!(witnessed(reader, &consortium) >= TreeSize(8), "member {}", reader.member);
    }
}

#[test]
fn a_stored_quorum_is_replaced_once_a_minute_and_swept_by_compaction() {
    let consortium = Consortium::with_quorum(&NAMES, 3);
    let mut houses = four(&consortium);
    let stored = |house: &House| {
        let records = house.node.state().audit.size().0;
        let page = house.node.export_audit_slice(TreeSize(0), TreeSize(records)).expect("reads");
        let cosigned = |blob: &[u8]| blob.windows(19).any(|window| window == b"checkpoint.cosigned");
        page.iter().filter(|logged| cosigned(&logged.entry.blob)).count()
    };
    for nth in 0..10 {
        let now = START.plus_s(nth);
        publish(&mut houses, nth, now);
        converse(&consortium, &mut houses, 0, now);
    }
    assert_eq!((stored(&houses[0]), stored(&houses[1])), (1, 1));
    let later = START.plus_s(limits::COSIGNED_EVERY_S);
    houses.iter_mut().for_each(|house| house.tick(later));
    assert_eq!((stored(&houses[0]), stored(&houses[1])), (2, 2));
    let compacted = houses[1].node.compact(later).expect("compacts");
    assert_eq!(compacted.rewritten, 1, "of two the older goes");
    let house = House::open(&consortium, 1, houses[1].disk.clone(), later);
    assert_eq!(witnessed(&house, &consortium), TreeSize(10));
}

#[test]
fn a_checkpoint_that_is_not_of_our_tree_gets_no_cosignature() {
    let consortium = Consortium::with_quorum(&NAMES, 3);
    let mut houses = four(&consortium);
    publish(&mut houses, 1, START);
    take(&consortium, &mut houses, 0, 1, START);
    // The same member on another machine, with another history.
    let mut twin = four(&consortium);
    publish(&mut twin, 2, START);
    let forged = twin[0].node.heads().remove(&consortium.feed(0)).expect("signed").checkpoint;
    let House { node, rng, .. } = &mut houses[1];
    let heard = node.accept_heartbeat(&consortium.members[0], &consortium.feed(0), &forged, START, rng);
    assert!(matches!(heard, Err(AcceptFault::Peer(_))), "{heard:?}");
}

#[test]
fn what_was_cosigned_before_and_after_a_snapshot_counts_fully_in_early_answers_and_nothing_else() {
    let consortium = Consortium::with_quorum(&NAMES, 3);
    let mut houses = four(&consortium);
    publish(&mut houses, 1, START);
    converse(&consortium, &mut houses, 0, START);
    let file = file_on(&disk(), &consortium);
    snapshot::take(&file, &mut houses[1], START);
    let now = START.plus_s(limits::COSIGNED_EVERY_S);
    publish(&mut houses, 2, now);
    converse(&consortium, &mut houses, 0, now);
    publish(&mut houses, 3, now);
    take(&consortium, &mut houses, 0, 1, now);
    let disk = &houses[1].disk;
    let early = start_as(1, &file, &consortium, disk, None, now).expect("fits").expect("there");
    let open = House::open(&consortium, 1, disk.copy(), now);
    let mut early = statements(&early.belief, &consortium);
    assert_eq!(early, statements(&open.node.state().belief, &consortium));
    early.sort_by_key(|statement| statement.index);
    assert_eq!(early.iter().map(|statement| statement.provisional).collect::<Vec<_>>(), [false, false, true]);
}

/// Everybody hears every other, relays included.
fn meet(consortium: &Consortium, houses: &mut [House], now: Timestamp) {
    for reader in 0..4 {
        (0..4).filter(|author| *author != reader).for_each(|author| take(consortium, houses, author, reader, now));
    }
    houses.iter_mut().for_each(|house| house.tick(now));
}

fn witnessed_by_all(consortium: &Consortium, houses: &[House]) -> Vec<TreeSize> {
    houses.iter().map(|house| witnessed(house, consortium)).collect()
}

/// The feed has a size from which a next key counts, and more, when the roster that says so comes; one quorum is stored, a
/// later one is not.
fn outgrown() -> (Consortium, Vec<House>) {
    let mut consortium = Consortium::with_quorum(&NAMES, 3);
    let mut houses = four(&consortium);
    publish(&mut houses, 1, START);
    converse(&consortium, &mut houses, 0, START);
    (2..4).for_each(|nth| publish(&mut houses, nth, START));
    converse(&consortium, &mut houses, 0, START);
    assert_eq!(witnessed_by_all(&consortium, &houses), vec![TreeSize(3); 4]);
    consortium.next_feed_key(0, TreeSize(1));
    (consortium, houses)
}

#[test]
fn a_next_feed_key_for_a_size_that_was_cosigned_already_leaves_the_quorum_to_everybody() {
    let (consortium, mut houses) = outgrown();
    // The readers are first: what they hold is signed by a key that counts no more, and is no fault of theirs.
    (1..4).for_each(|reader| houses[reader].follow(&consortium, START));
    for (reader, relay) in [(1, 2), (2, 3), (3, 1)] {
        take(&consortium, &mut houses, relay, reader, START);
    }
    houses[0].follow(&consortium, START);
    let head = houses[0].node.state().feeds[&consortium.feed(0)].cursor.checkpoint.clone().expect("signed again");
    assert_eq!(head.witness_count(), 3, "others cosigned size and root, not the key");
    let later = START.plus_s(limits::COSIGNED_EVERY_S);
    for now in [START, later] {
        converse(&consortium, &mut houses, 0, now);
        meet(&consortium, &mut houses, now);
    }
    publish(&mut houses, 4, later);
    converse(&consortium, &mut houses, 0, later);
    meet(&consortium, &mut houses, later);
    assert_eq!(witnessed_by_all(&consortium, &houses), vec![TreeSize(4); 4]);
}

#[test]
fn a_quorum_stored_under_a_former_feed_key_stops_no_start_and_counts_on() {
    let (consortium, houses) = outgrown();
    let restart = |house: House| House::open(&consortium, house.member, house.disk, START);
    let mut houses: Vec<House> = houses.into_iter().map(restart).collect();
    assert_eq!(witnessed_by_all(&consortium, &houses), vec![TreeSize(1); 4], "what was stored");
    meet(&consortium, &mut houses, START);
    meet(&consortium, &mut houses, START);
    converse(&consortium, &mut houses, 0, START);
    assert_eq!(witnessed_by_all(&consortium, &houses), vec![TreeSize(3); 4], "the author has signed again");
}
