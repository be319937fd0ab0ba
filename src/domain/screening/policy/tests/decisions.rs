//! The policy that ships as a table: what was found, what is decided, which reason carries it.

use proptest::prelude::*;

use super::{Shop, finding};
use crate::domain::screening::decision::Decision::{self, Allow, Block, Challenge, Hold};
use crate::domain::screening::finding::Finding;
use crate::domain::screening::policy::tests::built_in;

fn check(found: &[&str], decision: Decision, carried_by: Option<&str>) {
    let shop = Shop::default();
    let findings: Vec<Finding> = found.iter().enumerate().map(|(index, text)| finding(index, text)).collect();
    let verdict = shop.decides(&findings);
    let first = verdict.reasons.first().map(|reason| reason.code.name());
    assert_eq!((verdict.decision, first), (decision, carried_by), "{found:?}");
    assert!(verdict.reasons.iter().all(|reason| !reason.description.is_empty() && !reason.description.contains('{')));
}

#[test]
fn nothing_found_is_allowed() {
    check(&[], Allow, None);
    check(&["email:", "pan:"], Allow, None);
}

#[test]
fn one_member_challenges() {
    check(&["email: a"], Challenge, Some("single_indicator"));
    check(&["email: a a"], Challenge, Some("single_indicator"));
    check(&["pan: a"], Challenge, Some("single_indicator"));
    check(&["email: A"], Challenge, Some("single_indicator"));
}

#[test]
fn two_members_on_one_identifier_block() {
    check(&["email: a b"], Block, Some("corroborated_indicator"));
    check(&["phone: a", "device: a b c"], Block, Some("corroborated_indicator"));
    // On two identifiers they do not corroborate each other.
    check(&["phone: a", "device: b"], Challenge, Some("single_indicator"));
}

#[test]
fn two_members_on_a_card_hold_unless_something_else_counts_too() {
    check(&["pan: a b"], Hold, Some("corroborated_card"));
    check(&["token: a b", "par: a"], Hold, Some("corroborated_card"));
    check(&["pan: a b", "email: a"], Block, Some("corroborated_indicator"));
    check(&["pan: a b", "ip: ?a ?b"], Hold, Some("corroborated_card"));
    check(&["pan: a b", "email: ~a"], Hold, Some("corroborated_card"));
    check(&["pan: a b", "email: A"], Hold, Some("corroborated_card"));
    check(&["pan: a b", "email: a b"], Block, Some("corroborated_indicator"));
}

#[test]
fn weak_forms_never_decide_alone() {
    check(&["ip: ?a ?b ?c"], Allow, Some("weak_indicator"));
    check(&["ip: ?a", "ip6net: ?b"], Allow, Some("weak_indicator"));
    check(&["ip: ?a", "address: ?a"], Challenge, Some("weak_indicators_together"));
    // A weak form is no second member beside a strong one.
    check(&["url: a ?b"], Challenge, Some("single_indicator"));
    check(&["email: a b", "ip: ?c"], Block, Some("corroborated_indicator"));
}

#[test]
fn provisional_statements_challenge_and_do_not_block() {
    check(&["email: ~a"], Challenge, Some("provisional_indicator"));
    check(&["email: ~a ~b ~c"], Challenge, Some("provisional_indicator"));
    check(&["email: a ~b"], Challenge, Some("provisional_indicator"));
    check(&["email: a b ~c"], Block, Some("corroborated_indicator"));
}

#[test]
fn a_block_that_rests_on_a_stale_feed_holds() {
    check(&["email: a B"], Hold, Some("corroborated_by_stale_feed"));
    check(&["email: A B"], Hold, Some("corroborated_by_stale_feed"));
    check(&["email: a b C"], Block, Some("corroborated_indicator"));
    check(&["pan: a B", "email: a"], Hold, Some("corroborated_by_stale_feed"));
    // A member with one stale and one fresh feed is fresh.
    check(&["email: a A b"], Block, Some("corroborated_indicator"));
}

#[test]
fn disputed_statements_challenge_and_do_not_block() {
    check(&["email: !a"], Challenge, Some("disputed_indicator"));
    check(&["email: !a !b !c"], Challenge, Some("disputed_indicator"));
    check(&["email: a !b"], Challenge, Some("disputed_indicator"));
    check(&["email: ~a !b"], Challenge, Some("provisional_indicator"));
    check(&["email: a b !c"], Block, Some("corroborated_indicator"));
    check(&["pan: a b", "email: !a"], Hold, Some("corroborated_card"));
}

#[test]
fn faint_statements_only_inform() {
    check(&["email: -a -b"], Allow, Some("faded_indicator"));
    check(&["email: a -b"], Challenge, Some("single_indicator"));
    check(&["ip: ?-a", "address: ?a"], Allow, Some("weak_indicator"));
    check(&["pan: a b", "email: -a"], Hold, Some("corroborated_card"));
    check(&["email: a b -c"], Block, Some("corroborated_indicator"));
}

