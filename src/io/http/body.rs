//! Bodies of answers: made in one piece.

use http_body_util::Full;
use prost::bytes::Bytes;

/// The body of an answer.
pub type JsonBody = Full<Bytes>;

/// A body of this content.
pub fn full(content: impl Into<Bytes>) -> JsonBody {
    Full::new(content.into())
}
