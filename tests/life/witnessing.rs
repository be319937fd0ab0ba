//! Audit logs are cosigned by the other members, and whoever rewrites one is found out.

use hushwire::base::limits;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::asked::Asked;
use hushwire::domain::audit::event::AuditEvent;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::exchange::fault::PeerFault;
use hushwire::domain::feed::checkpoint::Checkpoint;
use hushwire::domain::feed::verifier::FeedVerifier;
use hushwire::domain::note::SignedNote;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::accept::AcceptFault;
use hushwire::node::accuse::equivocation_of;
use hushwire::node::commit::{Commit, change};
use hushwire::node::store::{Journal, Keep, RecordNumber, StorageFault};
use hushwire::node::witness::{AuditNews, audit_feed_of};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

const NAMES: [&str; 3] = ["bank-a", "bank-b", "shop"];

/// Moments at which the log is signed anew.
pub fn minute(nth: u64) -> Timestamp {
    START.plus_s(nth * limits::HEARTBEAT_S)
}

pub fn open(consortium: &Consortium, member: usize) -> House {
    House::open(consortium, member, Disk::default(), START)
}

/// Something happens, and the log is signed.
pub fn go_on(house: &mut House, nth: u64) {
    let device = format!("device-of-a-case-{:04}", house.node.state().audit.size().0);
    house.publish(&device, 30, None, minute(nth));
    house.tick(minute(nth));
}

/// The witness connects and is told how the log has grown since it last cosigned it, or since `known`.
pub fn witness(
    consortium: &Consortium,
    author: &mut House,
    witness: &mut House,
    known: Option<TreeSize>,
    now: Timestamp,
) -> Result<Option<TreeSize>, AcceptFault> {
    let (author_id, witness_id) = (&consortium.members[author.member], &consortium.members[witness.member]);
    let mut lead_from = Some(witness.node.audit_head_of(author_id));
    let mut cosigned = None;
    while let Some(note) = lead_from.take() {
        let heard = author.node.hear_audit_head(witness_id, &note, now, &mut author.rng).expect("recorded");
        let Some(held) = known.or(heard) else { return Ok(None) };
        let Some((_, news)) = author.node.audit_news(held).expect("reads") else { break };
        let answer = witness.node.witness_audit(author_id, news, now, &mut witness.rng)?;
        witness.node.sync().expect("syncs");
        if let Some((size, line)) = answer.cosignature {
            author.node.accept_cosignature(witness_id, &audit_feed_of(author_id), size, &line);
            cosigned = Some(size);
        }
        lead_from = answer.lead_from;
    }
    author.node.sync().expect("syncs");
    Ok(cosigned)
}

/// Puts another record in the place of the first of an audit log.
pub fn rewrite_first_record(disk: &Disk) {
    let mut done = false;
    let rewritten = disk.lock().compact(&mut |_, record| {
        let mut commit = Commit::from_bytes(record).expect("readable");
        for change in &mut commit.changes {
            if let Some(change::Kind::Audited(audited)) = change.kind.as_mut().filter(|_| !done) {
                let entry = audited.entries.first_mut().expect("no run is empty");
                (entry.blob, entry.salt) = (Vec::new(), Vec::new());
                *entry.leaf.get_mut(37).expect("a leaf") ^= 1;
                done = true;
            }
        }
        Keep::Rewritten(commit.to_bytes())
    });
    rewritten.expect("compacts");
    assert!(done);
}

/// The sizes of the heads of a member's log that stand in the journal of a witness.
fn heads_kept(consortium: &Consortium, witness: &House, author: usize) -> Vec<TreeSize> {
    let origin = audit_feed_of(&consortium.members[author]).origin(&consortium.id);
    let mut sizes = Vec::new();
    let read = witness.disk.replay(RecordNumber(0), &mut |_, record| {
        for kind in Commit::from_bytes(record)?.kinds() {
            if let change::Kind::AuditWitnessed(head) = kind
                && head.origin == origin
            {
                let note = SignedNote::parse(head.note.as_bytes()).expect("a note");
                sizes.push(Checkpoint::parse(note.text()).expect("a checkpoint").size);
            }
        }
        Ok(())
    });
    read.expect("memory reads");
    sizes
}

