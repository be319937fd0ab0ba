//! Puts late matches on record: from there webhooks and watchers hear of them, after a restart too.

use rand::CryptoRng;

use crate::base::bytes::Sha256Digest;
use crate::base::time::Timestamp;
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::late::judge::News;
use crate::node::Node;
use crate::node::commit::Commit;
use crate::node::store::{Journal, StorageFault, Views};

/// An order that passed, judged again.
#[derive(Debug, Clone)]
pub struct LateMatch {
    /// As it was answered.
    pub decision_id: String,
    /// Who screened it, as the audit log names callers.
    pub caller: String,
    pub answered: Decision,
    /// What would be answered now.
    pub decision: Decision,
    pub news: News,
    pub reasons: Vec<String>,
    pub matched: Vec<IndicatorRef>,
    pub policy_sha256: Sha256Digest,
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

    /// One commit for each: whatever else an order sets going (a case) belongs into the same one.
    fn record_late_match(
        &mut self,
        late: LateMatch,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let LateMatch { decision_id, caller, answered, decision, news, reasons, matched, policy_sha256 } = late;
        let (answered, decision) = (answered.label(), decision.label());
        let event = match news {
            News::Stricter => {
                AuditEvent::LateMatchRaised { decision_id, caller, answered, decision, reasons, matched, policy_sha256 }
            }
            News::Eased => AuditEvent::LateMatchEased { decision_id, caller, answered, decision },
        };
        self.commit(Commit::default(), &Actor::Node, vec![event], now, rng)
    }
}
