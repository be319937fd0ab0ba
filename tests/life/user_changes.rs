//! What is changed of users of the console: roles and sessions at once, operators by two people, nothing before it is durable, and
//! nothing left of who was removed.

use std::sync::Arc;

use hushwire::base::role::Role;
use hushwire::domain::user::Generation;
use hushwire::node::manage_users::{UserFault, Via};
use hushwire::node::sign_in::SessionUser;
use hushwire::node::users::ShownUsers;

use crate::desk::{Desk, PASSWORD, name, operator, roles};

#[test]
fn nothing_shows_before_it_is_durable() {
    let mut desk = Desk::of_anna();
    let shown = ShownUsers::default();
    desk.house.node.show_users_in(Arc::clone(&shown));
    let who = desk.session();
    let alive = |shown: &ShownUsers| shown.load().get(&who.name).and_then(|user| user.alive(who.generation)).is_some();
    assert!(alive(&shown));
    let (now, rng) = (desk.now, &mut desk.house.rng);
    desk.house.node.disable_user(&operator("desk"), &who.name, now, rng).expect("staged");
    assert!(alive(&shown), "staged");
    desk.house.node.sync().expect("syncs");
    assert!(!alive(&shown), "durable");
}

#[test]
fn who_is_taken_out_is_out_at_once_and_a_user_made_anew_has_no_old_sessions() {
    let mut desk = Desk::of_anna();
    let who = desk.session();
    desk.set_roles("desk", Via::Certificate, "anna", &[Role::Auditor]).expect("given");
    assert_eq!(desk.alive(&who), Some(roles(&[Role::Auditor])), "roles hold for open sessions");
    desk.disable("anna").expect("out");
    assert_eq!((desk.alive(&who), desk.sign_in_right()), (None, None));
    let mut desk = desk.restart();
    assert_eq!(desk.sign_in_right(), None);
    desk.enable("desk", "anna").expect("in");
    assert_eq!(desk.alive(&who), None, "sessions do not come back");
    let who = desk.session();
    desk.remove("anna");
    assert_eq!((desk.alive(&who), desk.sign_in_right()), (None, None));
    let code = desk.add("anna", &[Role::Operator]);
    desk.enrol(&code).expect("enrols");
    assert_eq!(desk.alive(&who), None);
    let who = desk.session();
    let ended = desk.change(|node, now, rng| node.end_sessions(&operator("desk"), &name("anna"), now, rng));
    assert!(ended.is_ok() && desk.alive(&who).is_none());
}

#[test]
fn in_the_console_two_operators_make_a_third_and_on_the_command_line_one_does() {
    let mut desk = Desk::new();
    desk.add("carla", &[Role::Analyst]);
    desk.add("ben", &[Role::Operator]);
    let asked = desk.set_roles("ben", Via::Console, "carla", &[Role::Auditor, Role::Operator]).expect("asked");
    assert_eq!(asked.roles, Some(roles(&[Role::Auditor])), "what needs nobody else is given at once");
    assert!(asked.asked(desk.now).is_some());
    let mut desk = desk.restart();
    let same = UserFault::SamePerson { person: "ben".to_owned() };
    let both = [Role::Auditor, Role::Operator];
    assert_eq!(desk.confirm("ben", "carla", &both), Err(same));
    assert_eq!(desk.confirm("carla", "carla", &both), Err(UserFault::OwnUser), "nor the one it is for");
    let confirmed = desk.confirm("anna", "carla", &both).expect("a second operator");
    assert_eq!(confirmed.roles, Some(roles(&both)));
    assert_eq!(desk.confirm("anna", "carla", &both), Err(UserFault::NothingAsked), "once");

    let made = desk.house.node.create_user(
        &operator("ben"),
        Via::Console,
        name("dora"),
        roles(&[Role::Operator]),
        desk.now,
        &mut desk.house.rng,
    );
    let (dora, code) = made.expect("made");
    assert_eq!(dora.roles, None);
    desk.enrol(&code).expect("enrols meanwhile");
    desk.now = desk.now.plus_s(60);
    let totp = desk.totp();
    assert_eq!(desk.sign_in("dora", Some(PASSWORD), &totp), None, "and signs in nowhere");
    desk.now = desk.now.plus_s(24 * 3_600);
    assert_eq!(desk.confirm("anna", "dora", &[Role::Operator]), Err(UserFault::NothingAsked), "a day later");
    desk.set_roles("ben", Via::Console, "dora", &[Role::Operator]).expect("asked again");
    desk.confirm("anna", "dora", &[Role::Operator]).expect("confirmed");
    desk.now = desk.now.plus_s(60);
    let totp = desk.totp();
    assert!(desk.sign_in("dora", Some(PASSWORD), &totp).is_some());
    let told = ["console.roles_asked", "console.roles_confirmed", "console.change_refused"];
    assert_eq!(told.map(|action| desk.audited(action)), [3, 2, 2]);
}

