//! The policy: which rules decide, how often each fired, what a candidate would decide otherwise, and which rule sets were in
//! force before. Changing it is editing a file, which the page says how to do.

pub mod changes;
pub mod hits;
pub mod set;

use std::collections::BTreeMap;
use std::str::FromStr;

use askama::Template;

use crate::base::bytes::Sha256Digest;
use crate::base::role::Role;
use crate::base::time::{Day, Timestamp};
use crate::domain::indicator::words::UnknownWord;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::policy::rule::{Heard, Mode, Rule};
use crate::io::console::answer::Answer;
use crate::io::console::chart::span::Span;
use crate::io::console::chart::svg::Svg;
use crate::io::console::chart::{Chart, grouped};
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::listing::{AFTER, Pager};
use crate::io::console::menu::Menu;
use crate::io::console::pages::cases::filter::Stop;
use crate::io::console::pages::cases::words;
use crate::io::console::pages::policy::hits::{RuleDays, fired_chart, spark_of};
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, caller};
use crate::io::console::zone::Time;
use crate::io::engine::EngineFault;
use crate::io::policies::{Candidate, File, Loaded};
use crate::node::activity::RuleHits;
use crate::node::policy_history::PastPolicy;

/// Rule sets of one page of the history: each is read from the journal whole.
const PAST: usize = 10;

#[derive(Debug, Template)]
#[template(path = "policy/policy.html")]
struct PolicyPage {
    frame: Frame,
    title: String,
    digest: String,
    /// Whether a file as it stands was refused, so that an older one is in force.
    refused: Vec<&'static str>,
    spans: Vec<SpanLink>,
    menus: Vec<Menu>,
    days: u32,
    narrow: bool,
    rules: Vec<RuleRow>,
    all: usize,
    chart: Chart,
    candidate: Option<Compared>,
    past: Vec<PastRow>,
    pager: Pager,
    /// Whether the visitor may see the own lists.
    lists: bool,
}

#[derive(Debug)]
struct SpanLink {
    days: u32,
    path: String,
    here: bool,
}

/// One rule.
#[derive(Debug)]
pub struct RuleRow {
    pub name: String,
    pub description: String,
    /// What it gives as its reason, where that is not its name.
    pub reason: Option<String>,
    pub when: String,
    pub each_match: bool,
    pub decision: Badge,
    pub mode: Badge,
    /// Until when it is told and has no say.
    pub asleep: Option<Time>,
    pub counted: String,
    pub unheard: String,
    pub since_start: String,
    pub spark: Svg,
    pub sole_basis: bool,
}

/// What the candidate would have decided.
#[derive(Debug)]
struct Compared {
    title: String,
    digest: String,
    total: String,
    differ: String,
    columns: Vec<Badge>,
    rows: Vec<ComparedRow>,
}

#[derive(Debug)]
struct ComparedRow {
    decided: Badge,
    counts: Vec<ComparedCell>,
}

#[derive(Debug)]
struct ComparedCell {
    count: String,
    /// Decided otherwise, at least once.
    differs: bool,
}

#[derive(Debug)]
struct PastRow {
    digest: String,
    title: String,
    since: Time,
    until: Option<Time>,
    by: String,
    record: String,
}

/// Whether a rule has a say at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    Of(Mode),
    Asleep,
}

impl Say {
    const ALL: [Self; 4] = [Self::Of(Mode::Live), Self::Asleep, Self::Of(Mode::Shadow), Self::Of(Mode::Off)];

    fn of(rule: &Rule, now: Timestamp) -> Self {
        if rule.heard(now) == Some(Heard::Snoozed) { Self::Asleep } else { Self::Of(rule.mode) }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Of(mode) => mode.label(),
            Self::Asleep => "snoozed",
        }
    }

    pub fn badge(self) -> Badge {
        let (tone, text) = match self {
            Self::Of(Mode::Live) => ("good", "decides"),
            Self::Asleep => ("warning", "snoozed"),
            Self::Of(Mode::Shadow) => ("waiting", "on trial"),
            Self::Of(Mode::Off) => ("muted", "off"),
        };
        Badge::new(tone, text)
    }
}

impl FromStr for Say {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let known = UnknownWord { what: "mode", known: "live, snoozed, shadow, off" };
        Self::ALL.into_iter().find(|say| say.word() == text).ok_or(known)
    }
}

