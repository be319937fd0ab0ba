//! The one table of all metrics: name, kind, labels, meaning, and where the numbers come from. The table of
//! docs/observability.md is made from it, and dashboard and alert rules may name nothing else.
//!
//! Names follow the conventions of Prometheus: base units, `_total` for counters (added when written), moments as Unix time.
//! Kept small on purpose: each label value is a row that every monitoring system stores for years.

use crate::base::time::Timestamp;
use crate::domain::profile::anomaly::Anomaly;
use crate::domain::screening::decision::Decision;
use crate::io::metrics::atomics::{Count, Distribution};
use crate::io::metrics::page::{DoorMetrics, Metrics};
use crate::io::metrics::policy::{candidate, policies, refused_now, rule_hits};
use crate::io::metrics::process::Process;
use crate::io::metrics::seen::NodeSeen;
use crate::io::transport::listener::DoorCounts;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; starts from 0 with the process.
    Counter,
    Gauge,
    Histogram,
}

/// The base unit, which ends the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    None,
    Seconds,
    Bytes,
}

/// One value with the values of the labels, in the order of the family's.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub labels: Vec<String>,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Whole(u64),
    Real(f64),
    Distribution(Distribution),
}

/// One row of the table.
#[derive(Debug)]
pub struct Family {
    /// Without unit and `_total`.
    pub stem: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    pub read: fn(&Metrics, &Process) -> Vec<Sample>,
}

impl Family {
    /// As queries write it.
    pub fn name(&self) -> String {
        let unit = match self.unit {
            Unit::None => "",
            Unit::Seconds => "_seconds",
            Unit::Bytes => "_bytes",
        };
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{}{unit}{total}", self.stem)
    }

    const fn counter(stem: &'static str, help: &'static str, read: Read) -> Self {
        Self { stem, kind: Kind::Counter, unit: Unit::None, labels: &[], help, read }
    }

    const fn gauge(stem: &'static str, help: &'static str, read: Read) -> Self {
        Self { stem, kind: Kind::Gauge, unit: Unit::None, labels: &[], help, read }
    }

    const fn histogram(stem: &'static str, help: &'static str, read: Read) -> Self {
        Self { stem, kind: Kind::Histogram, unit: Unit::Seconds, labels: &[], help, read }
    }

    const fn by(self, labels: &'static [&'static str]) -> Self {
        Self { labels, ..self }
    }

    const fn seconds(self) -> Self {
        Self { unit: Unit::Seconds, ..self }
    }

    const fn bytes(self) -> Self {
        Self { unit: Unit::Bytes, ..self }
    }
}

type Read = fn(&Metrics, &Process) -> Vec<Sample>;

/// Of one door: the labels after its name, and the value.
type Rows = Vec<(Vec<String>, Value)>;

