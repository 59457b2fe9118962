//! How many requests a played provider takes in which time. What comes too soon is answered 429.
//!
//! Requests drip out of a bucket as fast as the budget allows, and the bucket holds as many as the budget
//! names: a client may send them all at once, and then one at a time. That is how the usual API gateways
//! count; a budget that began anew with each full minute would let twice as many through at its turn.

use super::{Play, RetryAfter, Rule};
use crate::message::{Method, Response};
use crate::route::Endpoint;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};
use scimwright_profile::Budget;
use scimwright_scim::ScimError;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Requests that were sent in time may arrive this much closer together.
const JITTER: Duration = Duration::from_millis(50);

/// The budgets of a provider, and what is left of them.
#[derive(Debug)]
pub(super) struct Budgets {
    reads: Option<Bucket>,
    writes: Option<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    budget: Budget,
    /// When the bucket will be empty; the past where it is.
    empty_at: Mutex<Timestamp>,
}

impl Bucket {
    fn new(budget: Budget) -> Self {
        Self { budget, empty_at: Mutex::new(Timestamp::UNIX_EPOCH) }
    }

    /// Takes one more request, or says how long it has to wait.
    fn take(&self, now: Timestamp) -> Result<(), Duration> {
        let mut empty_at = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        // GCRA: a request is worth an interval, and the bucket holds the time that the budget names.
        let full_at = later((*empty_at).max(now), self.budget.interval());
        let ahead = Duration::try_from(full_at.duration_since(now)).unwrap_or_default();
        match ahead.checked_sub(self.budget.per()) {
            Some(wait) if wait > JITTER => Err(wait),
            _ => {
                *empty_at = full_at;
                Ok(())
            }
        }
    }
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| moment.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

impl Budgets {
    /// Full budgets.
    pub(super) fn new(reads: Option<Budget>, writes: Option<Budget>) -> Self {
        Self { reads: reads.map(Bucket::new), writes: writes.map(Bucket::new) }
    }
}

impl Play {
    /// The answer to a request that comes too soon (RFC 6585 section 4).
    pub(crate) fn throttle(&self, endpoint: &Endpoint, method: Method, now: Timestamp) -> Option<Response> {
        let reads = method == Method::Get || matches!(endpoint, Endpoint::Search(_) | Endpoint::RootSearch);
        let (bucket, rule) =
            if reads { (&self.budgets.reads, Rule::Reads) } else { (&self.budgets.writes, Rule::Writes) };
        let bucket = bucket.as_ref()?;
        let wait = bucket.take(now).err()?;
        let error = self.broke(rule, ScimError::new(429, format!("more than {} requests", bucket.budget)));
        // Both forms count in whole seconds, and a client that comes early is turned away again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let hint = match self.role.manners.retry_after {
            RetryAfter::Seconds => seconds.to_string(),
            RetryAfter::Date => date(later(now, Duration::from_secs(seconds + 1))),
        };
        Some(Response::error(&error).with_header("Retry-After", hint))
    }
}

/// The form of RFC 9110 section 5.6.7. It drops the fraction of the second.
fn date(moment: Timestamp) -> String {
    // It fails for years beyond 9999 only, which no `Timestamp` has.
    DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_at_once_and_comes_back_one_request_at_a_time() {
        let bucket = Bucket::new("60/min".parse().unwrap());
        let at = |millis: i64| Timestamp::from_millisecond(1_000_000 + millis).unwrap();
        assert!((0..60).all(|_| bucket.take(at(0)).is_ok()));
        assert_eq!(bucket.take(at(0)), Err(Duration::from_secs(1)));
        assert_eq!(bucket.take(at(400)), Err(Duration::from_millis(600)), "what was refused costs nothing");
        assert!(bucket.take(at(1000)).is_ok());
        assert!(bucket.take(at(1000)).is_err());
        assert!((0..60).all(|_| bucket.take(at(120_000)).is_ok()), "a pause saves up no more");
        assert!(bucket.take(at(120_000)).is_err());
    }

    #[test]
    fn a_moment_is_written_as_http_has_it() {
        assert_eq!(date("1994-11-06T08:49:37.5Z".parse().unwrap()), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
