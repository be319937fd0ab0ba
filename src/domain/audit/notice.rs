//! What of the audit log is told to the member's own systems at once: decisions that stop or question an order, what becomes of
//! their cases, what is learnt too late of an order that passed, and alarms.
//!
//! A notice holds less than the record it is made from: no caller, no reporting member and no indicator of a decision. What
//! the record does not hold, a notice cannot tell, so neither an identifier nor a pseudonym has a way into it.

use std::fmt;
use std::str::FromStr;

use crate::base::time::Timestamp;
use crate::domain::audit::record::{AuditRecord, Outcome};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::reference::reference;

/// The action of a decision's record.
const DECIDED: &str = "screening.decided";

/// Actions that are alarms although nothing is broken and nobody lied: what the node did about it.
const ALARMS: [&str; 3] = ["quarantine.indicator", "quarantine.raised", "store.salvaged"];

/// Fields of a decision's record that are told; the others name other members' indicators, or serve proofs alone.
const TOLD: [&str; 5] = ["anomalies", "decision", "degraded", "matched_count", "reasons"];

/// Fields of a case's record that are told: nobody's name.
const TOLD_OF_CASES: [&str; 4] = ["decision", "due", "how", "state"];

/// Actions of late matches, and the words of their events.
const LATE_MATCHES: [&str; 2] = ["late_match.raised", "late_match.eased"];

/// Fields of a late match's record that are told.
const TOLD_OF_LATE_MATCHES: [&str; 4] = ["answered", "decision", "matched_count", "reasons"];

/// What somebody wants to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Every decision but those that let the order pass.
    Stopped,
    /// Decisions of one kind. That an order passes is recorded where something matched all the same, and told only by name.
    Decision(Decision),
    /// Everything that is told of cases.
    Cases,
    Case(CaseTopic),
    /// The codes of challenges. They come from no record: nothing here tells them.
    Code,
    /// Orders that passed and would be stopped now, and where that no longer holds.
    LateMatch,
    Alarm,
}

/// What is told of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseTopic {
    Opened,
    Released,
    Refused,
    /// By its timer; the state says released or refused.
    Expired,
}

impl CaseTopic {
    const ALL: [Self; 4] = [Self::Opened, Self::Released, Self::Refused, Self::Expired];

    /// The action of its record, and the word of the event.
    const fn label(self) -> &'static str {
        match self {
            Self::Opened => "case.opened",
            Self::Released => "case.released",
            Self::Refused => "case.refused",
            Self::Expired => "case.expired",
        }
    }

    fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.label() == label)
    }
}

/// No such event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "events are \"decision\", \"decision.allow\", \"decision.challenge\", \"decision.hold\", \"decision.block\", \"case\", \
     \"case.opened\", \"case.released\", \"case.refused\", \"case.expired\", \"challenge.code\", \"late_match\" and \"alarm\""
)]
pub struct NoEvent;

impl FromStr for Wanted {
    type Err = NoEvent;

    fn from_str(text: &str) -> Result<Self, NoEvent> {
        match text {
            "decision" => Ok(Self::Stopped),
            "late_match" => Ok(Self::LateMatch),
            "alarm" => Ok(Self::Alarm),
            "case" => Ok(Self::Cases),
            "challenge.code" => Ok(Self::Code),
            other => {
                if let Some(topic) = CaseTopic::from_label(other) {
                    return Ok(Self::Case(topic));
                }
                let label = other.strip_prefix("decision.").ok_or(NoEvent)?;
                Decision::from_label(label).map(Self::Decision).ok_or(NoEvent)
            }
        }
    }
}

/// The word of an event: `decision.block`, `alarm.feed.silent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    Decision(Decision),
    Case(CaseTopic),
    /// The action of its record.
    LateMatch(&'static str),
    /// With the action of its record.
    Alarm(String),
}

impl Topic {
    fn of(record: &AuditRecord) -> Option<Self> {
        if record.action() == DECIDED {
            return field(record, "decision").and_then(Decision::from_label).map(Self::Decision);
        }
        if let Some(action) = LATE_MATCHES.into_iter().find(|action| *action == record.action()) {
            return Some(Self::LateMatch(action));
        }
        if let Some(topic) = CaseTopic::from_label(record.action()) {
            return Some(Self::Case(topic));
        }
        let alarms = record.outcome() == Outcome::Fault || ALARMS.contains(&record.action());
        alarms.then(|| Self::Alarm(record.action().to_owned()))
    }