/// Every metric there is.
pub const FAMILIES: &[Family] = &[
    Family::counter("hushwire_screenings", "Transactions screened.", |metrics, _| {
        let row = |decision: Decision| labelled(&[decision.label()], metrics.screening.of(decision).value());
        Decision::ALL.map(row).to_vec()
    })
    .by(&["decision"]),
    Family::counter(
        "hushwire_policy_rule_hits",
        "Transactions on which a rule fired, by whether it had a say: live, shadow or snoozed.",
        |m, _| policies(m, rule_hits),
    )
    .by(&["rule", "heard"]),
    Family::counter(
        "hushwire_policy_candidate",
        "Transactions the candidate was asked about, by what was decided and what it would have decided.",
        |m, _| policies(m, candidate),
    )
    .by(&["decided", "would_decide"]),
    Family::counter(
        "hushwire_policy_files_refused",
        "Policy files with a fault in them; the policy before them stayed in force.",
        |m, _| policies(m, |policies| one(policies.refused.value())),
    ),
    Family::gauge(
        "hushwire_policy_file_refused",
        "1 where the file as it stands is refused, and an older one is in force.",
        |m, _| policies(m, refused_now),
    )
    .by(&["file"]),
    Family::gauge("hushwire_screening_records_waiting", "Screening records on their way to the audit log.", |m, _| {
        one(m.seen.load().machine.records_waiting)
    }),
    Family::counter(
        "hushwire_screening_records_lost",
        "Screening records that found no room or no disk; a gap record tells of them.",
        |metrics, _| one(metrics.screening.records_lost.value()),
    ),
    Family::counter("hushwire_anomalies", "What was unusual for a customer, by word.", |metrics, _| {
        let count = |anomaly: Anomaly| metrics.profiles.of(anomaly).map_or(0, Count::value);
        Anomaly::ALL.map(|anomaly| labelled(&[anomaly.name()], count(anomaly))).to_vec()
    })
    .by(&["anomaly"]),
    Family::gauge("hushwire_profiles", "Customers whose profiles are in memory.", |metrics, _| {
        one(metrics.seen.load().machine.profiles)
    }),
    Family::counter(
        "hushwire_profiles_evicted",
        "Customers who were forgotten early because there was no room.",
        |metrics, _| one(metrics.profiles.evicted.value()),
    ),
    Family::counter(
        "hushwire_profiles_unwritten",
        "Attempts to keep profiles on disk that failed; they go on in memory.",
        |metrics, _| one(metrics.profiles.failed.value()),
    ),
    Family::counter(
        "hushwire_late_matches",
        "Late matches told: orders that passed and would be stopped now, and those of which that no longer holds.",
        |metrics, _| one(metrics.answered.late_matches.value()),
    ),
    Family::histogram(
        "hushwire_late_match_duration",
        "From a change of what is believed until the late matches it causes were told, at most.",
        |metrics, _| vec![Sample { labels: vec![], value: Value::Distribution(metrics.answered.told_after.read()) }],
    ),
    Family::gauge("hushwire_late_orders", "Orders that passed and are followed for late matches.", |metrics, _| {
        one(metrics.answered.orders())
    }),
    Family::counter(
        "hushwire_late_orders_unfollowed",
        "Orders that were not followed, or not to the end of the window, for want of room.",
        |metrics, _| one(metrics.answered.unfollowed()),
    ),
    Family::counter(
        "hushwire_calls",
        "Calls ended, by method and gRPC code; JSON calls count as their method.",
        |m, _| {
            doors(m, |door| {
                let rows = door.calls.by_code().into_iter();
                rows.map(|(method, code, count)| (vec![method.to_owned(), code.to_owned()], Value::Whole(count)))
                    .collect()
            })
        },
    )
    .by(&["door", "method", "code"]),
    Family::histogram("hushwire_call_duration", "Time until a call's answer began.", |metrics, _| {
        doors(metrics, |door| {
            let rows = door.calls.durations().into_iter();
            rows.map(|(method, read)| (vec![method.to_owned()], Value::Distribution(read))).collect()
        })
    })
    .by(&["door", "method"]),
    Family::gauge("hushwire_calls_in_flight", "Calls under way, open streams included.", |metrics, _| {
        doors(metrics, |door| vec![(vec![], Value::Whole(door.calls.in_flight()))])
    })
    .by(&["door"]),
    Family::counter("hushwire_refusals", "Calls that ended with an error, by its stable reason.", |metrics, _| {
        doors(metrics, |door| {
            let rows = door.calls.refusals().into_iter();
            rows.map(|(reason, count)| (vec![reason], Value::Whole(count))).collect()
        })
    })
    .by(&["door", "reason"]),
    Family::counter("hushwire_connections", "Connections accepted.", |metrics, _| {
        connections(metrics, |counts| vec![(vec![], Value::Whole(DoorMetrics::load(&counts.accepted)))])
    })
    .by(&["door"]),
    Family::counter("hushwire_connections_cut", "Connections refused or ended by the node, by cause.", |metrics, _| {
        connections(metrics, |counts| {
            let rows = DoorMetrics::cut(counts).into_iter();
            rows.map(|(cause, count)| (vec![cause.to_owned()], Value::Whole(count))).collect()
        })
    })
    .by(&["door", "cause"]),
    Family::counter(
        "hushwire_console_requests",
        "Requests of browsers answered, by address as the console's table writes it, and class of status.",
        |m, _| m.console.requests().iter().map(|(labels, count)| labelled(labels, *count)).collect(),
    )
    .by(&["verb", "page", "class"]),
    Family::gauge("hushwire_console_requests_in_flight", "Requests of browsers under way.", |m, _| {
        one(m.console.in_flight())
    }),
    Family::counter(
        "hushwire_console_refusals",
        "Requests of browsers that did not get their page, by why.",
        |m, _| m.console.refusals().iter().map(|(reason, count)| labelled(&[reason], *count)).collect(),
    )
    .by(&["reason"]),
    Family::counter("hushwire_console_sign_ins", "Tries to sign in to the console, by what came of them.", |m, _| {
        m.console.sign_ins().iter().map(|(outcome, count)| labelled(&[outcome], *count)).collect()
    })
    .by(&["outcome"]),
    Family::counter("hushwire_publications", "Indicators acknowledged, and records refused by a rule.", |m, _| {
        vec![
            labelled(&["published"], m.publishing.published.value()),
            labelled(&["refused"], m.publishing.refused.value()),
        ]
    })
    .by(&["outcome"]),
    Family::counter("hushwire_retractions", "Own indicators taken back.", |metrics, _| {
        one(metrics.publishing.retracted.value())
    }),
    Family::counter(
        "hushwire_webhook_events",
        "Events given to receivers, refused by them, and dropped because too many waited.",
        |m, _| {
            let rows = [
                ("delivered", &m.webhooks.delivered),
                ("refused", &m.webhooks.refused),
                ("dropped", &m.webhooks.dropped),
            ];
            rows.map(|(outcome, count)| labelled(&[outcome], count.value())).to_vec()
        },
    )
    .by(&["outcome"]),
    Family::counter("hushwire_webhook_failures", "Attempts to post an event that failed; each is repeated.", |m, _| {
        one(m.webhooks.failed.value())
    }),
    Family::gauge("hushwire_webhook_events_waiting", "Events that receivers have not taken yet.", |m, _| {
        one(m.webhooks.waiting.value())
    }),
    Family::gauge("hushwire_publications_pending", "Entries acknowledged, not signed yet.", |metrics, _| {
        node(metrics, |node| one(node.pending))
    }),
    Family::gauge("hushwire_cases_waiting", "Stopped orders that nobody has decided on.", |metrics, _| {
        node(metrics, |node| one(node.cases_waiting))
    }),
    Family::gauge("hushwire_audit", "What the audit log takes, before encryption and framing.", |metrics, _| {
        node(metrics, |node| one(node.audit_bytes))
    })
    .bytes(),
    Family::gauge("hushwire_audit_held", "What of it only legal holds keep beyond its time.", |metrics, _| {
        node(metrics, |node| one(node.audit_held_bytes))
    })
    .bytes(),
    Family::gauge(
        "hushwire_cases_ending",
        "Stopped orders that wait for a person, and that their timer ends within the hour.",
        |metrics, _| node(metrics, |node| one(node.cases_ending)),
    ),
    Family::gauge(
        "hushwire_unacknowledged_entries",
        "Own entries that peers have not acknowledged, summed over the peers.",
        |metrics, _| node(metrics, |node| one(node.unacknowledged_entries)),
    ),
    Family::gauge(
        "hushwire_unacknowledged_retractions",
        "Own retractions that peers have not acknowledged, summed over the peers.",
        |metrics, _| node(metrics, |node| one(node.unacknowledged_retractions)),
    ),
    Family::gauge("hushwire_behind_entries", "Entries peers told of that are not here yet.", |metrics, _| {
        node(metrics, |node| one(node.behind_entries))
    }),
    Family::gauge("hushwire_feeds", "Other members' feeds, each in the worst of its states.", |metrics, _| {
        node(metrics, |node| {
            let feeds = node.feeds;
            vec![
                labelled(&["fresh"], feeds.fresh),
                labelled(&["stale"], feeds.stale),
                labelled(&["silent"], feeds.silent),
                labelled(&["equivocated"], feeds.equivocated),
            ]
        })
    })
    .by(&["state"]),
    Family::gauge("hushwire_peers", "Other members by the state of the link to them.", |metrics, _| {
        metrics.seen.load().machine.peers.iter().map(|(state, count)| labelled(&[state], *count)).collect()
    })
    .by(&["state"]),
    Family::gauge("hushwire_believed_indicators", "Indicators that count when an order is screened.", |metrics, _| {
        node(metrics, |node| one(node.believed))
    }),
    Family::gauge("hushwire_belief", "Memory that holds what is believed.", |metrics, _| {
        node(metrics, |node| one(node.belief_bytes))
    })
    .bytes(),
    Family::gauge("hushwire_belief_full", "1 where something verified is not believed for want of room.", |m, _| {
        node(m, |node| one(u64::from(node.belief_full)))
    }),
    Family::gauge("hushwire_quarantined", "Held back of others, and nobody has decided of it.", |metrics, _| {
        node(metrics, |node| one(node.quarantined))
    }),
    Family::gauge("hushwire_engine_jobs_waiting", "Work queued for the engine, live.", |metrics, _| {
        one(metrics.engine_waiting.value())
    }),
    Family::histogram(
        "hushwire_journal_sync_duration",
        "One write of the journal with its fdatasync.",
        |metrics, _| vec![Sample { labels: vec![], value: Value::Distribution(metrics.journal.syncs.read()) }],
    ),
    Family::counter("hushwire_journal_written", "Bytes written to the journal.", |metrics, _| {
        one(metrics.journal.bytes.value())
    })
    .bytes(),
    Family::gauge("hushwire_store_free", "Free on the volume of the node's folder.", |metrics, _| {
        metrics.seen.load().machine.store_bytes.map(|(free, _)| whole(free)).into_iter().collect()
    })
    .bytes(),
    Family::gauge("hushwire_store_size", "Size of the volume of the node's folder.", |metrics, _| {
        metrics.seen.load().machine.store_bytes.map(|(_, size)| whole(size)).into_iter().collect()
    })
    .bytes(),
    Family::gauge("hushwire_privacy_budget_spent_ratio", "Spent of this quarter's privacy budget, 0 to 1.", |m, _| {
        node(m, |node| {
            let spent = f64::from(node.budget_spent_millionths) / 1e6;
            vec![Sample { labels: vec![], value: Value::Real(spent) }]
        })
    }),
    Family::gauge(
        "hushwire_scheduled_releases_skipped",
        "Scheduled releases of statistics that found no room in this quarter's privacy budget.",
        |metrics, _| node(metrics, |node| one(node.releases_skipped)),
    ),
    Family::gauge("hushwire_node_state", "1 for the state the node is in, 0 for the others.", |metrics, _| {
        let states = ["ready", "fenced", "recovering"];
        node(metrics, |node| states.map(|state| labelled(&[state], u64::from(node.state == state))).to_vec())
    })
    .by(&["state"]),
    Family::gauge("hushwire_service_serving", "1 where grpc.health.v1 says SERVING.", |metrics, _| {
        let seen = metrics.seen.load();
        seen.machine.serving.iter().map(|(service, serving)| labelled(&[service], u64::from(*serving))).collect()
    })
    .by(&["service"]),
    Family::gauge("hushwire_roster_end_timestamp", "When the roster ends; after that nothing is exchanged.", |m, _| {
        node(m, |node| one(node.roster_ends.unix_s()))
    })
    .seconds(),
    Family::gauge("hushwire_certificate_end_timestamp", "When the certificate of a listener ends.", |metrics, _| {
        let seen = metrics.seen.load();
        seen.machine.certificates_end_s.iter().map(|(door, end_s)| labelled(&[door], *end_s)).collect()
    })
    .by(&["door"])
    .seconds(),
    Family::gauge("hushwire_seen_timestamp", "When the engine last told of the node's state.", |metrics, _| {
        node(metrics, |node| one(node.at.unix_s()))
    })
    .seconds(),
    Family::gauge("hushwire_build_info", "Always 1; the label is the program's version.", |metrics, _| {
        vec![labelled(&[metrics.version], 1)]
    })
    .by(&["version"]),
    Family::gauge("process_start_time", "When the process started.", |metrics, _| {
        some(metrics.started_at.map(Timestamp::unix_s))
    })
    .seconds(),
    Family::counter("process_cpu", "Processor time of user and system.", |_, process| {
        process.cpu_s.map(|s| Sample { labels: vec![], value: Value::Real(s) }).into_iter().collect()
    })
    .seconds(),
    Family::gauge("process_resident_memory", "Resident memory.", |_, process| some(process.resident_bytes)).bytes(),
    Family::gauge("process_open_fds", "Open files and sockets.", |_, process| some(process.open_fds)),
    Family::gauge("process_max_fds", "Files and sockets the process may open.", |_, process| some(process.max_fds)),
    Family::gauge("process_threads", "Threads of the process.", |_, process| some(process.threads)),
];

