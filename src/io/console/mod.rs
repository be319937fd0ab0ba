//! The console: pages for officers, analysts and operators, served by the node itself over HTTPS.
//!
//! Pages are whole HTML texts made on the server (templates are compiled in); they work without script, which only makes them
//! more comfortable. What somebody filters by stands in the address; what changes something is a form. Nothing is loaded from
//! elsewhere, and the browser is told to forbid it ([`headers`]).
//!
//! # How a page is added
//! 1. `pages/NAME.rs` with `pub async fn show(visit: Visit) -> Result<Answer, Fault>`: ask the node ([`visit::Visit::look`], or
//!    [`visit::Visit::act`] for what changes something), fill a template, [`answer::Answer::page`].
//! 2. `pages/NAME.html` beginning with `{% extends "layout.html" %}`; its struct derives `askama::Template` and has a field
//!    `frame: Frame`, from [`visit::Visit::frame`]. Pieces that every page uses are macros of `pages/parts.html`: the token of a
//!    form, badges, empty states, pagers, fields. Moments are [`zone::Time`]; charts come from [`chart`].
//! 3. A row in [`rows::ROWS`] for each verb: the address, who may ask, whether password and code must be fresh; an entry in
//!    [`rows::NAVIGATION`] where it belongs there. The table's test asks every cell of it.
//! 4. A filter is a field of the address: read with [`fields::Fields::filter`], shown in a `<form method="get">`. A long table
//!    is paged by the server with a token in the address ([`listing`]). A form that changes something carries
//!    `{{ parts::token(frame) }}`, and its answer is [`answer::Answer::see`] with a message ([`visit::Visit::tell`]).
//!    The words of an address that name something stand in [`viewed`], so that the audit log tells who viewed what.
//! 5. What is not this visitor's is [`fault::Fault::NotFound`], as if it were not there.
//! 6. A scenario in `tests/console` opens the page in a real browser, has axe look at it, and keeps screenshots of it.
//!
//! What others wrote (names of peers, notes) goes through the templates' escaping and nowhere else: `|safe` is forbidden, and
//! what is markup already (charts, times) says so by its type. A file for a spreadsheet is written by [`export`].

pub mod answer;
pub mod assets;
pub mod chart;
pub mod cookies;
pub mod date;
pub mod door;
pub mod export;
pub mod fault;
pub mod fields;
pub mod frame;
pub mod headers;
pub mod kinds;
pub mod listing;
pub mod local_path;
pub mod menu;
pub mod money;
pub mod pages;
pub mod qr;
pub mod rows;
pub mod same_origin;
pub mod secret_text;
pub mod session;
pub mod viewed;
pub mod visit;
pub mod words;
pub mod zone;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::base::limits::SOURCES;
use crate::base::limits::console as limits;
use crate::io::console::session::Sessions;
use crate::io::engine::Engine;
use crate::io::exchange::links::Links;
use crate::io::grpc::gate::OnRefused;
use crate::io::journal::file::FileJournal;
use crate::io::journal::real_fs::RealFs;
use crate::io::metrics::console::ConsoleCounts;
use crate::io::policies::Policies;
use crate::io::transport::bucket::Rate;
use crate::io::transport::budget::{ConnectionBudget, ConnectionLimits};
use crate::io::users::Users;
use crate::io::views::any::AnyViews;
use crate::node::Node;
use crate::node::sign_in::{SessionUser, SignOut};

/// The engine of a node that has a console.
pub type ConsoleEngine = Engine<FileJournal<RealFs>, AnyViews>;

/// Its node.
pub type ConsoleNode = Node<FileJournal<RealFs>, AnyViews>;

/// How often sessions that are over are taken out.
const SWEEP_EVERY: Duration = Duration::from_secs(20);

/// What all pages share.
pub struct Console {
    pub engine: ConsoleEngine,
    pub users: Users<FileJournal<RealFs>, AnyViews>,
    pub sessions: Sessions,
    /// Which peers are connected.
    pub links: Links,
    /// What decides, and how often each rule fired.
    pub policies: Arc<Policies>,
    /// Told of every refused request, before whoever sent it is.
    pub on_refused: OnRefused,
    /// Requests of people who are signed in, worked on at once.
    pub room: Arc<Semaphore>,
    /// Those of everybody else, apart and few from one address: however many come, and however slowly, who is signed in gets in.
    pub strangers: Arc<ConnectionBudget<IpAddr>>,
    pub counts: Arc<ConsoleCounts>,
    /// Reports made at once.
    pub reports: Arc<Semaphore>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

impl Console {
    pub fn new(
        engine: ConsoleEngine,
        users: Users<FileJournal<RealFs>, AnyViews>,
        links: Links,
        policies: Arc<Policies>,
        on_refused: OnRefused,
        counts: Arc<ConsoleCounts>,
    ) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(limits::REQUESTS));
        let strangers = ConnectionBudget::new(ConnectionLimits {
            total: limits::REQUESTS_OF_STRANGERS,
            per_source: limits::REQUESTS_PER_STRANGER,
            // How often somebody comes is limited where they connect.
            connects: Rate::unlimited(),
            sources: SOURCES,
        });
        let reports = Arc::new(Semaphore::new(limits::REPORTS));
        Arc::new(Self {
            engine,
            users,
            sessions: Sessions::default(),
            links,
            policies,
            on_refused,
            room,
            reports,
            strangers,
            counts,
        })
    }

    /// Takes out sessions that are over and tells the audit log, until the task is dropped.
    pub async fn sweep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            let over = self.sessions.sweep(Instant::now(), |user| self.users.alive(user).is_some());
            self.tell_ended(over).await;
        }
    }

    /// Tells the audit log of sessions that have ended; they have whether or not it takes that.
    pub async fn tell_ended(&self, ended: impl IntoIterator<Item = (SessionUser, SignOut)>) {
        for (user, how) in ended {
            if let Err(fault) = self.users.signed_out(&user, how).await {
                tracing::warn!(event = "console.unrecorded", fault = %fault);
            }
        }
    }
}
