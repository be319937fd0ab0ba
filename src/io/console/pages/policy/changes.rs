//! What one rule set says otherwise than another, rule by rule, in words.

use crate::base::time::Timestamp;
use crate::domain::screening::policy::Policy;
use crate::domain::screening::policy::rule::{Mode, Rule};
use crate::io::console::pages::cases::words;
use crate::io::console::pages::policy::by_name;

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub rule: String,
    pub what: Vec<String>,
}

/// Of all rules that differ, in the order of the later file; those that are gone last. `say` puts a moment into words.
pub fn changes(before: &Policy, after: &Policy, say: impl Fn(Timestamp) -> String) -> Vec<Changed> {
    let (earlier, later) = (by_name(before.rules()), by_name(after.rules()));
    let mut changed: Vec<Changed> = Vec::new();
    for rule in after.rules() {
        let what = match earlier.get(rule.name.as_str()) {
            None => vec![format!("new: it asks for a {}", words::decision(rule.decision).text)],
            Some(before) => differences(before, rule, &say),
        };
        if !what.is_empty() {
            changed.push(Changed { rule: rule.name.to_string(), what });
        }
    }
    for rule in before.rules().iter().filter(|rule| !later.contains_key(rule.name.as_str())) {
        changed.push(Changed { rule: rule.name.to_string(), what: vec!["gone".to_owned()] });
    }
    let order = |policy: &Policy| -> Vec<String> {
        let both = |rule: &&Rule| earlier.contains_key(rule.name.as_str()) && later.contains_key(rule.name.as_str());
        policy.rules().iter().filter(both).map(|rule| rule.name.to_string()).collect()
    };
    if order(before) != order(after) {
        let what = vec!["stand in another order: among equals the first one speaks".to_owned()];
        changed.push(Changed { rule: "The rules".to_owned(), what });
    }
    changed
}

fn differences(before: &Rule, after: &Rule, say: &impl Fn(Timestamp) -> String) -> Vec<String> {
    let mut what = Vec::new();
    if before.decision != after.decision {
        let [was, is] = [before, after].map(|rule| words::decision(rule.decision).text);
        what.push(format!("asks for a {is} instead of a {was}"));
    }
    if before.mode != after.mode {
        what.push(
            match after.mode {
                Mode::Live => "decides from then on",
                Mode::Shadow => "is on trial: asked, without a say",
                Mode::Off => "is off: not asked",
            }
            .to_owned(),
        );
    }
    match (before.snoozed_until, after.snoozed_until) {
        (was, Some(until)) if was != Some(until) => what.push(format!("snoozed until {}", say(until))),
        (Some(_), None) => what.push("woken".to_owned()),
        _ => {}
    }
    if (&before.when, before.each_match) != (&after.when, after.each_match) {
        what.push("its condition is another".to_owned());
    }
    if before.reason != after.reason {
        what.push(format!("gives the reason {}", words::reason(after.reason.as_str())));
    }
    if (&before.description, &before.advice) != (&after.description, &after.advice) {
        what.push("what is said of it, to staff or customers, is worded otherwise".to_owned());
    }
    if before.not_sole_basis != after.not_sole_basis {
        what.push(
            if after.not_sole_basis {
                "is never the only ground for ending the relationship with a customer"
            } else {
                "may be the only ground for ending the relationship with a customer"
            }
            .to_owned(),
        );
    }
    what
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Sha256Digest;

    fn policy(rules: &[(&str, &str)]) -> Policy {
        let rules = rules.iter().map(|(name, more)| {
            let decision = if more.contains("decision") { "" } else { "decision = \"hold\"\n" };
            let when = if more.contains("when") { "" } else { "when = \"true\"\n" };
            format!("[[rule]]\nname = \"{name}\"\n{when}{decision}{more}\n")
        });
        let text = format!("name = \"own\"\nversion = 1\n{}", rules.collect::<String>());
        Policy::parse(&text, &Sha256Digest([0; 32])).expect("a policy")
    }

    fn told(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<String> {
        let changed = changes(&policy(before), &policy(after), |at| at.to_string());
        changed.into_iter().map(|one| format!("{}: {}", one.rule, one.what.join("; "))).collect()
    }

    #[test]
    fn what_changed_is_told_rule_by_rule() {
        assert_eq!(told(&[("a", "")], &[("a", "")]), Vec::<String>::new());
        assert_eq!(
            told(&[("a", ""), ("b", "")], &[("b", "decision = \"block\""), ("c", "decision = \"challenge\"")]),
            ["b: asks for a block instead of a hold", "c: new: it asks for a challenge", "a: gone"]
        );
        assert_eq!(
            told(&[("a", "")], &[("a", "mode = \"shadow\"\nwhen = \"1 > 0\"\ndescription = \"x\"")]),
            [
                "a: is on trial: asked, without a say; its condition is another; what is said of it, to staff or customers, is worded otherwise"
            ]
        );
        let asleep = "snoozed_until = 2026-11-30T02:53:20Z";
        assert_eq!(told(&[("a", "")], &[("a", asleep)]), ["a: snoozed until 2026-11-30T02:53:20.000Z"]);
        assert_eq!(told(&[("a", asleep)], &[("a", "")]), ["a: woken"]);
        assert_eq!(told(&[("a", asleep)], &[("a", asleep)]), Vec::<String>::new());
        assert_eq!(
            told(&[("a", "not_sole_basis = false")], &[("a", "reason = \"other\"")]),
            ["a: gives the reason other; is never the only ground for ending the relationship with a customer"]
        );
    }

    #[test]
    fn another_order_is_a_change_and_a_new_rule_in_between_is_none_of_the_others() {
        assert_eq!(
            told(&[("a", ""), ("b", "")], &[("b", ""), ("a", "")]),
            ["The rules: stand in another order: among equals the first one speaks"]
        );
        assert_eq!(told(&[("a", ""), ("b", "")], &[("a", ""), ("c", ""), ("b", "")]).len(), 1);
    }
}
