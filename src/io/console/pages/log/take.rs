//! What is filtered, taken along: a table for a spreadsheet, lines for a program, a report to print. Each is recorded before
//! it is handed out, and is whole: what would be too long is refused, because nobody sees what a file leaves out.

use std::str::FromStr;

use askama::Template;
use tokio::sync::Semaphore;

use crate::base::limits::console as limits;
use crate::base::position::EntryIndex;
use crate::domain::audit::record::AuditRecord;
use crate::domain::audit::search::AuditFilter;
use crate::io::audit_rows::{AuditRow, COLUMNS, cells};
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::export::{CSV, Csv, JSON_LINES, json_line};
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::log::filters::{Filters, FiltersError};
use crate::io::console::pages::log::{Row, above, stored, within};
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::console::zone::Time;
use crate::io::grpc::convert::actor;

/// Exports made at once: each may hold some ten megabytes.
static ROOM: Semaphore = Semaphore::const_new(2);

/// Records of one look at the node.
const SLICE: usize = 1_000;

/// A file's form, as an address names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    JsonLines,
}

/// No such form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("records are exported as csv or jsonl")]
struct NoForm;

impl FromStr for Form {
    type Err = NoForm;

    fn from_str(text: &str) -> Result<Self, NoForm> {
        match text {
            "csv" => Ok(Self::Csv),
            "jsonl" => Ok(Self::JsonLines),
            _ => Err(NoForm),
        }
    }
}

impl Form {
    const fn label(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "log/report.html")]
struct Report {
    frame: Frame,
    told: Vec<(&'static str, String)>,
    made: Time,
    by: String,
    count: String,
    rows: Vec<ReportRow>,
    back: String,
}

/// A record with everything it says.
#[derive(Debug)]
struct ReportRow {
    row: Row,
    fields: Vec<(String, String)>,
}

/// Filters of the address; what is none of them leads back to the list.
fn filters(visit: &Visit) -> Result<Result<Filters, Answer>, Fault> {
    match Filters::read(&visit.query, &visit.zone) {
        Ok(filters) => Ok(Ok(filters)),
        Err(FiltersError::Field(refused)) => Err(refused.into()),
        Err(FiltersError::Search { why, .. }) => {
            visit.tell(Tone::Warning, format!("Nothing was exported: {why}."));
            Ok(Err(Answer::see(LocalPath::new("/log"))))
        }
    }
}

pub async fn export(visit: Visit) -> Result<Answer, Fault> {
    let filters = match filters(&visit)? {
        Ok(filters) => filters,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let form: Form = visit.query.read("form")?;
    let _room = ROOM.try_acquire().map_err(|_| Fault::Busy)?;
    let (mut table, mut lines) = (Csv::new(&COLUMNS), String::new());
    let mut broken = None;
    let count = gather(&visit, filters.audit_filter(), limits::EXPORT_ROWS, |index, record| match form {
        Form::Csv => table.row(&cells(index, record)),
        Form::JsonLines => broken = json_line(&mut lines, &AuditRow::new(index, record)).err().or(broken.take()),
    });
    let Some(count) = count.await? else { return Ok(too_many(&visit, &filters, limits::EXPORT_ROWS)) };
    if let Some(broken) = broken {
        return Err(Fault::Broken(format!("export: {broken}")));
    }
    record(&visit, &filters, form.label(), count).await?;
    let name = format!("{}-log-{}.{}", visit.console.engine.member(), visit.now.wall.day(), form.label());
    Ok(match form {
        Form::Csv => Answer::file(name, CSV, table.into_text()),
        Form::JsonLines => Answer::file(name, JSON_LINES, lines),
    })
}

pub async fn report(visit: Visit) -> Result<Answer, Fault> {
    let filters = match filters(&visit)? {
        Ok(filters) => filters,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let _room = ROOM.try_acquire().map_err(|_| Fault::Busy)?;
    let mut rows = Vec::new();
    let count = gather(&visit, filters.audit_filter(), limits::REPORT_ROWS, |index, record| {
        let fields = record.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        rows.push(ReportRow { row: Row::new(&visit, index, record), fields });
    });
    let Some(count) = count.await? else { return Ok(too_many(&visit, &filters, limits::REPORT_ROWS)) };
    record(&visit, &filters, "report", count).await?;
    let page = Report {
        frame: visit.frame("Report", &[above()]),
        told: filters.told(&visit.zone),
        made: visit.time(visit.now.wall),
        by: visit.visitor().session.user.name.to_string(),
        count: if count == 1 { "1 record".to_owned() } else { format!("{} records", grouped(count)) },
        rows,
        back: within(&visit, &filters).to_string(),
    };
    Answer::page(&page)
}

/// Hands every record that a filter keeps to `take`; how many there were, none where there are more than `limit`.
async fn gather(
    visit: &Visit,
    filter: AuditFilter,
    limit: usize,
    mut take: impl FnMut(EntryIndex, &AuditRecord),
) -> Result<Option<u64>, Fault> {
    let (mut count, mut from) = (0, None);
    loop {
        let filter = filter.clone();
        // A slice at a time: between them the node does everything else.
        let found = visit.look(move |node, now| node.search_audit_records(&filter, from, SLICE, now)).await?;
        let found = found.map_err(stored)?;
        for logged in &found.entries {
            let Ok(record) = AuditRecord::decode(&logged.entry.blob) else { continue };
            if count == limit {
                return Ok(None);
            }
            count += 1;
            take(logged.index, &record);
        }
        from = found.next;
        if from.is_none() {
            return Ok(Some(u64::try_from(count).unwrap_or(u64::MAX)));
        }
    }
}

async fn record(visit: &Visit, filters: &Filters, form: &'static str, records: u64) -> Result<(), Fault> {
    let (caller, filter) = (actor(&visit.caller()), filters.audit_filter());
    visit
        .act(move |node, round| node.record_audit_extract(&caller, &filter, form, records, round.now, round.rng))
        .await?
        .map_err(stored)
}

fn too_many(visit: &Visit, filters: &Filters, limit: usize) -> Answer {
    let limit = grouped(u64::try_from(limit).unwrap_or(u64::MAX));
    visit.tell(
        Tone::Warning,
        format!("More than {limit} records fit, and a part of them would pass for all. Narrow them by time, and take several."),
    );
    Answer::see(within(visit, filters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_named_or_refused() {
        for form in [Form::Csv, Form::JsonLines] {
            assert_eq!(form.label().parse(), Ok(form));
        }
        assert_eq!("xls".parse::<Form>(), Err(NoForm));
    }
}
