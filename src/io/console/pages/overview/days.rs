//! Charts of the overview: what came, what left and what was decided, day by day.

use std::collections::BTreeMap;

use crate::base::name::MemberId;
use crate::base::time::Day;
use crate::io::console::chart::{Chart, Colour, Figures, Half, MirroredFigures, Series};
use crate::io::console::zone::short_day;
use crate::node::activity::{DayActivity, PeerDay};

/// Days on which anything happened.
pub type Days = BTreeMap<Day, DayActivity>;

/// Peers that have a colour of their own; the others share the last one.
const PEERS_SHOWN: usize = Colour::SERIES - 1;

/// The charts of these days.
pub fn charts(days: &[Day], activity: &Days) -> Vec<Chart> {
    let table = Table { days, activity };
    vec![exchanged(&table), stopped(&table), outcomes(&table), screened(&table), trouble(&table)]
}

/// Days as columns.
struct Table<'a> {
    days: &'a [Day],
    activity: &'a Days,
}

impl Table<'_> {
    fn labels(&self) -> Vec<String> {
        self.days.iter().map(|day| short_day(*day)).collect()
    }

    fn series(&self, name: &str, colour: Colour, count: impl Fn(&DayActivity) -> u64) -> Series {
        let values = self.days.iter().map(|day| self.activity.get(day).map(&count).unwrap_or_default());
        Series { name: name.to_owned(), colour, values: values.collect() }
    }

    fn figures(&self, title: &str, unit: &'static str, series: Vec<Series>) -> Figures {
        Figures { title: title.to_owned(), column: COLUMN, labels: self.labels(), series, unit }
    }

    fn mirrored(&self, title: &str, unit: &'static str, above: Half, below: Half) -> MirroredFigures {
        MirroredFigures { title: title.to_owned(), column: COLUMN, labels: self.labels(), above, below, unit }
    }
}

const COLUMN: &str = "Day (UTC)";

/// What came from each member, and what each acknowledged.
fn exchanged(table: &Table<'_>) -> Chart {
    let peers = peers(table.activity);
    let (shown, others) = peers.split_at(peers.len().min(PEERS_SHOWN));
    let by_peer = |count: &dyn Fn(&PeerDay) -> u64| -> Vec<Series> {
        let of = |day: &DayActivity, member: &MemberId| day.peers.get(member).map(count).unwrap_or_default();
        let mut series: Vec<Series> = shown
            .iter()
            .enumerate()
            .map(|(turn, member)| table.series(member.as_str(), Colour::Turn(turn), |day| of(day, member)))
            .collect();
        if !others.is_empty() {
            let sum = |day: &DayActivity| others.iter().map(|member| of(day, member)).sum();
            series.push(table.series("all others", Colour::Turn(PEERS_SHOWN), sum));
        }
        series
    };
    let came = Half { name: "came in", series: by_peer(&|peer| peer.came.total()) };
    let left = Half { name: "went out", series: by_peer(&|peer| peer.left.total()) };
    Chart::mirrored(&table.mirrored(
        "Exchanged with other members",
        "entries a day; out counts once it is acknowledged",
        came,
        left,
    ))
}

/// Each of them is a record of its own, at once; all orders are counted once their minute is over.
fn stopped(table: &Table<'_>) -> Chart {
    let series = vec![
        table.series("challenged", Colour::Challenge, |day| day.recorded.challenged),
        table.series("held", Colour::Hold, |day| day.recorded.held),
        table.series("blocked", Colour::Block, |day| day.recorded.blocked),
    ];
    Chart::bars(&table.figures("Orders that were stopped", "a day", series))
}

fn outcomes(table: &Table<'_>) -> Chart {
    let fraud = table.series("proved to be fraud", Colour::Block, |day| day.cases.fraud);
    let genuine = table.series("stopped although genuine", Colour::Hold, |day| day.cases.genuine);
    let above = Half { name: "fraud", series: vec![fraud] };
    let below = Half { name: "genuine: false positives", series: vec![genuine] };
    Chart::mirrored(&table.mirrored("What stopped orders turned out to be", "reports a day", above, below))
}

fn screened(table: &Table<'_>) -> Chart {
    let orders = table.series("orders", Colour::Allow, |day| {
        let counts = &day.decisions;
        counts.allowed + counts.challenged + counts.held + counts.blocked
    });
    Chart::lines(&table.figures("Orders that were screened", "a day", vec![orders]))
}

