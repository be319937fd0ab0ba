//! What stands above what: own lists above rules, block above hold above challenge above allow, then the order of the file;
//! and who has no say: shadow, snoozed, off.

use super::{Shop, finding};
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::screening::decision::Decision::{self, Allow, Block, Challenge, Hold};
use crate::domain::screening::policy::rule::Heard;

fn rule(name: &str, decision: &str, more: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nwhen = \"true\"\ndecision = \"{decision}\"\n{more}\n")
}

fn check(rules: &[String], found: &[&str], decision: Decision, reasons: &[&str]) {
    let findings: Vec<_> = found.iter().enumerate().map(|(index, text)| finding(index, text)).collect();
    let verdict = Shop::with_rules(&rules.concat()).decides(&findings);
    let names: Vec<&str> = verdict.reasons.iter().map(|reason| reason.code.name()).collect();
    assert_eq!((verdict.decision, names.as_slice()), (decision, reasons), "{rules:?}");
}

#[test]
fn the_rule_that_stops_most_decides_and_among_equals_the_first() {
    let rules = [
        rule("a", "allow", ""),
        rule("c", "challenge", ""),
        rule("h", "hold", ""),
        rule("i", "hold", ""),
        rule("b", "block", ""),
    ];
    check(&rules, &[], Block, &["b", "h", "i", "c", "a"]);
    check(&rules[..4], &[], Hold, &["h", "i", "c", "a"]);
    check(&rules[..2], &[], Challenge, &["c", "a"]);
    check(&rules[..1], &[], Allow, &["a"]);
}

#[test]
fn own_lists_and_test_values_stand_above_every_rule() {
    let rules = [rule("b", "block", "")];
    check(&rules, &["email: allowed"], Allow, &["own_allow_list", "b"]);
    check(&rules, &["email: allowed", "device: blocked"], Allow, &["own_allow_list", "own_block_list", "b"]);
    check(&[rule("a", "allow", "")], &["email: blocked"], Block, &["own_block_list", "a"]);
    check(&rules, &["email: test-allow", "device: blocked"], Allow, &["sandbox_value", "own_block_list", "b"]);
}

#[test]
fn rules_in_shadow_or_snoozed_are_told_and_do_not_decide() {
    let rules = [
        rule("live", "challenge", ""),
        rule("shadow", "block", "mode = \"shadow\""),
        rule("off", "block", "mode = \"off\""),
        rule("asleep", "block", "snoozed_until = 2026-11-18T11:06:41Z"),
        rule("awake", "hold", "snoozed_until = \"2026-11-18T12:06:40+01:00\""),
    ];
    let verdict = Shop::with_rules(&rules.concat()).decides(&[]);
    assert_eq!(verdict.decision, Hold);
    let fired: Vec<_> = verdict.fired.iter().map(|fired| (fired.rule, fired.heard)).collect();
    assert_eq!(fired, [(0, Heard::Live), (1, Heard::Shadow), (3, Heard::Snoozed), (4, Heard::Live)]);
    assert_eq!(verdict.reasons.len(), 2);
}

#[test]
fn a_rule_names_its_reason_and_its_advice() {
    let shop = Shop::with_rules(&rule(
        "long_name",
        "hold",
        "reason = \"short\"\nadvice = \"call_us\"\ndescription = \"as is\"",
    ));
    let verdict = shop.decides(&[]);
    let [reason] = verdict.reasons.as_slice() else { panic!("one rule fired") };
    let rule = reason.code.rule().map(ToString::to_string);
    assert_eq!(
        (reason.code.name(), rule.as_deref(), reason.description.as_str()),
        ("short", Some("long_name"), "as is")
    );
    assert_eq!(reason.advice.as_ref().map(ToString::to_string).as_deref(), Some("call_us"));
    assert_eq!((reason.identifier, reason.not_sole_basis), (None, true));
}

#[test]
fn what_strays_from_a_customers_habit_is_held_or_asked_about() {
    let habit = ProfileFacts { named: true, orders: 9, usual_country_percent: 95, ..ProfileFacts::default() };
    let check =
        |profile: ProfileFacts, amount_minor: i64, passed: Option<u64>, decision: Decision, by: Option<&str>| {
            let shop =
                Shop { draft: (amount_minor, "EUR", "PT"), profile, challenge_passed_s: passed, ..Shop::default() };
            let verdict = shop.decides(&[]);
            let first = verdict.reasons.first().map(|reason| reason.code.name());
            assert_eq!((verdict.decision, first), (decision, by), "{profile:?} {amount_minor} {passed:?}");
        };
    check(habit, 9_000, None, Allow, None);
    let abroad = ProfileFacts { country_new: true, ..habit };
    check(abroad, 9_000, None, Hold, Some("unusual_country"));
    check(abroad, 4_999, None, Allow, None);
    check(abroad, 9_000, Some(60), Allow, None);
    check(abroad, 9_000, Some(86_400), Hold, Some("unusual_country"));
    check(ProfileFacts { orders: 4, ..abroad }, 9_000, None, Allow, None);
    check(habit, 100_001, None, Challenge, Some("large_amount"));
    check(habit, 100_001, Some(60), Allow, None);
    // Without a customer there is nobody to ask.
    check(ProfileFacts::default(), 100_001, None, Allow, None);
    check(ProfileFacts { impossible_travel: true, ..habit }, 100, None, Challenge, Some("impossible_travel"));
    check(ProfileFacts { count_1m: 6, ..habit }, 100, None, Challenge, Some("velocity_burst"));
    let far = ProfileFacts { amount_percent_of_median: 900, amount_deviation_tenths: 80, ..habit };
    check(far, 9_000, None, Challenge, Some("unusual_amount"));
}

#[test]
fn a_passed_challenge_lifts_challenges_and_never_what_two_members_say() {
    let check = |found: &[&str], decision: Decision| {
        let findings: Vec<_> = found.iter().enumerate().map(|(index, text)| finding(index, text)).collect();
        let shop = Shop { challenge_passed_s: Some(60), ..Shop::default() };
        assert_eq!(shop.decides(&findings).decision, decision, "{found:?}");
    };
    check(&["email: a"], Allow);
    check(&["email: ~a"], Allow);
    check(&["ip: ?a", "address: ?b"], Allow);
    check(&["email: a b"], Block);
    check(&["pan: a b"], Hold);
    check(&["email: a B"], Hold);
}
