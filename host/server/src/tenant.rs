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
use scimwright_provision::{Event, Mode, ProvisionError, Provisioner, RunOptions, StopSignal};
use scimwright_record::{ProviderName, ResourceTypeName};
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
        let say = |what| self.say(what);
        let watch =
            Watch { setup: &*self.setup, state, registry, say: &say, interval: self.options.scan_interval };
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let watching = pin!(watch.run(ready));
        let working = pin!(async {
            if is_ready.await.is_ok() && !self.stop.is_requested() {
                self.say(Happening::Ready { resources: resources.len() });
                self.work(&resources, &*provisioners).await?;
            }
            Ok(())
        });
        match select(working, watching).await {
            Either::Left((outcome, _)) | Either::Right((outcome, _)) => outcome,
        }
    }

    async fn work(
        &self,
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
            self.work_for(provider, Schedule::new(own, Instant::now(), self.options.retry), provisioners)
        });
        try_join_all(loops).await.map(drop)?;
        // A tenant without anything to sync has modules all the same.
        self.stop.requested().await;
        Ok(())
    }

    /// Syncs what is due at one provider, for ever.
    async fn work_for(
        &self,
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
            self.pass(provider, &mut schedule, provisioners).await;
        }
        Ok(())
    }

    /// One pass over what is due.
    async fn pass(&self, provider: &ProviderName, schedule: &mut Schedule, provisioners: &dyn Provisioners) {
        let due = schedule.due(Instant::now());
        let types: Vec<ResourceTypeName> =
            due.iter().map(|resource| resource.resource_type.clone()).collect();
        let made = {
            let told = pin!(self.stop.requested());
            match select(told, provisioners.make(provider, &types)).await {
                Either::Left(_) => return,
                Either::Right((made, _)) => made,
            }
        };
        let made = match made {
            Ok(made) => made,
            Err(trouble) => {
                for resource in &due {
                    self.synced(schedule, resource, Some(trouble.to_string()));
                }
                return;
            }
        };
        for resource in &due {
            let made = made.iter().find(|made| made.rules.resource_type == resource.resource_type);
            let failure = match made {
                Some(provisioner) => match self.sync(provisioner).await {
                    Err(ProvisionError::Stopped) => return,
                    outcome => outcome.err().map(|error| error.to_string()),
                },
                None => Some(format!("the provider has no resource type `{}`", resource.resource_type)),
            };
            self.synced(schedule, resource, failure);
        }
    }

    async fn sync(&self, provisioner: &Provisioner) -> Result<(), ProvisionError> {
        let (provider, resource_type) = (&provisioner.provider, &provisioner.rules.resource_type);
        let observer = |event: &Event| {
            self.say(Happening::Run {
                provider: provider.clone(),
                resource_type: resource_type.clone(),
                event: Box::new(event.clone()),
            });
        };
        let options = RunOptions { stop: self.stop.clone(), ..RunOptions::default() };
        provisioner.run(Mode::Sync, options, &observer).await.map(drop).map_err(|unfinished| unfinished.cause)
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
