//! What one call may hold.

use hushwire::base::limits;
use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;
use tonic::Code;
use tonic_types::StatusExt;

use crate::caller::draft;
use crate::consortium::Consortium;

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