#[test]
fn who_agrees_to_roles_agrees_to_those_they_saw_and_to_no_others_asked_for_meanwhile() {
    let mut desk = Desk::new();
    desk.add("carla", &[Role::Analyst]);
    let seen = [Role::Analyst, Role::Operator];
    desk.set_roles("ben", Via::Console, "carla", &seen).expect("asked");
    let all = [Role::Publisher, Role::Analyst, Role::Auditor, Role::Operator];
    desk.set_roles("ben", Via::Console, "carla", &all).expect("asked for more meanwhile");
    let given = desk.user("carla").roles.clone();
    assert_eq!(desk.confirm("anna", "carla", &seen), Err(UserFault::Changed));
    assert_eq!(desk.user("carla").roles, given, "nothing of it was given");
    assert!(desk.user("carla").asked.is_some(), "and it still waits");
    let refused = desk.house.audited("console.change_refused", desk.now).remove(0);
    let fields: Vec<_> = refused.fields().collect();
    assert_eq!(fields, [("change", "confirm_roles"), ("rule", "changed")]);
    assert_eq!(desk.confirm("anna", "carla", &all).expect("looked again").roles, Some(roles(&all)));
}

#[test]
fn nobody_changes_their_own_roles_by_whatever_way_and_no_operator_is_made_anew_in_the_console() {
    let mut desk = Desk::new();
    desk.add("anna", &[Role::Operator]);
    for via in [Via::Certificate, Via::Console] {
        let own = desk.set_roles("anna", via, "anna", &[Role::Operator, Role::Analyst]);
        assert_eq!(own, Err(UserFault::OwnUser), "{via:?}");
    }
    assert_eq!(desk.enable("anna", "anna"), Err(UserFault::OwnUser));
    assert_eq!(desk.user("anna").roles, Some(roles(&[Role::Operator])));
    let reset = |desk: &mut Desk, via| {
        desk.change(move |node, now, rng| {
            node.reset_user(&operator("ben"), via, &name("anna"), now, rng).map(|(user, _)| user)
        })
    };
    assert_eq!(reset(&mut desk, Via::Console), Err(UserFault::CommandLineOnly));
    assert!(reset(&mut desk, Via::Certificate).is_ok());
    assert_eq!(desk.audited("console.change_refused"), 4);
    let twice = desk.house.node.create_user(
        &operator("ben"),
        Via::Certificate,
        name("anna"),
        roles(&[Role::Analyst]),
        desk.now,
        &mut desk.house.rng,
    );
    assert!(matches!(twice, Err(UserFault::Exists)));
    assert_eq!(desk.set_roles("ben", Via::Console, "nobody", &[Role::Analyst]), Err(UserFault::Unknown));
}

#[test]
fn compaction_leaves_a_user_as_it_is_and_of_a_removed_one_nothing_but_the_audit_log() {
    let mut desk = Desk::of_anna();
    let code = desk.add("gone-user", &[Role::Analyst]);
    for _ in 0..20 {
        assert!(desk.sign_in_right().is_some());
    }
    let (secret, recovery) = (desk.secret.take(), std::mem::take(&mut desk.recovery));
    desk.now = desk.now.plus_s(60);
    desk.enrol(&code).expect("enrols");
    desk.remove("gone-user");
    (desk.secret, desk.recovery) = (secret, recovery);
    let (user, rows) = (desk.user("anna").clone(), |desk: &Desk| {
        let (bytes, needle) = (desk.house.disk.bytes(), PASSWORD.as_bytes());
        bytes.windows(needle.len()).filter(|part| *part == needle).count()
    });
    assert!(rows(&desk) > 20);
    desk.house.node.compact(desk.now).expect("compacts");
    assert_eq!(rows(&desk), 1, "anna as she is");
    let mut desk = desk.restart();
    assert_eq!(desk.user("anna"), &user);
    assert!(desk.house.node.state().users.get(&name("gone-user")).is_none());
    assert!(desk.sign_in_right().is_some());
    assert_eq!(desk.audited("console.user_removed"), 1);
}

#[test]
fn a_session_that_ends_is_told_with_how_it_ended() {
    use hushwire::node::sign_in::SignOut;
    let mut desk = Desk::of_anna();
    let who = desk.session();
    for how in [SignOut::Asked, SignOut::Idle, SignOut::Age, SignOut::Room, SignOut::Replaced] {
        desk.house.node.signed_out(&who, how, desk.now, &mut desk.house.rng).expect("told");
        desk.house.node.sync().expect("syncs");
    }
    let told = desk.house.audited("console.signed_out", desk.now);
    let how: Vec<_> = told.iter().flat_map(|record| record.fields()).map(|(_, how)| how.to_owned()).collect();
    assert_eq!(how, ["asked", "idle", "age", "room", "replaced"]);
    let nobody = SessionUser { name: name("anna"), generation: Generation(1) };
    assert_eq!(desk.alive(&nobody), None);
}
