//! Why a call did not do what it was for, sorted by what can be done about it.
//!
//! Each failure is worded once, here: thing and place come from the [`CallReport`] in front of it, cause and
//! remedy from the [`Failure`]. What a provider said stands in it as `quote` left it, never raw.

use crate::call::{Action, CallReport};
use scimwright_scim::ScimType;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A call that failed: which one, and why.
///
/// ```text
/// cannot create a User at `acme`: userName is already taken (409 uniqueness)
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {} at `{}`: {kind}{}", .call.subject, .call.provider, self.doubt())]
pub struct ClientError {
    /// The call, for the client log.
    pub call: Box<CallReport>,
    /// Why it failed.
    pub kind: Failure,
}

impl ClientError {
    /// Whether the provider may have carried the request out all the same, or even has.
    ///
    /// True after a time-out, a reset or an unusable answer to a write; repeating a create blindly could then
    /// make a second resource. Never true of a request that only reads.
    #[must_use]
    pub fn may_have_been_executed(&self) -> bool {
        !self.call.subject.action.only_reads() && self.kind.leaves_outcome_open()
    }

    /// What the caller should do next.
    #[must_use]
    pub fn retry(&self) -> RetryAdvice {
        if self.may_have_been_executed() {
            return RetryAdvice::LookUpFirst;
        }
        match &self.kind {
            Failure::Throttled { retry_after, .. }
            | Failure::Unavailable { retry_after, .. }
            | Failure::TokenUnavailable { retry_after, .. } => {
                retry_after.map_or(RetryAdvice::Backoff, RetryAdvice::After)
            }
            Failure::Unreachable { .. }
            | Failure::NotTaken { .. }
            | Failure::TimedOut { .. }
            | Failure::Interrupted { .. } => RetryAdvice::Backoff,
            // RFC 7644 section 3.14: somebody else changed it in between. A conflict is settled the same way:
            // whatever holds the value is found by looking.
            Failure::PreconditionFailed(_) | Failure::Conflict(_) => RetryAdvice::LookUpFirst,
            _ => RetryAdvice::Never,
        }
    }

    fn doubt(&self) -> &'static str {
        match (self.may_have_been_executed(), self.call.subject.action) {
            (false, _) => "",
            (true, Action::Create) => {
                ". The resource may exist all the same: look it up before creating it again"
            }
            (true, _) => ". It may have been carried out all the same: read the resource before trying again",
        }
    }
}

/// What the caller of a failed call should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAdvice {
    /// The same call, but not before this time has passed: the provider asked for it.
    After(Duration),
    /// The same call, later; the caller's own back-off says when.
    Backoff,
    /// Look at what the provider has now, and decide anew. The same call could do harm.
    LookUpFirst,
    /// Not at all: the same call would fail again until somebody changes something.
    Never,
}

/// The five kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// It may pass by itself.
    Retry,
    /// Somebody else holds the value, or changed the resource in between: look, and decide anew.
    Conflict,
    /// The provider refuses it for good, or answers what no call can use.
    Permanent,
    /// The credentials are refused or do not suffice: every other call will fail as well.
    Authentication,
    /// Nothing was asked of the provider: our own configuration or request is at fault.
    Ours,
}

/// What the provider answered instead of success: prints as `userName is already taken (409 uniqueness)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the response.
    pub status: u16,
    /// RFC 7644 section 3.12: what kind of refusal, where the provider says.
    pub scim_type: Option<ScimType>,
    /// The provider's own words, shortened; none where it sent nothing readable.
    pub detail: Option<String>,
}

impl Refusal {
    /// The refusal has this SCIM type.
    #[must_use]
    pub fn is(&self, scim_type: &ScimType) -> bool {
        self.scim_type.as_ref() == Some(scim_type)
    }

