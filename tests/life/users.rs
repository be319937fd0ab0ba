//! Signing in to the console: codes pass once and tries run out whatever is restarted, floods leave no trace that grows, and of what
//! proves somebody nothing rests in the clear.

use hushwire::base::role::Role;
use hushwire::base::time::Timestamp;
use hushwire::domain::case::challenge::Code;
use hushwire::domain::user::UserState;
use hushwire::domain::user::code::EnrolmentCode;
use hushwire::domain::user::offer::Offer;
use hushwire::node::enrol::{EnrolFault, RecoveryCodes, Taken};
use hushwire::node::manage_users::Via;
use hushwire::node::sign_in::SessionUser;

use crate::consortium::START;
use crate::desk::{Desk, OFFER, PASSWORD, name, operator, proof, verifier};
use crate::house::House;

#[test]
fn a_user_is_made_enrols_and_signs_in_over_restarts() {
    let mut desk = Desk::new();
    let code = desk.add("anna", &[Role::Analyst, Role::Auditor]);
    let mut desk = desk.restart();
    assert_eq!(desk.sign_in("anna", None, "000000"), None, "not enrolled");
    desk.enrol(&code).expect("enrols");
    assert_eq!(desk.enrol(&code), Err(EnrolFault::Code), "a code enrols once");
    let mut desk = desk.restart();
    let signed_in = desk.sign_in_right().expect("right");
    assert_eq!((signed_in.user.as_str(), signed_in.roles.to_string().as_str()), ("anna", "analyst,auditor"));
    assert_eq!((signed_in.by_recovery_code, signed_in.recovery_left), (false, 10));
    let who = SessionUser { name: signed_in.user, generation: signed_in.generation };
    let mut desk = desk.restart();
    assert_eq!(
        desk.alive(&who),
        Some(signed_in.roles),
        "who it was is known; whether the session is, the console says"
    );
    let told =
        ["console.user_created", "console.user_enrolled", "console.signed_in"].map(|action| desk.audited(action));
    assert_eq!(told, [1, 1, 1]);
    let record = desk.house.audited("console.signed_in", START).remove(0);
    assert_eq!((record.actor(), record.subject()), ("hushwire://bank-a/console/anna", "anna"));
}

#[test]
fn an_enrolment_code_ends_after_a_day_and_another_takes_its_place() {
    let mut desk = Desk::new();
    let code = desk.add("anna", &[Role::Analyst]);
    let other = EnrolmentCode::typed(&"7".repeat(26)).expect("a code");
    assert_eq!(desk.enrol(&other), Err(EnrolFault::Code));
    desk.now = START.plus_s(24 * 3_600);
    assert_eq!(desk.enrol(&code), Err(EnrolFault::Code));
    assert_eq!(desk.user("anna").state(desk.now), UserState::InvitationOver);
    let again =
        desk.house.node.reset_user(&operator("desk"), Via::Certificate, &name("anna"), desk.now, &mut desk.house.rng);
    let (_, again) = again.expect("made anew");
    assert_eq!(desk.enrol(&code), Err(EnrolFault::Code), "the first one opens nothing any more");
    assert_eq!(desk.enrol(&again), Ok(()));
}

#[test]
fn a_wrong_first_code_enrols_nobody_and_the_offer_stays_as_it_was() {
    let mut desk = Desk::new();
    let code = desk.add("anna", &[Role::Analyst]);
    let user = desk.house.node.invited(&code, START).expect("invited").clone();
    let offered = desk.house.node.offered_totp(&user, &OFFER);
    let late = Taken { offer: OFFER, code: offered.code_at(START.plus_s(300)) };
    let refused = desk.house.node.check_offered(&user, &late, START);
    assert_eq!(refused, Err(EnrolFault::Totp), "five minutes off");
    let desk = desk.restart();
    let again = desk.house.node.offered_totp(&user, &OFFER);
    assert_eq!(again.base32(), offered.base32(), "nothing is kept, and it is the same");
}

#[test]
fn who_saw_one_offer_knows_nothing_of_the_one_that_is_taken() {
    let mut desk = Desk::new();
    let code = desk.add("anna", &[Role::Analyst]);
    let user = desk.house.node.invited(&code, START).expect("invited").clone();
    // Somebody else had the code for a moment, and looked.
    let seen = Offer::new([0xE1; 16]);
    let thief = desk.house.node.offered_totp(&user, &seen);
    let taken = Taken { offer: OFFER, code: thief.code_at(START) };
    assert_eq!(desk.house.node.check_offered(&user, &taken, START), Err(EnrolFault::Totp), "a code of another offer");
    desk.enrol(&code).expect("enrols");
    desk.now = desk.now.plus_s(60);
    let theirs = thief.code_at(desk.now).expose().to_owned();
    assert_eq!(desk.sign_in("anna", Some(PASSWORD), &theirs), None);
    assert!(desk.sign_in_right().is_some());
    // The same of another authenticator.
    let [one, other] = [seen, OFFER].map(|offer| desk.house.node.offered_totp(desk.user("anna"), &offer).base32());
    assert_ne!(one, other);
}

