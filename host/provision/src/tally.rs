//! Counts what happens in a cycle and passes it on to whoever listens.

use crate::event::{Action, Event, Observer, Summary};
use scimwright_client::{CallObserver, CallReport, Failure, Provider};
use scimwright_state::LinkScope;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The figures of one cycle.
pub(crate) struct Tally<'a> {
    observer: &'a dyn Observer,
    scope: LinkScope,
    began: Instant,
    summary: Mutex<Summary>,
    requests: Arc<Requests>,
}

/// How many requests were sent.
#[derive(Debug, Default)]
struct Requests(AtomicU64);

impl CallObserver for Requests {
    fn called(&self, call: &CallReport, _failure: Option<&Failure>) {
        self.0.fetch_add(u64::from(call.attempts), Ordering::Relaxed);
    }
}

impl<'a> Tally<'a> {
    pub(crate) fn new(observer: &'a dyn Observer, scope: LinkScope) -> Self {
        let summary = Mutex::new(Summary { complete: true, ..Summary::default() });
        Self { observer, scope, began: Instant::now(), summary, requests: Arc::default() }
    }

    pub(crate) fn emit(&self, event: Event) {
        self.observer.observe(&self.scope, &event);
    }

    pub(crate) fn count(&self, action: Action) {
        lock(&self.summary).count(action);
    }

    /// The same provider, with every request counted from now on.
    pub(crate) fn counted(&self, provider: &Provider) -> Provider {
        provider.through(provider.client().clone().observed_by(self.requests.clone()))
    }

    pub(crate) fn held(&self, candidates: u64) {
        lock(&self.summary).held += candidates;
    }

    pub(crate) fn reference_filled_in(&self) {
        lock(&self.summary).references += 1;
    }

    pub(crate) fn incomplete(&self) {
        lock(&self.summary).complete = false;
    }

    pub(crate) fn mapped(&self, took: Duration) {
        lock(&self.summary).mapping += took;
    }

    /// The figures up to now.
    pub(crate) fn summary(&self) -> Summary {
        let requests = self.requests.0.load(Ordering::Relaxed);
        Summary { requests, duration: self.began.elapsed(), ..lock(&self.summary).clone() }
    }
}

/// Nothing panics while it holds one of our locks; if something did, the figures are still the best there are.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