    // Said where the provider says nothing.
    fn default_reason(&self) -> &'static str {
        match self.status {
            400 => "the provider refuses the request as malformed",
            401 => "the provider does not accept the credentials",
            403 => "the credentials do not permit it",
            404 | 410 => "the provider has nothing at that address",
            405 | 501 => "the provider does not support it",
            407 => "the proxy in between does not accept its credentials; check `proxy`",
            409 => "it conflicts with another resource",
            412 => "the resource was changed in the meantime",
            413 => "the request is too large for the provider",
            429 => "too many requests",
            500 => "the provider failed inside",
            502..=504 => "the provider is not available",
            _ => "the provider gives no reason",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some frameworks put the status into their sentence.
        let status = format!("({})", self.status);
        let detail = self.detail.as_deref().map(|detail| detail.trim_end_matches(['.', ' ']));
        match detail.map(|detail| detail.strip_suffix(&status).unwrap_or(detail).trim_end()) {
            Some(detail) if !detail.is_empty() => f.write_str(detail)?,
            _ => f.write_str(self.default_reason())?,
        }
        match &self.scim_type {
            Some(scim_type) => write!(f, " ({} {scim_type})", self.status),
            None => write!(f, " ({})", self.status),
        }
    }
}

/// Why a call failed, sorted by what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The operator's, or the network's: there was no connection, so that nothing was sent.
    #[error("there is no connection to it: {cause}. Check base_url, the network and the proxy settings")]
    Unreachable {
        /// What the operating system, DNS or TLS said.
        cause: String,
    },
    /// The operator's: the address guard refuses every address of the host, so that nothing was sent.
    #[error(
        "`{host}` leads to {address} ({kind}), which the address guard refuses; use a host with a public address, or add \
         the network to its exceptions"
    )]
    AddressRefused {
        /// The host.
        host: String,
        /// The first of its addresses.
        address: IpAddr,
        /// What the address is.
        kind: &'static str,
    },
    /// No answer came in time.
    #[error("there was no {} within {limit:?}", if *connecting { "connection" } else { "complete answer" })]
    TimedOut {
        /// The time-out that passed: [`Timeouts`](crate::Timeouts)' `connect`, `read` or `request`.
        limit: Duration,
        /// No connection was made, so that nothing was sent.
        connecting: bool,
    },
    /// The connection broke after the request may have been sent.
    #[error("the connection broke before the answer was complete: {cause}")]
    Interrupted {
        /// What happened.
        cause: String,
    },
    /// The provider closed the connection, and made known that it had not begun with the request.
    #[error("it closed the connection before it took the request: {cause}")]
    NotTaken {
        /// What happened.
        cause: String,
    },
    /// The operator's: there is no token to send, and will be none until somebody changes something.
    #[error("{from} issues no token: {reason}")]
    TokenRefused {
        /// The token endpoint's host, as it is printed.
        from: String,
        /// What it said, and what to do.
        reason: String,
    },
    /// There is no token to send now. The same call may go well later.
    #[error("no token can be had from {from} now: {reason}{}", wait(.retry_after))]
    TokenUnavailable {
        /// The token endpoint's host, or the configured source, as it is printed.
        from: String,
        /// What it said, or what became of the request.
        reason: String,
        /// How long to wait, where the token endpoint said so.
        retry_after: Option<Duration>,
    },
    /// The operator's: 401.
    #[error("{0}. Check `auth` of this provider; the token may have expired")]
    Authentication(Refusal),
    /// The operator's: 403. The credentials were understood, and do not suffice.
    #[error("{0}. The credentials need more rights at the provider")]
    Forbidden(Refusal),
    /// 409, or any refusal whose type is `uniqueness`.
    #[error("{0}")]
    Conflict(Refusal),
    /// 404 or 410.
    #[error("{0}")]
    NotFound(Refusal),
    /// 412: the resource has another version than If-Match named.
    #[error("{0}")]
    PreconditionFailed(Refusal),
    /// 405 or 501: the provider lacks the method, the filter, or whatever was asked for.
    #[error("{0}")]
    Unsupported(Refusal),
    /// 429.
    #[error("{refusal}{}", wait(.retry_after))]
    Throttled {
        /// The answer.
        refusal: Refusal,
        /// How long to wait, where the provider said so.
        retry_after: Option<Duration>,
    },
    /// The provider's: 408, 425 or any 5xx but 501.
    #[error("{refusal}{}", wait(.retry_after))]
    Unavailable {
        /// The answer.
        refusal: Refusal,
        /// How long to wait, where the provider said so.
        retry_after: Option<Duration>,
    },
    /// Any other refusal: the same request would be refused again.
    #[error("{0}")]
    Permanent(Refusal),
    /// A redirect, which is never followed: it could carry credentials to another host.
    #[error("it redirects to {location} ({status}), and none is followed; set base_url to the final address")]
    Redirected {
        /// The status.
        status: u16,
        /// Where it points, quoted.
        location: String,
    },
    /// The body of a successful response is over the limit.
    #[error("the answer is larger than {limit} bytes, which is the limit for a body")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The status says success, the body is not SCIM.
    #[error("the answer ({status}) is not SCIM: {reason}")]
    Unreadable {
        /// The status.
        status: u16,
        /// What it is instead, with the beginning of it.
        reason: String,
    },
    /// A query of all resources ended before all were seen, so that nothing may be concluded from absence.
    #[error("the list is incomplete: {reason}")]
    Incomplete {
        /// What is missing.
        reason: String,
    },
    /// The provider answered with success, and did not do it: read again, the resource is as it was.
    #[error("the provider said yes, and did not change {what}. The profile may name another way to write it")]
    NotApplied {
        /// The paths of what is still as it was.
        what: String,
    },
    /// It cannot be told which resource is meant.
    #[error("{reason}")]
    Ambiguous {
        /// Why not, and what would help.
        reason: String,
    },
    /// Ours: no request can say this.
    #[error("no request can be made of it: {reason}")]
    Unsendable {
        /// Why not.
        reason: String,
    },
}

