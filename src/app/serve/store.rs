//! Opening the store of a node: journal, views and the file of reserved sizes; setting a damaged journal aside.
//!
//! A damaged journal is not mended in place: what others hold of every feed, the node's own included, proves itself and is
//! fetched again. What nobody else holds is lost and said so: the audit log, publications acknowledged but not yet sent,
//! request ids and references. The damaged files stay beside the new ones for whoever wants to look at them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::config::Config;
use crate::app::config::values::ViewsBackend;
use crate::app::serve::material::{Material, ServeError};
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::io::engine::Reserve;
use crate::io::fence_file::FenceFile;
use crate::io::journal::file::{FileJournal, JournalOptions};
use crate::io::journal::fs::Fs;
use crate::io::journal::reader::JournalReader;
use crate::io::journal::real_fs::RealFs;
use crate::io::keystore::store::Keystore;
use crate::io::random;
use crate::io::snapshot_file::SnapshotFile;
use crate::io::views::any::AnyViews;
use crate::node::Node;
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
pub fn open_journal(
    config: &Config,
    material: &Material,
    snapshot: &LiveSnapshot,
) -> Result<LiveJournal, StorageFault> {
    let key = &material.keystore.keys.storage;
    let mut journal = FileJournal::open(RealFs, &config.dir.journal(), key, JournalOptions::default())?;
    let snapshot = Arc::clone(snapshot);
    journal.forget_with(Box::new(move || snapshot.discard()));
    Ok(journal)
}

/// Opens the node on a journal, or on what damage left of the store, guarded by the file of reserved sizes.
pub fn open(
    config: &Config,
    material: &Material,
    on_damage: OnDamage,
    journal: Result<LiveJournal, StorageFault>,
    snapshot: &LiveSnapshot,
    now: Timestamp,
) -> Result<OpenStore, ServeError> {
    let mut rng = random::generator();
    let fence = FenceFile::new(RealFs, config.dir.fence());
    let found = fence.read()?;
    let first = journal.map_err(ServeError::from).and_then(|journal| open_node_on(config, material, journal, now));
    let (mut node, reader) = match first {
        Err(ServeError::Store(fault @ StorageFault::Damaged(_))) if on_damage == OnDamage::Recover => {
            let kept = set_aside(config, now).map_err(ServeError::SetAside)?;
            tracing::warn!(event = "store.set_aside", fault = %fault, kept = %kept.display());
            tracing::warn!(
                event = "store.recovering",
                "all feeds, the own one included, are fetched again from other members; nothing is signed until then. \
                 Lost are: the audit log, publications acknowledged but not yet sent, request ids, source references and \
                 statistics charged but not yet released. Remove the kept files once nobody needs them"
            );
            snapshot.discard()?;
            let journal = open_journal(config, material, snapshot)?;
            let (mut node, reader) = open_node_on(config, material, journal, now)?;
            let events =
                vec![AuditEvent::StoreDamaged { part: "journal" }, AuditEvent::StoreRepaired { part: "journal" }];
            node.record(&Actor::Node, events, now, &mut rng)?;
            (node, reader)
        }
        opened => opened?,
    };
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
        ViewsBackend::Sled => AnyViews::open_sled(&config.dir.views())?,
        ViewsBackend::Memory => AnyViews::in_memory(),
    };
    let reader = journal.reader();
    let (identity, settings) = (material.identity()?, material.settings(config));
    let roster = material.roster.clone();
    let node = Node::open(identity, settings, roster, journal, views, now, &mut random::generator())?;
    Ok((node, reader))
}

/// Renames the journal's folder; the views are rebuilt by whoever opens a new journal.
fn set_aside(config: &Config, now: Timestamp) -> std::io::Result<PathBuf> {
    let kept = config.dir.path().join(format!("journal.damaged-{}", now.unix_s()));
    RealFs.rename(&config.dir.journal(), &kept)?;
    RealFs.sync_dir(config.dir.path())?;
    Ok(kept)
}
