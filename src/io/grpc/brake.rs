//! `hushwire.local.v1.BrakeService`: what is held back of others, and what people decide of it.

use tonic::{Request, Response, Status};

use crate::io::engine::Engine;
use crate::io::grpc::convert;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::publishing::{malformed_token, page_size};
use crate::io::grpc::refusals::{engine_refusal, quarantine_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::brake_service_server::BrakeService;
use crate::node::quarantine::{NoQuarantineId, QuarantineId, Row, Standing, Subject};
use crate::node::store::{Journal, Views};

/// Rows of a page where the caller names none, and at most.
const PAGE: (usize, usize) = (100, 1_000);

/// The service over one engine.
#[derive(Debug)]
pub struct BrakeDesk<J, V> {
    pub engine: Engine<J, V>,
}

#[tonic::async_trait]
impl<J, V> BrakeService for BrakeDesk<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn list_quarantined(
        &self,
        request: Request<wire::ListQuarantinedRequest>,
    ) -> Result<Response<wire::ListQuarantinedResponse>, Status> {
        local_caller(&request)?;
        let wire::ListQuarantinedRequest { page_size: asked, page_token, all } = request.into_inner();
        let after = match page_token.as_str() {
            "" => None,
            token => Some(token.parse().map_err(|_: NoQuarantineId| malformed_token())?),
        };
        let limit = page_size(asked, PAGE);
        let look = self.engine.inquire(move |node, _| {
            let held = &node.state().quarantines;
            let wanted = held.after(after).filter(|row| all || row.is_held());
            (wanted.take(limit + 1).cloned().collect::<Vec<Row>>(), held.waiting())
        });
        let (mut rows, waiting) = look.await.map_err(engine_refusal)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_page_token = rows.last().filter(|_| more).map(|last| last.id.to_string()).unwrap_or_default();
        let quarantined = rows.iter().map(wire_row).collect();
        let waiting = convert::count(waiting);
        Ok(Response::new(wire::ListQuarantinedResponse { quarantined, next_page_token, waiting }))
    }

    async fn lift_quarantine(
        &self,
        request: Request<wire::LiftQuarantineRequest>,
    ) -> Result<Response<wire::LiftQuarantineResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let id = id_of(&request.get_ref().quarantine_id)?;
        let lifted = self
            .engine
            .call(move |node, round| node.lift_quarantine(&caller, id, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| quarantine_refusal(&fault))?;
        Ok(Response::new(wire::LiftQuarantineResponse { lifted }))
    }

    async fn keep_quarantined(
        &self,
        request: Request<wire::KeepQuarantinedRequest>,
    ) -> Result<Response<wire::KeepQuarantinedResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let id = id_of(&request.get_ref().quarantine_id)?;
        self.engine
            .call(move |node, round| node.keep_quarantined(&caller, id, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| quarantine_refusal(&fault))?;
        Ok(Response::new(wire::KeepQuarantinedResponse {}))
    }
}

fn id_of(text: &str) -> Result<QuarantineId, Refusal> {
    text.parse().map_err(|error: NoQuarantineId| Refusal::InvalidArgument {
        field: "quarantine_id".to_owned(),
        rule: "malformed_id",
        description: error.to_string(),
    })
}

fn wire_row(row: &Row) -> wire::Quarantined {
    let raise = &row.raise;
    let indicator = match &raise.subject {
        Subject::Indicator(commitment) => convert::indicator_name(&raise.member, commitment),
        Subject::AllNew { .. } => String::new(),
    };
    let (state, by) = match &row.standing {
        Standing::Waiting => (wire::QuarantineState::Waiting, ""),
        Standing::LiftAsked { by, .. } => (wire::QuarantineState::LiftAsked, by.as_str()),
        Standing::Kept { by } => (wire::QuarantineState::Kept, by.as_str()),
        Standing::Lifted { .. } => (wire::QuarantineState::Lifted, ""),
    };
    wire::Quarantined {
        quarantine_id: row.id.to_string(),
        member: raise.member.to_string(),
        kind: convert::wire_kind(raise.kind).into(),
        indicator,
        reason: i32::try_from(raise.reason.number()).unwrap_or_default(),
        at: Some(convert::wire_time(row.at)),
        matched: raise.matched,
        transactions: raise.transactions,
        state: state.into(),
        by: by.to_owned(),
    }
}
