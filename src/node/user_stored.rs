//! Users of the console as the journal keeps them: each row replaces the one before it. No password stands here but hashed, no code
//! but its keyed hash, no secret of an authenticator but sealed.

use std::fmt::Display;

use prost::Message;

use crate::base::bytes::LocalMac;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::user::name::UserName;
use crate::domain::user::password::Verifier;
use crate::domain::user::roles::ConsoleRoles;
use crate::domain::user::{Credentials, Generation, Invitation, RolesAsked, Standing, Tries, User};
use crate::node::state::damaged;
use crate::node::store::StorageFault;

/// A user as it is from now on.
#[derive(Clone, PartialEq, Message)]
pub struct UserChanged {
    #[prost(string, tag = "1")]
    pub name: String,
    /// By their names; empty while a first role waits for a second operator.
    #[prost(string, repeated, tag = "2")]
    pub roles: Vec<String>,
    #[prost(message, optional, tag = "3")]
    pub invitation: Option<StoredInvitation>,
    #[prost(message, optional, tag = "4")]
    pub credentials: Option<StoredCredentials>,
    #[prost(bool, tag = "5")]
    pub disabled: bool,
    #[prost(fixed64, tag = "6")]
    pub generation: u64,
    /// Milliseconds since 1970.
    #[prost(uint64, tag = "7")]
    pub created_ms: u64,
    #[prost(string, tag = "8")]
    pub created_by: String,
    #[prost(uint32, tag = "9")]
    pub wrong: u32,
    #[prost(uint64, optional, tag = "10")]
    pub closed_until_ms: Option<u64>,
    #[prost(uint32, tag = "11")]
    pub wrong_in_session: u32,
    #[prost(message, optional, tag = "12")]
    pub asked: Option<StoredRolesAsked>,
}

/// A user was removed.
#[derive(Clone, PartialEq, Message)]
pub struct UserRemoved {
    #[prost(string, tag = "1")]
    pub name: String,
}

/// A code that enrols.
#[derive(Clone, PartialEq, Message)]
pub struct StoredInvitation {
    /// Keyed hash of the code, 32 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub code: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub until_ms: u64,
}

/// What proves a user.
#[derive(Clone, PartialEq, Message)]
pub struct StoredCredentials {
    /// In the PHC string format.
    #[prost(string, tag = "1")]
    pub verifier: String,
    /// As `domain/case/totp.rs` seals it.
    #[prost(bytes = "vec", tag = "2")]
    pub totp: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub used_step: u64,
    /// Keyed hashes of the recovery codes that are left, 32 bytes each.
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub recovery: Vec<Vec<u8>>,
    #[prost(uint64, tag = "5")]
    pub enrolled_ms: u64,
    #[prost(uint64, tag = "6")]
    pub password_set_ms: u64,
    #[prost(uint64, optional, tag = "7")]
    pub signed_in_ms: Option<u64>,
}

/// Roles that wait for a second operator.
#[derive(Clone, PartialEq, Message)]
pub struct StoredRolesAsked {
    #[prost(string, repeated, tag = "1")]
    pub roles: Vec<String>,
    /// The name of the person who asked.
    #[prost(string, tag = "2")]
    pub person: String,
    #[prost(uint64, tag = "3")]
    pub at_ms: u64,
}

pub(in crate::node) fn stored_user(user: &User) -> UserChanged {
    let (invitation, credentials) = match &user.standing {
        Standing::Invited(invitation) => (Some(stored_invitation(invitation)), None),
        Standing::Enrolled(credentials) => (None, Some(stored_credentials(credentials))),
    };
    UserChanged {
        name: user.name.to_string(),
        roles: user.roles.as_ref().map(role_names).unwrap_or_default(),
        invitation,
        credentials,
        disabled: user.disabled,
        generation: user.generation.0,
        created_ms: user.created.unix_ms(),
        created_by: user.created_by.clone(),
        wrong: user.tries.wrong,
        closed_until_ms: user.tries.closed_until.map(Timestamp::unix_ms),
        wrong_in_session: user.tries.wrong_in_session,
        asked: user.asked.as_ref().map(|asked| StoredRolesAsked {
            roles: role_names(&asked.roles),
            person: asked.person.clone(),
            at_ms: asked.at.unix_ms(),
        }),
    }
}

pub(in crate::node) fn read_user(stored: &UserChanged) -> Result<User, StorageFault> {
    let standing = match (&stored.invitation, &stored.credentials) {
        (Some(invitation), None) => Standing::Invited(Invitation {
            code: read_mac(&invitation.code)?,
            until: Timestamp::from_unix_ms(invitation.until_ms),
        }),
        (None, Some(credentials)) => Standing::Enrolled(read_credentials(credentials)?),
        (Some(_), Some(_)) | (None, None) => return Err(broken("neither invited nor enrolled, or both")),
    };
    let asked = stored.asked.as_ref().map(|asked| {
        let at = Timestamp::from_unix_ms(asked.at_ms);
        Ok(RolesAsked { roles: read_roles(&asked.roles)?, person: asked.person.clone(), at })
    });
    Ok(User {
        name: read_name(&stored.name)?,
        roles: if stored.roles.is_empty() { None } else { Some(read_roles(&stored.roles)?) },
        standing,
        disabled: stored.disabled,
        generation: Generation(stored.generation),
        created: Timestamp::from_unix_ms(stored.created_ms),
        created_by: stored.created_by.clone(),
        tries: Tries {
            wrong: stored.wrong,
            closed_until: stored.closed_until_ms.map(Timestamp::from_unix_ms),
            wrong_in_session: stored.wrong_in_session,
        },
        asked: asked.transpose()?,
    })
}

