//! Belief as its users see it: rules, order independence, growth, expiry and compaction.

mod crowding;
mod disputes;
mod image;

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::SeedableRng;

use super::*;
use crate::base::bytes::{Commitment, Pseudonym};
use crate::base::epoch::EpochId;
use crate::base::kind::IdentifierKind;
use crate::base::name::MemberId;
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Hour, Timestamp};
use crate::domain::belief::record::State;
use crate::domain::belief::said::{Effect, Said, SaidContent};
use crate::domain::belief::view::{ListPosition, Statement};
use crate::domain::feed::blob::dispute::DisputeStep;
use crate::domain::indicator::words::{DisputeReason, RetractionReason};

const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

fn belief() -> Belief {
    let key = TableKey::draw(&mut rand_chacha::ChaCha12Rng::seed_from_u64(7));
    Belief::new(key, Witnessing::NotNeeded)
}

fn feed_id(member: &str) -> FeedId {
    FeedId { member: member.parse().expect("valid"), group: "all".parse().expect("valid") }
}

fn bytes(number: u64, salt: u8) -> [u8; 32] {
    let mut bytes = [salt; 32];
    for (chunk, factor) in bytes.chunks_exact_mut(8).zip([0x9E37_79B9_7F4A_7C15_u64, 0xD6E8_FEB8_6659_FD93, 3, 5]) {
        chunk.copy_from_slice(&number.wrapping_add(u64::from(salt) << 40).wrapping_mul(factor).to_be_bytes());
    }
    bytes
}

fn pseudonym(number: u64) -> Pseudonym {
    Pseudonym(bytes(number, 1))
}

fn commitment(number: u64) -> Commitment {
    Commitment(bytes(number, 2))
}

/// An entry before its feed got a number.
#[derive(Debug, Clone)]
struct Spoken {
    feed: FeedId,
    index: u64,
    commitment: Commitment,
    first_seen: Timestamp,
    expires_day: Day,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Indicator(u64, usize),
    Retraction(u64),
    Erasure(u64),
    Mention(u64),
    Dispute(u64, DisputeStep),
    /// Its author stands by it against this member.
    Answer(u64, &'static str),
}

fn apply(belief: &Belief, spoken: &Spoken) -> Effect {
    let mut writer = belief.writer();
    let feed = writer.feed(&spoken.feed).expect("room");
    let sealed_bytes;
    let answered;
    let content = match spoken.content {
        Content::Indicator(number, blocks) => {
            let fill = u8::try_from(number % 251).expect("small");
            sealed_bytes = vec![fill; 40 + 64 * blocks];
            let kind = IdentifierKind::ALL[usize::try_from(number % 16).expect("small")];
            SaidContent::Indicator { pseudonym: pseudonym(number), kind, sealed: &sealed_bytes }
        }
        Content::Retraction(target) => SaidContent::Retraction {
            target: commitment(target),
            reason: RetractionReason::FalsePositive,
            hour: Hour(1),
            superseded_by: None,
        },
        Content::Erasure(target) => SaidContent::Erasure { target: commitment(target) },
        Content::Mention(target) => SaidContent::Mention { target: commitment(target) },
        Content::Dispute(target, step) => {
            let reason = DisputeReason::Recycled;
            SaidContent::Dispute { target: commitment(target), step, reason, answers: None }
        }
        Content::Answer(target, to) => {
            answered = to.parse().expect("valid");
            let (step, reason) = (DisputeStep::Upheld, DisputeReason::Other);
            SaidContent::Dispute { target: commitment(target), step, reason, answers: Some(&answered) }
        }
    };
    let said = Said {
        feed,
        index: EntryIndex(spoken.index),
        commitment: spoken.commitment,
        epoch_id: EpochId([9; 16]),
        expires_day: spoken.expires_day,
        first_seen: spoken.first_seen,
        content,
    };
    writer.apply(&said).expect("room")
}

fn spoken(member: &str, index: u64, content: Content) -> Spoken {
    let number = match content {
        // An indicator's name is derived from its content here, so that the same statement repeats its name.
        Content::Indicator(number, _) => number,
        Content::Retraction(_)
        | Content::Erasure(_)
        | Content::Mention(_)
        | Content::Dispute(..)
        | Content::Answer(..) => 1_000_000 + index,
    };
    Spoken {
        feed: feed_id(member),
        index,
        commitment: commitment(number),
        first_seen: NOW,
        expires_day: Day(NOW.day().0 + 30),
        content,
    }
}

fn said(belief: &Belief, member: &str, index: u64, content: Content) -> Effect {
    apply(belief, &spoken(member, index, content))
}

fn states(belief: &Belief, number: u64) -> Vec<State> {
    belief.view().statements(&pseudonym(number)).iter().map(|statement| statement.state).collect()
}

#[test]
fn an_indicator_is_found_by_its_pseudonym_and_only_by_it() {
    let belief = belief();
    assert_eq!(said(&belief, "bank-a", 0, Content::Indicator(1, 1)), Effect::Believed);
    let mut view = belief.view();
    let found = view.statements(&pseudonym(1));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].commitment, found[0].index), (commitment(1), EntryIndex(0)));
    assert_eq!((&*found[0].sealed, found[0].first_seen), (&[1u8; 104][..], NOW));
    assert_eq!(view.feed(found[0].feed), Some(&feed_id("bank-a")));
    assert_eq!(view.statements(&pseudonym(2)), Vec::new());
}

