//! Who inside the member may no longer call though the authority vouches for them, and who may without it: revoked
//! certificates and bearer tokens, as files in the node's folder that a running node follows.
//!
//! One small file each, written in one step, so that two commands at once lose nothing and a half-written file counts for
//! nothing. What a caller may do is decided in [`crate::io::grpc::judge`].

pub mod bearer;
pub mod folder;
pub mod names;
pub mod revoked;
pub mod token;
pub mod tokens;
