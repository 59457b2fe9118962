//! HTTP messages as plain values: what the transport sends, and what it brings back.
//!
//! They carry no credentials. `request` builds the one and `judge` reads the other, so both are tested
//! without a socket, and neither knows which HTTP library is used.

use crate::failure::Failure;
use crate::quote::Secrets;
use jiff::Timestamp;
use std::borrow::Cow;
use std::fmt;
use url::Url;

/// RFC 7644 section 3.1: the media type of the bodies we send.
pub(crate) const SCIM_JSON: &str = "application/scim+json";

/// The media type of bodies for providers that refuse SCIM's own.
pub(crate) const JSON: &str = "application/json";

/// What we accept: some providers label SCIM as plain JSON.
pub(crate) const ACCEPTED: &str = "application/scim+json, application/json";

/// The methods SCIM uses (RFC 7644 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Retrieve or query.
    Get,
    /// Create.
    Post,
    /// Replace.
    Put,
    /// Modify.
    Patch,
    /// Delete.
    Delete,
}

impl Method {
    /// The method's name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// RFC 9110 section 9.2.1: whether sending it twice, or in vain, changes nothing at the provider.
    #[must_use]
    pub fn is_safe(self) -> bool {
        self == Self::Get
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request, complete but for what the transport adds to each: credentials, `User-Agent`, `X-Request-Id`
/// and the headers of the configuration.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The address, query included.
    pub url: Url,
    /// Header names, in lower case, and their values.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The JSON body.
    pub body: Option<Vec<u8>>,
}

impl HttpRequest {
    /// Path and query, as the provider's own access log shows them.
    #[must_use]
    pub(crate) fn path_and_query(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }
}

// A body may hold a password, so that only its size is shown.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.as_ref().map(Vec::len))
            .finish()
    }
}

/// A response, as far as it could be read.
#[derive(Clone, Default)]
pub(crate) struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The headers that a judgement may rest on.
    pub headers: ResponseHeaders,
    /// The body, or its beginning: see [`end`](Self::end).
    pub body: Vec<u8>,
    /// Whether the body is all there.
    pub end: BodyEnd,
    /// When the head of the response came, by our clock.
    pub received: Timestamp,
    pub(crate) secrets: Secrets,
}

impl HttpResponse {
    /// Whether the status says success (RFC 9110 section 15.3).
    #[must_use]
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// The response headers that SCIM gives a meaning. The content type is not among them: providers label HTML
/// as SCIM and SCIM as text, so that the body itself is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResponseHeaders {
    /// Where a created resource is, or where a redirect points.
    pub location: Option<String>,
    /// The version of the resource (RFC 7644 section 3.14).
    pub etag: Option<String>,
    /// `Retry-After`, else `X-Retry-After`: seconds or a date.
    pub retry_after: Option<String>,
    /// The provider's clock, which dates in `Retry-After` are measured against.
    pub date: Option<String>,
}

/// How the reading of a response's body ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// At its end.
    #[default]
    Complete,
    /// At the size limit. Nothing more was read.
    OverLimit {
        /// The limit, in bytes.
        limit: usize,
    },
    /// With the connection: the time-out passed, or it was reset.
    Lost(Failure),
}
