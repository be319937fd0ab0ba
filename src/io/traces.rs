//! Traces by OpenTelemetry, where configured: one span a call, sent to a collector on this machine.
//!
//! A span tells the method, the code and how long it took, and joins the trace a caller of the local door names in
//! `traceparent` (W3C Trace Context, level 1), so that a checkout's trace shows the node's part. It holds no identifier, no
//! caller and no reason; `tracestate` and baggage, in which others may put anything, are not read. Another member's trace is
//! not joined: which calls of theirs belong together is their business.
//!
//! Spans wait in a bounded queue for a thread of their own; what finds no room, or no collector, is lost without a word.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span};
use tokio::runtime::Runtime;
use tonic::Code;
use tonic::transport::Endpoint;

use crate::base::limits;

const PATIENCE: Duration = Duration::from_millis(limits::COLLECTOR_MS);

/// What sends spans. One runtime of its own: neither a checkout nor a peer waits for a collector.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    runtime: Runtime,
}

impl Traces {
    /// `share` of the calls whose caller does not decide, 0 to 1, is sent to `collector` (OTLP over gRPC).
    pub fn start(collector: SocketAddr, share: f64, version: &'static str) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("hushwire-traces")
            .enable_all()
            .build()?;
        let inside = runtime.enter();
        let endpoint = Endpoint::try_from(format!("http://{collector}")).map_err(std::io::Error::other)?;
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_channel(endpoint.connect_lazy())
            .with_timeout(PATIENCE)
            .build()
            .map_err(std::io::Error::other)?;
        // Nothing is detected: the name of this machine is nobody's business.
        let resource = Resource::builder_empty()
            .with_service_name("hushwire")
            .with_attribute(KeyValue::new("service.version", version))
            .build();
        let batches = BatchConfigBuilder::default().with_max_queue_size(limits::SPANS).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
            .with_resource(resource)
            .build();
        drop(inside);
        Ok(Self { provider, runtime })
    }

    /// For the member's own systems.
    pub fn local(&self) -> CallTracer {
        CallTracer { tracer: self.provider.tracer("hushwire"), joins: true }
    }

    /// For other members' nodes.
    pub fn peer(&self) -> CallTracer {
        CallTracer { joins: false, ..self.local() }
    }

    /// Sends what waits, within a second.
    pub fn stop(self) {
        // A collector that is away has lost its spans already.
        drop(self.provider.shutdown_with_timeout(PATIENCE));
        self.runtime.shutdown_background();
    }
}

/// Makes the spans of one door.
#[derive(Debug, Clone)]
pub struct CallTracer {
    tracer: SdkTracer,
    /// Whether a trace that the caller names is joined.
    joins: bool,
}

impl CallTracer {
    pub fn begin(&self, method: &'static str, headers: &HeaderMap) -> CallSpan {
        let named = headers.get("traceparent").filter(|_| self.joins).and_then(|named| parent(named.to_str().ok()?));
        let parent = named.map_or_else(Context::new, |named| Context::new().with_remote_span_context(named));
        let builder = self.tracer.span_builder(method).with_kind(SpanKind::Server);
        let builder = builder.with_attributes([KeyValue::new("rpc.system.name", "grpc")]);
        CallSpan(self.tracer.build_with_context(builder, &parent))
    }
}

/// The span of one call, open until it is ended or dropped.
#[derive(Debug)]
pub struct CallSpan(Span);

impl CallSpan {
    /// `name` is the code's own.
    pub fn end(mut self, code: Code, name: &'static str) {
        self.0.set_attribute(KeyValue::new("rpc.response.status_code", name));
        // By the conventions only what is the server's fault is an error of a server's span.
        match code {
            Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss => self.0.set_status(Status::error(name)),
            Code::Ok
            | Code::Cancelled
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unauthenticated => {}
        }
        self.0.end();
    }
}

/// `version "-" trace-id "-" parent-id "-" flags` of version 00, lower-case hex, neither id all zero.
fn parent(named: &str) -> Option<SpanContext> {
    let is_hex = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let mut parts = named.split('-');
    let mut part = |length: usize| parts.next().filter(|text| text.len() == length).filter(is_hex);
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    if version != "00" || parts.next().is_some() {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    Some(SpanContext::new(trace, span, flags, true, TraceState::default())).filter(SpanContext::is_valid)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::SpanData;

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Memory(Arc<Mutex<Vec<SpanData>>>);

    impl opentelemetry_sdk::trace::SpanExporter for Memory {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().expect("not poisoned").extend(batch);
            Ok(())
        }
    }

    const NAMED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// The spans of one call with this header, where nobody but a caller decides that there is one.
    fn spans(named: &str, joins: bool, share: f64) -> Vec<SpanData> {
        let memory = Memory::default();
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share)));
        let provider = SdkTracerProvider::builder().with_simple_exporter(memory.clone()).with_sampler(sampler).build();
        let tracer = CallTracer { tracer: provider.tracer("test"), joins };
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", named.parse().expect("a header"));
        headers.insert("tracestate", "card=4539578763621486".parse().expect("a header"));
        headers.insert("baggage", "card=4539578763621486".parse().expect("a header"));
        tracer.begin("package.Service/Method", &headers).end(Code::Unavailable, "UNAVAILABLE");
        memory.0.lock().expect("not poisoned").clone()
    }

    #[test]
    fn a_span_holds_method_and_code_and_nothing_a_caller_put_beside_its_trace() {
        let spans = spans(NAMED, true, 0.0);
        let [span] = spans.as_slice() else { panic!("one span: {spans:?}") };
        assert_eq!(span.name, "package.Service/Method");
        assert_eq!(span.status, Status::error("UNAVAILABLE"));
        let keys: Vec<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        assert_eq!(keys, ["rpc.system.name", "rpc.response.status_code"]);
        assert_eq!(span.span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(!format!("{span:?}").contains("4539"), "{span:?}");
    }

    #[test]
    fn a_trace_is_joined_where_it_is_well_formed_and_a_callers_own() {
        let check = |named: &str, joins: bool, joined: bool| {
            assert_eq!(!spans(named, joins, 0.0).is_empty(), joined, "{named} {joins}");
        };
        check(NAMED, true, true);
        check(NAMED, false, false);
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true, false);
        for malformed in [
            "",
            "00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            check(malformed, true, false);
        }
        assert_eq!(spans("", true, 1.0).len(), 1, "a share of the others is sent as well");
    }
}
