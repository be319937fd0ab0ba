//! What is wrong with a file, by line and column.

use proptest::prelude::*;

use crate::base::bytes::Sha256Digest;
use crate::domain::screening::policy::Policy;

fn parse(text: &str) -> Result<Policy, String> {
    Policy::parse(text, &Sha256Digest([0; 32])).map_err(|faults| faults.to_string())
}

const HEAD: &str = "name = \"test\"\nversion = 1\n";

#[test]
fn a_fault_is_told_by_line_column_rule_and_name() {
    let check = |rest: &str, said: &str| {
        let refused = parse(&format!("{HEAD}{rest}")).expect_err(said);
        assert!(refused.contains(said), "{refused:?} does not say {said:?}");
    };
    let rule = "[[rule]]\nname = \"it\"\ndecision = \"hold\"\n";
    check("[[rule]\n", "line 3, column 8: not valid TOML");
    check(
        "nme = 1\n",
        "line 3, column 1: \"nme\" is not a key here; known are name, version, description, amounts, rule",
    );
    check(&format!("{rule}wen = \"true\"\n"), "line 6, column 1: rule \"it\": \"wen\" is not a key here");
    check(&format!("{rule}wen = \"true\"\n"), "did you mean \"when\"?");
    check(&format!("{rule}wen = \"true\"\n"), "line 3, column 1: rule \"it\": when is missing");
    check(
        &format!("{rule}when = \"transaction.amont > 1\"\n"),
        "line 6, column 21: rule \"it\": unknown field \"amont\"",
    );
    check(
        &format!("{rule}when = '''\ntrue\n  && profle.named\n'''\n"),
        "line 8, column 6: rule \"it\": unknown name \"profle\"; did you mean \"profile\"?",
    );
    check(&format!("{rule}when = \"\"\"\r\ntrue &&\r\n\"\"\"\n"), "line 8, column 1: rule \"it\": not a condition");
    // Written with an escape, only the beginning of the text is certain.
    check(&format!("{rule}when = \"transaction.country == \\\"Germany\\\"\"\n"), "line 6, column 8: rule \"it\"");
    check(&format!("{rule}when = 5\n"), "line 6, column 8: rule \"it\": when must be a text");
    check(&format!("{rule}when = \"true\"\nmode = \"alive\"\n"), "mode must be \"live\", \"shadow\" or \"off\"");
    check(&format!("{rule}when = \"true\"\neach = \"order\"\n"), "each must be \"match\", or not given");
    check(&format!("{rule}when = \"true\"\nsnoozed_until = 2026-12-01\n"), "a moment with its zone");
    check(&format!("{rule}when = \"true\"\nadvice = \"Call us\"\n"), "advice must be a lower-case word");
    check(&format!("{rule}when = \"true\"\ndescription = \"{{kind}}\"\n"), "unknown placeholder \"kind\"");
    check(
        &format!("{rule}when = \"members > 1\"\nnot_sole_basis = false\n"),
        "not_sole_basis must be true, or false in a rule",
    );
    check(
        &format!("{rule}when = \"true\"\n{rule}when = \"true\"\n"),
        "line 8, column 8: rule \"it\": there is another rule of this name, at line 4",
    );
    check(
        "[[rule]]\nname = \"it\"\nwhen = \"true\"\ndecision = \"stop\"\n",
        "decision must be \"allow\", \"challenge\", \"hold\" or \"block\"",
    );
    check(
        "[[rule]]\nname = \"It\"\nwhen = \"true\"\ndecision = \"hold\"\n",
        "line 4, column 8: name must be a lower-case word",
    );
    check("rule = 5\n", "rule must be tables: [[rule]]");
    check("[amounts.large]\neur = 5\n", "amounts.large.eur must be tables of amounts");
    check("[amounts.large]\nEUR = -5\n", "amounts.large.EUR must be");
    check("[amounts]\nlarge = 5\n", "amounts.large must be");
    check(&rule.repeat(65), "65 rules exceed the limit of 64");
    let loops = "when = 'matches.exists(a, matches.exists(b, matches.exists(c, a.kind == b.kind)))'\n";
    check(&format!("{rule}{loops}"), "steps, the limit is 20000: go through fewer lists within lists");
    assert!(parse("version = 1\n").expect_err("no name").contains("name is missing"));
    assert!(
        parse("name = \"a\"\nversion = 0\n").expect_err("no version").contains("version must be a whole number from 1")
    );
    assert!(
        parse(&"#".repeat(200_000))
            .expect_err("too long")
            .contains("200000 bytes exceed the limit of 131072 for a policy")
    );
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_file() {
    let rule =
        |name: &str, when: &str| format!("[[rule]]\nname = \"{name}\"\nwhen = \"{when}\"\ndecision = \"hold\"\n");
    let refused =
        parse(&format!("{HEAD}{}{}{}", rule("a", "tru"), rule("b", "true"), rule("c", "1"))).expect_err("two faults");
    let lines: Vec<&str> = refused.lines().collect();
    assert_eq!(lines.len(), 2, "{refused}");
    assert!(
        lines[0].starts_with("line 5, column 9: rule \"a\"") && lines[1].starts_with("line 13, column 9: rule \"c\""),
        "{refused}"
    );
}

#[test]
fn all_rules_together_have_a_limit_too() {
    let loops = "when = 'matches.exists(a, matches.exists(b, a.kind == b.kind && a.members == b.members))'\n";
    let rules: String =
        (0..40).map(|nth| format!("[[rule]]\nname = \"r{nth}\"\ndecision = \"hold\"\n{loops}")).collect();
    assert!(parse(&format!("{HEAD}{rules}")).expect_err("too much").contains("all rules together may take"));
}

/// Each level within a list was once looked at twice as often as the one around it: this ended only after days.
#[test]
fn lists_within_lists_take_no_longer_with_every_level() {
    let condition = (0..20).fold("1".to_owned(), |inner, _| format!("1 in [{inner}] ? 1 : 2"));
    let refused = parse(&format!("{HEAD}[[rule]]\nname = \"a\"\ndecision = \"hold\"\nwhen = '{condition} == 1'\n"));
    assert!(refused.is_err(), "it is a number");
}

#[test]
fn the_policy_that_ships_is_one() {
    let policy = Policy::built_in(&Sha256Digest([0; 32]));
    assert_eq!((policy.title().as_str(), policy.rules().len()), ("default/3", 14));
}

proptest! {
    #[test]
    fn no_file_is_more_than_refused(text in "\\PC{0,300}") {
        let _ = parse(&text);
        let _ = parse(&format!("{HEAD}[[rule]]\nname = \"a\"\ndecision = \"hold\"\nwhen = {text:?}\n"));
    }
}

#[test]
fn the_example_for_a_bank_is_a_policy() {
    let bank = parse(include_str!("../../../../../deploy/policy/bank.toml")).expect("a policy");
    let alone: Vec<&str> =
        bank.rules().iter().filter(|rule| !rule.not_sole_basis).map(|rule| rule.name.as_str()).collect();
    assert_eq!((bank.title().as_str(), alone.as_slice()), ("bank/1", &["own_model"][..]));
}
