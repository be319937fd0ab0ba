//! Members and keys: who takes part and how they are heard, which keys and epochs there are, and what has to be done until when.

pub mod due;
pub mod one;
pub mod proof;

use askama::Template;

use crate::base::limits::console as limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::roster::member::MemberState;
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::listing::{AFTER, Pager};
use crate::io::console::pages::members::due::DueRow;
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, away, short};
use crate::io::console::zone::{Time, span};
use crate::io::exchange::links::Link;
use crate::node::members::{EpochView, MemberView, OwnKey};

#[derive(Debug, Template)]
#[template(path = "members/list.html")]
struct List {
    frame: Frame,
    facts: Vec<Fact>,
    due: Vec<DueRow>,
    members: Vec<Row>,
    in_all: String,
    pager: Pager,
    epochs: Vec<EpochRow>,
    keys: Vec<KeyRow>,
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

/// A member of the list.
#[derive(Debug)]
struct Row {
    id: String,
    name: String,
    own: bool,
    state: Badge,
    quarantined: bool,
    link: Option<Badge>,
    /// Since its feeds were last signed; the oldest of them.
    signed: Option<String>,
    stale: bool,
    entries: String,
    to_come: String,
    unacknowledged: String,
    cosigned: Option<String>,
}

#[derive(Debug)]
struct EpochRow {
    number: u32,
    id: String,
    state: Badge,
    begins: Time,
    away: String,
    readable_until: Option<Time>,
    readable: bool,
}

#[derive(Debug)]
struct KeyRow {
    name: String,
    use_of: &'static str,
    key: String,
    since: Option<(Time, String)>,
    changing: bool,
}

pub async fn list(visit: Visit) -> Result<Answer, Fault> {
    let behind = visit.query.filter::<MemberId>(AFTER)?;
    let (mut membership, due) = visit
        .look(|node, now| {
            let membership = node.membership(now);
            let due = node.list_due(&membership, now);
            (membership, due)
        })
        .await?;
    let now = visit.now.wall;
    let in_all = membership.members.len();
    // A key of its row names a page, whatever the order of the roster.
    membership.members.sort_by(|one, other| one.id.cmp(&other.id));
    let mut shown = membership.members.iter().filter(|member| behind.as_ref().is_none_or(|behind| member.id > *behind));
    let rows: Vec<&MemberView> = shown.by_ref().take(limits::ROWS).collect();
    let next = shown.next().and(rows.last()).map(|last| last.id.to_string());
    let due: Vec<DueRow> = due.iter().map(|due| DueRow::new(&visit, due)).collect();
    let current = membership.epochs.iter().find(|epoch| epoch.current);
    let pressing = due.iter().filter(|due| due.pressing).count();
    let facts = vec![
        Fact {
            title: "Roster",
            value: membership.roster_version.to_string(),
            note: format!("holds until {}", visit.time(membership.roster_ends).plain()),
            tone: if membership.roster_ends <= now { "bad" } else { "plain" },
        },
        Fact {
            title: "Who changes it",
            value: format!("{} of {}", membership.quorum, membership.admins),
            note: "admins sign together".to_owned(),
            tone: "plain",
        },
        Fact {
            title: "Key epoch",
            value: current.map_or_else(|| "none".to_owned(), |epoch| epoch.number.0.to_string()),
            note: current.map_or_else(
                || "nothing can be published".to_owned(),
                |epoch| format!("began {}", away(epoch.activates_at, now)),
            ),
            tone: if current.is_none() { "bad" } else { "plain" },
        },
        Fact {
            title: "To do soon",
            value: pressing.to_string(),
            note: if pressing == 0 { "nothing presses".to_owned() } else { "see below".to_owned() },
            tone: if pressing == 0 { "good" } else { "warning" },
        },
    ];
    let page = List {
        frame: visit.frame(TITLE, &[]),
        facts,
        due,
        members: rows.into_iter().map(|member| Row::new(&visit, member)).collect(),
        in_all: grouped(u64::try_from(in_all).unwrap_or(u64::MAX)),
        pager: Pager::new("/members", &visit.query, next.as_deref()),
        epochs: membership.epochs.iter().rev().map(|epoch| EpochRow::new(&visit, epoch)).collect(),
        keys: membership.own_keys.into_iter().map(|key| KeyRow::new(&visit, key)).collect(),
    };
    Answer::page(&page)
}

const TITLE: &str = "Members and keys";

/// The way up from the pages below.
pub fn above() -> Crumb {
    Crumb::new(TITLE, "/members")
}

/// Whether a member takes part, in a word.
pub fn state(member: &MemberView) -> Badge {
    match member.state {
        MemberState::Active if member.takes_part => Badge::new("good", "takes part"),
        MemberState::Active => Badge::new("warning", "outside its validity"),
        MemberState::Suspended => Badge::new("warning", "suspended"),
        MemberState::Left => Badge::new("muted", "left"),
    }
}

/// How the connection to a peer is, in a word.
pub fn link(link: &Link) -> Badge {
    match link {
        Link::Connected => Badge::new("good", "connected"),
        Link::Connecting => Badge::new("waiting", "connecting"),
        Link::BackingOff { .. } => Badge::new("warning", "not reached"),
        Link::Faulty { .. } => Badge::new("bad", "refused"),
    }
}

/// How a key epoch stands, in a word.
fn epoch_state(epoch: &EpochView, now: Timestamp) -> Badge {
    match epoch.compromised_at {
        Some(_) => Badge::new("bad", "its secret got out"),
        None if epoch.current => Badge::new("good", "in use"),
        None if epoch.activates_at > now => Badge::new("waiting", "announced"),
        None => Badge::new("muted", "over"),
    }
}

/// What one of the own keys does, by its name.
fn use_of(name: &str) -> &'static str {
    match name.split(' ').next().unwrap_or_default() {
        "audit" => "signs your audit log",
        "witness" => "confirms that you saw what others signed",
        "feed" => "signs what you publish",
        "peer-tls" => "identifies your node to the others' nodes",
        _ => "",
    }
}

