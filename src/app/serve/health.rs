//! `grpc.health.v1`: what load balancers and supervisors ask, for the node as a whole and for each of its services.
//!
//! Screening answers from memory and stays healthy while the store is not; everything that writes does not. While the store
//! is opened, screening alone is healthy.

use std::time::Duration;

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

use crate::app::serve::material::LiveEngine;
use crate::io::engine::EngineFault;

/// How often the store is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Services that need the store. The empty name is the node as a whole.
const STORING: [&str; 4] = [
    "",
    "hushwire.local.v1.PublishingService",
    "hushwire.compliance.v1.AuditService",
    "hushwire.compliance.v1.StatisticsService",
];

/// The service that answers whatever the store does.
const SCREENING: &str = "hushwire.local.v1.ScreeningService";

/// The service that answers whatever the store does, once it was open.
const NODE: &str = "hushwire.local.v1.NodeService";

/// The service, and what keeps it true.
pub fn health() -> (HealthServer<impl Health>, HealthReporter) {
    let (reporter, service) = health_reporter();
    (service, reporter)
}

/// Reports until the engine ends.
pub async fn report(engine: LiveEngine, reporter: HealthReporter) {
    reporter.set_service_status(SCREENING, ServingStatus::Serving).await;
    let mut every = tokio::time::interval(LOOK_EVERY);
    loop {
        every.tick().await;
        let status = match engine.call(|_, _| ()).await {
            // Busy is no illness: who is sent away is told when to come back.
            Ok(()) | Err(EngineFault::Busy) => ServingStatus::Serving,
            Err(EngineFault::Storage(_) | EngineFault::Opening) => ServingStatus::NotServing,
            Err(EngineFault::Stopping) => return,
        };
        let standing = if engine.is_open() { ServingStatus::Serving } else { ServingStatus::NotServing };
        reporter.set_service_status(NODE, standing).await;
        for service in STORING {
            reporter.set_service_status(service, status).await;
        }
    }
}
