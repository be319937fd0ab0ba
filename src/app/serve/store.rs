//! Opening the store of a node: journal, views and the file of reserved sizes; setting a damaged journal aside.
//!
//! A damaged journal is not mended in place: what others hold of every feed, the node's own included, proves itself and is
//! fetched again. What nobody else holds is taken over into a new journal as far as it can be read
//! ([`crate::node::salvage`]), and what is lost is said. The damaged files stay beside the new ones for whoever wants to look
//! at them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::config::Config;
use crate::app::config::values::ViewsBackend;
use crate::app::serve::material::{Material, ServeError};
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::statistics::budget::Epsilon;
use crate::io::engine::Reserve;
use crate::io::fence_file::FenceFile;
use crate::io::journal::file::{FileJournal, JournalOptions};
use crate::io::journal::fs::Fs;
use crate::io::journal::reader::JournalReader;
use crate::io::journal::real_fs::RealFs;
use crate::io::keystore::store::Keystore;
use crate::io::random;
use crate::io::rescue::{Owner, rescue};
use crate::io::snapshot_file::SnapshotFile;
use crate::io::views::any::AnyViews;
use crate::node::Node;
use crate::node::salvage::Rescued;
use crate::node::store::StorageFault;

/// What to do with a damaged journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDamage {
    /// Do not start.
    Refuse,
    /// Set it aside and fetch everything again from other members.
    Recover,
}

/// The journal of a running node.
pub type LiveJournal = FileJournal<RealFs>;

/// A node on its store, with what works beside it.
pub struct OpenStore {
    pub node: Node<LiveJournal, AnyViews>,
    pub reader: JournalReader<RealFs>,
    pub reserve: Reserve,
}

impl std::fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenStore").field("reader", &self.reader).finish_non_exhaustive()
    }
}

/// The snapshot beside the journal of a running node.
pub type LiveSnapshot = Arc<SnapshotFile<RealFs>>;

/// The snapshot of a node, not read yet.
pub fn snapshot(config: &Config, material: &Material) -> LiveSnapshot {
    let Keystore { consortium, keys, .. } = material.keystore.as_ref();
    Arc::new(SnapshotFile::new(RealFs, config.dir.snapshot(), keys.storage.duplicate(), consortium.clone()))
}

/// Opens the journal: quick, since its records are read by whoever replays them. What it forgets, the snapshot forgets before.
/// Finishes first what a start left half done that was killed while it set a damaged one aside.
pub fn open_journal(config: &Config, material: &Material, snapshot: &LiveSnapshot) -> Result<LiveJournal, ServeError> {
    put_in_place(config).map_err(ServeError::SetAside)?;
    let key = &material.keystore.keys.storage;
    let mut journal = FileJournal::open(RealFs, &config.dir.journal(), key, JournalOptions::default())?;
    let snapshot = Arc::clone(snapshot);
    journal.forget_with(Arc::new(move || snapshot.discard()));
    Ok(journal)
}

