//! Who is calling, for handlers: the verified caller the connection put on the request. Metadata is never asked.

use crate::io::grpc::status::Refusal;
use crate::io::transport::caller::{LocalCaller, PeerCaller};
use tonic::Request;

const NO_CALLER: Refusal = Refusal::Unauthenticated {
    reason: "NO_VERIFIED_CALLER",
    description: "this method is served to verified callers of another listener",
};

/// The member's own system or person that calls.
pub fn local_caller<T>(request: &Request<T>) -> Result<&LocalCaller, Refusal> {
    request.extensions().get().ok_or(NO_CALLER)
}

/// The member whose node calls.
pub fn peer_caller<T>(request: &Request<T>) -> Result<&PeerCaller, Refusal> {
    request.extensions().get().ok_or(NO_CALLER)
}