#[test]
fn enrolments_that_are_refused_are_counted_and_told_with_tries_to_sign_in() {
    let mut desk = Desk::new();
    for _ in 0..3 {
        desk.house.node.count_refused_enrolment(desk.now);
    }
    desk.house.tick(desk.now.plus_s(60));
    let told = desk.house.audited("console.sign_ins_refused", desk.now.plus_s(60));
    let fields: Vec<_> = told.iter().flat_map(|record| record.fields()).collect();
    assert!(fields.contains(&("enrolments", "3")) && fields.contains(&("unknown", "0")), "{fields:?}");
}

#[test]
fn a_code_of_the_authenticator_passes_once_over_restarts_and_the_step_of_the_enrolment_never() {
    let mut desk = Desk::new();
    let code = desk.add("anna", &[Role::Analyst]);
    desk.enrol(&code).expect("enrols");
    let first = desk.totp();
    assert_eq!(desk.sign_in("anna", Some(PASSWORD), &first), None, "it proved the authenticator");
    desk.now = desk.now.plus_s(60);
    let code = desk.totp();
    assert!(desk.sign_in("anna", Some(PASSWORD), &code).is_some());
    assert_eq!(desk.sign_in("anna", Some(PASSWORD), &code), None, "two browsers with one code");
    let mut desk = desk.restart();
    assert_eq!(desk.sign_in("anna", Some(PASSWORD), &code), None, "replayed");
}

#[test]
fn a_clock_half_a_minute_off_signs_in_and_one_minutes_off_is_refused_as_everything_else_is() {
    for (ahead, behind, taken) in
        [(0, 0, true), (30, 0, true), (0, 30, true), (61, 0, false), (0, 61, false), (300, 0, false)]
    {
        let mut desk = Desk::of_anna();
        let at = Timestamp::from_unix_s(desk.now.unix_s() / 30 * 30 + ahead - behind);
        desk.now = Timestamp::from_unix_s(desk.now.unix_s() / 30 * 30);
        let code = desk.totp_at(at);
        assert_eq!(desk.sign_in("anna", Some(PASSWORD), &code).is_some(), taken, "{ahead} s ahead, {behind} s behind");
    }
}

#[test]
fn a_recovery_code_passes_once_over_restarts_and_is_another_users_to_nobody() {
    let mut desk = Desk::of_anna();
    let code = desk.recovery[3].clone();
    assert_eq!(desk.sign_in("anna", None, &code), None, "without the password");
    let signed_in = desk.sign_in("anna", Some(PASSWORD), &code.to_uppercase()).expect("right");
    assert_eq!((signed_in.by_recovery_code, signed_in.recovery_left), (true, 9));
    assert_eq!(desk.sign_in("anna", Some(PASSWORD), &code), None);
    let (annas, annas_secret) = (desk.recovery.clone(), desk.secret.take());
    let ben = desk.add("ben", &[Role::Analyst]);
    desk.enrol(&ben).expect("enrols");
    assert_eq!(desk.sign_in("ben", Some(PASSWORD), &annas[5]), None);
    desk.now = desk.now.plus_s(60);
    let annas_code = annas_secret.expect("enrolled").code_at(desk.now).expose().to_owned();
    assert_eq!(desk.sign_in("ben", Some(PASSWORD), &annas_code), None);
    let mut desk = desk.restart();
    assert_eq!(desk.sign_in("anna", Some(PASSWORD), &code), None, "used before the restart");
}

#[test]
fn ten_wrong_tries_close_a_user_over_restarts_and_an_operator_opens_it() {
    let mut desk = Desk::of_anna();
    for _ in 0..5 {
        let code = desk.totp();
        assert_eq!(desk.sign_in("anna", None, &code), None, "a wrong password");
    }
    let mut desk = desk.restart();
    for _ in 0..5 {
        assert_eq!(desk.sign_in("anna", Some(PASSWORD), "000000"), None, "a wrong code");
    }
    assert_eq!((desk.audited("console.sign_in_refused"), desk.audited("console.user_closed")), (9, 1));
    let mut desk = desk.restart();
    assert_eq!(desk.sign_in_right(), None, "closed");
    desk.now = desk.now.plus_s(30 * 60 - 121);
    assert_eq!(desk.sign_in_right(), None, "to the last second");
    desk.now = desk.now.plus_s(1);
    let signed_in = desk.sign_in_right().expect("open again");
    assert_eq!((signed_in.before, signed_in.wrong_since), (None, 10), "who signs in learns of it");
    let first = desk.now;
    desk.sign_in("anna", None, "");
    let signed_in = desk.sign_in_right().expect("right");
    assert_eq!((signed_in.before, signed_in.wrong_since), (Some(first), 1));
    for _ in 0..10 {
        desk.sign_in("anna", None, "");
    }
    assert_eq!(desk.sign_in_right(), None);
    desk.enable("desk", "anna").expect("opens");
    assert!(desk.sign_in_right().is_some());
}

