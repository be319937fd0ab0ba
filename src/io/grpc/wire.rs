//! The generated messages and services. They stop at this floor.

/// `hushwire.types.v1` (without the blobs of entries, which the core decodes).
#[allow(clippy::all, missing_docs, unused_qualifications, missing_debug_implementations)]
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

/// Descriptors of every service above (`google.protobuf.FileDescriptorSet`): what foreign tools read, and what the
/// table of [`crate::io::grpc::roles`] is checked against.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

#[cfg(test)]
mod tests {
    use super::hushwire::local::v1::{Identifier, ScreenTransactionRequest};

    #[test]
    fn a_message_with_a_raw_identifier_wipes_it_and_does_not_show_it() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let identifier = Identifier { kind: 1, value: "4111111111111111".to_owned() };
        wiped(&identifier);
        let order = ScreenTransactionRequest { identifiers: vec![identifier], ..Default::default() };
        let shown = format!("{order:?}");
        assert!(shown.contains("Identifier(kind 1, …)") && !shown.contains("4111"), "{shown}");
    }
}
