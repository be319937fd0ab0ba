//! The HTTP/JSON door: the methods of the local listener for systems that speak no gRPC.
//!
//! It holds no handler of its own. A request is turned into the gRPC call of its route and goes through the same gate: roles,
//! limits, deadlines and audit are one for both. Messages are proto3 JSON (the mapping of the Protocol Buffers guide), refusals
//! are problem details (RFC 9457), and the description is made from the same descriptors (OpenAPI 3.1).

pub mod body;
mod bounds;
pub mod door;
mod examples;
mod gather;
pub mod json;
pub mod languages;
pub mod openapi;
pub mod problem;
mod query;
mod refused;
pub mod routes;
mod schema;
