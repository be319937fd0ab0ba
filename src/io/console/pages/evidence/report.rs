//! The report of a period: what it will hold, and the file itself, made while it is sent.

use std::sync::Arc;

use http::StatusCode;
use prost::bytes::Bytes;
use tokio_stream::StreamExt;

use crate::base::role::Role;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::period::{AuditPeriod, PeriodError};
use crate::domain::statistics::period::Quarter;
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::date::{Date, before, days, long_day};
use crate::io::console::export::JSON_LINES;
use crate::io::console::fault::Fault;
use crate::io::console::fields::Fields;
use crate::io::console::pages::enrol::sentence;
use crate::io::console::pages::evidence::page;
use crate::io::console::visit::Visit;
use crate::io::engine::EngineFault;
use crate::io::grpc::convert::actor;
use crate::io::reporting::{self, ReportingFault};
use crate::node::activity::{Activity, oldest_kept};

/// The days somebody wants a report of, the last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub from: Date,
    pub last: Date,
}

impl Wanted {
    /// As an address or a form says; the running month where it says nothing.
    pub fn read(fields: &Fields, today: Day) -> Result<Self, Fault> {
        Ok(Self {
            from: fields.filter("from")?.unwrap_or_else(|| month_of(today)),
            last: fields.filter("last")?.unwrap_or(Date(today)),
        })
    }

    /// Whole days; of the running one what there is of it.
    fn period(&self, now: Timestamp) -> Result<AuditPeriod, PeriodError> {
        let end = self.last.0.next().start();
        let end = if self.last.0 == now.day() { now } else { end };
        AuditPeriod::new(self.from.0.start(), end)?.reportable(now)
    }
}

/// The first day of a day's month.
fn month_of(day: Day) -> Date {
    let text = Date(day).to_string();
    text.get(..7).and_then(|month| format!("{month}-01").parse().ok()).unwrap_or(Date(day))
}

/// The first day of a day's year.
fn year_of(day: Day) -> Date {
    let text = Date(day).to_string();
    text.get(..4).and_then(|year| format!("{year}-01-01").parse().ok()).unwrap_or(Date(day))
}

/// A period people often ask for.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    pub words: &'static str,
    pub from: String,
    pub last: String,
    pub here: bool,
}

/// What people often ask for.
pub fn presets(wanted: &Wanted, today: Day) -> Vec<Preset> {
    let month = month_of(today);
    let quarter = Quarter::of(today).first_day();
    let preset = |words, from: Date, last: Day| Preset {
        words,
        from: from.to_string(),
        last: Date(last).to_string(),
        here: (wanted.from, wanted.last) == (from, Date(last)),
    };
    vec![
        preset("This month", month, today),
        preset("Last month", month_of(before(month.0)), before(month.0)),
        preset("Last quarter", Date(Quarter::of(before(quarter)).first_day()), before(quarter)),
        preset("This year", year_of(today), today),
    ]
}

/// What stands in the tallies of these days: what a report of them will prove one by one.
#[derive(Debug, PartialEq, Eq)]
pub struct Preview {
    pub days: String,
    pub facts: Vec<(&'static str, String)>,
    /// Days older than this are in the report and not in these figures.
    pub from_day: Option<String>,
    pub empty: bool,
}

impl Preview {
    pub fn of(activity: &Activity, wanted: &Wanted, today: Day) -> Self {
        let (from, until) = (wanted.from.0, wanted.last.0.next());
        let (mut came, mut left, mut stopped, mut orders, mut cases) = (0, 0, 0, 0, 0);
        for (_, day) in activity.days(from, until) {
            came += day.peers.values().map(|peer| peer.came.total()).sum::<u64>();
            left += day.peers.values().map(|peer| peer.left.total()).sum::<u64>();
            stopped += day.recorded.challenged + day.recorded.held + day.recorded.blocked;
            let counts = &day.decisions;
            orders += counts.allowed + counts.challenged + counts.held + counts.blocked;
            cases += day.cases.opened;
        }
        let records = activity.records_of(from, until);
        let records = records.map(|(first, last)| last.0.saturating_sub(first.0).saturating_add(1)).unwrap_or_default();
        let oldest = oldest_kept(today);
        Self {
            days: days(from, until),
            facts: vec![
                ("Records", grouped(records)),
                ("Entries that came in", grouped(came)),
                ("Entries acknowledged by others", grouped(left)),
                ("Orders stopped", grouped(stopped)),
                ("Orders screened", grouped(orders)),
                ("Cases opened", grouped(cases)),
            ],
            from_day: (from < oldest).then(|| long_day(oldest)),
            empty: records == 0 && came == 0,
        }
    }
}

/// A report ended before its last line.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Reporting(#[from] ReportingFault),
    #[error("whoever asked may not read it any more")]
    RoleLost,
}

