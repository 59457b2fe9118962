//! One tenant's work: its modules are watched, and each of its providers has its rounds.
//!
//! Providers do not wait for each other.

use crate::asked;
use crate::event::{Happening, ServiceEvent, ServiceObserver};
use crate::rounds::Rounds;
use crate::schedule::Schedule;
use crate::service::ServiceOptions;
use crate::setup::{OpenTenant, Provisioners, ScheduledResource, TenantSetup, Trouble};
use crate::turns::Turns;
use crate::watch::Watch;
use futures::TryFutureExt;
use futures::future::{Either, select, try_join, try_join_all};
use jiff::Timestamp;
use scimwright_provision::{Event, StopSignal};
use scimwright_record::ProviderName;
use scimwright_state::{LinkScope, TenantState};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Does the work of one tenant.
pub(crate) struct TenantWork {
    pub(crate) setup: Arc<dyn TenantSetup>,
    pub(crate) options: ServiceOptions,
    pub(crate) stop: StopSignal,
    pub(crate) observer: Arc<dyn ServiceObserver>,
}

impl TenantWork {
    pub(crate) fn say(&self, what: Happening) {
        let tenant = Some(self.setup.tenant().clone());
        self.observer.observe(&ServiceEvent { at: Timestamp::now(), tenant, what });
    }

    /// Passes on what a run says.
    pub(crate) fn say_of_run(&self, about: &LinkScope, event: &Event) {
        self.say(Happening::of_run(about, event));
    }

    /// Works until it is told to stop, or cannot go on.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let OpenTenant { state, registry, resources, provisioners, attendant } = self.setup.open().await?;
        state.attend_wishes().await.map_err(|error| Trouble(error.to_string()))?;
        let known = state.clone();
        let say = |what| self.say(what);
        let watch =
            Watch { setup: &*self.setup, state, registry, say: &say, interval: self.options.scan_interval };
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let (loaded, is_loaded) = tokio::sync::watch::channel(false);
        let turns = Turns::default();
        let outcome = {
            let watching = pin!(watch.run(ready));
            let rounds = async {
                if is_ready.await.is_ok() && !self.stop.is_requested() {
                    self.say(Happening::Ready { resources: resources.len() });
                    loaded.send_replace(true);
                    self.work(&known, &turns, &resources, &*provisioners).await?;
                }
                Ok(())
            };
            let attending = asked::attend(self, &known, &turns, &*attendant, is_loaded);
            let working = pin!(try_join(rounds, attending).map_ok(drop));
            match select(working, watching).await {
                Either::Left((outcome, _)) | Either::Right((outcome, _)) => outcome,
            }
        };
        // Both are gone, so nobody holds on to the connection.
        known.close().await;
        outcome
    }

    async fn work(
        &self,
        state: &TenantState,
        turns: &Turns,
        resources: &[ScheduledResource],
        provisioners: &dyn Provisioners,
    ) -> Result<(), Trouble> {
        let mut providers: Vec<&ProviderName> = Vec::new();
        for resource in resources {
            if !providers.contains(&&resource.provider) {
                providers.push(&resource.provider);
            }
        }
        let loops = providers.into_iter().map(|provider| {
            let own = resources.iter().filter(|resource| resource.provider == *provider).cloned().collect();
            let schedule = Schedule::new(own, Instant::now(), self.options.retry);
            Rounds::new(self, state, turns, provider, schedule, provisioners).run()
        });
        try_join_all(loops).await.map(drop)?;
        // A tenant without anything to sync has modules all the same.
        self.stop.requested().await;
        Ok(())
    }
}

/// A number from 0 to 1, another one each time. Nothing secret hangs on it.
pub(crate) fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    #[allow(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
    let share = bits as f64 / (1_u64 << 53) as f64;
    share
}

/// The time until a tenant that failed is begun again: doubled with each failure, up to a bound.
pub(crate) fn backoff(options: &ServiceOptions, failures: u32) -> Duration {
    let doubled = options.retry.saturating_mul(1 << failures.saturating_sub(1).min(20));
    doubled.min(options.longest_retry).mul_f64(0.9 + 0.2 * chance())
}
