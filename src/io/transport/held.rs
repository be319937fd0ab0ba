//! An answer that holds what was not read of its question until it has been said.
//!
//! Dropped earlier, the rest of the question becomes a reset of the HTTP/2 stream with CANCEL, which may overtake the answer:
//! the caller would see a broken stream in place of the refusal. After a whole answer the reset says NO_ERROR (RFC 9113 §8.1).

use http::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;

/// The answer, with its question: the body, or the call that owns it.
pub fn holding<Q: Send + Unpin + 'static>(response: Response<Body>, question: Q) -> Response<Body> {
    response.map(|answer| {
        let wrapped = Arc::new(AtomicBool::new(false));
        let body = Body::new(Held { answer, _question: question, wrapped: Arc::clone(&wrapped) });
        wrapped.store(true, Ordering::Relaxed);
        body
    })
}

struct Held<Q> {
    answer: Body,
    _question: Q,
    /// Turns true once it stands in the body of the answer: tonic replaces one that has ended by an empty one when it takes it,
    /// and would drop the question with it.
    wrapped: Arc<AtomicBool>,
}

impl<Q: Unpin> HttpBody for Held<Q> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.answer).poll_frame(cx)
    }

    // As the answer says: a refusal in the headers alone must stay one.
    fn is_end_stream(&self) -> bool {
        self.wrapped.load(Ordering::Relaxed) && self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}
