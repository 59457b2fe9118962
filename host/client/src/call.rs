//! What is known about one call to a provider, whether it went well or not: a row of the client log.

use crate::message::Method;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// What a call is for, in the RFC's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// RFC 7644 section 3.3.
    Create,
    /// RFC 7644 section 3.4.1.
    Retrieve,
    /// RFC 7644 section 3.4.2.
    Query,
    /// RFC 7644 section 3.5.1.
    Replace,
    /// RFC 7644 section 3.5.2.
    Modify,
    /// RFC 7644 section 3.6.
    Delete,
    /// RFC 7644 section 3.7: several operations in one request.
    Bulk,
    /// RFC 7644 section 4: reading one of the three metadata endpoints.
    Discover,
}

impl Action {
    /// The verb.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Retrieve => "retrieve",
            Self::Query => "query",
            Self::Replace => "replace",
            Self::Modify => "modify",
            Self::Delete => "delete",
            Self::Bulk => "bulk",
            Self::Discover => "discover",
        }
    }
}

impl Action {
    /// Whether it only reads, so that doing it twice, or in vain, changes nothing at the provider. This is
    /// not the method's to say: a query may be sent by POST (RFC 7644 section 3.4.3).
    #[must_use]
    pub fn only_reads(self) -> bool {
        matches!(self, Self::Retrieve | Self::Query | Self::Discover)
    }

    /// Whether a request that failed may be sent again before anybody has looked: what only reads, and a delete
    /// (RFC 9110 section 9.2.2), which finds nothing the second time.
    #[must_use]
    pub fn is_repeatable(self) -> bool {
        self.only_reads() || self == Self::Delete
    }

    fn method(self) -> Method {
        match self {
            Self::Create | Self::Bulk => Method::Post,
            Self::Retrieve | Self::Query | Self::Discover => Method::Get,
            Self::Replace => Method::Put,
            Self::Modify => Method::Patch,
            Self::Delete => Method::Delete,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is done to what: prints as `modify User 2819c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What is done.
    pub action: Action,
    /// To a resource of this type; for a discovery, the document read: `User`, `ServiceProviderConfig`.
    /// A bulk request, whose operations may be of any type, has `Bulk` here.
    pub resource_type: String,
    /// The provider's id of the resource, where the call names one or has made one.
    pub resource_id: Option<String>,
}

impl Subject {
    pub(crate) fn new(action: Action, resource_type: &str, resource_id: Option<&str>) -> Self {
        Self { action, resource_type: resource_type.to_owned(), resource_id: resource_id.map(str::to_owned) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.resource_type.as_str();
        match (self.action, &self.resource_id) {
            (Action::Discover, _) => write!(f, "read {kind}"),
            (Action::Bulk, _) => f.write_str("carry out a bulk request"),
            (Action::Query, _) => write!(f, "query {kind} resources"),
            (action, Some(id)) => write!(f, "{action} {kind} `{id}`"),
            (action, None) => write!(f, "{action} {} {kind}", article(kind)),
        }
    }
}

// By sound, as far as a letter tells: "a User", "an Application".
fn article(noun: &str) -> &'static str {
    if noun.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']) { "an" } else { "a" }
}

/// One call: what was asked of whom, and how it went.
///
/// A call is what the caller asked for once; where the first attempt was answered with "later", it holds
/// several requests, all with the same `X-Request-Id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallReport {
    /// Random; also sent as the header `X-Request-Id`, so that both sides' logs can be laid side by side.
    pub request_id: Uuid,
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// What the call was for.
    pub subject: Subject,
    /// The method of its requests.
    pub method: Method,
    /// Path and query of its requests, as the provider's access log shows them. Empty where none could be made.
    pub path: String,
    /// The status of the last response; none where none came.
    pub status: Option<u16>,
    /// From the first request to the last response, waits between attempts included; not the wait before the
    /// first, for a budget, a token or the end of a pause.
    pub duration: Duration,
    /// How many requests were sent. 0 where the call was refused before one was.
    pub attempts: u32,
}

impl CallReport {
    /// The report of a call that has not sent anything yet.
    pub(crate) fn new(provider: Arc<str>, subject: Subject) -> Self {
        Self {
            request_id: Uuid::new_v4(),
            provider,
            method: subject.action.method(),
            subject,
            path: String::new(),
            status: None,
            duration: Duration::ZERO,
            attempts: 0,
        }
    }
}

/// What a call that went well yields: its value, and the report for the log.
#[derive(Debug, Clone)]
pub struct Exchange<T> {
    /// What the provider answered.
    pub value: T,
    /// How the call went.
    pub call: CallReport,
}

impl<T> Exchange<T> {
    /// The same call with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Exchange<U> {
        Exchange { value: change(self.value), call: self.call }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_as_the_end_of_a_sentence() {
        let text = |action, kind, id| Subject::new(action, kind, id).to_string();
        assert_eq!(text(Action::Create, "User", None), "create a User");
        assert_eq!(text(Action::Create, "Application", None), "create an Application");
        assert_eq!(text(Action::Modify, "User", Some("2819c")), "modify User `2819c`");
        assert_eq!(text(Action::Query, "Group", None), "query Group resources");
        assert_eq!(text(Action::Bulk, "Bulk", None), "carry out a bulk request");
        assert_eq!(text(Action::Discover, "ServiceProviderConfig", None), "read ServiceProviderConfig");
    }
}