#[test]
fn own_lists_stand_above_all_and_allow_above_block() {
    check(&["email: a b", "device: allowed"], Allow, Some("own_allow_list"));
    check(&["email: a", "device: blocked"], Block, Some("own_block_list"));
    check(&["email: blocked", "device: allowed"], Allow, Some("own_allow_list"));
}

#[test]
fn test_values_force_their_answer() {
    check(&["pan: test-block"], Block, Some("sandbox_value"));
    check(&["pan: test-allow", "email: a b"], Allow, Some("sandbox_value"));
    check(&["pan: test-allow", "email: test-block"], Block, Some("sandbox_value"));
    check(&["pan: test-stale"], Hold, Some("sandbox_value"));
    check(&["pan: test-degraded"], Allow, None);
}

#[test]
fn reasons_are_told_in_words_of_kind_and_members() {
    let verdict =
        Shop::default().decides(&[finding(0, "email: a b"), finding(1, "email: blocked"), finding(2, "phone: a")]);
    let words: Vec<&str> = verdict.reasons.iter().map(|reason| reason.description.as_str()).collect();
    let listed = "the e-mail address stands on your own block list since 2026-11-18T11:06:40.000Z";
    assert_eq!(words, [listed, "2 members flag the e-mail address", "1 member flags the phone number"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_file_that_ships_decides_as_the_policy_in_code_did(
        found in proptest::collection::vec(
            (
                prop::sample::select(vec!["email", "mailbox", "pan", "token", "ip", "ip6net", "address", "domain", "url", "device"]),
                proptest::collection::vec((0..4_u8, any::<bool>(), any::<bool>(), any::<bool>(), 0..4_u8), 0..5),
            ),
            0..5,
        ),
    ) {
        let findings: Vec<Finding> = found
            .iter()
            .enumerate()
            .map(|(index, (kind, voices))| {
                let voices: Vec<String> = voices
                    .iter()
                    .map(|(member, weak, provisional, stale, loss)| {
                        let letter = char::from(b'a' + member);
                        let letter = if *stale { letter.to_ascii_uppercase() } else { letter };
                        let loss = ["", "", "!", "-"][usize::from(*loss)];
                        format!("{}{}{loss}{letter}", if *weak { "?" } else { "" }, if *provisional { "~" } else { "" })
                    })
                    .collect();
                finding(index, &format!("{kind}: {}", voices.join(" ")))
            })
            .collect();
        let (decision, said) = built_in::decide(&findings);
        let verdict = Shop::default().decides(&findings);
        prop_assert_eq!(verdict.decision, decision);
        let reasons: Vec<_> = verdict
            .reasons
            .iter()
            .map(|reason| (reason.code.name(), reason.decision, reason.identifier, reason.members))
            .collect();
        let said: Vec<_> =
            said.iter().map(|said| (said.code.name(), said.decision, Some(said.identifier), said.members)).collect();
        prop_assert_eq!(reasons, said);
    }

    /// Whatever age, a record or a dispute takes from statements, the policy that ships becomes no stricter by it.
    #[test]
    fn what_a_statement_loses_makes_no_decision_stricter(
        kinds in proptest::collection::vec(prop::sample::select(vec!["email", "pan", "ip", "address", "url", "device"]), 1..4),
        said in proptest::collection::vec((0..4_usize, 0..4_u8, 0..8_u8), 0..10),
        lost in proptest::collection::vec(0..4_u8, 10),
    ) {
        let decide = |lost: &[u8]| {
            let of = |identifier: usize, kind: &&str| {
                let kept = said.iter().zip(lost).filter(|((of, ..), loss)| *of == identifier && **loss != 3);
                let voices: Vec<String> = kept
                    .map(|((_, member, flags), loss)| {
                        let letter = char::from(b'a' + member);
                        let letter = if flags & 4 != 0 { letter.to_ascii_uppercase() } else { letter };
                        let weak = if flags & 1 != 0 { "?" } else { "" };
                        let provisional = if flags & 2 != 0 { "~" } else { "" };
                        let loss = match loss { 1 => "!", 2 => "-", _ => "" };
                        format!("{weak}{provisional}{loss}{letter}")
                    })
                    .collect();
                finding(identifier, &format!("{kind}: {}", voices.join(" ")))
            };
            let findings: Vec<Finding> = kinds.iter().enumerate().map(|(number, kind)| of(number, kind)).collect();
            Shop::default().decides(&findings).decision
        };
        prop_assert!(decide(&lost) <= decide(&[0; 10]));
    }
}
