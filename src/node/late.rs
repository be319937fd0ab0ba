//! Puts late matches on record: from there webhooks, watchers and the desk's cases hear of them, after a restart too.
//!
//! 1 the audit record · 2 a case: opened, or where the decision has one, a note in it, and no challenge that waits releases the
//! order any more · 3 one commit.

use rand::CryptoRng;

use crate::base::bytes::{LocalMac, Sha256Digest};
use crate::base::time::Timestamp;
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::case::state::Step;
use crate::domain::case::{CaseId, Evidence, Opening, Taken};
use crate::domain::indicator::note::Note;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::late::judge::{Judged, News};
use crate::domain::screening::late::window::Held;
use crate::node::Node;
use crate::node::case_stored::stored_opening;
use crate::node::commit::{Commit, change};
use crate::node::store::{Journal, StorageFault, Views};

/// An order that passed, judged again.
#[derive(Debug, Clone)]
pub struct LateMatch {
    /// Of its decision.
    pub id: CaseId,
    /// Who screened it, as the audit log names callers.
    pub caller: String,
    pub answered: Decision,
    /// What would be answered now.
    pub decision: Decision,
    pub news: News,
    pub reasons: Vec<String>,
    pub evidence: Vec<Evidence>,
    pub policy_sha256: Sha256Digest,
    pub amount_minor: i64,
    pub currency: String,
    /// Keyed fingerprints of the caller's references.
    pub transaction: Option<LocalMac>,
    pub customer: Option<LocalMac>,
}

impl LateMatch {
    pub fn of(held: &Held<'_>, judged: &Judged, news: News) -> Self {
        let (order, screening) = (held.order(), &judged.screening);
        let (amount_minor, currency) = order.outline.amount();
        Self {
            id: CaseId(order.id),
            caller: held.caller().to_owned(),
            answered: order.answered,
            decision: judged.decision,
            news,
            reasons: screening.reasons.iter().map(|reason| reason.code.name().to_owned()).collect(),
            evidence: Evidence::of(screening),
            policy_sha256: screening.policy_sha256,
            amount_minor,
            currency: currency.to_owned(),
            transaction: order.transaction,
            customer: order.customer,
        }
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    pub fn record_late_matches(
        &mut self,
        matches: Vec<LateMatch>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        matches.into_iter().try_for_each(|late| self.record_late_match(late, now, rng))
    }

    fn record_late_match(
        &mut self,
        late: LateMatch,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let mut commit = Commit::default();
        let mut events = vec![event(&late)];
        if let Some(case) = self.state.cases.get(&late.id) {
            let by = Actor::Node.to_string();
            let tighten = Step::Tighten { to: late.decision, evidence: late.evidence.clone() };
            let steps = [tighten, Step::Note(note(&late))];
            let steps = steps.map(|step| Taken { at: now, person: by.clone(), by: by.clone(), step });
            // What can be taken: nothing stops an order any more that is released or refused, and notes have an end.
            let steps: Vec<Taken> = steps.into_iter().filter(|taken| case.check(taken).is_ok()).collect();
            events.extend(self.stage_steps(late.id, &steps, &mut commit)?);
        } else if late.news == News::Stricter && self.state.cases.make_room(&late.caller) {
            let opening = opening(late, now, self.state.settings.cases.due(now));
            commit.push(change::Kind::CaseOpened(stored_opening(&opening, self.state.audit.size().0)));
            let (case_id, decision) = (opening.id.to_string(), opening.decision.label());
            events.push(AuditEvent::CaseOpened { case_id, decision, due: opening.due });
        }
        self.commit(commit, &Actor::Node, events, now, rng)
    }
}

fn event(late: &LateMatch) -> AuditEvent {
    let (decision_id, caller) = (late.id.to_string(), late.caller.clone());
    let (answered, decision) = (late.answered.label(), late.decision.label());
    let matched = late.evidence.iter();
    let matched = matched.map(|one| IndicatorRef { member: one.member.clone(), commitment: one.commitment });
    match late.news {
        News::Stricter => AuditEvent::LateMatchRaised {
            decision_id,
            caller,
            answered,
            decision,
            reasons: late.reasons.clone(),
            matched: matched.collect(),
            policy_sha256: late.policy_sha256,
        },
        News::Eased => AuditEvent::LateMatchEased { decision_id, caller, answered, decision },
    }
}

/// What whoever works the case has to know.
fn note(late: &LateMatch) -> Note {
    let text = match late.news {
        News::Stricter => format!("late match: what was said since asks for {}", late.decision),
        News::Eased => {
            format!("late match: what was said since was taken back or has ended; it leaves {}", late.decision)
        }
    };
    Note::new(&text).expect("plain words within the length of a note")
}

fn opening(late: LateMatch, at: Timestamp, due: Timestamp) -> Opening {
    let LateMatch { id, caller, answered, decision, reasons, evidence, policy_sha256, .. } = late;
    let LateMatch { amount_minor, currency, transaction, customer, .. } = late;
    Opening {
        id,
        caller,
        at,
        decision,
        answered: Some(answered),
        reasons,
        evidence,
        policy_sha256,
        amount_minor,
        currency,
        transaction,
        customer,
        due,
    }
}
