//! The language as a table: what a condition says of one transaction, and which conditions are none.

use proptest::prelude::*;

use super::{Shop, finding};
use crate::base::limits;
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::finding::Finding;
use crate::domain::screening::policy::check::check as check_condition;
use crate::domain::screening::policy::cost;
use crate::domain::screening::policy::names::{FUNCTIONS, MATCH_NAMES, NAMES, Read, ReadMatch};
use crate::domain::screening::policy::needs::Needs;
use crate::domain::screening::policy::reads::reads;
use crate::domain::screening::policy::thresholds::Thresholds;

fn thresholds() -> Thresholds {
    Thresholds([("large".to_owned(), vec![("EUR".to_owned(), 100_000)])].into())
}

/// Of a transaction of 1,299.00 EUR from Germany with an own score of 700, of whose identifiers two members flag the e-mail
/// address and one, in a weak form, the address of the network.
pub(super) fn shop(rule: &str) -> (Shop, [Finding; 2]) {
    let shop = Shop {
        draft: (129_900, "EUR", "DE"),
        profile: ProfileFacts { named: true, orders: 7, spent_7d_minor: u64::MAX, ..ProfileFacts::default() },
        challenge_passed_s: Some(120),
        ..Shop::with_rules(rule)
    };
    (shop, [finding(0, "email: a b"), finding(1, "ip: ?c")])
}

fn holds(condition: &str) -> bool {
    let rule = format!("[[rule]]\nname = \"it\"\nwhen = '''{condition}'''\ndecision = \"block\"\n");
    let (shop, findings) = shop(&rule);
    shop.decides(&findings).decision == Decision::Block
}

/// What conditions say of it.
pub(super) const SAID: &[(&str, bool)] = &[
    ("true", true),
    ("!true || false", false),
    ("transaction.amount_minor == 129900 && transaction.currency == \"EUR\"", true),
    ("transaction.amount_minor > 100 * 1300", false),
    ("transaction.amount_minor - 129900 == 0 && -1 < 0 && 7 / 2 == 3 && 7 % 2 == 1", true),
    ("transaction.country in [\"FR\", \"DE\"]", true),
    ("transaction.country != \"DE\"", false),
    ("transaction.own_score in [1, 700]", true),
    ("transaction.has_own_score == true", true),
    ("transaction.identifiers == 2 && size(transaction.kinds) == 2", true),
    ("\"device\" in transaction.kinds && !(\"pan\" in transaction.kinds)", true),
    ("transaction.hour_utc == 11 && transaction.weekday == 3", true),
    ("transaction.channel.startsWith(\"w\") && transaction.channel.endsWith(\"b\")", true),
    ("transaction.channel.contains(\"x\")", false),
    ("size(matches) == 2 && matches.size() == 2 && members == 2", true),
    ("matches.exists(m, m.kind == \"email\" && m.members == 2)", true),
    ("matches.all(m, m.members > 0)", false),
    ("matches.exists_one(m, m.weak)", true),
    ("matches.exists_one(m, m.severity == 3)", false),
    ("matches.filter(m, !m.weak).size() == 1", true),
    ("matches.filter(m, !m.weak).all(m, m.confidence == 96)", true),
    ("matches.exists(m, m.typologies.exists(t, t.startsWith(\"F10\")))", true),
    ("matches.exists(m, \"F1012\" in m.typologies && m.kinds.exists(k, k == m.kind))", true),
    ("matches.exists(m, matches.exists(o, o.family != m.family))", true),
    ("matches.exists(m, m.standing == \"weak\" && m.members == 0 && m.members_any == 1)", true),
    ("matches.exists(m, m.age_s < 60 || m.stale || m.provisional || m.card || m.own > 0)", false),
    ("corroborated(2)", true),
    ("corroborated(3)", false),
    ("flags(\"email\")", true),
    ("flags(\"ip\")", false),
    ("over(\"large\")", true),
    ("challenge_passed(120)", true),
    ("challenge_passed(119)", false),
    ("conditions.challenge_passed_s == 120", true),
    ("profile.named && profile.orders == 7", true),
    ("(profile.named ? 1 : 2) == 1 && (profile.device_new ? true : false) == false", true),
    ("lists.allowed || lists.blocked || freshness.degraded", false),
    ("freshness.stale_peers == 0 && freshness.oldest_s == 0", true),
    // What does not fit is cut, and nothing fails.
    ("profile.spent_7d_minor == 9223372036854775807", true),
    ("profile.spent_7d_minor * 1000 + profile.spent_7d_minor > 0", true),
    ("// why\n true", true),
];

#[test]
fn a_condition_means_what_it_says() {
    for (condition, expected) in SAID {
        assert_eq!(holds(condition), *expected, "{condition}");
    }
}

