//! One budget: how long the next request has to wait.

use scimwright_profile::Budget;
use std::time::Duration;
use tokio::time::Instant;

/// Of so many requests in a budget, one may be sent without a gap, up to [`LARGEST_BURST`] of them: enough for
/// a record's few requests to go together, too little for a provider to take it as an attack.
const REQUESTS_PER_BURST: u32 = 50;

/// The most requests that are sent without a gap.
const LARGEST_BURST: u32 = 10;

/// Spaces requests evenly, with a small burst.
///
/// It keeps one time: when the budget will be whole again. Each request moves it by an interval; a request
/// has to wait as long as it lies further ahead than the burst. The interval is a little longer than the
/// budget's, by so much that a burst and what follows it stay within the budget: with a burst of b, any window
/// of the budget's time has at most b - 1 + (requests - b + 1) requests.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Option<Rate>,
}

#[derive(Debug)]
struct Rate {
    interval: Duration,
    ahead: Duration,
    whole_at: Option<Instant>,
}

impl Bucket {
    /// None is no bound.
    pub(super) fn new(budget: Option<Budget>) -> Self {
        let rate = budget.map(|budget| {
            let burst = (budget.requests() / REQUESTS_PER_BURST).clamp(1, LARGEST_BURST);
            // Rounded up, or some window would have one request too many.
            let interval = budget.per() / (budget.requests() - burst + 1) + Duration::from_nanos(1);
            Rate { interval, ahead: interval * (burst - 1), whole_at: None }
        });
        Self { rate }
    }

    /// How long the next request has to wait; none where it may be sent now.
    pub(super) fn wait(&self) -> Option<Duration> {
        let rate = self.rate.as_ref()?;
        let wait = rate.whole_at?.saturating_duration_since(Instant::now()).saturating_sub(rate.ahead);
        (!wait.is_zero()).then_some(wait)
    }

    /// A request is sent now.
    pub(super) fn charge(&mut self) {
        if let Some(rate) = &mut self.rate {
            let now = Instant::now();
            rate.whole_at = Some(rate.whole_at.map_or(now, |at| at.max(now)) + rate.interval);
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
