//! What stands behind an answer, made of the answer: [`crate::domain::audit::detail`] within its bounds.

use std::collections::BTreeMap;

use crate::base::bytes::{LocalMac, Sha256Digest};
use crate::base::limits;
use crate::base::name::ConsortiumId;
use crate::base::time::Timestamp;
use crate::domain::audit::detail::{
    DecisionDetail, IndicatorDetail, IndicatorPlace, InputDetail, PeerDetail, ReasonDetail, RefusedDetail,
};
use crate::domain::audit::record::{Actor, one_line};
use crate::domain::screening::answer::{Match, MatchedIndicator, Screening};
use crate::domain::screening::freshness::PeerFreshness;

/// What a detail tells of the decision beside the answer itself.
#[derive(Debug, Clone)]
pub struct DetailContext<'a> {
    pub decision_id: &'a str,
    pub reference: &'a str,
    pub time: Timestamp,
    pub caller: &'a Actor,
    pub transaction: Option<LocalMac>,
    pub customer: Option<LocalMac>,
    pub facts: BTreeMap<String, String>,
    pub guard_sha256: Sha256Digest,
    pub consortium: &'a ConsortiumId,
}

/// What stands behind an answer, within its bounds.
pub fn detail_of(screening: &Screening, context: DetailContext<'_>) -> (DecisionDetail, Vec<IndicatorDetail>) {
    let (kept, left_out) = strongest(&screening.matches);
    let place = |(found, indicator): &(&Match, &MatchedIndicator)| IndicatorPlace {
        name: indicator.name(),
        feed: indicator.feed.origin(context.consortium),
        index: indicator.index.0,
        identifier: number(found.identifier),
    };
    let inputs = screening.inputs.iter().take(limits::DETAIL_INPUTS).map(|input| InputDetail {
        identifier: number(input.identifier),
        kind: input.kind.label().to_owned(),
        epoch: input.epoch.0,
        epoch_id: input.epoch_id.0.to_vec(),
        pseudonym: input.pseudonym.0.to_vec(),
    });
    let reasons = screening.reasons.iter().take(limits::DETAIL_REASONS).map(|reason| ReasonDetail {
        code: reason.code.name().to_owned(),
        decision: reason.decision.label().to_owned(),
        description: one_line(&reason.description),
    });
    let mut facts = match_facts(&screening.matches);
    facts.extend(context.facts.into_iter().map(|(name, value)| (one_line(&name), one_line(&value))));
    while facts.len() > limits::DETAIL_FACTS {
        facts.pop_last();
    }
    let speaks = |peer: &PeerFreshness| kept.iter().any(|(_, indicator)| indicator.reporter == peer.member);
    let peers = screening.freshness.iter().filter(|peer| peer.stale || peer.quarantined || speaks(peer));
    let detail = DecisionDetail {
        decision_id: context.decision_id.to_owned(),
        reference: context.reference.to_owned(),
        time_ms: context.time.unix_ms(),
        caller: one_line(&context.caller.to_string()),
        decision: screening.decision.label().to_owned(),
        reasons: reasons.collect(),
        transaction: context.transaction.map(|mac| mac.0.to_vec()).unwrap_or_default(),
        customer: context.customer.map(|mac| mac.0.to_vec()).unwrap_or_default(),
        facts,
        inputs: inputs.collect(),
        inputs_left_out: number(screening.inputs.len().saturating_sub(limits::DETAIL_INPUTS)),
        indicators: kept.iter().map(place).collect(),
        indicators_left_out: number(left_out),
        policy_sha256: screening.policy_sha256.0.to_vec(),
        guard_sha256: context.guard_sha256.0.to_vec(),
        degraded: screening.degraded,
        peers: peers.take(limits::DETAIL_PEERS).map(peer).collect(),
        advice_key: screening.advice.key().to_owned(),
        refused: screening
            .refused
            .iter()
            .map(|refused| RefusedDetail {
                identifier: number(refused.identifier),
                rule: refused.error.rule.name().to_owned(),
            })
            .collect(),
    };
    let indicators = kept.into_iter().map(|(_, indicator)| of_indicator(indicator, context.time)).collect();
    (detail, indicators)
}

