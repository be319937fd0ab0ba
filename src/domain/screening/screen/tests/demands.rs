//! What the roster demands of a statement before it counts.

use super::*;
use crate::domain::roster::exclusion::Exclusions;
use crate::domain::roster::member::MemberState;
use crate::domain::roster::samples::{draft, found};
use crate::domain::roster::terms::{Epoch, MinimumGrounds};

#[test]
fn a_statement_beyond_the_validity_or_below_the_grounds_of_the_roster_does_not_count() {
    let mut world = World::new();
    let day_s = 86_400;
    world.say(&Saying { validity: (NOW_S - 100, NOW_S - 100 + 30 * day_s), ..saying("bank-a", EMAIL, MAIL) });
    let check = |world: &mut World, max_validity_days, minimum_grounds, matches| {
        world.demands = Demands::new(&Limits { max_validity_days, minimum_grounds, ..Limits::default() }, &[]);
        assert_eq!(world.screen(&[(EMAIL, MAIL)]).matches.len(), matches, "{max_validity_days} {minimum_grounds:?}");
    };
    check(&mut world, 30, MinimumGrounds::OwnConfirmed, 1);
    check(&mut world, 29, MinimumGrounds::OwnConfirmed, 0);
    check(&mut world, 30, MinimumGrounds::Authority, 0);
}

#[test]
fn what_is_first_seen_after_its_epoch_was_compromised_does_not_count() {
    let mut world = World::new();
    world.says("bank-a", EMAIL, MAIL);
    let check = |world: &mut World, keys: EpochKeys, compromised_at, matches| {
        let (number, id, activates_at) = (keys.epoch(), keys.epoch_id(), Timestamp::from_unix_s(0));
        let epoch = Epoch { number, id, activates_at, compromised_at };
        world.demands = Demands::new(&Limits::default(), &[epoch]);
        assert_eq!(world.screen(&[(EMAIL, MAIL)]).matches.len(), matches, "{compromised_at:?}");
    };
    let now = world.now;
    check(&mut world, epoch(8), None, 1);
    check(&mut world, epoch(8), Some(now.plus_s(1)), 1);
    check(&mut world, epoch(8), Some(now), 0);
    check(&mut world, epoch(7), Some(now), 1);
}

#[test]
fn what_is_first_seen_after_its_reporter_was_shut_out_does_not_count() {
    let mut world = World::new();
    world.says("bank-a", EMAIL, MAIL);
    world.says("bank-b", EMAIL, MAIL);
    let mut terms = draft(&["bank-a", "bank-b"]);
    // Long before: a membership that has not begun is no exclusion.
    terms.members.iter_mut().for_each(|member| member.valid_from = Timestamp::from_unix_s(0));
    let mut check = |world: &mut World, state, since, members| {
        terms.members[0].state = state;
        let mut exclusions = Exclusions::default();
        exclusions.follow(&terms, since);
        world.demands = Demands::of(&found(&terms), &exclusions);
        let found: usize = world.screen(&[(EMAIL, MAIL)]).matches.iter().map(|found| found.members).sum();
        assert_eq!(found, members, "{state:?} {since}");
    };
    let now = world.now;
    check(&mut world, MemberState::Active, now, 2);
    check(&mut world, MemberState::Suspended, now.plus_s(1), 2);
    check(&mut world, MemberState::Suspended, now, 1);
    check(&mut world, MemberState::Left, now, 1);
    // In the very second, however late in it: belief keeps no finer time.
    check(&mut world, MemberState::Left, now.plus_ms(999), 1);
    terms.members[0].state = MemberState::Active;
    let mut lapses = |world: &mut World, valid_until, members: usize| {
        terms.members[0].valid_until = valid_until;
        world.demands = Demands::of(&found(&terms), &Exclusions::default());
        assert_eq!(world.screen(&[(EMAIL, MAIL)]).matches[0].members, members, "{valid_until}");
    };
    lapses(&mut world, now.plus_s(1), 2);
    lapses(&mut world, now, 1);
}

#[test]
fn a_suite_below_the_rosters_minimum_matches_nothing() {
    let mut world = World::new();
    world.says("bank-a", EMAIL, MAIL);
    let check = |world: &mut World, minimum_suite, matches| {
        world.demands = Demands::new(&Limits { minimum_suite, ..Limits::default() }, &[]);
        assert_eq!(world.screen(&[(EMAIL, MAIL)]).matches.len(), matches, "suite {minimum_suite}");
    };
    check(&mut world, 1, 1);
    check(&mut world, 2, 0);
}
