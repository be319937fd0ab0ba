//! What one call may hold.

use hushwire::base::limits;
use hushwire::io::clock;
use hushwire::io::grpc::refusals::PUBLISHED_A_DAY;
use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;
use tonic::Code;
use tonic_types::StatusExt;

use crate::caller::draft;
use crate::consortium::Consortium;
use crate::starting::{ENTRIES_PER_DAY, founded_at};

#[test]
fn a_call_with_more_drafts_than_allowed_is_refused_as_a_whole() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    node.until_ready();
    let drafts = |count| vec![draft((IdentifierKind::Device, "device-of-many-00001")); count];
    let refused = node.publish("", drafts(limits::DRAFTS_PER_CALL + 1)).expect_err("one too many");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("TOO_MANY"));
    assert_eq!(refused.message(), "indicators: 1001 drafts exceed the limit of 1000 a call");
    assert_eq!((node.status().pending, node.status().believed), (0, 0), "nothing of it was taken");
    let taken = node.publish("", drafts(limits::DRAFTS_PER_CALL)).expect("as many as allowed");
    assert_eq!(taken.published.len(), limits::DRAFTS_PER_CALL);
}

#[test]
fn who_used_up_the_quota_of_the_day_is_told_which_quota_and_when_to_come_back() {
    let consortium = Consortium::found(&[]);
    let home = founded_at(&consortium, clock::now(), 365);
    let node = home.start().unwrap_or_else(|said| panic!("{}", said.stderr));
    node.until_ready();
    let whole = usize::try_from(ENTRIES_PER_DAY).expect("small");
    node.publish("", vec![draft((IdentifierKind::Device, "device-of-many-00002")); whole]).expect("the whole quota");
    let refused = node.publish("", vec![draft((IdentifierKind::Device, "device-of-many-00003"))]).expect_err("used up");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("PUBLISHING_QUOTA"));
    let violation = &details.quota_failure().expect("names the quota").violations[0];
    assert_eq!(violation.subject, PUBLISHED_A_DAY);
    assert!(violation.description.contains("within the quota of 1000 a day"), "{violation:?}");
    assert!(!format!("{refused:?}").contains("device-of-many"));
    assert!(details.retry_info().is_some_and(|retry| retry.retry_delay.is_some()));
}