impl Failure {
    /// What the provider answered, where the failure is an answer.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Authentication(refusal)
            | Self::Forbidden(refusal)
            | Self::Conflict(refusal)
            | Self::NotFound(refusal)
            | Self::PreconditionFailed(refusal)
            | Self::Unsupported(refusal)
            | Self::Throttled { refusal, .. }
            | Self::Unavailable { refusal, .. }
            | Self::Permanent(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Who can help, in one word: what a metric or a circuit breaker goes by.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Interrupted { .. }
            | Self::NotTaken { .. }
            | Self::TokenUnavailable { .. }
            | Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::Incomplete { .. } => FailureClass::Retry,
            Self::Conflict(_) | Self::PreconditionFailed(_) | Self::Ambiguous { .. } => {
                FailureClass::Conflict
            }
            Self::Authentication(_) | Self::Forbidden(_) | Self::TokenRefused { .. } => {
                FailureClass::Authentication
            }
            Self::AddressRefused { .. } | Self::Unsendable { .. } => FailureClass::Ours,
            Self::NotFound(_)
            | Self::Unsupported(_)
            | Self::Permanent(_)
            | Self::Redirected { .. }
            | Self::TooLarge { .. }
            | Self::NotApplied { .. }
            | Self::Unreadable { .. } => FailureClass::Permanent,
        }
    }

    /// The provider turned the request away unread, to be sent again later: 429, or 503 with a Retry-After.
    /// Inside is the wait that it named.
    pub(crate) fn deferral(&self) -> Option<Option<Duration>> {
        match self {
            Self::Throttled { retry_after, .. } => Some(*retry_after),
            Self::Unavailable { refusal, retry_after: Some(wait) } if refusal.status == 503 => {
                Some(Some(*wait))
            }
            Self::TokenUnavailable { retry_after: Some(wait), .. } => Some(Some(*wait)),
            _ => None,
        }
    }

    /// Whether any other call to this provider would fail in the same way: there is nobody to talk to, or nobody
    /// who listens to us.
    #[must_use]
    pub fn concerns_every_call(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::TimedOut { connecting: true, .. }
                | Self::NotTaken { .. }
                | Self::AddressRefused { .. }
                | Self::TokenRefused { .. }
                | Self::TokenUnavailable { .. }
                | Self::Authentication(_)
        )
    }

    /// Whether a response had begun, and not all of it was read.
    pub(crate) fn is_cut_short(&self) -> bool {
        matches!(self, Self::Interrupted { .. } | Self::TooLarge { .. } | Self::TimedOut { .. })
    }

    /// Whether a write that failed so may have been carried out.
    pub(crate) fn leaves_outcome_open(&self) -> bool {
        match self {
            Self::TimedOut { connecting, .. } => !connecting,
            Self::Interrupted { .. } | Self::TooLarge { .. } | Self::Unreadable { .. } => true,
            // RFC 9110 section 15.6.4: 503 is said before work is begun, as are 408 and 425. A 500 may come
            // after the resource was stored, a 502 or 504 from a gateway that lost the answer.
            Self::Unavailable { refusal, .. } => !matches!(refusal.status, 408 | 425 | 503),
            _ => false,
        }
    }
}

