//! What runs beside the local door for as long as it is open: each follows something, and ends with the runtime.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic_health::server::HealthReporter;

use crate::app::config::Config;
use crate::app::serve::commands::follow_commands;
use crate::app::serve::material::LiveEngine;
use crate::app::serve::observe::Observer;
use crate::app::serve::refusals::RefusalLog;
use crate::app::serve::reload::{self, Access, Shown};
use crate::app::serve::roster::RosterDesk;
use crate::app::serve::{health, policy};
use crate::base::bytes::Sha256Digest;
use crate::domain::screening::advice::AdviceTexts;
use crate::io::releasing::keep_schedule;
use crate::io::screener::{Queued, Screener, write_records};

/// What the tasks rest on.
pub struct Beside {
    pub config: Config,
    pub engine: LiveEngine,
    pub screener: Arc<Screener>,
    pub desk: RosterDesk,
    pub observer: Observer,
    pub access: Access,
    pub shown: Shown,
    pub refusals: Vec<Arc<RefusalLog>>,
    pub health: HealthReporter,
    pub advice: Arc<ArcSwap<AdviceTexts>>,
    pub guards: Sha256Digest,
    pub stopping: watch::Receiver<bool>,
}

impl std::fmt::Debug for Beside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Beside")
    }
}

impl Beside {
    /// Begins all of them; the one that writes screening records, which ends with the last of them.
    pub fn begin(self, records: Receiver<Queued>) -> JoinHandle<()> {
        let Self { config, engine, screener, desk, observer, access, shown, .. } = self;
        tokio::spawn(observer.run(self.stopping.clone()));
        let window = Duration::from_millis(config.audit_window_ms);
        let records = write_records(engine.patient(), Arc::clone(&screener), records, window, self.stopping.clone());
        let recording = tokio::spawn(records);
        tokio::spawn(follow_commands(config.dir.commands(), engine.clone()));
        if !config.statistics.schedule.is_empty() {
            tokio::spawn(keep_schedule(engine.clone(), self.stopping));
        }
        for log in self.refusals {
            tokio::spawn(log.write_counts());
        }
        tokio::spawn(reload::follow_access(config.clone(), access, desk.clone()));
        tokio::spawn(reload::on_hangup(config.clone(), shown, desk.clone()));
        tokio::spawn(health::report(engine.clone(), self.health));
        tokio::spawn(reload::follow_epochs(desk));
        tokio::spawn(policy::follow(config.policy, self.guards, self.advice, screener, engine.patient()));
        recording
    }
}
