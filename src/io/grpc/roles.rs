//! Who may do what: one table of every method and the roles that may call it (DESIGN §3).
//!
//! What has no row is refused. The table says nothing about *whose* data a caller may see: a node serves one member.
//! It is enforced by [`crate::io::grpc::gate`] before a request reaches its handler.

use crate::base::role::Role;

/// The listener a method is served on, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// The local listener, holders of one of these roles.
    Local(&'static [Role]),
    /// The peer listener, any member whose pin stands in the roster.
    Peers,
}

/// One row: a method by its full path, and its callers.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub method: &'static str,
    pub callers: Callers,
}

const fn local(method: &'static str, roles: &'static [Role]) -> Row {
    Row { method, callers: Callers::Local(roles) }
}

/// Every method there is.
///
/// An erasure is asked for by a publisher; the second person may also be an operator, where a desk has only one publisher. Who
/// is a second person is checked by the use case.
///
/// Cases are the analyst's; the screener sees and reports what became of its own decisions, which its use case checks.
///
/// Releasing statistics is the operator's and the auditor's, who asks what nobody foresaw: both spend of one budget, of which the
/// schedule's part is kept. The own lists are the analyst's, who works the cases they come of, and the operator's, who fills them from
/// files; so are the profiles of customers, who ask one or the other what is held of them. Auditor and operator may
/// read what remains of the budget, and the state of the node.
/// Legal holds are the auditor's, who answers for evidence, and the operator's, where a desk has only one auditor: lifting takes
/// two people, which its use case checks.
/// Users of the console are the operator's.
/// An analyst may have explained what decided a case; the log as a whole is the auditor's. Looking an identifier up is for who
/// answers a customer, a court or a supervisor: the analyst and the auditor. How the own indicators stand, the publisher sees too.
pub const METHODS: &[Row] = &[
    local("/hushwire.local.v1.PublishingService/PublishIndicators", &[Role::Publisher]),
    local("/hushwire.local.v1.PublishingService/RetractIndicators", &[Role::Publisher]),
    local("/hushwire.local.v1.PublishingService/EraseIndicators", &[Role::Publisher]),
    local("/hushwire.local.v1.PublishingService/ConfirmErasure", &[Role::Publisher, Role::Operator]),
    local("/hushwire.local.v1.PublishingService/ListDueForRepublication", &[Role::Publisher]),
    local("/hushwire.local.v1.ScreeningService/ScreenTransaction", &[Role::Screener]),
    local("/hushwire.local.v1.ScreeningService/ScreenTransactions", &[Role::Screener]),
    local("/hushwire.local.v1.BrakeService/ListQuarantined", &[Role::Analyst, Role::Auditor, Role::Operator]),
    local("/hushwire.local.v1.BrakeService/LiftQuarantine", &[Role::Analyst, Role::Operator]),
    local("/hushwire.local.v1.BrakeService/KeepQuarantined", &[Role::Analyst, Role::Operator]),
    local("/hushwire.local.v1.LateMatchService/WatchLateMatches", &[Role::Screener, Role::Analyst]),
    local("/hushwire.local.v1.ScreeningService/GetAdvice", &[Role::Screener, Role::Analyst]),
    local("/hushwire.local.v1.ListsService/AddListed", &[Role::Analyst, Role::Operator]),
    local("/hushwire.local.v1.ListsService/RemoveListed", &[Role::Analyst, Role::Operator]),
    local("/hushwire.local.v1.ListsService/ListListed", &[Role::Analyst, Role::Operator]),
    local("/hushwire.local.v1.FeedbackService/ListSightings", &[Role::Publisher]),
    local("/hushwire.local.v1.FeedbackService/DisputeIndicator", &[Role::Analyst]),
    local("/hushwire.local.v1.FeedbackService/WithdrawDispute", &[Role::Analyst]),
    local("/hushwire.local.v1.FeedbackService/AnswerDispute", &[Role::Publisher]),
    local("/hushwire.local.v1.FeedbackService/ListDisputes", &[Role::Publisher, Role::Analyst]),
    local("/hushwire.local.v1.ProfilesService/ShowProfile", &[Role::Analyst, Role::Operator]),
    local("/hushwire.local.v1.ProfilesService/EraseProfile", &[Role::Analyst, Role::Operator]),
    local("/hushwire.local.v1.CaseService/ListCases", &[Role::Analyst]),
    local("/hushwire.local.v1.CaseService/GetCase", &[Role::Screener, Role::Analyst]),
    local("/hushwire.local.v1.CaseService/AssignCase", &[Role::Analyst]),
    local("/hushwire.local.v1.CaseService/AddNote", &[Role::Analyst]),
    local("/hushwire.local.v1.CaseService/ReleaseCase", &[Role::Analyst]),
    local("/hushwire.local.v1.CaseService/ConfirmRelease", &[Role::Analyst]),
    local("/hushwire.local.v1.CaseService/RefuseCase", &[Role::Analyst]),
    local("/hushwire.local.v1.CaseService/ReopenCase", &[Role::Analyst]),
    local("/hushwire.local.v1.CaseService/ResolveCase", &[Role::Analyst]),
    local("/hushwire.local.v1.CaseService/ReportOutcome", &[Role::Screener, Role::Analyst]),
    local("/hushwire.local.v1.CaseService/WatchCases", &[Role::Screener, Role::Analyst]),
    local("/hushwire.local.v1.ChallengeService/StartChallenge", &[Role::Screener, Role::Analyst]),
    local("/hushwire.local.v1.ChallengeService/AnswerChallenge", &[Role::Screener, Role::Analyst]),
    local("/hushwire.local.v1.ChallengeService/ReportChallenge", &[Role::Screener, Role::Analyst]),
    local("/hushwire.local.v1.ChallengeService/EnrolTotp", &[Role::Screener, Role::Analyst]),
    local("/hushwire.local.v1.ChallengeService/RemoveTotp", &[Role::Screener, Role::Analyst]),
    local("/hushwire.local.v1.PolicyService/GetPolicy", &[Role::Analyst, Role::Auditor, Role::Operator]),
    local("/hushwire.local.v1.UserService/CreateUser", &[Role::Operator]),
    local("/hushwire.local.v1.UserService/ListUsers", &[Role::Operator]),
    local("/hushwire.local.v1.UserService/SetUserRoles", &[Role::Operator]),
    local("/hushwire.local.v1.UserService/DisableUser", &[Role::Operator]),
    local("/hushwire.local.v1.UserService/EnableUser", &[Role::Operator]),
    local("/hushwire.local.v1.UserService/ResetUser", &[Role::Operator]),
    local("/hushwire.local.v1.UserService/RemoveUser", &[Role::Operator]),
    local("/hushwire.local.v1.UserService/EndSessions", &[Role::Operator]),
    local("/hushwire.local.v1.OversightService/GetActivity", &[Role::Analyst, Role::Auditor, Role::Operator]),
    local("/hushwire.local.v1.OversightService/LookUpIdentifier", &[Role::Analyst, Role::Auditor]),
    local("/hushwire.local.v1.OversightService/ListOwnIndicators", &[Role::Publisher, Role::Analyst, Role::Auditor]),
    local("/hushwire.local.v1.NodeService/GetStatus", &[Role::Auditor, Role::Operator]),
    local("/hushwire.local.v1.NodeService/ApplyRoster", &[Role::Operator]),
    local("/hushwire.compliance.v1.AuditService/ListAuditRecords", &[Role::Auditor]),
    local("/hushwire.compliance.v1.AuditService/ExportAuditLog", &[Role::Auditor]),
    local("/hushwire.compliance.v1.AuditService/ProveAuditRecord", &[Role::Auditor]),
    local("/hushwire.compliance.v1.AuditService/ExplainDecision", &[Role::Auditor, Role::Analyst]),
    local("/hushwire.compliance.v1.AuditService/ReportPeriod", &[Role::Auditor]),
    local("/hushwire.compliance.v1.AuditService/GetAuditSize", &[Role::Auditor, Role::Operator]),
    local("/hushwire.compliance.v1.AuditService/PlaceHold", &[Role::Auditor, Role::Operator]),
    local("/hushwire.compliance.v1.AuditService/ListHolds", &[Role::Auditor, Role::Operator]),
    local("/hushwire.compliance.v1.AuditService/LiftHold", &[Role::Auditor, Role::Operator]),
    local("/hushwire.compliance.v1.AuditService/ConfirmHoldLift", &[Role::Auditor, Role::Operator]),
    local("/hushwire.compliance.v1.StatisticsService/ReleaseStatistics", &[Role::Auditor, Role::Operator]),
    local("/hushwire.compliance.v1.StatisticsService/ListReleases", &[Role::Auditor, Role::Operator]),
    local("/hushwire.compliance.v1.StatisticsService/SumReleases", &[Role::Auditor, Role::Operator]),
    local("/hushwire.compliance.v1.StatisticsService/GetBudget", &[Role::Auditor, Role::Operator]),
    local("/grpc.health.v1.Health/Check", &Role::ALL),
    local("/grpc.health.v1.Health/Watch", &Role::ALL),
    local("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &Role::ALL),
    local("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &Role::ALL),
    Row { method: "/hushwire.peer.v1.ExchangeService/Exchange", callers: Callers::Peers },
];

/// What takes two people (DESIGN §3) is neither asked nor confirmed by a token: its holder is nobody in particular, and a
/// person who held one beside a certificate would be two. Nor does a token make people.
pub const BY_PEOPLE_ALONE: [&str; 11] = [
    "/hushwire.local.v1.PublishingService/EraseIndicators",
    "/hushwire.local.v1.PublishingService/ConfirmErasure",
    "/hushwire.local.v1.CaseService/ReleaseCase",
    "/hushwire.local.v1.CaseService/ConfirmRelease",
    "/hushwire.local.v1.BrakeService/LiftQuarantine",
    "/hushwire.compliance.v1.AuditService/LiftHold",
    "/hushwire.compliance.v1.AuditService/ConfirmHoldLift",
    "/hushwire.local.v1.UserService/CreateUser",
    "/hushwire.local.v1.UserService/SetUserRoles",
    "/hushwire.local.v1.UserService/EnableUser",
    "/hushwire.local.v1.UserService/ResetUser",
];

/// The methods a token of this role may call.
pub fn by_token(role: Role) -> impl Iterator<Item = &'static str> {
    let methods = METHODS.iter().map(|row| row.method);
    methods.filter(move |method| allows(method, role) && !BY_PEOPLE_ALONE.contains(method))
}

/// The row of a method, if it has one.
pub fn row(method: &str) -> Option<&'static Row> {
    METHODS.iter().find(|row| row.method == method)
}