#[test]
fn every_name_can_be_used() {
    for name in NAMES {
        let path = if name.group.is_empty() { name.field.to_owned() } else { format!("{}.{}", name.group, name.field) };
        let condition = match name.read {
            Read::Flag(_) => format!("{path} || true"),
            Read::Number(_) => format!("{path} >= {path}"),
            Read::Text(..) => format!("{path} == {path}"),
            Read::Kinds => format!("size({path}) > 0"),
        };
        assert!(holds(&condition), "{condition}");
    }
    for name in MATCH_NAMES {
        let condition = match name.read {
            ReadMatch::Flag(_) => format!("m.{} || true", name.field),
            ReadMatch::Number(_) => format!("m.{0} >= m.{0}", name.field),
            ReadMatch::Text(..) => format!("m.{0} == m.{0}", name.field),
            ReadMatch::Kinds | ReadMatch::Typologies => format!("size(m.{}) > 0", name.field),
        };
        assert!(holds(&format!("matches.exists(m, {condition})")), "{condition}");
    }
}

/// `^` stands where the fault is told.
fn refused(marked: &str, said: &str) {
    let condition = marked.replacen('^', "", 1);
    let misfit = check_condition(&condition, false, &thresholds()).expect_err(&condition);
    let told = misfit.fault.to_string();
    assert!(told.contains(said), "{condition}: {told:?} does not say {said:?}");
    assert_eq!(Some(misfit.offset), marked.find('^'), "{condition}: {told}");
}

#[test]
fn what_is_no_condition_is_refused_by_place_and_name() {
    refused("transaction.^amount > 5", "unknown field \"amount\"");
    refused("transaction.^amount_minr > 5", "did you mean \"amount_minor\"?");
    refused("^transction.country == \"DE\"", "unknown name \"transction\"; did you mean \"transaction\"?");
    refused("true && profile.^oders > 5", "did you mean \"orders\"?");
    refused("^corroborate(2)", "unknown function \"corroborate\"; did you mean \"corroborated\"?");
    refused("transaction.country == ^5", "must be a text, got a number");
    refused("transaction^.amount_minor", "must be true or false, got a number");
    refused("transaction^.amount_minor && true", "each side of && must be true or false");
    refused("true || ^1", "each side of ||");
    refused("!^1", "must be true or false");
    refused("transaction.country ^< \"DE\"", "an order of texts");
    refused("transaction.country == ^\"Germany\"", "\"Germany\" is not a country, two capital letters");
    refused("matches.exists(m, m.kind == ^\"emial\")", "did you mean \"email\"?");
    refused("matches.exists(m, m.standing == ^\"strong\")", "is not a standing");
    refused("flags(^\"emial\")", "did you mean \"email\"?");
    refused("over(^\"lrge\")", "unknown amount \"lrge\"; did you mean \"large\"?");
    refused("^match.kind == \"pan\"", "rules with each = \"match\" have it");
    refused("^transaction == 1", "name one of its fields");
    refused("^1.5 > 1.0", "amounts are in minor units");
    refused("^1u == 1u", "a number with u");
    refused("^null == null", "null");
    refused("matches^[0].weak", "a list may be empty");
    refused("has^(transaction.country)", "every name always has a value");
    refused("transaction.country.matches^(\"D.\")", "a regular expression");
    refused("size(matches.map^(m, m.kind)) > 0", "map");
    refused("transaction.amount_minor / ^0 == 1", "may be zero");
    refused("1 / transaction^.own_score == 1", "may be zero");
    refused("matches.exists^(transaction, true)", "has a meaning already");
    refused("^members.exists(m, true)", "what is gone through must be a list");
    refused("transaction.country in ^matches", "what a text is in must be a list of texts");
    refused("1 in ^[\"DE\"]", "what a number is in must be a list of numbers");
    refused("1 in ^[]", "an empty list");
    refused("size(^5) > 1", "what size counts must be a list");
    refused("^{1: 2} == {1: 2}", "a map");
    refused("^", "not a condition");
    refused("true &&^", "not a condition: it ends too early");
    refused("(true^", "not a condition");
    refused("true ^true", "not a condition");
    refused("transaction.country == \"Z^ürich\"", "written in ASCII");
}

#[test]
fn runaway_conditions_are_refused_before_they_run() {
    let check = |condition: &str, said: &str| {
        let told = check_condition(condition, false, &thresholds()).expect_err(said).fault.to_string();
        assert!(told.contains(said), "{told}");
    };
    check(&"(".repeat(500), "brackets are open 24 deep at most");
    check(&format!("{}true", "!(".repeat(25)), "brackets are open 24 deep at most");
    check(&"true || ".repeat(200), "exceed the limit of 1000 for a condition");
    check(&format!("{}1 > 0", "1+".repeat(400)), "stand within each other 64 deep at most");
    check(&format!("{}true", "true ? true : ".repeat(70)), "stand within each other");
    let nested =
        |depth: usize| (0..depth).fold("true".to_owned(), |body, level| format!("matches.exists(m{level}, {body})"));
    let steps = |depth| cost::of_rule(&check_condition(&nested(depth), false, &thresholds()).expect("checked"), false);
    assert!(steps(2) < limits::decisions::POLICY_RULE_STEPS, "{}", steps(2));
    assert!(steps(3) > limits::decisions::POLICY_RULE_STEPS, "{}", steps(3));
}

