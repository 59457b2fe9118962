//! One tenant's work: its modules are watched, and each of its providers has a loop that syncs what is due.
//!
//! A provider's resources are synced one after the other, in the order of the configuration, so that no two runs
//! write to one provider and one state at once. Providers do not wait for each other.

use crate::event::{Happening, ServiceEvent, ServiceObserver};
use crate::schedule::Schedule;
use crate::service::ServiceOptions;
use crate::setup::{OpenTenant, Provisioners, ScheduledResource, TenantSetup, Trouble};
use crate::watch::Watch;
use futures::future::{Either, select, try_join_all};
use jiff::Timestamp;
use scimwright_provision::{
    Event, Mode, Patience, ProvisionError, RunOptions, StopSignal, quarantine, run_round,
};
use scimwright_record::{ProviderName, ResourceTypeName};
use scimwright_state::{LinkScope, RunKind, TenantState};
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

    /// Works until it is told to stop, or cannot go on.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let OpenTenant { state, registry, resources, provisioners } = self.setup.open().await?;
        let known = state.clone();
        let say = |what| self.say(what);
        let watch =
            Watch { setup: &*self.setup, state, registry, say: &say, interval: self.options.scan_interval };
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let outcome = {
            let watching = pin!(watch.run(ready));
            let working = pin!(async {
                if is_ready.await.is_ok() && !self.stop.is_requested() {
                    self.say(Happening::Ready { resources: resources.len() });
                    self.work(&known, &resources, &*provisioners).await?;
                }
                Ok(())
            });
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
            self.work_for(
                state,
                provider,
                Schedule::new(own, Instant::now(), self.options.retry),
                provisioners,
            )
        });
        try_join_all(loops).await.map(drop)?;
        // A tenant without anything to sync has modules all the same.
        self.stop.requested().await;
        Ok(())
    }

    /// Syncs what is due at one provider, for ever.
    async fn work_for(
        &self,
        state: &TenantState,
        provider: &ProviderName,
        mut schedule: Schedule,
        provisioners: &dyn Provisioners,
    ) -> Result<(), Trouble> {
        while let Some(next) = schedule.next() {
            let told = pin!(self.stop.requested());
            let due = pin!(tokio::time::sleep_until(next));
            if let Either::Left(_) = select(told, due).await {
                return Ok(());
            }
            self.pass(state, provider, &mut schedule, provisioners).await?;
        }
        Ok(())
    }

    /// One pass over what is due.
    async fn pass(
        &self,
        state: &TenantState,
        provider: &ProviderName,
        schedule: &mut Schedule,
        provisioners: &dyn Provisioners,
    ) -> Result<(), Trouble> {
        let due = schedule.due(Instant::now());
        let access = provisioners.access(provider);
        if let Err(shut) = quarantine::admit(state, provider, &access, Patience::Wait).await {
            for resource in &due {
                self.synced(schedule, resource, Some(shut.to_string()));
            }
            return Ok(());
        }
        let types: Vec<ResourceTypeName> =
            due.iter().map(|resource| resource.resource_type.clone()).collect();
        let made = {
            let told = pin!(self.stop.requested());
            match select(told, provisioners.make(provider, &types)).await {
                Either::Left(_) => return Ok(()),
                Either::Right((made, _)) => made,
            }
        };
        let made = match made {
            Ok(made) => made,
            Err(trouble) => {
                if trouble.provider_is_away {
                    self.note(state, provider, &access, Some(&trouble.reason)).await?;
                }
                for resource in &due {
                    let ScheduledResource { provider, resource_type, .. } = resource.clone();
                    let scope = LinkScope { provider, resource_type };
                    let noted = state.note_unbegun(RunKind::Sync, &scope, &trouble.reason).await;
                    noted.map_err(|error| Trouble(error.to_string()))?;
                    self.synced(schedule, resource, Some(trouble.to_string()));
                }
                return Ok(());
            }
        };
        let observer = |about: &LinkScope, event: &Event| {
            self.say(Happening::Run {
                provider: about.provider.clone(),
                resource_type: about.resource_type.clone(),
                event: Box::new(event.clone()),
            });
        };
        let options = RunOptions { stop: self.stop.clone(), ..RunOptions::default() };
        let finished = run_round(&made, Mode::Sync, &options, &observer).await;
        let causes = || finished.iter().filter_map(|finish| finish.outcome.as_ref().err());
        if causes().any(|unfinished| matches!(unfinished.cause, ProvisionError::Stopped)) {
            return Ok(());
        }
        let unreachable = causes().find_map(|unfinished| match &unfinished.cause {
            ProvisionError::Provider(error) => Some(error.to_string()),
            _ => None,
        });
        self.note(state, provider, &access, unreachable.as_deref()).await?;
        for resource in &due {
            let finish = finished.iter().find(|finish| finish.resource_type == resource.resource_type);
            let failure = match finish {
                Some(finish) => finish.outcome.as_ref().err().map(ToString::to_string),
                None => Some(format!("the provider has no resource type `{}`", resource.resource_type)),
            };
            self.synced(schedule, resource, failure);
        }
        Ok(())
    }

    /// Notes whether the provider could be worked with, and says so where it is left alone from now on.
    async fn note(
        &self,
        state: &TenantState,
        provider: &ProviderName,
        access: &str,
        failure: Option<&str>,
    ) -> Result<(), Trouble> {
        let noted = quarantine::note(state, provider, access, failure).await;
        if let Some(shut) = noted.map_err(|error| Trouble(error.to_string()))? {
            let (failures, until) = (shut.failures, shut.until);
            self.say(Happening::ProviderQuarantined { provider: provider.clone(), failures, until });
        }
        Ok(())
    }

    fn synced(&self, schedule: &mut Schedule, resource: &ScheduledResource, failure: Option<String>) {
        let next_in = schedule.done(resource, failure.is_none(), Instant::now(), chance());
        self.say(Happening::Synced {
            provider: resource.provider.clone(),
            resource_type: resource.resource_type.clone(),
            failure,
            next_in,
        });
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
