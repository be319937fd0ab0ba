//! How often rules fired, day by day, from the tallies of what was recorded.

use std::collections::BTreeMap;

use crate::base::time::Day;
use crate::domain::screening::decision::Decision;
use crate::io::console::chart::spark::spark;
use crate::io::console::chart::svg::Svg;
use crate::io::console::chart::{Chart, Colour, Figures, Series};
use crate::io::console::zone::short_day;
use crate::node::activity::{DayActivity, RuleHits};

/// By rule and day, over all versions of the policy: a rule that keeps its name is the same rule to people.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RuleDays(BTreeMap<String, BTreeMap<Day, RuleHits>>);

impl RuleDays {
    pub fn of<'a>(days: impl Iterator<Item = (Day, &'a DayActivity)>) -> Self {
        let mut rules: BTreeMap<String, BTreeMap<Day, RuleHits>> = BTreeMap::new();
        for (day, activity) in days {
            for ((_, rule), hits) in &activity.rules {
                let on = rules.entry(rule.clone()).or_default().entry(day).or_default();
                *on = sum(on, hits);
            }
        }
        Self(rules)
    }

    pub fn total(&self, rule: &str) -> RuleHits {
        let days = self.0.get(rule).into_iter().flat_map(BTreeMap::values);
        days.fold(RuleHits::default(), |so_far, hits| sum(&so_far, hits))
    }

    /// However it was heard.
    fn on(&self, rule: &str, day: Day) -> u64 {
        let hits = self.0.get(rule).and_then(|days| days.get(&day));
        hits.map_or(0, |hits| hits.live + hits.shadow + hits.snoozed)
    }

    fn column(&self, rule: &str, shown: &[Day]) -> Vec<u64> {
        shown.iter().map(|day| self.on(rule, *day)).collect()
    }
}

fn sum(one: &RuleHits, other: &RuleHits) -> RuleHits {
    RuleHits { live: one.live + other.live, shadow: one.shadow + other.shadow, snoozed: one.snoozed + other.snoozed }
}

/// Whether a rule fires more or less than it did.
pub fn spark_of(rule: &str, days: &RuleDays, shown: &[Day], decision: Decision) -> Svg {
    let colour = match decision {
        Decision::Allow => Colour::Allow,
        Decision::Challenge => Colour::Challenge,
        Decision::Hold => Colour::Hold,
        Decision::Block => Colour::Block,
    };
    spark(&format!("{rule}, day by day"), &days.column(rule, shown), colour)
}

/// The rules that fired most have a colour of their own; the others share the last one.
const RULES_SHOWN: usize = Colour::SERIES - 1;

/// How often rules fired.
pub fn fired_chart(shown: &[Day], days: &RuleDays) -> Chart {
    let mut rules: Vec<(&str, u64)> = days
        .0
        .keys()
        .map(|rule| (rule.as_str(), shown.iter().map(|day| days.on(rule, *day)).sum()))
        .filter(|(_, total)| *total > 0)
        .collect();
    rules.sort_by(|(one, ones), (other, others)| others.cmp(ones).then(one.cmp(other)));
    let (own, rest) = rules.split_at(rules.len().min(RULES_SHOWN));
    let mut series: Vec<Series> = own
        .iter()
        .enumerate()
        .map(|(turn, (rule, _))| Series {
            name: rule.replace('_', " "),
            colour: Colour::Turn(turn),
            values: days.column(rule, shown),
        })
        .collect();
    if !rest.is_empty() {
        let values = shown.iter().map(|day| rest.iter().map(|(rule, _)| days.on(rule, *day)).sum());
        series.push(Series {
            name: "all others".to_owned(),
            colour: Colour::Turn(RULES_SHOWN),
            values: values.collect(),
        });
    }
    Chart::bars(&Figures {
        title: "Rules that fired".to_owned(),
        column: "Day (UTC)",
        labels: shown.iter().map(|day| short_day(*day)).collect(),
        series,
        unit: "recorded orders a day",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::console::chart::span::Span;

    const TODAY: Day = Day(20_785);

    fn activity(rows: &[(&str, &str, u64)]) -> DayActivity {
        let hits = |live| RuleHits { live, shadow: 1, snoozed: 0 };
        let rules = rows.iter().map(|(policy, rule, live)| (((*policy).to_owned(), (*rule).to_owned()), hits(*live)));
        DayActivity { rules: rules.collect(), ..DayActivity::default() }
    }

    #[test]
    fn a_rule_is_counted_over_all_versions_of_the_policy() {
        let today = activity(&[("own/1", "night", 2), ("own/2", "night", 3), ("own/2", "day", 7)]);
        let before = activity(&[("own/1", "night", 10)]);
        let days = RuleDays::of([(Day(TODAY.0 - 1), &before), (TODAY, &today)].into_iter());
        assert_eq!(days.total("night"), RuleHits { live: 15, shadow: 3, snoozed: 0 });
        assert_eq!(days.total("none"), RuleHits::default());
        let shown = Span::Week.until(TODAY);
        assert_eq!(days.column("night", &shown), [0, 0, 0, 0, 0, 11, 7]);
        let chart = fired_chart(&shown, &days);
        let legend: Vec<String> = chart.legend.iter().map(|entry| format!("{} {}", entry.name, entry.total)).collect();
        assert_eq!(legend, ["night 18", "day 8"]);
    }

    #[test]
    fn the_busiest_rules_have_a_colour_and_the_others_share_one() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let rows: Vec<(&str, &str, u64)> = names.iter().zip(1..).map(|(name, live)| ("own/1", *name, live)).collect();
        let today = activity(&rows);
        let chart = fired_chart(&[TODAY], &RuleDays::of([(TODAY, &today)].into_iter()));
        let legend: Vec<String> = chart.legend.iter().map(|entry| format!("{} {}", entry.name, entry.total)).collect();
        assert_eq!(legend, ["g 8", "f 7", "e 6", "d 5", "c 4", "all others 5"]);
        assert!(fired_chart(&[TODAY], &RuleDays::default()).empty);
    }
}
