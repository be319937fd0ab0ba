//! gRPC services and clients: convert in, call the use case, convert out, map the error.

pub mod case_words;
pub mod cases;
pub mod challenge;
pub mod compliance;
pub mod convert;
pub mod deadline;
mod erasing;
pub mod exchange;
pub mod explaining;
pub mod feedback;
pub mod gate;
pub mod identity;
pub mod judge;
pub mod lists;
pub mod node;
pub mod overload;
pub mod policy;
pub mod profiles;
pub mod publishing;
pub mod reflection;
pub mod refusals;
pub mod roles;
pub mod screening;
pub mod status;
pub mod terms;
pub mod users;
pub mod wire;
