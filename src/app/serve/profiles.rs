//! The profiles of a running node: begun empty, read and kept beside everything else.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::app::config::Config;
use crate::app::serve::material::{LiveEngine, Material, ServeError};
use crate::app::serve::store::LiveJournal;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::io::grpc::profiles::{Kept, ProfilesDesk};
use crate::io::journal::real_fs::RealFs;
use crate::io::journal::seal::profiles_key;
use crate::io::profiles::Profiles;
use crate::io::profiles::keep::{Keeper, ProfileFolder};
use crate::io::screener::Screener;
use crate::io::views::any::AnyViews;
use crate::node::local_mac::LocalMacKey;

/// None where profiles are off.
pub fn begin(config: &Config, material: &Material) -> Option<Arc<Profiles>> {
    let key = || LocalMacKey::new(&material.keystore.keys.local_mac).profile_key();
    config.profiles.map(|bounds| Arc::new(Profiles::new(key(), bounds)))
}

/// Reads and keeps them. That they cannot be kept is an alarm in the audit log, and nothing else happens.
pub fn keep(
    config: &Config,
    material: &Material,
    screener: &Screener,
    engine: &LiveEngine,
    runtime: &Handle,
) -> Result<Option<Keeper>, ServeError> {
    let Some(profiles) = &screener.profiles else { return Ok(None) };
    let key = profiles_key(&material.keystore.keys.storage);
    let folder = ProfileFolder { fs: RealFs, dir: config.dir.profiles(), key };
    let (engine, runtime) = (engine.patient(), runtime.clone());
    let alarm = move |kept: bool| {
        let part = "profiles";
        let event = if kept { AuditEvent::StoreRepaired { part } } else { AuditEvent::StoreDamaged { part } };
        let engine = engine.clone();
        runtime.spawn(async move {
            let told = engine.call(move |node, round| node.record(&Actor::Node, vec![event], round.now, round.rng));
            if !matches!(told.await, Ok(Ok(()))) {
                tracing::warn!(event = "profiles.untold", kept);
            }
        });
    };
    let keeper = Keeper::start(Arc::clone(profiles), folder, Box::new(alarm)).map_err(ServeError::Runtime)?;
    Ok(Some(keeper))
}

/// What shows and erases them.
pub fn desk(screener: &Screener, engine: &LiveEngine, keeper: Option<&Keeper>) -> ProfilesDesk<LiveJournal, AnyViews> {
    let kept = screener.profiles.as_ref().zip(keeper);
    let kept = kept.map(|(profiles, keeper)| Kept { profiles: Arc::clone(profiles), keeper: keeper.orders() });
    ProfilesDesk { kept, engine: engine.clone() }
}
