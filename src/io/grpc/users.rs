//! `hushwire.local.v1.UserService`.

use tonic::{Request, Response, Status};

use crate::base::role::Role;
use crate::domain::user::UserState;
use crate::domain::user::name::UserName;
use crate::domain::user::roles::ConsoleRoles;
use crate::io::grpc::convert::{self, wire_time};
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::refusals::{engine_refusal, user_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::user_service_server::UserService;
use crate::io::users::manage::UserRefused;
use crate::io::users::row::{Invited, UserRow};
use crate::io::users::{ENROL_PATH, Users};
use crate::node::manage_users::Via;
use crate::node::store::{Journal, Views};

/// The service over the console's users. Whoever calls it has an operator's certificate.
#[derive(Debug)]
pub struct UserDesk<J, V> {
    pub users: Users<J, V>,
}

#[tonic::async_trait]
impl<J, V> UserService for UserDesk<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn create_user(
        &self,
        request: Request<wire::CreateUserRequest>,
    ) -> Result<Response<wire::CreateUserResponse>, Status> {
        let caller = local_caller(&request)?;
        let (name, roles) = (name(&request.get_ref().name)?, roles(&request.get_ref().roles)?);
        let Invited { user, code } = self.users.create(caller, Via::Certificate, name, roles).await.map_err(refused)?;
        let enrolment_code = code.reveal().to_string();
        let user = Some(wire_user(&user));
        Ok(Response::new(wire::CreateUserResponse { user, enrolment_code, enrol_path: ENROL_PATH.to_owned() }))
    }

    async fn list_users(
        &self,
        request: Request<wire::ListUsersRequest>,
    ) -> Result<Response<wire::ListUsersResponse>, Status> {
        local_caller(&request)?;
        let users = self.users.list().await.map_err(engine_refusal)?;
        Ok(Response::new(wire::ListUsersResponse { users: users.iter().map(wire_user).collect() }))
    }

    async fn set_user_roles(
        &self,
        request: Request<wire::SetUserRolesRequest>,
    ) -> Result<Response<wire::SetUserRolesResponse>, Status> {
        let caller = local_caller(&request)?;
        let (name, roles) = (name(&request.get_ref().name)?, roles(&request.get_ref().roles)?);
        let user = self.users.set_roles(caller, Via::Certificate, name, roles).await.map_err(refused)?;
        Ok(Response::new(wire::SetUserRolesResponse { user: Some(wire_user(&user)) }))
    }

    async fn disable_user(
        &self,
        request: Request<wire::DisableUserRequest>,
    ) -> Result<Response<wire::DisableUserResponse>, Status> {
        let (caller, name) = (local_caller(&request)?, name(&request.get_ref().name)?);
        let user = self.users.disable(caller, name).await.map_err(refused)?;
        Ok(Response::new(wire::DisableUserResponse { user: Some(wire_user(&user)) }))
    }

    async fn enable_user(
        &self,
        request: Request<wire::EnableUserRequest>,
    ) -> Result<Response<wire::EnableUserResponse>, Status> {
        let (caller, name) = (local_caller(&request)?, name(&request.get_ref().name)?);
        let user = self.users.enable(caller, name).await.map_err(refused)?;
        Ok(Response::new(wire::EnableUserResponse { user: Some(wire_user(&user)) }))
    }

    async fn reset_user(
        &self,
        request: Request<wire::ResetUserRequest>,
    ) -> Result<Response<wire::ResetUserResponse>, Status> {
        let (caller, name) = (local_caller(&request)?, name(&request.get_ref().name)?);
        let Invited { user, code } = self.users.reset(caller, Via::Certificate, name).await.map_err(refused)?;
        let enrolment_code = code.reveal().to_string();
        let user = Some(wire_user(&user));
        Ok(Response::new(wire::ResetUserResponse { user, enrolment_code, enrol_path: ENROL_PATH.to_owned() }))
    }

    async fn remove_user(
        &self,
        request: Request<wire::RemoveUserRequest>,
    ) -> Result<Response<wire::RemoveUserResponse>, Status> {
        let (caller, name) = (local_caller(&request)?, name(&request.get_ref().name)?);
        self.users.remove(caller, name).await.map_err(refused)?;
        Ok(Response::new(wire::RemoveUserResponse {}))
    }

    async fn end_sessions(
        &self,
        request: Request<wire::EndSessionsRequest>,
    ) -> Result<Response<wire::EndSessionsResponse>, Status> {
        let (caller, name) = (local_caller(&request)?, name(&request.get_ref().name)?);
        let user = self.users.end_sessions(caller, name).await.map_err(refused)?;
        Ok(Response::new(wire::EndSessionsResponse { user: Some(wire_user(&user)) }))
    }
}

