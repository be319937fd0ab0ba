//! The generated blobs of feed entries (`hushwire.types.v1`, entry.proto).
//!
//! Each message is encoded and decoded in exactly one file of this floor; nothing above sees these types.

#![allow(clippy::all, missing_docs, unused_qualifications, reason = "generated code keeps to its own style")]

include!(concat!(env!("OUT_DIR"), "/blobs/hushwire.types.v1.rs"));
