//! From a publication at one bank to a stopped order at another, and back by retraction: two node processes on loopback.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use hushwire::base::kind::IdentifierKind;
use hushwire::io::grpc::wire::hushwire::local::v1 as wire;
use hushwire::io::grpc::wire::hushwire::types::v1 as types;
use prost::Message;
use prost::bytes::Bytes;
use tonic::transport::Channel;

use crate::consortium::found;
use crate::figure::{Book, Sample, Target};
use crate::load::{call, runtime};
use crate::measure::{float, histogram, percentile_us, resident_bytes};
use crate::{Fault, consortium, say, world};

const TRIPS: usize = 250;

/// Longest wait for one trip.
const PATIENCE: Duration = Duration::from_secs(30);

const PUBLISH: &str = "/hushwire.local.v1.PublishingService/PublishIndicators";
const RETRACT: &str = "/hushwire.local.v1.PublishingService/RetractIndicators";
const SCREEN: &str = "/hushwire.local.v1.ScreeningService/ScreenTransaction";

pub fn measure(book: &mut Book) -> Result<(), Fault> {
    let folder = tempfile::tempdir()?;
    let members = found(folder.path(), &["bank-a", "bank-b"], 0)?;
    let [a, b] = members.as_slice() else { return Err("two members were founded".into()) };
    let (running_a, running_b) = (a.serve()?, b.serve()?);
    std::thread::sleep(Duration::from_secs(3));
    let idle = resident_bytes(&running_a.pid())?.max(resident_bytes(&running_b.pid())?);
    let sample = Sample { value: float(idle) / 1e6, n: 2, rounds: 1 };
    book.note(
        ("footprint.idle", "memory of an idle node (RSS)"),
        sample,
        "MB",
        Target::AtMost(40.0),
        "a fresh member of two, connected to the other",
    )?;
    let program = std::fs::metadata(consortium::PROGRAM)?.len();
    let sample = Sample { value: float(program) / 1e6, n: 1, rounds: 1 };
    book.note(("footprint.binary", "release binary"), sample, "MB", Target::AtMost(35.0), "fat LTO, stripped")?;

    say("publications and retractions from A to B")?;
    let trips = runtime()?.block_on(async {
        let (publisher, screener) = (a.connect("publisher")?, b.connect("screener")?);
        let mut trips = Trips { publishing: histogram(), retracting: histogram() };
        for person in world::people(5, TRIPS) {
            trips.make(&publisher, &screener, &person.card).await?;
        }
        Ok::<_, Fault>(trips)
    })?;
    let remark = "wall clock; B is asked in a loop without pause, so a trip includes one screening call";
    for (what, name, latencies) in [
        ("publication at A stops an order at B", "publish", &trips.publishing),
        ("retraction at A frees the order at B", "retract", &trips.retracting),
    ] {
        for (percentile, most) in [(50.0, 50.0), (99.0, 250.0)] {
            let value = percentile_us(latencies, percentile) / 1_000.0;
            let sample = Sample { value, n: latencies.len(), rounds: 1 };
            let name = format!("latency.{name}_p{percentile}");
            let what = format!("{what}, window 0, p{percentile}");
            book.note((&name, &what), sample, "ms", Target::AtMost(most), remark)?;
        }
    }
    Ok(())
}

struct Trips {
    publishing: Histogram<u64>,
    retracting: Histogram<u64>,
}

impl Trips {
    async fn make(&mut self, publisher: &Channel, screener: &Channel, card: &str) -> Result<(), Fault> {
        let identifier = (IdentifierKind::Pan, card.to_owned());
        let question = wire::ScreenTransactionRequest {
            identifiers: vec![world::wire_identifier(IdentifierKind::Pan, card)],
            ..wire::ScreenTransactionRequest::default()
        };
        let question = Bytes::from(question.encode_to_vec());
        let since = Instant::now();
        let published = call(publisher, PUBLISH, world::publish_request("", &[identifier])).await?;
        until(screener, &question, true).await?;
        record(&mut self.publishing, since);

        let published = wire::PublishIndicatorsResponse::decode(published)?;
        let retraction = wire::RetractIndicatorsRequest {
            names: published.published.into_iter().map(|published| published.name).collect(),
            reason: types::RetractionReason::FalsePositive.into(),
            ..wire::RetractIndicatorsRequest::default()
        };
        let since = Instant::now();
        call(publisher, RETRACT, retraction.encode_to_vec().into()).await?;
        until(screener, &question, false).await?;
        record(&mut self.retracting, since);
        Ok(())
    }
}

/// Screens until the transaction matches, or until it no longer does.
async fn until(screener: &Channel, question: &Bytes, matching: bool) -> Result<(), Fault> {
    let since = Instant::now();
    loop {
        let answer = wire::ScreenTransactionResponse::decode(call(screener, SCREEN, question.clone()).await?)?;
        if answer.matches.is_empty() != matching {
            return Ok(());
        }
        if since.elapsed() > PATIENCE {
            return Err("a statement did not arrive".into());
        }
    }
}

fn record(latencies: &mut Histogram<u64>, since: Instant) {
    latencies.saturating_record(u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX));
}
