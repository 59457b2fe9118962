//! Requests and responses as values: what the protocol needs of HTTP, and nothing of sockets.
//!
//! [`Provider::handle`](crate::Provider::handle) turns one into the other; only `server.rs` knows which HTTP
//! library carries them.

use scimwright_scim::ScimError;
use serde_json::Value;

/// The media type of SCIM bodies (RFC 7644 section 8.1).
pub const SCIM_MEDIA_TYPE: &str = "application/scim+json";

/// An HTTP method, as far as SCIM knows it (RFC 7644 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Retrieve or query.
    Get,
    /// Create, or search.
    Post,
    /// Replace.
    Put,
    /// Modify.
    Patch,
    /// Delete.
    Delete,
    /// A method SCIM has no use for.
    Other,
}

impl Method {
    /// The method of this name. Names are compared with case (RFC 9110 section 9.1).
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => Self::Other,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Other => "OTHER",
        }
    }
}

/// A request: exactly the parts of an HTTP request that an answer may depend on.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, still percent-encoded: `/v2/Users/2819c223`.
    pub path: String,
    /// What follows the `?`, still percent-encoded; empty where nothing does.
    pub query: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `If-Match` header.
    pub if_match: Option<String>,
    /// The `If-None-Match` header.
    pub if_none_match: Option<String>,
    /// The body.
    pub body: Body,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub enum Body {
    /// All of it; empty where the request has none.
    Complete(Vec<u8>),
    /// It is larger than the sandbox accepts, and nobody read it to its end.
    TooLarge,
}

impl Request {
    /// A request without headers or body. `target` is a path, with `?` and a query where it has one.
    #[must_use]
    pub fn new(method: Method, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            authorization: None,
            content_type: None,
            if_match: None,
            if_none_match: None,
            body: Body::Complete(Vec::new()),
        }
    }

    /// The same request carrying a SCIM body.
    #[must_use]
    pub fn with_json(mut self, body: &Value) -> Self {
        self.content_type = Some(SCIM_MEDIA_TYPE.to_owned());
        self.with_body(body)
    }

    /// The same request carrying a JSON body of the media type that it has.
    pub(crate) fn with_body(mut self, body: &Value) -> Self {
        self.body = Body::Complete(body.to_string().into_bytes());
        self
    }

    /// How many bytes the body has, as far as they were read.
    pub(crate) fn body_len(&self) -> usize {
        match &self.body {
            Body::Complete(bytes) => bytes.len(),
            Body::TooLarge => usize::MAX,
        }
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// Headers other than `Content-Type`, `Content-Length` and `Date`.
    pub headers: Vec<(&'static str, String)>,
    /// The body, where there is one.
    pub body: Option<Vec<u8>>,
    /// The media type of the body.
    pub media_type: &'static str,
}

impl Response {
    /// A response with a SCIM body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(body.to_string().into_bytes()),
            media_type: SCIM_MEDIA_TYPE,
        }
    }

    /// A response without a body: 204 or 304.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None, media_type: SCIM_MEDIA_TYPE }
    }

    /// An error, worded for the client (RFC 7644 section 3.12).
    #[must_use]
    pub fn error(error: &ScimError) -> Self {
        Self::json(error.status, &error.to_value())
    }

    /// The same response with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The value of the header with this name, compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body read as JSON; `null` where there is none or it is not JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        self.body.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or(Value::Null)
    }
}
