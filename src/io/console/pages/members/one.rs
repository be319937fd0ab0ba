//! One member: what the roster says of it, how each of its feeds is heard, and what is proved against it.

use askama::Template;

use crate::base::name::MemberId;
use crate::base::position::TreeSize;
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::pages::members::{above, link, state};
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, away};
use crate::io::console::zone::{Time, ago, span};
use crate::io::exchange::links::Link;
use crate::node::accuse::Accusation;
use crate::node::members::{FeedView, MemberView};

#[derive(Debug, Template)]
#[template(path = "members/one.html")]
struct One {
    frame: Frame,
    id: String,
    name: String,
    own: bool,
    state: Badge,
    link: Option<Badge>,
    /// What went wrong last, in the words of whatever did.
    failure: String,
    valid_from: Time,
    valid_until: Time,
    valid_away: String,
    excluded_since: Option<Time>,
    quota: String,
    endpoints: Vec<String>,
    groups: String,
    feeds: Vec<FeedRow>,
    cosigned: Option<String>,
    keys: Vec<Key>,
    /// Members that must confirm before a warning counts fully; 0 where nobody has to.
    witness_quorum: u32,
    accusations: Vec<Accused>,
}

/// A key as the roster names it.
#[derive(Debug)]
struct Key {
    title: &'static str,
    text: String,
}

#[derive(Debug)]
struct FeedRow {
    group: String,
    entries: String,
    to_come: String,
    signed: Option<String>,
    stale: bool,
    root: String,
    witnessed: String,
    cosigners: Vec<(String, String)>,
    uncounted: u64,
    unacknowledged: String,
    key: String,
    key_from: String,
}

/// Something proved against it.
#[derive(Debug)]
struct Accused {
    /// Its sharing group, or `audit`.
    group: String,
    /// Which of its logs.
    what: String,
    sizes: String,
    effect: &'static str,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let id: MemberId = visit.value("member")?;
    let asked = id.clone();
    let (member, witness_quorum, accusations) = visit
        .look(move |node, now| {
            let all = node.membership(now);
            let member = all.members.into_iter().find(|member| member.id == asked);
            (member, all.witness_quorum, node.accusations(&asked))
        })
        .await?;
    let member = member.ok_or(Fault::NotFound)?;
    let now = visit.now.wall;
    let known = visit.console.links.of(&id).unwrap_or(Link::Connecting);
    let hears = !member.own && member.takes_part;
    let page = One {
        frame: visit.frame(id.as_str(), &[above()]),
        id: id.to_string(),
        own: member.own,
        state: state(&member),
        link: hears.then(|| link(&known)),
        failure: if hears { known.failure().to_owned() } else { String::new() },
        valid_from: visit.time(member.valid_from),
        valid_until: visit.time(member.valid_until),
        valid_away: away(member.valid_until, now),
        excluded_since: member.excluded_since.map(|since| visit.time(since)),
        quota: grouped(member.entries_per_day.into()),
        groups: member.groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        feeds: member.feeds.iter().map(|feed| FeedRow::new(&visit, feed)).collect(),
        cosigned: member.cosigned_at.map(|at| ago(at, now)),
        keys: keys(&member),
        witness_quorum,
        accusations: accusations.iter().map(Accused::new).collect(),
        name: member.name,
        endpoints: member.endpoints,
    };
    Answer::page(&page)
}

fn keys(member: &MemberView) -> Vec<Key> {
    let key = |title, text: &str| Key { title, text: text.to_owned() };
    let mut keys: Vec<Key> = member.pins.iter().map(|pin| key("Certificate of its node (pin)", pin)).collect();
    keys.push(key("Signs its audit log", &member.audit_key));
    keys.push(key("Confirms what it saw", &member.witness_key));
    keys
}

impl FeedRow {
    fn new(visit: &Visit, feed: &FeedView) -> Self {
        let now = visit.now.wall;
        // That its author signed it says nothing of others.
        let others = feed.cosigned.iter().filter(|(member, _)| member.as_str() != feed.feed.member.as_str());
        Self {
            group: feed.feed.group.to_string(),
            entries: grouped(feed.size.0),
            to_come: grouped(feed.told.0.saturating_sub(feed.size.0)),
            signed: feed.signed_at.map(|at| span(now.ms_since(at) / 1_000)),
            stale: feed.stale,
            root: feed.root.to_string(),
            witnessed: grouped(feed.witnessed.0),
            cosigners: others.map(|(member, at)| (member.clone(), ago(*at, now))).collect(),
            uncounted: feed.uncounted,
            unacknowledged: grouped(feed.unacknowledged),
            key: feed.key.clone(),
            key_from: grouped(feed.key_from.0),
        }
    }
}

impl Accused {
    fn new(accusation: &Accusation) -> Self {
        let [first, second] = accusation.sizes.map(entries);
        let (what, effect) = if accusation.is_of_audit_log() {
            (
                "its audit log".to_owned(),
                "That is its record of what its own node did. Its warnings still count, they have a log of their own; what it proves by \
                 its audit log proves nothing any more.",
            )
        } else {
            (
                format!("its feed in group {}", accusation.feed.group),
                "Nothing it says in this group counts here any more.",
            )
        };
        Self {
            group: accusation.feed.group.to_string(),
            what,
            sizes: if first == second {
                format!("both of {first}, with different content")
            } else {
                format!("one of {first} and one of {second}, of which the longer does not begin with the shorter")
            },
            effect,
        }
    }
}

fn entries(size: TreeSize) -> String {
    if size == TreeSize(1) { "1 entry".to_owned() } else { format!("{} entries", grouped(size.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::name::FeedId;
    use crate::node::commit::Equivocated;

    #[test]
    fn what_is_proved_is_told_with_what_follows_from_it() {
        let accused = |group: &str, sizes: [u64; 2]| {
            let feed = FeedId { member: "bank-b".parse().expect("valid"), group: group.parse().expect("valid") };
            let proof = Equivocated::default();
            Accused::new(&Accusation { feed, sizes: sizes.map(TreeSize), keys: Vec::new(), proof })
        };
        let of_feed = accused("all", [1, 1]);
        assert_eq!(of_feed.sizes, "both of 1 entry, with different content");
        assert!(of_feed.effect.starts_with("Nothing it says in this group counts"));
        let of_log = accused("audit", [2, 7]);
        assert!(of_log.sizes.starts_with("one of 2 entries and one of 7 entries,"), "{}", of_log.sizes);
        assert!(of_log.effect.contains("Its warnings still count"));
        assert_eq!([of_feed.what, of_log.what], ["its feed in group all", "its audit log"]);
    }
}