    fn is_wanted(&self, wanted: &[Wanted]) -> bool {
        wanted.iter().any(|wanted| match (wanted, self) {
            (Wanted::Stopped, Self::Decision(decision)) => *decision != Decision::Allow,
            (Wanted::Decision(one), Self::Decision(decision)) => one == decision,
            (Wanted::Alarm, Self::Alarm(_))
            | (Wanted::Cases, Self::Case(_))
            | (Wanted::LateMatch, Self::LateMatch(_)) => true,
            (Wanted::Case(one), Self::Case(topic)) => one == topic,
            (Wanted::Code, _) => false,
            (Wanted::Stopped | Wanted::Decision(_), Self::Alarm(_) | Self::Case(_) | Self::LateMatch(_))
            | (Wanted::Cases | Wanted::Case(_), Self::Alarm(_) | Self::Decision(_) | Self::LateMatch(_))
            | (Wanted::LateMatch, Self::Alarm(_) | Self::Decision(_) | Self::Case(_))
            | (Wanted::Alarm, Self::Decision(_) | Self::Case(_) | Self::LateMatch(_)) => false,
        })
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision(decision) => write!(f, "decision.{decision}"),
            Self::Case(topic) => f.write_str(topic.label()),
            Self::LateMatch(action) => f.write_str(action),
            Self::Alarm(action) => write!(f, "alarm.{action}"),
        }
    }
}

/// One thing that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub topic: Topic,
    /// When it happened.
    pub time: Timestamp,
    /// Further words, in the order they are told in.
    pub fields: Vec<(String, String)>,
}

impl Notice {
    /// What is told of a record to somebody who wants this; none where it is nothing to be told.
    pub fn of(record: &AuditRecord, wanted: &[Wanted]) -> Option<Self> {
        let topic = Topic::of(record).filter(|topic| topic.is_wanted(wanted))?;
        let mut fields = Vec::new();
        match topic {
            Topic::Decision(_) => {
                fields.push(("decision_id".to_owned(), record.subject().to_owned()));
                fields.extend(reference_of(record.subject()).map(|reference| ("reference".to_owned(), reference)));
                fields
                    .extend(TOLD.iter().filter_map(|name| Some(((*name).to_owned(), field(record, name)?.to_owned()))));
            }
            Topic::LateMatch(_) => {
                fields.push(("decision_id".to_owned(), record.subject().to_owned()));
                fields.extend(reference_of(record.subject()).map(|reference| ("reference".to_owned(), reference)));
                let told = |name: &&str| Some(((*name).to_owned(), field(record, name)?.to_owned()));
                fields.extend(TOLD_OF_LATE_MATCHES.iter().filter_map(told));
            }
            Topic::Case(_) => {
                fields.push(("case_id".to_owned(), record.subject().to_owned()));
                fields.extend(reference_of(record.subject()).map(|reference| ("reference".to_owned(), reference)));
                fields.extend(
                    TOLD_OF_CASES.iter().filter_map(|name| Some(((*name).to_owned(), field(record, name)?.to_owned()))),
                );
            }
            Topic::Alarm(_) => {
                if !record.subject().is_empty() {
                    fields.push(("subject".to_owned(), record.subject().to_owned()));
                }
                fields.extend(record.fields().map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
        }
        Some(Self { topic, time: record.time(), fields })
    }

    /// That events were left out because too many waited: how many so far.
    pub fn of_dropped(dropped: u64, now: Timestamp) -> Self {
        let fields = vec![("dropped".to_owned(), dropped.to_string())];
        Self { topic: Topic::Alarm("webhook.dropped".to_owned()), time: now, fields }
    }
}

fn field<'a>(record: &'a AuditRecord, name: &str) -> Option<&'a str> {
    record.fields().find(|(field, _)| *field == name).map(|(_, value)| value)
}