/// A moment in the milliseconds of an address: where the next page of the history goes on.
#[derive(Debug, Clone, Copy)]
struct Before(Timestamp);

impl FromStr for Before {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|ms| Self(Timestamp::from_unix_ms(ms)))
    }
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let span = visit.query.filter::<Span>("days")?.unwrap_or(Span::Month);
    let say = visit.query.filter::<Say>("mode")?;
    let stop = visit.query.filter::<Stop>("decision")?;
    let before = visit.query.filter::<Before>(AFTER)?.map(|before| before.0);
    let shown = span.until(visit.now.wall.day());
    let (from, until) = (shown.first().copied(), shown.last().copied().map(Day::next));
    let (days, past) = visit
        .look(move |node, _| {
            let days = from.zip(until).map(|(from, until)| RuleDays::of(node.state().activity.days(from, until)));
            (days.unwrap_or_default(), node.policy_history(before, PAST + 1))
        })
        .await?;
    let mut past = past.map_err(EngineFault::Storage)?;
    let more = past.len() > PAST;
    past.truncate(PAST);
    let next = past.last().filter(|_| more).map(|last| last.since.unix_ms().to_string());
    let policies = &visit.console.policies;
    let live = policies.live();
    let wanted = |rule: &Rule| {
        say.is_none_or(|say| Say::of(rule, visit.now.wall) == say) && stop.is_none_or(|stop| rule.decision == stop.0)
    };
    let rules = live.policy.rules().iter().enumerate().filter(|(_, rule)| wanted(rule));
    let page = PolicyPage {
        frame: visit.frame("Policy", &[]),
        title: live.policy.title(),
        digest: live.policy.digest().to_string(),
        refused: File::ALL.into_iter().filter(|file| policies.is_refused(*file)).map(file_in_words).collect(),
        spans: Span::ALL.into_iter().map(|one| span_link(&visit, one, one == span)).collect(),
        menus: menus(say, stop),
        days: span.days(),
        narrow: say.is_some() || stop.is_some(),
        rules: rules.map(|(place, rule)| RuleRow::new(&visit, &live, place, rule, &days, &shown)).collect(),
        all: live.policy.rules().len(),
        chart: fired_chart(&shown, &days),
        candidate: policies.candidate().map(|candidate| Compared::of(&candidate)),
        past: past.into_iter().map(|one| PastRow::new(&visit, one)).collect(),
        pager: Pager::new("/policy", &visit.query, next.as_deref()),
        lists: visit.visitor().roles.has(Role::Analyst) || visit.visitor().roles.has(Role::Operator),
    };
    Answer::page(&page)
}

fn file_in_words(file: File) -> &'static str {
    match file {
        File::Live => "the policy’s own file",
        File::Candidate => "the file of the candidate",
    }
}

fn span_link(visit: &Visit, span: Span, here: bool) -> SpanLink {
    let mut fields = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in visit.query.without(&["days"]).filter(|(_, value)| !value.is_empty()) {
        fields.append_pair(name, value);
    }
    let days = span.days();
    let query = fields.append_pair("days", &days.to_string()).finish();
    SpanLink { days, path: format!("/policy?{query}"), here }
}

fn menus(say: Option<Say>, stop: Option<Stop>) -> Vec<Menu> {
    let says = Say::ALL.into_iter().map(|say| (say.word(), say.badge().text));
    let stops = Stop::ALL.into_iter().map(|stop| (stop.0.label(), words::decision(stop.0).text));
    let chosen = (say.map(Say::word).unwrap_or_default(), stop.map(|stop| stop.0.label()).unwrap_or_default());
    vec![
        Menu::new("mode", "Say", [("", "all rules".into())].into_iter().chain(says), chosen.0),
        Menu::new("decision", "Asks for", [("", "anything".into())].into_iter().chain(stops), chosen.1),
    ]
}

impl RuleRow {
    fn new(visit: &Visit, live: &Loaded, place: usize, rule: &Rule, days: &RuleDays, shown: &[Day]) -> Self {
        let hits = |heard| live.hits(place, heard);
        let since_start = match Say::of(rule, visit.now.wall) {
            Say::Of(Mode::Shadow) => hits(Heard::Shadow),
            Say::Asleep => hits(Heard::Snoozed),
            Say::Of(Mode::Live | Mode::Off) => hits(Heard::Live),
        };
        let RuleHits { live: counted, shadow, snoozed } = days.total(rule.name.as_str());
        Self {
            counted: grouped(counted),
            unheard: grouped(shadow + snoozed),
            since_start: grouped(since_start),
            spark: spark_of(rule.name.as_str(), days, shown, rule.decision),
            ..Self::of(visit, rule)
        }
    }

