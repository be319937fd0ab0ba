//! Who may call what, written down a second time from DESIGN §3 and never read from the product's own table: where the two
//! differ, one of them is wrong.
//!
//! `publisher` publishes, retracts, erases; `screener` screens; `analyst` works cases, the own lists and profiles; `auditor` reads log, proofs and
//! statistics; `operator` configures, applies rosters, spends budget, fills lists; `peer` exchanges. Health and reflection are everybody's
//! who is somebody inside.

/// Every method of every service, and the roles that may call it; `peer` for the other listener.
pub const METHODS: &[(&str, &[&str])] = &[
    ("/hushwire.local.v1.PublishingService/PublishIndicators", &["publisher"]),
    ("/hushwire.local.v1.PublishingService/RetractIndicators", &["publisher"]),
    ("/hushwire.local.v1.PublishingService/EraseIndicators", &["publisher"]),
    ("/hushwire.local.v1.PublishingService/ConfirmErasure", &["publisher", "operator"]),
    ("/hushwire.local.v1.PublishingService/ListDueForRepublication", &["publisher"]),
    ("/hushwire.local.v1.ScreeningService/ScreenTransaction", &["screener"]),
    ("/hushwire.local.v1.ScreeningService/ScreenTransactions", &["screener"]),
    ("/hushwire.local.v1.ListsService/AddListed", &["analyst", "operator"]),
    ("/hushwire.local.v1.ListsService/RemoveListed", &["analyst", "operator"]),
    ("/hushwire.local.v1.ListsService/ListListed", &["analyst", "operator"]),
    ("/hushwire.local.v1.ProfilesService/ShowProfile", &["analyst", "operator"]),
    ("/hushwire.local.v1.ProfilesService/EraseProfile", &["analyst", "operator"]),
    ("/hushwire.local.v1.CaseService/ListCases", &["analyst"]),
    ("/hushwire.local.v1.CaseService/GetCase", &["screener", "analyst"]),
    ("/hushwire.local.v1.CaseService/AssignCase", &["analyst"]),
    ("/hushwire.local.v1.CaseService/AddNote", &["analyst"]),
    ("/hushwire.local.v1.CaseService/ReleaseCase", &["analyst"]),
    ("/hushwire.local.v1.CaseService/ConfirmRelease", &["analyst"]),
    ("/hushwire.local.v1.CaseService/RefuseCase", &["analyst"]),
    ("/hushwire.local.v1.CaseService/ReopenCase", &["analyst"]),
    ("/hushwire.local.v1.CaseService/ResolveCase", &["analyst"]),
    ("/hushwire.local.v1.CaseService/ReportOutcome", &["screener", "analyst"]),
    ("/hushwire.local.v1.CaseService/WatchCases", &["screener", "analyst"]),
    ("/hushwire.local.v1.ChallengeService/StartChallenge", &["screener", "analyst"]),
    ("/hushwire.local.v1.ChallengeService/AnswerChallenge", &["screener", "analyst"]),
    ("/hushwire.local.v1.ChallengeService/ReportChallenge", &["screener", "analyst"]),
    ("/hushwire.local.v1.ChallengeService/EnrolTotp", &["screener", "analyst"]),
    ("/hushwire.local.v1.ChallengeService/RemoveTotp", &["screener", "analyst"]),
    ("/hushwire.local.v1.PolicyService/GetPolicy", &["analyst", "auditor", "operator"]),
    ("/hushwire.local.v1.NodeService/GetStatus", &["auditor", "operator"]),
    ("/hushwire.local.v1.NodeService/ApplyRoster", &["operator"]),
    ("/hushwire.compliance.v1.AuditService/ListAuditRecords", &["auditor"]),
    ("/hushwire.compliance.v1.AuditService/ExportAuditLog", &["auditor"]),
    ("/hushwire.compliance.v1.AuditService/ProveAuditRecord", &["auditor"]),
    ("/hushwire.compliance.v1.StatisticsService/ReleaseStatistics", &["operator"]),
    ("/hushwire.compliance.v1.StatisticsService/GetBudget", &["auditor", "operator"]),
    ("/grpc.health.v1.Health/Check", EVERYBODY),
    ("/grpc.health.v1.Health/Watch", EVERYBODY),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", EVERYBODY),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", EVERYBODY),
    ("/hushwire.peer.v1.ExchangeService/Exchange", &["peer"]),
];

const EVERYBODY: &[&str] = &["publisher", "screener", "analyst", "auditor", "operator"];

/// Every route of the local listener, and the roles that may ask it.
pub const ROUTES: &[(&str, &str, &[&str])] = &[
    ("POST", "/v1/transactions:screen", &["screener"]),
    ("POST", "/v1/transactions:batchScreen", &["screener"]),
    ("POST", "/v1/indicators", &["publisher"]),
    ("POST", "/v1/indicators:retract", &["publisher"]),
    ("POST", "/v1/indicators:erase", &["publisher"]),
    ("POST", "/v1/indicators:confirmErasure", &["publisher", "operator"]),
    ("GET", "/v1/indicators:due", &["publisher"]),
    ("GET", "/v1/lists", &["analyst", "operator"]),
    ("POST", "/v1/lists:add", &["analyst", "operator"]),
    ("POST", "/v1/lists:remove", &["analyst", "operator"]),
    ("POST", "/v1/profiles:show", &["analyst", "operator"]),
    ("POST", "/v1/profiles:erase", &["analyst", "operator"]),
    ("GET", "/v1/cases", &["analyst"]),
    ("GET", "/v1/cases/{case_id}", &["screener", "analyst"]),
    ("POST", "/v1/cases:find", &["screener", "analyst"]),
    ("POST", "/v1/cases:assign", &["analyst"]),
    ("POST", "/v1/cases:note", &["analyst"]),
    ("POST", "/v1/cases:release", &["analyst"]),
    ("POST", "/v1/cases:confirmRelease", &["analyst"]),
    ("POST", "/v1/cases:refuse", &["analyst"]),
    ("POST", "/v1/cases:reopen", &["analyst"]),
    ("POST", "/v1/cases:resolve", &["analyst"]),
    ("POST", "/v1/decisions:reportOutcome", &["screener", "analyst"]),
    ("POST", "/v1/challenges:start", &["screener", "analyst"]),
    ("POST", "/v1/challenges:answer", &["screener", "analyst"]),
    ("POST", "/v1/challenges:report", &["screener", "analyst"]),
    ("POST", "/v1/challenges:enrolTotp", &["screener", "analyst"]),
    ("POST", "/v1/challenges:removeTotp", &["screener", "analyst"]),
    ("GET", "/v1/policy", &["analyst", "auditor", "operator"]),
    ("GET", "/v1/status", &["auditor", "operator"]),
    ("POST", "/v1/roster:apply", &["operator"]),
    ("GET", "/v1/audit/records", &["auditor"]),
    ("POST", "/v1/audit/records:prove", &["auditor"]),
    ("GET", "/v1/decisions/{decision_id}", &["auditor"]),
    ("POST", "/v1/statistics:release", &["operator"]),
    ("GET", "/v1/statistics/budget", &["auditor", "operator"]),
    ("GET", "/v1/openapi.json", EVERYBODY),
];

/// What needs two people: a token is nobody, so it neither asks nor confirms.
pub const NEVER_BY_TOKEN: &[&str] = &[
    "/hushwire.local.v1.PublishingService/EraseIndicators",
    "/hushwire.local.v1.PublishingService/ConfirmErasure",
    "/hushwire.local.v1.CaseService/ReleaseCase",
    "/hushwire.local.v1.CaseService/ConfirmRelease",
];