fn refused(refused: UserRefused) -> Refusal {
    match refused {
        UserRefused::Fault(fault) => user_refusal(&fault),
        UserRefused::Engine(fault) => engine_refusal(fault),
    }
}

fn name(text: &str) -> Result<UserName, Refusal> {
    text.parse().map_err(|rule: crate::domain::user::name::NoUserName| invalid("name", "user_name", rule.to_string()))
}

fn roles(numbers: &[i32]) -> Result<ConsoleRoles, Refusal> {
    let limit = ConsoleRoles::ALL.len();
    if numbers.len() > limit {
        let got = numbers.len();
        return Err(invalid("roles", "too_many", format!("there are {limit} roles, got {got}")));
    }
    let read = |number: &i32| match wire::UserRole::try_from(*number) {
        Ok(wire::UserRole::Publisher) => Ok(Role::Publisher),
        Ok(wire::UserRole::Analyst) => Ok(Role::Analyst),
        Ok(wire::UserRole::Auditor) => Ok(Role::Auditor),
        Ok(wire::UserRole::Operator) => Ok(Role::Operator),
        Ok(wire::UserRole::Unspecified) | Err(_) => {
            Err(invalid("roles", "unknown_role", "roles are publisher, analyst, auditor and operator".to_owned()))
        }
    };
    let roles: Vec<Role> = numbers.iter().map(read).collect::<Result<_, _>>()?;
    ConsoleRoles::new(roles).map_err(|rule| invalid("roles", "no_role", rule.to_string()))
}

fn invalid(field: &str, rule: &'static str, description: String) -> Refusal {
    Refusal::InvalidArgument { field: field.to_owned(), rule, description }
}

fn wire_user(user: &UserRow) -> wire::User {
    let numbers = |roles: Option<&ConsoleRoles>| {
        roles.into_iter().flat_map(ConsoleRoles::iter).filter_map(|role| Some(wire_role(role)?.into())).collect()
    };
    wire::User {
        name: user.name.to_string(),
        roles: numbers(user.roles.as_ref()),
        state: wire_state(user.state).into(),
        until: user.until.map(wire_time),
        created_at: Some(wire_time(user.created)),
        created_by: user.created_by.clone(),
        signed_in_at: user.signed_in.map(wire_time),
        recovery_codes: convert::count(user.recovery_left),
        asked_roles: numbers(user.asked.as_ref().map(|asked| &asked.roles)),
        asked_by: user.asked.as_ref().map(|asked| asked.person.clone()).unwrap_or_default(),
    }
}

/// None for a role that no user has.
pub fn wire_role(role: Role) -> Option<wire::UserRole> {
    match role {
        Role::Publisher => Some(wire::UserRole::Publisher),
        Role::Analyst => Some(wire::UserRole::Analyst),
        Role::Auditor => Some(wire::UserRole::Auditor),
        Role::Operator => Some(wire::UserRole::Operator),
        Role::Screener => None,
    }
}

fn wire_state(state: UserState) -> wire::UserState {
    match state {
        UserState::Invited => wire::UserState::Invited,
        UserState::InvitationOver => wire::UserState::InvitationOver,
        UserState::Active => wire::UserState::Active,
        UserState::Closed => wire::UserState::Closed,
        UserState::Disabled => wire::UserState::Disabled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_those_of_people_and_one_at_least() {
        let check = |numbers: &[i32], expected: Result<&str, &str>| {
            let read = roles(numbers).map(|roles| roles.to_string()).map_err(|refusal| match refusal {
                Refusal::InvalidArgument { rule, .. } => rule,
                other => panic!("{other:?}"),
            });
            assert_eq!(read.as_deref().map_err(|rule| *rule), expected, "{numbers:?}");
        };
        check(&[4, 2], Ok("analyst,operator"));
        check(&[1, 2, 3, 4], Ok("publisher,analyst,auditor,operator"));
        check(&[], Err("no_role"));
        check(&[0], Err("unknown_role"));
        check(&[5], Err("unknown_role"));
        check(&[1; 5], Err("too_many"));
    }
}