/// Opens the node on a journal, or on what damage left of the store, guarded by the file of reserved sizes.
pub fn open(
    config: &Config,
    material: &Material,
    on_damage: OnDamage,
    journal: Result<LiveJournal, ServeError>,
    snapshot: &LiveSnapshot,
    now: Timestamp,
) -> Result<OpenStore, ServeError> {
    let mut rng = random::generator();
    let fence = FenceFile::new(RealFs, config.dir.fence());
    let found = fence.read()?;
    let (mut node, reader) = match journal.and_then(|journal| open_node_on(config, material, journal, now)) {
        Err(ServeError::Store(fault @ StorageFault::Damaged(_))) if on_damage == OnDamage::Recover => {
            // Before the new journal takes the place of the one it was taken beside.
            snapshot.discard()?;
            let rescued = take_over(config, material, now)?;
            let kept = set_aside(config, now).map_err(ServeError::SetAside)?;
            tracing::warn!(event = "store.set_aside", fault = %fault, kept = %kept.display());
            let Rescued { publications, charges, audit_records, audit_left, breaks } = rescued;
            tracing::warn!(
                event = "store.salvaged",
                publications,
                charges,
                audit_records,
                audit_left,
                breaks,
                "taken over from the damaged journal. All feeds, the own one included, are fetched again from other \
                 members; nothing is signed until then. Where records are missing (breaks), lost are: publications and \
                 requests that stood there, the audit log from there on (what is readable of it stays in the kept files: do \
                 not remove them), and the privacy budget of this and the last two quarters, which counts as spent"
            );
            let journal = open_journal(config, material, snapshot)?;
            let (mut node, reader) = open_node_on(config, material, journal, now)?;
            let events = vec![AuditEvent::StoreDamaged { part: "journal" }, rescued.event()];
            node.record(&Actor::Node, events, now, &mut rng)?;
            (node, reader)
        }
        opened => opened?,
    };
    node.keep_rosters(&material.roster_files.load()?, now, &mut rng)?;
    node.guard(found, now, &mut rng)?;
    Ok(OpenStore { node, reader, reserve: Box::new(move |reservation| fence.write(reservation)) })
}

/// A node and what reads its journal beside it.
pub type OpenNode = (Node<LiveJournal, AnyViews>, JournalReader<RealFs>);

/// Opens the node on its store, not guarded: for whoever measures or looks, and signs nothing that leaves the machine.
pub fn open_node(config: &Config, material: &Material, now: Timestamp) -> Result<OpenNode, ServeError> {
    open_node_on(config, material, open_journal(config, material, &snapshot(config, material))?, now)
}

fn open_node_on(
    config: &Config,
    material: &Material,
    journal: LiveJournal,
    now: Timestamp,
) -> Result<OpenNode, ServeError> {
    let views = match config.views {
        ViewsBackend::Sled => AnyViews::open_sled(&config.dir.views()),
        ViewsBackend::Memory => AnyViews::in_memory(),
    };
    let reader = journal.reader();
    let (identity, settings) = (material.identity()?, material.settings(config));
    let roster = material.roster.clone();
    let node = Node::open(identity, settings, roster, journal, views, now, &mut random::generator())?;
    Ok((node, reader))
}

/// Writes a new journal beside the damaged one, with what can be read of it.
fn take_over(config: &Config, material: &Material, now: Timestamp) -> Result<Rescued, ServeError> {
    let (from, to) = (config.dir.journal(), config.dir.salvaged_journal());
    match std::fs::remove_dir_all(&to) {
        // Left half written by a start that was killed.
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(ServeError::SetAside(error)),
        _ => {}
    }
    let identity = material.identity()?;
    let quarter_cap = Epsilon::from_nano(config.statistics.quarter_cap_nano);
    let owner = Owner { identity: &identity, roster: &material.roster, quarter_cap };
    let key = &material.keystore.keys.storage;
    Ok(rescue(&RealFs, (&from, &to), key, JournalOptions::default(), owner, now)?)
}

/// Renames the damaged journal's folder and puts the new one in its place; the views are derived by whoever opens it.
fn set_aside(config: &Config, now: Timestamp) -> std::io::Result<PathBuf> {
    let kept = config.dir.path().join(format!("journal.damaged-{}", now.unix_s()));
    RealFs.rename(&config.dir.journal(), &kept)?;
    RealFs.sync_dir(config.dir.path())?;
    put_in_place(config)?;
    Ok(kept)
}

/// Also what a start has to do that was killed between the two renames: without a journal a node would begin anew.
fn put_in_place(config: &Config) -> std::io::Result<()> {
    if !config.dir.journal().exists() && config.dir.salvaged_journal().exists() {
        RealFs.rename(&config.dir.salvaged_journal(), &config.dir.journal())?;
        RealFs.sync_dir(config.dir.path())?;
    }
    Ok(())
}
