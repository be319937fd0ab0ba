//! Why an order was stopped: the reasons, what others said, what else was looked at; all of it as it was then.

use std::collections::BTreeMap;

use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::audit::detail::{DecisionDetail, IndicatorDetail};
use crate::domain::belief::disputes::DisputeStanding;
use crate::domain::case::Evidence;
use crate::domain::indicator::typology::{Typology, TypologyList};
use crate::domain::screening::decision::in_words;
use crate::io::console::chart::grouped;
use crate::io::console::pages::cases::{dispute, words};
use crate::io::console::visit::Visit;
use crate::io::console::words::Badge;
use crate::io::console::zone::{Time, span};
use crate::node::evidence_now::EvidenceNow;
use crate::node::explain::Explained;

/// Names of the typologies that stand in one explanation.
#[derive(Debug, Default)]
pub struct Typologies(BTreeMap<String, String>);

impl Typologies {
    pub fn of(explained: Option<&Explained>, list: &TypologyList) -> Self {
        let said = explained.and_then(|explained| explained.detail.as_ref()).map(|kept| kept.indicators.as_slice());
        let ids = said.unwrap_or_default().iter().filter_map(|part| Some(part.said()?.typology.clone()));
        let named = ids.filter_map(|id| {
            let name = list.name(&Typology::well_formed(&id).ok()?)?.to_owned();
            Some((id, name))
        });
        Self(named.collect())
    }

    fn name(&self, id: &str) -> String {
        self.0.get(id).cloned().unwrap_or_default()
    }
}

/// What the case rests on, and how it stands at this moment.
#[derive(Debug)]
pub struct RestsOn {
    pub one: Evidence,
    pub now: EvidenceNow,
    /// How this member's own dispute of it stands.
    pub disputed: Option<DisputeStanding>,
}

/// One indicator that the case rests on.
#[derive(Debug)]
pub struct EvidenceRow {
    pub member: String,
    pub own: bool,
    pub kind: &'static str,
    pub now: Badge,
    /// How this member's own dispute of it stands.
    pub disputed: Option<Badge>,
    /// Whether there is anything to say against it.
    pub disputable: bool,
    pub feed: String,
    pub entry: String,
    pub commitment: String,
    /// As it counted then; none where nothing is kept of it.
    pub said: Option<SaidRow>,
}

/// What an indicator said, as it counted.
#[derive(Debug)]
pub struct SaidRow {
    pub typology: String,
    pub name: String,
    pub severity: String,
    pub confidence: u32,
    pub grounds: &'static str,
    pub observed: Time,
    pub age: String,
    pub held_since: Time,
    pub valid_until: Time,
    pub marks: Vec<&'static str>,
}

/// What the case rests on; said of each what is kept of the decision.
pub fn evidence(
    visit: &Visit,
    rests_on: &[RestsOn],
    explained: Option<&Explained>,
    typologies: &Typologies,
) -> Vec<EvidenceRow> {
    let kept = explained.and_then(|explained| explained.detail.as_ref());
    let said = |name: &str| {
        let kept = kept?;
        let nth = kept.decision.indicators.iter().position(|place| place.name == name)?;
        kept.indicators.get(nth)?.said()
    };
    let row = |RestsOn { one, now, disputed }: &RestsOn| EvidenceRow {
        member: one.member.to_string(),
        own: one.member == *visit.console.engine.member(),
        kind: in_words(one.kind),
        now: if matches!(disputed, Some(DisputeStanding::Open | DisputeStanding::Upheld)) {
            // Whatever its author answers: for who disputes it, it does not count.
            Badge::new("muted", "not counted here")
        } else {
            standing(*now)
        },
        disputed: disputed.map(dispute::standing),
        disputable: one.member != *visit.console.engine.member()
            && (disputed.is_some() || matches!(now, EvidenceNow::Counts | EvidenceNow::Provisional)),
        feed: one.group.to_string(),
        entry: grouped(one.index.0),
        commitment: one.commitment.to_string(),
        said: said(&one.name()).map(|said| SaidRow::new(visit, said, typologies)),
    };
    rests_on.iter().map(row).collect()
}

fn standing(now: EvidenceNow) -> Badge {
    let (tone, text) = match now {
        EvidenceNow::Counts => ("plain", "counts"),
        EvidenceNow::Provisional => ("waiting", "too few witnesses yet"),
        EvidenceNow::HeldBack => ("warning", "held back here"),
        EvidenceNow::Quarantined => ("bad", "its author signed two histories"),
        EvidenceNow::Withdrawn => ("good", "withdrawn since"),
        EvidenceNow::Gone => ("muted", "expired or erased since"),
    };
    Badge::new(tone, text)
}