#[test]
fn a_crash_gives_no_try_and_no_code_back_that_was_answered_and_takes_none_that_was_not() {
    let mut desk = Desk::of_anna();
    let before = desk.house.disk.copy();
    let code = desk.recovery[0].clone();
    assert!(desk.sign_in("anna", Some(PASSWORD), &code).is_some());
    for _ in 0..4 {
        desk.sign_in("anna", None, "");
    }
    let mut after = House::open(&desk.consortium, 0, desk.house.disk.clone(), desk.now);
    std::mem::swap(&mut after, &mut desk.house);
    assert_eq!(desk.user("anna").tries.wrong, 4);
    assert_eq!(desk.sign_in("anna", Some(PASSWORD), &code), None);
    // The machine stopped before any of it was on the disk.
    desk.house = House::open(&desk.consortium, 0, before, desk.now);
    assert_eq!(desk.user("anna").tries.wrong, 0);
    assert!(desk.sign_in("anna", Some(PASSWORD), &code).is_some());
}

#[test]
fn a_flood_of_names_nobody_has_and_of_closed_users_becomes_one_record_a_minute() {
    let mut desk = Desk::of_anna();
    for _ in 0..10 {
        desk.sign_in("anna", None, "");
    }
    let before = (desk.house.disk.bytes().len(), desk.house.node.state().audit.size());
    for round in 0..500 {
        assert_eq!(desk.sign_in(&format!("guess-{round}"), None, "123456"), None);
        assert_eq!(desk.sign_in("4111 1111 1111 1111", Some(PASSWORD), "123456"), None, "no name at all");
        assert_eq!(desk.sign_in("anna", Some(PASSWORD), "123456"), None);
    }
    assert_eq!((desk.house.disk.bytes().len(), desk.house.node.state().audit.size()), before);
    desk.house.tick(desk.now.plus_s(59));
    assert_eq!(desk.audited("console.sign_ins_refused"), 0);
    desk.house.tick(desk.now.plus_s(60));
    desk.house.tick(desk.now.plus_s(61));
    let told = desk.house.audited("console.sign_ins_refused", desk.now);
    let fields: Vec<_> = told.iter().flat_map(|record| record.fields()).collect();
    assert_eq!(told.len(), 1);
    assert!(fields.contains(&("unknown", "1000")) && fields.contains(&("closed", "500")), "{fields:?}");
    assert!(!desk.on_disk(b"guess-7") && !desk.on_disk(b"4111"), "what was typed is not kept");
}

#[test]
fn what_proves_somebody_rests_hashed_or_sealed_alone() {
    let mut desk = Desk::new();
    let code = desk.add("anna", &[Role::Analyst]);
    desk.enrol(&code).expect("enrols");
    let who = desk.session();
    let typed = desk.totp_at(desk.now.plus_s(60));
    desk.now = desk.now.plus_s(60);
    let proof = proof(Some(PASSWORD), &typed);
    let renewed = desk.house.node.renew_recovery_codes(&who, &proof, desk.now, &mut desk.house.rng);
    let RecoveryCodes(renewed) = renewed.expect("proved");
    desk.house.node.sync().expect("syncs");
    let secret = desk.secret.as_ref().expect("enrolled").base32();
    let raw = totp_rs::Secret::try_from_base32(secret.as_str()).expect("base 32");
    assert!(!desk.on_disk(raw.as_ref()) && !desk.on_disk(secret.as_bytes()));
    let mut codes = desk.recovery.clone();
    codes.push(code.reveal().to_string());
    codes.extend(renewed.iter().map(|code| code.reveal().to_string()));
    assert_eq!(codes.len(), 21);
    for code in codes {
        assert!(!desk.on_disk(code.as_bytes()) && !desk.on_disk(code.replace('-', "").as_bytes()), "{code}");
    }
    assert!(!desk.on_disk(typed.as_bytes()));
    assert!(desk.on_disk(PASSWORD.as_bytes()), "the password's hash is what is kept: the search finds what there is");
}

