//! The report of a period: fetched, verified while it is written, and told in words. A file that does not verify does not stay.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use serde_json::{Value, json};
use tonic::Request;

use crate::app::cli::audit::unusable;
use crate::app::cli::audit::verify::{self, Good};
use crate::app::cli::client::{ClientArgs, block_on, explain};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::audit::evidence::{Fault, RecordText};
use crate::domain::audit::report_totals::{Counts, Totals};
use crate::domain::audit::report_verifier::{ReportVerifier, VerifiedReport};
use crate::io::clock;
use crate::io::grpc::wire::hushwire::compliance::v1::ReportPeriodRequest;
use crate::io::grpc::wire::hushwire::compliance::v1::audit_service_client::AuditServiceClient;

pub fn run(client: &ClientArgs, period_ms: (u64, u64), out: &Path, json: bool) -> Result<Outcome, CliError> {
    let mut unfinished = out.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    match block_on(fetch(client, period_ms, &unfinished)) {
        Ok(report) => {
            std::fs::rename(&unfinished, out).map_err(|error| unwritable(out, &error))?;
            verify::tell(&Good::report(report), json)?;
            Ok(Outcome::Done)
        }
        Err(error) => {
            // Best effort: the error that counts is the one before.
            let _absent = std::fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed(format!("{}: {error}", path.display()))
}

async fn fetch(client: &ClientArgs, period_ms: (u64, u64), path: &Path) -> Result<VerifiedReport, CliError> {
    let node = client.connect(&[Role::Auditor])?;
    let request = Request::new(ReportPeriodRequest { from_ms: period_ms.0, until_ms: period_ms.1 });
    let refused = |status: tonic::Status| explain(&status, &node.endpoint);
    let mut parts =
        AuditServiceClient::new(node.channel.clone()).report_period(request).await.map_err(refused)?.into_inner();
    let mut verifier: Option<ReportVerifier> = None;
    let mut file: Option<BufWriter<File>> = None;
    let bar = ProgressBar::no_length();
    while let Some(part) = parts.message().await.map_err(refused)? {
        // Opened with the first part: a call that is refused leaves no file behind.
        let writer = match &mut file {
            Some(file) => file,
            None => {
                let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
                file.insert(BufWriter::new(opened.map_err(|error| unwritable(path, &error))?))
            }
        };
        for line in part.lines.split_inclusive('\n') {
            match &mut verifier {
                None => {
                    let started = ReportVerifier::start(line, clock::now().day());
                    verifier = Some(started.map_err(|fault| unusable(&fault))?);
                }
                Some(verifier) => drop(verifier.line(line).map_err(|fault| unusable(&fault))?),
            }
            writer.write_all(line.as_bytes()).map_err(|error| unwritable(path, &error))?;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let (verifier, file) = verifier.zip(file).ok_or_else(|| unusable(&Fault::Truncated))?;
    let report = verifier.finish().map_err(|fault| unusable(&fault))?;
    let synced = file.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(|file| file.sync_all());
    synced.map_err(|error| unwritable(path, &error))?;
    Ok(report)
}

/// What was verified, for people.
pub fn tell(report: &VerifiedReport) -> Result<(), CliError> {
    let VerifiedReport { period, made, before, after, feeds, totals, gaps, .. } = report;
    output::answer(format!(
        "  report from {} until {}, made at {} by {}",
        period.from(),
        period.until(),
        made.time(),
        made.actor()
    ))?;
    output::answer(match (before, after) {
        (Some(before), Some(after)) => format!("  whole: the record before is of {before}, the one after of {after}"),
        (Some(before), None) => {
            format!("  whole so far: the record before is of {before}; none after it stood in the log yet")
        }
        (None, Some(after)) => format!("  whole: the log begins with it; the record after is of {after}"),
        (None, None) => "  whole so far: the log begins and ended with it".to_owned(),
    })?;
    for row in rows(totals) {
        output::answer(format!("  {row}"))?;
    }
    for feed in feeds {
        let by: Vec<&str> = feed.witnessed.iter().flat_map(|one| &one.by).map(|(key, _)| key.name()).collect();
        let by = if by.is_empty() { "nobody else".to_owned() } else { by.join(", ") };
        let what = match feed.range {
            Some((from, until)) => format!("entries {from} until {until}"),
            None => "indicators of decisions alone".to_owned(),
        };
        output::answer(format!(
            "  feed {}: {what}; size {} signed by {}, cosigned by {by}",
            feed.origin, feed.size, feed.verifier_key
        ))?;
    }
    for gap in gaps {
        output::answer(format!("  gap: {gap}"))?;
    }
    Ok(())
}

/// The totals, a line each.
fn rows(totals: &Totals) -> Vec<String> {
    let Totals { records, beside, expired, left, came, decisions, gaps, .. } = totals;
    let listed = |counts: &Counts| match counts.is_empty() {
        true => "none".to_owned(),
        false => counts.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", "),
    };
    let mut rows = vec![
        format!("{records} records; {beside} of another time beside them, {expired} without content"),
        format!("left: {} in own feeds; acknowledged by peers: {}", listed(&left.entries), listed(&left.delivered)),
        format!("came from: {}", listed(&came.received)),
    ];
    rows.extend(came.entries.iter().map(|(feed, counts)| format!("came in {feed}: {}", listed(counts))));
    rows.extend(came.unproved.iter().map(|(feed, count)| format!("came in {feed}, not kept and not proved: {count}")));
    rows.extend([
        format!("decided: {} with a record each; {} in all", listed(&decisions.recorded), listed(&decisions.counted)),
        format!("reasons: {}", listed(&decisions.reasons)),
        format!("{} of {} indicators behind decisions proved", decisions.matched_proved, decisions.matched),
        match gaps.gaps {
            0 => "no gaps".to_owned(),
            count => format!(
                "{count} gaps, {} records lost and in {} of them nobody knows how many",
                gaps.records_lost, gaps.unknown
            ),
        },
    ]);
    rows
}

/// The same for a program.
pub fn as_json(report: &VerifiedReport) -> Value {
    let time = |time: &Option<Timestamp>| time.map(|time| time.to_string());
    let feeds = report.feeds.iter().map(|feed| {
        json!({
            "origin": feed.origin,
            "verifier_key": feed.verifier_key,
            "from": feed.range.map(|range| range.0),
            "until": feed.range.map(|range| range.1),
            "size": feed.size,
            "witnesses": feed.witnessed.iter().flat_map(|one| &one.by).map(|(key, _)| key.name()).collect::<Vec<_>>(),
        })
    });
    json!({
        "from": report.period.from().to_string(),
        "until": report.period.until().to_string(),
        "made": RecordText::from(&report.made),
        "record_before": time(&report.before),
        "record_after": time(&report.after),
        "totals": report.totals,
        "feeds": feeds.collect::<Vec<_>>(),
        "gaps": report.gaps.iter().map(RecordText::from).collect::<Vec<_>>(),
    })
}