    /// Without what is counted.
    pub fn of(visit: &Visit, rule: &Rule) -> Self {
        let say = Say::of(rule, visit.now.wall);
        Self {
            name: rule.name.to_string(),
            // A rule without a description of its own has its name for one.
            description: Some(in_general(&rule.description.0))
                .filter(|said| !said.eq_ignore_ascii_case(&rule.name.as_str().replace('_', " ")))
                .unwrap_or_default(),
            reason: (rule.reason != rule.name).then(|| words::reason(rule.reason.as_str())),
            when: rule.when.trim().to_owned(),
            each_match: rule.each_match,
            decision: words::decision(rule.decision),
            mode: say.badge(),
            asleep: rule.snoozed_until.filter(|_| say == Say::Asleep).map(|until| visit.time(until)),
            counted: String::new(),
            unheard: String::new(),
            since_start: String::new(),
            spark: spark_of("", &RuleDays::default(), &[], rule.decision),
            sole_basis: !rule.not_sole_basis,
        }
    }
}

/// What a rule says of no match in particular.
fn in_general(description: &str) -> String {
    let said =
        description.replace("{flags}", "members flag").replace("{members}", "several").replace("{kind}", "value");
    let mut letters = said.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

impl Compared {
    fn of(candidate: &Candidate) -> Self {
        let counted = |decided, would| candidate.counted(decided, would);
        let pairs = || Decision::ALL.into_iter().flat_map(|decided| Decision::ALL.map(|would| (decided, would)));
        let sum = |wanted: fn(&(Decision, Decision)) -> bool| {
            grouped(pairs().filter(wanted).map(|(decided, would)| counted(decided, would)).sum())
        };
        let cell = |decided: Decision, would: Decision| ComparedCell {
            count: grouped(counted(decided, would)),
            differs: decided != would && counted(decided, would) > 0,
        };
        let row = |decided: Decision| ComparedRow {
            decided: words::decision(decided),
            counts: Decision::ALL.map(|would| cell(decided, would)).into(),
        };
        Self {
            title: candidate.policy.title(),
            digest: candidate.policy.digest().to_string(),
            total: sum(|_| true),
            differ: sum(|(decided, would)| decided != would),
            columns: Decision::ALL.map(words::decision).into(),
            rows: Decision::ALL.map(row).into(),
        }
    }
}

impl PastRow {
    fn new(visit: &Visit, past: PastPolicy) -> Self {
        Self {
            digest: past.digest.to_string(),
            title: past.title.unwrap_or_else(|| "not readable by this program any more".to_owned()),
            since: visit.time(past.since),
            until: past.until.map(|until| visit.time(until)),
            by: past.by.map_or_else(|| "not kept any more".to_owned(), |by| caller(&by)),
            record: grouped(past.told_at.0),
        }
    }
}

/// The way up from the pages below.
pub fn above() -> Crumb {
    Crumb::new("Policy", "/policy")
}

/// The digest in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub Sha256Digest);

impl FromStr for Digest {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(Sha256Digest(bytes)))
    }
}

/// By rule, for whoever compares two rule sets.
pub fn by_name(rules: &[Rule]) -> BTreeMap<&str, &Rule> {
    rules.iter().map(|rule| (rule.name.as_str(), rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_says_is_told_without_a_match() {
        assert_eq!(in_general("{flags} the {kind}"), "Members flag the value");
        assert_eq!(in_general("ünusual amount"), "Ünusual amount");
        assert_eq!(in_general(""), "");
    }

    #[test]
    fn words_of_the_filter_lead_back_to_what_they_say() {
        assert!(Say::ALL.iter().all(|say| say.word().parse() == Ok(*say)));
        assert!("asleep".parse::<Say>().is_err());
        assert_eq!("ab".repeat(32).parse(), Ok(Digest(Sha256Digest([0xAB; 32]))));
        assert!("ab".parse::<Digest>().is_err() && "17x".parse::<Before>().is_err());
    }
}
