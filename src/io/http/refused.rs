//! Why a request in JSON is not answered with its message, and the answer that says so.

use http::{Response, StatusCode};
use tonic::Status;

use crate::io::grpc::status::Refusal;
use crate::io::http::body::JsonBody;
use crate::io::http::problem;

/// Why a request is not answered with its message.
#[derive(Debug)]
pub enum Refused {
    /// In the words of gRPC.
    Status(Status),
    /// It never became a call.
    Http(StatusCode, &'static str, &'static str),
    /// The path exists with other verbs.
    Verb(Vec<&'static str>),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Status(refusal.into())
    }
}

impl Refused {
    pub fn into_response(self) -> Response<JsonBody> {
        match self {
            Self::Status(status) => problem::of_status(&status),
            Self::Http(status, reason, detail) => problem::of_http(status, reason, detail),
            Self::Verb(verbs) => {
                let detail = format!("this path is asked with {}", verbs.join(" or "));
                let mut response = problem::of_http(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", &detail);
                let allow = verbs.join(", ").parse().expect("verbs are plain words");
                response.headers_mut().insert(http::header::ALLOW, allow);
                response
            }
        }
    }
}
