//! Statistics and budget: what members published about their data with noise, the consortium's sum, and what may still be asked.

pub mod ask;
pub mod budget;
pub mod release;
pub mod releases;
pub mod words;

use std::fmt;
use std::str::FromStr;

use askama::Template;

use crate::base::name::MemberId;
use crate::domain::statistics::period::{Period, Quarter};
use crate::domain::statistics::published::{Place, Published};
use crate::domain::statistics::question::{Query, ReleaseId};
use crate::domain::statistics::sum::Sum;
use crate::io::console::answer::Answer;
use crate::io::console::chart::Colour;
use crate::io::console::chart::estimates::{Estimate, EstimateChart, Estimates};
use crate::io::console::date::{Date, days};
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::pages::statistics::budget::BudgetView;
use crate::io::console::pages::statistics::words::{category, loss, meaning, title, unit, whole};
use crate::io::console::visit::Visit;
use crate::node::releases::ReleaseFilter;

/// Periods to choose from: a quarter of weeks.
const PERIODS: usize = 14;

/// Categories that keep their own order; of more, the largest come first.
const ORDERED: usize = 4;

/// The way up from the pages below.
pub fn above() -> Crumb {
    Crumb::new("Statistics and budget", "/statistics")
}

/// A period as an address names it: its first day and the day after its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(pub Period);

/// No period of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a period is written as in 2026-11-16/2026-11-23")]
pub struct NoDays;

impl FromStr for Days {
    type Err = NoDays;

    fn from_str(text: &str) -> Result<Self, NoDays> {
        let (from, until) = text.split_once('/').ok_or(NoDays)?;
        let day = |text: &str| text.parse::<Date>().map_err(|_| NoDays);
        Period::stored(day(from)?.0, day(until)?.0).map(Self).ok_or(NoDays)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Date(self.0.from()), Date(self.0.until()))
    }
}

/// A period in words.
pub fn period_words(period: Period) -> String {
    days(period.from(), period.until())
}

/// A link among others of which one is the page that is shown.
#[derive(Debug)]
pub struct Choice {
    pub value: String,
    pub words: String,
    pub here: bool,
}

/// The questions to choose from.
pub fn questions(chosen: Option<Query>) -> Vec<Choice> {
    let choice =
        |query: Query| Choice { value: query.to_string(), words: title(query).to_owned(), here: chosen == Some(query) };
    Query::ALL.into_iter().map(choice).collect()
}

/// Counts with their half-width as a chart.
pub fn chart(
    name: String,
    query: Query,
    counts: impl IntoIterator<Item = (String, i64)>,
    half_width: f64,
    colour: Colour,
) -> EstimateChart {
    let mut rows: Vec<Estimate> =
        counts.into_iter().map(|(label, value)| Estimate { label: category(query, &label), value }).collect();
    if rows.len() > ORDERED {
        rows.sort_by_key(|row| std::cmp::Reverse(row.value));
    }
    Estimates { title: name, unit: unit(query), rows, half_width: whole(half_width), colour }.chart()
}

#[derive(Debug, Template)]
#[template(path = "statistics/statistics.html")]
struct Page {
    frame: Frame,
    budget: BudgetView,
    questions: Vec<Choice>,
    query: Query,
    title: &'static str,
    meaning: &'static str,
    unit_words: &'static str,
    periods: Vec<Choice>,
    figures: Option<FiguresView>,
}

