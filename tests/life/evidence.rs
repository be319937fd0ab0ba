//! Evidence as files: the report of a period holds all of it, and no edited copy of a report or an export verifies.

use std::time::Duration;

use base64::Engine;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::position::TreeSize;
use hushwire::base::time::{Day, Timestamp};
use hushwire::domain::audit::event::AuditEvent;
use hushwire::domain::audit::evidence::{Fault, Verified};
use hushwire::domain::audit::export::{ExportVerifier, end_line, entry_line, header_line};
use hushwire::domain::audit::keys::LogKeys;
use hushwire::domain::audit::period::AuditPeriod;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::audit::report_verifier::{ReportVerifier, VerifiedReport};
use hushwire::domain::feed::entry::{Content, Entry};
use hushwire::domain::identifier::{CanonRules, RawIdentifier, canonicalise};
use hushwire::io::clock;
use hushwire::io::grpc::reporting;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_stream::StreamExt;

use crate::consortium::{Consortium, START};
use crate::explain::{DEVICE, decide};
use crate::house::{Disk, House, engine_of, exchange};

fn auditor() -> Actor {
    Actor::Local { member: "shop".parse().expect("valid"), role: "auditor", name: "desk".to_owned() }
}

fn at(s: u64) -> Timestamp {
    START.plus_s(s)
}

fn period(from_s: u64, until_s: u64) -> AuditPeriod {
    AuditPeriod::new(at(from_s), at(until_s)).expect("a period")
}

