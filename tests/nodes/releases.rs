//! Statistics: one id, one answer, one charge.

use hushwire::io::grpc::refusals::PRIVACY_A_QUARTER;
use hushwire::io::grpc::wire::hushwire::compliance::v1::statistics_service_client::StatisticsServiceClient;
use hushwire::io::grpc::wire::hushwire::compliance::v1::{
    GetBudgetRequest, ReleaseStatisticsRequest, ReleaseStatisticsResponse,
};
use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::caller::RUNTIME;
use crate::consortium::Consortium;
use crate::node::Node;

fn release(node: &Node, id: &str, epsilon_nano: u64) -> Result<ReleaseStatisticsResponse, Status> {
    let today = hushwire::io::clock::now().day();
    let request = ReleaseStatisticsRequest {
        release_id: id.to_owned(),
        from_day: today.0,
        until_day: today.next().0,
        epsilon_nano,
    };
    let mut client = StatisticsServiceClient::new(node.channel("operator"));
    Ok(RUNTIME.block_on(client.release_statistics(request))?.into_inner())
}

fn spent(node: &Node) -> u64 {
    let mut client = StatisticsServiceClient::new(node.channel("auditor"));
    RUNTIME.block_on(client.get_budget(GetBudgetRequest {})).expect("a budget").into_inner().spent_nano
}

#[test]
fn a_repeated_release_is_the_same_bytes_and_charged_once_over_a_kill_too() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    for value in ["stats-device-00000001", "stats-device-00000002", "stats-device-00000003"] {
        a.flag((IdentifierKind::Device, value));
    }
    let first = release(&a, "week-1", 250_000_000).expect("released");
    assert!(!first.repeated_release);
    assert_eq!(spent(&a), 250_000_000);
    let again = release(&a, "week-1", 250_000_000).expect("repeated");
    assert_eq!((again.release, again.repeated_release, spent(&a)), (first.release.clone(), true, 250_000_000));
    let other = release(&a, "week-1", 300_000_000).expect_err("another question under the same id");
    assert_eq!(other.code(), Code::AlreadyExists, "{other:?}");
    let beyond = release(&a, "week-2", 2_000_000_000).expect_err("more than is left of 2");
    let (code, details) = (beyond.code(), beyond.get_error_details());
    assert_eq!(code, Code::ResourceExhausted, "{beyond:?}");
    let subjects = details.quota_failure().map(|quota| quota.violations[0].subject.clone());
    assert_eq!(subjects.as_deref(), Some(PRIVACY_A_QUARTER));
    assert!(details.retry_info().is_none(), "what was asked about stays in its quarter");
    assert_eq!(spent(&a), 250_000_000, "a refusal costs nothing");
    let malformed = release(&a, "No Such Id", 1).expect_err("not an id");
    assert_eq!(malformed.code(), Code::InvalidArgument, "{malformed:?}");

    b.until("the release travels", |status| crate::caller::feed_size(status, "demo.example/bank-a/all") == 4);
    a.kill();
    let a = consortium.start("bank-a");
    let again = release(&a, "week-1", 250_000_000).expect("repeated");
    assert_eq!((again.release, again.repeated_release, spent(&a)), (first.release, true, 250_000_000));
    let said = consortium.succeed(&format!(
        "stats budget --json --endpoint {} --identity {}",
        a.local,
        a.home.identity("operator").display()
    ));
    assert!(said.stdout.contains("\"spent_nano\":250000000"), "{}", said.stdout);
}

/// What the kill hit is chosen by the machine; a release that was answered before it is tried again under another id.
#[test]
fn a_node_killed_between_charge_and_draw_has_charged_once_and_draws_for_what_was_paid() {
    let consortium = Consortium::found(&["bank-a"]);
    let mut a = consortium.start("bank-a");
    a.flag((IdentifierKind::Device, "stats-device-00000011"));
    a.home.identity("auditor");
    a.home.identity("operator");
    let price = 250_000_000;
    for attempt in 1..=8 {
        let (id, before) = (format!("killed-{attempt}"), spent(&a));
        let pid = a.pid();
        let answer = std::thread::scope(|scope| {
            let call = scope.spawn(|| release(&a, &id, price));
            crate::node::wait("the charge", || (spent(&a) == before + price).then_some(()));
            crate::node::kill(pid);
            call.join().expect("the caller ends")
        });
        drop(a);
        a = consortium.start("bank-a");
        assert_eq!(spent(&a), before + price, "a crash gives nothing back");
        let after = release(&a, &id, price).expect("paid for");
        assert_eq!(spent(&a), before + price, "the same release is not charged again");
        if answer.is_err() && !after.repeated_release {
            let again = release(&a, &id, price).expect("repeated");
            assert_eq!((again.release, again.repeated_release), (after.release, true));
            return;
        }
    }
    panic!("no kill came between charge and answer");
}

#[test]
fn an_answer_comes_at_a_whole_second_after_its_call() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.home.identity("operator");
    let asked = std::time::Instant::now();
    assert!(!release(&a, "at-a-second", 250_000_000).expect("released").repeated_release);
    let step = std::time::Duration::from_millis(hushwire::base::limits::RELEASE_STEP_MS);
    assert!(asked.elapsed() >= step, "{:?}", asked.elapsed());
}

#[test]
fn calls_of_one_release_at_one_moment_get_one_answer() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.flag((IdentifierKind::Device, "stats-device-00000009"));
    a.home.identity("operator");
    let answers: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| release(&a, "at-once", 250_000_000))).collect();
        calls.into_iter().map(|call| call.join().expect("answered").expect("released").release).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "the noise is drawn once");
    assert_eq!(spent(&a), 250_000_000);
    a.kill();
    let a = consortium.start("bank-a");
    assert_eq!(release(&a, "at-once", 250_000_000).expect("repeated").release, answers[0]);
}
