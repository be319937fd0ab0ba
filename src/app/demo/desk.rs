//! The members' own systems: a bank's fraud desk, a shop's checkout, an officer. Each calls its own node only.

use std::path::Path;
use std::time::{Duration, Instant};

use tonic::transport::Channel;

use crate::app::demo::founding::Member;
use crate::app::demo::generator::Flag;
use crate::app::demo::generator::orders::Order;
use crate::app::outcome::CliError;
use crate::base::kind::IdentifierKind;
use crate::io::grpc::convert::{wire_kind, wire_time};
use crate::io::grpc::wire::hushwire::local::v1::case_service_client::CaseServiceClient;
use crate::io::grpc::wire::hushwire::local::v1::challenge_service_client::ChallengeServiceClient;
use crate::io::grpc::wire::hushwire::local::v1::node_service_client::NodeServiceClient;
use crate::io::grpc::wire::hushwire::local::v1::publishing_service_client::PublishingServiceClient;
use crate::io::grpc::wire::hushwire::local::v1::screening_service_client::ScreeningServiceClient;
use crate::io::grpc::wire::hushwire::local::v1::{
    AnswerChallengeRequest, AnswerChallengeResponse, CaseState, ChallengeMethod, GetCaseRequest, GetStatusRequest,
    GetStatusResponse, Identifier, IndicatorDraft, PublishIndicatorsRequest, ReleaseCaseRequest,
    RetractIndicatorsRequest, ScreenTransactionRequest, ScreenTransactionResponse, StartChallengeRequest,
};
use crate::io::grpc::wire::hushwire::types::v1::{Grounds, RetractionReason, Severity};
use crate::io::transport::client::{ClientIdentity, cause_of, connect_local};
use crate::io::transport::tls::{Authority, Certified};

/// Longest wait for something to travel.
const TRAVEL: Duration = Duration::from_secs(60);

/// One of a member's systems, connected to the member's node.
#[derive(Debug, Clone)]
pub struct Desk {
    channel: Channel,
}

