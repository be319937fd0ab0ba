//! Evidence: the report of a period, what is kept beyond its time, and what the log takes.

pub mod holds;
pub mod report;
pub mod size;

use askama::Template;
use http::StatusCode;

use crate::base::role::Role;
use crate::io::console::answer::Answer;
use crate::io::console::date::Date;
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::pages::evidence::report::{Preset, Preview, Wanted, presets};
use crate::io::console::pages::evidence::size::SizeView;
use crate::io::console::visit::Visit;

/// The way up from the pages below.
pub fn above() -> Crumb {
    Crumb::new("Evidence", "/evidence")
}

#[derive(Debug, Template)]
#[template(path = "evidence/evidence.html")]
struct Page {
    frame: Frame,
    /// Of auditors, who alone read the log as a whole.
    report: Option<ReportView>,
    wrong: Option<String>,
    holds: usize,
    /// Of them those that somebody asked to lift.
    lifting: usize,
    size: SizeView,
}

#[derive(Debug)]
struct ReportView {
    presets: Vec<Preset>,
    from: String,
    last: String,
    today: String,
    /// The day after the last, for the command line.
    until: String,
    preview: Preview,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let wanted = Wanted::read(&visit.query, visit.now.wall.day())?;
    page(&visit, StatusCode::OK, wanted, None).await
}

/// The page; `wrong` where a report was asked for that cannot be made.
async fn page(visit: &Visit, status: StatusCode, wanted: Wanted, wrong: Option<String>) -> Result<Answer, Fault> {
    let today = visit.now.wall.day();
    let (holds, lifting, size, preview) = visit
        .look(move |node, now| {
            let holds = &node.state().holds;
            let lifting = holds.iter().filter(|hold| hold.lifting(now).is_some()).count();
            (holds.len(), lifting, node.audit_size(), Preview::of(&node.state().activity, &wanted, today))
        })
        .await?;
    let auditor = visit.visitor().roles.has(Role::Auditor);
    let report = auditor.then(|| ReportView {
        presets: presets(&wanted, today),
        from: wanted.from.to_string(),
        last: wanted.last.to_string(),
        today: Date(today).to_string(),
        until: Date(wanted.last.0.next()).to_string(),
        preview,
    });
    let frame = visit.frame("Evidence", &[]);
    Answer::page_as(status, &Page { frame, report, wrong, holds, lifting, size: SizeView::new(today, &size) })
}