fn remembers(consortium: &Consortium, disk: Disk, author: usize, size: TreeSize) -> bool {
    let witness = House::open(consortium, 1, disk, minute(9));
    witness.node.audit_head_of(&consortium.members[author]).contains(&format!("\n{size}\n"))
}

fn verifier(consortium: &Consortium, member: usize) -> FeedVerifier {
    let row = &consortium.roster.members()[member];
    let cosigners = consortium.roster.members().iter().map(|row| row.witness_key.clone()).collect();
    FeedVerifier::new(&consortium.id, audit_feed_of(&row.id), row.audit_key.clone(), cosigners).expect("names agree")
}

#[test]
fn a_log_is_cosigned_as_it_grows_and_remembers_by_whom_after_a_restart() {
    let consortium = Consortium::new(&NAMES);
    let (mut bank, mut other, mut shop) = (open(&consortium, 0), open(&consortium, 1), open(&consortium, 2));
    for nth in 0..4 {
        go_on(&mut bank, nth);
        let size = witness(&consortium, &mut bank, &mut other, None, minute(nth)).expect("honest").expect("cosigned");
        assert_eq!(witness(&consortium, &mut bank, &mut shop, None, minute(nth)), Ok(Some(size)));
        assert_eq!(witness(&consortium, &mut bank, &mut shop, None, minute(nth)), Ok(None), "nothing new");
    }
    bank.tick(minute(3).plus_s(limits::AUDIT_COSIGNED_AFTER_S));
    let by = |house: &House| house.node.status(minute(3)).audit_witnessed.expect("cosigned");
    let (size, names) = by(&bank);
    assert_eq!(names.len(), 2);
    let mut bank = House::open(&consortium, 0, bank.disk, minute(3));
    assert_eq!(by(&bank), (size, names));
    let proof =
        bank.node.prove_audit_record(&Actor::Node, hushwire::base::position::EntryIndex(0), minute(3), &mut bank.rng);
    let proof = proof.expect("reads").expect("there");
    assert_eq!(proof.head.size, size, "what is proved is proved by what others cosigned");
    assert_eq!(proof.head.checkpoint.matches("/witness").count(), 3);
    // The witness remembers too.
    let other = House::open(&consortium, 1, other.disk, minute(3));
    assert!(other.node.audit_head_of(&consortium.members[0]).contains(&format!("\n{size}\n")));
}

#[test]
fn of_the_heads_a_witness_cosigned_compaction_leaves_the_newest_of_each_log() {
    let consortium = Consortium::new(&NAMES);
    let (mut bank, mut other, mut shop) = (open(&consortium, 0), open(&consortium, 1), open(&consortium, 2));
    [&bank, &shop].into_iter().for_each(|peer| exchange(&consortium, &mut other, peer, START));
    go_on(&mut shop, 0);
    let short = witness(&consortium, &mut shop, &mut other, None, minute(0)).expect("honest").expect("cosigned");
    let mut sizes = Vec::new();
    for nth in 0..4 {
        go_on(&mut bank, nth);
        sizes.extend(witness(&consortium, &mut bank, &mut other, None, minute(nth)).expect("honest"));
    }
    let newest = *sizes.last().expect("cosigned");
    assert!(short < newest, "the longer log must not be the measure of the shorter");
    assert_eq!(heads_kept(&consortium, &other, 0), sizes);
    let compacted = other.node.compact(minute(5)).expect("compacts");
    assert_eq!(compacted.dropped, 3);
    let kept = |author| heads_kept(&consortium, &other, author);
    assert_eq!((kept(0), kept(2)), (vec![newest], vec![short]));
    assert!(remembers(&consortium, other.disk.copy(), 0, newest) && remembers(&consortium, other.disk, 2, short));
}

