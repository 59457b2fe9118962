//! How fast requests are sent: within the provider's budgets, no more at a time than it takes well, and none
//! while it asked to be left alone.
//!
//! Three rules, one gate. Reads and writes each form a line, first come first served. Whoever is at the head
//! of its line waits for the line's budget, then for one of the places that both lines share, and then for
//! the end of a pause. Only after that is the budget charged, so that the requests sent never exceed it,
//! whatever they had to wait for; and a line that waits for its budget holds no place, so that writes which
//! are out of budget do not keep reads from being sent.
//!
//! - `bucket`: one budget
//! - `concurrency`: how many requests at a time, found out by trying
//! - `pause`: the time during which nothing is sent

mod bucket;
mod concurrency;
mod pause;

use crate::failure::Refusal;
use bucket::Bucket;
use concurrency::{Concurrency, Place};
use pause::Pause;
pub(crate) use pause::Paused;
use scimwright_profile::{Budget, ProviderQuirks};
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::sync::Mutex;

/// The most requests that are under way at a time, unless the settings say otherwise.
pub const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

/// How fast requests may be sent to one provider. All clones of a client share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many requests that only read may be sent; none means no bound.
    pub reads: Option<Budget>,
    /// How many requests that change something may be sent; none means no bound.
    pub writes: Option<Budget>,
    /// How many requests may be under way at a time. That many are sent only to a provider that takes them
    /// well: the client begins with 4, halves that after a 429 or 503, and adds one as long as all goes well.
    pub concurrency: NonZeroUsize,
}

impl Default for Pace {
    /// No budgets, [`DEFAULT_CONCURRENCY`].
    fn default() -> Self {
        Self { reads: None, writes: None, concurrency: DEFAULT_CONCURRENCY }
    }
}

impl Pace {
    /// The budgets of the settings, and where there are none, those of the provider's profile.
    pub(crate) fn or(&self, quirks: &ProviderQuirks) -> Self {
        Self { reads: self.reads.or(quirks.reads), writes: self.writes.or(quirks.writes), ..*self }
    }
}

/// Lets requests through one after the other.
#[derive(Debug)]
pub(crate) struct Pacer {
    reads: Line,
    writes: Line,
    concurrency: Concurrency,
    pause: Pause,
}

/// The requests of one kind that wait, in the order in which they came: tokio's mutex is fair. Its holder is
/// the head of the line; a call that is given up leaves the line by letting go of it.
#[derive(Debug)]
struct Line {
    bucket: Mutex<Bucket>,
}

/// A request may be sent. It holds its place until this is dropped, which is before any wait for a retry.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    place: Place<'a>,
    pause: &'a Pause,
    /// How long a pause held the request back, in line or at its head.
    pub(crate) paused: Duration,
}

impl Pacer {
    pub(crate) fn new(pace: &Pace) -> Self {
        let line = |budget: Option<Budget>| Line { bucket: Mutex::new(Bucket::new(budget)) };
        Self {
            reads: line(pace.reads),
            writes: line(pace.writes),
            concurrency: Concurrency::new(pace.concurrency),
            pause: Pause::default(),
        }
    }

    /// Waits until a request may be sent.
    ///
    /// Only the time spent in pauses counts against `patience`: it is the provider that asks for them.
    /// Waiting for a budget or a place is this client's own doing, ends by itself, and is never given up.
    ///
    /// # Errors
    /// The provider asked for a pause that goes on for longer than the patience lasts.
    pub(crate) async fn admit(&self, only_reads: bool, patience: Duration) -> Result<Permit<'_>, Paused> {
        let line = if only_reads { &self.reads } else { &self.writes };
        let before = self.pause.so_far();
        let paused = || self.pause.so_far().saturating_sub(before);
        let mut bucket = line.bucket.lock().await;
        loop {
            if let Some(pause) = self.pause.current() {
                if paused() + pause.remaining > patience {
                    return Err(pause);
                }
                tokio::time::sleep(pause.remaining).await;
                continue;
            }
            if let Some(wait) = bucket.wait() {
                tokio::time::sleep(wait).await;
                continue;
            }
            let place = self.concurrency.enter().await;
            // While this call waited for its place, another may have been told to pause.
            if self.pause.current().is_none() {
                bucket.charge();
                return Ok(Permit { place, pause: &self.pause, paused: paused() });
            }
        }
    }
}

