//! gRPC services and clients: convert in, call the use case, convert out, map the error.

pub mod roles;
pub mod status;
pub mod wire;
