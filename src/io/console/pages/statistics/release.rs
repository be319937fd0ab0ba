//! One release: its figures, and everything a reader needs to judge them.

use askama::Template;

use crate::domain::statistics::published::Place;
use crate::domain::statistics::question::Query;
use crate::io::console::answer::Answer;
use crate::io::console::chart::Colour;
use crate::io::console::chart::estimates::EstimateChart;
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::pages::statistics::words::{loss, meaning, title, whole};
use crate::io::console::pages::statistics::{Days, above, chart, period_words};
use crate::io::console::visit::Visit;

#[derive(Debug, Template)]
#[template(path = "statistics/release.html")]
struct One {
    frame: Frame,
    query: Query,
    title: &'static str,
    meaning: &'static str,
    member: String,
    own: bool,
    period: String,
    /// The same in an address.
    days: String,
    id: String,
    /// None where the member counts other categories than this program.
    chart: Option<EstimateChart>,
    half_width: u64,
    scale: String,
    bound: u32,
    unit_words: &'static str,
    epsilon: String,
    epsilon_exact: String,
    spent: String,
    left: Option<String>,
    quarter: String,
    /// It still waits for the window of the feed to end.
    waits: bool,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let place: Place = visit.value("place")?;
    let found = visit.look(move |node, _| node.release_at(&place)).await?;
    let (release, published) = found.ok_or(Fault::NotFound)?;
    let query = release.query;
    let half_width = release.figures.accuracy_95;
    let name = format!("{} of {}", title(query), release.member);
    let counts = release.counts.clone().map(|counts| query.categories().into_iter().zip(counts));
    let own = release.member == *visit.console.engine.member();
    let colour = if own { Colour::Turn(0) } else { Colour::Turn(3) };
    let above = [above(), Crumb::new("All releases", "/statistics/releases")];
    let page = One {
        frame: visit.frame(format!("{}, {}", title(query), period_words(release.period)), &above),
        query,
        title: title(query),
        meaning: meaning(query),
        member: release.member.to_string(),
        own,
        period: period_words(release.period),
        days: Days(release.period).to_string(),
        id: release.id.to_string(),
        chart: counts.map(|counts| chart(name, query, counts, half_width, colour)),
        half_width: whole(half_width),
        scale: format!("{:.1}", release.figures.scale),
        bound: release.figures.contribution_bound,
        unit_words: query.unit().words(),
        epsilon: loss(release.epsilon),
        epsilon_exact: release.epsilon.to_string(),
        spent: loss(release.spent),
        left: release.left().map(loss),
        quarter: release.period.quarter().to_string(),
        waits: !published,
    };
    Answer::page(&page)
}