pub(in crate::node) fn read_name(text: &str) -> Result<UserName, StorageFault> {
    UserName::kept(text).map_err(broken)
}

fn stored_invitation(invitation: &Invitation) -> StoredInvitation {
    StoredInvitation { code: invitation.code.0.to_vec(), until_ms: invitation.until.unix_ms() }
}

fn stored_credentials(credentials: &Credentials) -> StoredCredentials {
    StoredCredentials {
        verifier: credentials.verifier.as_phc().to_owned(),
        totp: credentials.totp.clone(),
        used_step: credentials.used_step,
        recovery: credentials.recovery.iter().map(|code| code.0.to_vec()).collect(),
        enrolled_ms: credentials.enrolled.unix_ms(),
        password_set_ms: credentials.password_set.unix_ms(),
        signed_in_ms: credentials.signed_in.map(Timestamp::unix_ms),
    }
}

fn read_credentials(stored: &StoredCredentials) -> Result<Credentials, StorageFault> {
    Ok(Credentials {
        verifier: Verifier::new(stored.verifier.clone()),
        totp: stored.totp.clone(),
        used_step: stored.used_step,
        recovery: stored.recovery.iter().map(|code| read_mac(code)).collect::<Result<_, _>>()?,
        enrolled: Timestamp::from_unix_ms(stored.enrolled_ms),
        password_set: Timestamp::from_unix_ms(stored.password_set_ms),
        signed_in: stored.signed_in_ms.map(Timestamp::from_unix_ms),
    })
}

fn role_names(roles: &ConsoleRoles) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}

fn read_roles(names: &[String]) -> Result<ConsoleRoles, StorageFault> {
    let roles: Vec<Role> = names.iter().map(|name| name.parse().map_err(broken)).collect::<Result<_, _>>()?;
    ConsoleRoles::new(roles).map_err(broken)
}

fn read_mac(bytes: &[u8]) -> Result<LocalMac, StorageFault> {
    LocalMac::try_from(bytes).map_err(broken)
}

pub(in crate::node) fn broken(error: impl Display) -> StorageFault {
    damaged("user", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> [User; 2] {
        let roles = ConsoleRoles::new([Role::Auditor, Role::Operator]).expect("roles of people");
        let at = Timestamp::from_unix_ms;
        let invited = User {
            roles: None,
            asked: Some(RolesAsked { roles: roles.clone(), person: "ben".to_owned(), at: at(5) }),
            ..User::invited(
                "anna".parse().expect("a name"),
                None,
                LocalMac([1; 32]),
                "hushwire://shop/operator/ben".to_owned(),
                Generation(u64::MAX),
                at(4),
            )
        };
        let credentials = Credentials {
            verifier: Verifier::new("$argon2id$".to_owned()),
            totp: vec![5; 60],
            used_step: 7,
            recovery: vec![LocalMac([2; 32]), LocalMac([3; 32])],
            enrolled: at(8),
            password_set: at(9),
            signed_in: Some(at(10)),
        };
        let mut enrolled = User { roles: Some(roles), asked: None, ..invited.clone() };
        enrolled.enrol(credentials, Generation(2));
        enrolled.disabled = true;
        enrolled.tries = Tries { wrong: 3, closed_until: Some(at(11)), wrong_in_session: 2 };
        [invited, enrolled]
    }

    #[test]
    fn a_user_survives_its_bytes() {
        for user in users() {
            let bytes = stored_user(&user).encode_to_vec();
            let stored = UserChanged::decode(bytes.as_slice()).expect("as written");
            assert_eq!(read_user(&stored), Ok(user));
        }
    }

    #[test]
    fn a_row_that_no_user_has_is_damage() {
        let [invited, enrolled] = users().map(|user| stored_user(&user));
        let both = UserChanged { credentials: enrolled.credentials.clone(), ..invited.clone() };
        let neither = UserChanged { invitation: None, ..invited.clone() };
        let screener = UserChanged { roles: vec!["screener".to_owned()], ..enrolled.clone() };
        let nameless = UserChanged { name: String::new(), ..enrolled };
        let short = UserChanged { invitation: Some(StoredInvitation { code: vec![1], until_ms: 0 }), ..invited };
        for row in [both, neither, screener, nameless, short] {
            assert!(matches!(read_user(&row), Err(StorageFault::Damaged(_))), "{row:?}");
        }
    }
}
