//! The built-in policy as a table: what was found, what is decided, which reason carries it.

use super::*;
use crate::base::time::Timestamp;

/// When everything on the own lists was put there.
const SINCE: Timestamp = Timestamp::from_unix_s(1_795_000_000);

/// `a`, `b`: a member's full voice; upper case: from a stale feed; in front `~`: provisional, `?`: weak, `!`: disputed,
/// `-`: faint.
fn voices(text: &str) -> Vec<Voice> {
    text.split_whitespace()
        .map(|voice| {
            let name = voice.trim_start_matches(['~', '?', '!', '-']);
            let letter = name.chars().next().expect("a voice has a name");
            let member = u32::from(letter.to_ascii_lowercase()) - u32::from('a');
            Voice {
                member: MemberNumber::for_test(u16::try_from(member).expect("a letter")),
                weak: voice.contains('?'),
                provisional: voice.contains('~'),
                stale: letter.is_ascii_uppercase(),
                disputed: voice.contains('!'),
                faint: voice.contains('-'),
            }
        })
        .collect()
}

fn finding(identifier: usize, text: &str) -> Finding {
    let (kind, rest) = text.split_once(':').expect("KIND: VOICES");
    let mut finding = Finding {
        identifier,
        kind: kind.trim().parse().expect("a kind"),
        sandbox: None,
        own_listing: None,
        voices: Vec::new(),
    };
    match rest.trim() {
        "allowed" => finding.own_listing = Some(OwnListing { list: OwnList::Allow, since: SINCE }),
        "blocked" => finding.own_listing = Some(OwnListing { list: OwnList::Block, since: SINCE }),
        "test-block" => finding.sandbox = Some(SandboxOutcome::Block),
        "test-allow" => finding.sandbox = Some(SandboxOutcome::Allow),
        "test-stale" => finding.sandbox = Some(SandboxOutcome::Stale),
        "test-degraded" => finding.sandbox = Some(SandboxOutcome::Degraded),
        spoken => finding.voices = voices(spoken),
    }
    finding
}

fn check(found: &[&str], decision: Decision, carried_by: Option<ReasonCode>) {
    let findings: Vec<Finding> = found.iter().enumerate().map(|(index, text)| finding(index, text)).collect();
    let policy = BuiltInPolicy::new(&Sha256Digest([0; 32]));
    let (decided, reasons) = policy.decide(&findings);
    assert_eq!((decided, reasons.first().map(|reason| reason.code)), (decision, carried_by), "{found:?}");
    assert!(reasons.iter().all(|reason| !reason.description().is_empty()));
}

use Decision::{Allow, Block, Challenge, Hold};
use ReasonCode::{
    CorroboratedByStaleFeed, CorroboratedCard, CorroboratedIndicator, DisputedIndicator, FadedIndicator, OwnAllowList,
    OwnBlockList, ProvisionalIndicator, SandboxValue, SingleIndicator, WeakIndicator, WeakIndicatorsTogether,
};

#[test]
fn nothing_found_is_allowed() {
    check(&[], Allow, None);
    check(&["email:", "pan:"], Allow, None);
}

#[test]
fn one_member_challenges() {
    check(&["email: a"], Challenge, Some(SingleIndicator));
    check(&["email: a a"], Challenge, Some(SingleIndicator));
    check(&["pan: a"], Challenge, Some(SingleIndicator));
    check(&["email: A"], Challenge, Some(SingleIndicator));
}

#[test]
fn two_members_on_one_identifier_block() {
    check(&["email: a b"], Block, Some(CorroboratedIndicator));
    check(&["phone: a", "device: a b c"], Block, Some(CorroboratedIndicator));
    // On two identifiers they do not corroborate each other.
    check(&["phone: a", "device: b"], Challenge, Some(SingleIndicator));
}

#[test]
fn two_members_on_a_card_hold_unless_something_else_counts_too() {
    check(&["pan: a b"], Hold, Some(CorroboratedCard));
    check(&["token: a b", "par: a"], Hold, Some(CorroboratedCard));
    check(&["pan: a b", "email: a"], Block, Some(CorroboratedIndicator));
    check(&["pan: a b", "ip: ?a ?b"], Hold, Some(CorroboratedCard));
    check(&["pan: a b", "email: ~a"], Hold, Some(CorroboratedCard));
    check(&["pan: a b", "email: A"], Hold, Some(CorroboratedCard));
    check(&["pan: a b", "email: a b"], Block, Some(CorroboratedIndicator));
}

