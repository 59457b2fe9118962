//! Counts what happens in a cycle and passes it on to whoever listens.

use crate::event::{Action, Event, Observer, Summary};
use scimwright_client::{CallObserver, CallReport, Failure, Provider};
use scimwright_state::LinkScope;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The figures of one cycle.
pub(crate) struct Tally<'a> {
    observer: &'a dyn Observer,
    scope: LinkScope,
    began: Instant,
    summary: Mutex<Summary>,
    found: Mutex<Found>,
    requests: Arc<Requests>,
}

/// What is remembered with the run besides its figures, for whoever asks later.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// Why something was not read to its end, or cannot be relied on.
    pub(crate) broken_off: Option<String>,
    /// Why nobody was deprovisioned.
    pub(crate) held: Option<String>,
}

/// How many requests were sent.
#[derive(Debug, Default)]
struct Requests {
    count: AtomicU64,
    /// The calls one by one, where somebody follows them.
    kept: Mutex<Option<Vec<Value>>>,
}

impl CallObserver for Requests {
    fn called(&self, call: &CallReport, failure: Option<&Failure>) {
        self.count.fetch_add(u64::from(call.attempts), Ordering::Relaxed);
        if let Some(kept) = lock(&self.kept).as_mut() {
            kept.push(json!({
                "call": call.subject.to_string(), "method": call.method.as_str(), "path": call.path,
                "status": call.status, "request_id": call.request_id.to_string(), "attempts": call.attempts,
                "duration_ms": u64::try_from(call.duration.as_millis()).unwrap_or(u64::MAX),
                "failure": failure.map(ToString::to_string),
            }));
        }
    }
}

impl<'a> Tally<'a> {
    pub(crate) fn new(observer: &'a dyn Observer, scope: LinkScope) -> Self {
        let summary = Mutex::new(Summary { complete: true, ..Summary::default() });
        Self {
            observer,
            scope,
            began: Instant::now(),
            summary,
            found: Mutex::default(),
            requests: Arc::default(),
        }
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

    /// Keeps every call from now on.
    pub(crate) fn keep_calls(&self) {
        lock(&self.requests.kept).get_or_insert_default();
    }

    /// The calls since the last time.
    pub(crate) fn take_calls(&self) -> Vec<Value> {
        lock(&self.requests.kept).as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Counts those who are not deprovisioned, and says why.
    pub(crate) fn held(&self, candidates: u64, reason: String) {
        lock(&self.summary).held += candidates;
        lock(&self.found).held.get_or_insert_with(|| reason.clone());
        self.emit(Event::Held { candidates, reason });
    }

    /// Something was not read to its end, or not so that it can be relied on.
    pub(crate) fn broke_off(&self, reason: String) {
        self.incomplete();
        lock(&self.found).broken_off.get_or_insert_with(|| reason.clone());
        self.emit(Event::Notice { key: None, message: reason });
    }

    /// What is remembered with the run besides its figures.
    pub(crate) fn found(&self) -> Found {
        lock(&self.found).clone()
    }

    pub(crate) fn reference_filled_in(&self) {
        lock(&self.summary).references += 1;
    }

    pub(crate) fn reference_left_open(&self) {
        lock(&self.summary).open_references += 1;
    }

    pub(crate) fn incomplete(&self) {
        lock(&self.summary).complete = false;
    }

    pub(crate) fn mapped(&self, took: Duration) {
        lock(&self.summary).mapping += took;
    }

    /// The figures up to now.
    pub(crate) fn summary(&self) -> Summary {
        let requests = self.requests.count.load(Ordering::Relaxed);
        Summary { requests, duration: self.began.elapsed(), ..lock(&self.summary).clone() }
    }
}

/// Nothing panics while it holds one of our locks; if something did, the figures are still the best there are.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