/// Whether a member's own caller in this role may call a method.
pub fn allows(method: &str, role: Role) -> bool {
    row(method).is_some_and(|row| matches!(row.callers, Callers::Local(roles) if roles.contains(&role)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::grpc::wire;
    use prost::Message;
    use std::collections::BTreeSet;

    fn described_methods() -> BTreeSet<String> {
        let set = prost_types::FileDescriptorSet::decode(wire::DESCRIPTORS).expect("made by the build");
        let mut methods = BTreeSet::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    methods.insert(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
                }
            }
        }
        methods
    }

    #[test]
    fn every_method_has_exactly_one_row() {
        for method in described_methods() {
            assert_eq!(METHODS.iter().filter(|row| row.method == method).count(), 1, "{method}");
        }
    }

    #[test]
    fn every_row_names_a_method_that_exists() {
        let methods = described_methods();
        for row in METHODS.iter().filter(|row| !row.method.starts_with("/grpc.")) {
            assert!(methods.contains(row.method), "{}", row.method);
        }
    }

    #[test]
    fn the_page_on_access_says_what_each_role_may_call() {
        let page = include_str!("../../../docs/access.md");
        for role in Role::ALL {
            let ours = METHODS.iter().map(|row| row.method).filter(|method| !method.starts_with("/grpc."));
            let names = ours.filter(|method| allows(method, role)).filter_map(|method| method.rsplit('/').next());
            let row = format!("| `{role}` | {} |", names.collect::<Vec<_>>().join(", "));
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn what_takes_two_people_is_a_method_of_ours() {
        assert!(BY_PEOPLE_ALONE.iter().all(|method| row(method).is_some()));
    }

    #[test]
    fn what_peers_may_call_is_in_the_package_for_peers_and_nothing_else_is() {
        for row in METHODS {
            let peer_package = row.method.starts_with("/hushwire.peer.v1.");
            assert_eq!(row.callers == Callers::Peers, peer_package, "{}", row.method);
        }
    }
}