#[test]
fn compaction_leaves_the_head_of_a_log_that_began_anew_although_the_former_was_longer() {
    let mut consortium = Consortium::new(&NAMES);
    let (mut bank, mut other) = (open(&consortium, 0), open(&consortium, 1));
    go_on(&mut bank, 0);
    let old = bank.disk.copy();
    (1..6).for_each(|nth| go_on(&mut bank, nth));
    let former = witness(&consortium, &mut bank, &mut other, None, minute(5)).expect("honest").expect("cosigned");
    let mut restored = House::open(&consortium, 0, old, minute(6));
    consortium.next_audit_key(0);
    [&mut restored, &mut other].into_iter().for_each(|house| house.follow(&consortium, minute(6)));
    restored.tick(minute(6));
    let anew = witness(&consortium, &mut restored, &mut other, None, minute(6)).expect("honest").expect("cosigned");
    assert!(anew < former);
    [&restored, &open(&consortium, 2)].into_iter().for_each(|peer| exchange(&consortium, &mut other, peer, minute(6)));
    other.node.compact(minute(7)).expect("compacts");
    assert!(heads_kept(&consortium, &other, 0).contains(&anew));
    assert!(remembers(&consortium, other.disk, 0, anew));
}

#[test]
fn an_operator_who_rewrites_a_log_convicts_itself_before_everybody() {
    let consortium = Consortium::new(&NAMES);
    for kept in 0..6 {
        let (mut bank, mut other, mut shop) = (open(&consortium, 0), open(&consortium, 1), open(&consortium, 2));
        bank.tick(START);
        let mut old = None;
        for nth in 0..6 {
            if nth == kept {
                old = Some(bank.disk.copy());
            }
            go_on(&mut bank, nth);
        }
        let witnessed =
            witness(&consortium, &mut bank, &mut other, None, minute(6)).expect("honest").expect("cosigned");
        // It puts back a copy from before, writes other records over what it wants forgotten, and does not listen.
        let mut rewritten = House::open(&consortium, 0, old.expect("copied"), minute(6));
        for nth in 6..30 {
            go_on(&mut rewritten, nth);
        }
        let news = rewritten.node.audit_news(witnessed).expect("reads").expect("it has grown").1;
        let author = &consortium.members[0];
        let refused = other.node.witness_audit(author, news.clone(), minute(30), &mut other.rng);
        assert!(matches!(refused, Err(AcceptFault::Peer(PeerFault::Equivocation(_)))), "{kept}: {refused:?}");
        other.node.sync().expect("syncs");
        assert_eq!(other.node.status(minute(30)).audit_rewritten, std::slice::from_ref(author));
        let again = other.node.witness_audit(author, news, minute(30), &mut other.rng);
        assert_eq!(again, Err(AcceptFault::Quarantined));

        // Whoever is told of it can check it, after a restart of its teller too.
        let other = House::open(&consortium, 1, other.disk, minute(30));
        let proofs = other.node.equivocations_for(&consortium.members[2]);
        let proof = proofs.into_iter().next().expect("kept");
        let origin = proof.origin.clone();
        let proof = equivocation_of(proof.first, proof.second, &proof.consistency).expect("hashes");
        assert_eq!(proof.verify(|_| Ok(verifier(&consortium, 0))), Ok(()));
        shop.node.accept_equivocation(&origin, &proof, minute(30), &mut shop.rng).expect("it proves itself");
        assert_eq!(shop.node.status(minute(30)).audit_rewritten, std::slice::from_ref(author));
        let counts = shop.node.state().feeds.values().all(|feed| feed.equivocation.is_none());
        assert!(counts, "of its warnings the log says nothing");
    }
}

