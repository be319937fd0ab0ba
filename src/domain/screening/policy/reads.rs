//! Which names a condition reads.

use std::collections::BTreeSet;

use crate::domain::screening::policy::language::{Condition, List, Number, Text};

/// As they are written, e.g. `transaction.country`, `match.kind`, `over`.
pub fn reads(condition: &Condition) -> BTreeSet<String> {
    let mut names = Names(BTreeSet::new());
    names.condition(condition);
    names.0
}

/// Whether it depends on what members reported.
pub fn reads_matches(condition: &Condition) -> bool {
    let of_matches = ["matches", "members", "corroborated", "flags"];
    reads(condition).iter().any(|name| name.starts_with("match.") || of_matches.contains(&name.as_str()))
}

struct Names(BTreeSet<String>);

impl Names {
    fn add(&mut self, group: &str, field: &str) {
        self.0.insert(if group.is_empty() { field.to_owned() } else { format!("{group}.{field}") });
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Always(_) => {}
            Condition::Fact(name, _) => self.add(name.group, name.field),
            Condition::Match(_, name, _) => self.add(name.group, name.field),
            Condition::Not(inner) => self.condition(inner),
            Condition::And(parts) | Condition::Or(parts) => parts.iter().for_each(|part| self.condition(part)),
            Condition::If(parts) => parts.iter().for_each(|part| self.condition(part)),
            Condition::Same(parts) => parts.iter().for_each(|part| self.condition(part)),
            Condition::Numbers(_, left, right) => [left, right].into_iter().for_each(|number| self.number(number)),
            Condition::Texts(_, left, right) | Condition::Part(_, left, right) => {
                [left, right].into_iter().for_each(|text| self.text(text));
            }
            Condition::NumberIn(number, numbers) => {
                self.number(number);
                numbers.iter().for_each(|number| self.number(number));
            }
            Condition::TextIn(text, list) => {
                self.text(text);
                self.list(list);
            }
            Condition::Some(list, body) | Condition::Every(list, body) | Condition::One(list, body) => {
                self.list(list);
                self.condition(body);
            }
            Condition::Corroborated(number) => {
                self.add("", "corroborated");
                self.number(number);
            }
            Condition::Flags(kind) => {
                self.add("", "flags");
                self.text(kind);
            }
            Condition::Over(_) => self.add("", "over"),
            Condition::ChallengePassed(number) => {
                self.add("", "challenge_passed");
                self.number(number);
            }
        }
    }

    fn number(&mut self, number: &Number) {
        match number {
            Number::Literal(_) => {}
            Number::Fact(name, _) => self.add(name.group, name.field),
            Number::Match(_, name, _) => self.add(name.group, name.field),
            Number::Size(list) => self.list(list),
            Number::Arithmetic(_, operands) => operands.iter().for_each(|number| self.number(number)),
            Number::If(parts) => {
                let (which, then, otherwise) = parts.as_ref();
                self.condition(which);
                self.number(then);
                self.number(otherwise);
            }
        }
    }

    fn text(&mut self, text: &Text) {
        match text {
            Text::Literal(_) | Text::Bound(_) => {}
            Text::Fact(name, _) => self.add(name.group, name.field),
            Text::Match(_, name, _) => self.add(name.group, name.field),
        }
    }

    fn list(&mut self, list: &List) {
        match list {
            List::Matches => self.add("", "matches"),
            List::TransactionKinds => self.add("transaction", "kinds"),
            List::MatchKinds(_) => self.add("match", "kinds"),
            List::MatchTypologies(_) => self.add("match", "typologies"),
            List::Literal(_) => {}
            List::Filter(list, kept) => {
                self.list(list);
                self.condition(kept);
            }
        }
    }
}
