//! The page that monitoring reads, in OpenMetrics 1.0 or in the older text format of Prometheus.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{self, Registry};

use crate::base::time::Timestamp;
use crate::io::metrics::atomics::Level;
use crate::io::metrics::calls::CallCounts;
use crate::io::metrics::console::ConsoleCounts;
use crate::io::metrics::counts::{
    AnsweredCounts, JournalCounts, ProfileCounts, PublishingCounts, ScreeningCounts, WebhookCounts,
};
use crate::io::metrics::families::{FAMILIES, Family, Kind, Sample, Unit, Value};
use crate::io::metrics::process::Process;
use crate::io::metrics::seen::Seen;
use crate::io::policies::Policies;
use crate::io::traces::CallTracer;
use crate::io::transport::listener::DoorCounts;

/// Everything that is counted, wherever it is.
#[derive(Debug, Default)]
pub struct Metrics {
    pub local: DoorMetrics,
    pub peer: DoorMetrics,
    pub console: Arc<ConsoleCounts>,
    pub screening: Arc<ScreeningCounts>,
    pub answered: Arc<AnsweredCounts>,
    /// None in tests.
    pub policies: Option<Arc<Policies>>,
    pub publishing: Arc<PublishingCounts>,
    pub profiles: Arc<ProfileCounts>,
    pub webhooks: Arc<WebhookCounts>,
    pub engine_waiting: Arc<Level>,
    pub journal: Arc<JournalCounts>,
    pub seen: ArcSwap<Seen>,
    /// None in tests.
    pub started_at: Option<Timestamp>,
    pub version: &'static str,
}

/// What is counted at one door.
#[derive(Debug, Default)]
pub struct DoorMetrics {
    pub calls: Arc<CallCounts>,
    pub connections: Arc<DoorCounts>,
    /// Makes a span of each call, where traces are configured.
    pub tracer: Option<CallTracer>,
}

impl DoorMetrics {
    pub fn load(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Connections the node refused or ended, by cause.
    pub fn cut(counts: &DoorCounts) -> Vec<(&'static str, u64)> {
        let rows = [
            ("over_budget", &counts.over_budget),
            ("handshake_refused", &counts.handshakes_refused),
            ("silent", &counts.silent),
            ("flood", &counts.floods),
            ("revoked", &counts.revoked),
            ("expired", &counts.expired),
            ("broken", &counts.broken),
        ];
        rows.map(|(cause, counter)| (cause, Self::load(counter))).to_vec()
    }
}

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    OpenMetrics,
    Prometheus,
}

impl Format {
    /// What the `Accept` header of a scrape asks for: OpenMetrics by name, the older format otherwise.
    pub fn of_accept(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
        }
    }
}

/// The page of this moment.
pub fn write(metrics: &Arc<Metrics>, format: Format) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Reading { metrics: Arc::clone(metrics), process: Process::read() }));
    let mut page = String::new();
    let written = match format {
        Format::OpenMetrics => text::encode(&mut page, &registry),
        Format::Prometheus => prometheus_text::encode(&mut page, &registry),
    };
    written.expect("writing into memory does not fail");
    page
}

#[derive(Debug)]
struct Reading {
    metrics: Arc<Metrics>,
    process: Process,
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for family in FAMILIES {
            let unit = match family.unit {
                Unit::None => None,
                Unit::Seconds => Some(registry::Unit::Seconds),
                Unit::Bytes => Some(registry::Unit::Bytes),
            };
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            // A family without a sample is announced all the same: a query for it is then right, only empty.
            let help = family.help.trim_end_matches('.');
            let mut of_family = encoder.encode_descriptor(family.stem, help, unit.as_ref(), kind)?;
            for sample in (family.read)(&self.metrics, &self.process) {
                let labels = labels_of(family, &sample);
                encode_sample(of_family.encode_family(&labels)?, family.kind, &sample.value)?;
            }
        }
        Ok(())
    }
}

fn labels_of(family: &Family, sample: &Sample) -> impl EncodeLabelSet + use<> {
    let names = family.labels.iter().copied();
    names.zip(sample.labels.iter().cloned()).collect::<Vec<(&'static str, String)>>()
}

fn encode_sample(mut encoder: MetricEncoder<'_>, kind: Kind, value: &Value) -> fmt::Result {
    let no_exemplar = None::<&Exemplar<NoLabelSet, f64>>;
    match (kind, value) {
        (Kind::Counter, Value::Whole(value)) => encoder.encode_counter(value, no_exemplar),
        (Kind::Counter, Value::Real(value)) => encoder.encode_counter(value, no_exemplar),
        (Kind::Gauge, Value::Whole(value)) => encoder.encode_gauge(value),
        (Kind::Gauge, Value::Real(value)) => encoder.encode_gauge(value),
        (_, Value::Distribution(read)) => {
            encoder.encode_histogram::<NoLabelSet>(read.sum_s, read.count(), &read.buckets(), None)
        }
        (Kind::Histogram, Value::Whole(_) | Value::Real(_)) => Err(fmt::Error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_formats_hold_every_family_and_only_openmetrics_ends_with_its_mark() {
        let metrics = Arc::new(Metrics { version: "1.2.3", ..Metrics::default() });
        metrics.journal.wrote(100, Duration::from_millis(2));
        metrics.screening.blocked.add(3);
        let modern = write(&metrics, Format::OpenMetrics);
        let classic = write(&metrics, Format::Prometheus);
        for family in FAMILIES {
            let name = family.name();
            assert!(classic.contains(&format!("# TYPE {name} ")), "{name}");
            let announced = name.strip_suffix("_total").unwrap_or(&name);
            assert!(modern.contains(&format!("# TYPE {announced} ")), "{name}");
        }
        for page in [&modern, &classic] {
            assert!(page.contains("\nhushwire_screenings_total{decision=\"block\"} 3\n"), "{page}");
            assert!(page.contains("\nhushwire_journal_written_bytes_total 100\n"), "{page}");
            assert!(page.contains("\nhushwire_journal_sync_duration_seconds_count 1\n"), "{page}");
            assert!(page.contains("\nhushwire_journal_sync_duration_seconds_bucket{le=\"0.0025\"} 1\n"), "{page}");
            assert!(page.contains("\nhushwire_build_info{version=\"1.2.3\"} 1\n"), "{page}");
            assert!(page.contains("\nprocess_resident_memory_bytes "), "{page}");
        }
        assert!(modern.ends_with("# EOF\n") && !classic.contains("# EOF"));
    }

    #[test]
    fn openmetrics_is_written_only_where_it_is_asked_for_by_name() {
        let check = |accept: &str, format: Format| assert_eq!(Format::of_accept(accept), format, "{accept}");
        check("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", Format::OpenMetrics);
        check("text/plain;version=0.0.4", Format::Prometheus);
        check("*/*", Format::Prometheus);
        check("", Format::Prometheus);
    }
}