#[test]
fn hashes_that_lead_nowhere_get_no_cosignature_and_prove_nothing() {
    let consortium = Consortium::new(&NAMES);
    let (mut bank, mut other) = (open(&consortium, 0), open(&consortium, 1));
    go_on(&mut bank, 0);
    let size = witness(&consortium, &mut bank, &mut other, None, minute(0)).expect("honest").expect("cosigned");
    go_on(&mut bank, 1);
    let author = &consortium.members[0];
    let (_, news) = bank.node.audit_news(size).expect("reads").expect("it has grown");
    let mut bent = news.clone();
    bent.growth[0].0[0] ^= 1;
    let refused = other.node.witness_audit(author, bent, minute(1), &mut other.rng);
    assert!(matches!(refused, Err(AcceptFault::Peer(PeerFault::Consistency(_)))), "{refused:?}");
    assert!(other.node.status(minute(1)).audit_rewritten.is_empty());
    // Another size than the one it holds: it says which it holds.
    let guessed = AuditNews { old_size: TreeSize(size.0 - 1), ..news.clone() };
    let answer = other.node.witness_audit(author, guessed, minute(1), &mut other.rng).expect("no fault");
    assert_eq!((answer.cosignature, answer.lead_from), (None, Some(other.node.audit_head_of(author))));
    let stranger = other.node.witness_audit(&consortium.members[2], news, minute(1), &mut other.rng);
    assert!(matches!(stranger, Err(AcceptFault::Peer(PeerFault::Checkpoint(_)))), "{stranger:?}");
}

#[test]
fn a_store_put_back_learns_that_its_log_is_not_the_one_others_cosigned_and_accuses_nobody() {
    let consortium = Consortium::new(&NAMES);
    let (mut bank, mut other) = (open(&consortium, 0), open(&consortium, 1));
    go_on(&mut bank, 0);
    let old = bank.disk.copy();
    go_on(&mut bank, 1);
    let size = witness(&consortium, &mut bank, &mut other, None, minute(1)).expect("honest").expect("cosigned");
    let mut restored = House::open(&consortium, 0, old, minute(2));
    assert_eq!(witness(&consortium, &mut restored, &mut other, None, minute(2)), Ok(None));
    assert_eq!(restored.node.status(minute(2)).audit_diverged, Some(size));
    let records = restored.node.state().audit.size();
    for nth in 3..20 {
        go_on(&mut restored, nth);
    }
    assert_eq!(witness(&consortium, &mut restored, &mut other, None, minute(20)), Ok(None));
    assert_eq!(restored.node.audit_news(TreeSize::EMPTY), Ok(None), "nobody is asked any more");
    assert!(restored.node.state().audit.size() > records, "it goes on recording");
    assert!(other.node.status(minute(20)).audit_rewritten.is_empty());
    let told = restored.node.export_audit_slice(TreeSize(0), TreeSize(1_000)).expect("reads");
    let diverged = |blob: &[u8]| blob.windows(14).filter(|window| window == b"audit.diverged").count();
    assert_eq!(told.iter().map(|logged| diverged(&logged.entry.blob)).sum::<usize>(), 1, "recorded once");
}

#[test]
fn two_logs_shown_to_two_witnesses_are_found_out_when_they_compare() {
    let consortium = Consortium::new(&NAMES);
    let (mut one, mut two) = (open(&consortium, 0), open(&consortium, 0));
    let (mut other, mut shop) = (open(&consortium, 1), open(&consortium, 2));
    go_on(&mut one, 0);
    (0..2).for_each(|nth| go_on(&mut two, nth));
    two.rng = rand::SeedableRng::seed_from_u64(99);
    (2..5).for_each(|nth| go_on(&mut two, nth));
    witness(&consortium, &mut one, &mut other, None, minute(5)).expect("honest by itself");
    witness(&consortium, &mut two, &mut shop, None, minute(5)).expect("honest by itself");
    let author = &consortium.members[0];
    // The shop passes on what it was shown. The other bank has the author lead it from there, too.
    let shown = shop.node.audit_head_of(author);
    let House { node, rng, .. } = &mut other;
    node.accept_heartbeat(&consortium.members[2], &audit_feed_of(author), &shown, minute(5), rng)
        .expect("no fault yet");
    for nth in 6..20 {
        go_on(&mut one, nth);
    }
    let held = one.node.state().audits.cosigned().expect("cosigned").size();
    let (_, news) = one.node.audit_news(held).expect("reads").expect("grown");
    let answer = other.node.witness_audit(author, news, minute(20), &mut other.rng).expect("grown from what it holds");
    assert_eq!(answer.lead_from.as_deref(), Some(shown.as_str()));
    let size = shop.node.state().audits.heads().next().expect("held").1.size();
    let (_, news) = one.node.audit_news(size).expect("reads").expect("grown");
    let refused = other.node.witness_audit(author, news, minute(20), &mut other.rng);
    assert!(matches!(refused, Err(AcceptFault::Peer(PeerFault::Equivocation(_)))), "{refused:?}");
}

