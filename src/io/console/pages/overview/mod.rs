//! The overview: whether all is well, how fresh each peer is, what waits, and the last days in charts.

mod days;

use std::collections::BTreeMap;

use askama::Template;

use crate::base::name::MemberId;
use crate::io::console::answer::Answer;
use crate::io::console::chart::span::Span;
use crate::io::console::chart::spark::spark;
use crate::io::console::chart::strip::{SMALL, Strip, strip};
use crate::io::console::chart::svg::Svg;
use crate::io::console::chart::{Chart, Colour, grouped};
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::pages::overview::days::{Days, came_from, charts, false_positives};
use crate::io::console::visit::Visit;
use crate::io::console::zone::span;
use crate::io::exchange::links::Link;
use crate::io::grpc::node::{alarms, state_of};
use crate::node::status::{FeedStatus, PeerStatus, Status};

#[derive(Debug, Template)]
#[template(path = "overview/overview.html")]
struct Overview {
    frame: Frame,
    alarms: Vec<String>,
    facts: Vec<Fact>,
    peers: Vec<PeerRow>,
    spans: Vec<SpanLink>,
    charts: Vec<Chart>,
    /// Nothing happened on any of these days.
    quiet: bool,
}

/// How far back the charts may look.
#[derive(Debug)]
struct SpanLink {
    days: u32,
    here: bool,
}

/// A number with what it counts.
#[derive(Debug)]
struct Fact {
    title: &'static str,
    value: String,
    note: String,
    /// Draws attention to itself.
    tone: &'static str,
}

/// One peer.
#[derive(Debug)]
struct PeerRow {
    member: String,
    tone: &'static str,
    link: &'static str,
    failure: String,
    /// Since its feeds were last signed; the oldest of them.
    age: Option<String>,
    stale: bool,
    /// That age against the longest the roster allows.
    freshness: Option<Svg>,
    /// What came from it, day by day.
    came: Svg,
    entries: String,
    lag: u64,
    unacknowledged: u64,
    retractions: u64,
    cosignatures: usize,
    quarantined: bool,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let span = visit.query.filter::<Span>("days")?.unwrap_or(Span::Month);
    let shown = span.until(visit.now.wall.day());
    let (from, until) = (shown.first().copied(), shown.last().copied());
    let (status, alarms, activity, limit_s) = visit
        .look(move |node, now| {
            let status = node.status(now);
            let alarms = alarms(&status, node.state().belief_full, now);
            let days = from.zip(until).map(|(from, last)| node.state().activity.days(from, last.next()));
            let days: Days = days.into_iter().flatten().map(|(day, activity)| (day, activity.clone())).collect();
            (status, alarms, days, node.state().roster.limits().freshness_limit_s)
        })
        .await?;
    let mut charts = charts(&shown, &activity);
    // What there is to see first; what was quiet leaves no hole between drawings.
    charts.sort_by_key(|chart| chart.empty);
    let mut facts = facts(&status);
    facts.insert(3, stopped_wrongly(false_positives(&activity), span));
    let page = Overview {
        frame: visit.frame("Overview", &[]),
        alarms,
        facts,
        peers: peers(&visit, &status, limit_s, &|member| came_from(&shown, &activity, member)),
        spans: Span::ALL.into_iter().map(|one| SpanLink { days: one.days(), here: one == span }).collect(),
        quiet: charts.iter().all(|chart| chart.empty),
        charts,
    };
    Answer::page(&page)
}

fn facts(status: &Status) -> Vec<Fact> {
    let count = |number: usize| grouped(u64::try_from(number).unwrap_or(u64::MAX));
    let (state, detail) = state_of(&status.fence);
    let witnessed = match &status.audit_witnessed {
        Some((size, names)) => {
            let members: Vec<&str> = names.iter().map(|name| member_of(name)).collect();
            format!("{} cosigned by {}", grouped(size.0), members.join(", "))
        }
        None => "not cosigned by anybody yet".to_owned(),
    };
    let fact = |title, value, note: String, tone| Fact { title, value, note, tone };
    vec![
        fact(
            "Node",
            state.to_owned(),
            if detail.is_empty() {
                format!("roster {}, epoch {}", status.roster_version, status.epoch)
            } else {
                detail
            },
            if state == "ready" { "good" } else { "warning" },
        ),
        fact(
            "Indicators that count",
            grouped(status.held.live),
            format!("{} withdrawn, {} waiting to go out", grouped(status.held.retracted), count(status.pending)),
            "plain",
        ),
        fact(
            "Cases waiting",
            count(status.cases_waiting),
            if status.cases_waiting == 0 {
                "nobody waits for a decision".to_owned()
            } else {
                "orders nobody has decided on".to_owned()
            },
            if status.cases_waiting == 0 { "plain" } else { "waiting" },
        ),
        fact(
            "Own lists",
            count(status.allowed + status.blocked),
            format!("{} allowed, {} blocked", count(status.allowed), count(status.blocked)),
            "plain",
        ),
        fact("Audit log", grouped(status.audit_size.0), witnessed, "plain"),
    ]
}

