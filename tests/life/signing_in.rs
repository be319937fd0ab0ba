//! Signing in as the console does it: passwords hashed beside the engine, floods told to come back, one answer for whatever is wrong.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hushwire::base::role::Role;
use hushwire::base::time::Timestamp;
use hushwire::domain::user::UserState;
use hushwire::domain::user::password::Password;
use hushwire::domain::user::roles::ConsoleRoles;
use hushwire::io::clock;
use hushwire::io::transport::caller::LocalCaller;
use hushwire::io::users::strength::WeakPassword;
use hushwire::io::users::{ChangeRefused, SignInRefused, TotpOffer, Users};
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::manage_users::Via;
use hushwire::node::sign_in::{SessionUser, SignOut};
use hushwire::node::users::ShownUsers;
use totp_rs::{Algorithm, Builder, Secret};

use crate::consortium::Consortium;
use crate::house::{Disk, House, engine_of};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const GOOD: &str = "tulpe wandert nachts";

type TestUsers = Users<Disk, MemoryViews>;

struct Console {
    users: TestUsers,
    disk: Disk,
}

fn console() -> Console {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), clock::now());
    let shown = ShownUsers::default();
    house.node.show_users_in(Arc::clone(&shown));
    let local_mac = house.node.state().identity.local_mac.clone();
    let House { node, disk, .. } = house;
    let (engine, _thread) = engine_of(node, Duration::from_millis(20));
    Console { users: Users::new(engine, shown, local_mac), disk }
}

fn password(text: &str) -> Password {
    Password::typed(text).expect("short")
}

/// What an authenticator shows that took this secret in.
fn totp(secret: &str, at: Timestamp) -> String {
    let secret = Secret::try_from_base32(secret).expect("base 32");
    let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30).with_secret(secret);
    totp.build_noncompliant().generate(at.unix_s()).to_string()
}

/// What anna keeps.
struct Anna {
    secret: String,
    /// The code of the step after the one she enrolled with: good for whoever is at it within the minute.
    next: String,
    recovery: Vec<String>,
}

impl Console {
    /// Makes the user anna; her enrolment code.
    async fn add(&self) -> String {
        let roles = ConsoleRoles::new([Role::Analyst]).expect("a role of people");
        let operator = LocalCaller::from_uri("hushwire://bank-a/operator/desk").expect("valid");
        let invited = self.users.create(&operator, Via::Certificate, "anna".parse().expect("a name"), roles);
        invited.await.expect("made").code.reveal().to_string()
    }

    /// Anna, enrolled.
    async fn anna(&self) -> Anna {
        let code = self.add().await;
        let offer = self.users.enrol_begin(&code, None).await.expect("offered");
        // With the present step. The next one is taken whenever it is shown within the minute after; one step back would not be.
        let now = clock::now();
        let enrolled = self.users.enrol(&code, password(GOOD), offer.offer, &totp(&offer.secret, now), HERE).await;
        let (name, codes) = enrolled.expect("enrols");
        assert_eq!((name.as_str(), codes.0.len()), ("anna", 10));
        Anna {
            next: totp(&offer.secret, now.plus_s(30)),
            secret: offer.secret.to_string(),
            recovery: codes.0.iter().map(|code| code.reveal().to_string()).collect(),
        }
    }

    async fn sign_in(&self, name: &str, typed: &str, code: &str) -> Result<SessionUser, SignInRefused> {
        let signed_in = self.users.sign_in(name, password(typed), code, HERE).await?;
        Ok(SessionUser { name: signed_in.user, generation: signed_in.generation })
    }
}

