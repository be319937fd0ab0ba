//! Traces of a running node, received by a collector as OpenTelemetry's own definitions have it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hushwire::io::grpc::wire::hushwire::local::v1::GetStatusRequest;
use hushwire::io::grpc::wire::hushwire::local::v1::node_service_client::NodeServiceClient;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::caller::RUNTIME;
use crate::consortium::Consortium;
use crate::http::send;
use crate::node::wait;

/// Keeps what it is sent.
#[derive(Debug, Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().expect("not poisoned").push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    fn listen() -> (Self, SocketAddr) {
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone());
        let listener = RUNTIME.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("bound");
        let serving = tonic::transport::Server::builder().add_service(service);
        RUNTIME.spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
        (collector, address)
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.0.lock().expect("not poisoned").clone();
        let scopes = received.into_iter().flat_map(|batch| batch.resource_spans).flat_map(|spans| spans.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

#[test]
fn a_call_becomes_a_span_of_its_callers_trace_and_says_nothing_of_anybody() {
    let (collector, address) = Collector::listen();
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let home = consortium.home("bank-a");
    let (endpoint, share) = (address.to_string(), "1.0");
    let environment = [("HUSHWIRE__TRACES__ENDPOINT", endpoint.as_str()), ("HUSHWIRE__TRACES__SHARE", share)];
    let a = home.start_with(&environment).unwrap_or_else(|said| panic!("it starts: {}", said.stderr));
    let b = consortium.start("bank-b");
    a.until_ready();
    b.until_ready();
    a.until_decided((IdentifierKind::Device, "traced-device-0001"), Decision::Allow);
    let mut client = NodeServiceClient::new(a.channel("operator"));
    let mut request = Request::new(GetStatusRequest {});
    let named = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    request.metadata_mut().insert("traceparent", named.parse().expect("a value"));
    RUNTIME.block_on(client.get_status(request)).expect("a status");
    // The same over JSON.
    let other = "00-5bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b8-01";
    let asked = format!("GET /v1/status HTTP/1.1\r\nHost: node\r\nConnection: close\r\ntraceparent: {other}\r\n\r\n");
    let answer = send(&a, "operator", asked.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    a.stop();

    let over_json = wait("the span of the call over JSON", || {
        collector.spans().into_iter().find(|span| hex::encode(&span.trace_id) == "5bf92f3577b34da6a3ce929d0e0e4737")
    });
    assert_eq!(over_json.name, "hushwire.local.v1.NodeService/GetStatus");
    let joined = wait("the span of the named trace", || {
        collector.spans().into_iter().find(|span| hex::encode(&span.trace_id) == "4bf92f3577b34da6a3ce929d0e0e4736")
    });
    assert_eq!(joined.name, "hushwire.local.v1.NodeService/GetStatus");
    assert_eq!(hex::encode(joined.parent_span_id), "00f067aa0ba902b7");
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.name == "hushwire.local.v1.ScreeningService/ScreenTransaction"), "{spans:?}");
    let received = format!("{:?}", collector.0.lock().expect("not poisoned"));
    for private in ["bank-a", "bank-b", "desk", "demo.example", "device"] {
        assert!(!received.contains(private), "{private} was sent: {received}");
    }
}

#[test]
fn a_collector_that_is_away_costs_a_node_nothing() {
    let consortium = Consortium::found(&["bank-a"]);
    let away = consortium.free_address().to_string();
    let environment = [("HUSHWIRE__TRACES__ENDPOINT", away.as_str()), ("HUSHWIRE__TRACES__SHARE", "1.0")];
    let node = consortium.home("bank-a").start_with(&environment).unwrap_or_else(|said| panic!("{}", said.stderr));
    node.until_ready();
    node.until_decided((IdentifierKind::Device, "traced-device-0002"), Decision::Allow);
    let (status, _) = node.stop();
    assert!(status.success(), "{status}");
}
