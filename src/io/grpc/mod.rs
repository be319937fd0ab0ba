//! gRPC services and clients: convert in, call the use case, convert out, map the error.

pub mod brake;
pub mod compliance;
pub mod convert;
pub mod deadline;
mod erasing;
pub mod exchange;
pub mod gate;
pub mod identity;
pub mod judge;
pub mod late;
pub mod lists;
pub mod node;
pub mod overload;
pub mod publishing;
pub mod reflection;
pub mod refusals;
pub mod roles;
pub mod screening;
pub mod status;
pub mod terms;
pub mod wire;