#[tokio::test]
async fn a_code_leads_to_an_offer_an_enrolment_and_a_session() {
    let console = console();
    let code = console.add().await;
    let offer = console.users.enrol_begin(&code.to_uppercase(), None).await.expect("offered");
    let TotpOffer { user, offer: taken, secret, uri } = &offer;
    let expected = format!("otpauth://totp/Hushwire%20bank-a:anna?secret={}&issuer=Hushwire%20bank-a", secret.as_str());
    assert_eq!((user.as_str(), uri.as_str()), ("anna", expected.as_str()));
    assert!(!format!("{offer:?}").contains(secret.as_str()));
    let again = console.users.enrol_begin(&code, Some(*taken)).await.expect("offered");
    assert_eq!(again.secret, *secret, "the same offer, shown again");
    let other = console.users.enrol_begin(&code, None).await.expect("offered");
    assert_ne!(other.secret, *secret, "another one");
    assert_eq!(console.users.enrol_begin("nonsense", None).await.err(), Some(ChangeRefused::EnrolmentCode));

    let now = clock::now();
    let first = totp(secret, now);
    let enrol = async |typed: &str, totp: &str| {
        console.users.enrol(&code, password(typed), *taken, totp, HERE).await.map(|_| ())
    };
    assert_eq!(enrol(GOOD, "000000 0").await, Err(ChangeRefused::Totp));
    assert_eq!(enrol(GOOD, &totp(secret, now.plus_s(600))).await, Err(ChangeRefused::Totp), "minutes off");
    let short = ChangeRefused::Password(WeakPassword::Short { least: 12, got: 7 });
    assert_eq!(enrol("geheim1", &first).await, Err(short));
    let weak = enrol("anna-bank-a-anna", &first).await;
    assert!(matches!(weak, Err(ChangeRefused::Password(WeakPassword::Guessed { .. }))), "{weak:?}");
    assert_eq!(enrol(GOOD, &first).await, Ok(()), "none of it used the code up");

    let signed_in = console.users.sign_in(" Anna ", password(GOOD), &totp(secret, now.plus_s(30)), HERE).await;
    let signed_in = signed_in.expect("right");
    let who = SessionUser { name: signed_in.user, generation: signed_in.generation };
    assert_eq!(console.users.alive(&who), ConsoleRoles::new([Role::Analyst]).ok());
    console.users.signed_out(&who, SignOut::Asked).await.expect("told");
    let rows = console.users.list().await.expect("answered");
    assert_eq!((rows.len(), rows[0].state, rows[0].recovery_left), (1, UserState::Active, 10));
    assert!(rows[0].signed_in.is_some() && rows[0].created_by == "hushwire://bank-a/operator/desk");
    let stands = |text: &str| console.disk.bytes().windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!stands(GOOD) && !stands(secret) && !stands(&code) && stands("$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[tokio::test]
async fn whatever_is_wrong_is_answered_alike_and_at_the_same_time() {
    let console = console();
    let anna = console.anna().await;
    let code = anna.next;
    for (name, typed, code) in [
        ("anna", GOOD, "000000"),
        ("anna", "another password", code.as_str()),
        ("nobody", GOOD, code.as_str()),
        ("4111 1111 1111 1111", GOOD, code.as_str()),
        ("anna", "", ""),
    ] {
        let begun = Instant::now();
        assert_eq!(console.sign_in(name, typed, code).await, Err(SignInRefused::Denied), "{name}");
        // Not when it was found out: `io::users` shows that all of one step are told at one moment.
        assert!(begun.elapsed() >= Duration::from_millis(500), "{name}: {:?}", begun.elapsed());
    }
    assert!(console.sign_in("anna", GOOD, &code).await.is_ok());
}

#[tokio::test]
async fn a_flood_is_told_to_come_back_and_another_address_gets_through() {
    let console = console();
    let anna = console.anna().await;
    let flood: Vec<_> = (0..40)
        .map(|_| {
            let users = console.users.clone();
            tokio::spawn(async move {
                let flooder = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
                users.sign_in("nobody", password("a password of a flood"), "123456", flooder).await.map(|_| ())
            })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(console.sign_in("anna", GOOD, &anna.next).await.is_ok());
    let mut busy = 0;
    for one in flood {
        match one.await.expect("no panic") {
            Err(SignInRefused::Busy { retry_after_ms }) => {
                assert!(retry_after_ms >= 1_000);
                busy += 1;
            }
            other => assert_eq!(other, Err(SignInRefused::Denied)),
        }
    }
    assert_eq!(busy, 36, "four of one address are looked at");
}

#[tokio::test]
async fn two_browsers_with_one_code_do_not_both_get_in() {
    let console = console();
    let code = console.anna().await.next;
    let (one, two) = tokio::join!(console.sign_in("anna", GOOD, &code), console.sign_in("anna", GOOD, &code));
    assert_eq!([one.is_ok(), two.is_ok()].into_iter().filter(|right| *right).count(), 1, "{one:?} {two:?}");
}

#[tokio::test]
async fn somebody_changes_their_own_with_what_proves_it_again() {
    let console = console();
    let Anna { secret, next: code, recovery } = console.anna().await;
    let who = console.sign_in("anna", GOOD, &code).await.expect("right");
    let next = recovery[0].clone();
    let users = &console.users;
    let change =
        async |old: &str, new: &str| users.change_password(&who, password(old), &next, password(new), HERE).await;
    let weak = change(GOOD, "aaaaaaaaaaaaaaaa").await;
    assert!(matches!(weak, Err(ChangeRefused::Password(WeakPassword::Guessed { .. }))), "{weak:?}");
    let wrong = change("wrong", "lampe trinkt kaffee").await;
    assert_eq!(wrong, Err(ChangeRefused::Proof(SignInRefused::Denied)));
    let generation = change(GOOD, "lampe trinkt kaffee").await.expect("proved");
    assert_eq!(users.alive(&who), None);
    let who = SessionUser { generation, ..who };
    assert!(users.alive(&who).is_some());
    let offer = users.totp_offer(&who, None).await.expect("offered");
    assert_ne!(offer.secret.as_str(), secret);
    let again = users.totp_offer(&who, None).await.expect("offered");
    assert_ne!(offer.secret, again.secret, "each offer is another");
    assert_eq!(users.totp_offer(&who, Some(offer.offer)).await.expect("offered").secret, offer.secret);
    let reused = users.renew_recovery_codes(&who, password("lampe trinkt kaffee"), &next, HERE).await;
    assert_eq!(reused.err(), Some(ChangeRefused::Proof(SignInRefused::Denied)), "the code is used up");
    let again = users.reauthenticate(&who, password("lampe trinkt kaffee"), &next, HERE).await;
    assert_eq!(again, Err(SignInRefused::Denied));
}
