//! What a member's systems ask of their node, through the library's own clients.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, Grounds, IdentifierKind, RetractionReason, Severity};
use hushwire::io::transport::client::{ClientIdentity, connect_local};
use hushwire::io::transport::tls::{Authority, Certified};
use local::node_service_client::NodeServiceClient;
use local::publishing_service_client::PublishingServiceClient;
use local::screening_service_client::ScreeningServiceClient;
use tokio::runtime::Runtime;
use tonic::Status;
use tonic::transport::Channel;

use crate::consortium::command;
use crate::node::{Home, Node, wait, wait_longer};

/// Drives the connections of all tests.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime")
});

pub type Identifier = (IdentifierKind, &'static str);

pub fn identifier((kind, value): Identifier) -> local::Identifier {
    local::Identifier { kind: kind.into(), value: value.to_owned() }
}

/// An ordinary statement about an identifier.
pub fn draft(of: Identifier) -> local::IndicatorDraft {
    local::IndicatorDraft {
        identifier: Some(identifier(of)),
        typology: "F1012".to_owned(),
        severity: Severity::High.into(),
        confidence: 90,
        grounds: Grounds::OwnConfirmed.into(),
        ..Default::default()
    }
}

impl Home {
    /// Folder of a client certificate of this role, issued by the command where there is none yet.
    pub fn identity(&self, role: &str) -> std::path::PathBuf {
        let folder = self.path().join("certs").join(format!("{role}-desk"));
        if !folder.exists() {
            let dir = self.path();
            let issued = command(&dir).args(["cert", "issue", role, "desk"]).output().expect("the binary runs");
            assert!(issued.status.success(), "{}", String::from_utf8_lossy(&issued.stderr));
        }
        folder
    }

    /// Certificate, key and authority of such a client.
    pub fn client(&self, role: &str) -> ClientIdentity {
        client(&self.identity(role))
    }
}

fn client(folder: &Path) -> ClientIdentity {
    let read = |name| std::fs::read(folder.join(name)).expect("issued");
    ClientIdentity {
        certified: Certified::from_pem(&read("cert.pem"), &read("key.pem")).expect("a certificate"),
        authority: Authority::from_pem(&read("ca.pem")).expect("an authority"),
    }
}

impl Node {
    /// A channel in a role.
    pub fn channel(&self, role: &str) -> Channel {
        self.channel_of(&self.home.identity(role))
    }

    /// A channel under a client certificate, by its folder.
    pub fn channel_of(&self, folder: &Path) -> Channel {
        let identity = client(folder);
        RUNTIME.block_on(async { connect_local(&self.local.to_string(), &identity).expect("a channel") })
    }

    pub fn status(&self) -> local::GetStatusResponse {
        let mut client = NodeServiceClient::new(self.channel("operator"));
        RUNTIME.block_on(client.get_status(local::GetStatusRequest {})).expect("a status").into_inner()
    }

    /// Waits until the node's state is as wanted.
    pub fn until(&self, what: &str, wanted: impl Fn(&local::GetStatusResponse) -> bool) -> local::GetStatusResponse {
        self.until_within(Duration::ZERO, what, wanted)
    }

    /// The same for what the node itself does only so often. One connection asks all the time: who comes anew each
    /// time is a stranger each time, and a node has few places for those.
    pub fn until_within(
        &self,
        more: Duration,
        what: &str,
        wanted: impl Fn(&local::GetStatusResponse) -> bool,
    ) -> local::GetStatusResponse {
        let mut client = NodeServiceClient::new(self.channel("operator"));
        let mut last = None;
        let what = format!("{}: {what}", self.home.member);
        wait_longer(&what, more, || {
            let status = RUNTIME.block_on(client.get_status(local::GetStatusRequest {})).ok()?.into_inner();
            let found = wanted(&status).then(|| status.clone());
            last = Some(status);
            found
        })
    }

    /// Waits until the node may sign.
    pub fn until_ready(&self) {
        self.until("ready", |status| status.state == "ready");
    }

    pub fn publish(
        &self,
        request_id: &str,
        indicators: Vec<local::IndicatorDraft>,
    ) -> Result<local::PublishIndicatorsResponse, Status> {
        let request =
            local::PublishIndicatorsRequest { request_id: request_id.to_owned(), indicators, ..Default::default() };
        let mut client = PublishingServiceClient::new(self.channel("publisher"));
        Ok(RUNTIME.block_on(client.publish_indicators(request))?.into_inner())
    }

    /// Publishes one ordinary statement; its names.
    pub fn flag(&self, of: Identifier) -> Vec<String> {
        let published = self.publish("", vec![draft(of)]).expect("published");
        assert_eq!(published.refused, Vec::new());
        published.published.into_iter().map(|published| published.name).collect()
    }

    pub fn retract(
        &self,
        request: local::RetractIndicatorsRequest,
    ) -> Result<local::RetractIndicatorsResponse, Status> {
        let reason = RetractionReason::FalsePositive.into();
        let request = local::RetractIndicatorsRequest { reason, ..request };
        let mut client = PublishingServiceClient::new(self.channel("publisher"));
        Ok(RUNTIME.block_on(client.retract_indicators(request))?.into_inner())
    }

    pub fn screen(&self, of: Identifier) -> local::ScreenTransactionResponse {
        self.try_screen(of).expect("an answer")
    }

    pub fn try_screen(&self, of: Identifier) -> Result<local::ScreenTransactionResponse, Status> {
        let mut client = ScreeningServiceClient::new(self.channel("screener"));
        Ok(RUNTIME.block_on(client.screen_transaction(order(of)))?.into_inner())
    }

    /// Screens until the decision is as wanted.
    pub fn until_decided(&self, of: Identifier, wanted: Decision) -> local::ScreenTransactionResponse {
        let mut client = ScreeningServiceClient::new(self.channel("screener"));
        let what = format!("{} decides {wanted:?}", self.home.member);
        wait(&what, || {
            let answer = RUNTIME.block_on(client.screen_transaction(order(of))).expect("an answer").into_inner();
            (answer.decision() == wanted).then_some(answer)
        })
    }
}

pub fn feed_size(status: &local::GetStatusResponse, origin: &str) -> u64 {
    status.feeds.iter().find(|feed| feed.origin == origin).map_or(0, |feed| feed.size)
}

fn order(of: Identifier) -> local::ScreenTransactionRequest {
    local::ScreenTransactionRequest {
        identifiers: vec![identifier(of)],
        amount_minor: 12_999,
        currency: "EUR".to_owned(),
        channel: "web".to_owned(),
        country: "DE".to_owned(),
        ..Default::default()
    }
}

pub fn no_question() -> local::GetStatusRequest {
    local::GetStatusRequest {}
}

/// A stream of screenings that is opened and never ended.
pub fn endless_screening(node: &Node) -> tonic::Streaming<local::ScreenTransactionsResponse> {
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    let batch =
        local::ScreenTransactionsRequest { transactions: vec![order((IdentifierKind::Device, "idle-device-1"))] };
    let batches = tokio_stream::StreamExt::chain(tokio_stream::once(batch), tokio_stream::pending());
    RUNTIME.block_on(client.screen_transactions(batches)).expect("a stream").into_inner()
}