#[test]
fn under_another_audit_key_a_log_that_was_put_back_is_witnessed_again() {
    let mut consortium = Consortium::new(&NAMES);
    let (mut bank, mut other) = (open(&consortium, 0), open(&consortium, 1));
    go_on(&mut bank, 0);
    let old = bank.disk.copy();
    go_on(&mut bank, 1);
    let lost = witness(&consortium, &mut bank, &mut other, None, minute(1)).expect("honest").expect("cosigned");
    let mut restored = House::open(&consortium, 0, old, minute(2));
    assert_eq!(witness(&consortium, &mut restored, &mut other, None, minute(2)), Ok(None));
    // Somebody was shown the log that is gone: it is to be led from there, under the key of that log.
    let shown = other.node.audit_head_of(&consortium.members[0]);
    let mut shop = open(&consortium, 2);
    go_on(&mut bank, 2);
    witness(&consortium, &mut bank, &mut shop, None, minute(2)).expect("honest").expect("cosigned");
    let House { node, rng, .. } = &mut shop;
    let log = audit_feed_of(&consortium.members[0]);
    node.accept_heartbeat(&consortium.members[1], &log, &shown, minute(2), rng).expect("no fault");

    consortium.next_audit_key(0);
    for house in [&mut restored, &mut other, &mut shop] {
        house.follow(&consortium, minute(3));
    }
    assert_eq!(restored.node.status(minute(3)).audit_diverged, None);
    go_on(&mut restored, 3);
    for reader in [&mut other, &mut shop] {
        let size = witness(&consortium, &mut restored, reader, None, minute(3)).expect("a log that begins anew");
        assert!(size > Some(lost), "{size:?} is cosigned");
        assert!(reader.node.status(minute(3)).audit_rewritten.is_empty());
    }
    go_on(&mut restored, 4);
    let size = restored.node.state().audits.cosigned().expect("cosigned").size();
    let news = restored.node.audit_news(size).expect("reads").expect("it has grown").1;
    let answer = shop.node.witness_audit(&consortium.members[0], news, minute(4), &mut shop.rng).expect("honest");
    assert_eq!((answer.cosignature.is_some(), answer.lead_from), (true, None), "the old doubt went with the old key");
}

#[test]
fn heads_under_two_audit_keys_prove_nothing_against_each_other() {
    let mut consortium = Consortium::new(&NAMES);
    let (mut bank, mut other) = (open(&consortium, 0), open(&consortium, 1));
    go_on(&mut bank, 0);
    let size = witness(&consortium, &mut bank, &mut other, None, minute(0)).expect("honest").expect("cosigned");
    consortium.next_audit_key(0);
    other.follow(&consortium, minute(1));
    let mut anew = open(&consortium, 0);
    while anew.node.state().audit.size() < size {
        let event = AuditEvent::AuditListed { asked: Asked::default(), records: 0, more: false };
        anew.node.record(&Actor::Node, vec![event], minute(1), &mut anew.rng).expect("records");
    }
    anew.node.sync().expect("syncs");
    let head = anew.node.audit_head(minute(1)).expect("signs");
    assert_eq!(head.size, size);
    let House { node, rng, .. } = &mut other;
    let log = audit_feed_of(&consortium.members[0]);
    node.accept_heartbeat(&consortium.members[2], &log, &head.checkpoint, minute(1), rng).expect("no fault");
    assert!(other.node.status(minute(1)).audit_rewritten.is_empty());
}

