//! What happens to the console's users, in the words of the audit log: who came in, who was kept out, who changed what of whom.
//!
//! Neither passwords nor codes stand here, and no address: of the place somebody came from, half of its keyed fingerprint, by which
//! two tries of one place are seen to be of one place.

use crate::base::bytes::LocalMac;
use crate::base::time::Timestamp;
use crate::domain::audit::record::Outcome;
use crate::domain::user::name::UserName;
use crate::domain::user::roles::ConsoleRoles;

/// Where somebody came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub LocalMac);

impl Place {
    fn text(self) -> String {
        hex::encode(&self.0.0[..8])
    }
}

/// One thing that happened to one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleEvent {
    pub user: UserName,
    pub what: Happened,
}

/// What happened. `&'static str` fields are words of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    Created {
        roles: Option<ConsoleRoles>,
        code_until: Timestamp,
    },
    Enrolled {
        place: Place,
    },
    SignedIn {
        by: &'static str,
        recovery_left: usize,
        place: Place,
    },
    SignInRefused {
        left: u32,
        place: Place,
    },
    /// Ten wrong tries: nobody signs in as this user before then.
    Closed {
        until: Timestamp,
        place: Place,
    },
    SignedOut {
        how: &'static str,
    },
    Reauthenticated {
        by: &'static str,
    },
    ReauthenticationRefused {
        left: u32,
    },
    SessionsEnded {
        why: &'static str,
    },
    PasswordChanged,
    AuthenticatorChanged,
    RecoveryCodesRenewed,
    RolesChanged {
        before: Option<ConsoleRoles>,
        roles: Option<ConsoleRoles>,
    },
    /// Somebody wants the user to have these roles; another operator has to agree.
    RolesAsked {
        roles: ConsoleRoles,
    },
    RolesConfirmed {
        roles: ConsoleRoles,
        asked_by: String,
    },
    Disabled,
    Enabled,
    Reset {
        code_until: Timestamp,
    },
    Removed,
    /// A change that takes another person, or another way.
    ChangeRefused {
        change: &'static str,
        rule: &'static str,
    },
}

impl Happened {
    /// Action, outcome and fields of its record.
    pub(in crate::domain::audit) fn words(self) -> (&'static str, Outcome, Vec<(&'static str, String)>) {
        use Outcome::{Fault, Ok, Refused};
        let none_or = |roles: Option<ConsoleRoles>| roles.map_or_else(|| "none".to_owned(), |roles| roles.to_string());
        let place = |place: Place| ("place", place.text());
        match self {
            Self::Created { roles, code_until } => {
                let fields = vec![("roles", none_or(roles)), ("code_until", code_until.to_string())];
                ("console.user_created", Ok, fields)
            }
            Self::Enrolled { place: from } => ("console.user_enrolled", Ok, vec![place(from)]),
            Self::SignedIn { by, recovery_left, place: from } => {
                let left = ("recovery_left", recovery_left.to_string());
                ("console.signed_in", Ok, vec![("by", by.to_owned()), left, place(from)])
            }
            Self::SignInRefused { left, place: from } => {
                ("console.sign_in_refused", Refused, vec![("left", left.to_string()), place(from)])
            }
            // A fault, so that it is an alarm: somebody guesses, or a user cannot work.
            Self::Closed { until, place: from } => {
                ("console.user_closed", Fault, vec![("until", until.to_string()), place(from)])
            }
            Self::SignedOut { how } => ("console.signed_out", Ok, vec![("how", how.to_owned())]),
            Self::Reauthenticated { by } => ("console.reauthenticated", Ok, vec![("by", by.to_owned())]),
            Self::ReauthenticationRefused { left } => {
                ("console.reauthentication_refused", Refused, vec![("left", left.to_string())])
            }
            Self::SessionsEnded { why } => ("console.sessions_ended", Ok, vec![("why", why.to_owned())]),
            Self::PasswordChanged => ("console.password_changed", Ok, Vec::new()),
            Self::AuthenticatorChanged => ("console.authenticator_changed", Ok, Vec::new()),
            Self::RecoveryCodesRenewed => ("console.recovery_codes_renewed", Ok, Vec::new()),
            Self::RolesChanged { before, roles } => {
                ("console.roles_changed", Ok, vec![("before", none_or(before)), ("roles", none_or(roles))])
            }
            Self::RolesAsked { roles } => ("console.roles_asked", Ok, vec![("roles", roles.to_string())]),
            Self::RolesConfirmed { roles, asked_by } => {
                ("console.roles_confirmed", Ok, vec![("asked_by", asked_by), ("roles", roles.to_string())])
            }
            Self::Disabled => ("console.user_disabled", Ok, Vec::new()),
            Self::Enabled => ("console.user_enabled", Ok, Vec::new()),
            Self::Reset { code_until } => ("console.user_reset", Ok, vec![("code_until", code_until.to_string())]),
            Self::Removed => ("console.user_removed", Ok, Vec::new()),
            Self::ChangeRefused { change, rule } => {
                ("console.change_refused", Refused, vec![("change", change.to_owned()), ("rule", rule.to_owned())])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::role::Role;
    use crate::domain::audit::event::AuditEvent;
    use crate::domain::audit::record::{Actor, AuditRecord};

    #[test]
    fn a_record_tells_of_the_user_and_of_the_place_half_a_fingerprint() {
        let place = Place(LocalMac([0xAB; 32]));
        let roles = ConsoleRoles::new([Role::Auditor, Role::Operator]).expect("roles of people");
        let check = |what: Happened, expected: &str| {
            let event = AuditEvent::Console(ConsoleEvent { user: "anna".parse().expect("a name"), what });
            let record = event.into_record(Timestamp::from_unix_ms(0), &Actor::Stranger);
            assert_eq!(AuditRecord::decode(&record.encode()), Ok(record.clone()));
            assert_eq!(record.to_string(), format!("1970-01-01T00:00:00.000Z {expected}"));
        };
        let refused = Happened::SignInRefused { left: 9, place };
        check(refused, "refused console.sign_in_refused anna by UNKNOWN left=9 place=abababababababab");
        let closed = Happened::Closed { until: Timestamp::from_unix_s(60), place };
        let until = "until=1970-01-01T00:01:00.000Z";
        check(closed, &format!("fault console.user_closed anna by UNKNOWN place=abababababababab {until}"));
        let changed = Happened::RolesChanged { before: None, roles: Some(roles) };
        check(changed, "ok console.roles_changed anna by UNKNOWN before=none roles=auditor,operator");
    }
}