impl Permit<'_> {
    /// The provider answered, and not that it is overloaded.
    pub(crate) fn went_well(&self) {
        self.place.went_well();
    }

    /// The provider answered 429, or 503: fewer requests at a time, and none at all for as long as it named.
    pub(crate) fn overloaded(&self, refusal: &Refusal, pause: Option<Duration>) {
        self.place.overloaded();
        if let Some(pause) = pause {
            self.pause.extend(pause, refusal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use tokio::time::Instant;

    const READ: bool = true;
    const WRITE: bool = false;
    const PATIENT: Duration = Duration::from_secs(100_000);

    fn refusal() -> Refusal {
        Refusal { status: 429, scim_type: None, detail: None }
    }

    fn pacer(reads: Option<&str>, writes: Option<&str>, concurrency: usize) -> Pacer {
        let budget = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        let concurrency = NonZeroUsize::new(concurrency).unwrap();
        Pacer::new(&Pace { reads: budget(reads), writes: budget(writes), concurrency })
    }

    /// Sends so many requests, each taking this long, and says when each was let through.
    async fn send(pacer: &Pacer, only_reads: bool, count: usize, taking: Duration) -> Vec<Duration> {
        let begun = Instant::now();
        let calls = (0..count).map(|_| async move {
            let permit = pacer.admit(only_reads, PATIENT).await.unwrap();
            let at = begun.elapsed();
            tokio::time::sleep(taking).await;
            permit.went_well();
            at
        });
        join_all(calls).await
    }

    /// Point 23: read and write budgets per provider.
    #[tokio::test(start_paused = true)]
    async fn a_budget_is_never_exceeded_in_any_window() {
        for (budget, per) in [("60/min", 60), ("600/min", 60), ("7/s", 1), ("1000/h", 3600), ("1/s", 1)] {
            let requests: usize = budget.split('/').next().unwrap().parse().unwrap();
            let pacer = pacer(None, Some(budget), 16);
            let sent = send(&pacer, WRITE, 2 * requests + 5, Duration::from_millis(90)).await;
            for (number, at) in sent.iter().enumerate() {
                let window =
                    sent[number..].iter().take_while(|later| **later < *at + Duration::from_secs(per));
                assert!(window.count() <= requests, "{budget} from request {number} on");
            }
            let rate = sent.len() as f64 / sent.last().unwrap().as_secs_f64();
            assert!(rate > 0.9 * requests as f64 / per as f64, "{budget} is made use of: {rate} a second");
        }
    }

    /// Point 23: read and write budgets per provider.
    #[tokio::test(start_paused = true)]
    async fn reads_do_not_wait_behind_writes_that_are_out_of_budget() {
        let pacer = pacer(None, Some("1/min"), 1);
        let writes = send(&pacer, WRITE, 5, Duration::from_secs(1));
        let reads = send(&pacer, READ, 20, Duration::from_secs(1));
        let (writes, reads) = futures::join!(writes, reads);
        assert!(*reads.last().unwrap() <= Duration::from_secs(24), "{reads:?}");
        assert_eq!(writes.last().unwrap().as_secs(), 240);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_let_through_in_the_order_in_which_they_came() {
        let pacer = pacer(Some("600/min"), None, 3);
        let sent = send(&pacer, READ, 50, Duration::from_millis(700)).await;
        assert!(sent.is_sorted(), "{sent:?}");
    }

    /// Point 23: Retry-After.
    #[tokio::test(start_paused = true)]
    async fn all_requests_wait_out_a_pause_that_one_was_told_of() {
        let pacer = pacer(None, None, 4);
        pacer.admit(READ, PATIENT).await.unwrap().overloaded(&refusal(), Some(Duration::from_secs(90)));
        let sent = send(&pacer, WRITE, 3, Duration::ZERO).await;
        assert!(sent.iter().all(|at| at.as_secs() == 90), "{sent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_beyond_the_patience_is_told_at_once() {
        let pacer = pacer(None, None, 4);
        let minute = Duration::from_secs(60);
        pacer.admit(READ, PATIENT).await.unwrap().overloaded(&refusal(), Some(2 * minute));
        let begun = Instant::now();
        let paused = pacer.admit(READ, minute).await.unwrap_err();
        assert_eq!(
            (paused.remaining, paused.refusal, begun.elapsed()),
            (2 * minute, refusal(), Duration::ZERO)
        );
        let permit = pacer.admit(READ, 2 * minute).await.unwrap();
        assert_eq!((permit.paused, begun.elapsed()), (2 * minute, 2 * minute));
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_line_during_a_pause_counts_against_the_patience() {
        let pacer = &pacer(None, None, 1);
        let second = Duration::from_secs(1);
        let calls = (0..10).map(|_| async move {
            let permit = pacer.admit(READ, 35 * second).await.map_err(|_| ())?;
            permit.overloaded(&refusal(), Some(10 * second));
            Ok::<_, ()>(permit.paused)
        });
        let sent: Vec<_> = join_all(calls).await.into_iter().filter_map(Result::ok).collect();
        assert_eq!(sent, [0, 10, 20, 30].map(|waited| waited * second), "the others were told after 35 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_costs_nobody_anything() {
        let pacer = pacer(Some("1/s"), None, 1);
        send(&pacer, READ, 1, Duration::ZERO).await;
        let second = Duration::from_secs(1);
        for _ in 0..5 {
            let given_up = tokio::time::timeout(second / 10, pacer.admit(READ, PATIENT)).await;
            assert!(given_up.is_err());
        }
        let sent = send(&pacer, READ, 1, Duration::ZERO).await;
        assert!(sent[0] < second * 6 / 10, "{sent:?}");
    }
}