#[test]
fn weak_forms_never_decide_alone() {
    check(&["ip: ?a ?b ?c"], Allow, Some(WeakIndicator));
    check(&["ip: ?a", "ip6net: ?b"], Allow, Some(WeakIndicator));
    check(&["ip: ?a", "address: ?a"], Challenge, Some(WeakIndicatorsTogether));
    // A weak form is no second member beside a strong one.
    check(&["url: a ?b"], Challenge, Some(SingleIndicator));
    check(&["email: a b", "ip: ?c"], Block, Some(CorroboratedIndicator));
}

#[test]
fn provisional_statements_challenge_and_do_not_block() {
    check(&["email: ~a"], Challenge, Some(ProvisionalIndicator));
    check(&["email: ~a ~b ~c"], Challenge, Some(ProvisionalIndicator));
    check(&["email: a ~b"], Challenge, Some(ProvisionalIndicator));
    check(&["email: a b ~c"], Block, Some(CorroboratedIndicator));
}

#[test]
fn a_block_that_rests_on_a_stale_feed_holds() {
    check(&["email: a B"], Hold, Some(CorroboratedByStaleFeed));
    check(&["email: A B"], Hold, Some(CorroboratedByStaleFeed));
    check(&["email: a b C"], Block, Some(CorroboratedIndicator));
    check(&["pan: a B", "email: a"], Hold, Some(CorroboratedByStaleFeed));
    // A member with one stale and one fresh feed is fresh.
    check(&["email: a A b"], Block, Some(CorroboratedIndicator));
}

#[test]
fn own_lists_stand_above_all_and_allow_above_block() {
    check(&["email: a b", "device: allowed"], Allow, Some(OwnAllowList));
    check(&["email: a", "device: blocked"], Block, Some(OwnBlockList));
    check(&["email: blocked", "device: allowed"], Allow, Some(OwnAllowList));
}

#[test]
fn test_values_force_their_answer() {
    check(&["pan: test-block"], Block, Some(SandboxValue));
    check(&["pan: test-allow", "email: a b"], Allow, Some(SandboxValue));
    check(&["pan: test-allow", "email: test-block"], Block, Some(SandboxValue));
    check(&["pan: test-stale"], Hold, Some(SandboxValue));
    check(&["pan: test-degraded"], Allow, None);
}

#[test]
fn the_digest_names_version_and_guard_lists() {
    let digest = |guard: u8| BuiltInPolicy::new(&Sha256Digest([guard; 32])).digest();
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}

#[test]
fn disputed_statements_challenge_and_do_not_block() {
    check(&["email: !a"], Challenge, Some(DisputedIndicator));
    check(&["email: !a !b !c"], Challenge, Some(DisputedIndicator));
    check(&["email: a !b"], Challenge, Some(DisputedIndicator));
    check(&["email: ~a !b"], Challenge, Some(ProvisionalIndicator));
    check(&["email: a b !c"], Block, Some(CorroboratedIndicator));
    check(&["pan: a b", "email: !a"], Hold, Some(CorroboratedCard));
}

#[test]
fn faint_statements_only_inform() {
    check(&["email: -a -b"], Allow, Some(FadedIndicator));
    check(&["email: a -b"], Challenge, Some(SingleIndicator));
    check(&["ip: ?-a", "address: ?a"], Allow, Some(WeakIndicator));
    check(&["pan: a b", "email: -a"], Hold, Some(CorroboratedCard));
    check(&["email: a b -c"], Block, Some(CorroboratedIndicator));
}

proptest::proptest! {
    /// Whatever age, a record or a dispute takes from statements, no decision becomes stricter by it.
    #[test]
    fn what_a_statement_loses_makes_no_decision_stricter(
        kinds in proptest::collection::vec(0..IdentifierKind::ALL.len(), 1..4),
        said in proptest::collection::vec((0..4_usize, 0..4_u16, 0..8_u8), 0..10),
        lost in proptest::collection::vec(0..4_u8, 10),
    ) {
        let finding = |identifier: usize, kind: usize, lost: &[u8]| Finding {
            identifier,
            kind: IdentifierKind::ALL[kind],
            sandbox: None,
            own_listing: None,
            voices: (said.iter().zip(lost))
                .filter(|((of, ..), loss)| *of == identifier && **loss != 3)
                .map(|((_, member, flags), loss)| Voice {
                    member: MemberNumber::for_test(*member),
                    weak: flags & 1 != 0,
                    provisional: flags & 2 != 0,
                    stale: flags & 4 != 0,
                    disputed: *loss == 1,
                    faint: *loss == 2,
                })
                .collect(),
        };
        let decide = |lost: &[u8]| {
            let findings: Vec<_> = (0..).zip(&kinds).map(|(number, kind)| finding(number, *kind, lost)).collect();
            BuiltInPolicy::new(&Sha256Digest([0; 32])).decide(&findings).0
        };
        proptest::prop_assert!(decide(&lost) <= decide(&[0; 10]));
    }
}
