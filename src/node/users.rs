//! The console's users in memory, rebuilt from the journal, and what their use cases have in common.
//!
//! [`crate::node::sign_in`] lets people in, [`crate::node::enrol`] is what they change of their own, [`crate::node::manage_users`] what
//! operators change. Each change is one commit of the whole user and the audit records that tell of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rand::Rng;

use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::console::{ConsoleEvent, Happened};
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::user::User;
use crate::domain::user::name::UserName;
use crate::node::Node;
use crate::node::commit::{Commit, change};
use crate::node::state::State;
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::user_stored::{UserChanged, UserRemoved, read_name, read_user, stored_user};

/// All users by name.
pub type UserTable = BTreeMap<UserName, User>;

/// The users as the console sees them: durable changes alone.
pub type ShownUsers = Arc<ArcSwap<UserTable>>;

/// See the module.
#[derive(Debug, Default)]
pub struct Users {
    /// Staged changes included. Shared with a compaction while it runs.
    pub(in crate::node) table: Arc<UserTable>,
    shown: ShownUsers,
    pub(in crate::node) refused: RefusedSignIns,
}

/// Tries to sign in that are counted, not recorded one by one.
#[derive(Debug, Default)]
pub(in crate::node) struct RefusedSignIns {
    pub unknown: u64,
    pub closed: u64,
    pub enrolments: u64,
    /// Of the first that was not told.
    pub since: Option<Timestamp>,
}

impl Users {
    pub fn get(&self, name: &UserName) -> Option<&User> {
        self.table.get(name)
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.table.values()
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(in crate::node) fn show(&self) {
        if !Arc::ptr_eq(&self.shown.load(), &self.table) {
            self.shown.store(Arc::clone(&self.table));
        }
    }
}

/// The person in front of the console, as the audit log names them where they act for themselves. What they do in a role is recorded
/// under that role.
pub fn console_actor(member: &MemberId, user: &UserName) -> Actor {
    Actor::Local { member: member.clone(), role: "console", name: user.to_string() }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Lets users show there from now on: where the console looks already.
    pub fn show_users_in(&mut self, shown: ShownUsers) {
        self.state.users.shown = shown;
        self.state.users.show();
    }

    /// One commit: the user as it is from now on, and what happened.
    pub(in crate::node) fn change_user(
        &mut self,
        actor: &Actor,
        user: &User,
        happened: Vec<Happened>,
        now: Timestamp,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(), StorageFault> {
        let mut commit = Commit::default();
        commit.push(change::Kind::UserChanged(stored_user(user)));
        self.commit(commit, actor, told(&user.name, happened), now, rng)
    }

    pub(in crate::node) fn drop_user(
        &mut self,
        actor: &Actor,
        name: &UserName,
        now: Timestamp,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(), StorageFault> {
        let mut commit = Commit::default();
        commit.push(change::Kind::UserRemoved(UserRemoved { name: name.to_string() }));
        self.commit(commit, actor, told(name, vec![Happened::Removed]), now, rng)
    }

    /// Records what changes nothing.
    pub(in crate::node) fn tell_of_user(
        &mut self,
        actor: &Actor,
        name: &UserName,
        what: Happened,
        now: Timestamp,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(), StorageFault> {
        self.commit(Commit::default(), actor, told(name, vec![what]), now, rng)
    }
}

fn told(user: &UserName, happened: Vec<Happened>) -> Vec<AuditEvent> {
    happened.into_iter().map(|what| AuditEvent::Console(ConsoleEvent { user: user.clone(), what })).collect()
}

impl State {
    pub(in crate::node) fn apply_user(&mut self, changed: &UserChanged) -> Result<(), StorageFault> {
        let user = read_user(changed)?;
        Arc::make_mut(&mut self.users.table).insert(user.name.clone(), user);
        Ok(())
    }

    pub(in crate::node) fn apply_user_removed(&mut self, removed: &UserRemoved) -> Result<(), StorageFault> {
        Arc::make_mut(&mut self.users.table).remove(&read_name(&removed.name)?);
        Ok(())
    }
}

/// Whether a stored row is what the user is now. Older records are rewritten before newer ones, so what replaced or removed a row
/// never goes before it.
pub(in crate::node) fn still_stands(table: &UserTable, stored: &UserChanged) -> bool {
    match read_name(&stored.name) {
        Ok(name) => table.get(&name).is_some_and(|user| stored_user(user) == *stored),
        Err(_) => true,
    }
}