#[test]
fn the_same_entry_again_changes_nothing() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    assert_eq!(said(&belief, "bank-a", 0, Content::Indicator(1, 1)), Effect::Known);
    assert_eq!(states(&belief, 1), [State::Live]);
    assert_eq!(belief.held(), Held { live: 1, retracted: 0 });
}

#[test]
fn a_retraction_counts_before_and_after_its_target() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    assert_eq!(said(&belief, "bank-a", 1, Content::Retraction(1)), Effect::Retracted);
    assert_eq!(said(&belief, "bank-a", 3, Content::Retraction(2)), Effect::Noted);
    assert_eq!(said(&belief, "bank-a", 2, Content::Indicator(2, 1)), Effect::HeldRetracted);
    assert_eq!((states(&belief, 1), states(&belief, 2)), (vec![State::Retracted], vec![State::Retracted]));
    assert_eq!(belief.held(), Held { live: 0, retracted: 2 });
}

#[test]
fn only_the_author_retracts_and_erases() {
    let belief = belief();
    said(&belief, "bank-b", 0, Content::Retraction(1));
    said(&belief, "bank-b", 1, Content::Erasure(1));
    assert_eq!(said(&belief, "bank-a", 0, Content::Indicator(1, 1)), Effect::Believed);
    assert_eq!(said(&belief, "bank-b", 2, Content::Retraction(1)), Effect::NotTheAuthor);
    assert_eq!(said(&belief, "bank-b", 3, Content::Erasure(1)), Effect::NotTheAuthor);
    assert_eq!(states(&belief, 1), [State::Live]);
}

#[test]
fn an_erasure_drops_the_content_and_keeps_it_out() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    assert_eq!(said(&belief, "bank-a", 1, Content::Erasure(1)), Effect::Erased);
    assert_eq!(states(&belief, 1), []);
    assert_eq!(said(&belief, "bank-a", 0, Content::Indicator(1, 1)), Effect::ErasedBefore);
    assert_eq!(belief.writer().by_commitment(&commitment(1)), None);
    assert_eq!(belief.held(), Held::default());
}

#[test]
fn quarantine_shows_at_once_and_covers_feeds_to_come() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    let members: [MemberId; 2] = ["bank-a".parse().expect("valid"), "bank-b".parse().expect("valid")];
    for member in &members {
        belief.writer().set_quarantined(member, true);
    }
    said(&belief, "bank-b", 0, Content::Indicator(2, 1));
    assert!(belief.view().statements(&pseudonym(1))[0].quarantined);
    assert!(belief.view().statements(&pseudonym(2))[0].quarantined);
    belief.writer().set_quarantined(&members[0], false);
    assert!(!belief.view().statements(&pseudonym(1))[0].quarantined);
}