#[test]
fn a_log_that_does_not_begin_with_what_others_cosigned_is_damage_at_open() {
    let consortium = Consortium::new(&NAMES);
    let (mut bank, mut other) = (open(&consortium, 0), open(&consortium, 1));
    go_on(&mut bank, 0);
    witness(&consortium, &mut bank, &mut other, None, minute(0)).expect("honest").expect("cosigned");
    bank.tick(minute(0).plus_s(limits::AUDIT_COSIGNED_AFTER_S));
    let open_on = |disk: Disk| {
        let (identity, settings, roster) = (consortium.identity(0), consortium.settings(), consortium.roster.clone());
        let mut rng: rand::rngs::StdRng = rand::SeedableRng::seed_from_u64(1);
        Node::open(identity, settings, roster, disk, MemoryViews::new(), minute(3), &mut rng).map(drop)
    };
    assert_eq!(open_on(bank.disk.copy()), Ok(()));
    rewrite_first_record(&bank.disk);
    assert!(matches!(open_on(bank.disk), Err(StorageFault::Damaged(_))));
}

#[test]
fn a_head_under_the_key_its_author_still_follows_waits_and_convicts_nobody_until_the_author_follows_the_next_roster() {
    let mut consortium = Consortium::new(&NAMES);
    let (mut bank, mut other) = (open(&consortium, 0), open(&consortium, 1));
    go_on(&mut bank, 0);
    witness(&consortium, &mut bank, &mut other, None, minute(0)).expect("honest").expect("cosigned");
    let genesis = consortium.roster.clone();
    consortium.next_audit_key(0);
    other.follow(&consortium, minute(1));
    for nth in 1..3 {
        go_on(&mut bank, nth);
        assert_eq!(witness(&consortium, &mut bank, &mut other, None, minute(nth)), Ok(None));
    }
    // After a restart the journal says which key there was.
    let mut other = House::open(&consortium, 1, other.disk, minute(3));
    other.node.hear_roster_version(&consortium.members[0], genesis.version());
    go_on(&mut bank, 3);
    assert_eq!(witness(&consortium, &mut bank, &mut other, None, minute(3)), Ok(None));
    other.node.sync().expect("syncs");
    assert_eq!(other.audited("peer.fault", minute(3)).len(), 0);
    // What no roster ever named is a fault, whatever its author follows.
    let (_, mut news) = bank.node.audit_news(TreeSize::EMPTY).expect("reads").expect("a head");
    news.checkpoint = news.checkpoint.replace("bank-a/audit", "bank-b/audit");
    let refused = other.node.witness_audit(&consortium.members[0], news, minute(3), &mut other.rng);
    assert!(matches!(refused, Err(AcceptFault::Peer(PeerFault::Checkpoint(_)))), "{refused:?}");

    other.node.hear_roster_version(&consortium.members[0], consortium.roster.version());
    go_on(&mut bank, 4);
    let refused = witness(&consortium, &mut bank, &mut other, None, minute(4));
    assert!(matches!(refused, Err(AcceptFault::Peer(PeerFault::Checkpoint(_)))), "{refused:?}");
    other.node.sync().expect("syncs");
    assert_eq!(other.audited("peer.fault", minute(4)).len(), 2);
    bank.follow(&consortium, minute(5));
    go_on(&mut bank, 5);
    let cosigned = witness(&consortium, &mut bank, &mut other, None, minute(5)).expect("honest");
    assert!(cosigned.is_some(), "under the key that the roster names");
}