fn whole(value: u64) -> Sample {
    Sample { labels: vec![], value: Value::Whole(value) }
}

pub(super) fn one(value: u64) -> Vec<Sample> {
    vec![whole(value)]
}

fn some(value: Option<u64>) -> Vec<Sample> {
    value.map(whole).into_iter().collect()
}

pub(super) fn labelled(labels: &[&str], value: u64) -> Sample {
    Sample { labels: labels.iter().map(|label| (*label).to_owned()).collect(), value: Value::Whole(value) }
}

/// Nothing before the first look.
fn node(metrics: &Metrics, read: impl Fn(&NodeSeen) -> Vec<Sample>) -> Vec<Sample> {
    metrics.seen.load().node.as_ref().map(read).unwrap_or_default()
}

/// Of all doors, the door's name as the first label.
fn connections(metrics: &Metrics, read: impl Fn(&DoorCounts) -> Rows) -> Vec<Sample> {
    let doors = [
        ("local", &metrics.local.connections),
        ("peer", &metrics.peer.connections),
        ("console", &metrics.console.connections),
    ];
    by_door(doors.map(|(name, counts)| (name, read(counts))))
}

/// Of both doors for calls, the door's name as the first label.
fn doors(metrics: &Metrics, read: impl Fn(&DoorMetrics) -> Rows) -> Vec<Sample> {
    by_door([("local", &metrics.local), ("peer", &metrics.peer)].map(|(name, door)| (name, read(door))))
}

