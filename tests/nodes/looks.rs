//! Whoever looks over the interface leaves a trace: what they looked at, how it was narrowed, in words of the log alone.

use compliance::audit_service_client::AuditServiceClient;
use compliance::statistics_service_client::StatisticsServiceClient;
use hushwire::io::grpc::wire::hushwire::compliance::v1 as compliance;
use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::Decision;
use local::oversight_service_client::OversightServiceClient;
use serde_json::Value;

use crate::caller::RUNTIME;
use crate::cases::{HOLD, cases, screen, show, start};

/// Stands in filters that take any text.
const TYPED: &str = "Zqx-Nebelhorn-9931";

#[test]
fn every_listing_and_figure_that_is_asked_for_is_recorded_with_its_filters_and_nothing_typed() {
    let (consortium, node) = start();
    let held = screen(&node, HOLD, "A-1042", "c-7");
    // Made here: making one runs to its end.
    let [auditor, publisher, operator] = ["auditor", "publisher", "operator"].map(|role| node.channel(role));
    let mut analyst = cases(&node, "analyst");
    RUNTIME.block_on(async {
        let activity = local::GetActivityRequest { from_day: 20_000, until_day: 20_010 };
        OversightServiceClient::new(auditor.clone()).get_activity(activity).await.expect("answered");
        let own =
            local::ListOwnIndicatorsRequest { state: "live".to_owned(), kind: 1, disputed: true, ..Default::default() };
        OversightServiceClient::new(publisher).list_own_indicators(own).await.expect("answered");
        let mut statistics = StatisticsServiceClient::new(operator);
        let query = "published-indicators-by-kind".to_owned();
        let releases = compliance::ListReleasesRequest { member: "bank-a".to_owned(), ..Default::default() };
        statistics.list_releases(releases).await.expect("answered");
        let sum = compliance::SumReleasesRequest { query, from_day: 20_000, until_day: 20_007 };
        statistics.sum_releases(sum).await.expect("answered");
        statistics.get_budget(compliance::GetBudgetRequest {}).await.expect("answered");
        let mut audit = AuditServiceClient::new(auditor);
        audit.get_audit_size(compliance::GetAuditSizeRequest {}).await.expect("answered");
        let listing = compliance::ListAuditRecordsRequest {
            actor: TYPED.to_owned(),
            text: TYPED.to_owned(),
            direction: "came".to_owned(),
            ..Default::default()
        };
        audit.list_audit_records(listing).await.expect("answered");
        let listing = local::ListCasesRequest {
            decision: Decision::Hold.into(),
            assignee: TYPED.to_owned(),
            customer_ref: TYPED.to_owned(),
            ..Default::default()
        };
        analyst.list_cases(listing).await.expect("answered");
    });
    for _ in 0..5 {
        show(&mut analyst, &held.case).expect("there is one");
    }
    show(&mut analyst, &"0".repeat(32)).expect_err("there is none");

    let listed = consortium.audit_list(&node, &[]).stdout;
    let answer: Value = serde_json::from_str(&listed).expect("JSON");
    let records = answer["records"].as_array().expect("a list");
    let told = |action: &str| {
        let of_it: Vec<&Value> = records.iter().filter(|record| record["action"] == action).collect();
        assert_eq!(of_it.len(), 1, "{action} in {listed}");
        of_it[0].to_string()
    };
    for (action, role, parts) in [
        ("activity.shown", "auditor", ["2024-10-04", "2024-10-14"].as_slice()),
        ("indicator.listed", "publisher", &["\"of_state\":\"live\"", "\"of_kind\":\"pan\"", "\"disputed\":\"given\""]),
        ("statistics.listed", "operator", &["\"member\":\"bank-a\""]),
        ("statistics.summed", "operator", &["published-indicators-by-kind", "2024-10-04", "2024-10-11"]),
        ("statistics.budget_shown", "operator", &[]),
        ("audit.size_shown", "auditor", &[]),
        ("case.listed", "analyst", &["\"of_decision\":\"hold\"", "\"assignee\":\"given\"", "\"customer\":\"given\""]),
        ("case.shown", "analyst", &[held.case.as_str(), "\"times\":\"1\""]),
        ("audit.listed", "auditor", &["\"direction\":\"came\"", "\"of_actor\":\"given\"", "\"text\":\"given\""]),
    ] {
        let record = told(action);
        assert!(record.contains(&format!("hushwire://bank-a/{role}/")), "{record}");
        for part in parts {
            assert!(record.contains(part), "{part} is missing in {record}");
        }
    }
    assert!(!listed.contains(TYPED));
}
