//! Floor 3: the outside. gRPC, TLS, disk, clock and randomness live here and nowhere below.

pub mod bundle_files;
pub mod certificate;
pub mod clock;
pub mod compactor;
pub mod engine;
pub mod exchange;
pub mod fence_file;
pub mod grpc;
pub mod guard_files;
pub mod http;
pub mod journal;
pub mod key_bundle;
pub mod keystore;
pub mod noise;
pub mod random;
pub mod rescue;
pub mod roster_files;
pub mod screener;
pub mod scrub;
pub mod snapshot_file;
pub mod snapshot_keeper;
pub mod transport;
pub mod typology_file;
pub mod views;
