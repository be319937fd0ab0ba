//! Stands first behind the local listener where tokens are taken: whoever has no certificate is known by a token, or as nobody.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tower::Service;

use crate::io::access::tokens::TokenRegistry;
use crate::io::clock;

/// A service whose requests carry their callers.
#[derive(Debug, Clone)]
pub struct Bearer<S> {
    inner: S,
    /// None where certificates alone count: the header is not looked at then.
    tokens: Option<Arc<TokenRegistry>>,
}

impl<S> Bearer<S> {
    pub fn new(inner: S, tokens: Option<Arc<TokenRegistry>>) -> Self {
        Self { inner, tokens }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Bearer<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some(tokens) = &self.tokens {
            tokens.identify(&mut request, clock::now());
        }
        self.inner.call(request)
    }
}
