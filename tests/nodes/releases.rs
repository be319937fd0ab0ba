//! Statistics: one id, one answer, one charge.

use hushwire::domain::feed::blob::release::StatisticsRelease;
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
    ask(node, "operator", asked(id, epsilon_nano))
}

/// What this member published today.
fn asked(id: &str, epsilon_nano: u64) -> ReleaseStatisticsRequest {
    let today = hushwire::io::clock::now().day();
    ReleaseStatisticsRequest {
        release_id: id.to_owned(),
        from_day: today.0,
        until_day: today.next().0,
        epsilon_nano,
        query: String::new(),
    }
}

fn ask(node: &Node, role: &str, request: ReleaseStatisticsRequest) -> Result<ReleaseStatisticsResponse, Status> {
    let mut client = StatisticsServiceClient::new(node.channel(role));
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

#[test]
fn an_auditor_asks_what_nobody_foresaw_and_every_member_reads_it_in_the_sum_with_who_is_missing() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    let of_cases = |id: &str| {
        let query = "cases-by-outcome".to_owned();
        ReleaseStatisticsRequest { query, ..asked(id, 1_000_000_000) }
    };
    let answer = ask(&a, "auditor", of_cases("how-many-cases")).expect("released");
    let published = StatisticsRelease::decode(&answer.release).expect("a release");
    assert_eq!(
        (published.categories.join(" "), published.unit.as_str()),
        ("fraud genuine".to_owned(), "customer-or-order")
    );
    assert_eq!((published.cap_nano, published.spent_nano), (2_000_000_000, spent(&a)));

    let check = |request: ReleaseStatisticsRequest, field: &str| {
        let refused = ask(&a, "auditor", request).expect_err("refused");
        let fields = refused.get_error_details().bad_request().map(|bad| bad.field_violations[0].field.clone());
        assert_eq!((refused.code(), fields.as_deref()), (Code::InvalidArgument, Some(field)), "{refused:?}");
    };
    check(ReleaseStatisticsRequest { query: "who-is-it".to_owned(), ..asked("a", 0) }, "query");
    check(of_cases("weekly-2026-11-16-cases-by-outcome"), "release_id");
    let old = asked("old", 0).from_day - 200;
    check(ReleaseStatisticsRequest { from_day: old, until_day: old + 1, ..asked("old", 0) }, "until_day");
    let priceless = ask(&a, "auditor", asked("too-exact", u64::MAX)).expect_err("more than any quarter allows");
    assert_eq!(priceless.code(), Code::FailedPrecondition, "{priceless:?}");
    assert_eq!(spent(&a), published.spent_nano, "a refusal costs nothing");

    b.until("the release travels", |status| crate::caller::feed_size(status, "demo.example/bank-a/all") == 1);
    let day = |days: u32| hushwire::domain::statistics::period::date_text(hushwire::base::time::Day(days));
    let run = |words: &str| {
        let identity = b.home.identity("auditor");
        consortium.succeed(&format!("stats {words} --endpoint {} --identity {}", b.local, identity.display())).stdout
    };
    let days = format!("--from {} --until {}", day(published.from_day.0), day(published.until_day.0));
    let sum: serde_json::Value =
        serde_json::from_str(&run(&format!("sum --question cases-by-outcome {days} --json"))).expect("JSON");
    let counts: Vec<i64> =
        sum["counts"].as_array().expect("a list").iter().filter_map(|one| one["count"].as_i64()).collect();
    assert_eq!(counts, published.counts);
    assert_eq!(sum["missing"], serde_json::json!([{"member": "bank-b", "reason": "not-released"}]));
    assert_eq!(sum["shares"][0]["release_id"], "how-many-cases");
    let told = run(&format!("sum {days}"));
    for part in [
        "cases-by-outcome, ",
        "of 1 member:",
        "orders-by-decision, ",
        "of 0 members:",
        "in it: bank-a (how-many-cases), noise of scale 2, 1.000000000 left of its quarter",
        "not in it: bank-b has released nothing for these days",
        "the noise hides one customer, or one order without a customer, in one quarter at each member",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let listed = run("list --member bank-a");
    assert!(listed.contains("(how-many-cases):") && listed.contains("privacy loss 1.000000000"), "{listed}");
    assert_eq!(run("list --question orders-by-decision --json"), "");
    let budget = run("budget");
    assert!(budget.contains("left: 2.000000000, of which the schedule will need 0.000000000"), "{budget}");
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
