//! The words of each event: action, subject, outcome and fields.
//!
//! They are stable: people filter by them, and exports keep them for years.

use crate::base::bytes::Sha256Digest;
use crate::base::kind::IdentifierKind;
use crate::base::position::EntryRange;
use crate::base::time::Timestamp;
use crate::domain::audit::asked::Asked;
use crate::domain::audit::console::ConsoleEvent;
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::{Actor, AuditRecord, Outcome};

/// The words of one event before time and actor are added.
struct Words {
    action: &'static str,
    subject: String,
    outcome: Outcome,
    fields: Vec<(&'static str, String)>,
}

fn words<const N: usize>(
    outcome: Outcome,
    action: &'static str,
    subject: impl ToString,
    fields: [(&'static str, String); N],
) -> Words {
    Words { action, subject: subject.to_string(), outcome, fields: fields.into() }
}

impl AuditEvent {
    /// The record of this event.
    pub fn into_record(self, time: Timestamp, actor: &Actor) -> AuditRecord {
        let Words { action, subject, outcome, fields } = self.into_words();
        AuditRecord::new(time, actor, action, &subject, outcome, fields)
    }

    fn into_words(self) -> Words {
        use Outcome::{Fault, Ok, Refused};
        match self {
            Self::NodeStarted { version, incarnation } => words(
                Ok,
                "node.started",
                "",
                [("incarnation", hex::encode(incarnation.0)), ("version", version.to_owned())],
            ),
            Self::NodeStopped => words(Ok, "node.stopped", "", []),
            Self::NodeFenced { reason } => words(Fault, "node.fenced", "", [("reason", reason.to_owned())]),
            Self::NodeRecovered { feed, size } => words(Ok, "node.recovered", feed, [("size", size.to_string())]),
            Self::IndicatorPublished { indicator, kind, epoch, group, weak } => words(
                Ok,
                "indicator.published",
                indicator.name(),
                [
                    ("epoch", epoch.to_string()),
                    ("group", group.to_string()),
                    ("kind", kind.label().to_owned()),
                    ("weak", weak.to_string()),
                ],
            ),
            Self::PublicationRefused { kind, field, rule, drafts } => words(
                Refused,
                "publication.refused",
                "",
                [
                    ("drafts", drafts.to_string()),
                    ("field", field.to_owned()),
                    ("kind", kind.map_or("unknown", IdentifierKind::label).to_owned()),
                    ("rule", rule.to_owned()),
                ],
            ),
            Self::IndicatorRetracted { indicator, reason } => {
                words(Ok, "indicator.retracted", indicator.name(), [("reason", reason.to_owned())])
            }
            Self::EntryErased { indicator, reason } => {
                words(Ok, "entry.erased", indicator.name(), [("reason", reason.to_owned())])
            }
            Self::ErasureAsked { erasure_id, reason, indicators } => words(
                Ok,
                "erasure.asked",
                erasure_id,
                [("indicators", indicators.to_string()), ("reason", reason.to_owned())],
            ),
            Self::ErasureConfirmed { erasure_id, asked_by, indicators } => words(
                Ok,
                "erasure.confirmed",
                erasure_id,
                [("asked_by", asked_by), ("indicators", indicators.to_string())],
            ),
            Self::ErasureRefused { erasure_id, rule } => {
                words(Refused, "erasure.refused", erasure_id, [("rule", rule.to_owned())])
            }
            Self::BatchDelivered { peer, feed, range } => {
                let [from, until] = bounds(range);
                words(Ok, "feed.delivered", feed, [("from", from), ("peer", peer.to_string()), ("until", until)])
            }
            Self::BatchReceived { from, feed, range } => {
                let [start, until] = bounds(range);
                words(Ok, "feed.received", feed, [("from", start), ("peer", from.to_string()), ("until", until)])
            }
            Self::PeerFault { peer, feed, rule, evidence_sha256 } => {
                let subject = feed.map_or_else(|| peer.to_string(), |feed| feed.to_string());
                let mut words =
                    words(Fault, "peer.fault", subject, [("peer", peer.to_string()), ("rule", rule.to_owned())]);
                words.fields.extend(evidence_sha256.map(|digest| ("evidence_sha256", digest.to_string())));
                words
            }
            Self::EquivocationProved { feed, first_size, second_size } => words(
                Fault,
                "feed.equivocated",
                feed,
                [("first_size", first_size.to_string()), ("second_size", second_size.to_string())],
            ),
            Self::QuarantineRaised { member, reason } => {
                words(Ok, "quarantine.raised", member, [("reason", reason.to_owned())])
            }
            Self::IndicatorQuarantined { quarantine_id, member, kind, reason, matched, transactions } => words(
                Ok,
                "quarantine.indicator",
                member,
                [
                    ("kind", kind.label().to_owned()),
                    ("matched", matched.to_string()),
                    ("quarantine_id", quarantine_id),
                    ("reason", reason.to_owned()),
                    ("transactions", transactions.to_string()),
                ],
            ),
            Self::QuarantineLiftAsked { quarantine_id, member } => {
                words(Ok, "quarantine.lift_asked", member, [("quarantine_id", quarantine_id)])
            }
            Self::IndicatorUnquarantined { quarantine_id, member, asked_by } => words(
                Ok,
                "quarantine.indicator_lifted",
                member,
                [("asked_by", asked_by), ("quarantine_id", quarantine_id)],
            ),
            Self::QuarantineKept { quarantine_id, member } => {
                words(Ok, "quarantine.kept", member, [("quarantine_id", quarantine_id)])
            }
            Self::QuarantineLiftRefused { quarantine_id, rule } => {
                words(Refused, "quarantine.lift_refused", quarantine_id, [("rule", rule.to_owned())])
            }
            Self::QuarantineLifted { member, reason } => {
                words(Ok, "quarantine.lifted", member, [("reason", reason.to_owned())])
            }
            Self::PeerSilent { peer, feed, age_s } => {
                words(Fault, "feed.silent", feed, [("age_s", age_s.to_string()), ("peer", peer.to_string())])
            }
            Self::CheckpointCosigned { feed, size } => {
                words(Ok, "checkpoint.cosigned", feed, [("size", size.to_string())])
            }
            Self::ScreeningDecided {
                decision_id,
                decision,
                reasons,
                matched,
                policy_sha256,
                degraded,
                anomalies,
                detail,
            } => {
                let mut words = words(
                    Ok,
                    "screening.decided",
                    decision_id,
                    [
                        ("decision", decision.to_owned()),
                        ("degraded", degraded.to_string()),
                        ("matched_count", matched.len().to_string()),
                        ("policy_sha256", policy_sha256.to_string()),
                        ("reasons", reasons.join(",")),
                    ],
                );
                words.fields.extend((!anomalies.is_empty()).then(|| ("anomalies", anomalies.join(","))));
                words.with_matches(&matched).with_detail(detail)
            }
            Self::ScreeningsCounted { minute, allowed, challenged, held, blocked } => words(
                Ok,
                "screening.counted",
                minute,
                [
                    ("allowed", allowed.to_string()),
                    ("blocked", blocked.to_string()),
                    ("challenged", challenged.to_string()),
                    ("held", held.to_string()),
                ],
            ),
            Self::LateMatchRaised { decision_id, caller, answered, decision, reasons, matched, policy_sha256 } => {
                words(
                    Ok,
                    "late_match.raised",
                    decision_id,
                    [
                        ("answered", answered.to_owned()),
                        ("caller", caller),
                        ("decision", decision.to_owned()),
                        ("matched_count", matched.len().to_string()),
                        ("policy_sha256", policy_sha256.to_string()),
                        ("reasons", reasons.join(",")),
                    ],
                )
                .with_matches(&matched)
            }
            Self::LateMatchEased { decision_id, caller, answered, decision } => words(
                Ok,
                "late_match.eased",
                decision_id,
                [("answered", answered.to_owned()), ("caller", caller), ("decision", decision.to_owned())],
            ),
            Self::CaseOpened { case_id, decision, due } => {
                words(Ok, "case.opened", case_id, [("decision", decision.to_owned()), ("due", due.to_string())])
            }
            Self::CaseStepped { case_id, action, decision, state, how, assignee, outcome, revision } => {
                let mut words = words(
                    Ok,
                    action,
                    case_id,
                    [
                        ("decision", decision.to_owned()),
                        ("revision", revision.to_string()),
                        ("state", state.to_owned()),
                    ],
                );
                words.fields.extend(how.map(|how| ("how", how.to_owned())));
                words.fields.extend(assignee.map(|assignee| ("assignee", assignee)));
                words.fields.extend(outcome.map(|outcome| ("reported", outcome.to_owned())));
                words
            }
            Self::CaseStepRefused { case_id, step, rule } => {
                words(Refused, "case.step_refused", case_id, [("rule", rule.to_owned()), ("step", step.to_owned())])
            }
            Self::ChallengeMissed { case_id, left } => {
                words(Refused, "case.challenge_missed", case_id, [("left", left.to_string())])
            }
            Self::AuthenticatorChanged { enrolled } => {
                words(Ok, if enrolled { "authenticator.enrolled" } else { "authenticator.removed" }, "", [])
            }
            Self::CasesUnopened { cases } => words(Fault, "case.unopened", "", [("cases", cases.to_string())]),
            Self::OutcomeReported { decision_id, outcome } => {
                words(Ok, "screening.outcome", decision_id, [("reported", outcome.to_owned())])
            }
            Self::SightingReceived { indicator, from, outcome } => words(
                Ok,
                "sighting.received",
                indicator.name(),
                [("from", from.to_string()), ("seen", outcome.to_owned())],
            ),
            Self::DisputeStepped { indicator, action, reason, answers } => words(
                Ok,
                action,
                indicator.name(),
                [
                    ("answers", answers.map(|member| member.to_string()).unwrap_or_default()),
                    ("reason", reason.to_owned()),
                ],
            ),
            Self::GapRecorded { from, until, records_lost } => words(
                Fault,
                "audit.gap",
                "",
                [
                    ("from", from.to_string()),
                    ("records_lost", records_lost.map_or_else(|| "unknown".to_owned(), |lost| lost.to_string())),
                    ("until", until.to_string()),
                ],
            ),
            Self::RosterApplied { version, sha256 } => {
                words(Ok, "roster.applied", version, [("sha256", sha256.to_string())])
            }
            Self::RosterRefused { rule } => words(Refused, "roster.refused", "", [("rule", rule.to_owned())]),
            Self::EpochActivated { epoch, epoch_id } => {
                words(Ok, "epoch.activated", epoch, [("epoch_id", epoch_id.to_string())])
            }
            Self::KeyChanged { key, fingerprint } => {
                words(Ok, "key.changed", key, [("fingerprint", fingerprint.to_string())])
            }
            Self::GuardListsLoaded { sha256 } => words(Ok, "guard.loaded", "", [("sha256", sha256.to_string())]),
            Self::PolicyLoaded { policy, sha256 } => {
                words(Ok, "policy.loaded", policy, [("sha256", sha256.to_string())])
            }
            Self::PolicyRefused { sha256, line, faults } => words(
                Refused,
                "policy.refused",
                "",
                [("faults", faults.to_string()), ("line", line.to_string()), ("sha256", sha256.to_string())],
            ),
            Self::CallRefused { method, reason } => {
                words(Refused, "call.refused", method, [("reason", reason.to_owned())])
            }
            Self::AuditListed { asked, records, more } => {
                let fields = [("more", more.to_string()), ("records", records.to_string())];
                words(Ok, "audit.listed", "", fields).with_asked(asked)
            }
            Self::AuditExtracted { asked, form, records } => {
                let fields = [("form", form.to_owned()), ("records", records.to_string())];
                words(Ok, "audit.extracted", "", fields).with_asked(asked)
            }
            Self::Looked(looks) => {
                let (action, subject, fields) = looks.words();
                Words { action, subject, outcome: Ok, fields }
            }
            Self::AuditExported { from, until } => {
                words(Ok, "audit.exported", "", [("from", from.to_string()), ("until", until.to_string())])
            }
            Self::AuditReported { period, first, end, size } => words(
                Ok,
                "audit.reported",
                "",
                [
                    ("end", end.to_string()),
                    ("first", first.0.to_string()),
                    ("from", period.from().to_string()),
                    ("size", size.to_string()),
                    ("until", period.until().to_string()),
                ],
            ),
            Self::HoldPlaced { hold_id, scope, held, reason } => words(
                Ok,
                "hold.placed",
                hold_id,
                [("held", held), ("reason", reason.to_owned()), ("scope", scope.to_owned())],
            ),
            Self::HoldLiftAsked { hold_id } => words(Ok, "hold.lift_asked", hold_id, []),
            Self::HoldLifted { hold_id, asked_by } => words(Ok, "hold.lifted", hold_id, [("asked_by", asked_by)]),
            Self::HoldRefused { hold_id, rule } => words(Refused, "hold.refused", hold_id, [("rule", rule.to_owned())]),
            Self::HoldsListed { holds } => words(Ok, "hold.listed", "", [("holds", holds.to_string())]),
            Self::AuditProved { index: Some(index) } => words(Ok, "audit.proved", index, []),
            Self::AuditProved { index: None } => words(Ok, "audit.proved", "", [("found", false.to_string())]),
            Self::DecisionExplained { by, decision_id, found } => {
                words(Ok, "decision.explained", decision_id, [("by", by.to_owned()), ("found", found.to_string())])
            }
            Self::StatisticsReleased { release_id, query, from, until, epsilon_nano, spent_nano } => words(
                Ok,
                "statistics.released",
                release_id,
                [
                    ("epsilon_nano", epsilon_nano.to_string()),
                    ("from_day", from.0.to_string()),
                    ("query", query.to_owned()),
                    ("spent_nano", spent_nano.to_string()),
                    ("until_day", until.0.to_string()),
                ],
            ),
            Self::StatisticsRefused { release_id, rule } => {
                words(Refused, "statistics.refused", release_id, [("rule", rule.to_owned())])
            }
            Self::StatisticsSkipped { release_id, query, epsilon_nano, spent_nano } => words(
                Refused,
                "statistics.skipped",
                release_id,
                [
                    ("epsilon_nano", epsilon_nano.to_string()),
                    ("query", query.to_owned()),
                    ("spent_nano", spent_nano.to_string()),
                ],
            ),
            // Not a fault of this node's: as one it would be an event itself, for a receiver that refuses events.
            Self::WebhookRefused { webhook, record, status } => words(
                Refused,
                "webhook.refused",
                webhook,
                [("record", record.0.to_string()), ("status", status.to_string())],
            ),
            Self::CommandDone(done) => {
                let (action, subject, fields) = done.words();
                Words { action, subject, outcome: Ok, fields }
            }
            Self::Console(ConsoleEvent { user, what }) => {
                let (action, outcome, fields) = what.words();
                Words { action, subject: user.to_string(), outcome, fields }
            }
            Self::SignInsRefused { since, unknown, closed, enrolments } => words(
                Refused,
                "console.sign_ins_refused",
                "",
                [
                    ("closed", closed.to_string()),
                    ("enrolments", enrolments.to_string()),
                    ("since", since.to_string()),
                    ("unknown", unknown.to_string()),
                ],
            ),
            Self::StoreDamaged { part } => words(Fault, "store.damaged", part, []),
            Self::StoreRepaired { part } => words(Ok, "store.repaired", part, []),
            Self::EntriesUnbelieved { feed, rule, entries } => {
                words(Fault, "feed.unbelieved", feed, [("entries", entries.to_string()), ("rule", rule.to_owned())])
            }
            Self::IdentifierListed { list, kind, reason, until } => {
                let mut words =
                    words(Ok, "list.added", list, [("kind", kind.label().to_owned()), ("reason", reason.to_owned())]);
                words.fields.extend(until.map(|until| ("until", until.to_string())));
                words
            }
            Self::IdentifierDelisted { list, kind } => {
                words(Ok, "list.removed", list, [("kind", kind.label().to_owned())])
            }
            Self::IdentifierLookedUp { kind, statements, decisions } => words(
                Ok,
                "identifier.looked_up",
                "",
                [
                    ("decisions", decisions.to_string()),
                    ("kind", kind.label().to_owned()),
                    ("statements", statements.to_string()),
                ],
            ),
            Self::ProfileShown { customer, found } => {
                words(Ok, "profile.shown", customer, [("found", found.to_string())])
            }
            Self::ProfileErased { customer, found } => {
                words(Ok, "profile.erased", customer, [("found", found.to_string())])
            }
            Self::DecoyPublished { indicator, group } => {
                words(Ok, "decoy.published", indicator.name(), [("group", group.to_string())])
            }
            Self::AuditLogDiverged { peer, witnessed, held } => words(
                Fault,
                "audit.diverged",
                "",
                [("held", held.to_string()), ("peer", peer.to_string()), ("witnessed", witnessed.to_string())],
            ),
            Self::StoreSalvaged { publications, charges, audit_kept, audit_whole } => words(
                Ok,
                "store.salvaged",
                "journal",
                [
                    ("audit_kept", audit_kept.to_string()),
                    ("audit_whole", audit_whole.to_string()),
                    ("charges", charges.to_string()),
                    ("publications", publications.to_string()),
                ],
            ),
        }
    }
}

/// Names of the fields that hold the matched indicators of a decision, strongest first.
const MATCHED: [&str; 16] = [
    "matched_00",
    "matched_01",
    "matched_02",
    "matched_03",
    "matched_04",
    "matched_05",
    "matched_06",
    "matched_07",
    "matched_08",
    "matched_09",
    "matched_10",
    "matched_11",
    "matched_12",
    "matched_13",
    "matched_14",
    "matched_15",
];

impl Words {
    /// Names the first matches; `matched_count` tells of the others.
    fn with_matches(mut self, matched: &[IndicatorRef]) -> Self {
        self.fields.extend(MATCHED.into_iter().zip(matched.iter().map(IndicatorRef::name)));
        self
    }

    /// Tells what was asked for.
    fn with_asked(mut self, asked: Asked) -> Self {
        self.fields.extend(asked.fields());
        self
    }

    /// Binds what stands behind it.
    fn with_detail(mut self, detail: Option<Sha256Digest>) -> Self {
        self.fields.extend(detail.map(|digest| ("detail_sha256", digest.to_string())));
        self
    }
}

fn bounds(range: EntryRange) -> [String; 2] {
    [range.start().to_string(), range.end().to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Commitment;
    use crate::base::epoch::KeyEpoch;
    use crate::base::name::{FeedId, MemberId};
    use crate::base::position::{EntryIndex, TreeSize};

    fn member(name: &str) -> MemberId {
        name.parse().expect("valid")
    }

    fn rendered(event: AuditEvent) -> String {
        let record = event.into_record(Timestamp::from_unix_ms(0), &Actor::Node);
        assert_eq!(AuditRecord::decode(&record.encode()).as_ref(), Ok(&record), "an event survives its bytes");
        record.to_string()
    }

    #[test]
    fn a_publication_names_the_indicator_and_not_the_identifier() {
        let indicator = IndicatorRef { member: member("bank-a"), commitment: Commitment([0xAB; 32]) };
        let event = AuditEvent::IndicatorPublished {
            indicator,
            kind: IdentifierKind::Pan,
            epoch: KeyEpoch(3),
            group: "all".parse().expect("valid"),
            weak: false,
        };
        assert_eq!(
            rendered(event),
            format!(
                "1970-01-01T00:00:00.000Z ok indicator.published members/bank-a/indicators/{} by node \
                 epoch=3 group=all kind=pan weak=false",
                "ab".repeat(32)
            )
        );
    }

    #[test]
    fn a_decision_lists_its_matches_up_to_the_limit_and_counts_all() {
        let matched: Vec<IndicatorRef> = (0u8..20)
            .map(|byte| IndicatorRef { member: member("bank-b"), commitment: Commitment([byte; 32]) })
            .collect();
        let text = rendered(AuditEvent::ScreeningDecided {
            decision_id: "d-1".into(),
            decision: "block",
            reasons: vec!["corroborated_indicator".to_owned()],
            matched,
            policy_sha256: Sha256Digest([1; 32]),
            degraded: false,
            anomalies: Vec::new(),
            detail: Some(Sha256Digest([2; 32])),
        });
        assert!(text.contains(&format!(" detail_sha256={} ", "02".repeat(32))), "{text}");
        assert!(text.contains("matched_15=") && !text.contains("matched_16="));
        assert!(text.contains("matched_count=20"));
    }

    #[test]
    fn a_delivery_tells_peer_feed_and_range() {
        let feed = FeedId { member: member("bank-a"), group: "all".parse().expect("valid") };
        let range = EntryRange::new(EntryIndex(5), TreeSize(9)).expect("not empty");
        let text = rendered(AuditEvent::BatchDelivered { peer: member("shop"), feed, range });
        assert_eq!(text, "1970-01-01T00:00:00.000Z ok feed.delivered bank-a/all by node from=5 peer=shop until=9");
    }

    #[test]
    fn a_fault_without_a_feed_is_about_the_peer() {
        let text = rendered(AuditEvent::PeerFault {
            peer: member("shop"),
            feed: None,
            rule: "unknown_version",
            evidence_sha256: None,
        });
        assert_eq!(text, "1970-01-01T00:00:00.000Z fault peer.fault shop by node peer=shop rule=unknown_version");
    }
}
