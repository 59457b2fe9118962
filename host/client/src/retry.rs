//! When a call is tried again by itself, and how long it waits before.
//!
//! Only what cannot do harm is repeated here. That is a request that only reads, any request that was never
//! taken up (no connection, no token), and any request the provider turned away unread with "later" (429, or
//! 503 with a Retry-After). A write whose outcome is unknown is never repeated: its caller has to look first.

use crate::failure::Failure;
use crate::message::HttpResponse;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use std::time::Duration;
use uuid::Uuid;

/// How often, and for how long, a call is tried again by itself.
///
/// A call whose provider says "later" is not a failure yet: it is bounded by patience, everything else by
/// attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many times one call may fail, but for being told to come later. 1, like 0, sends each request once,
    /// whatever the answer; only a 401 still leads to one fresh token.
    pub attempts: u32,
    /// The longest wait that is chosen here, where the provider names none.
    pub longest_wait: Duration,
    /// How long one call may wait for its provider in total, over all its attempts: pauses that the provider
    /// asked for, whichever call was told, and waits before another attempt. Where it would have to wait for
    /// longer it fails at once, and the failure tells how long. What its requests take, and its waiting for
    /// the budgets of [`Pace`](crate::Pace), does not count: both end by themselves.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    /// 3 attempts, waits of 30 s at most, 5 minutes of patience: most rate limits are counted by the minute,
    /// and whoever runs into one by the hour should hear of it.
    fn default() -> Self {
        Self { attempts: 3, longest_wait: Duration::from_secs(30), patience: Duration::from_secs(300) }
    }
}

/// The first wait, where the provider names none; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// What one call has been through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trials {
    failed: u32,
    deferred: u32,
    waited: Duration,
}

impl Trials {
    /// The call has waited.
    pub(crate) fn waited(&mut self, time: Duration) {
        self.waited += time;
    }
}

impl RetryPolicy {
    /// No call is tried again.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts: 1, longest_wait: Duration::ZERO, patience: Duration::ZERO }
    }

    /// What is left of a call's patience.
    pub(crate) fn patience_left(&self, trials: &Trials) -> Duration {
        self.patience.saturating_sub(trials.waited)
    }

    /// How long a call waits by itself before its next attempt; none where there is to be none. A pause that
    /// the provider named comes on top, where it is longer: it holds for all calls.
    pub(crate) fn wait(
        &self,
        trials: &mut Trials,
        repeatable: bool,
        failure: &Failure,
        request_id: Uuid,
    ) -> Option<Duration> {
        if self.attempts <= 1 {
            return None;
        }
        let (named, own) = match failure.deferral() {
            Some(named) => {
                trials.deferred += 1;
                // The first time, the provider's word is enough. One that says "now" again and again would be
                // asked without end.
                let trusted = named.is_some() && trials.deferred == 1;
                let own = if trusted { Duration::ZERO } else { backoff(trials.deferred, request_id) };
                (named.unwrap_or_default(), own)
            }
            None => {
                trials.failed += 1;
                if trials.failed >= self.attempts || !passes_unharmed(failure, repeatable) {
                    return None;
                }
                (Duration::ZERO, backoff(trials.failed, request_id))
            }
        };
        let own = own.min(self.longest_wait);
        // The pause of a token endpoint does not hold for the provider: the call waits it out itself.
        let own = if matches!(failure, Failure::TokenUnavailable { .. }) { own.max(named) } else { own };
        (own.max(named) <= self.patience_left(trials)).then_some(own)
    }
}

