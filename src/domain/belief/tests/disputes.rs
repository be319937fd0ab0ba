//! Disputes: who is heard, what is answered, and that disputing disarms nobody.

use super::{Content, NOW, belief, commitment, said};
use crate::base::limits::feedback::{DISPUTE_ANSWER_DAYS, DISPUTES_HELD, DISPUTES_OPEN};
use crate::base::time::Day;
use crate::domain::belief::Belief;
use crate::domain::belief::disputes::DisputeStanding;
use crate::domain::belief::said::Effect;
use crate::domain::feed::blob::dispute::DisputeStep;

const OPENED: DisputeStep = DisputeStep::Opened;
const WITHDRAWN: DisputeStep = DisputeStep::Withdrawn;

/// What readers see of an indicator: whether it waits for an answer, and who holds it for wrong.
fn seen(belief: &Belief, number: u64) -> Option<(bool, Vec<&'static str>)> {
    let (view, disputed) = (belief.view(), belief.view().disputed(&commitment(number))?);
    let late_s = u64::from(DISPUTE_ANSWER_DAYS) * 86_400;
    assert!(!disputed.is_overdue(NOW.plus_s(late_s - 1)), "not a moment early");
    assert_eq!(disputed.is_overdue(NOW.plus_s(late_s)), disputed.is_unanswered());
    let by = ["bank-b", "bank-c"].into_iter().filter(|member| {
        let number = view.member_number(&member.parse().expect("valid"));
        number.is_some_and(|number| disputed.is_by(number))
    });
    Some((disputed.is_unanswered(), by.collect()))
}

#[test]
fn a_dispute_counts_until_it_is_answered_or_withdrawn() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    assert_eq!(seen(&belief, 1), None);
    assert_eq!(said(&belief, "bank-b", 0, Content::Dispute(1, OPENED)), Effect::Noted);
    said(&belief, "bank-c", 0, Content::Dispute(1, OPENED));
    assert_eq!(seen(&belief, 1), Some((true, vec!["bank-b", "bank-c"])));
    said(&belief, "bank-a", 1, Content::Answer(1, "bank-b"));
    assert_eq!(seen(&belief, 1), Some((true, vec!["bank-b", "bank-c"])), "one of two is answered");
    said(&belief, "bank-a", 2, Content::Answer(1, "bank-c"));
    assert_eq!(seen(&belief, 1), Some((false, vec!["bank-b", "bank-c"])), "they go on holding it for wrong");
    said(&belief, "bank-b", 1, Content::Dispute(1, WITHDRAWN));
    assert_eq!(seen(&belief, 1), Some((false, vec!["bank-c"])));
    said(&belief, "bank-b", 2, Content::Dispute(1, OPENED));
    assert_eq!(seen(&belief, 1), Some((false, vec!["bank-b", "bank-c"])), "for good");
    said(&belief, "bank-b", 3, Content::Dispute(1, WITHDRAWN));
    said(&belief, "bank-c", 1, Content::Dispute(1, WITHDRAWN));
    assert_eq!(seen(&belief, 1), None);
}

#[test]
fn only_an_author_answers_and_nobody_disputes_its_own() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    said(&belief, "bank-a", 1, Content::Dispute(1, OPENED));
    assert_eq!(seen(&belief, 1), None);
    said(&belief, "bank-b", 0, Content::Dispute(1, OPENED));
    said(&belief, "bank-b", 1, Content::Answer(1, "bank-b"));
    said(&belief, "bank-c", 0, Content::Answer(1, "bank-b"));
    assert_eq!(seen(&belief, 1), Some((true, vec!["bank-b"])));
}

#[test]
fn of_the_steps_of_one_member_the_last_in_its_feed_stands() {
    let belief = belief();
    said(&belief, "bank-b", 7, Content::Dispute(1, WITHDRAWN));
    said(&belief, "bank-b", 3, Content::Dispute(1, OPENED));
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    assert_eq!(seen(&belief, 1), None);
    said(&belief, "bank-b", 8, Content::Dispute(1, OPENED));
    assert_eq!(seen(&belief, 1), Some((true, vec!["bank-b"])));
}

#[test]
fn a_dispute_neither_revives_nor_outlives_its_target() {
    let belief = belief();
    said(&belief, "bank-a", 0, Content::Indicator(1, 1));
    said(&belief, "bank-b", 0, Content::Dispute(1, OPENED));
    assert_eq!(said(&belief, "bank-a", 1, Content::Retraction(1)), Effect::Retracted);
    assert_eq!(seen(&belief, 1), None);
    said(&belief, "bank-a", 2, Content::Answer(1, "bank-b"));
    assert_eq!(said(&belief, "bank-a", 1, Content::Retraction(1)), Effect::Known, "it stays withdrawn");
    assert_eq!(belief.writer().disputes()[0].standing, DisputeStanding::Moot);
    belief.writer().expire(Day(NOW.day().0 + 200));
    assert_eq!(belief.writer().disputes(), []);
}

#[test]
fn disputing_disarms_nobody_and_what_is_settled_makes_room() {
    let belief = belief();
    let most = u64::try_from(DISPUTES_OPEN).expect("small");
    for number in 0..=most {
        said(&belief, "bank-a", number, Content::Indicator(number, 1));
        said(&belief, "bank-b", number, Content::Dispute(number, OPENED));
    }
    let counting = |number| seen(&belief, number).expect("disputed").0;
    assert!((0..most).all(counting) && !counting(most), "in the order of the feed");
    // The member itself counts none of them.
    assert_eq!(seen(&belief, most), Some((false, vec!["bank-b"])));
    said(&belief, "bank-c", 0, Content::Dispute(most, OPENED));
    assert!(counting(most), "another member's room is its own");
    said(&belief, "bank-c", 1, Content::Dispute(most, WITHDRAWN));
    said(&belief, "bank-b", 90, Content::Dispute(0, OPENED));
    assert!(!counting(0) && counting(most), "who opens again stands behind");
    said(&belief, "bank-a", 90, Content::Answer(3, "bank-b"));
    assert!(counting(0) && !counting(3));
}

#[test]
fn a_member_fills_its_own_room_alone() {
    let belief = belief();
    let most = u64::try_from(DISPUTES_HELD).expect("small");
    for number in 0..most {
        assert_eq!(said(&belief, "bank-b", number, Content::Dispute(5_000 + number, OPENED)), Effect::Noted);
    }
    assert_eq!(said(&belief, "bank-b", most, Content::Dispute(1, OPENED)), Effect::Crowded);
    assert_eq!(said(&belief, "bank-b", most, Content::Answer(1, "bank-c")), Effect::Crowded);
    assert_eq!(said(&belief, "bank-c", 0, Content::Dispute(1, OPENED)), Effect::Noted);
    belief.writer().expire(Day(NOW.day().0 + 200));
    assert_eq!(said(&belief, "bank-b", most, Content::Dispute(1, OPENED)), Effect::Noted, "room came back");
}
