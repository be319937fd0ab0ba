//! `hushwire.local.v1.ChallengeService`.

use std::time::Duration;

use tokio::time::Instant;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use crate::base::bytes::LocalMac;
use crate::base::limits;
use crate::base::role::Role;
use crate::domain::audit::record::Actor;
use crate::domain::case::CaseId;
use crate::domain::case::challenge::{Challenge, Code, Method, Standing};
use crate::domain::screening::transaction::CustomerRef;
use crate::io::engine::Engine;
use crate::io::grpc::case_words::{invalid, wire_state};
use crate::io::grpc::cases::case_id_of;
use crate::io::grpc::convert;
use crate::io::grpc::deadline::Deadline;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::refusals::{challenge_refusal, engine_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::challenge_service_server::ChallengeService;
use crate::io::transport::caller::LocalCaller;
use crate::io::webhook::code::{CodeDelivery, CodePost, Outgoing};
use crate::node::case::CaseFault;
use crate::node::challenge::{ChallengeFault, Started};
use crate::node::local_mac::LocalMacKey;
use crate::node::store::{Journal, Views};

/// The service over one engine.
#[derive(Debug)]
pub struct ChallengeDesk<J, V> {
    pub engine: Engine<J, V>,
    /// Turns callers' references into the fingerprints customers are known by.
    pub local_mac: LocalMacKey,
    pub codes: CodePost,
}

#[tonic::async_trait]
impl<J, V> ChallengeService for ChallengeDesk<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn start_challenge(
        &self,
        request: Request<wire::StartChallengeRequest>,
    ) -> Result<Response<wire::StartChallengeResponse>, Status> {
        let (actor, own_only) = caller(&request)?;
        let until = patience(request.extensions().get::<Deadline>().copied());
        let message = request.into_inner();
        let id = case_id_of("decision_id", &message.decision_id)?;
        let method = method(message.method)?;
        let delivery_ref = Zeroizing::new(message.delivery_ref);
        bounded("delivery_ref", &delivery_ref, limits::decisions::DELIVERY_REF_CHARACTERS)?;
        if method == Method::Code && !self.codes.has_receivers() {
            let description = "no webhook asks for challenge.code: nobody would send it".to_owned();
            return Err(Refusal::FailedPrecondition { reason: "NO_CODE_RECEIVER", description }.into());
        }
        let Started { case, challenge, code } = self.start(&actor, id, method, own_only, until).await?;
        let Challenge { expires, sent: nth, .. } = challenge;
        let delivery = match code {
            Some(code) => {
                let outgoing = Outgoing { case: id, nth, code, delivery_ref, expires };
                wire_delivery(self.codes.send(outgoing, until).await)
            }
            None => wire::CodeDelivery::Unspecified,
        };
        Ok(Response::new(wire::StartChallengeResponse {
            expires_at: Some(convert::wire_time(expires)),
            attempts_left: challenge.left(),
            codes_left: limits::decisions::CHALLENGE_CODES.saturating_sub(nth),
            delivery: delivery.into(),
            state: wire_state(case.state()).into(),
        }))
    }

    async fn answer_challenge(
        &self,
        request: Request<wire::AnswerChallengeRequest>,
    ) -> Result<Response<wire::AnswerChallengeResponse>, Status> {
        let (actor, own_only) = caller(&request)?;
        let message = request.into_inner();
        let id = case_id_of("decision_id", &message.decision_id)?;
        let code = Code::typed(&message.code).map_err(|error| invalid("code", "code_form", &error.to_string()))?;
        let answered = self
            .engine
            .call(move |node, round| node.answer_challenge(&actor, id, &code, own_only, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| challenge_refusal(&fault))?;
        let passed = answered.challenge.standing == Standing::Passed;
        Ok(Response::new(wire::AnswerChallengeResponse {
            passed,
            attempts_left: answered.challenge.left(),
            state: wire_state(answered.case.state()).into(),
        }))
    }

    async fn report_challenge(
        &self,
        request: Request<wire::ReportChallengeRequest>,
    ) -> Result<Response<wire::ReportChallengeResponse>, Status> {
        let (actor, own_only) = caller(&request)?;
        let wire::ReportChallengeRequest { decision_id, passed } = request.into_inner();
        let id = case_id_of("decision_id", &decision_id)?;
        let answered = self
            .engine
            .call(move |node, round| node.report_challenge(&actor, id, passed, own_only, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| challenge_refusal(&fault))?;
        Ok(Response::new(wire::ReportChallengeResponse { state: wire_state(answered.case.state()).into() }))
    }

    async fn enrol_totp(
        &self,
        request: Request<wire::EnrolTotpRequest>,
    ) -> Result<Response<wire::EnrolTotpResponse>, Status> {
        let (actor, _) = caller(&request)?;
        let wire::EnrolTotpRequest { customer_ref, account } = request.into_inner();
        let customer = self.customer(customer_ref)?;
        let account = account_of(account)?;
        let uri = self
            .engine
            .call(move |node, round| node.enrol_totp(&actor, customer, &account, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| challenge_refusal(&fault))?;
        Ok(Response::new(wire::EnrolTotpResponse { otpauth_uri: uri.to_string() }))
    }

    async fn remove_totp(
        &self,
        request: Request<wire::RemoveTotpRequest>,
    ) -> Result<Response<wire::RemoveTotpResponse>, Status> {
        let (actor, _) = caller(&request)?;
        let customer = self.customer(request.into_inner().customer_ref)?;
        let removed = self
            .engine
            .call(move |node, round| node.remove_totp(&actor, customer, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| challenge_refusal(&fault))?;
        Ok(Response::new(wire::RemoveTotpResponse { removed }))
    }
}

impl<J: Journal + Send + 'static, V: Views + Send + 'static> ChallengeDesk<J, V> {
    /// Starts a challenge. Whoever was just answered that an order is challenged may be faster than the record of that decision,
    /// which opens the case: it is waited for.
    async fn start(
        &self,
        actor: &Actor,
        id: CaseId,
        method: Method,
        own_only: bool,
        until: Instant,
    ) -> Result<Started, Refusal> {
        let pause = Duration::from_millis(limits::decisions::CASES_LOOK_MS);
        loop {
            let caller = actor.clone();
            let started = self
                .engine
                .call(move |node, round| node.start_challenge(&caller, id, method, own_only, round.now, round.rng))
                .await
                .map_err(engine_refusal)?;
            match started {
                Err(ChallengeFault::Case(CaseFault::Unknown)) if Instant::now() + pause < until => {
                    tokio::time::sleep(pause).await;
                }
                Err(fault) => return Err(challenge_refusal(&fault)),
                Ok(started) => return Ok(started),
            }
        }
    }
}

impl<J, V> ChallengeDesk<J, V> {
    /// The fingerprint of a customer's reference, which must be given.
    fn customer(&self, reference: String) -> Result<LocalMac, Refusal> {
        bounded("customer_ref", &reference, limits::SOURCE_REF_CHARACTERS)?;
        let customer = self.local_mac.customer(&CustomerRef::new(reference));
        customer.ok_or_else(|| invalid("customer_ref", "missing", "name the customer as screenings do"))
    }
}

/// Who calls, and whether only for its own decisions.
fn caller<T>(request: &Request<T>) -> Result<(Actor, bool), Refusal> {
    let caller: &LocalCaller = local_caller(request)?;
    Ok((convert::actor(caller), caller.role == Role::Screener))
}

fn method(number: i32) -> Result<Method, Refusal> {
    let known = u32::try_from(number).ok().and_then(Method::from_number);
    known.ok_or_else(|| invalid("method", "unknown_word", "methods are code, totp and external"))
}

fn bounded(field: &'static str, text: &str, limit: usize) -> Result<(), Refusal> {
    let got = text.chars().count();
    if got <= limit {
        return Ok(());
    }
    Err(invalid(field, "too_long", &format!("has at most {limit} characters, got {got}")))
}

/// What an authenticator shows. A colon divides it from the member's id.
fn account_of(account: String) -> Result<String, Refusal> {
    bounded("account", &account, limits::decisions::TOTP_ACCOUNT_CHARACTERS)?;
    if account.trim().is_empty() || account.chars().any(|character| character == ':' || character.is_control()) {
        return Err(invalid("account", "account_form", "is one line of text without a colon"));
    }
    Ok(account)
}

fn wire_delivery(delivery: CodeDelivery) -> wire::CodeDelivery {
    match delivery {
        CodeDelivery::Taken => wire::CodeDelivery::Taken,
        CodeDelivery::Pending => wire::CodeDelivery::Pending,
        CodeDelivery::Failed => wire::CodeDelivery::Failed,
    }
}

/// Until when a receiver is waited for: the answer must still reach a caller that soon gives up.
fn patience(deadline: Option<Deadline>) -> Instant {
    let (now, longest) = (Instant::now(), Duration::from_millis(limits::decisions::CODE_WAIT_MS));
    let half = deadline.map_or(longest, |deadline| deadline.0.saturating_duration_since(now) / 2);
    now + half.min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_core_have_the_numbers_of_the_interface() {
        for (known, word) in [
            (Method::Code, wire::ChallengeMethod::Code),
            (Method::Totp, wire::ChallengeMethod::Totp),
            (Method::External, wire::ChallengeMethod::External),
        ] {
            assert_eq!(method(word.into()), Ok(known));
        }
        assert!(method(0).is_err() && method(4).is_err());
    }

    #[test]
    fn an_account_is_one_line_without_a_colon() {
        assert_eq!(account_of("jane's orders".to_owned()), Ok("jane's orders".to_owned()));
        for text in ["", "  ", "a:b", "a\nb"] {
            assert!(account_of(text.to_owned()).is_err(), "{text:?}");
        }
        assert!(account_of("x".repeat(65)).is_err());
    }
}
