//! `grpc.reflection`, versions 1 and 1alpha: what tools such as grpcurl ask a door for its methods and messages.
//!
//! Only the local listener answers it, and only for what that listener serves: how members exchange feeds is no business of a
//! member's own systems. Whoever may call anything may ask.

use prost::Message;
use prost_types::FileDescriptorSet;
use tonic_reflection::server::{Builder, v1, v1alpha};

use crate::io::grpc::roles::{Callers, METHODS};
use crate::io::grpc::wire;

/// Services of peers, which the local listener does not have.
const BETWEEN_MEMBERS: &str = "hushwire.peer.v1";

/// Version 1, as current tools ask.
pub fn reflection() -> v1::ServerReflectionServer<impl v1::ServerReflection> {
    builder().build_v1().expect(DECODED)
}

/// Version 1alpha, as older tools ask.
pub fn reflection_alpha() -> v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection> {
    builder().build_v1alpha().expect(DECODED)
}

const DECODED: &str = "the descriptors are made by the build and hold every file they import";

fn builder() -> Builder<'static> {
    let services = local_services();
    let builder = Builder::configure()
        .register_file_descriptor_set(described())
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // What the details of a refusal are made of, so that tools can show them.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET);
    services.into_iter().fold(builder, Builder::with_service_name)
}

/// The files of this node without those of the peer listener.
fn described() -> FileDescriptorSet {
    let mut set = FileDescriptorSet::decode(wire::DESCRIPTORS).expect(DECODED);
    set.file.retain(|file| file.package() != BETWEEN_MEMBERS);
    set
}

/// The services of the table that the local listener has, each once.
fn local_services() -> Vec<&'static str> {
    let local = METHODS.iter().filter(|row| row.callers != Callers::Peers);
    let mut services: Vec<&str> = local.filter_map(|row| row.method.strip_prefix('/')?.split('/').next()).collect();
    services.sort_unstable();
    services.dedup();
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_peer_listener_is_described() {
        let text = format!("{:?}", described());
        assert!(text.contains("PublishIndicators") && !text.contains("ExchangeService"));
        let services = local_services();
        assert!(services.contains(&"hushwire.local.v1.ScreeningService"));
        assert!(!services.iter().any(|service| service.starts_with(BETWEEN_MEMBERS)));
    }
}
