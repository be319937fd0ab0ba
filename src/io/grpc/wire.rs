//! The generated messages and services. They stop at this floor.

/// `hushwire.types.v1` (without the blobs of entries, which the core decodes).
#[allow(
    clippy::all,
    missing_docs,
    unused_qualifications,
    missing_debug_implementations,
    reason = "generated code keeps to its own style"
)]
pub mod hushwire {
    pub mod types {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/services/hushwire.types.v1.rs"));
        }
    }
    pub mod local {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/services/hushwire.local.v1.rs"));
        }
    }
    pub mod peer {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/services/hushwire.peer.v1.rs"));
        }
    }
    pub mod compliance {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/services/hushwire.compliance.v1.rs"));
        }
    }
}

/// The one message with a raw identifier shows its kind only, in whatever message it stands.
impl std::fmt::Debug for hushwire::local::v1::Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identifier(kind {}, …)", self.kind)
    }
}

/// What a customer typed is shown to nobody.
impl std::fmt::Debug for hushwire::local::v1::AnswerChallengeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AnswerChallengeRequest({}, …)", self.decision_id)
    }
}

/// Nor what an authenticator takes in.
impl std::fmt::Debug for hushwire::local::v1::EnrolTotpResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EnrolTotpResponse(…)")
    }
}

/// Nor the code that enrols a user of the console.
impl std::fmt::Debug for hushwire::local::v1::CreateUserResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CreateUserResponse(…)")
    }
}

impl std::fmt::Debug for hushwire::local::v1::ResetUserResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResetUserResponse(…)")
    }
}

/// Descriptors of every service above (`google.protobuf.FileDescriptorSet`): what foreign tools read, and what the
/// table of [`crate::io::grpc::roles`] is checked against.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::field_descriptor_proto::Type;
    use prost_types::{DescriptorProto, FileDescriptorSet};

    use super::*;

    /// Every text and byte field that can leave for another member, and what reads it there: names, notes, hashes and bytes
    /// that are checked against a commitment. A field that could hold what a caller typed has no place here.
    const BETWEEN_MEMBERS: &[(&str, &str)] = &[
        ("Hello.consortium", "compared with the own consortium"),
        ("Hello.roster_sha256", "a hash"),
        ("Hello.incarnation", "16 random bytes"),
        ("Welcome.roster_sha256", "a hash"),
        ("Welcome.roster_note", "a roster, signed by the quorum"),
        ("Welcome.key_bundles", "sealed keys in a note, signed by the quorum"),
        ("Head.origin", "the name of a feed"),
        ("Head.checkpoint", "a signed note of name, size and root"),
        ("Subscribe.origin", "the name of a feed"),
        ("Unsubscribe.origin", "the name of a feed"),
        ("Acknowledge.origin", "the name of a feed"),
        ("AuditHead.origin", "the name of an audit log"),
        ("AuditHead.checkpoint", "a signed note of name, size and root"),
        ("AuditHead.growth", "hashes"),
        ("AuditWitnessed.origin", "the name of an audit log"),
        ("AuditWitnessed.checkpoint", "a signed note of name, size and root"),
        ("Cosign.origin", "the name of a feed"),
        ("Cosign.line", "a signature"),
        ("Batch.origin", "the name of a feed"),
        ("Batch.checkpoint", "a signed note of name, size and root"),
        ("Batch.consistency", "hashes"),
        ("FeedEntry.leaf", "kind, epoch, day and a commitment"),
        ("FeedEntry.blob", "bytes of a blob, decoded by the core: a pseudonym and a sealed payload"),
        ("FeedEntry.salt", "32 random bytes"),
        ("Heartbeat.origin", "the name of a feed"),
        ("Heartbeat.checkpoint", "a signed note of name, size and root"),
        ("Unavailable.origin", "the name of a feed"),
        ("Unavailable.reason", "a word of the program"),
        ("Equivocation.origin", "the name of a feed"),
        ("Equivocation.first", "a signed note of name, size and root"),
        ("Equivocation.second", "a signed note of name, size and root"),
        ("Equivocation.consistency", "hashes"),
    ];

    fn open_fields(message: &DescriptorProto) -> Vec<String> {
        let is_closed = |kind: Type| {
            matches!(kind, Type::Uint32 | Type::Uint64 | Type::Bool | Type::Enum | Type::Message | Type::Fixed64)
        };
        let fields = message.field.iter().filter(|field| !is_closed(field.r#type()));
        fields.map(|field| format!("{}.{}", message.name(), field.name())).collect()
    }

    #[test]
    fn no_field_between_members_can_hold_a_raw_identifier() {
        let set = FileDescriptorSet::decode(DESCRIPTORS).expect("made by the build");
        let peer: Vec<_> = set.file.iter().filter(|file| file.package() == "hushwire.peer.v1").collect();
        assert!(!peer.is_empty());
        let mut found: Vec<String> = peer.iter().flat_map(|file| &file.message_type).flat_map(open_fields).collect();
        let mut known: Vec<String> = BETWEEN_MEMBERS.iter().map(|(field, _)| (*field).to_owned()).collect();
        found.sort();
        known.sort();
        assert_eq!(found, known);
    }

    #[test]
    fn messages_between_members_are_made_of_their_own_package_alone() {
        let set = FileDescriptorSet::decode(DESCRIPTORS).expect("made by the build");
        for file in set.file.iter().filter(|file| file.package() == "hushwire.peer.v1") {
            for message in &file.message_type {
                assert!(message.nested_type.is_empty(), "{}: maps and inner messages hide fields", message.name());
                for field in message.field.iter().filter(|field| field.r#type() == Type::Message) {
                    let inside = field.type_name().starts_with(".hushwire.peer.v1.");
                    assert!(inside, "{}.{}: {}", message.name(), field.name(), field.type_name());
                }
            }
        }
    }

    #[test]
    fn a_message_with_a_raw_identifier_wipes_it_and_does_not_show_it() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        use super::hushwire::local::v1::{Identifier, ScreenTransactionRequest};
        let identifier = Identifier { kind: 1, value: "4111111111111111".to_owned() };
        wiped(&identifier);
        let order = ScreenTransactionRequest { identifiers: vec![identifier], ..Default::default() };
        let shown = format!("{order:?}");
        assert!(shown.contains("Identifier(kind 1, …)") && !shown.contains("4111"), "{shown}");
    }
}