#[test]
fn statements_are_provisional_until_witnessed_where_witnesses_are_needed() {
    let key = TableKey::draw(&mut rand_chacha::ChaCha12Rng::seed_from_u64(7));
    let belief = Belief::new(key, Witnessing::Needed);
    said(&belief, "bank-a", 4, Content::Indicator(1, 1));
    assert!(belief.view().statements(&pseudonym(1))[0].provisional);
    let feed = belief.writer().feed(&feed_id("bank-a")).expect("known");
    belief.set_witnessed(feed, TreeSize(4));
    assert!(belief.view().statements(&pseudonym(1))[0].provisional);
    belief.set_witnessed(feed, TreeSize(5));
    assert!(!belief.view().statements(&pseudonym(1))[0].provisional);
}

#[test]
fn the_need_for_witnesses_comes_and_goes_while_belief_is_held() {
    let belief = belief();
    said(&belief, "bank-a", 4, Content::Indicator(1, 1));
    let feed = belief.writer().feed(&feed_id("bank-a")).expect("known");
    let provisional = |witnessing| {
        belief.writer().set_witnessing(witnessing);
        belief.view().statements(&pseudonym(1))[0].provisional
    };
    assert!(provisional(Witnessing::Needed) && !provisional(Witnessing::NotNeeded));
    belief.set_witnessed(feed, TreeSize(5));
    assert!(!provisional(Witnessing::Needed), "what was witnessed meanwhile counts");
}

#[test]
fn a_payload_no_suite_makes_is_not_held() {
    let belief = belief();
    assert_eq!(said(&belief, "bank-a", 0, Content::Indicator(1, 17)), Effect::Unreadable);
    assert_eq!(said(&belief, "bank-a", 1, Content::Indicator(2, 0)), Effect::Unreadable);
    assert_eq!(belief.held(), Held::default());
}

#[test]
fn a_mention_shows_as_last_seen() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    let mut mention = spoken("bank-b", 0, Content::Mention(1));
    mention.first_seen = NOW.plus_s(60);
    apply(&belief, &mention);
    let mut view = belief.view();
    let statement = view.statements(&pseudonym(1)).remove(0);
    assert_eq!(view.last_seen(&statement), NOW.plus_s(60));
}

#[test]
fn thousands_are_found_again_expire_and_give_their_memory_back() {
    let belief = belief();
    let count = 20_000;
    for number in 0..count {
        let blocks = if number % 10 == 0 { 2 } else { 1 };
        let mut entry = spoken("bank-a", number, Content::Indicator(number, blocks));
        // Every 16th outlives the others.
        entry.expires_day = Day(if number % 16 == 0 { 21_000 } else { 20_900 });
        apply(&belief, &entry);
    }
    for number in 0..count {
        assert_eq!(states(&belief, number), [State::Live], "{number}");
    }
    let before = belief.writer().memory();
    assert!(before.table_bytes <= 16 * 20_000 && before.names_bytes <= 8 * 20_000, "{before:?}");
    assert_eq!(belief.writer().expire(Day(20_900)), 0, "the day itself still counts");
    assert_eq!(belief.writer().expire(Day(20_901)), 18_750);
    assert_eq!(belief.held().live, 1_250);
    assert!(belief.writer().memory().records_bytes * 2 < before.records_bytes);
    for number in 0..count {
        let expected: &[State] = if number % 16 == 0 { &[State::Live] } else { &[] };
        assert_eq!(states(&belief, number), expected, "{number}");
        assert_eq!(belief.writer().by_commitment(&commitment(number)).is_some(), !expected.is_empty());
    }
    let (listed, more) = belief.view().reported_by(&feed_id("bank-a").member, ListPosition::default(), 5_000);
    assert_eq!((listed.len(), more), (1_250, None));
}

#[test]
fn an_indicator_of_usual_length_takes_about_200_bytes_in_all() {
    let belief = belief();
    // Full chunks: one chunk in progress is a constant, not a cost per indicator.
    for number in 0..4 * 4_096 - 1 {
        said(&belief, "bank-a", number, Content::Indicator(number, 1));
    }
    let memory = belief.writer().memory();
    assert!(memory.bytes_per_indicator() <= 202, "{memory:?}");
}

