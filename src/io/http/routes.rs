//! Which path stands for which method: one table, from which the door routes and the description is made.

use prost_reflect::{DescriptorPool, MethodDescriptor};

use crate::io::grpc::roles::METHODS;

/// The verb of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Fields come in the query; nothing changes.
    Get,
    /// The message comes in the body.
    Post,
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// One route. A segment `{field}` of the path is a field of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub verb: Verb,
    pub path: &'static str,
    /// Full path of the method.
    pub method: &'static str,
}

const fn get(path: &'static str, method: &'static str) -> Route {
    Route { verb: Verb::Get, path, method }
}

const fn post(path: &'static str, method: &'static str) -> Route {
    Route { verb: Verb::Post, path, method }
}

/// Every route. Custom verbs stand behind a colon (AIP-136).
pub const ROUTES: &[Route] = &[
    post("/v1/transactions:screen", "/hushwire.local.v1.ScreeningService/ScreenTransaction"),
    post("/v1/transactions:batchScreen", "/hushwire.local.v1.ScreeningService/ScreenTransactions"),
    get("/v1/advice/{key}", "/hushwire.local.v1.ScreeningService/GetAdvice"),
    post("/v1/indicators", "/hushwire.local.v1.PublishingService/PublishIndicators"),
    post("/v1/indicators:retract", "/hushwire.local.v1.PublishingService/RetractIndicators"),
    post("/v1/indicators:erase", "/hushwire.local.v1.PublishingService/EraseIndicators"),
    post("/v1/indicators:confirmErasure", "/hushwire.local.v1.PublishingService/ConfirmErasure"),
    get("/v1/indicators:due", "/hushwire.local.v1.PublishingService/ListDueForRepublication"),
    get("/v1/lists", "/hushwire.local.v1.ListsService/ListListed"),
    post("/v1/lists:add", "/hushwire.local.v1.ListsService/AddListed"),
    post("/v1/lists:remove", "/hushwire.local.v1.ListsService/RemoveListed"),
    get("/v1/quarantine", "/hushwire.local.v1.BrakeService/ListQuarantined"),
    post("/v1/quarantine:lift", "/hushwire.local.v1.BrakeService/LiftQuarantine"),
    post("/v1/quarantine:keep", "/hushwire.local.v1.BrakeService/KeepQuarantined"),
    get("/v1/sightings", "/hushwire.local.v1.FeedbackService/ListSightings"),
    get("/v1/disputes", "/hushwire.local.v1.FeedbackService/ListDisputes"),
    post("/v1/disputes", "/hushwire.local.v1.FeedbackService/DisputeIndicator"),
    post("/v1/disputes:withdraw", "/hushwire.local.v1.FeedbackService/WithdrawDispute"),
    post("/v1/disputes:answer", "/hushwire.local.v1.FeedbackService/AnswerDispute"),
    // The reference comes in the body: paths and queries end up in logs.
    post("/v1/profiles:show", "/hushwire.local.v1.ProfilesService/ShowProfile"),
    post("/v1/profiles:erase", "/hushwire.local.v1.ProfilesService/EraseProfile"),
    get("/v1/cases", "/hushwire.local.v1.CaseService/ListCases"),
    post("/v1/cases:find", "/hushwire.local.v1.CaseService/GetCase"),
    get("/v1/cases/{case_id}", "/hushwire.local.v1.CaseService/GetCase"),
    post("/v1/cases:assign", "/hushwire.local.v1.CaseService/AssignCase"),
    post("/v1/cases:note", "/hushwire.local.v1.CaseService/AddNote"),
    post("/v1/cases:release", "/hushwire.local.v1.CaseService/ReleaseCase"),
    post("/v1/cases:confirmRelease", "/hushwire.local.v1.CaseService/ConfirmRelease"),
    post("/v1/cases:refuse", "/hushwire.local.v1.CaseService/RefuseCase"),
    post("/v1/cases:reopen", "/hushwire.local.v1.CaseService/ReopenCase"),
    post("/v1/cases:resolve", "/hushwire.local.v1.CaseService/ResolveCase"),
    post("/v1/decisions:reportOutcome", "/hushwire.local.v1.CaseService/ReportOutcome"),
    post("/v1/challenges:start", "/hushwire.local.v1.ChallengeService/StartChallenge"),
    post("/v1/challenges:answer", "/hushwire.local.v1.ChallengeService/AnswerChallenge"),
    post("/v1/challenges:report", "/hushwire.local.v1.ChallengeService/ReportChallenge"),
    post("/v1/challenges:enrolTotp", "/hushwire.local.v1.ChallengeService/EnrolTotp"),
    post("/v1/challenges:removeTotp", "/hushwire.local.v1.ChallengeService/RemoveTotp"),
    get("/v1/policy", "/hushwire.local.v1.PolicyService/GetPolicy"),
    get("/v1/users", "/hushwire.local.v1.UserService/ListUsers"),
    post("/v1/users", "/hushwire.local.v1.UserService/CreateUser"),
    post("/v1/users:setRoles", "/hushwire.local.v1.UserService/SetUserRoles"),
    post("/v1/users:disable", "/hushwire.local.v1.UserService/DisableUser"),
    post("/v1/users:enable", "/hushwire.local.v1.UserService/EnableUser"),
    post("/v1/users:reset", "/hushwire.local.v1.UserService/ResetUser"),
    post("/v1/users:remove", "/hushwire.local.v1.UserService/RemoveUser"),
    post("/v1/users:endSessions", "/hushwire.local.v1.UserService/EndSessions"),
    get("/v1/activity", "/hushwire.local.v1.OversightService/GetActivity"),
    // The value comes in the body: paths and queries end up in logs.
    post("/v1/identifiers:lookUp", "/hushwire.local.v1.OversightService/LookUpIdentifier"),
    get("/v1/indicators", "/hushwire.local.v1.OversightService/ListOwnIndicators"),
    get("/v1/status", "/hushwire.local.v1.NodeService/GetStatus"),
    post("/v1/roster:apply", "/hushwire.local.v1.NodeService/ApplyRoster"),
    get("/v1/audit/records", "/hushwire.compliance.v1.AuditService/ListAuditRecords"),
    post("/v1/audit/records:prove", "/hushwire.compliance.v1.AuditService/ProveAuditRecord"),
    get("/v1/decisions/{decision_id}", "/hushwire.compliance.v1.AuditService/ProveAuditRecord"),
    post("/v1/decisions:explain", "/hushwire.compliance.v1.AuditService/ExplainDecision"),
    get("/v1/decisions/{decision_id}/explanation", "/hushwire.compliance.v1.AuditService/ExplainDecision"),
    get("/v1/audit/size", "/hushwire.compliance.v1.AuditService/GetAuditSize"),
    get("/v1/audit/holds", "/hushwire.compliance.v1.AuditService/ListHolds"),
    post("/v1/audit/holds", "/hushwire.compliance.v1.AuditService/PlaceHold"),
    post("/v1/audit/holds:lift", "/hushwire.compliance.v1.AuditService/LiftHold"),
    post("/v1/audit/holds:confirmLift", "/hushwire.compliance.v1.AuditService/ConfirmHoldLift"),
    post("/v1/statistics:release", "/hushwire.compliance.v1.StatisticsService/ReleaseStatistics"),
    get("/v1/statistics/releases", "/hushwire.compliance.v1.StatisticsService/ListReleases"),
    get("/v1/statistics/sum", "/hushwire.compliance.v1.StatisticsService/SumReleases"),
    get("/v1/statistics/budget", "/hushwire.compliance.v1.StatisticsService/GetBudget"),
];

