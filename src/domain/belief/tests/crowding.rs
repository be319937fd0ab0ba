//! What one member can fill of belief, and what that costs the others.

use super::*;
use crate::base::limits;

#[test]
fn a_flood_of_one_member_hides_no_other() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    let most = u64::try_from(limits::STATEMENTS_PER_PSEUDONYM).expect("small");
    for index in 0..1_000 {
        let mut entry = spoken("bank-b", index, Content::Indicator(1, 1));
        entry.commitment = commitment(5_000 + index);
        let expected = if index < most { Effect::Believed } else { Effect::Crowded };
        assert_eq!(apply(&belief, &entry), expected, "{index}");
    }
    let mut view = belief.view();
    let statements = view.statements(&pseudonym(1));
    let of = |member: &str| {
        let number = view.member_number(&member.parse().expect("valid"));
        statements.iter().filter(|statement| Some(statement.reporter) == number).count()
    };
    assert_eq!((of("bank-a"), of("bank-b")), (1, limits::STATEMENTS_PER_REPORTER));
}

#[test]
fn a_flood_of_mentions_takes_the_room_of_its_speaker_alone() {
    let belief = belief();
    let mut flood = 0..u64::try_from(limits::MENTIONS_PER_MEMBER).expect("small");
    let mention = |member, target| {
        let effect = said(&belief, member, 0, Content::Mention(target));
        matches!(effect, Effect::Noted)
    };
    assert!(flood.all(|target| mention("bank-b", 10_000 + target)));
    assert!(!mention("bank-b", 1), "no further target");
    assert!(mention("bank-b", 10_000), "one it has spoken of before");
    assert!(mention("bank-c", 1), "another member");
    // Room comes back with expiry.
    belief.writer().expire(Day(NOW.day().0 + limits::KEPT_DAYS + 1));
    assert!(mention("bank-b", 1));
}

#[test]
fn what_is_said_of_things_not_held_takes_the_room_of_its_speaker_and_is_dropped_whatever_day_it_names() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    let orders = |from: u64, count: usize| {
        let mut writer = belief.writer();
        let feed = writer.feed(&feed_id("bank-a")).expect("room");
        let mut said = |number: u64| {
            let content = SaidContent::Erasure { target: commitment(number) };
            let (index, first_seen, expires_day) = (EntryIndex(number), NOW, Day(u32::MAX));
            let commitment = commitment(1);
            writer.apply(&Said {
                feed,
                index,
                commitment,
                epoch_id: EpochId([9; 16]),
                expires_day,
                first_seen,
                content,
            })
        };
        let count = u64::try_from(count).expect("small");
        (from..from + count).map(|number| said(number).expect("room")).filter(|effect| *effect == Effect::Noted).count()
    };
    assert_eq!(orders(1_000, limits::FACTS_PER_MEMBER + 7), limits::FACTS_PER_MEMBER);
    assert_eq!(said(&belief, "bank-a", 2, Content::Retraction(1)), Effect::Retracted, "of what is held always");
    let last = NOW.day().0 + limits::KEPT_DAYS;
    belief.writer().expire(Day(last));
    assert_eq!(orders(900_000, 1), 0);
    belief.writer().expire(Day(last + 1));
    assert_eq!(orders(900_000, 1), 1);
}

#[test]
fn a_crowded_pseudonym_expires_and_moves_as_a_whole() {
    let belief = belief();
    let members = ["bank-a", "bank-b", "bank-c", "bank-d"];
    // Ten pseudonyms, everybody speaks 400 times of each; every ninth statement outlives the others.
    for index in 0..16_000 {
        let member = members[usize::try_from(index % 4).expect("small")];
        let mut entry = spoken(member, index, Content::Indicator(index / 4 % 10, 1));
        entry.commitment = commitment(50_000 + index);
        entry.expires_day = Day(if index % 9 == 0 { 21_000 } else { 20_900 });
        assert_eq!(apply(&belief, &entry), Effect::Believed);
    }
    assert_eq!(belief.writer().expire(Day(20_901)), 16_000 - 16_000_usize.div_ceil(9));
    let mut listed = 0;
    for number in 0..10 {
        listed += states(&belief, number).len();
    }
    assert_eq!(u64::try_from(listed).expect("small"), belief.held().live);
    for index in 0..16_000 {
        let held = belief.writer().by_commitment(&commitment(50_000 + index)).map(|held| held.index);
        assert_eq!(held, (index % 9 == 0).then_some(EntryIndex(index)));
    }
    assert_eq!(belief.writer().expire(Day(21_001)), 16_000_usize.div_ceil(9));
    assert_eq!((belief.held(), states(&belief, 3)), (Held::default(), Vec::new()));
}
