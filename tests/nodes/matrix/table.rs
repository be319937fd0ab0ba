//! Who may call what, written down a second time from DESIGN §3 and never read from the product's own table: where the two
//! differ, one of them is wrong.
//!
//! `publisher` publishes, retracts, erases; `screener` screens; `analyst` works cases and the own lists; `auditor` reads log, proofs and
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
    ("/hushwire.local.v1.BrakeService/ListQuarantined", &["analyst", "auditor", "operator"]),
    ("/hushwire.local.v1.BrakeService/LiftQuarantine", &["analyst", "operator"]),
    ("/hushwire.local.v1.BrakeService/KeepQuarantined", &["analyst", "operator"]),
    ("/hushwire.local.v1.LateMatchService/WatchLateMatches", &["analyst", "screener"]),
    ("/hushwire.local.v1.ListsService/AddListed", &["analyst", "operator"]),
    ("/hushwire.local.v1.ListsService/RemoveListed", &["analyst", "operator"]),
    ("/hushwire.local.v1.ListsService/ListListed", &["analyst", "operator"]),
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
    ("GET", "/v1/quarantine", &["analyst", "auditor", "operator"]),
    ("POST", "/v1/quarantine:lift", &["analyst", "operator"]),
    ("POST", "/v1/quarantine:keep", &["analyst", "operator"]),
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
pub const NEVER_BY_TOKEN: &[&str] =
    &["/hushwire.local.v1.PublishingService/EraseIndicators", "/hushwire.local.v1.PublishingService/ConfirmErasure"];