/// The indicators that are kept, and how many more there are: the first of every identifier, then the second of each, so that no
/// identifier crowds out another.
fn strongest(matches: &[Match]) -> (Vec<(&Match, &MatchedIndicator)>, usize) {
    let all: usize = matches.iter().map(|found| found.indicators.len()).sum();
    let deepest = matches.iter().map(|found| found.indicators.len()).max().unwrap_or_default();
    let by_rank = (0..deepest)
        .flat_map(|rank| matches.iter().filter_map(move |found| Some((found, found.indicators.get(rank)?))));
    let kept: Vec<_> = by_rank.take(limits::DETAIL_INDICATORS).collect();
    let left_out = all - kept.len();
    (kept, left_out)
}

/// What the rules saw of each match.
fn match_facts(matches: &[Match]) -> BTreeMap<String, String> {
    let of = |found: &Match| {
        let name = |what: &str| format!("match.{}.{what}", found.identifier);
        [
            (name("kind"), found.kind.label().to_owned()),
            (name("members"), found.members.to_string()),
            (name("own"), found.own.to_string()),
            (name("confidence"), found.confidence.to_string()),
            (name("weak"), found.weak.to_string()),
        ]
    };
    matches.iter().flat_map(of).collect()
}

fn peer(peer: &PeerFreshness) -> PeerDetail {
    PeerDetail { member: peer.member.to_string(), age_s: peer.age_s, stale: peer.stale, quarantined: peer.quarantined }
}

