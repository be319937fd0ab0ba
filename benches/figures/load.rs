//! Load on a server: calls in a closed loop, batches over one stream, and what the server's process spent on them.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use http::uri::PathAndQuery;
use prost::bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::Channel;

use crate::Fault;
use crate::measure::{cpu_ns, float, histogram, per};
use crate::raw::RawCodec;

/// A server under load: how to reach it, what it is asked, whose CPU time counts.
#[derive(Debug, Clone)]
pub struct Served {
    pub channel: Channel,
    pub path: &'static str,
    pub pid: String,
}

/// What came of one round.
#[derive(Debug)]
pub struct Round {
    pub calls: u64,
    pub elapsed: Duration,
    pub server_cpu_ns: u64,
    pub latencies: Histogram<u64>,
}

impl Round {
    pub fn calls_per_s(&self) -> f64 {
        float(self.calls) / self.elapsed.as_secs_f64()
    }

    /// Server CPU of one call, microseconds.
    pub fn server_us(&self) -> f64 {
        per(self.server_cpu_ns, self.calls) / 1_000.0
    }
}

/// One call.
pub async fn call(channel: &Channel, path: &'static str, message: Bytes) -> Result<Bytes, Fault> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await?;
    let answer = client.unary(Request::new(message), PathAndQuery::from_static(path), RawCodec).await?;
    Ok(answer.into_inner())
}

/// Sends each message once over one connection, `in_flight` of them unanswered at a time.
pub async fn closed_loop(served: &Served, messages: &[Bytes], in_flight: usize) -> Result<Round, Fault> {
    let cpu_before = cpu_ns(&served.pid)?;
    let since = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..in_flight {
        let own: Vec<Bytes> = messages.iter().skip(caller).step_by(in_flight).cloned().collect();
        let served = served.clone();
        callers.spawn(async move {
            let mut latencies = histogram();
            for message in own {
                let asked = Instant::now();
                call(&served.channel, served.path, message).await.map_err(|fault| fault.to_string())?;
                latencies.saturating_record(u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX));
            }
            Ok::<_, String>(latencies)
        });
    }
    let mut latencies = histogram();
    while let Some(ended) = callers.join_next().await {
        latencies.add(ended??)?;
    }
    let elapsed = since.elapsed();
    let server_cpu_ns = cpu_ns(&served.pid)?.saturating_sub(cpu_before);
    Ok(Round { calls: latencies.len(), elapsed, server_cpu_ns, latencies })
}

/// Sends batches over one stream, each once, `window` of them unanswered at a time. Counts batches as calls.
pub async fn stream(served: &Served, batches: &[Bytes], window: usize) -> Result<Round, Fault> {
    let cpu_before = cpu_ns(&served.pid)?;
    let since = Instant::now();
    let (sender, outgoing) = mpsc::channel(window);
    let mut turn = batches.iter().cloned();
    for batch in turn.by_ref().take(window) {
        sender.send(batch).await?;
    }
    let mut client = Grpc::new(served.channel.clone());
    client.ready().await?;
    let path = PathAndQuery::from_static(served.path);
    let mut answers = client.streaming(Request::new(ReceiverStream::new(outgoing)), path, RawCodec).await?.into_inner();
    let (mut calls, all) = (0, u64::try_from(batches.len())?);
    while calls < all && answers.message().await?.is_some() {
        calls += 1;
        if let Some(batch) = turn.next() {
            sender.send(batch).await?;
        }
    }
    let elapsed = since.elapsed();
    let server_cpu_ns = cpu_ns(&served.pid)?.saturating_sub(cpu_before);
    Ok(Round { calls, elapsed, server_cpu_ns, latencies: histogram() })
}

/// A runtime like the servers' own.
pub fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
