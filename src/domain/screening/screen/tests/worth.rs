//! What age, the reporter's record and disputes leave of a statement.

use super::*;
use crate::domain::feed::blob::dispute::DisputeStep;
use crate::domain::indicator::words::DisputeReason;
use crate::domain::screening::experience::Record;

const DAY_S: u64 = 86_400;
const PAGE: &str = "http://pay.fraud-host.com/a";
const ADDRESS: &str = "mallory@posteo.de";

fn lasting<'a>(member: &'a str, kind: IdentifierKind, value: &'a str) -> Saying<'a> {
    Saying { validity: (NOW_S - 500, NOW_S - 500 + 90 * DAY_S), ..saying(member, kind, value) }
}

/// Confidence of the match, what it was said with, and the age of its first statement.
fn worth(world: &World, kind: IdentifierKind, value: &str) -> (u32, u32, u64) {
    let found = &world.screen(&[(kind, value)]).matches[0];
    (found.confidence, found.confidence_undecayed, found.indicators[0].age_s)
}

#[test]
fn a_statement_fades_until_it_only_informs() {
    let mut world = World::new();
    for member in ["bank-a", "bank-b"] {
        world.say(&lasting(member, IdentifierKind::Url, PAGE));
    }
    let page = [(IdentifierKind::Url, PAGE)];
    world.decides(&page, Decision::Block, Some("corroborated_indicator"));
    world.now = world.now.plus_s(45 * DAY_S);
    // Each 80 fell to 40.
    assert_eq!(worth(&world, IdentifierKind::Url, PAGE), (64, 96, 45 * DAY_S + 500));
    world.decides(&page, Decision::Block, Some("corroborated_indicator"));
    world.now = world.now.plus_s(36 * DAY_S);
    world.decides(&page, Decision::Allow, Some("faded_indicator"));
    assert_eq!(worth(&world, IdentifierKind::Url, PAGE), (15, 96, 81 * DAY_S + 500));
}

#[test]
fn what_proved_right_here_is_young_again() {
    let mut world = World::new();
    let name = world.say(&lasting("bank-a", EMAIL, ADDRESS));
    world.now = world.now.plus_s(89 * DAY_S);
    assert_eq!(worth(&world, EMAIL, ADDRESS), (75, 80, 89 * DAY_S + 500));
    world.experience.set_confirmed(name, Some(world.now));
    assert_eq!(worth(&world, EMAIL, ADDRESS), (80, 80, 0));
}

#[test]
fn who_was_often_wrong_about_a_kind_weighs_less_and_only_about_that_kind() {
    let mut world = World::new();
    let name = "bank-a".parse().expect("valid");
    world.experience.set_record(&name, EMAIL, Record { confirmed: 0, false_positive: 20 });
    world.says("bank-a", EMAIL, ADDRESS);
    world.says("bank-a", CARD, PAN);
    assert_eq!(worth(&world, EMAIL, ADDRESS).0, 40);
    assert_eq!(worth(&world, CARD, PAN).0, 80);
    world.experience.set_record(&name, EMAIL, Record { confirmed: 0, false_positive: 200 });
    world.decides(&[(EMAIL, ADDRESS)], Decision::Allow, Some("faded_indicator"));
}

pub(super) fn step(world: &mut World, member: &str, target: Commitment, step: DisputeStep, to: Option<&str>) {
    let answers = to.map(|to| to.parse::<MemberId>().expect("valid"));
    let (reason, epoch) = (DisputeReason::Other, world.keys.current.epoch_id());
    let name = Commitment([u8::try_from(world.entries).expect("small"); 32]);
    let content = SaidContent::Dispute { target, step, reason, answers: answers.as_ref() };
    assert_eq!(world.apply(member, name, epoch, content), Effect::Noted);
}

#[test]
fn a_disputed_statement_may_challenge_and_blocks_again_once_its_author_stands_by_it() {
    let mut world = World::new();
    let name = world.say(&lasting("bank-a", EMAIL, ADDRESS));
    world.say(&lasting("bank-b", EMAIL, ADDRESS));
    let mail = [(EMAIL, ADDRESS)];
    world.decides(&mail, Decision::Block, Some("corroborated_indicator"));
    step(&mut world, "bank-c", name, DisputeStep::Opened, None);
    world.decides(&mail, Decision::Challenge, Some("disputed_indicator"));
    let shown = |world: &World| world.screen(&mail).matches[0].indicators.iter().filter(|one| one.disputed).count();
    assert_eq!(shown(&world), 1);
    step(&mut world, "bank-a", name, DisputeStep::Upheld, Some("bank-c"));
    world.decides(&mail, Decision::Block, Some("corroborated_indicator"));
    assert_eq!(shown(&world), 0);
}

#[test]
fn an_author_that_lets_the_time_pass_is_not_counted_until_it_answers() {
    let mut world = World::new();
    let name = world.say(&lasting("bank-a", EMAIL, ADDRESS));
    step(&mut world, "bank-c", name, DisputeStep::Opened, None);
    let mail = [(EMAIL, ADDRESS)];
    world.now = world.now.plus_s(7 * DAY_S - 1);
    world.decides(&mail, Decision::Challenge, Some("disputed_indicator"));
    world.now = world.now.plus_s(1);
    world.decides(&mail, Decision::Allow, None);
    step(&mut world, "bank-a", name, DisputeStep::Upheld, Some("bank-c"));
    world.decides(&mail, Decision::Challenge, Some("single_indicator"));
}

#[test]
fn who_disputes_a_statement_never_counts_it() {
    let mut world = World::new();
    let name = world.say(&lasting("bank-a", EMAIL, ADDRESS));
    let mail = [(EMAIL, ADDRESS)];
    step(&mut world, "shop", name, DisputeStep::Opened, None);
    world.decides(&mail, Decision::Allow, None);
    step(&mut world, "bank-a", name, DisputeStep::Upheld, Some("shop"));
    world.decides(&mail, Decision::Allow, None);
    step(&mut world, "shop", name, DisputeStep::Withdrawn, None);
    world.decides(&mail, Decision::Challenge, Some("single_indicator"));
}