impl Row {
    fn new(visit: &Visit, member: &MemberView) -> Self {
        let now = visit.now.wall;
        let sum = |count: &dyn Fn(&crate::node::members::FeedView) -> u64| {
            grouped(member.feeds.iter().map(count).fold(0, u64::saturating_add))
        };
        // One that was never signed is older than any.
        let heard: Option<Vec<Timestamp>> = member.feeds.iter().map(|feed| feed.signed_at).collect();
        let signed = heard.and_then(|heard| heard.into_iter().min());
        Self {
            id: member.id.to_string(),
            name: member.name.clone(),
            own: member.own,
            state: state(member),
            quarantined: member.quarantined || member.audit_rewritten,
            link: (!member.own && member.takes_part)
                .then(|| link(&visit.console.links.of(&member.id).unwrap_or(Link::Connecting))),
            signed: signed.map(|at| span(now.ms_since(at) / 1_000)),
            stale: member.takes_part && member.feeds.iter().any(|feed| feed.stale),
            entries: sum(&|feed| feed.size.0),
            to_come: sum(&|feed| feed.told.0.saturating_sub(feed.size.0)),
            unacknowledged: sum(&|feed| feed.unacknowledged),
            cosigned: member.cosigned_at.map(|at| span(now.ms_since(at) / 1_000)),
        }
    }
}

impl EpochRow {
    fn new(visit: &Visit, epoch: &EpochView) -> Self {
        Self {
            number: epoch.number.0,
            id: short(&epoch.id.to_string()),
            state: epoch_state(epoch, visit.now.wall),
            begins: Time::to_the_minute(epoch.activates_at, &visit.zone),
            away: away(epoch.activates_at, visit.now.wall),
            readable_until: epoch.readable_until.map(|until| Time::to_the_minute(until, &visit.zone)),
            readable: epoch.readable,
        }
    }
}

impl KeyRow {
    fn new(visit: &Visit, key: OwnKey) -> Self {
        let since = key.since.map(|at| (visit.time(at), away(at, visit.now.wall)));
        Self { use_of: use_of(&key.name), name: key.name, key: key.key, since, changing: key.changing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::epoch::{EpochId, KeyEpoch};

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    #[test]
    fn every_own_key_says_what_it_is_for() {
        for name in ["audit", "witness", "feed all", "peer-tls"] {
            assert!(!use_of(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn an_epoch_whose_secret_got_out_is_told_before_anything_else() {
        let epoch = EpochView {
            number: KeyEpoch(1),
            id: EpochId([0; 16]),
            activates_at: NOW,
            compromised_at: None,
            current: true,
            readable: true,
            readable_until: None,
        };
        let told = |epoch: EpochView| epoch_state(&epoch, NOW).text;
        assert_eq!(told(epoch.clone()), "in use");
        assert_eq!(told(EpochView { current: false, ..epoch.clone() }), "over");
        assert_eq!(told(EpochView { current: false, activates_at: NOW.plus_s(1), ..epoch.clone() }), "announced");
        assert_eq!(told(EpochView { compromised_at: Some(NOW), ..epoch }), "its secret got out");
    }
}
