//! What stands around every page: who is signed in where, the navigation of their roles, the way up, messages, the zone of times.

use crate::io::console::assets::{Assets, assets};
use crate::io::console::rows::{NAVIGATION, Verb, row};
use crate::io::console::secret_text::SecretText;
use crate::io::console::session::Flash;
use crate::io::console::visit::Visit;
use crate::io::console::zone::Time;

/// One page above this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crumb {
    pub title: String,
    pub path: String,
}

impl Crumb {
    pub fn new(title: impl Into<String>, path: impl Into<String>) -> Self {
        Self { title: title.into(), path: path.into() }
    }
}

/// Pages of one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub title: &'static str,
    pub links: Vec<Link>,
}

/// One page of the navigation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub title: &'static str,
    pub path: &'static str,
    pub icon: &'static str,
    /// Whether the page is this one or stands below it.
    pub here: bool,
}

/// Who looks at the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    pub name: String,
    pub roles: String,
}

/// Everything the layout shows. Every template has one, as its field `frame`.
#[derive(Debug)]
pub struct Frame {
    pub title: String,
    pub crumbs: Vec<Crumb>,
    pub member: String,
    pub consortium: String,
    pub groups: Vec<Group>,
    /// None before somebody is signed in.
    pub reader: Option<Reader>,
    /// What every form carries.
    pub token: SecretText,
    pub flashes: Vec<Flash>,
    pub zone: String,
    pub made: Time,
    pub version: &'static str,
    pub assets: &'static Assets,
}

impl Frame {
    pub(in crate::io::console) fn new(visit: &Visit, title: String, above: &[Crumb]) -> Self {
        let engine = &visit.console.engine;
        let visitor = visit.visitor.as_ref();
        Self {
            title,
            crumbs: above.to_vec(),
            member: engine.member().to_string(),
            consortium: engine.consortium().to_string(),
            groups: visitor.map(|_| groups(visit)).unwrap_or_default(),
            reader: visitor.map(|visitor| Reader {
                name: visitor.session.user.name.to_string(),
                roles: visitor.roles.to_string().replace(',', ", "),
            }),
            token: visitor.map_or_else(|| String::new().into(), |visitor| visitor.session.token.clone()),
            flashes: visitor.map(|visitor| visit.console.sessions.told(&visitor.id)).unwrap_or_default(),
            zone: visit.zone.name().to_owned(),
            made: visit.time(visit.now.wall),
            version: env!("CARGO_PKG_VERSION"),
            assets: assets(),
        }
    }
}

/// The navigation of a visitor's roles.
fn groups(visit: &Visit) -> Vec<Group> {
    let Some(visitor) = &visit.visitor else { return Vec::new() };
    let here = visit.path.as_str().split('?').next().unwrap_or_default();
    let link = |entry: &crate::io::console::rows::Entry| {
        let may = row(Verb::Get, entry.path).is_some_and(|row| row.who.admits(&visitor.roles));
        let below = here.strip_prefix(entry.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let at = if entry.path == "/" { here == "/" } else { below };
        may.then_some(Link { title: entry.title, path: entry.path, icon: entry.icon, here: at })
    };
    let groups =
        NAVIGATION.iter().map(|(title, entries)| Group { title, links: entries.iter().filter_map(link).collect() });
    groups.filter(|group| !group.links.is_empty()).collect()
}
