//! `serve`: keeps every tenant's modules folder live, and syncs every resource on its interval.

use super::leftovers::leftovers;
use super::{create_private_folder, tenant_folders};
use crate::args::{Common, Output};
use crate::assemble;
use crate::config::model::{ProviderConfig, Tenant};
use crate::config::{self, FILE_NAME, TenantFolder};
use crate::exit::Exit;
use crate::modules::{self, Modules};
use crate::report::remedy::Remedies;
use crate::report::serving;
use crate::signals;
use crate::terminal::err;
use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use scimwright_mapping::{HostOptions, MappingHost};
use scimwright_provision::{ProvisionError, Provisioner, StopSignal};
use scimwright_record::{ProviderName, ResourceTypeName, TenantName};
use scimwright_server::{
    OpenTenant, Provisioners, ScheduledResource, Service, ServiceEnd, ServiceEvent, ServiceOptions,
    TenantSetup, Trouble, Unmade,
};
use scimwright_state::{StateStore, TenantState};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How long a module's file must not have changed before it is looked at.
const SETTLE: Duration = Duration::from_millis(500);

pub(super) async fn run(common: &Common) -> anyhow::Result<Exit> {
    let folders = tenant_folders(common)?;
    // One pool and one clock for all tenants. Compiled code is known by what it was compiled from, so tenants may
    // share it; one tenant's state folder is where a single command keeps its own.
    let cache = common.config.join(".scimwright").join("compiled");
    create_private_folder(cache.parent().unwrap_or(&cache))?;
    let host = MappingHost::new(HostOptions { cache_dir: Some(cache), ..HostOptions::default() })
        .context("the host for mapping modules cannot be started")?;
    let count = folders.len();
    let tenants = folders.into_iter().map(|folder| -> Arc<dyn TenantSetup> {
        let remedies = common.remedies_for(&folder.name, count);
        Arc::new(Setup { folder, host: host.clone(), remedies, read: Mutex::default() })
    });
    let stop = StopSignal::new();
    signals::stop_on_signal(stop.clone());
    let common = common.clone();
    let observer = move |event: &ServiceEvent| {
        let tenant = event.tenant.as_ref();
        let remedies = tenant.map_or_else(|| common.remedies(), |tenant| common.remedies_for(tenant, count));
        match common.output {
            Output::Human => serving::human(event, common.verbose, &remedies),
            Output::Json => serving::json(event, &remedies),
        }
    };
    let service = Service::new(tenants.collect(), ServiceOptions::default(), Arc::new(observer));
    Ok(match service.run(stop).await {
        ServiceEnd::Clean => Exit::Success,
        ServiceEnd::BrokenOff => Exit::Stopped,
    })
}

/// Makes one tenant ready for work.
struct Setup {
    folder: TenantFolder,
    host: MappingHost,
    /// For what is said before the first event.
    remedies: Remedies,
    /// When the configuration that is in force was written.
    read: Mutex<Option<SystemTime>>,
}

impl TenantSetup for Setup {
    fn tenant(&self) -> &TenantName {
        &self.folder.name
    }

    fn open(&self) -> BoxFuture<'_, Result<OpenTenant, Trouble>> {
        async { self.open_now().await.map_err(|error| Trouble(format!("{error:#}"))) }.boxed()
    }

    fn has_changed(&self) -> bool {
        let read = *self.read.lock().unwrap_or_else(PoisonError::into_inner);
        written(&self.folder.folder) != read
    }
}

impl Setup {
    async fn open_now(&self) -> anyhow::Result<OpenTenant> {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = written(&self.folder.folder);
        let tenant = config::load(&self.folder)?;
        if let Some(folder) = tenant.state.parent() {
            create_private_folder(folder)?;
        }
        if let Some(loss) = StateStore::loss(&tenant.state) {
            // Everybody would be adopted, for good, while nobody looks.
            anyhow::bail!("{loss}");
        }
        let state = StateStore::open(&tenant.state).await?.tenant(&tenant.name);
        for sentence in leftovers(&tenant, &state).await? {
            err(&format!("note: {}", self.remedies.complete(&sentence)));
        }
        let lookups = assemble::lookups(&tenant);
        let registry = modules::registry(&self.host, &tenant, &lookups, SETTLE)?;
        let modules = Modules::live(self.host.clone(), lookups, registry.clone());
        let resources = tenant.providers.iter().flat_map(|provider| scheduled(&tenant, provider)).collect();
        // So that a module without a file is in the status from the first moment on.
        for name in tenant.providers.iter().flat_map(ProviderConfig::mentioned_modules) {
            modules.slot(&tenant, name)?;
        }
        let read = *self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let configured = Arc::new(Configured { tenant, modules, state: state.clone(), read });
        let provisioners = Arc::clone(&configured);
        Ok(OpenTenant { state, registry, resources, provisioners, attendant: configured })
    }
}

fn scheduled(tenant: &Tenant, provider: &ProviderConfig) -> Vec<ScheduledResource> {
    let resources = provider.resources.iter().map(|rules| ScheduledResource {
        provider: provider.name.clone(),
        resource_type: rules.resource_type.clone(),
        interval: rules.interval.unwrap_or(tenant.serve.interval),
    });
    resources.collect()
}

/// When a tenant's configuration was last written.
fn written(folder: &Path) -> Option<SystemTime> {
    std::fs::metadata(folder.join(FILE_NAME)).and_then(|metadata| metadata.modified()).ok()
}

/// Makes provisioners from a configuration, and does by it what is asked by hand.
pub(super) struct Configured {
    pub(super) tenant: Tenant,
    pub(super) modules: Modules,
    pub(super) state: TenantState,
    /// When the configuration was written.
    read: Option<SystemTime>,
}

impl Configured {
    /// Whether the configuration is another one now.
    pub(super) fn has_changed(&self) -> bool {
        written(&self.tenant.folder) != self.read
    }
}

impl Provisioners for Configured {
    fn access(&self, provider: &ProviderName) -> String {
        super::provider_config(&self.tenant, provider).map(ProviderConfig::access).unwrap_or_default()
    }

    fn make<'a>(
        &'a self,
        provider: &'a ProviderName,
        due: &'a [ResourceTypeName],
    ) -> BoxFuture<'a, Result<Vec<Provisioner>, Unmade>> {
        async {
            let config = super::provider_config(&self.tenant, provider)?;
            let wanted = |rules: &scimwright_provision::ResourceRules| due.contains(&rules.resource_type);
            assemble::provisioners(&self.tenant, config, wanted, &self.modules, &self.state).await
        }
        .map(|made: anyhow::Result<_>| {
            made.map_err(|error| Unmade {
                reason: format!("{error:#}"),
                provider_is_away: matches!(error.downcast_ref(), Some(ProvisionError::Provider(_))),
            })
        })
        .boxed()
    }
}