/// Methods without a route, and why.
pub const GRPC_ONLY: &[(&str, &str)] = &[
    ("/hushwire.compliance.v1.AuditService/ExportAuditLog", "a stream without end in sight: hushwire audit export"),
    ("/hushwire.local.v1.LateMatchService/WatchLateMatches", "a stream without end: the webhook event late_match"),
    (
        "/hushwire.compliance.v1.AuditService/ReportPeriod",
        "a stream that may be long: hushwire audit prove --from --to",
    ),
    (
        "/hushwire.local.v1.CaseService/WatchCases",
        "a stream without end: hushwire case watch, or the webhook events of cases",
    ),
    ("/grpc.health.v1.Health/Check", "gRPC's own"),
    ("/grpc.health.v1.Health/Watch", "gRPC's own"),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "gRPC's own; HTTP has its OpenAPI description"),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "gRPC's own"),
];

/// Where the description of all this is.
pub const OPENAPI_PATH: &str = "/v1/openapi.json";

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// A route, with the fields in its path.
    Route(usize, Vec<(&'static str, &'a str)>),
    /// The path exists with these verbs.
    OtherVerb(Vec<&'static str>),
    Nothing,
}

/// Finds the route of a request. Segments are compared as they come: no route needs an escape.
pub fn find<'a>(verb: &str, path: &'a str) -> Found<'a> {
    let mut others = Vec::new();
    for (number, route) in ROUTES.iter().enumerate() {
        let Some(fields) = matches(route.path, path) else { continue };
        if route.verb.as_str() == verb {
            return Found::Route(number, fields);
        }
        others.push(route.verb.as_str());
    }
    if others.is_empty() { Found::Nothing } else { Found::OtherVerb(others) }
}

