//! All tenants together, from the start to a clean end.

use crate::event::{Happening, ServiceEvent, ServiceObserver};
use crate::setup::{TenantSetup, Trouble};
use crate::tenant::{TenantWork, backoff};
use futures::future::{Either, select};
use jiff::Timestamp;
use scimwright_provision::StopSignal;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How the service goes about its work.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// The time from one look at a modules folder to the next: 500 ms.
    pub scan_interval: Duration,
    /// How long after a first failure the next attempt comes, of a resource or of a tenant: 30 s. Doubled with each
    /// further failure.
    pub retry: Duration,
    /// The longest time until a tenant that failed is begun again: 10 min.
    pub longest_retry: Duration,
    /// How long what is under way may take once the service was told to stop: 30 s.
    pub grace: Duration,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            scan_interval: Duration::from_millis(500),
            retry: Duration::from_secs(30),
            longest_retry: Duration::from_secs(600),
            grace: Duration::from_secs(30),
        }
    }
}

/// How the service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceEnd {
    /// Everything under way was settled.
    Clean,
    /// Something took longer than [`ServiceOptions::grace`] and was broken off. What it had sent is looked for by
    /// the next run, as after a kill.
    BrokenOff,
}

/// The service.
pub struct Service {
    tenants: Vec<Arc<dyn TenantSetup>>,
    options: ServiceOptions,
    observer: Arc<dyn ServiceObserver>,
}

impl Service {
    /// A service for these tenants.
    #[must_use]
    pub fn new(
        tenants: Vec<Arc<dyn TenantSetup>>,
        options: ServiceOptions,
        observer: Arc<dyn ServiceObserver>,
    ) -> Self {
        Self { tenants, options, observer }
    }

    /// Works until it is told to stop, then settles what is under way.
    pub async fn run(&self, stop: StopSignal) -> ServiceEnd {
        self.say(Happening::Serving { tenants: self.tenants.len() });
        let give_up = StopSignal::new();
        let mut lives = JoinSet::new();
        for setup in &self.tenants {
            let work = TenantWork {
                setup: Arc::clone(setup),
                options: self.options.clone(),
                stop: stop.clone(),
                observer: Arc::clone(&self.observer),
            };
            lives.spawn(live(Arc::new(work), give_up.clone()));
        }
        stop.requested().await;
        self.say(Happening::Stopping);
        let ended = async { while lives.join_next().await.is_some() {} };
        let end = match tokio::time::timeout(self.options.grace, ended).await {
            Ok(()) => ServiceEnd::Clean,
            Err(_) => ServiceEnd::BrokenOff,
        };
        // Whoever is left drops what it does, and its state with it.
        give_up.request();
        while lives.join_next().await.is_some() {}
        self.say(Happening::Stopped { clean: end == ServiceEnd::Clean });
        end
    }

    fn say(&self, what: Happening) {
        self.observer.observe(&ServiceEvent { at: Timestamp::now(), tenant: None, what });
    }
}

/// Lets a tenant work, and begins anew whenever its work ends before it should, even by a defect of ours.
async fn live(work: Arc<TenantWork>, give_up: StopSignal) {
    let mut failures: u32 = 0;
    while !work.stop.is_requested() {
        let begun = Instant::now();
        let Err(trouble) = on_its_own_thread(Arc::clone(&work), give_up.clone()).await else { return };
        // Work that went well for a while wipes out what was before.
        failures = if begun.elapsed() > work.options.longest_retry { 1 } else { failures.saturating_add(1) };
        let retry_in = backoff(&work.options, failures);
        work.say(Happening::TenantFailed { reason: trouble.to_string(), retry_in });
        let told = pin!(work.stop.requested());
        let waited = pin!(tokio::time::sleep(retry_in));
        if let Either::Left(_) = select(told, waited).await {
            return;
        }
    }
}

/// A thread for each tenant: what one of them does to it, be it hard work or a defect of ours, stays there.
async fn on_its_own_thread(work: Arc<TenantWork>, give_up: StopSignal) -> Result<(), Trouble> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let name = format!("tenant {}", work.setup.tenant());
    let started = thread::Builder::new().name(name).spawn(move || {
        let outcome = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let outcome = runtime.block_on(async {
                    match select(pin!(work.run()), pin!(give_up.requested())).await {
                        Either::Left((outcome, _)) => outcome,
                        Either::Right(_) => Ok(()),
                    }
                });
                // A guest that still runs is not waited for.
                runtime.shutdown_background();
                outcome
            }
            Err(error) => Err(Trouble(format!("its runtime cannot be started: {error}"))),
        };
        // Nobody listens only where the service itself is gone.
        let _ = tell.send(outcome);
    });
    if let Err(error) = started {
        return Err(Trouble(format!("its thread cannot be started: {error}")));
    }
    told.await.unwrap_or_else(|_| {
        Err(Trouble("scimwright failed in its work; this is a defect, please report it".to_owned()))
    })
}
