//! Whose turn it is at a provider: nobody works beside a round that is under way there.

use scimwright_record::ProviderName;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, OwnedMutexGuard};

/// The turns at the providers of a tenant. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<BTreeMap<ProviderName, Arc<Seat>>>>);

#[derive(Debug, Default)]
struct Seat {
    /// Fair: whoever waits longest is next.
    busy: Arc<tokio::sync::Mutex<()>>,
    /// Somebody else has worked with the provider.
    worked: Notify,
}

/// Whoever has this works with the provider, and nobody else does until it is dropped.
#[derive(Debug)]
pub struct Turn {
    seat: Arc<Seat>,
    by_hand: bool,
    _busy: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for the turn of a scheduled round.
    pub(crate) async fn take(&self, provider: &ProviderName) -> Turn {
        self.wait(provider, false).await
    }

    /// Waits for the turn of what was asked by hand.
    pub(crate) async fn take_by_hand(&self, provider: &ProviderName) -> Turn {
        self.wait(provider, true).await
    }

    /// Waits until somebody has worked with the provider by hand.
    pub(crate) async fn worked_by_hand(&self, provider: &ProviderName) {
        self.seat(provider).worked.notified().await;
    }

    async fn wait(&self, provider: &ProviderName, by_hand: bool) -> Turn {
        let seat = self.seat(provider);
        let busy = Arc::clone(&seat.busy).lock_owned().await;
        Turn { seat, by_hand, _busy: busy }
    }

    fn seat(&self, provider: &ProviderName) -> Arc<Seat> {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(seats.entry(provider.clone()).or_default())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.by_hand {
            self.seat.worked.notify_one();
        }
    }
}