/// Whether the failure may pass, and the request can be sent again without harm. `repeatable` says so of the
/// request even if it was carried out.
fn passes_unharmed(failure: &Failure, repeatable: bool) -> bool {
    match failure {
        // Nothing was sent, or nothing begun with.
        Failure::Unreachable { .. } | Failure::NotTaken { .. } | Failure::TokenUnavailable { .. } => true,
        // A 500 to a query is most often a fault that comes again; what passes is said with 502 to 504.
        Failure::Unavailable { refusal, .. } => repeatable && refusal.status != 500,
        Failure::Interrupted { .. } => repeatable,
        _ => false,
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
    // More digits than a number holds is a long time, and not none.
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(u64::from(u32::MAX)));
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
    use crate::message::{Method, ResponseHeaders};

    fn refusal(status: u16) -> Refusal {
        Refusal { status, scim_type: None, detail: None }
    }

    fn unavailable(status: u16, seconds: Option<u64>) -> Failure {
        Failure::Unavailable { refusal: refusal(status), retry_after: seconds.map(Duration::from_secs) }
    }

    fn throttled(seconds: Option<u64>) -> Failure {
        Failure::Throttled { refusal: refusal(429), retry_after: seconds.map(Duration::from_secs) }
    }

    /// The wait after the same failure so many times.
    fn wait(times: u32, method: Method, failure: &Failure) -> Option<Duration> {
        let (policy, mut trials) = (RetryPolicy::default(), Trials::default());
        for _ in 1..times {
            policy.wait(&mut trials, method.is_safe(), failure, Uuid::nil());
        }
        policy.wait(&mut trials, method.is_safe(), failure, Uuid::nil())
    }

    const MS_100: Option<Duration> = Some(Duration::from_millis(100));

    /// Point 17: an ambiguous POST is never repeated blindly.
    #[test]
    fn a_write_is_repeated_only_where_it_was_not_taken_up() {
        let reset = Failure::Interrupted { cause: "reset".into() };
        let late = Failure::TimedOut { limit: Duration::from_secs(60), connecting: false };
        for failure in [&reset, &late, &unavailable(502, Some(1)), &unavailable(503, None)] {
            assert_eq!(wait(1, Method::Post, failure), None, "{failure}");
        }
        assert_eq!(wait(1, Method::Post, &throttled(Some(2))), Some(Duration::ZERO));
        assert_eq!(wait(1, Method::Post, &unavailable(503, Some(2))), Some(Duration::ZERO));
        assert_eq!(wait(1, Method::Post, &throttled(None)), MS_100);
        assert_eq!(wait(1, Method::Post, &Failure::Unreachable { cause: "refused".into() }), MS_100);
        assert_eq!(wait(1, Method::Post, &Failure::NotTaken { cause: "refused".into() }), MS_100);
    }

    /// Point 23: jittered exponential backoff otherwise.
    #[test]
    fn a_read_is_repeated_after_what_may_pass() {
        let reset = Failure::Interrupted { cause: "reset".into() };
        for failure in [&reset, &unavailable(502, None), &throttled(None)] {
            assert_eq!(wait(1, Method::Get, failure), MS_100, "{failure}");
            assert_eq!(wait(2, Method::Get, failure), Some(Duration::from_millis(200)), "{failure}");
        }
        assert_eq!(wait(1, Method::Get, &unavailable(500, None)), None);
        assert_eq!(wait(1, Method::Get, &Failure::NotFound(refusal(404))), None);
    }

    #[test]
    fn failures_are_bounded_by_attempts_and_deferrals_by_patience() {
        assert_eq!(wait(3, Method::Get, &unavailable(502, None)), None);
        assert_eq!(wait(50, Method::Get, &throttled(Some(0))), Some(Duration::from_secs(30)));
        assert_eq!(wait(1, Method::Get, &throttled(Some(300))), Some(Duration::ZERO));
        assert_eq!(wait(1, Method::Get, &throttled(Some(301))), None);
        let (policy, mut trials) = (RetryPolicy::default(), Trials::default());
        trials.waited(Duration::from_secs(299));
        assert_eq!(policy.wait(&mut trials, true, &throttled(Some(2)), Uuid::nil()), None);
        let never = RetryPolicy::never();
        assert_eq!(never.wait(&mut Trials::default(), true, &throttled(Some(0)), Uuid::nil()), None);
    }

    /// Point 23: jittered exponential backoff otherwise.
    #[test]
    fn a_wait_without_a_named_time_is_spread_over_half_of_it() {
        let waits = [Uuid::nil(), Uuid::max()].map(|id| backoff(3, id));
        assert_eq!(waits, [Duration::from_millis(400), Duration::from_millis(800)]);
        assert!(backoff(u32::MAX, Uuid::max()) < Duration::from_secs(24 * 3600), "no overflow");
    }

    /// Point 23: Retry-After as seconds or HTTP date.
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
        let ages = Duration::from_secs(u64::from(u32::MAX));
        assert_eq!(read("99999999999999999999999", None), Some(ages));
        let fast_clock = "Sun, 01 Mar 2026 13:00:00 GMT";
        assert_eq!(read("Sun, 01 Mar 2026 13:00:05 GMT", Some(fast_clock)), Some(Duration::from_secs(5)));
    }
}
