//! A user as lists show it.

use crate::base::time::Timestamp;
use crate::domain::user::code::EnrolmentCode;
use crate::domain::user::name::UserName;
use crate::domain::user::roles::ConsoleRoles;
use crate::domain::user::{RolesAsked, Standing, User, UserState};

/// What others may see of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    pub name: UserName,
    /// None while a first role waits for a second operator.
    pub roles: Option<ConsoleRoles>,
    pub state: UserState,
    /// Until when the code enrols, or the user is closed.
    pub until: Option<Timestamp>,
    pub created: Timestamp,
    /// As the audit log names callers.
    pub created_by: String,
    pub signed_in: Option<Timestamp>,
    pub recovery_left: usize,
    /// Roles that wait for a second operator.
    pub asked: Option<RolesAsked>,
}

impl UserRow {
    pub fn of(user: &User, now: Timestamp) -> Self {
        let state = user.state(now);
        let until = match (&user.standing, state) {
            (Standing::Invited(invitation), UserState::Invited) => Some(invitation.until),
            (Standing::Enrolled(_), UserState::Closed) => user.tries.closed_until,
            (Standing::Invited(_) | Standing::Enrolled(_), _) => None,
        };
        let credentials = user.credentials();
        Self {
            name: user.name.clone(),
            roles: user.roles.clone(),
            state,
            until,
            created: user.created,
            created_by: user.created_by.clone(),
            signed_in: credentials.and_then(|credentials| credentials.signed_in),
            recovery_left: credentials.map_or(0, |credentials| credentials.recovery.len()),
            asked: user.asked(now).cloned(),
        }
    }
}

/// A user was made, or made anew.
#[derive(Debug)]
pub struct Invited {
    pub user: UserRow,
    /// Shown once, entered at [`ENROL_PATH`](crate::io::users::ENROL_PATH).
    pub code: EnrolmentCode,
}