/// A shop that in the period from 100 to 1,000 s took two indicators of a bank, published one itself and stopped two orders; and
/// things before and after.
fn shop() -> House {
    let consortium = Consortium::new(&["bank-a", "shop"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut shop = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &shop, START);
    exchange(&consortium, &mut shop, &bank, START);
    bank.publish("device-of-before-0001", 90, None, START);
    bank.tick(START);
    exchange(&consortium, &mut shop, &bank, at(10));
    shop.publish("device-of-the-shop-00", 90, None, at(20));
    shop.tick(at(20));

    bank.publish(DEVICE, 90, None, at(100));
    bank.publish("device-of-another-01", 90, None, at(110));
    bank.tick(at(120));
    exchange(&consortium, &mut shop, &bank, at(130));
    shop.publish("device-of-the-shop-01", 90, None, at(200));
    shop.tick(at(210));
    decide(&consortium, &mut shop, &"01".repeat(16), "customer 1", at(300));
    decide(&consortium, &mut shop, &"02".repeat(16), "customer 2", at(400));
    let gap = AuditEvent::GapRecorded { from: at(500), until: at(501), records_lost: Some(3) };
    shop.node.record(&Actor::Node, vec![gap], at(502), &mut shop.rng).expect("recorded");
    shop.node.sync().expect("syncs");

    decide(&consortium, &mut shop, &"03".repeat(16), "customer 1", at(1_000));
    bank.publish("device-of-after-00001", 90, None, at(1_100));
    bank.tick(at(1_110));
    exchange(&consortium, &mut shop, &bank, at(1_120));
    shop.publish("device-of-the-shop-02", 90, None, at(1_200));
    shop.tick(at(1_210));
    shop
}

/// The report as a caller gets it, and the house again.
fn report(house: House, period: AuditPeriod) -> (String, House) {
    let House { member, disk, node, rng, rewritten } = house;
    let (engine, thread) = engine_of(node, Duration::from_secs(3_600));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let file = runtime.block_on(async {
        let mut parts = reporting::report(engine.clone(), auditor(), period);
        let mut file = String::new();
        while let Some(part) = parts.next().await {
            file.push_str(&part.expect("reported").lines);
        }
        file
    });
    drop(engine);
    thread.join().expect("ends");
    let consortium = Consortium::new(&["bank-a", "shop"]);
    let mut again = House::open(&consortium, member, disk, clock::now());
    (again.rng, again.rewritten) = (rng, rewritten);
    (file, again)
}

fn verify_report(file: &str) -> Result<VerifiedReport, Fault> {
    let mut lines = file.split_inclusive('\n');
    let mut verifier = ReportVerifier::start(lines.next().unwrap_or_default(), today())?;
    for line in lines {
        verifier.line(line)?;
    }
    verifier.finish()
}

fn verify_export(file: &str) -> Result<Verified, Fault> {
    let mut lines = file.split_inclusive('\n');
    let mut verifier = ExportVerifier::start(lines.next().unwrap_or_default(), today())?;
    for line in lines {
        verifier.line(line)?;
    }
    verifier.finish()
}

fn today() -> Day {
    at(2_000).day()
}

/// The whole log as `hushwire audit export` writes it.
fn export(house: &mut House, now: Timestamp) -> String {
    let head = house.node.begin_audit_export(&auditor(), TreeSize::EMPTY, now, &mut house.rng).expect("exports");
    house.node.sync().expect("syncs");
    let keys = LogKeys::parse(&head.verifier_key, &head.witness_keys).expect("its keys");
    let mut file = header_line(&keys, &house.node.audit_range(TreeSize::EMPTY).expect("empty"), None);
    let mut next = TreeSize::EMPTY;
    while next < head.size {
        for logged in house.node.export_audit_slice(next, head.size).expect("reads") {
            let salt = logged.entry.salt.as_slice().try_into().expect("nothing has expired");
            let content = Content { blob: logged.entry.blob, salt };
            let entry = Entry::from_parts(&logged.entry.leaf, Some(content)).expect("ours");
            file.push_str(&entry_line(logged.index, &entry).expect("audit records"));
            next = TreeSize(logged.index.0 + 1);
        }
    }
    file + &end_line(head.size.0, &keys.trim(&head.checkpoint).expect("its own"))
}

/// Whether these bytes stand in the file: plain, as hex, or within something that is base64.
fn holds(file: &str, bytes: &[u8]) -> bool {
    let within = |text: &[u8]| text.windows(bytes.len()).any(|window| window == bytes);
    let texts = file.split(|at: char| !(at.is_ascii_alphanumeric() || matches!(at, '+' | '/' | '=')));
    let decoded = texts.filter_map(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    within(file.as_bytes()) || file.contains(&hex::encode(bytes)) || decoded.into_iter().any(|text| within(&text))
}

#[test]
fn a_report_holds_all_of_its_period_each_with_proof_and_counts_it() {
    let (file, mut shop) = report(shop(), period(100, 1_000));
    let verified = verify_report(&file).expect("as it was written");
    let totals = &verified.totals;
    let of = |counts: &std::collections::BTreeMap<String, u64>, word: &str| counts.get(word).copied();
    assert_eq!((of(&totals.left.entries, "indicator"), totals.left.published_within), (Some(1), 1), "{totals:?}");
    assert_eq!(of(&totals.came.received, "bank-a"), Some(2));
    assert_eq!(totals.came.entries.get("bank-a/all").and_then(|kinds| of(kinds, "indicator")), Some(2));
    assert!(totals.came.unproved.is_empty());
    assert_eq!(totals.decisions.recorded.values().sum::<u64>(), 2, "that of the end belongs to the next period");
    assert_eq!((totals.decisions.matched, totals.decisions.matched_proved), (2, 2));
    assert_eq!((totals.gaps.gaps, totals.gaps.records_lost, verified.gaps.len()), (1, 3, 1));
    let received = verified.feeds.iter().find(|feed| feed.origin.contains("bank-a")).expect("a feed");
    assert_eq!(received.range, Some((1, 3)));
    assert!(verified.before.is_some_and(|time| time < at(100)) && verified.after == Some(at(1_000)));
    // Who made it stands in it, and in the log.
    assert_eq!((verified.made.action(), verified.made.actor()), ("audit.reported", auditor().to_string().as_str()));
    let made = shop.audited("audit.reported", clock::now());
    assert_eq!(made, std::slice::from_ref(&verified.made));
    assert_eq!(verified.totals.records + verified.totals.beside, verified.log.entries);
    // Nothing of it can be tried out against a list of identifiers.
    let keys = &shop.node.state().identity.key_ring.current;
    for device in ["device-of-the-shop-01", DEVICE] {
        let raw = RawIdentifier::new(IdentifierKind::Device, device.to_owned());
        let forms = canonicalise(&raw, &CanonRules::default()).expect("valid");
        let pseudonym = keys.pseudonym(&forms[0]).0;
        assert!(!holds(&file, &pseudonym), "the pseudonym of {device}");
    }
    let decided = "01".repeat(16);
    assert!(holds(&file, decided.as_bytes()) || holds(&file, &[1; 16]), "what stands in it is found");
}

#[test]
fn a_report_of_a_quiet_period_shows_that_it_was_quiet() {
    let (file, shop) = report(shop(), period(600, 900));
    let verified = verify_report(&file).expect("as it was written");
    assert_eq!((verified.totals.records, verified.totals.beside), (0, 2), "its neighbours alone");
    assert_eq!((verified.before, verified.after), (Some(at(502)), Some(at(1_000))));
    // Before everything, and from the beginning on.
    let (file, shop) = report(shop, AuditPeriod::new(Timestamp::from_unix_s(0), START).expect("a period"));
    let verified = verify_report(&file).expect("as it was written");
    assert_eq!((verified.log.first_index, verified.totals.records, verified.before), (0, 0, None));
    // The last of it: what comes later had not come.
    let (file, _) = report(shop, AuditPeriod::new(at(1_150), clock::now()).expect("a period"));
    let verified = verify_report(&file).expect("as it was written");
    assert!(verified.before.is_some_and(|time| time < at(1_150)));
    assert!(verified.totals.records > 0);
}

/// What is done to a copy.
#[derive(Debug, Clone, Copy)]
enum Edit {
    Byte,
    Figure,
    Insert,
    Cut,
    DropLine,
    DoubleLine,
    SwapLines,
    MoveLine,
    Truncate,
    /// A signed note or a whole line of another member's file in the place of its own.
    Splice,
    SpliceNote,
}

const EDITS: [Edit; 11] = [
    Edit::Byte,
    Edit::Figure,
    Edit::Insert,
    Edit::Cut,
    Edit::DropLine,
    Edit::DoubleLine,
    Edit::SwapLines,
    Edit::MoveLine,
    Edit::Truncate,
    Edit::Splice,
    Edit::SpliceNote,
];

/// The base64 of one signature somewhere in the file.
fn signatures(file: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(dash) = file[from..].find("\u{2014} ").map(|place| from + place) {
        let name = dash + "\u{2014} ".len();
        let begin = file[name..].find(' ').map_or(file.len(), |place| name + place + 1);
        let end = file[begin..].find("\\n").map_or(file.len(), |place| begin + place);
        found.push(begin..end);
        from = end;
    }
    found
}

/// One random edit; none where it happens to change nothing.
fn edited(file: &str, other: &str, rng: &mut StdRng) -> Option<(Edit, Vec<u8>)> {
    let edit = EDITS[rng.random_range(0..EDITS.len())];
    let mut lines: Vec<&str> = file.split_inclusive('\n').collect();
    let (one, two) = (rng.random_range(0..lines.len()), rng.random_range(0..lines.len()));
    let mut bytes = file.as_bytes().to_vec();
    let place = rng.random_range(0..bytes.len());
    let joined = |lines: Vec<&str>| lines.concat().into_bytes();
    let bytes = match edit {
        Edit::Byte => {
            bytes[place] ^= 1 << rng.random_range(0..8);
            bytes
        }
        Edit::Figure => {
            let figures: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
            let at = figures[rng.random_range(0..figures.len())];
            bytes[at] = b'0' + (bytes[at] - b'0' + rng.random_range(1..10)) % 10;
            bytes
        }
        Edit::Insert => {
            let what: Vec<u8> = (0..rng.random_range(1..20)).map(|_| rng.random_range(32..127)).collect();
            bytes.splice(place..place, what);
            bytes
        }
        Edit::Cut => {
            let end = (place + rng.random_range(1..200)).min(bytes.len());
            bytes.drain(place..end);
            bytes
        }
        Edit::DropLine => {
            lines.remove(one);
            joined(lines)
        }
        Edit::DoubleLine => {
            lines.insert(two, lines[one]);
            joined(lines)
        }
        Edit::SwapLines => {
            lines.swap(one, two);
            joined(lines)
        }
        Edit::MoveLine => {
            let line = lines.remove(one);
            lines.insert(two.min(lines.len()), line);
            joined(lines)
        }
        Edit::Truncate => {
            bytes.truncate(place);
            bytes
        }
        Edit::Splice => {
            let others: Vec<&str> = other.split_inclusive('\n').collect();
            lines[one] = others[rng.random_range(0..others.len())];
            joined(lines)
        }
        Edit::SpliceNote => {
            let (ours, theirs) = (signatures(file), signatures(other));
            let (one, two) = (rng.random_range(0..ours.len()), rng.random_range(0..theirs.len()));
            let mut text = file.to_owned();
            text.replace_range(ours[one].clone(), &other[theirs[two].clone()]);
            text.into_bytes()
        }
    };
    (bytes != file.as_bytes()).then_some((edit, bytes))
}

/// How many edits of each file: 10,000 in all.
const EDITED: usize = 5_000;

/// Every edit differs from the file in some byte, and every one must be found: the form has one way to write anything, so there is
/// none that leaves the meaning and need not be. What no file can show of itself is not tried: that signatures or witnessed heads
/// were left out of it altogether, which makes it prove less, and never something else.
fn find_every_edit(seed: u64, file: &str, other: &str, verify: impl Fn(&str) -> Result<(), Fault>) {
    assert_eq!(verify(file), Ok(()), "untouched it verifies");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut tried = 0;
    while tried < EDITED {
        let Some((edit, bytes)) = edited(file, other, &mut rng) else { continue };
        tried += 1;
        // What is no text is no file of ours.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        assert!(verify(&text).is_err(), "seed {seed}, edit {tried}, {edit:?}: not found\n{text}");
    }
}

#[test]
fn every_edit_cut_and_reordering_of_an_export_is_found() {
    let mut shop = shop();
    let earlier = export(&mut shop, at(1_300));
    let file = export(&mut shop, at(1_400));
    find_every_edit(1, &file, &earlier, |file| verify_export(file).map(drop));
}

#[test]
fn every_edit_cut_and_reordering_of_a_report_is_found() {
    let (file, shop) = report(shop(), period(100, 1_000));
    let (other, _) = report(shop, period(50, 1_150));
    find_every_edit(2, &file, &other, |file| verify_report(file).map(drop));
}