/// How many of the stopped orders whose outcome is known should not have been stopped.
fn stopped_wrongly((genuine, known): (u64, u64), span: Span) -> Fact {
    let percent = (genuine * 100 + known / 2).checked_div(known);
    let of = format!("{} of {} reported orders, in {} days", grouped(genuine), grouped(known), span.days());
    Fact {
        title: "Stopped wrongly",
        value: percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %")),
        note: if known == 0 { format!("no outcome was reported in {} days", span.days()) } else { of },
        tone: "plain",
    }
}

/// The member of a witness key's name `CONSORTIUM/MEMBER/witness`.
fn member_of(key: &str) -> &str {
    key.split('/').nth(1).unwrap_or(key)
}

fn peers(visit: &Visit, status: &Status, limit_s: u64, came: &dyn Fn(&MemberId) -> Vec<u64>) -> Vec<PeerRow> {
    let mut feeds: BTreeMap<&MemberId, Vec<&FeedStatus>> = BTreeMap::new();
    for feed in &status.feeds {
        feeds.entry(&feed.id.member).or_default().push(feed);
    }
    let row = |peer: &PeerStatus| {
        let theirs = feeds.get(&peer.member).map(Vec::as_slice).unwrap_or_default();
        let link = visit.console.links.of(&peer.member).unwrap_or(Link::Connecting);
        let (tone, word) = match &link {
            Link::Connected => ("good", "connected"),
            Link::Connecting => ("waiting", "connecting"),
            Link::BackingOff { .. } => ("warning", "not reached"),
            Link::Faulty { .. } => ("bad", "refused"),
        };
        let age = theirs.iter().filter_map(|feed| feed.age_s).max();
        PeerRow {
            member: peer.member.to_string(),
            tone,
            link: word,
            failure: link.failure().to_owned(),
            age: age.map(span),
            stale: theirs.iter().any(|feed| feed.silent) || age.is_none(),
            freshness: age.map(|age| freshness(age, limit_s)),
            came: spark(&format!("What came from {}", peer.member), &came(&peer.member), Colour::Turn(0)),
            entries: grouped(theirs.iter().map(|feed| feed.size.0).sum()),
            lag: peer.lag_entries,
            unacknowledged: peer.unacknowledged_entries,
            retractions: peer.unacknowledged_retractions,
            cosignatures: theirs.iter().map(|feed| feed.cosignatures).max().unwrap_or_default(),
            quarantined: theirs.iter().any(|feed| feed.quarantined),
        }
    };
    status.peers.iter().map(row).collect()
}

/// How old the newest word of a member is, against the longest the roster allows: that stands at three quarters, so that one can
/// see it being passed.
fn freshness(age_s: u64, limit_s: u64) -> Svg {
    let late = age_s > limit_s;
    let said = format!("signed {} ago; silent after {}", span(age_s), span(limit_s));
    let colour = if late { Colour::Block } else { Colour::Allow };
    let whole = limit_s.saturating_mul(4) / 3;
    // Never so fresh that there is nothing to see.
    let age = age_s.max(whole / 16);
    let title = "Freshness".to_owned();
    strip(&Strip { title, said, parts: vec![(colour, age)], whole, mark: Some(limit_s) }, SMALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_green_until_the_limit_and_says_so() {
        let fresh = freshness(60, 3_600).to_string();
        assert!(fresh.contains("c-allow") && fresh.contains("signed 1 min ago; silent after 1 h"), "{fresh}");
        assert!(freshness(3_601, 3_600).to_string().contains("c-block"));
    }

    #[test]
    fn what_was_stopped_wrongly_is_a_share_of_what_is_known() {
        let check = |counts, expected: (&str, &str)| {
            let fact = stopped_wrongly(counts, Span::Week);
            assert_eq!((fact.value.as_str(), fact.note.as_str()), expected);
        };
        check((0, 0), ("–", "no outcome was reported in 7 days"));
        check((0, 5), ("0 %", "0 of 5 reported orders, in 7 days"));
        check((1, 3), ("33 %", "1 of 3 reported orders, in 7 days"));
    }

    #[test]
    fn a_witness_is_named_by_its_member() {
        assert_eq!(member_of("demo.example/bank-b/witness"), "bank-b");
        assert_eq!(member_of("odd"), "odd");
    }
}
