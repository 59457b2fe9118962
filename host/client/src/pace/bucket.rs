//! One budget: how long the next request has to wait.

use scimwright_profile::Budget;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Holds requests back that would be one too many in any window of the budget's time.
///
/// They are not spaced out: a provider that allows a thousand an hour is asked for what is to be done now, and
/// a small run does not take an hour. How many go at a time is the concurrency's affair.
///
/// What is remembered is when each request of the last window was sent: 16 bytes a request.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Option<Rate>,
}

#[derive(Debug)]
struct Rate {
    budget: Budget,
    /// The requests of the last window, the oldest first.
    sent: VecDeque<Instant>,
}

impl Bucket {
    /// None is no bound.
    pub(super) fn new(budget: Option<Budget>) -> Self {
        Self { rate: budget.map(|budget| Rate { budget, sent: VecDeque::new() }) }
    }

    /// How long the next request has to wait; none where it may be sent now.
    pub(super) fn wait(&self) -> Option<Duration> {
        let Rate { budget, sent } = self.rate.as_ref()?;
        // The request that has to leave the window before the next one enters it.
        let before = sent.len().checked_sub(usize::try_from(budget.requests()).unwrap_or(usize::MAX))?;
        let wait = (*sent.get(before)? + budget.per()).saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    /// A request is sent now.
    pub(super) fn charge(&mut self) {
        if let Some(Rate { budget, sent }) = &mut self.rate {
            let now = Instant::now();
            while sent.front().is_some_and(|first| now.duration_since(*first) >= budget.per()) {
                sent.pop_front();
            }
            sent.push_back(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Point 23: read and write budgets per provider.
        #[test]
        fn no_window_has_more_requests_than_the_budget(
            requests in 1_u32..300,
            unit in prop::sample::select(vec!["s", "min", "h"]),
            gaps in prop::collection::vec(0_u64..2_000, 400),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let budget: Budget = format!("{requests}/{unit}").parse().unwrap();
                let mut bucket = Bucket::new(Some(budget));
                let mut sent: Vec<Instant> = Vec::new();
                for gap in gaps {
                    // Some come at once, some after a gap of up to two intervals.
                    let gap = if gap < 1_000 { 0 } else { gap };
                    tokio::time::advance(budget.interval().mul_f64(gap as f64 / 1_000.0)).await;
                    while let Some(wait) = bucket.wait() {
                        tokio::time::advance(wait).await;
                    }
                    bucket.charge();
                    sent.push(Instant::now());
                }
                for window in sent.windows(requests as usize + 1) {
                    assert!(window[requests as usize] - window[0] >= budget.per());
                }
            });
        }
    }
}