fn matches<'a>(template: &'static str, path: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let mut fields = Vec::new();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(fields),
            (Some(wanted), Some(given)) => match field(wanted) {
                Some(field) if !given.is_empty() => fields.push((field, given)),
                None if wanted == given => {}
                Some(_) | None => return None,
            },
            (Some(_), None) | (None, Some(_)) => return None,
        }
    }
}

/// The field that a segment of a template stands for.
pub fn field(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The method of a route.
pub fn method_of(pool: &DescriptorPool, route: &Route) -> Option<MethodDescriptor> {
    let (service, name) = route.method.strip_prefix('/')?.split_once('/')?;
    pool.get_service_by_name(service)?.methods().find(|method| method.name() == name)
}

/// Whether the table of roles knows the method; a route to nowhere is a defect.
pub fn is_served(method: &str) -> bool {
    METHODS.iter().any(|row| row.method == method)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::grpc::roles::Callers;

    #[test]
    fn every_local_method_has_a_route_or_a_reason_to_have_none() {
        for row in METHODS.iter().filter(|row| row.callers != Callers::Peers) {
            let routed = ROUTES.iter().any(|route| route.method == row.method);
            let excused = GRPC_ONLY.iter().any(|(method, _)| *method == row.method);
            assert!(routed != excused, "{}: routed {routed}, excused {excused}", row.method);
        }
        assert!(ROUTES.iter().all(|route| is_served(route.method)));
    }

    #[test]
    fn paths_are_found_with_their_fields_and_verbs() {
        let check =
            |verb: &str, path: &str, expected: Found<'_>| assert_eq!(find(verb, path), expected, "{verb} {path}");
        let number = |path: &str| ROUTES.iter().position(|route| route.path == path).expect("a route");
        check("POST", "/v1/indicators", Found::Route(number("/v1/indicators"), vec![]));
        let decision = number("/v1/decisions/{decision_id}");
        check("GET", "/v1/decisions/ab12", Found::Route(decision, vec![("decision_id", "ab12")]));
        check("GET", "/v1/decisions/", Found::Nothing);
        check("GET", "/v1/decisions/ab/12", Found::Nothing);
        check("GET", "/v1/lists:add", Found::OtherVerb(vec!["POST"]));
        check("GET", "/v1/indicators", Found::Route(number("/v1/activity") + 2, vec![]));
        check("post", "/v1/indicators", Found::OtherVerb(vec!["POST", "GET"]));
        check("GET", "/", Found::Nothing);
        check("GET", "/v1/indicators/", Found::Nothing);
    }
}
