//! The report of a period as the interface tells it, and what the log takes.

use std::pin::Pin;

use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use crate::base::time::Timestamp;
use crate::domain::audit::period::AuditPeriod;
use crate::domain::audit::record::Actor;
use crate::io::engine::Engine;
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::compliance::v1 as wire;
use crate::io::reporting::{self, ReportingFault};
use crate::node::audit_size::AuditSize;
use crate::node::store::{Journal, Views};

pub type Parts = Pin<Box<dyn Stream<Item = Result<wire::ReportPeriodResponse, Status>> + Send>>;

/// The period of a report asked for now.
pub fn period(asked: &wire::ReportPeriodRequest, now: Timestamp) -> Result<AuditPeriod, Refusal> {
    let at = Timestamp::from_unix_ms;
    let period = AuditPeriod::new(at(asked.from_ms), at(asked.until_ms)).and_then(|period| period.reportable(now));
    period.map_err(|error| Refusal::InvalidArgument {
        field: "until_ms".to_owned(),
        rule: "period",
        description: error.to_string(),
    })
}

/// Makes the report for `caller`.
pub fn report<J, V>(engine: Engine<J, V>, caller: Actor, period: AuditPeriod) -> Parts
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let parts = reporting::report(engine, caller, period);
    Box::pin(parts.map(|part| match part {
        Ok(lines) => Ok(wire::ReportPeriodResponse { lines }),
        Err(fault) => Err(refusal(fault).into()),
    }))
}

fn refusal(fault: ReportingFault) -> Refusal {
    match fault {
        ReportingFault::Engine(fault) => engine_refusal(fault),
        ReportingFault::Storage(fault) => storage_refusal(&fault),
        fault @ (ReportingFault::Unprovable(_) | ReportingFault::Nothing) => {
            Refusal::Damaged { reason: "UNPROVABLE", description: fault.to_string() }
        }
    }
}

/// What the log takes.
pub fn wire_size(size: AuditSize) -> wire::GetAuditSizeResponse {
    let rows = size.rows.into_iter().map(|((month, kind), tally)| wire::AuditSizeRow {
        month,
        kind,
        entries: tally.entries,
        bytes: tally.bytes,
    });
    let freed = size.freed.into_iter().map(|(month, bytes)| wire::AuditSizeFreed { month, bytes });
    wire::GetAuditSizeResponse {
        rows: rows.collect(),
        freed: freed.collect(),
        held_bytes: size.held_bytes,
        entries: size.size.0,
    }
}