#[test]
fn a_members_statements_are_listed_page_by_page() {
    let belief = belief();
    for number in 0..100 {
        let member = if number % 2 == 0 { "bank-a" } else { "bank-b" };
        said(&belief, member, number, Content::Indicator(number, 1));
    }
    let mut view = belief.view();
    let mut listed: Vec<Statement> = Vec::new();
    let mut position = Some(ListPosition::default());
    while let Some(from) = position {
        let token = from.token();
        let (page, next) = view.reported_by(&feed_id("bank-b").member, ListPosition::from_token(token), 7);
        assert!(page.len() <= 7);
        listed.extend(page);
        position = next;
    }
    let indices: Vec<u64> = listed.iter().map(|statement| statement.index.0).collect();
    assert_eq!(indices, (0..100).filter(|number| number % 2 == 1).collect::<Vec<_>>());
}

/// Everything a user of belief can tell apart.
type Observed = (BTreeMap<String, Vec<String>>, Vec<String>, Vec<(FeedId, Held)>);

fn observe(belief: &Belief) -> Observed {
    let mut statements = BTreeMap::new();
    for number in 0..8 {
        let mut view = belief.view();
        let mut shown: Vec<String> = view
            .statements(&pseudonym(number))
            .into_iter()
            .map(|statement| {
                let feed = view.feed(statement.feed).expect("known").to_string();
                let last_seen = view.last_seen(&statement);
                format!(
                    "{feed} {} {} {} {:?} {} {last_seen} {:?}",
                    statement.commitment,
                    statement.index,
                    statement.kind,
                    statement.state,
                    statement.first_seen,
                    statement.sealed
                )
            })
            .collect();
        shown.sort();
        statements.insert(number.to_string(), shown);
    }
    let writer = belief.writer();
    let named = (0..32).map(|number| {
        let held = writer.by_commitment(&commitment(number)).map(|statement| statement.state);
        format!("{held:?} {:?}", writer.retraction(&commitment(number)))
    });
    let mut disputes: Vec<_> = writer.disputes().iter().map(|row| format!("{row:?}")).collect();
    disputes.sort();
    let named = named.chain(disputes).collect();
    drop(writer);
    let mut held: Vec<_> = belief.held_by_feed();
    held.sort_by(|left, right| left.0.cmp(&right.0));
    (statements, named, held)
}

fn entries() -> impl Strategy<Value = Vec<Spoken>> {
    let one = (0usize..3, 0u64..40, 0u64..8, 0u64..7, 0u64..10, 0u64..2);
    proptest::collection::vec(one, 1..40).prop_map(|rows| {
        let members = ["bank-a", "bank-b", "shop-c"];
        let mut entries: Vec<Spoken> = members.iter().map(|member| spoken(member, 99, Content::Mention(77))).collect();
        for (speaker, index, number, what, seen, group) in rows {
            // A name belongs to one author: its content is told apart by author, as a commitment is in truth.
            let author = usize::try_from(number % 3).expect("small");
            let content = match what {
                0 | 1 => Content::Indicator(number, 1),
                2 => Content::Retraction(number),
                // One place of a feed holds one step.
                3 | 4 if index % 2 == 0 => Content::Dispute(number, DisputeStep::Opened),
                3 | 4 => Content::Dispute(number, DisputeStep::Withdrawn),
                5 => Content::Answer(number, "shop-c"),
                _ if number < 2 => Content::Erasure(number),
                _ => Content::Mention(number),
            };
            let member = if matches!(content, Content::Indicator(..)) { author } else { speaker };
            let mut entry = spoken(members[member], index, content);
            if group == 1 {
                entry.feed.group = "second".parse().expect("valid");
            }
            entry.first_seen = NOW.plus_s(seen);
            entries.push(entry);
        }
        entries
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_order_and_any_repetition_lead_to_the_same_belief(
        (entries, shuffled) in entries().prop_flat_map(|entries| {
            let repeated: Vec<Spoken> = entries.iter().chain(&entries[..entries.len() / 2]).cloned().collect();
            (Just(entries), Just(repeated).prop_shuffle())
        })
    ) {
        let (straight, mixed) = (belief(), belief());
        for entry in &entries {
            apply(&straight, entry);
        }
        for entry in &shuffled {
            apply(&mixed, entry);
        }
        let (mut left, mut right) = (observe(&straight), observe(&mixed));
        // A feed that only said what had no effect may be known in one order before it is in the other.
        left.2.retain(|(_, held)| *held != Held::default());
        right.2.retain(|(_, held)| *held != Held::default());
        prop_assert_eq!(left, right);
    }
}
