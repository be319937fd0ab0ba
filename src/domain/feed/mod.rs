//! (being written)

/// The generated blobs of feed entries, encoded and decoded in the files beside this one only.
#[allow(clippy::all, missing_docs)]
pub(in crate::domain) mod wire {
    include!(concat!(env!("OUT_DIR"), "/blobs/hushwire.types.v1.rs"));
}
