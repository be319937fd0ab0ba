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

/// Descriptors of every service above (`google.protobuf.FileDescriptorSet`): what foreign tools read, and what the
/// table of [`crate::io::grpc::roles`] is checked against.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
