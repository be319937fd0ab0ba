//! Every release that is held here, of all members, the newest days first.

use askama::Template;

use crate::base::limits::console as limits;
use crate::base::name::MemberId;
use crate::domain::statistics::published::{Place, Published};
use crate::domain::statistics::question::Query;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::listing::{AFTER, Pager};
use crate::io::console::pages::statistics::words::{loss, title, whole};
use crate::io::console::pages::statistics::{Choice, above, period_words, questions};
use crate::io::console::visit::Visit;
use crate::node::releases::ReleaseFilter;

#[derive(Debug, Template)]
#[template(path = "statistics/releases.html")]
struct List {
    frame: Frame,
    questions: Vec<Choice>,
    members: Vec<Choice>,
    rows: Vec<Row>,
    filtered: bool,
    pager: Pager,
}

#[derive(Debug)]
struct Row {
    place: String,
    period: String,
    question: &'static str,
    member: String,
    own: bool,
    accuracy: u64,
    epsilon: String,
    id: String,
}

pub async fn list(visit: Visit) -> Result<Answer, Fault> {
    let member = visit.query.filter::<MemberId>("member")?;
    let query = visit.query.filter::<Query>("question")?;
    let after = visit.query.filter::<Place>(AFTER)?;
    let filter = ReleaseFilter { member: member.clone(), query };
    let ((releases, next), members) = visit
        .look(move |node, _| {
            let members: Vec<MemberId> = node.state().roster.members().iter().map(|one| one.id.clone()).collect();
            (node.state().releases.list(&filter, after.as_ref(), limits::ROWS), members)
        })
        .await?;
    let own = visit.console.engine.member();
    let row = |release: &Published| Row {
        place: release.place().to_string(),
        period: period_words(release.period),
        question: title(release.query),
        member: release.member.to_string(),
        own: release.member == *own,
        accuracy: whole(release.figures.accuracy_95),
        epsilon: loss(release.epsilon),
        id: release.id.to_string(),
    };
    let choice = |id: &MemberId| Choice {
        value: id.to_string(),
        words: if id == own { format!("{id} (this member)") } else { id.to_string() },
        here: member.as_ref() == Some(id),
    };
    let next = next.map(|place| place.to_string());
    Answer::page(&List {
        frame: visit.frame("All releases", &[above()]),
        questions: questions(query),
        members: members.iter().map(choice).collect(),
        rows: releases.iter().map(row).collect(),
        filtered: member.is_some() || query.is_some(),
        pager: Pager::new("/statistics/releases", &visit.query, next.as_deref()),
    })
}
