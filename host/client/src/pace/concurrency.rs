//! How many requests are under way at a time, found out by trying: one more while all goes well, half as many
//! when the provider says that it is too much.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Where a client begins: enough to hide the way to and fro, little enough for a small provider.
const FIRST_LIMIT: usize = 4;

#[derive(Debug)]
pub(super) struct Concurrency {
    most: usize,
    state: Mutex<State>,
    /// Whoever waits for a place; tokio's mutex is fair.
    turn: tokio::sync::Mutex<()>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    taken: usize,
    /// Answers since the limit last changed that were no complaint.
    well: usize,
    /// How often the limit was halved. A place remembers it: answers to requests that were under way when the
    /// limit was halved say nothing about the new limit.
    halved: u64,
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct Place<'a> {
    of: &'a Concurrency,
    halved: u64,
}

impl Concurrency {
    pub(super) fn new(most: NonZeroUsize) -> Self {
        let most = most.get();
        let state = State { limit: FIRST_LIMIT.min(most), taken: 0, well: 0, halved: 0 };
        Self { most, state: Mutex::new(state), turn: tokio::sync::Mutex::new(()), freed: Notify::new() }
    }

    /// Waits for a place, in turn.
    pub(super) async fn enter(&self) -> Place<'_> {
        let _turn = self.turn.lock().await;
        loop {
            {
                let mut state = self.state();
                if state.taken < state.limit {
                    state.taken += 1;
                    return Place { of: self, halved: state.halved };
                }
            }
            // One waits at a time, and `notify_one` is remembered where nobody does yet: none is lost.
            self.freed.notified().await;
        }
    }

    // A panic while it is held cannot leave the numbers half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    pub(super) fn went_well(&self) {
        let mut state = self.of.state();
        state.well += 1;
        // One more after as many good answers as the limit has places: once per round trip at full use.
        if state.well >= state.limit && state.limit < self.of.most {
            state.limit += 1;
            state.well = 0;
            self.of.freed.notify_one();
        }
    }

    pub(super) fn overloaded(&self) {
        let mut state = self.of.state();
        state.well = 0;
        // Once per round trip: sixteen requests refused together are one refusal.
        if self.halved == state.halved {
            state.limit = (state.limit / 2).max(1);
            state.halved += 1;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.of.state().taken -= 1;
        self.of.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concurrency(most: usize) -> Concurrency {
        Concurrency::new(NonZeroUsize::new(most).unwrap())
    }

    async fn fill(concurrency: &Concurrency) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        while let Ok(place) =
            tokio::time::timeout(std::time::Duration::from_millis(1), concurrency.enter()).await
        {
            places.push(place);
        }
        places
    }

    enum Answer {
        Well,
        Overloaded,
    }

    /// One round trip at full use; says how many requests were in it.
    async fn round(concurrency: &Concurrency, answer: Answer) -> usize {
        let places = fill(concurrency).await;
        for place in &places {
            match answer {
                Answer::Well => place.went_well(),
                Answer::Overloaded => place.overloaded(),
            }
        }
        places.len()
    }

    #[tokio::test(start_paused = true)]
    async fn it_grows_by_one_a_round_trip_up_to_its_upper_end() {
        let concurrency = concurrency(7);
        for expected in [4, 5, 6, 7, 7, 7] {
            assert_eq!(round(&concurrency, Answer::Well).await, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_halves_once_a_round_trip_and_never_stops() {
        let concurrency = concurrency(16);
        for expected in [4, 2, 1, 1] {
            assert_eq!(round(&concurrency, Answer::Overloaded).await, expected);
        }
        assert_eq!(round(&concurrency, Answer::Well).await, 1);
        assert_eq!(round(&concurrency, Answer::Well).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upper_end_below_the_first_limit_holds() {
        assert_eq!(round(&concurrency(1), Answer::Well).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_is_left_is_taken_by_whoever_waits() {
        let concurrency = concurrency(1);
        let first = concurrency.enter().await;
        let (_second, ()) = futures::join!(concurrency.enter(), async { drop(first) });
    }
}
