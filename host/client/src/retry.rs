//! When a call is tried again by itself, and how long it waits before.
//!
//! Small and bounded: only what cannot do harm is repeated here. That is a request that only reads, and any
//! request the provider turned away unread with "later" (429, or 503 with a Retry-After). A write whose
//! outcome is unknown is never repeated: its caller has to look first.

use crate::failure::Failure;
use crate::message::{HttpResponse, Method};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use std::time::Duration;
use uuid::Uuid;

/// How often, and for how long, a call is tried again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many requests one call may send, the first included. 0 counts as 1.
    pub attempts: u32,
    /// The longest wait between two of them. A provider that asks for more gets no further attempt; the
    /// failure then tells the caller how long to wait.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    /// 3 attempts, waiting at most 30 s before each.
    fn default() -> Self {
        Self { attempts: 3, longest_wait: Duration::from_secs(30) }
    }
}

/// The first wait, where the provider names none; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(200);

impl RetryPolicy {
    /// No call is tried again.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts: 1, longest_wait: Duration::ZERO }
    }

    /// How long to wait before the next attempt, after this many have failed; none where there is to be none.
    pub(crate) fn wait(
        &self,
        attempts: u32,
        method: Method,
        failure: &Failure,
        request_id: Uuid,
    ) -> Option<Duration> {
        if attempts >= self.attempts {
            return None;
        }
        let wait = match failure {
            Failure::Throttled { retry_after: Some(wait), .. } => *wait,
            Failure::Unavailable { refusal, retry_after: Some(wait) } if refusal.status == 503 => *wait,
            // A 500 to a query is most often a fault that comes again; what passes is said with 502 to 504.
            Failure::Unavailable { refusal, .. } if method.is_safe() && refusal.status != 500 => {
                backoff(attempts, request_id).min(self.longest_wait)
            }
            Failure::Throttled { .. } | Failure::Unreachable { .. } | Failure::Interrupted { .. }
                if method.is_safe() =>
            {
                backoff(attempts, request_id).min(self.longest_wait)
            }
            _ => return None,
        };
        (wait <= self.longest_wait).then_some(wait)
    }
}

// Doubles with each attempt, and spreads over half to whole of that, so that many calls which failed together
// do not come back together. The call's random id is the chance in it: nothing else needs to be rolled.
fn backoff(attempts: u32, request_id: Uuid) -> Duration {
    let whole = FIRST_WAIT.saturating_mul(1 << (attempts.max(1) - 1).min(16));
    let [low, high, ..] = request_id.into_bytes();
    whole / 2 + (whole / 2).mul_f64(f64::from(u16::from_le_bytes([low, high])) / f64::from(u16::MAX))
}

/// RFC 9110 section 10.2.3: the wait that a response asks for, in either of the two forms.
///
/// A date is measured against the provider's own `Date`, where it sends one: its clock and ours may differ
/// by more than the wait. A date that has passed is a wait of zero.
pub(crate) fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let text = response.headers.retry_after.as_deref()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    // Some providers send fractions, although the RFC has whole seconds.
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let now = response.headers.date.as_deref().and_then(http_date).unwrap_or(response.received);
    let wait = http_date(text)?.duration_since(now);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

// RFC 9110 section 5.6.7: IMF-fixdate is a form of RFC 2822's date. A wrong day of the week is forgiven.
fn http_date(text: &str) -> Option<Timestamp> {
    static PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    PARSER.parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Refusal;
    use crate::message::ResponseHeaders;

    fn refusal(status: u16) -> Refusal {
        Refusal { status, scim_type: None, detail: None }
    }

    fn unavailable(status: u16, seconds: Option<u64>) -> Failure {
        Failure::Unavailable { refusal: refusal(status), retry_after: seconds.map(Duration::from_secs) }
    }

    fn throttled(seconds: Option<u64>) -> Failure {
        Failure::Throttled { refusal: refusal(429), retry_after: seconds.map(Duration::from_secs) }
    }

    fn wait(attempts: u32, method: Method, failure: &Failure) -> Option<Duration> {
        RetryPolicy::default().wait(attempts, method, failure, Uuid::nil())
    }

    #[test]
    fn a_write_is_repeated_only_where_the_provider_asked_for_it() {
        let reset = Failure::Interrupted { cause: "reset".into() };
        let late = Failure::TimedOut { limit: Duration::from_secs(60), connecting: false };
        for failure in [&reset, &late, &unavailable(502, Some(1)), &unavailable(503, None), &throttled(None)]
        {
            assert_eq!(wait(1, Method::Post, failure), None, "{failure}");
        }
        assert_eq!(wait(1, Method::Post, &throttled(Some(2))), Some(Duration::from_secs(2)));
        assert_eq!(wait(1, Method::Post, &unavailable(503, Some(2))), Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_read_is_repeated_after_what_may_pass() {
        let reset = Failure::Interrupted { cause: "reset".into() };
        for failure in [&reset, &unavailable(502, None), &throttled(None)] {
            assert_eq!(wait(1, Method::Get, failure), Some(Duration::from_millis(100)), "{failure}");
            assert_eq!(wait(2, Method::Get, failure), Some(Duration::from_millis(200)), "{failure}");
        }
        assert_eq!(wait(1, Method::Get, &unavailable(500, None)), None);
        assert_eq!(wait(1, Method::Get, &Failure::NotFound(refusal(404))), None);
    }

    #[test]
    fn attempts_and_waits_are_bounded() {
        assert_eq!(wait(3, Method::Get, &throttled(Some(1))), None);
        assert_eq!(wait(1, Method::Get, &throttled(Some(31))), None);
        let never = RetryPolicy::never();
        assert_eq!(never.wait(1, Method::Get, &throttled(Some(0)), Uuid::nil()), None);
    }

    #[test]
    fn a_wait_without_a_named_time_is_spread_over_half_of_it() {
        let waits = [Uuid::nil(), Uuid::max()].map(|id| backoff(3, id));
        assert_eq!(waits, [Duration::from_millis(400), Duration::from_millis(800)]);
        assert!(backoff(u32::MAX, Uuid::max()) < Duration::from_secs(24 * 3600), "no overflow");
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let read = |retry_after: &str, date: Option<&str>| {
            let headers = ResponseHeaders {
                retry_after: Some(retry_after.to_owned()),
                date: date.map(str::to_owned),
                ..ResponseHeaders::default()
            };
            let received = "2026-03-01T12:00:00Z".parse().unwrap();
            super::retry_after(&HttpResponse { headers, received, ..HttpResponse::default() })
        };
        assert_eq!(read(" 120 ", None), Some(Duration::from_secs(120)));
        assert_eq!(read("1.5", None), Some(Duration::from_millis(1500)));
        assert_eq!(read("Sun, 01 Mar 2026 12:00:30 GMT", None), Some(Duration::from_secs(30)));
        assert_eq!(read("Sun, 01 Mar 2026 11:00:00 GMT", None), Some(Duration::ZERO));
        assert_eq!(read("soon", None), None);
        assert_eq!(read("-1", None), None);
        let fast_clock = "Sun, 01 Mar 2026 13:00:00 GMT";
        assert_eq!(read("Sun, 01 Mar 2026 13:00:05 GMT", Some(fast_clock)), Some(Duration::from_secs(5)));
    }
}
