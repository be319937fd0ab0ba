//! From the start of the process to an open store: a snapshot answers checkouts at once where there is one, while the engine's
//! thread replays and verifies everything; how far it is gets told meanwhile.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::app::config::Config;
use crate::app::serve::material::{LiveEngine, Material, ServeError};
use crate::app::serve::store::{self, LiveJournal, LiveSnapshot, OnDamage, OpenStore};
use crate::base::time::Timestamp;
use crate::domain::belief::Belief;
use crate::domain::belief::load::Loader;
use crate::domain::belief::place::TableKey;
use crate::domain::case::passed::Passed;
use crate::domain::screening::demands::Demands;
use crate::domain::screening::experience::Experience;
use crate::domain::screening::freshness::FeedSigned;
use crate::domain::screening::own_lists::{OwnListKey, OwnLists};
use crate::io::clock;
use crate::io::engine::{self, Engine};
use crate::io::fence_file::FenceFile;
use crate::io::journal::reader::JournalReader;
use crate::io::journal::real_fs::RealFs;
use crate::io::metrics::counts::JournalCounts;
use crate::io::profiles::Profiles;
use crate::io::random;
use crate::io::snapshot_file::NotUsed;
use crate::node::cut::Cut;
use crate::node::local_mac::LocalMacKey;
use crate::node::reserve::Found;
use crate::node::state::witnessing;
use crate::node::store::{RecordNumber, StorageFault};
use crate::node::tail_walk::{TailWalk, Walked};
use crate::node::users::ShownUsers;

/// How often windows are closed and silence is noticed.
const TICK: Duration = Duration::from_millis(20);

/// How often it is told how far the replay is.
const NEWS_EVERY: Duration = Duration::from_secs(5);

/// What a snapshot and the journal's tail say, not verified again yet.
#[derive(Debug)]
pub struct Early {
    pub belief: Arc<Belief>,
    pub demands: Demands,
    pub lists: OwnLists,
    pub feeds: Vec<FeedSigned>,
}

/// What own outcomes taught, as screening sees it: nothing until the store is open, so that every member weighs the same.
pub type ShownExperience = Arc<ArcSwap<Experience>>;

/// The own lists as screening sees them: a snapshot's until the store is open, then the node's.
pub type ShownLists = Arc<ArcSwap<OwnLists>>;

/// What the engine's thread gives out once the store is open.
#[derive(Debug)]
pub struct Opened {
    pub reader: JournalReader<RealFs>,
    pub belief: Arc<Belief>,
    pub demands: Demands,
    pub feeds: Vec<FeedSigned>,
}

/// A store being opened.
#[derive(Debug)]
pub struct Opening {
    ending: engine::Opening<Opened, ServeError>,
    /// Of the journal being replayed; none where damage is set aside first.
    reader: Option<JournalReader<RealFs>>,
}

/// Belief as a snapshot has it, brought up to date. None where there is no snapshot, or none that belongs to this store: such a
/// one is removed, and the start takes the time it takes.
pub fn early(
    config: &Config,
    material: &Material,
    snapshot: &LiveSnapshot,
    journal: &LiveJournal,
    now: Timestamp,
) -> Option<Early> {
    let reason = if config.snapshot {
        match load(config, material, snapshot, journal, now) {
            Ok(early) => return early,
            Err(reason) => reason.to_string(),
        }
    } else {
        "storage.snapshot is off".to_owned()
    };
    if config.dir.snapshot().exists() {
        tracing::warn!(event = "snapshot.discarded", reason);
        if let Err(fault) = snapshot.discard() {
            tracing::error!(event = "snapshot.kept", fault = %fault);
        }
    }
    None
}

