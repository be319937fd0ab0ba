//! What a page answers: a text, the way to another page, or a file.

use askama::Template;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use prost::bytes::Bytes;
use tokio_stream::{Stream, StreamExt};
use tonic::body::Body;
use zeroize::Zeroizing;

use crate::io::console::assets::Asset;
use crate::io::console::fault::Fault;
use crate::io::console::headers::EVERY;
use crate::io::console::local_path::LocalPath;
use crate::io::http::body::full;

/// An answer before its headers. Its content is a person's and its cookies open a session: neither is shown.
pub struct Answer {
    status: StatusCode,
    content: Content,
    cookies: Vec<Zeroizing<String>>,
    /// Whether the browser is told to keep nothing of this console.
    forget: bool,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

enum Content {
    Page(String),
    See(LocalPath),
    File { name: String, media: &'static str, file: Body },
    Asset { media: &'static str, text: Bytes },
}

/// Seconds after which somebody comes back who was one too many.
const RETRY_AFTER_S: &str = "2";

/// Seconds an asset is kept: its name changes when it does.
const ASSET_CACHE: &str = "public, max-age=31536000, immutable";

impl Answer {
    fn new(status: StatusCode, content: Content) -> Self {
        Self { status, content, cookies: Vec::new(), forget: false }
    }

    /// A page from its template.
    pub fn page(page: &impl Template) -> Result<Self, Fault> {
        Self::page_as(StatusCode::OK, page)
    }

    /// A page under another status: a form that comes back with what is wrong in it.
    pub fn page_as(status: StatusCode, page: &impl Template) -> Result<Self, Fault> {
        let text = page.render().map_err(|error| Fault::Broken(format!("template: {error}")))?;
        Ok(Self::new(status, Content::Page(text)))
    }

    /// A line of text, for where no page can be made.
    pub fn plain(status: StatusCode, text: &'static str) -> Self {
        Self::new(status, Content::Page(format!("<!doctype html><title>{text}</title><p>{text}")))
    }

    /// Go on there, with GET: after every form that changed something, so that nobody sends it again by going back.
    pub fn see(path: LocalPath) -> Self {
        Self::new(StatusCode::SEE_OTHER, Content::See(path))
    }

    /// A file to keep. Its name is the program's, of letters, digits, `-` and `.`.
    pub fn file(name: String, media: &'static str, text: impl Into<Bytes>) -> Self {
        let file = Body::new(full(text.into()));
        Self::new(StatusCode::OK, Content::File { name, media, file })
    }

    /// The same of what is made while it is sent. A part that fails breaks the transfer off, which browsers tell from its end.
    pub fn file_in_parts<E>(
        name: String,
        media: &'static str,
        parts: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let file = Body::new(StreamBody::new(parts.map(|part| part.map(Frame::data))));
        Self::new(StatusCode::OK, Content::File { name, media, file })
    }

    pub fn asset(asset: &Asset) -> Self {
        Self::new(StatusCode::OK, Content::Asset { media: asset.media, text: asset.content.clone() })
    }

    /// Has the browser drop whatever it kept of this console.
    pub fn forgetting(mut self) -> Self {
        self.forget = true;
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn with_cookie(mut self, cookie: String) -> Self {
        self.cookies.push(Zeroizing::new(cookie));
        self
    }

    /// The answer as it goes out, with what every answer says to browsers.
    pub fn into_response(self) -> Response<Body> {
        let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("/"));
        let body = |text: Bytes| Body::new(full(text));
        let mut response = match self.content {
            Content::Page(page) => {
                let mut response = Response::new(body(page.into()));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
                response
            }
            Content::See(path) => {
                let mut response = Response::new(body(Bytes::new()));
                response.headers_mut().insert(LOCATION, text(path.as_str()));
                response
            }
            Content::File { name, media, file } => {
                let mut response = Response::new(file);
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
                response.headers_mut().insert(CONTENT_DISPOSITION, text(&format!("attachment; filename=\"{name}\"")));
                response
            }
            Content::Asset { media, text } => {
                let mut response = Response::new(body(text));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(ASSET_CACHE));
                response
            }
        };
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in EVERY {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        for cookie in &self.cookies {
            headers.append(SET_COOKIE, text(cookie));
        }
        if self.forget {
            headers.insert("clear-site-data", HeaderValue::from_static("\"storage\""));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_file_in_parts_is_made_as_it_is_taken_and_one_that_breaks_off_is_no_whole_file() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let parts = tokio_stream::iter(0..1_000).map(move |nth| {
            counter.fetch_add(1, Ordering::Relaxed);
            if nth < 3 { Ok(Bytes::from_static(b"line\n")) } else { Err(std::io::Error::other("the store hangs")) }
        });
        let mut response = Answer::file_in_parts("x.jsonl".to_owned(), "application/jsonl", parts).into_response();
        assert_eq!(response.headers()[CONTENT_DISPOSITION], "attachment; filename=\"x.jsonl\"");
        for taken in 1..=3 {
            let part = response.body_mut().frame().await.expect("a part").expect("well made");
            assert_eq!(part.into_data().expect("no trailer"), "line\n");
            assert_eq!(made.load(Ordering::Relaxed), taken, "nothing is made ahead of its reader");
        }
        assert!(response.body_mut().frame().await.expect("no silent end").is_err());
    }
}
