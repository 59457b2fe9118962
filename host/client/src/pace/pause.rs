//! The time during which nothing is sent, because the provider asked for it.

use crate::failure::Refusal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The longest pause, whatever a provider asks for: one odd answer should not silence a service for days.
const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(super) struct Pause {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How long the pauses before the last one were, together.
    before: Duration,
    last: Option<Last>,
}

#[derive(Debug, Clone)]
struct Last {
    since: Instant,
    until: Instant,
    refusal: Refusal,
}

/// A pause that goes on.
#[derive(Debug)]
pub(crate) struct Paused {
    pub(crate) remaining: Duration,
    /// The answer that asked for it.
    pub(crate) refusal: Refusal,
}

impl Pause {
    /// Nothing is to be sent for this long.
    pub(super) fn extend(&self, pause: Duration, refusal: &Refusal) {
        let now = Instant::now();
        let until = now + pause.min(LONGEST);
        let mut state = self.state();
        match &mut state.last {
            Some(last) if last.until > now => last.until = last.until.max(until),
            last => {
                let over = last.as_ref().map_or(Duration::ZERO, |last| last.until - last.since);
                *last = Some(Last { since: now, until, refusal: refusal.clone() });
                state.before += over;
            }
        }
    }

    pub(super) fn current(&self) -> Option<Paused> {
        let state = self.state();
        let last = state.last.as_ref()?;
        let remaining = last.until.saturating_duration_since(Instant::now());
        (!remaining.is_zero()).then(|| Paused { remaining, refusal: last.refusal.clone() })
    }

    /// How long all pauses were together, until now: a clock that runs during pauses only.
    pub(super) fn so_far(&self) -> Duration {
        let state = self.state();
        let last =
            state.last.as_ref().map_or(Duration::ZERO, |last| last.until.min(Instant::now()) - last.since);
        state.before + last
    }

    // A panic while it is held cannot leave the times half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_add_up_overlap_and_end() {
        let (pause, second) = (Pause::default(), Duration::from_secs(1));
        let refusal = Refusal { status: 429, scim_type: None, detail: None };
        assert!(pause.current().is_none());
        pause.extend(10 * second, &refusal);
        tokio::time::advance(4 * second).await;
        pause.extend(2 * second, &refusal);
        assert_eq!(pause.current().unwrap().remaining, 6 * second, "the longer one holds");
        pause.extend(8 * second, &refusal);
        assert_eq!((pause.current().unwrap().remaining, pause.so_far()), (8 * second, 4 * second));
        tokio::time::advance(20 * second).await;
        assert!(pause.current().is_none());
        pause.extend(second, &refusal);
        tokio::time::advance(2 * second).await;
        assert_eq!(pause.so_far(), 13 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn an_odd_answer_silences_nobody_for_ever() {
        let pause = Pause::default();
        pause.extend(Duration::MAX, &Refusal { status: 503, scim_type: None, detail: None });
        assert_eq!(pause.current().unwrap().remaining, LONGEST);
    }
}
