//! What operators do with users, for the console and the service alike.

use crate::domain::user::User;
use crate::domain::user::code::EnrolmentCode;
use crate::domain::user::name::UserName;
use crate::domain::user::roles::ConsoleRoles;
use crate::io::engine::{EngineFault, Round};
use crate::io::grpc::convert::actor;
use crate::io::transport::caller::LocalCaller;
use crate::io::users::Users;
use crate::io::users::row::{Invited, UserRow};
use crate::node::Node;
use crate::node::manage_users::{UserFault, Via};
use crate::node::store::{Journal, Views};

/// A change of a user was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserRefused {
    #[error(transparent)]
    Fault(#[from] UserFault),
    #[error(transparent)]
    Engine(#[from] EngineFault),
}

impl<J, V> Users<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    /// All users, by name.
    pub async fn list(&self) -> Result<Vec<UserRow>, EngineFault> {
        self.engine.inquire(|node, now| node.state().users.iter().map(|user| UserRow::of(user, now)).collect()).await
    }

    /// In the console a user who is to be operator waits for [`Self::confirm_roles`] of another operator.
    pub async fn create(
        &self,
        caller: &LocalCaller,
        via: Via,
        name: UserName,
        roles: ConsoleRoles,
    ) -> Result<Invited, UserRefused> {
        let actor = actor(caller);
        self.invite(move |node, round| node.create_user(&actor, via, name, roles, round.now, round.rng)).await
    }

    /// Takes effect with the next request. In the console the operator's role waits for [`Self::confirm_roles`] of another operator;
    /// the others are given at once.
    pub async fn set_roles(
        &self,
        caller: &LocalCaller,
        via: Via,
        name: UserName,
        roles: ConsoleRoles,
    ) -> Result<UserRow, UserRefused> {
        let actor = actor(caller);
        self.change(move |node, round| node.set_user_roles(&actor, via, &name, roles, round.now, round.rng)).await
    }

    /// A second operator agrees to what another asked for, as they saw it.
    pub async fn confirm_roles(
        &self,
        caller: &LocalCaller,
        name: UserName,
        seen: ConsoleRoles,
    ) -> Result<UserRow, UserRefused> {
        let actor = actor(caller);
        self.change(move |node, round| node.confirm_user_roles(&actor, &name, &seen, round.now, round.rng)).await
    }

    /// All sessions end; nobody signs in as this user before [`Self::enable`].
    pub async fn disable(&self, caller: &LocalCaller, name: UserName) -> Result<UserRow, UserRefused> {
        let actor = actor(caller);
        self.change(move |node, round| node.disable_user(&actor, &name, round.now, round.rng)).await
    }

    /// Of one who was disabled, or is closed after wrong tries.
    pub async fn enable(&self, caller: &LocalCaller, name: UserName) -> Result<UserRow, UserRefused> {
        let actor = actor(caller);
        self.change(move |node, round| node.enable_user(&actor, &name, round.now, round.rng)).await
    }

    /// Password, authenticator and recovery codes are over; the user enrols again.
    pub async fn reset(&self, caller: &LocalCaller, via: Via, name: UserName) -> Result<Invited, UserRefused> {
        let actor = actor(caller);
        self.invite(move |node, round| node.reset_user(&actor, via, &name, round.now, round.rng)).await
    }

    pub async fn remove(&self, caller: &LocalCaller, name: UserName) -> Result<(), UserRefused> {
        let actor = actor(caller);
        self.engine.call(move |node, round| node.remove_user(&actor, &name, round.now, round.rng)).await??;
        Ok(())
    }

    /// Of one user; also what somebody does with their own.
    pub async fn end_sessions(&self, caller: &LocalCaller, name: UserName) -> Result<UserRow, UserRefused> {
        let actor = actor(caller);
        self.change(move |node, round| node.end_sessions(&actor, &name, round.now, round.rng)).await
    }

    async fn change(
        &self,
        work: impl FnOnce(&mut Node<J, V>, &mut Round<'_>) -> Result<User, UserFault> + Send + 'static,
    ) -> Result<UserRow, UserRefused> {
        let changed = self.engine.call(move |node, round| work(node, round).map(|user| UserRow::of(&user, round.now)));
        Ok(changed.await??)
    }

    async fn invite(
        &self,
        work: impl FnOnce(&mut Node<J, V>, &mut Round<'_>) -> Result<(User, EnrolmentCode), UserFault> + Send + 'static,
    ) -> Result<Invited, UserRefused> {
        let invited = self.engine.call(move |node, round| {
            work(node, round).map(|(user, code)| Invited { user: UserRow::of(&user, round.now), code })
        });
        Ok(invited.await??)
    }
}
