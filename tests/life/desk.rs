//! A console over a node in memory, with the user anna and her authenticator.

use hushwire::base::bytes::LocalMac;
use hushwire::base::role::Role;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::console::Place;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::case::totp::TotpSecret;
use hushwire::domain::user::User;
use hushwire::domain::user::code::{EnrolmentCode, SecondFactor};
use hushwire::domain::user::name::UserName;
use hushwire::domain::user::offer::Offer;
use hushwire::domain::user::password::Verifier;
use hushwire::domain::user::roles::ConsoleRoles;
use hushwire::node::enrol::{EnrolFault, RecoveryCodes, Taken};
use hushwire::node::manage_users::{UserFault, Via};
use hushwire::node::sign_in::{Proof, SessionUser, SignedIn};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House};

pub const PASSWORD: &str = "$argon2id$of-the-right-password";

/// The offer whose secret everybody here takes.
pub const OFFER: Offer = Offer::new([0x5A; 16]);

pub fn operator(name: &str) -> Actor {
    Actor::Local { member: "bank-a".parse().expect("valid"), role: "operator", name: name.to_owned() }
}

pub fn name(text: &str) -> UserName {
    text.parse().expect("a name")
}

pub fn roles(roles: &[Role]) -> ConsoleRoles {
    ConsoleRoles::new(roles.iter().copied()).expect("roles of people")
}

pub fn verifier(text: &str) -> Verifier {
    Verifier::new(text.to_owned())
}

pub fn proof(password: Option<&str>, code: &str) -> Proof {
    Proof { password: password.map(verifier), code: SecondFactor::typed(code), place: Place(LocalMac([7; 32])) }
}

/// A console over a node in memory.
pub struct Desk {
    pub consortium: Consortium,
    pub house: House,
    pub now: Timestamp,
    /// As an authenticator has it.
    pub secret: Option<TotpSecret>,
    pub recovery: Vec<String>,
}

impl Desk {
    pub fn new() -> Self {
        let consortium = Consortium::new(&["bank-a"]);
        let house = House::open(&consortium, 0, Disk::default(), START);
        let mut desk = Self { consortium, house, now: START, secret: None, recovery: Vec::new() };
        desk.house.tick(START);
        desk
    }

    /// One with the user anna, enrolled, an hour later.
    pub fn of_anna() -> Self {
        let mut desk = Self::new();
        let code = desk.add("anna", &[Role::Analyst]);
        desk.enrol(&code).expect("enrols");
        desk.now = desk.now.plus_s(3_600);
        desk
    }

    pub fn restart(self) -> Self {
        let Self { consortium, house, now, secret, recovery } = self;
        let house = House::open(&consortium, 0, house.disk, now);
        Self { consortium, house, now, secret, recovery }
    }

    pub fn add(&mut self, user: &str, of: &[Role]) -> EnrolmentCode {
        let made = self.house.node.create_user(
            &operator("desk"),
            Via::Certificate,
            name(user),
            roles(of),
            self.now,
            &mut self.house.rng,
        );
        self.house.node.sync().expect("syncs");
        made.expect("made").1
    }

    pub fn enrol(&mut self, code: &EnrolmentCode) -> Result<(), EnrolFault> {
        let user = self.house.node.invited(code, self.now)?.clone();
        let secret = self.house.node.offered_totp(&user, &OFFER);
        let taken = Taken { offer: OFFER, code: secret.code_at(self.now) };
        let place = Place(LocalMac([7; 32]));
        let enrolled = self.house.node.enrol(code, verifier(PASSWORD), &taken, place, self.now, &mut self.house.rng);
        self.house.node.sync().expect("syncs");
        let (_, RecoveryCodes(recovery)) = enrolled?;
        self.recovery = recovery.iter().map(|code| code.reveal().to_string()).collect();
        self.secret = Some(secret);
        Ok(())
    }

    pub fn totp(&self) -> String {
        self.totp_at(self.now)
    }

    pub fn totp_at(&self, at: Timestamp) -> String {
        self.secret.as_ref().expect("enrolled").code_at(at).expose().to_owned()
    }

    pub fn sign_in(&mut self, user: &str, password: Option<&str>, code: &str) -> Option<SignedIn> {
        let user = UserName::typed(user).ok();
        let proof = proof(password, code);
        let signed_in = self.house.node.sign_in(user.as_ref(), &proof, self.now, &mut self.house.rng);
        self.house.node.sync().expect("syncs");
        signed_in.expect("the store takes it")
    }

    /// With a code of its own each time.
    pub fn sign_in_right(&mut self) -> Option<SignedIn> {
        self.now = self.now.plus_s(60);
        let code = self.totp();
        self.sign_in("anna", Some(PASSWORD), &code)
    }

    pub fn session(&mut self) -> SessionUser {
        let signed_in = self.sign_in_right().expect("right");
        SessionUser { name: signed_in.user, generation: signed_in.generation }
    }

    pub fn user(&self, user: &str) -> &User {
        self.house.node.state().users.get(&name(user)).expect("there is one")
    }

    pub fn alive(&self, who: &SessionUser) -> Option<ConsoleRoles> {
        self.house.node.state().users.get(&who.name)?.alive(who.generation).cloned()
    }

    pub fn change(
        &mut self,
        change: impl FnOnce(&mut crate::house::TestNode, Timestamp, &mut rand::rngs::StdRng) -> Result<User, UserFault>,
    ) -> Result<User, UserFault> {
        let changed = change(&mut self.house.node, self.now, &mut self.house.rng);
        self.house.node.sync().expect("syncs");
        changed
    }

    pub fn set_roles(&mut self, caller: &str, via: Via, user: &str, of: &[Role]) -> Result<User, UserFault> {
        let (caller, user, of) = (operator(caller), name(user), roles(of));
        self.change(move |node, now, rng| node.set_user_roles(&caller, via, &user, of, now, rng))
    }

    pub fn confirm(&mut self, caller: &str, user: &str, seen: &[Role]) -> Result<User, UserFault> {
        let (caller, user, seen) = (operator(caller), name(user), roles(seen));
        self.change(move |node, now, rng| node.confirm_user_roles(&caller, &user, &seen, now, rng))
    }

    pub fn disable(&mut self, user: &str) -> Result<User, UserFault> {
        let user = name(user);
        self.change(move |node, now, rng| node.disable_user(&operator("desk"), &user, now, rng))
    }

    pub fn enable(&mut self, caller: &str, user: &str) -> Result<User, UserFault> {
        let (caller, user) = (operator(caller), name(user));
        self.change(move |node, now, rng| node.enable_user(&caller, &user, now, rng))
    }

    pub fn remove(&mut self, user: &str) {
        let removed = self.house.node.remove_user(&operator("desk"), &name(user), self.now, &mut self.house.rng);
        removed.expect("there is one");
        self.house.node.sync().expect("syncs");
    }

    pub fn audited(&mut self, action: &str) -> usize {
        self.house.audited(action, self.now).len()
    }

    pub fn on_disk(&self, bytes: &[u8]) -> bool {
        self.house.disk.bytes().windows(bytes.len()).any(|part| part == bytes)
    }
}