fn by_door<const N: usize>(doors: [(&str, Rows); N]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (name, rows) in doors {
        for (mut labels, value) in rows {
            labels.insert(0, name.to_owned());
            samples.push(Sample { labels, value });
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_conventional_and_each_stands_once() {
        let names: BTreeSet<String> = FAMILIES.iter().map(Family::name).collect();
        assert_eq!(names.len(), FAMILIES.len());
        for family in FAMILIES {
            let name = family.name();
            assert!(name.starts_with("hushwire_") || name.starts_with("process_"), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            for abbreviated in ["_ms", "_millis", "_kb", "_mb", "_count", "_sum", "_bucket"] {
                assert!(!name.ends_with(abbreviated), "{name}");
            }
            assert!(family.help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn no_label_tells_of_a_member_a_caller_or_a_person() {
        let allowed = [
            "decision",
            "anomaly",
            "door",
            "method",
            "code",
            "reason",
            "cause",
            "outcome",
            "state",
            "service",
            "version",
            "rule",
            "heard",
            "decided",
            "would_decide",
            "file",
            "verb",
            "page",
            "class",
        ];
        for family in FAMILIES {
            assert!(
                family.labels.iter().all(|label| allowed.contains(label)),
                "{}: {:?}",
                family.name(),
                family.labels
            );
        }
    }

    #[test]
    fn the_page_on_observability_holds_this_table() {
        let page = include_str!("../../../docs/observability.md");
        let mut table = String::from("| metric | kind | labels | what it counts |\n|---|---|---|---|\n");
        for family in FAMILIES {
            let kind = match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let labels = family.labels.join(", ");
            table.push_str(&format!("| `{}` | {kind} | {labels} | {} |\n", family.name(), family.help));
        }
        assert!(page.contains(&table), "put this into docs/observability.md:\n{table}");
    }
}
