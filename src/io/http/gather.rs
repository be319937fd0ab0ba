//! The body of a request, gathered within its limits: of size, of time, and of what all of them may hold in memory at once.
//!
//! A gRPC message is read only once its call has a place; a body of JSON comes before its call, so it has a budget of its own,
//! on its connection and in the node. It is charged for what has come, not for what was announced.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use prost::bytes::{Bytes, BytesMut};
use tokio::time::timeout;
use tonic::body::Body;

use crate::base::limits;
use crate::io::grpc::overload::overloaded;
use crate::io::http::refused::Refused;
use crate::io::transport::byte_budget::{ByteBudget, HeldBytes};

/// Where the bytes of a body are charged.
#[derive(Debug, Clone)]
pub struct Budgets {
    pub node: ByteBudget,
    pub connection: ByteBudget,
}

/// A whole body, and the room it takes until nothing is left of it.
#[derive(Debug)]
pub struct Gathered {
    pub text: Bytes,
    pub held: Vec<HeldBytes>,
}

/// The whole body, within `longest`.
pub async fn gather(body: &mut Body, budgets: &Budgets, longest: Duration) -> Result<Gathered, Refused> {
    timeout(longest, gather_all(body, budgets)).await.unwrap_or_else(|_| {
        Err(Refused::Http(StatusCode::REQUEST_TIMEOUT, "BODY_TOO_SLOW", "the body did not come within 10 s"))
    })
}

async fn gather_all(body: &mut Body, budgets: &Budgets) -> Result<Gathered, Refused> {
    let mut text = BytesMut::new();
    let mut held: Vec<HeldBytes> = Vec::with_capacity(2);
    while let Some(frame) = body.frame().await {
        let broken = "the body ended before its announced end";
        let frame = frame.map_err(|_| Refused::Http(StatusCode::BAD_REQUEST, "BODY_BROKEN", broken))?;
        let Ok(data) = frame.into_data() else { continue };
        if text.len().saturating_add(data.len()) > limits::MESSAGE_BYTES {
            let large = "the body exceeds the limit of 4 MiB";
            return Err(Refused::Http(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", large));
        }
        for (number, budget) in [&budgets.connection, &budgets.node].into_iter().enumerate() {
            let more = budget.take(data.len()).ok_or_else(|| Refused::Status(overloaded().into()))?;
            match held.get_mut(number) {
                Some(held) => held.add(more),
                None => held.push(more),
            }
        }
        text.extend_from_slice(&data);
    }
    Ok(Gathered { text: text.freeze(), held })
}

#[cfg(test)]
mod tests {
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use tokio_stream::{Stream, StreamExt};
    use tonic::{Code, Status};

    use super::*;

    const LONGEST: Duration = Duration::from_millis(limits::CALL_MS);

    fn budgets(connection: usize, node: usize) -> Budgets {
        Budgets { node: ByteBudget::new(node), connection: ByteBudget::new(connection) }
    }

    fn coming(chunks: impl Stream<Item = Result<Bytes, Status>> + Send + 'static) -> Body {
        Body::new(StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))))
    }

    /// What becomes of a body that comes like this, where it may take so long.
    async fn check<S>(chunks: S, longest: Duration, status: u16, reason: &str)
    where
        S: Stream<Item = Result<Bytes, Status>> + Send + 'static,
    {
        let budgets = budgets(limits::BODY_BYTES_PER_CONNECTION, limits::BODY_BYTES);
        match gather(&mut coming(chunks), &budgets, longest).await.expect_err(reason) {
            Refused::Http(got, why, _) => assert_eq!((got.as_u16(), why), (status, reason)),
            Refused::Status(_) | Refused::Verb(_) => panic!("{reason}: it is no call yet"),
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_to_its_end_is_refused_for_what_it_does() {
        let soon = Duration::from_millis(20);
        let begun = || tokio_stream::once(Ok(Bytes::from_static(b"{")));
        check(begun().chain(tokio_stream::pending()), soon, 408, "BODY_TOO_SLOW").await;
        // One that sends a byte now and then is as slow as one that sends none.
        let spaces = tokio_stream::iter(std::iter::repeat(Ok(Bytes::from_static(b" "))));
        check(begun().chain(spaces.throttle(Duration::from_millis(1))), soon, 408, "BODY_TOO_SLOW").await;
        check(begun().chain(tokio_stream::once(Err(Status::cancelled("gone")))), LONGEST, 400, "BODY_BROKEN").await;
        let large = Bytes::from(vec![b' '; limits::MESSAGE_BYTES]);
        check(begun().chain(tokio_stream::once(Ok(large))), LONGEST, 413, "BODY_TOO_LARGE").await;
    }

    #[tokio::test]
    async fn bodies_beyond_what_a_connection_or_the_node_may_hold_are_refused_until_one_is_done() {
        for (connection, node) in [(10, 100), (100, 10)] {
            let budgets = budgets(connection, node);
            let ask = async |bytes: usize| {
                // In pieces: what has come is charged, whatever was announced.
                let pieces = std::iter::repeat_n(Ok(Bytes::from_static(b" ")), bytes);
                gather(&mut coming(tokio_stream::iter(pieces)), &budgets, LONGEST).await
            };
            let first = ask(7).await.expect("room");
            match ask(4).await.expect_err("no room") {
                Refused::Status(status) => assert_eq!(status.code(), Code::ResourceExhausted),
                Refused::Http(..) | Refused::Verb(_) => panic!("it is asked to come back"),
            }
            let second = ask(3).await.expect("what was refused holds nothing");
            drop((first, second));
            assert_eq!(ask(10).await.expect("room again").text.len(), 10);
        }
    }
}
