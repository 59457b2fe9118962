//! One writer for each resource.
//!
//! Two writes to one group that are under way together lose members at several providers (Fleet #50724), and
//! the second would rest on a state that the first is changing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;

type Turn = tokio::sync::Mutex<()>;

/// Who is writing.
#[derive(Debug, Default)]
pub(super) struct Writers(Mutex<HashMap<String, Weak<Turn>>>);

/// How many resources are remembered before those without a writer are dropped.
const SWEEP_AT: usize = 1024;

impl Writers {
    /// Waits until nobody else writes to this resource. The turn ends when the guard is dropped.
    pub(super) async fn turn(&self, endpoint: &str, id: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= SWEEP_AT {
                turns.retain(|_, turn| turn.strong_count() > 0);
            }
            let place = turns.entry(format!("{endpoint}/{id}")).or_default();
            match place.upgrade() {
                Some(turn) => turn,
                None => {
                    let turn = Arc::new(Turn::default());
                    *place = Arc::downgrade(&turn);
                    turn
                }
            }
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Point 11: one writer per group.
    #[tokio::test]
    async fn two_writers_to_one_resource_take_turns_and_others_do_not_wait() {
        let writers = Arc::new(Writers::default());
        let (here, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let other = writers.turn("/Groups", "2").await;
        let tasks = (0..8).map(|_| {
            let (writers, here, most) = (Arc::clone(&writers), Arc::clone(&here), Arc::clone(&most));
            tokio::spawn(async move {
                let _turn = writers.turn("/Groups", "1").await;
                most.fetch_max(here.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                here.fetch_sub(1, Ordering::SeqCst);
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        drop(other);
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn resources_that_nobody_writes_to_are_forgotten() {
        let writers = Writers::default();
        for id in 0..3 * SWEEP_AT {
            drop(writers.turn("/Users", &id.to_string()).await);
        }
        assert!(writers.0.lock().unwrap().len() <= SWEEP_AT);
    }
}
