//! Judging an order again: the rules of screening over what is believed now.

use crate::domain::belief::view::View;
use crate::domain::screening::answer::Screening;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::late::window::Held;
use crate::domain::screening::matching::{Known, Sought, open_all};
use crate::domain::screening::screen::{ScreeningContext, conclude};

/// What is to be told of an order that was judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It would be stopped more than the answer, or what was told last, said.
    Stricter,
    /// What was told last holds no longer: the order would be stopped less.
    Eased,
}

/// What is new where `told` was the last word and `now` is the next.
pub fn news(told: Decision, now: Decision) -> Option<News> {
    if now > told { Some(News::Stricter) } else { (now < told).then_some(News::Eased) }
}

/// Screens a held order again.
pub fn judge(held: &Held<'_>, context: &ScreeningContext<'_>, view: &mut View<'_>) -> Screening {
    let mut known: Vec<Known> = Vec::new();
    for (of, name) in held.traces() {
        let statements = view.statements(name.pseudonym);
        if statements.is_empty() {
            continue;
        }
        let sought = Sought { kind: name.kind, weak: of.weak, epoch_id: name.epoch_id, seal: name.seal };
        let hits = open_all(statements, &sought, context, view);
        let about = match known.iter_mut().find(|known| known.identifier == of.identifier) {
            Some(known) => known,
            None => {
                known.push(Known {
                    identifier: of.identifier,
                    kind: of.given,
                    sandbox: None,
                    own_listing: None,
                    hits: Vec::new(),
                });
                known.last_mut().expect("pushed just now")
            }
        };
        about.hits.extend(hits);
    }
    known.sort_by_key(|known| known.identifier);
    conclude(known, Vec::new(), context)
}
