//! One rule set by its hash: when it was in force, what it says, what it changed, and its file word for word.

use askama::Template;

use crate::domain::screening::policy::Policy;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::pages::policy::changes::{Changed, changes};
use crate::io::console::pages::policy::{Digest, RuleRow, above};
use crate::io::console::visit::Visit;
use crate::io::console::zone::Time;
use crate::io::engine::EngineFault;
use crate::node::policy::KeptPolicy;

#[derive(Debug, Template)]
#[template(path = "policy/set.html")]
struct SetPage {
    frame: Frame,
    title: String,
    digest: String,
    guard: String,
    since: Time,
    until: Option<Time>,
    in_force: bool,
    /// The one before it, where there is one.
    before: Option<String>,
    changed: Vec<Changed>,
    /// Nothing of the file changed, but the guard lists did.
    guards_alone: bool,
    rules: Vec<RuleRow>,
    /// Not readable by this program any more.
    unreadable: bool,
    text: String,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let Digest(digest) = visit.value("digest")?;
    let found = visit.look(move |node, _| {
        let Some((kept, place)) = node.policy_of(&digest)?.zip(node.policy_place(&digest)) else { return Ok(None) };
        let before = place.before.map(|before| node.policy_of(&before)).transpose()?.flatten();
        Ok(Some((kept, place, before, node.state().policy == Some(digest))))
    });
    let (kept, place, before, in_force) = found.await?.map_err(EngineFault::Storage)?.ok_or(Fault::NotFound)?;
    let parse = |kept: &KeptPolicy| Policy::parse(&kept.text, &kept.guard_sha256).ok();
    let (policy, earlier) = (parse(&kept), before.as_ref().and_then(parse));
    let title = policy.as_ref().map_or_else(|| "Rule set".to_owned(), Policy::title);
    let changed = earlier
        .as_ref()
        .zip(policy.as_ref())
        .map(|(before, after)| changes(before, after, |at| visit.time(at).plain()));
    let page = SetPage {
        frame: visit.frame(title.clone(), &[above()]),
        title,
        digest: digest.to_string(),
        guard: kept.guard_sha256.to_string(),
        since: visit.time(place.term.since),
        until: place.until.map(|until| visit.time(until)),
        in_force,
        before: place.before.map(|before| before.to_string()),
        changed: changed.unwrap_or_default(),
        guards_alone: before.is_some_and(|before| before.text == kept.text),
        unreadable: policy.is_none(),
        rules: policy.iter().flat_map(Policy::rules).map(|rule| RuleRow::of(&visit, rule)).collect(),
        text: kept.text,
    };
    Answer::page(&page)
}
