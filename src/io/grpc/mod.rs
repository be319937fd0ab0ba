//! gRPC services and clients: convert in, call the use case, convert out, map the error.

pub mod deadline;
pub mod gate;
pub mod identity;
pub mod overload;
pub mod refusals;
pub mod roles;
pub mod status;
pub mod wire;