fn reference_of(decision_id: &str) -> Option<String> {
    let mut id = [0; 16];
    hex::decode_to_slice(decision_id, &mut id).ok()?;
    Some(reference(&id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::{Commitment, Sha256Digest};
    use crate::base::name::FeedId;
    use crate::domain::audit::event::{AuditEvent, IndicatorRef};
    use crate::domain::audit::record::Actor;

    fn told(event: AuditEvent, wanted: &[Wanted]) -> Option<(String, Vec<(String, String)>)> {
        let caller =
            Actor::Local { member: "shop".parse().expect("valid"), role: "screener", name: "till-7".to_owned() };
        let record = event.into_record(Timestamp::from_unix_s(1_795_000_000), &caller);
        Notice::of(&record, wanted).map(|notice| (notice.topic.to_string(), notice.fields))
    }

    fn decided(decision: Decision) -> AuditEvent {
        AuditEvent::ScreeningDecided {
            decision_id: "00".repeat(16),
            decision: decision.label(),
            reasons: vec!["single_indicator".to_owned(), "weak_indicator".to_owned()],
            matched: vec![IndicatorRef { member: "bank-b".parse().expect("valid"), commitment: Commitment([7; 32]) }],
            policy_sha256: Sha256Digest([1; 32]),
            degraded: false,
            anomalies: vec!["new_country", "new_device"],
            detail: None,
        }
    }

    fn silent() -> AuditEvent {
        let peer = "bank-b".parse().expect("valid");
        let feed = FeedId { member: "bank-b".parse().expect("valid"), group: "all".parse().expect("valid") };
        AuditEvent::PeerSilent { peer, feed, age_s: 300 }
    }

    #[test]
    fn a_decision_is_told_without_its_caller_and_without_those_who_reported() {
        let (topic, fields) = told(decided(Decision::Hold), &[Wanted::Stopped]).expect("it stops an order");
        let shown: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(topic, "decision.hold");
        let expected = [
            "decision_id=00000000000000000000000000000000",
            "reference=0000-0000",
            "anomalies=new_country,new_device",
            "decision=hold",
            "degraded=false",
            "matched_count=1",
            "reasons=single_indicator,weak_indicator",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn each_is_told_what_it_wants_and_nothing_else() {
        let check = |event: fn() -> AuditEvent, wanted: &[&str], topic: Option<&str>| {
            let wanted: Vec<Wanted> = wanted.iter().map(|word| word.parse().expect("an event")).collect();
            assert_eq!(told(event(), &wanted).map(|(topic, _)| topic).as_deref(), topic, "{wanted:?}");
        };
        check(|| decided(Decision::Block), &["alarm", "decision"], Some("decision.block"));
        check(|| decided(Decision::Block), &["decision.hold"], None);
        check(|| decided(Decision::Block), &["decision.hold", "decision.block"], Some("decision.block"));
        check(|| decided(Decision::Allow), &["decision"], None);
        check(|| decided(Decision::Allow), &["decision.allow"], Some("decision.allow"));
        check(silent, &["alarm"], Some("alarm.feed.silent"));
        check(silent, &["decision"], None);
        check(|| AuditEvent::NodeStopped, &["alarm", "decision"], None);
        let raised =
            || AuditEvent::QuarantineRaised { member: "bank-b".parse().expect("valid"), reason: "equivocation" };
        check(raised, &["alarm"], Some("alarm.quarantine.raised"));
        for word in ["", "decisions", "decision.", "decision.pass", "alarm.feed", "case.", "case.noted"] {
            assert_eq!(word.parse::<Wanted>(), Err(NoEvent), "{word}");
        }
    }

    #[test]
    fn a_late_match_is_told_by_its_decision_without_its_caller_and_those_who_reported() {
        let raised = AuditEvent::LateMatchRaised {
            decision_id: "00".repeat(16),
            caller: "hushwire://shop/screener/till-7".to_owned(),
            answered: "allow",
            decision: "block",
            reasons: vec!["corroborated_indicator".to_owned()],
            matched: vec![IndicatorRef { member: "bank-b".parse().expect("valid"), commitment: Commitment([7; 32]) }],
            policy_sha256: Sha256Digest([1; 32]),
        };
        let (topic, fields) = told(raised.clone(), &[Wanted::LateMatch]).expect("an order passed");
        let shown: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "decision_id=00000000000000000000000000000000",
            "reference=0000-0000",
            "answered=allow",
            "decision=block",
            "matched_count=1",
            "reasons=corroborated_indicator",
        ];
        assert_eq!((topic.as_str(), shown), ("late_match.raised", expected.map(str::to_owned).to_vec()));
        assert_eq!(told(raised, &[Wanted::Stopped, Wanted::Alarm]), None, "it is not asked for");
        let eased = AuditEvent::LateMatchEased {
            decision_id: "00".repeat(16),
            caller: "hushwire://shop/screener/till-7".to_owned(),
            answered: "allow",
            decision: "allow",
        };
        let (topic, _) = told(eased, &["late_match".parse().expect("an event")]).expect("it was told of");
        assert_eq!(topic, "late_match.eased");
    }

    #[test]
    fn what_becomes_of_a_case_is_told_to_who_asks_for_it_without_the_names_of_those_who_work_it() {
        let stepped = |action| AuditEvent::CaseStepped {
            case_id: "00".repeat(16),
            action,
            decision: "hold",
            state: "released",
            how: Some("person"),
            assignee: Some("anna".to_owned()),
            outcome: None,
            revision: 3,
        };
        let check = |action, wanted: &str, expected: Option<&[&str]>| {
            let wanted = [wanted.parse().expect("an event")];
            let fields = told(stepped(action), &wanted).map(|(_, fields)| fields);
            let shown = fields.map(|fields| fields.iter().map(|(name, value)| format!("{name}={value}")).collect());
            let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(shown, expected, "{action}");
        };
        let id = "case_id=00000000000000000000000000000000";
        let all: &[&str] = &[id, "reference=0000-0000", "decision=hold", "how=person", "state=released"];
        check("case.released", "case", Some(all));
        check("case.released", "case.released", Some(all));
        check("case.released", "case.refused", None);
        check("case.noted", "case", None);
        check("case.released", "decision", None);
        check("case.released", "alarm", None);
        check("case.released", "challenge.code", None);
    }

    #[test]
    fn an_alarm_names_its_subject_and_its_figures() {
        let (_, fields) = told(silent(), &[Wanted::Alarm]).expect("an alarm");
        let shown: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown, ["subject=bank-b/all", "age_s=300", "peer=bank-b"]);
    }
}
