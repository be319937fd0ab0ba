//! One request as a page sees it: who asks, what they sent, in which zone they read times. By then it is settled that they may.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::limits::console as limits;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::user::roles::ConsoleRoles;
use crate::io::console::fault::Fault;
use crate::io::console::fields::Fields;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::local_path::LocalPath;
use crate::io::console::session::{Flash, Found, Moment, SessionId, Tone};
use crate::io::console::zone::{Time, Zone};
use crate::io::console::{Console, ConsoleNode, cookies};
use crate::io::engine::Round;
use crate::io::transport::caller::LocalCaller;

/// Somebody who is signed in.
#[derive(Debug)]
pub struct Visitor {
    pub id: SessionId,
    pub session: Found,
    pub roles: ConsoleRoles,
}

/// A request that was let in.
#[derive(Debug)]
pub struct Visit {
    pub console: Arc<Console>,
    /// The row's words in the address, as in `/users/{name}`.
    pub values: Vec<(String, String)>,
    pub path: LocalPath,
    /// Filters of the address.
    pub query: Fields,
    /// Empty where nothing was posted.
    pub form: Fields,
    pub from: IpAddr,
    /// Whether a link of another site led here.
    pub from_elsewhere: bool,
    /// What the browser calls itself, shortened.
    pub browser: String,
    pub zone: Zone,
    pub now: Moment,
    pub visitor: Option<Arc<Visitor>>,
    /// The role that let them in, where the row asks for one.
    pub role: Option<Role>,
}

impl Visit {
    /// Who asks.
    ///
    /// # Panics
    /// On a row that lets in people who are not signed in.
    pub fn visitor(&self) -> &Visitor {
        self.visitor.as_ref().expect("the row lets in who is signed in")
    }

    /// The user as use cases and the audit log know callers, in the role that let them in.
    ///
    /// # Panics
    /// On a row that asks for no role.
    pub fn caller(&self) -> LocalCaller {
        let role = self.role.expect("the row asks for a role");
        let name = self.visitor().session.user.name.caller().clone();
        LocalCaller { member: self.console.engine.member().clone(), role, name }
    }

    /// A word of the address; what is none of its kind leads nowhere.
    pub fn value<T: FromStr>(&self, name: &str) -> Result<T, Fault> {
        let found = self.values.iter().find(|(own, _)| own == name).and_then(|(_, value)| value.parse().ok());
        found.ok_or(Fault::NotFound)
    }

    /// A moment as this visitor reads it.
    pub fn time(&self, at: Timestamp) -> Time {
        Time::new(at, &self.zone)
    }

    /// A message for the next page.
    pub fn tell(&self, tone: Tone, text: impl Into<String>) {
        self.console.sessions.tell(&self.visitor().id, Flash { tone, text: text.into() });
    }

    /// Gives the session a new id, now that its user proved again who they are: the cookie that has to go with the answer. None where
    /// the session has ended meanwhile. Pages made from now on carry the new token.
    pub fn rotate(&mut self) -> Option<String> {
        let visitor = Arc::clone(self.visitor.as_ref()?);
        let id = self.console.sessions.prove(&visitor.id, self.now.steady)?;
        let session = self.console.sessions.find(&id, self.now)?;
        let cookie = cookies::keep_session(&id);
        self.visitor = Some(Arc::new(Visitor { id, session, roles: visitor.roles.clone() }));
        Some(cookie)
    }

    /// What stands around a page: its title, and the pages above it.
    pub fn frame(&self, title: impl Into<String>, above: &[Crumb]) -> Frame {
        Frame::new(self, title.into(), above)
    }

    /// Looks at the node; nothing is changed.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&ConsoleNode, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        Ok(self.console.engine.inquire_within(Duration::from_millis(limits::REQUEST_MS), look).await?)
    }

    /// Does something, durable when it is answered.
    pub async fn act<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut ConsoleNode, &mut Round<'_>) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        Ok(self.console.engine.call_within(Duration::from_millis(limits::REQUEST_MS), work).await?)
    }
}