pub async fn download(visit: Visit) -> Result<Answer, Fault> {
    let wanted = Wanted::read(&visit.form, visit.now.wall.day())?;
    let refuse = |status, reason: String| page(&visit, status, wanted, Some(reason));
    let period = match wanted.period(visit.now.wall) {
        Ok(period) => period,
        Err(error) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, words(&error)).await,
    };
    let Ok(room) = Arc::clone(&visit.console.reports).try_acquire_owned() else {
        let busy = "Several reports are being made at this moment. Please try again in a minute.";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, busy.to_owned()).await;
    };
    let mut parts = reporting::report(visit.console.engine.patient(), actor(&visit.caller()), period);
    // What fails at once is said on a page, not by a broken file.
    let first = match parts.next().await {
        Some(Ok(first)) => first,
        Some(Err(fault)) => return Err(failed(fault)),
        None => return Err(Fault::Broken("a report without a line".to_owned())),
    };
    let (console, user) = (Arc::clone(&visit.console), visit.visitor().session.user.clone());
    let parts = tokio_stream::once(Ok(first)).chain(parts).map(move |part| {
        let _one_of_few = &room;
        match console.users.alive(&user) {
            Some(roles) if roles.has(Role::Auditor) => Ok(Bytes::from(part?)),
            _ => Err(Broken::RoleLost),
        }
    });
    let name = format!("report-{}-{}-{}.jsonl", visit.console.engine.member(), wanted.from, wanted.last);
    Ok(Answer::file_in_parts(name, JSON_LINES, parts))
}

fn failed(fault: ReportingFault) -> Fault {
    match fault {
        ReportingFault::Engine(fault) => Fault::Engine(fault),
        ReportingFault::Storage(fault) => Fault::Engine(EngineFault::Storage(fault)),
        fault @ (ReportingFault::Unprovable(_) | ReportingFault::Nothing) => Fault::Broken(fault.to_string()),
    }
}

/// Why there is no report of these days.
fn words(error: &PeriodError) -> String {
    match error {
        PeriodError::Empty { .. } => "The last day must not lie before the first.".to_owned(),
        PeriodError::NotOver { .. } => "The last day is still to come: nobody can report it yet.".to_owned(),
        too_long @ PeriodError::TooLong { .. } => sentence(&too_long.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse::<Date>().expect("a date").0
    }

    fn wanted(from: &str, last: &str) -> Wanted {
        Wanted { from: Date(day(from)), last: Date(day(last)) }
    }

    #[test]
    fn whole_days_are_reported_and_of_today_what_there_is() {
        let now = day("2026-11-22").start().plus_s(3_600);
        let check = |from: &str, last: &str, expected: Result<(Timestamp, Timestamp), &str>| {
            let got = wanted(from, last).period(now).map(|period| (period.from(), period.until()));
            assert_eq!(got.map_err(|error| words(&error)), expected.map_err(str::to_owned), "{from} {last}");
        };
        let start = |text: &str| day(text).start();
        check("2026-11-01", "2026-11-21", Ok((start("2026-11-01"), start("2026-11-22"))));
        check("2026-11-22", "2026-11-22", Ok((start("2026-11-22"), now)));
        check("2026-11-22", "2026-11-21", Err("The last day must not lie before the first."));
        check("2026-11-22", "2026-11-23", Err("The last day is still to come: nobody can report it yet."));
        assert!(wanted("2024-01-01", "2026-01-01").period(now).is_err_and(|error| words(&error).contains("366")));
    }

    #[test]
    fn what_people_often_ask_for_begins_and_ends_with_its_month_quarter_or_year() {
        let presets = presets(&wanted("2026-10-01", "2026-10-31"), day("2026-11-22"));
        let shown: Vec<String> = presets.iter().map(|one| format!("{} {} {}", one.words, one.from, one.last)).collect();
        assert_eq!(
            shown,
            [
                "This month 2026-11-01 2026-11-22",
                "Last month 2026-10-01 2026-10-31",
                "Last quarter 2026-07-01 2026-09-30",
                "This year 2026-01-01 2026-11-22",
            ]
        );
        assert_eq!(presets.iter().filter(|one| one.here).map(|one| one.words).collect::<Vec<_>>(), ["Last month"]);
    }

    #[test]
    fn a_report_is_asked_of_the_running_month_where_nothing_is_said() {
        let read = |text: &str| Wanted::read(&Fields::parse(text.as_bytes()).expect("fields"), day("2026-11-22")).ok();
        assert_eq!(read(""), Some(wanted("2026-11-01", "2026-11-22")));
        assert_eq!(read("from=2026-10-05&last=2026-10-06"), Some(wanted("2026-10-05", "2026-10-06")));
        assert_eq!(read("from=yesterday"), None);
    }

    #[test]
    fn days_whose_tallies_are_gone_are_told_of() {
        let preview = |from: &str| Preview::of(&Activity::default(), &wanted(from, "2026-11-21"), day("2026-11-22"));
        assert_eq!(preview("2026-11-01").from_day, None);
        assert_eq!(preview("2025-10-01").from_day.as_deref(), Some("22 Oct 2025"));
        assert!(preview("2026-11-01").empty);
    }
}