fn of_indicator(indicator: &MatchedIndicator, time: Timestamp) -> IndicatorDetail {
    let details = &indicator.details;
    IndicatorDetail {
        kind: indicator.kind.label().to_owned(),
        typology: one_line(details.typology.as_str()),
        severity: details.severity.label().to_owned(),
        confidence: indicator.effective_confidence,
        grounds: details.grounds.label().to_owned(),
        own: indicator.own,
        weak: indicator.weak,
        provisional: indicator.provisional,
        held_back: indicator.held_back,
        stale: indicator.stale,
        observed_at_s: details.observed_at.unix_s(),
        valid_until_s: details.validity.until_s(),
        first_seen_ms: indicator.first_seen.unix_ms(),
        last_seen_ms: indicator.last_seen.unix_ms(),
        age_s: time.ms_since(details.observed_at) / 1000,
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::base::bytes::{Commitment, Pseudonym};
    use crate::base::epoch::{EpochId, KeyEpoch};
    use crate::base::kind::IdentifierKind;
    use crate::base::name::FeedId;
    use crate::base::position::EntryIndex;
    use crate::domain::indicator::details::Details;
    use crate::domain::indicator::note::Note;
    use crate::domain::indicator::typology::Typology;
    use crate::domain::indicator::validity::Validity;
    use crate::domain::indicator::words::{Confidence, Grounds, Handling, Purpose, Severity};
    use crate::domain::screening::answer::Input;
    use crate::domain::screening::decision::{Advice, Decision, Reason, ReasonCode};
    use crate::domain::screening::policy::word::Word;

    /// As much as an answer can hold: every identifier flagged by as many as are shown, in words as long as they may be.
    fn largest() -> Screening {
        let details = Details {
            typology: Typology::well_formed(&"F".repeat(32)).expect("as long as it may be"),
            severity: Severity::High,
            confidence: Confidence::new(80).expect("valid"),
            grounds: Grounds::OwnConfirmed,
            purpose: Purpose::FraudScreening,
            handling: Handling::Amber,
            validity: Validity::new(1, 2).expect("not empty"),
            observed_at: Timestamp::from_unix_s(1),
            note: Note::default(),
        };
        let member = |nth: usize| format!("{nth:063}").parse().expect("valid");
        let indicator = |nth: usize| MatchedIndicator {
            reporter: member(nth),
            commitment: Commitment([7; 32]),
            kind: IdentifierKind::Email,
            feed: FeedId { member: member(nth), group: "g".repeat(32).parse().expect("valid") },
            index: EntryIndex(u64::MAX),
            details: details.clone(),
            first_seen: Timestamp::from_unix_s(3),
            last_seen: Timestamp::from_unix_s(4),
            provisional: true,
            held_back: true,
            own: true,
            weak: true,
            stale: true,
            disputed: true,
            effective_confidence: 80,
            age_s: 7,
        };
        let found = |identifier: usize| Match {
            identifier,
            kind: IdentifierKind::Email,
            members: 16,
            own: 1,
            confidence: 99,
            confidence_undecayed: 99,
            weak: true,
            indicators: (0..limits::INDICATORS_PER_MATCH).map(indicator).collect(),
        };
        let input = |nth: usize| Input {
            identifier: nth,
            kind: IdentifierKind::Email,
            epoch: KeyEpoch(u32::MAX),
            epoch_id: EpochId([9; 16]),
            pseudonym: Pseudonym([5; 32]),
        };
        let word =
            |letter: &str| letter.repeat(limits::decisions::POLICY_WORD_CHARACTERS).parse::<Word>().expect("a word");
        let reason = |identifier: usize| Reason {
            code: ReasonCode::Rule { place: identifier, rule: word("r"), reason: word("w") },
            decision: Decision::Hold,
            identifier: Some(identifier),
            members: 16,
            since: None,
            advice: Some(word("a")),
            description: "d".repeat(limits::decisions::POLICY_DESCRIPTION_CHARACTERS),
            not_sole_basis: true,
        };
        let peer = |nth: usize| PeerFreshness { member: member(nth), age_s: u32::MAX, stale: true, quarantined: true };
        Screening {
            decision: Decision::Hold,
            reasons: (0..100).map(reason).collect(),
            matches: (0..limits::IDENTIFIERS_PER_TRANSACTION).map(found).collect(),
            refused: Vec::new(),
            inputs: (0..192).map(input).collect(),
            freshness: (0..1_000).map(peer).collect(),
            advice: Advice::PaymentOnHold,
            degraded: true,
            overload: false,
            policy_sha256: Sha256Digest([1; 32]),
            fired: Vec::new(),
            candidate: None,
        }
    }

    #[test]
    fn the_largest_answer_leaves_a_detail_of_bounded_size_that_says_what_it_left_out() {
        let (screening, consortium) = (largest(), "c".repeat(100).parse().expect("valid"));
        let context = DetailContext {
            decision_id: &"0".repeat(32),
            reference: "7KQ2-M0XD",
            time: Timestamp::from_unix_s(100),
            caller: &Actor::Node,
            transaction: Some(LocalMac([1; 32])),
            customer: Some(LocalMac([2; 32])),
            facts: (0..1_000).map(|nth| (format!("fact.{nth}"), "x".repeat(1_000))).collect(),
            guard_sha256: Sha256Digest([3; 32]),
            consortium: &consortium,
        };
        let (detail, indicators) = detail_of(&screening, context);
        assert_eq!((indicators.len(), detail.indicators_left_out), (limits::DETAIL_INDICATORS, 32 * 16 - 32));
        assert_eq!((detail.inputs.len(), detail.inputs_left_out), (limits::DETAIL_INPUTS, 192 - 64));
        let identifiers: Vec<u32> = detail.indicators.iter().map(|place| place.identifier).collect();
        assert_eq!(identifiers, (0..32).collect::<Vec<_>>(), "one of each before a second of any");
        let bytes = detail.encoded_len() + indicators.iter().map(Message::encoded_len).sum::<usize>();
        assert!(bytes < limits::DETAIL_BYTES, "{bytes}");
        assert_eq!(indicators[0].age_s, 99);
    }
}
