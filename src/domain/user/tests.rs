//! What holds of a user whatever it goes through.

use super::*;
use crate::base::role::Role;

const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);
const RIGHT: Shown = Shown { password: true, factor: Some(Factor::Step(10)) };
const WRONG: Shown = Shown { password: false, factor: Some(Factor::Step(10)) };

fn invited() -> User {
    let roles = ConsoleRoles::new([Role::Analyst]).ok();
    let name = "anna".parse().expect("a name");
    User::invited(name, roles, LocalMac([1; 32]), "node".to_owned(), Generation(1), NOW)
}

fn enrolled() -> User {
    let credentials = Credentials {
        verifier: Verifier::new("phc".to_owned()),
        totp: Vec::new(),
        used_step: 9,
        recovery: vec![LocalMac([7; 32]), LocalMac([8; 32])],
        enrolled: NOW,
        password_set: NOW,
        signed_in: None,
    };
    let mut user = invited();
    user.enrol(credentials, Generation(2));
    user
}

fn step(step: u64) -> Shown {
    Shown { password: true, factor: Some(Factor::Step(step)) }
}

#[test]
fn an_invitation_enrols_for_a_day_and_signs_nobody_in() {
    let mut user = invited();
    let end = NOW.plus_s(24 * 3_600);
    assert!(user.may_enrol(NOW) && user.may_enrol(NOW.plus_s(24 * 3_600 - 1)) && !user.may_enrol(end));
    assert_eq!((user.state(NOW), user.state(end)), (UserState::Invited, UserState::InvitationOver));
    assert_eq!(user.sign_in(&RIGHT, NOW), Tried::Closed);
    assert_eq!(user.alive(Generation(1)), None);
    user.disabled = true;
    assert!(!user.may_enrol(NOW), "nor does one who was taken out enrol");
}

#[test]
fn a_code_passes_once_and_none_before_it() {
    let mut user = enrolled();
    assert_eq!(user.sign_in(&step(9), NOW), Tried::Wrong { left: 9 }, "used at enrolment");
    assert_eq!(user.sign_in(&step(10), NOW), Tried::Right(Factor::Step(10)));
    assert_eq!(user.sign_in(&step(10), NOW), Tried::Wrong { left: 9 });
    assert_eq!(user.reauthenticate(&step(10), Generation(3)), Tried::Wrong { left: 9 }, "nor in a session");
    assert_eq!(user.sign_in(&step(8), NOW), Tried::Wrong { left: 8 });
    assert_eq!(user.sign_in(&step(11), NOW), Tried::Right(Factor::Step(11)));
}

#[test]
fn a_recovery_code_passes_once() {
    let mut user = enrolled();
    let shown = Shown { password: true, factor: Some(Factor::Recovery(LocalMac([7; 32]))) };
    assert_eq!(user.sign_in(&shown, NOW), Tried::Right(Factor::Recovery(LocalMac([7; 32]))));
    assert_eq!(user.sign_in(&shown, NOW), Tried::Wrong { left: 9 });
    assert_eq!(user.credentials().expect("enrolled").recovery, [LocalMac([8; 32])]);
}

#[test]
fn a_wrong_password_uses_no_code_up() {
    let mut user = enrolled();
    let code = Factor::Recovery(LocalMac([7; 32]));
    assert_eq!(user.sign_in(&Shown { password: false, factor: Some(code) }, NOW), Tried::Wrong { left: 9 });
    assert_eq!(user.sign_in(&Shown { password: true, factor: None }, NOW), Tried::Wrong { left: 8 });
    assert_eq!(user.sign_in(&Shown { password: true, factor: Some(code) }, NOW), Tried::Right(code));
}

#[test]
fn ten_wrong_tries_close_a_user_for_half_an_hour_and_end_no_session() {
    let mut user = enrolled();
    for left in (1..10).rev() {
        assert_eq!(user.sign_in(&WRONG, NOW), Tried::Wrong { left });
    }
    assert_eq!(user.sign_in(&WRONG, NOW), Tried::Over);
    let last = NOW.plus_s(30 * 60 - 1);
    assert_eq!(
        (user.state(last), user.sign_in(&RIGHT, last)),
        (UserState::Closed, Tried::Closed),
        "not even the right"
    );
    assert!(user.alive(Generation(2)).is_some());
    assert_eq!(user.sign_in(&RIGHT, NOW.plus_s(30 * 60)), Tried::Right(Factor::Step(10)));
}

#[test]
fn who_signs_in_has_all_tries_again() {
    let mut user = enrolled();
    for _ in 0..9 {
        user.sign_in(&WRONG, NOW);
    }
    assert_eq!(user.sign_in(&RIGHT, NOW), Tried::Right(Factor::Step(10)));
    assert_eq!(user.sign_in(&WRONG, NOW), Tried::Wrong { left: 9 });
}

#[test]
fn ten_wrong_tries_in_a_session_end_all_sessions_and_close_nothing() {
    let mut user = enrolled();
    for left in (1..10).rev() {
        assert_eq!(user.reauthenticate(&WRONG, Generation(3)), Tried::Wrong { left });
        assert!(user.alive(Generation(2)).is_some());
    }
    assert_eq!(user.reauthenticate(&WRONG, Generation(3)), Tried::Over);
    assert_eq!(user.alive(Generation(2)), None);
    assert_eq!(user.sign_in(&RIGHT, NOW), Tried::Right(Factor::Step(10)));
}

#[test]
fn a_strangers_tries_keep_nobody_in_a_session_from_proving_themselves() {
    let mut user = enrolled();
    for _ in 0..10 {
        user.sign_in(&WRONG, NOW);
    }
    assert_eq!(user.reauthenticate(&RIGHT, Generation(3)), Tried::Right(Factor::Step(10)));
}

#[test]
fn who_is_taken_out_or_begins_anew_has_no_sessions() {
    let mut user = enrolled();
    user.disabled = true;
    assert_eq!(user.sign_in(&RIGHT, NOW), Tried::Closed);
    assert_eq!(user.alive(Generation(2)), None);
    user.disabled = false;
    assert!(user.alive(Generation(2)).is_some());
    user.reset(LocalMac([2; 32]), Generation(3), NOW);
    assert_eq!((user.alive(Generation(2)), user.alive(Generation(3))), (None, None));
    assert_eq!((user.state(NOW), user.sign_in(&RIGHT, NOW)), (UserState::Invited, Tried::Closed));
}

#[test]
fn a_user_whose_first_role_waits_for_a_second_operator_signs_in_nowhere() {
    let mut user = User { roles: None, ..enrolled() };
    assert_eq!((user.sign_in(&RIGHT, NOW), user.alive(Generation(2))), (Tried::Closed, None));
    let roles = ConsoleRoles::new([Role::Operator]).expect("a role of people");
    user.asked = Some(RolesAsked { roles, person: "ben".to_owned(), at: NOW });
    assert!(user.asked(NOW.plus_s(24 * 3_600 - 1)).is_some() && user.asked(NOW.plus_s(24 * 3_600)).is_none());
}

#[test]
fn what_proves_a_user_is_not_shown() {
    assert_eq!(format!("{:?}", enrolled().credentials()), "Some(Credentials { recovery: 2, .. })");
}