/// What an operator would have been called for.
fn trouble(table: &Table<'_>) -> Chart {
    let of_peers = |day: &DayActivity, count: &dyn Fn(&PeerDay) -> u64| day.peers.values().map(count).sum::<u64>();
    let series = vec![
        table.series("a member broke a rule", Colour::Block, |day| of_peers(day, &|peer| peer.faults)),
        table.series("a member fell silent", Colour::Hold, |day| of_peers(day, &|peer| peer.silences)),
        table.series("calls refused", Colour::Turn(0), |day| day.calls_refused),
        table.series("publications refused", Colour::Turn(3), |day| day.drafts_refused),
    ];
    Chart::bars(&table.figures("What went wrong", "a day", series))
}

/// Of the orders whose outcome was reported in these days: those that were genuine, and all.
pub fn false_positives(activity: &Days) -> (u64, u64) {
    let of = |count: fn(&DayActivity) -> u64| activity.values().map(count).sum::<u64>();
    let genuine = of(|day| day.cases.genuine);
    (genuine, genuine + of(|day| day.cases.fraud))
}

/// What came from a member on each of these days.
pub fn came_from(days: &[Day], activity: &Days, member: &MemberId) -> Vec<u64> {
    let of = |day: &DayActivity| day.peers.get(member).map(|peer| peer.came.total()).unwrap_or_default();
    days.iter().map(|day| activity.get(day).map(of).unwrap_or_default()).collect()
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
    use crate::io::console::chart::span::Span;
    use crate::node::activity::EntryCounts;

    const TODAY: Day = Day(20_785);

    fn came(members: &[(&str, u64)]) -> Days {
        let peer =
            |indicators| PeerDay { came: EntryCounts { indicators, ..Default::default() }, ..Default::default() };
        let peers = members.iter().map(|(name, count)| (name.parse().expect("valid"), peer(*count))).collect();
        Days::from([(TODAY, DayActivity { peers, ..Default::default() })])
    }

    #[test]
    fn quiet_days_are_shown_too() {
        let chart = &charts(&Span::Week.until(TODAY), &came(&[("bank-a", 3)]))[0];
        assert_eq!(
            chart.rows.iter().map(|row| row.values.join(" ")).collect::<Vec<_>>(),
            ["0 0", "0 0", "0 0", "0 0", "0 0", "0 0", "3 0"]
        );
        let member = "bank-a".parse().expect("valid");
        assert_eq!(came_from(&Span::Week.until(TODAY), &came(&[("bank-a", 3)]), &member), [0, 0, 0, 0, 0, 0, 3]);
    }

    #[test]
    fn the_busiest_peers_have_a_colour_and_the_others_share_one() {
        let members = [("a", 1), ("b", 9), ("c", 8), ("d", 7), ("e", 6), ("f", 5), ("g", 2)];
        let chart = &charts(&Span::Week.until(TODAY), &came(&members))[0];
        let legend: Vec<String> = chart.legend.iter().map(|entry| format!("{} {}", entry.name, entry.total)).collect();
        let expected = [("b", 9), ("c", 8), ("d", 7), ("e", 6), ("f", 5), ("all others", 3)];
        assert_eq!(legend, expected.map(|(name, came)| format!("{name} {came} came in, 0 went out")));
    }

    #[test]
    fn what_went_wrong_and_what_was_stopped_wrongly_is_summed_over_members_and_days() {
        let mut days = came(&[("a", 1), ("b", 1)]);
        let today = days.get_mut(&TODAY).expect("there");
        today.peers.values_mut().for_each(|peer| (peer.faults, peer.silences) = (2, 1));
        (today.cases.genuine, today.cases.fraud, today.calls_refused) = (1, 3, 7);
        let yesterday = DayActivity { cases: today.cases, ..DayActivity::default() };
        days.insert(Day(TODAY.0 - 1), yesterday);
        let charts = charts(&Span::Week.until(TODAY), &days);
        let totals: Vec<&str> = charts[4].legend.iter().map(|entry| entry.total.as_str()).collect();
        assert_eq!(totals, ["4", "2", "7", "0"]);
        assert_eq!(false_positives(&days), (2, 8));
    }
}