/// What was released of one question and period.
#[derive(Debug)]
struct FiguresView {
    period: String,
    all: Option<EstimateChart>,
    own: Option<EstimateChart>,
    members: usize,
    half_width: u64,
    own_width: u64,
    epsilon: String,
    shares: Vec<Share>,
    missing: Vec<(String, &'static str)>,
}

/// A member in the sum.
#[derive(Debug)]
struct Share {
    member: String,
    place: String,
    id: String,
    epsilon: String,
    scale: String,
    left: Option<String>,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let query = visit.query.filter::<Query>("question")?;
    let chosen = visit.query.filter::<Days>("days")?.map(|days| days.0);
    let own = visit.console.engine.member().clone();
    let seen = visit
        .look(move |node, now| {
            let releases = &node.state().releases;
            // Without a choice: what was released last.
            let newest = || releases.list(&ReleaseFilter::default(), None, 1).0.first().map(|release| release.query);
            let query = query.or_else(newest).unwrap_or(Query::OrdersByDecision);
            let periods = releases.periods(query, PERIODS);
            let period = chosen.or_else(|| periods.first().map(|(period, _)| *period));
            let figures = period
                .map(|period| (period, node.sum_releases(query, period), releases.best(&own, query, period).cloned()));
            let quarter = Quarter::of(now.day());
            (query, periods, figures, node.budget(now.day()), node.kept_for_schedule(quarter, now))
        })
        .await?;
    let (query, periods, figures, budget, kept) = seen;
    let period = figures.as_ref().map(|(period, ..)| *period);
    let mut choices: Vec<Choice> = periods
        .into_iter()
        .map(|(one, members)| Choice {
            value: Days(one).to_string(),
            words: format!("{} ({})", period_words(one), counted(members)),
            here: Some(one) == period,
        })
        .collect();
    if let Some(asked) = period.filter(|_| choices.iter().all(|choice| !choice.here)) {
        choices.insert(0, Choice { value: Days(asked).to_string(), words: period_words(asked), here: true });
    }
    Answer::page(&Page {
        frame: visit.frame("Statistics and budget", &[]),
        budget: BudgetView::new(visit.now.wall.day(), &budget, kept),
        questions: questions(Some(query)),
        query,
        title: title(query),
        meaning: meaning(query),
        unit_words: query.unit().words(),
        periods: choices,
        figures: figures.map(|(period, sum, own)| figures_view(visit.console.engine.member(), period, sum, own)),
    })
}

fn counted(members: usize) -> String {
    if members == 1 { "1 member".to_owned() } else { format!("{members} members") }
}

fn figures_view(me: &MemberId, period: Period, sum: Sum, own: Option<Published>) -> FiguresView {
    let query = sum.query;
    let epsilon = loss(sum.epsilon());
    let half_width = whole(sum.half_width_95);
    let members = sum.shares.len();
    let place = |member: &MemberId, id: &ReleaseId| {
        let (until, from) = (period.until().0, period.from().0);
        Place { until, from, query, member: member.clone(), id: id.clone() }.to_string()
    };
    let shares = sum.shares.iter().map(|share| Share {
        member: share.member.to_string(),
        place: place(&share.member, &share.id),
        id: share.id.to_string(),
        epsilon: loss(share.epsilon),
        scale: format!("{:.1}", share.scale),
        left: share.left.map(loss),
    });
    let shares = shares.collect();
    let missing = sum.missing.iter().map(|(member, why)| (member.to_string(), why.words())).collect();
    let own_width = own.as_ref().map(|own| whole(own.figures.accuracy_95)).unwrap_or_default();
    let own = own.and_then(|own| {
        let counts = query.categories().into_iter().zip(own.counts?);
        Some(chart(format!("{me} alone"), query, counts, own.figures.accuracy_95, Colour::Turn(0)))
    });
    let name = format!("All together: {}", counted(members));
    let all = (members > 0).then(|| chart(name, query, sum.counts, sum.half_width_95, Colour::Turn(2)));
    FiguresView { period: period_words(period), all, own, members, half_width, own_width, epsilon, shares, missing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_stands_in_an_address_and_nothing_else_does() {
        let text = "2026-11-16/2026-11-23";
        let days: Days = text.parse().expect("a week");
        assert_eq!((days.to_string().as_str(), period_words(days.0).as_str()), (text, "16 to 22 Nov 2026"));
        for broken in ["", "2026-11-16", "2026-11-16/2026-11-16", "2026-09-28/2026-10-05", "x/y"] {
            assert_eq!(broken.parse::<Days>(), Err(NoDays), "{broken}");
        }
    }

    #[test]
    fn many_categories_come_largest_first_and_few_keep_their_order() {
        let drawn = |query: Query, counts: Vec<i64>| {
            let counts = query.categories().into_iter().zip(counts);
            let chart = chart("x".to_owned(), query, counts, 1.0, Colour::Turn(0));
            chart.rows.into_iter().map(|row| row.value).collect::<Vec<_>>()
        };
        assert_eq!(drawn(Query::OrdersByDecision, vec![1, 9, 2, 3]), ["1", "9", "2", "3"]);
        let largest = drawn(Query::PublishedIndicatorsByKind, (0..16).collect());
        assert_eq!((largest[0].as_str(), largest[15].as_str()), ("15", "0"));
    }
}
