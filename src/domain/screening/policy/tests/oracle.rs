//! The language held against the interpreter of the `cel` crate: what both can say, they say alike.

use std::collections::HashMap;

use cel::{Context, Program, Value};
use proptest::prelude::*;

use crate::domain::screening::policy::check::check;
use crate::domain::screening::policy::eval::holds;
use crate::domain::screening::policy::facts::{Facts, MatchFacts};
use crate::domain::screening::policy::names::{MATCH_NAMES, NAMES, Read, ReadMatch};
use crate::domain::screening::policy::tests::language::{SAID, shop};
use crate::domain::screening::policy::thresholds::Thresholds;

fn texts<'t>(texts: impl Iterator<Item = &'t str>) -> Value {
    Value::from(texts.map(Value::from).collect::<Vec<_>>())
}

fn of_match(found: &MatchFacts<'_>) -> Value {
    let fields = MATCH_NAMES.iter().map(|name| {
        let value = match name.read {
            ReadMatch::Flag(read) => Value::Bool(read(found)),
            ReadMatch::Number(read) => Value::Int(read(found)),
            ReadMatch::Text(_, read) => Value::from(read(found)),
            ReadMatch::Kinds => texts(found.kinds.iter().map(|kind| kind.label())),
            ReadMatch::Typologies => texts(found.typologies.iter().copied()),
        };
        (name.field.to_owned(), value)
    });
    Value::from(fields.collect::<HashMap<String, Value>>())
}

fn context<'c>(facts: &Facts<'_>) -> Context<'c, 'c> {
    let mut context = Context::default();
    let mut groups: HashMap<&str, HashMap<String, Value>> = HashMap::new();
    for name in NAMES {
        let value = match name.read {
            Read::Flag(read) => Value::Bool(read(facts)),
            Read::Number(read) => Value::Int(read(facts)),
            Read::Text(_, read) => Value::from(read(facts)),
            Read::Kinds => texts(facts.transaction.identifiers().iter().map(|raw| raw.kind().label())),
        };
        groups.entry(name.group).or_default().insert(name.field.to_owned(), value);
    }
    for (group, fields) in groups {
        if group.is_empty() {
            fields.into_iter().for_each(|(name, value)| context.add_variable_from_value(name, value));
        } else {
            context.add_variable_from_value(group, Value::from(fields));
        }
    }
    let matches: Vec<Value> = facts.matches.iter().map(of_match).collect();
    context.add_variable_from_value("matches", Value::from(matches));
    context
}

/// What the interpreter says; none where it fails, as on numbers that do not fit.
fn interpreted(condition: &str) -> Option<bool> {
    let (shop, findings) = shop("");
    shop.look(&findings, |_, facts| {
        let program = Program::compile(condition).expect("both read it");
        match program.execute(&context(facts)) {
            Ok(Value::Bool(said)) => Some(said),
            _ => None,
        }
    })
}

#[test]
fn the_table_of_conditions_is_read_alike_by_the_interpreter() {
    let ours = ["corroborated(", "flags(", "over(", "challenge_passed("];
    let shared = SAID.iter().filter(|(condition, _)| !ours.iter().any(|function| condition.contains(function)));
    let mut compared = 0;
    for (condition, expected) in shared {
        // What does not fit is cut here and fails there.
        if !condition.contains("* 1000 +") {
            compared += 1;
            assert_eq!(interpreted(condition), Some(*expected), "{condition}");
        }
    }
    assert!(compared > 30, "{compared}");
}

/// Conditions over small numbers, which fit in both.
fn conditions() -> impl Strategy<Value = String> {
    let numbers = prop::sample::select(vec![
        "1",
        "-3",
        "7",
        "members",
        "profile.orders",
        "transaction.own_score",
        "size(matches)",
        "transaction.weekday",
    ]);
    let number = numbers.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner).prop_map(|(left, sign, right)| {
            let right = if ["/", "%"].contains(&sign) { "3".to_owned() } else { right };
            format!("({left} {sign} {right})")
        })
    });
    let compared = (number.clone(), prop::sample::select(vec!["<", "<=", "==", "!=", ">=", ">"]), number)
        .prop_map(|(left, sign, right)| format!("{left} {sign} {right}"));
    let known = prop::sample::select(vec![
        "profile.named",
        "lists.allowed",
        "transaction.country == \"DE\"",
        "\"device\" in transaction.kinds",
        "matches.exists(m, m.weak)",
        "matches.all(m, m.members > 1 || m.weak)",
        "matches.exists_one(m, m.severity >= 2 && m.kind != \"ip\")",
        "size(matches.filter(m, m.confidence > 80)) == 1",
    ]);
    prop_oneof![compared, known.prop_map(str::to_owned)].prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} && {right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} || {right})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(which, a, b)| format!("({which} ? {a} : {b})")),
            inner.prop_map(|inner| format!("!({inner})")),
        ]
    })
}

proptest! {
    #[test]
    fn any_condition_is_read_alike_by_the_interpreter(condition in conditions()) {
        let (shop, findings) = shop("");
        let ours = shop.look(&findings, |_, facts| {
            check(&condition, false, &Thresholds::default()).map(|checked| holds(&checked, facts))
        });
        // Beyond a limit it is refused here.
        if let Ok(ours) = ours {
            prop_assert_eq!(interpreted(&condition), Some(ours), "{}", condition);
        }
    }
}
