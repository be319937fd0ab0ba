//! Following what was answered, on a running node: late matches, counted traffic and the brake.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use tokio::runtime::Handle;

use crate::app::config::Config;
use crate::app::serve::material::{LiveEngine, Material, ServeError};
use crate::base::limits;
use crate::domain::screening::late::window::Bounds;
use crate::io::answered::Given;
use crate::io::answered::brake::{BrakeSettings, Brakeman};
use crate::io::answered::follow::Following;
use crate::io::screener::Screener;

pub fn follow(
    config: &Config,
    screener: &Arc<Screener>,
    engine: &LiveEngine,
    runtime: &Handle,
    waiting: Receiver<Box<Given>>,
    material: &Material,
) -> Result<Following, ServeError> {
    // A window of no hours holds no order.
    let orders = if config.late.hours == 0 { 0 } else { config.late.max_orders };
    let names = orders.saturating_mul(limits::late::NAMES_PER_ORDER);
    let bounds = Bounds { keep_s: config.late.hours.saturating_mul(3_600), orders, names };
    let settings = BrakeSettings {
        traffic: Arc::clone(&material.traffic),
        per_mille: config.brake.hold_per_mille,
        canaries: config.brake.canaries.clone(),
        hosts: Arc::clone(&material.hosts),
    };
    let brakeman = Brakeman::new(settings, config.member.clone(), &screener.canon, &screener.keys.load())?;
    let following = Following::start(Arc::clone(screener), engine.clone(), runtime.clone(), waiting, bounds, brakeman);
    following.map_err(ServeError::Runtime)
}