fn wait(retry_after: &Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| format!(". It asks to wait {} s", wait.as_secs_f64().ceil()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Subject;
    use crate::message::Method;
    use uuid::Uuid;

    fn error(action: Action, method: Method, id: Option<&str>, kind: Failure) -> ClientError {
        let call = CallReport {
            request_id: Uuid::nil(),
            provider: "acme".into(),
            subject: Subject::new(action, "User", id),
            method,
            path: "/scim/v2/Users".to_owned(),
            status: kind.refusal().map(|refusal| refusal.status),
            duration: Duration::from_millis(12),
            attempts: 1,
        };
        ClientError { call: Box::new(call), kind }
    }

    fn refusal(status: u16, scim_type: Option<&str>, detail: &str) -> Refusal {
        Refusal {
            status,
            scim_type: scim_type.map(ScimType::from),
            detail: (!detail.is_empty()).then(|| detail.to_owned()),
        }
    }

    /// Point 22: class every failure: retry, conflict, permanent, authentication, ours.
    #[test]
    fn every_failure_says_thing_place_cause_and_remedy() {
        let create = |kind| error(Action::Create, Method::Post, None, kind);
        let modify = |kind| error(Action::Modify, Method::Patch, Some("2819c"), kind);
        let query = |kind| error(Action::Query, Method::Get, None, kind);
        let after = Some(Duration::from_secs(30));
        let screen = [
            create(Failure::Conflict(refusal(409, Some("uniqueness"), "userName is already taken."))),
            create(Failure::Unreachable { cause: "connection refused".into() }),
            create(Failure::TimedOut { limit: Duration::from_secs(10), connecting: true }),
            create(Failure::TimedOut { limit: Duration::from_secs(60), connecting: false }),
            create(Failure::Interrupted { cause: "connection reset".into() }),
            create(Failure::Unavailable { refusal: refusal(500, None, ""), retry_after: None }),
            create(Failure::Unavailable { refusal: refusal(503, None, ""), retry_after: after }),
            create(Failure::Throttled { refusal: refusal(429, None, "slow down"), retry_after: after }),
            create(Failure::Permanent(refusal(400, Some("invalidValue"), "title: is too long"))),
            modify(Failure::NotFound(refusal(404, None, ""))),
            modify(Failure::PreconditionFailed(refusal(412, None, ""))),
            modify(Failure::Unsupported(refusal(501, None, ""))),
            modify(Failure::Interrupted { cause: "connection reset".into() }),
            query(Failure::AddressRefused {
                host: "acme.example".into(),
                address: "10.0.0.5".parse().unwrap(),
                kind: "a private network",
            }),
            create(Failure::NotTaken { cause: "stream refused".into() }),
            create(Failure::TokenRefused { from: "`login.example`".into(), reason: "invalid_scope".into() }),
            create(Failure::TokenUnavailable {
                from: "`login.example`".into(),
                reason: "the provider is not available (503)".into(),
                retry_after: after,
            }),
            create(Failure::Permanent(refusal(407, None, ""))),
            query(Failure::Authentication(refusal(401, None, ""))),
            query(Failure::Forbidden(refusal(403, None, ""))),
            query(Failure::TimedOut { limit: Duration::from_secs(60), connecting: false }),
            query(Failure::Redirected { status: 302, location: "https://login.example/".into() }),
            query(Failure::TooLarge { limit: 8_388_608 }),
            query(Failure::Unreadable { status: 200, reason: "it is HTML: <html>".into() }),
            query(Failure::Incomplete { reason: "3 of 5 resources came".into() }),
        ];
        let screen = screen
            .map(|error| format!("{error}\n  → {:?}, {:?}", error.kind.class(), error.retry()))
            .join("\n");
        insta::assert_snapshot!(screen);
    }

    /// Point 17: an ambiguous write is told apart.
    #[test]
    fn a_read_that_was_cut_off_has_executed_nothing() {
        let cut = Failure::Interrupted { cause: "reset".into() };
        assert!(!error(Action::Query, Method::Get, None, cut.clone()).may_have_been_executed());
        assert!(error(Action::Delete, Method::Delete, Some("1"), cut).may_have_been_executed());
    }

    #[test]
    fn an_error_is_small_enough_to_return_by_value() {
        assert!(size_of::<ClientError>() < 128, "{} bytes", size_of::<ClientError>());
    }
}
