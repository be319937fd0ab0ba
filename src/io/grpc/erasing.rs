//! The two halves of an erasure in `hushwire.local.v1.PublishingService`: one person asks, another confirms.

use tonic::{Request, Response, Status};

use crate::io::grpc::convert;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::publishing::{Publishing, check_request_id};
use crate::io::grpc::refusals::{engine_refusal, erase_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1::{
    ConfirmErasureRequest, ConfirmErasureResponse, EraseIndicatorsRequest, EraseIndicatorsResponse,
};
use crate::node::erase::EraseRequest;
use crate::node::erasures::{Asked, ErasureId, NoErasureId};
use crate::node::store::{Journal, Views};

impl<J: Journal + Send + 'static, V: Views + Send + 'static> Publishing<J, V> {
    pub(in crate::io::grpc) async fn ask_for_erasure(
        &self,
        request: Request<EraseIndicatorsRequest>,
    ) -> Result<Response<EraseIndicatorsResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let mut message = request.into_inner();
        check_request_id(&message.request_id)?;
        let request_id = std::mem::take(&mut message.request_id);
        let content = zeroize::Zeroizing::new(prost::Message::encode_to_vec(&message));
        let reason = convert::erasure_reason(message.reason)?;
        let selectors = convert::selectors(&self.member, message.names, message.source_refs, message.identifiers)?;
        let asked = self
            .engine
            .call(move |node, round| {
                let request = node.request(&request_id, &content);
                node.erase_indicators(&caller, EraseRequest { request, selectors, reason }, round.now, round.rng)
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| erase_refusal(&fault))?;
        let nothing = asked.targets.is_empty();
        Ok(Response::new(EraseIndicatorsResponse {
            erasure_id: if nothing { String::new() } else { asked.id.to_string() },
            ends_at: (!nothing).then(|| convert::wire_time(asked.ends())),
            selected: self.names(&asked.targets),
            kept: self.names(&asked.kept),
            refused: asked.refused.into_iter().map(convert::wire_refusal).collect(),
        }))
    }

    pub(in crate::io::grpc) async fn confirm_asked_erasure(
        &self,
        request: Request<ConfirmErasureRequest>,
    ) -> Result<Response<ConfirmErasureResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let id: ErasureId = message.erasure_id.parse().map_err(|error: NoErasureId| Refusal::InvalidArgument {
            field: "erasure_id".to_owned(),
            rule: "malformed_id",
            description: error.to_string(),
        })?;
        let (asked, erased) = self
            .engine
            .call(move |node, round| {
                let asked: Asked = node.asked_erasure(id, round.now)?.clone();
                let erased = match message.dry_run {
                    true => asked.targets.clone(),
                    false => node.confirm_erasure(&caller, id, round.now, round.rng)?,
                };
                Ok((asked, erased))
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| erase_refusal(&fault))?;
        Ok(Response::new(ConfirmErasureResponse {
            erased: self.names(&erased),
            asked_by: asked.by,
            reason: convert::wire_erasure_reason(asked.reason).into(),
        }))
    }
}
