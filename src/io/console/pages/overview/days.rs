//! Charts of the overview: what came, what left and what was decided, day by day.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::base::name::MemberId;
use crate::base::time::Day;
use crate::io::console::chart::{Chart, Colour, Figures, Series};
use crate::io::console::zone::short_day;
use crate::node::activity::{DayActivity, PeerDay};

/// How far back the charts look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Week,
    Month,
    Quarter,
}

/// No such span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("charts show 7, 30 or 90 days")]
pub struct NoSpan;

impl Span {
    pub const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Quarter];

    pub fn days(self) -> u32 {
        match self {
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// The days it shows, today included.
    pub fn until(self, today: Day) -> Vec<Day> {
        let from = today.0.saturating_sub(self.days() - 1);
        (from..=today.0).map(Day).collect()
    }
}

impl FromStr for Span {
    type Err = NoSpan;

    fn from_str(text: &str) -> Result<Self, NoSpan> {
        Self::ALL.into_iter().find(|span| span.days().to_string() == text).ok_or(NoSpan)
    }
}

/// Days on which anything happened.
pub type Days = BTreeMap<Day, DayActivity>;

/// Peers that have a colour of their own; the others share the last one.
const PEERS_SHOWN: usize = Colour::SERIES - 1;

/// The charts of these days.
pub fn charts(days: &[Day], activity: &Days) -> Vec<Chart> {
    let labels: Vec<String> = days.iter().map(|day| short_day(*day)).collect();
    let column = |count: &dyn Fn(&DayActivity) -> u64| -> Vec<u64> {
        days.iter().map(|day| activity.get(day).map(count).unwrap_or_default()).collect()
    };
    let named = |name: &str, colour, count: &dyn Fn(&DayActivity) -> u64| Series {
        name: name.to_owned(),
        colour,
        values: column(count),
    };
    let figures = |title: &str, unit, series| Figures {
        title: title.to_owned(),
        column: "Day (UTC)",
        labels: labels.clone(),
        series,
        unit,
    };
    // Each of them is a record of its own, at once; all orders are counted once their minute is over.
    let stopped = vec![
        named("challenged", Colour::Challenge, &|day| day.recorded.challenged),
        named("held", Colour::Hold, &|day| day.recorded.held),
        named("blocked", Colour::Block, &|day| day.recorded.blocked),
    ];
    let screened = vec![named("orders", Colour::Allow, &|day| {
        let counts = &day.decisions;
        counts.allowed + counts.challenged + counts.held + counts.blocked
    })];
    let outcomes = vec![
        named("proved to be fraud", Colour::Block, &|day| day.cases.fraud),
        named("stopped although genuine", Colour::Hold, &|day| day.cases.genuine),
    ];
    let peers = peers(activity);
    let by_peer = |count: &dyn Fn(&PeerDay) -> u64| -> Vec<Series> {
        let (shown, others) = peers.split_at(peers.len().min(PEERS_SHOWN));
        let of = |day: &DayActivity, member: &MemberId| day.peers.get(member).map(count).unwrap_or_default();
        let mut series: Vec<Series> = shown
            .iter()
            .enumerate()
            .map(|(turn, member)| named(member.as_str(), Colour::Turn(turn), &|day| of(day, member)))
            .collect();
        if !others.is_empty() {
            let sum = |day: &DayActivity| others.iter().map(|member| of(day, member)).sum();
            series.push(named("all others", Colour::Turn(PEERS_SHOWN), &sum));
        }
        series
    };
    vec![
        Chart::bars(&figures("Orders that were stopped", "a day", stopped)),
        Chart::lines(&figures("Orders that were screened", "a day", screened)),
        Chart::bars(&figures("Came in, by member", "entries a day", by_peer(&|peer| peer.came.total()))),
        Chart::bars(&figures(
            "Went out and was acknowledged, by member",
            "entries a day",
            by_peer(&|peer| peer.left.total()),
        )),
        Chart::bars(&figures("What stopped orders turned out to be", "reports a day", outcomes)),
    ]
}

/// Those with whom most was exchanged first.
fn peers(activity: &Days) -> Vec<MemberId> {
    let mut totals: BTreeMap<&MemberId, u64> = BTreeMap::new();
    for (member, peer) in activity.values().flat_map(|day| &day.peers) {
        *totals.entry(member).or_default() += peer.came.total() + peer.left.total();
    }
    let mut peers: Vec<(&MemberId, u64)> = totals.into_iter().collect();
    peers.sort_by(|(one, ones), (other, others)| others.cmp(ones).then(one.cmp(other)));
    peers.into_iter().map(|(member, _)| member.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::activity::EntryCounts;

    const TODAY: Day = Day(20_785);

    fn came(members: &[(&str, u64)]) -> Days {
        let peer =
            |indicators| PeerDay { came: EntryCounts { indicators, ..Default::default() }, ..Default::default() };
        let peers = members.iter().map(|(name, count)| (name.parse().expect("valid"), peer(*count))).collect();
        Days::from([(TODAY, DayActivity { peers, ..Default::default() })])
    }

    #[test]
    fn a_span_ends_today_and_shows_quiet_days_too() {
        assert_eq!(Span::Week.until(TODAY), (20_779..=20_785).map(Day).collect::<Vec<_>>());
        assert_eq!(Span::Month.until(TODAY).len(), 30);
        assert_eq!(("7".parse(), "8".parse::<Span>()), (Ok(Span::Week), Err(NoSpan)));
        let chart = &charts(&Span::Week.until(TODAY), &came(&[("bank-a", 3)]))[2];
        assert_eq!(
            chart.rows.iter().map(|row| row.values.join(" ")).collect::<Vec<_>>(),
            ["0", "0", "0", "0", "0", "0", "3"]
        );
    }

    #[test]
    fn the_busiest_peers_have_a_colour_and_the_others_share_one() {
        let members = [("a", 1), ("b", 9), ("c", 8), ("d", 7), ("e", 6), ("f", 5), ("g", 2)];
        let chart = &charts(&Span::Week.until(TODAY), &came(&members))[2];
        let legend: Vec<String> = chart.legend.iter().map(|entry| format!("{} {}", entry.name, entry.total)).collect();
        assert_eq!(legend, ["b 9", "c 8", "d 7", "e 6", "f 5", "all others 3"]);
    }
}