fn load(
    config: &Config,
    material: &Material,
    snapshot: &LiveSnapshot,
    journal: &LiveJournal,
    now: Timestamp,
) -> Result<Option<Early>, NotUsed> {
    let (roster, reader) = (&material.roster, journal.reader());
    let reserved = match FenceFile::new(RealFs, config.dir.fence()).read()? {
        Found::Reservation(reservation) => Some(reservation.incarnation),
        Found::Nothing | Found::Unreadable => None,
    };
    let fits = |cut: &Cut| cut.check(|number| reader.read(number).ok(), reserved, roster, now);
    let loader = |expected| Loader::new(TableKey::draw(&mut random::generator()), witnessing(roster), expected);
    let Some((cut, belief)) = snapshot.load(fits, loader)? else { return Ok(None) };
    let (covered, after) = (cut.record.0, RecordNumber(cut.record.0.saturating_add(1)));
    let mut walk = TailWalk::new(belief, cut, roster, list_key(material), now);
    reader.replay(after, &mut |_, record| walk.take(record))?;
    let Walked { belief, feeds, lists, demands } = walk.finish(&config.member, config.screening.freshness_limit_s)?;
    let tail = reader.end().0.saturating_sub(after.0);
    tracing::info!(event = "snapshot.loaded", covered, tail, indicators = belief.held().live);
    Ok(Some(Early { belief: Arc::new(belief), demands, lists, feeds }))
}

/// What makes the names on the own lists.
pub fn list_key(material: &Material) -> OwnListKey {
    LocalMacKey::new(&material.keystore.keys.local_mac).own_list_key()
}

/// Where screening sees what the node changed, once that is durable.
#[derive(Debug)]
pub struct Shown {
    pub lists: ShownLists,
    pub experience: ShownExperience,
    pub passed: Arc<Passed>,
    /// Of the console.
    pub users: ShownUsers,
    /// They learn what was released; none where they are off.
    pub profiles: Option<Arc<Profiles>>,
}

/// Starts the engine on a journal; its thread opens the rest.
pub fn start_engine(
    config: &Config,
    material: &Arc<Material>,
    on_damage: OnDamage,
    journal: Result<LiveJournal, ServeError>,
    snapshot: &LiveSnapshot,
    shown: Shown,
) -> Result<(LiveEngine, Opening, JoinHandle<()>), ServeError> {
    let reader = journal.as_ref().ok().map(LiveJournal::reader);
    let keystore = &material.keystore;
    let (consortium, member) = (keystore.consortium.clone(), keystore.member.clone());
    let (config, material, snapshot) = (config.clone(), Arc::clone(material), Arc::clone(snapshot));
    let opener = move || {
        let now = clock::now();
        let OpenStore { mut node, reader, reserve } =
            store::open(&config, &material, on_damage, journal, &snapshot, now)?;
        let belief = Arc::clone(&node.state().belief);
        let feeds = node.freshness(config.screening.freshness_limit_s, now);
        let demands = node.demands();
        node.show_lists_in(shown.lists);
        node.show_experience_in(shown.experience);
        node.show_passed_in(shown.passed);
        node.show_users_in(shown.users);
        if let Some(profiles) = shown.profiles {
            node.tell_released_to(profiles);
        }
        Ok((node, reserve, Opened { reader, belief, demands, feeds }))
    };
    let (engine, ending, thread) = Engine::start(consortium, member, TICK, opener).map_err(ServeError::Runtime)?;
    Ok((engine, Opening { ending, reader }, thread))
}

impl Opening {
    /// What is counted of the journal being opened.
    pub fn journal_counts(&self) -> Arc<JournalCounts> {
        self.reader.as_ref().map(JournalReader::counts).unwrap_or_default()
    }

    /// Waits for the end, telling how far the replay is.
    pub async fn end(mut self) -> Result<Opened, ServeError> {
        let mut news = tokio::time::interval(NEWS_EVERY);
        news.tick().await;
        loop {
            tokio::select! {
                ended = &mut self.ending => {
                    // It tells before it ends, unless it panicked, which says the rest.
                    return ended.unwrap_or_else(|_| Err(ServeError::Store(StorageFault::Stopped)));
                }
                _ = news.tick() => self.tell(),
            }
        }
    }

    fn tell(&self) {
        if let Some(reader) = &self.reader {
            let (replayed, records) = (reader.replayed().0, reader.end().0);
            tracing::info!(event = "store.opening", replayed, records);
        }
    }
}
