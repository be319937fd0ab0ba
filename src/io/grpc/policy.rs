//! `hushwire.local.v1.PolicyService`: answered from memory.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::domain::screening::decision::Decision;
use crate::domain::screening::policy::rule::{Heard, Rule};
use crate::io::grpc::convert::{self, wire_decision};
use crate::io::grpc::wire::hushwire::local::v1::policy_service_server::PolicyService;
use crate::io::grpc::wire::hushwire::local::v1::{
    CandidateCount, CandidatePolicy, GetPolicyRequest, GetPolicyResponse, PolicyRule,
};
use crate::io::policies::{Candidate, Loaded};
use crate::io::screener::Screener;

/// The service over one screener.
#[derive(Debug)]
pub struct PolicyDesk {
    pub screener: Arc<Screener>,
}

#[tonic::async_trait]
impl PolicyService for PolicyDesk {
    async fn get_policy(&self, _: Request<GetPolicyRequest>) -> Result<Response<GetPolicyResponse>, Status> {
        let policies = &self.screener.policies;
        let live = policies.live();
        let rules = live.policy.rules().iter().enumerate();
        Ok(Response::new(GetPolicyResponse {
            policy_name: live.policy.title(),
            policy_sha256: live.policy.digest().to_string(),
            text: live.policy.text().to_owned(),
            rules: rules.map(|(place, rule)| wire_rule(&live, place, rule)).collect(),
            candidate: policies.candidate().map(|candidate| wire_candidate(&candidate)),
            refused_files: policies.refused.value(),
        }))
    }
}

fn wire_rule(live: &Loaded, place: usize, rule: &Rule) -> PolicyRule {
    PolicyRule {
        name: rule.name.to_string(),
        description: rule.description.0.clone(),
        decision: wire_decision(rule.decision).into(),
        mode: rule.mode.label().to_owned(),
        snoozed_until: rule.snoozed_until.map(convert::wire_time),
        hits_live: live.hits(place, Heard::Live),
        hits_shadow: live.hits(place, Heard::Shadow),
        hits_snoozed: live.hits(place, Heard::Snoozed),
    }
}

fn wire_candidate(candidate: &Candidate) -> CandidatePolicy {
    let pairs = Decision::ALL.into_iter().flat_map(|decided| Decision::ALL.map(|would_decide| (decided, would_decide)));
    let counts = pairs.map(|(decided, would_decide)| CandidateCount {
        decided: wire_decision(decided).into(),
        would_decide: wire_decision(would_decide).into(),
        count: candidate.counted(decided, would_decide),
    });
    CandidatePolicy {
        policy_name: candidate.policy.title(),
        policy_sha256: candidate.policy.digest().to_string(),
        counts: counts.filter(|pair| pair.count > 0).collect(),
    }
}