#[test]
fn in_a_session_ten_wrong_proofs_end_it_and_a_right_one_is_used_up() {
    let mut desk = Desk::of_anna();
    let who = desk.session();
    desk.now = desk.now.plus_s(60);
    let code = desk.totp();
    let prove = |desk: &mut Desk, password: Option<&str>, code: &str| {
        let proof = proof(password, code);
        let right = desk.house.node.reauthenticate(&who, &proof, desk.now, &mut desk.house.rng).expect("takes it");
        desk.house.node.sync().expect("syncs");
        right
    };
    assert!(prove(&mut desk, Some(PASSWORD), &code));
    assert!(!prove(&mut desk, Some(PASSWORD), &code), "once");
    for _ in 0..8 {
        assert!(!prove(&mut desk, None, "000000"));
    }
    assert!(desk.alive(&who).is_some());
    assert!(!prove(&mut desk, None, "000000"));
    assert_eq!(desk.alive(&who), None);
    desk.now = desk.now.plus_s(60);
    let code = desk.totp();
    assert!(!prove(&mut desk, Some(PASSWORD), &code), "the session proves nothing any more");
    assert!(desk.sign_in_right().is_some());
    let told = ["console.reauthenticated", "console.reauthentication_refused", "console.sessions_ended"];
    assert_eq!(told.map(|action| desk.audited(action)), [1, 9, 1]);
}

#[test]
fn another_password_ends_all_other_sessions_and_the_old_one_opens_nothing() {
    let mut desk = Desk::of_anna();
    let (one, two) = (desk.session(), desk.session());
    assert_eq!(one, two, "both are of one generation");
    desk.now = desk.now.plus_s(60);
    let wrong = proof(None, &desk.totp());
    let other = verifier("$argon2id$of-another");
    let refused = desk.house.node.change_password(&one, &wrong, other.clone(), desk.now, &mut desk.house.rng);
    assert_eq!(refused, Err(EnrolFault::Proof));
    let right = proof(Some(PASSWORD), &desk.totp());
    let changed = desk.house.node.change_password(&one, &right, other, desk.now, &mut desk.house.rng);
    let next = SessionUser { name: one.name.clone(), generation: changed.expect("proved") };
    desk.house.node.sync().expect("syncs");
    assert!(desk.alive(&next).is_some() && desk.alive(&two).is_none());
    assert_eq!(desk.sign_in_right(), None, "the old password, also where it was hashed before it was changed");
    desk.now = desk.now.plus_s(60);
    let code = desk.totp();
    assert!(desk.sign_in("anna", Some("$argon2id$of-another"), &code).is_some());
}

#[test]
fn another_authenticator_takes_the_place_of_the_lost_one_by_a_recovery_code() {
    let mut desk = Desk::of_anna();
    let who = desk.session();
    let offered = desk.house.node.offered_totp(desk.user("anna"), &OFFER);
    let new = Taken { offer: OFFER, code: offered.code_at(desk.now) };
    let late = Taken { offer: OFFER, code: offered.code_at(desk.now.plus_s(600)) };
    let other = Taken { offer: Offer::new([1; 16]), code: offered.code_at(desk.now) };
    let recovery = proof(Some(PASSWORD), &desk.recovery[0].clone());
    let refused = desk.house.node.renew_totp(&who, &recovery, &late, desk.now, &mut desk.house.rng);
    assert_eq!(refused, Err(EnrolFault::Totp));
    let refused = desk.house.node.renew_totp(&who, &recovery, &other, desk.now, &mut desk.house.rng);
    assert_eq!(refused, Err(EnrolFault::Totp), "another offer's");
    assert_eq!(desk.user("anna").credentials().expect("enrolled").recovery.len(), 10, "no code went for nothing");
    let changed = desk.house.node.renew_totp(&who, &recovery, &new, desk.now, &mut desk.house.rng);
    desk.house.node.sync().expect("syncs");
    assert!(changed.is_ok() && desk.alive(&who).is_none());
    assert_eq!(desk.sign_in_right(), None, "the lost one opens nothing");
    desk.secret = Some(offered);
    assert!(desk.sign_in_right().is_some());
    let again = desk.house.node.offered_totp(desk.user("anna"), &OFFER).base32();
    assert_ne!(again, desk.secret.as_ref().expect("enrolled").base32(), "the next offer is another");
}

#[test]
fn a_code_typed_in_any_digits_but_ascii_is_none() {
    assert!(Code::typed("１２３４５６").is_err());
    let mut desk = Desk::of_anna();
    for code in ["１２３４５６", "", "12345", "0000-0000-0000-0000-0000-0000", "' OR 1=1 --"] {
        assert_eq!(desk.sign_in("anna", Some(PASSWORD), code), None, "{code}");
    }
}
