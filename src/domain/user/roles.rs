//! What a console's user may do: one or more of the roles of DESIGN §3.

use std::collections::BTreeSet;
use std::fmt;

use crate::base::role::Role;

/// One or more roles. A screener is a checkout, not a person in front of a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleRoles(BTreeSet<Role>);

/// No set of roles for a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoles {
    #[error("a user has one or more of the roles publisher, analyst, auditor and operator")]
    None,
    #[error("a user of the console is publisher, analyst, auditor or operator; {0} is a system's role")]
    NotAPerson(Role),
}

impl ConsoleRoles {
    /// The roles a user may have.
    pub const ALL: [Role; 4] = [Role::Publisher, Role::Analyst, Role::Auditor, Role::Operator];

    pub fn new(roles: impl IntoIterator<Item = Role>) -> Result<Self, NoRoles> {
        let roles: BTreeSet<Role> = roles.into_iter().collect();
        if let Some(role) = roles.iter().find(|role| !Self::ALL.contains(role)) {
            return Err(NoRoles::NotAPerson(*role));
        }
        if roles.is_empty() { Err(NoRoles::None) } else { Ok(Self(roles)) }
    }

    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// In the order of DESIGN §3.
    pub fn iter(&self) -> impl Iterator<Item = Role> {
        self.0.iter().copied()
    }

    /// The same with the operator's; what a second operator confirms.
    pub fn with_operator(&self) -> Self {
        Self(self.0.iter().copied().chain([Role::Operator]).collect())
    }

    /// The same without the operator's, where any is left.
    pub fn without_operator(&self) -> Option<Self> {
        Self::new(self.iter().filter(|role| *role != Role::Operator)).ok()
    }
}

/// `analyst,auditor`.
impl fmt::Display for ConsoleRoles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Role::as_str).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_roles_of_a_person() {
        let both = ConsoleRoles::new([Role::Operator, Role::Analyst, Role::Analyst]).expect("roles of people");
        assert_eq!(both.to_string(), "analyst,operator");
        assert!(both.has(Role::Operator) && !both.has(Role::Auditor));
        assert_eq!(ConsoleRoles::new([]), Err(NoRoles::None));
        let of_a_system = ConsoleRoles::new([Role::Analyst, Role::Screener]);
        assert_eq!(of_a_system, Err(NoRoles::NotAPerson(Role::Screener)));
    }

    #[test]
    fn the_operators_role_is_given_and_taken_by_itself() {
        let analyst = ConsoleRoles::new([Role::Analyst]).expect("a role of people");
        let operator = ConsoleRoles::new([Role::Operator]).expect("a role of people");
        assert_eq!(analyst.with_operator().without_operator(), Some(analyst));
        assert_eq!(operator.without_operator(), None);
    }
}