impl SaidRow {
    fn new(visit: &Visit, said: &IndicatorDetail, typologies: &Typologies) -> Self {
        let moment = |at: Timestamp| Time::to_the_minute(at, &visit.zone);
        let marks = [
            (said.own, "your own"),
            (said.weak, "shared by many people"),
            (said.provisional, "too few witnesses then"),
            (said.stale, "its feed was stale then"),
            (said.held_back, "held back, counted in nothing"),
        ];
        Self {
            name: typologies.name(&said.typology),
            typology: said.typology.clone(),
            severity: said.severity.clone(),
            confidence: said.confidence,
            grounds: grounds(&said.grounds),
            observed: moment(Timestamp::from_unix_s(said.observed_at_s)),
            age: span(said.age_s),
            held_since: moment(Timestamp::from_unix_ms(said.first_seen_ms)),
            valid_until: moment(Timestamp::from_unix_s(said.valid_until_s)),
            marks: marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect(),
        }
    }
}

fn grounds(label: &str) -> &'static str {
    match label {
        "customer-report" => "customers reported it",
        "own-confirmed" => "its author confirmed it",
        "authority" => "an authority told it",
        _ => "not said",
    }
}

/// Why, as far as it is kept.
#[derive(Debug, Default)]
pub struct Why {
    /// Something is kept of the decision.
    pub kept: bool,
    /// Place of its record in the audit log, where it has one.
    pub record: Option<String>,
    pub reasons: Vec<ReasonRow>,
    /// The customer's view of it.
    pub advice: String,
    pub degraded: bool,
    pub inputs: Vec<InputRow>,
    pub left_out: u32,
    pub refused: Vec<(u32, String)>,
    /// What else the rules saw, by the names that rules call it by.
    pub facts: Vec<(String, String)>,
    pub peers: Vec<PeerRow>,
    pub guard: String,
}

#[derive(Debug)]
pub struct ReasonRow {
    pub name: String,
    pub asks: Option<Badge>,
    pub description: String,
}

/// A form under which an identifier of the order was looked up.
#[derive(Debug)]
pub struct InputRow {
    pub nth: u32,
    pub kind: String,
    pub epoch: u32,
    pub pseudonym: String,
}

#[derive(Debug)]
pub struct PeerRow {
    pub member: String,
    pub age: String,
    pub marks: Vec<&'static str>,
}

impl Why {
    /// `codes` are the reasons that the case itself holds, for when nothing else is kept.
    pub fn of(explained: Option<&Explained>, codes: &[String]) -> Self {
        let record = explained.map(|explained| grouped(explained.index.0));
        let Some(kept) = explained.and_then(|explained| explained.detail.as_ref()) else {
            let reason =
                |code: &String| ReasonRow { name: words::reason(code), asks: None, description: String::new() };
            return Self { record, reasons: codes.iter().map(reason).collect(), ..Self::default() };
        };
        let decision = &kept.decision;
        let reasons = decision.reasons.iter().map(|reason| ReasonRow {
            name: words::reason(&reason.code),
            asks: words::decision_word(&reason.decision),
            description: reason.description.clone(),
        });
        let peers = decision.peers.iter().map(|peer| {
            let marks = [(peer.stale, "stale"), (peer.quarantined, "quarantined")];
            PeerRow {
                member: peer.member.clone(),
                age: if peer.age_s == u32::MAX {
                    "nothing heard yet".to_owned()
                } else {
                    format!("{} old", span(peer.age_s.into()))
                },
                marks: marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect(),
            }
        });
        Self {
            kept: true,
            record,
            reasons: reasons.collect(),
            advice: decision.advice_key.replace('_', " "),
            degraded: decision.degraded,
            inputs: inputs(decision),
            left_out: decision.inputs_left_out,
            refused: decision.refused.iter().map(|one| (one.identifier + 1, one.rule.replace('_', " "))).collect(),
            facts: decision.facts.clone().into_iter().collect(),
            peers: peers.collect(),
            guard: hex::encode(&decision.guard_sha256),
        }
    }
}

fn inputs(decision: &DecisionDetail) -> Vec<InputRow> {
    let row = |input: &crate::domain::audit::detail::InputDetail| InputRow {
        nth: input.identifier.saturating_add(1),
        kind: input.kind.parse().map_or_else(|_| input.kind.clone(), |kind: IdentifierKind| in_words(kind).to_owned()),
        epoch: input.epoch,
        pseudonym: hex::encode(&input.pseudonym),
    };
    decision.inputs.iter().map(row).collect()
}