impl Desk {
    /// Connects with the certificate in `certs/<role>-<name>`.
    pub fn open(member: &Member, client: &str) -> Result<Self, CliError> {
        let folder = member.dir.join("certs").join(client);
        let unusable = |error: &dyn std::fmt::Display| CliError::failed(format!("{}: {error}", folder.display()));
        let identity = ClientIdentity {
            certified: Certified::from_pem(&read(&folder.join("cert.pem"))?, &read(&folder.join("key.pem"))?)
                .map_err(|error| unusable(&error))?,
            authority: Authority::from_pem(&read(&folder.join("ca.pem"))?).map_err(|error| unusable(&error))?,
        };
        let channel = connect_local(&member.local.to_string(), &identity).map_err(|error| unusable(&error))?;
        Ok(Self { channel })
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Publishes flags; returns the names of the indicators.
    pub async fn publish(&self, flags: &[Flag], request_id: &str) -> Result<Vec<String>, CliError> {
        let request = PublishIndicatorsRequest {
            request_id: request_id.to_owned(),
            indicators: flags.iter().map(draft).collect(),
            ..PublishIndicatorsRequest::default()
        };
        let mut client = PublishingServiceClient::new(self.channel.clone());
        let answer = client.publish_indicators(request).await.map_err(failed)?.into_inner();
        if let Some(refused) = answer.refused.first() {
            let rule = &refused.rule;
            return Err(CliError::failed(format!("an invented indicator was refused: {} {rule}", refused.field)));
        }
        Ok(answer.published.into_iter().map(|published| published.name).collect())
    }

    /// Withdraws everything this member said of one identifier.
    pub async fn retract(&self, kind: IdentifierKind, value: &str) -> Result<usize, CliError> {
        let request = RetractIndicatorsRequest {
            identifiers: vec![identifier(kind, value)],
            reason: RetractionReason::FalsePositive.into(),
            ..RetractIndicatorsRequest::default()
        };
        let mut client = PublishingServiceClient::new(self.channel.clone());
        Ok(client.retract_indicators(request).await.map_err(failed)?.into_inner().retracted.len())
    }

    /// Screens one transaction.
    pub async fn screen(&self, request: ScreenTransactionRequest) -> Result<ScreenTransactionResponse, CliError> {
        let mut client = ScreeningServiceClient::new(self.channel.clone());
        Ok(client.screen_transaction(request).await.map_err(failed)?.into_inner())
    }

    /// Has a code sent to the customer of an order that was challenged.
    pub async fn start_code(&self, decision_id: &str, delivery_ref: &str) -> Result<(), CliError> {
        let request = StartChallengeRequest {
            decision_id: decision_id.to_owned(),
            method: ChallengeMethod::Code.into(),
            delivery_ref: delivery_ref.to_owned(),
        };
        let mut client = ChallengeServiceClient::new(self.channel.clone());
        client.start_challenge(request).await.map_err(failed)?;
        Ok(())
    }

    /// Says what the customer typed.
    pub async fn answer_code(&self, decision_id: &str, code: &str) -> Result<AnswerChallengeResponse, CliError> {
        let request = AnswerChallengeRequest { decision_id: decision_id.to_owned(), code: code.to_owned() };
        let mut client = ChallengeServiceClient::new(self.channel.clone());
        Ok(client.answer_challenge(request).await.map_err(failed)?.into_inner())
    }

    /// Releases a held order.
    pub async fn release(&self, case_id: &str) -> Result<(), CliError> {
        let request = ReleaseCaseRequest { case_id: case_id.to_owned(), ..ReleaseCaseRequest::default() };
        let mut client = CaseServiceClient::new(self.channel.clone());
        let case = client.release_case(request).await.map_err(failed)?.into_inner().case;
        match case.map(|case| case.state()) {
            Some(CaseState::Released) => Ok(()),
            state => Err(CliError::not_verified(format!("a held order is not released: {state:?}"))),
        }
    }

    pub async fn is_released(&self, case_id: &str) -> Result<bool, CliError> {
        let request = GetCaseRequest { case_id: case_id.to_owned(), ..GetCaseRequest::default() };
        let mut client = CaseServiceClient::new(self.channel.clone());
        let case = client.get_case(request).await.map_err(failed)?.into_inner().case;
        Ok(case.is_some_and(|case| case.state() == CaseState::Released))
    }

    pub async fn status(&self) -> Result<GetStatusResponse, CliError> {
        let mut client = NodeServiceClient::new(self.channel.clone());
        Ok(client.get_status(GetStatusRequest {}).await.map_err(failed)?.into_inner())
    }

    /// Asks until the node believes at least `indicators`; how long that took.
    pub async fn wait_until_believed(&self, indicators: u64) -> Result<(u64, Duration), CliError> {
        let since = Instant::now();
        loop {
            // A node that is just starting is asked again.
            if let Ok(status) = self.status().await
                && status.believed >= indicators
            {
                return Ok((status.believed, since.elapsed()));
            }
            patience(since, "indicators did not arrive")?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Screens the same transaction until `wanted` holds; how long that took since `since`.
    pub async fn screen_until(
        &self,
        request: &ScreenTransactionRequest,
        since: Instant,
        wanted: impl Fn(&ScreenTransactionResponse) -> bool,
    ) -> Result<(ScreenTransactionResponse, Duration), CliError> {
        loop {
            let answer = self.screen(request.clone()).await?;
            if wanted(&answer) {
                return Ok((answer, since.elapsed()));
            }
            patience(since, "the decision did not change")?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn patience(since: Instant, what: &str) -> Result<(), CliError> {
    if since.elapsed() < TRAVEL {
        return Ok(());
    }
    Err(CliError::failed(format!("{what} within {} s; the nodes' logs say why", TRAVEL.as_secs())))
}

/// A call that a node refused.
pub fn failed(status: tonic::Status) -> CliError {
    let message = if status.message().is_empty() { cause_of(&status) } else { status.message().to_owned() };
    CliError::failed(format!("a node refused: {message}"))
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| CliError::failed(format!("{}: {error}", path.display())))
}

/// One identifier as a message holds it.
pub fn identifier(kind: IdentifierKind, value: &str) -> Identifier {
    Identifier { kind: wire_kind(kind).into(), value: value.to_owned() }
}

/// An order as the checkout asks about it.
pub fn question(order: &Order) -> ScreenTransactionRequest {
    ScreenTransactionRequest {
        identifiers: order.identifiers.iter().map(|(kind, value)| identifier(*kind, value)).collect(),
        amount_minor: order.amount_minor,
        currency: order.currency.to_owned(),
        channel: order.channel.to_owned(),
        country: order.country.to_owned(),
        customer_ref: order.customer_ref.clone(),
        transaction_ref: order.transaction_ref.clone(),
        ..ScreenTransactionRequest::default()
    }
}

fn draft(flag: &Flag) -> IndicatorDraft {
    let severity = match flag.severity {
        "low" => Severity::Low,
        "medium" => Severity::Medium,
        _ => Severity::High,
    };
    let grounds = match flag.grounds {
        "customer_report" => Grounds::CustomerReport,
        "authority" => Grounds::Authority,
        _ => Grounds::OwnConfirmed,
    };
    IndicatorDraft {
        identifier: Some(identifier(flag.kind, &flag.value)),
        typology: flag.typology.to_owned(),
        severity: severity.into(),
        confidence: u32::from(flag.confidence),
        grounds: grounds.into(),
        observed_at: Some(wire_time(flag.observed_at)),
        valid_until: Some(wire_time(flag.valid_until)),
        note: flag.note.to_owned(),
        source_ref: flag.source_ref.clone(),
        ..IndicatorDraft::default()
    }
}
