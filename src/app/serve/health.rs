//! `grpc.health.v1`: what load balancers and supervisors ask, for the node as a whole and for each of its services.
//!
//! Screening answers from memory and stays healthy while the store is not; everything that writes does not. While the store
//! is opened, screening alone is healthy, and that only where a snapshot answers: a node without one is cold.

use std::time::Duration;

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

use crate::base::limits;
use crate::io::engine::{Engine, EngineFault};
use crate::io::metrics::seen::SCREENING;
use crate::node::store::{Journal, Views};

/// How often the store is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Services that need the store. The empty name is the node as a whole.
const STORING: [&str; 11] = [
    "",
    "hushwire.local.v1.PublishingService",
    "hushwire.local.v1.ListsService",
    "hushwire.local.v1.FeedbackService",
    "hushwire.local.v1.ProfilesService",
    "hushwire.local.v1.CaseService",
    "hushwire.local.v1.ChallengeService",
    "hushwire.local.v1.PolicyService",
    "hushwire.local.v1.UserService",
    "hushwire.compliance.v1.AuditService",
    "hushwire.compliance.v1.StatisticsService",
];

/// The service that answers whatever the store does, once it was open.
const NODE: &str = "hushwire.local.v1.NodeService";

/// The service, and what keeps it true.
pub fn health() -> (HealthServer<impl Health>, HealthReporter) {
    let (reporter, service) = health_reporter();
    (service, reporter)
}

/// What is true when the doors open: nothing answers, but screening where a snapshot does. Said before anybody can ask.
pub async fn begin(reporter: &HealthReporter, answering: bool) {
    for service in STORING.into_iter().chain([NODE]) {
        reporter.set_service_status(service, ServingStatus::NotServing).await;
    }
    let screening = if answering { ServingStatus::Serving } else { ServingStatus::NotServing };
    reporter.set_service_status(SCREENING, screening).await;
}

/// Checkouts are answered from now on.
pub async fn answering(reporter: &HealthReporter) {
    reporter.set_service_status(SCREENING, ServingStatus::Serving).await;
}

/// Reports on everything but screening until it is dropped. Of an engine that does not answer in time, or is gone, nothing that
/// needs the store is healthy.
pub async fn report<J, V>(engine: Engine<J, V>, reporter: HealthReporter)
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    // One that is being opened is not ill; one that cannot be opened is gone.
    if engine.opened().await {
        reporter.set_service_status(NODE, ServingStatus::Serving).await;
    }
    // Busy is no illness: it waits for room, and only what does not come in time is stuck.
    let engine = engine.patient();
    let mut every = tokio::time::interval(LOOK_EVERY);
    let mut before = ServingStatus::Serving;
    loop {
        every.tick().await;
        let outcome = engine.call_within(Duration::from_millis(limits::ENGINE_STUCK_MS), |_, _| ()).await;
        let status = match &outcome {
            Ok(()) => ServingStatus::Serving,
            Err(
                EngineFault::Busy
                | EngineFault::Opening
                | EngineFault::Storage(_)
                | EngineFault::Stuck { .. }
                | EngineFault::Stopping,
            ) => ServingStatus::NotServing,
        };
        if status != before {
            match &outcome {
                Ok(()) => tracing::info!(event = "store.well"),
                Err(fault) => tracing::error!(event = "store.unwell", fault = %fault),
            }
        }
        before = status;
        for service in STORING {
            reporter.set_service_status(service, status).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::io::grpc::roles::{Callers, METHODS};

    #[test]
    fn every_service_of_ours_behind_the_local_door_is_reported_on() {
        let ours = METHODS
            .iter()
            .filter(|row| row.method.starts_with("/hushwire.") && matches!(row.callers, Callers::Local(_)));
        let named: BTreeSet<&str> = ours.filter_map(|row| row.method.split('/').nth(1)).collect();
        let reported: BTreeSet<&str> =
            STORING.into_iter().chain([NODE, SCREENING]).filter(|name| !name.is_empty()).collect();
        assert_eq!(reported, named);
    }
}
