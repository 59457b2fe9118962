//! The wish that a run may end early: told by whoever started it, heeded by the run.
//!
//! A run that is told to stop takes no more records, settles those under way, and deprovisions nobody. Nothing is
//! torn: what was sent is remembered, and the next run goes on from there.

use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// Tells runs to stop. Cheap to clone; all clones are one signal. The default never stops anything until somebody
/// [requests](Self::request) it.
#[derive(Clone)]
pub struct StopSignal {
    requested: Arc<watch::Sender<bool>>,
}

impl StopSignal {
    /// A signal that has not been given.
    #[must_use]
    pub fn new() -> Self {
        Self { requested: Arc::new(watch::Sender::new(false)) }
    }

    /// Gives the signal. There is no way back.
    pub fn request(&self) {
        self.requested.send_replace(true);
    }

    /// Whether it was given.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until it is given.
    pub async fn requested(&self) {
        let mut receiver = self.requested.subscribe();
        // The sender lives as long as this signal does, so waiting cannot fail.
        let _ = receiver.wait_for(|requested| *requested).await;
    }
}

impl Default for StopSignal {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopSignal").field("requested", &self.is_requested()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_and_whoever_comes_later_hear_of_it() {
        let signal = StopSignal::new();
        let waiting = tokio::spawn({
            let signal = signal.clone();
            async move { signal.requested().await }
        });
        tokio::task::yield_now().await;
        assert!(!signal.is_requested() && !waiting.is_finished());
        signal.request();
        waiting.await.unwrap();
        signal.requested().await;
    }
}