#[test]
fn a_rule_is_not_evaluated_where_it_cannot_fire() {
    let check = |condition: &str, matches: bool, customer: bool| {
        let checked = check_condition(condition, false, &thresholds()).expect(condition);
        assert_eq!(Needs::of(&checked, false), Needs { matches, customer }, "{condition}");
    };
    check("true", false, false);
    check("matches.exists(m, true)", true, false);
    check("members >= 2 && transaction.country == \"DE\"", true, false);
    check("members >= 0", false, false);
    check("corroborated(2) || flags(\"email\")", true, false);
    check("corroborated(2) || over(\"large\")", false, false);
    check("size(matches) > 1", true, false);
    check("size(matches.filter(m, m.weak)) + 1 > 1", true, false);
    check("matches.all(m, m.weak)", false, false);
    check("!matches.all(m, m.weak)", true, false);
    check("profile.country_new && over(\"large\")", false, true);
    check("profile.orders >= 5 ? true : false", false, true);
    check("profile.orders < 5", false, false);
    check("profile.named && members > 1", true, true);
    check("profile.orders in [3, 4]", false, true);
}

#[test]
fn what_a_condition_reads_is_told() {
    let checked =
        check_condition("matches.exists(m, m.weak) && over(\"large\") && profile.orders > 1", false, &thresholds());
    let names: Vec<String> = reads(&checked.expect("a condition")).into_iter().collect();
    assert_eq!(names, ["match.weak", "matches", "over", "profile.orders"]);
}

proptest! {
    #[test]
    fn no_text_is_more_than_refused(text in "\\PC{0,200}") {
        let _ = check_condition(&text, true, &thresholds());
    }

    #[test]
    fn no_text_of_words_of_the_language_is_more_than_refused(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "transaction", ".", "amount_minor", "country", "(", ")", "[", "]", "{", "}", ",", "\"DE\"", "1", "-", "!", "&&",
                "||", "==", "<", "in", "?", ":", "matches", "match", "exists", "filter", "m", "kind", "size", "true", "/", "%",
                "has", "map", "all", "'", "\\", "0x", "1e9", "`", "b\"a\"", "r\"\"", "\n", "//", "null", "for", "@",
            ]),
            0..60,
        ),
    ) {
        let _ = check_condition(&words.join(" "), true, &thresholds());
        let _ = check_condition(&words.concat(), false, &thresholds());
    }
}

#[test]
fn chains_as_long_as_a_condition_may_be_are_read() {
    for (chain, end) in
        [("!", "true"), ("-", "1"), ("1+", "1"), ("true&&", "true"), ("true?true:", "true"), ("a.", "a"), ("[", "]")]
    {
        let times = (limits::decisions::POLICY_CONDITION_BYTES - end.len()) / chain.len();
        let _ = check_condition(&format!("{}{end}", chain.repeat(times)), false, &thresholds());
    }
}

#[test]
fn the_page_on_the_context_holds_every_name() {
    let page = include_str!("../../../../../docs/policy-context.md");
    let row = |path: String, kind: &str, meaning: &str| {
        let row = format!("| `{path}` | {kind} | {meaning} |\n");
        assert!(page.contains(&row), "put this into docs/policy-context.md:\n{row}");
    };
    for name in NAMES {
        let kind = match name.read {
            Read::Flag(_) => "true or false",
            Read::Number(_) => "number",
            Read::Text(..) => "text",
            Read::Kinds => "list of texts",
        };
        let path = if name.group.is_empty() { name.field.to_owned() } else { format!("{}.{}", name.group, name.field) };
        row(path, kind, name.meaning);
    }
    for name in MATCH_NAMES {
        let kind = match name.read {
            ReadMatch::Flag(_) => "true or false",
            ReadMatch::Number(_) => "number",
            ReadMatch::Text(..) => "text",
            ReadMatch::Kinds | ReadMatch::Typologies => "list of texts",
        };
        row(format!("match.{}", name.field), kind, name.meaning);
    }
    for (written, meaning) in FUNCTIONS {
        assert!(
            page.contains(&format!("| `{written}` | {meaning} |\n")),
            "docs/policy-context.md lacks {written}: {meaning}"
        );
    }
    let rows = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, NAMES.len() + MATCH_NAMES.len() + FUNCTIONS.len(), "the page names what there is not");
}

#[test]
fn the_page_on_the_context_states_the_limits() {
    let page = include_str!("../../../../../docs/policy-context.md");
    for limit in [
        limits::decisions::POLICY_CONDITION_BYTES,
        limits::decisions::POLICY_NESTING,
        limits::decisions::POLICY_DEPTH,
        limits::decisions::POLICY_RULES,
    ] {
        assert!(page.contains(&format!(" {limit} ")), "{limit}");
    }
    for limit in [limits::decisions::POLICY_RULE_STEPS, limits::decisions::POLICY_STEPS] {
        assert!(page.contains(&limit.to_string()), "{limit}");
    }
}
