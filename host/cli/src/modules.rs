//! Where the modules of a run come from: loaded for one command, or kept live in their folder by the service.

use crate::assemble;
use crate::config::model::{ModuleConfig, SourceConfig, Tenant};
use anyhow::Context;
use scimwright_mapping::registry::{ModuleSettings, ModuleTerms, Registry, RegistryOptions, ScriptBuilder};
use scimwright_mapping::{Grants, Limits, MappingHost, ModuleSlot};
use scimwright_provision::SourcePrints;
use scimwright_record::{ModuleName, RecordLookup, RecordSource};
use scimwright_toolchain::{Tools, build_script_file};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Gives a run its modules.
pub(crate) struct Modules {
    pub(crate) host: MappingHost,
    /// What modules and rows look records up in; one for all of a run, which holds them still.
    pub(crate) lookups: Arc<dyn RecordLookup>,
    /// Takes the prints of sources while they are read, for a plan that is written.
    prints: Option<Arc<SourcePrints>>,
    /// The folder, where it is kept live. Otherwise modules are loaded when they are asked for.
    registry: Option<Registry>,
    /// What was given out so far.
    slots: Mutex<Vec<ModuleSlot>>,
}

impl Modules {
    /// Modules that are loaded when they are asked for, for one command.
    pub(crate) fn loaded(host: MappingHost, tenant: &Tenant) -> Self {
        Self::watched(host, tenant, None)
    }

    /// The same, with the prints taken of all sources that are read to their ends.
    pub(crate) fn watched(host: MappingHost, tenant: &Tenant, prints: Option<Arc<SourcePrints>>) -> Self {
        let lookups = assemble::lookups_through(tenant, |config| opened(config, prints.as_ref()));
        Self { host, lookups, prints, registry: None, slots: Mutex::default() }
    }

    /// Opens a source for a run.
    pub(crate) fn source(&self, config: &SourceConfig) -> Arc<dyn RecordSource> {
        opened(config, self.prints.as_ref())
    }

    /// Modules that come and go with their files.
    pub(crate) fn live(host: MappingHost, lookups: Arc<dyn RecordLookup>, registry: Registry) -> Self {
        Self { host, lookups, prints: None, registry: Some(registry), slots: Mutex::default() }
    }

    /// The place of a module.
    pub(crate) fn slot(&self, tenant: &Tenant, name: &ModuleName) -> anyhow::Result<ModuleSlot> {
        if let Some(registry) = &self.registry {
            return Ok(registry.slot(name));
        }
        let config = tenant.module(name).with_context(|| format!("module `{name}` is not configured"))?;
        let slot = ModuleSlot::fixed(assemble::module(&self.host, tenant, config, &self.lookups)?);
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).push(slot.clone());
        Ok(slot)
    }

    /// The places that were given out so far.
    pub(crate) fn slots(&self) -> Vec<ModuleSlot> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn opened(config: &SourceConfig, prints: Option<&Arc<SourcePrints>>) -> Arc<dyn RecordSource> {
    let source = assemble::source(config);
    match prints {
        Some(prints) => prints.watch(source),
        None => source,
    }
}

/// The folder of a tenant, to be kept live. `settings` says what the configuration says.
pub(crate) fn registry(
    host: &MappingHost,
    tenant: &Tenant,
    lookups: &Arc<dyn RecordLookup>,
    settle: std::time::Duration,
) -> anyhow::Result<Registry> {
    let settings = Configured {
        modules: tenant.modules.clone(),
        used: tenant.providers.iter().flat_map(|provider| provider.mentioned_modules().cloned()).collect(),
        limits: tenant.limits,
        lookups: Arc::clone(lookups),
    };
    let scripts = tenant.scripts.javascript.then(|| -> Arc<dyn ScriptBuilder> {
        Arc::new(Scripts { cache: tenant.script_folder(), tools: assemble::tools(tenant) })
    });
    let options = RegistryOptions { settle, scripts, ..RegistryOptions::new(Arc::new(settings)) };
    Ok(Registry::new(host.clone(), tenant.name.clone(), tenant.module_folder(), options)?)
}

/// What the configuration says about modules.
struct Configured {
    modules: Vec<ModuleConfig>,
    used: Vec<ModuleName>,
    limits: Limits,
    lookups: Arc<dyn RecordLookup>,
}

impl ModuleSettings for Configured {
    fn terms(&self, module: &ModuleName) -> ModuleTerms {
        let reader = Some(Arc::clone(&self.lookups));
        let used = self.used.contains(module);
        match self.modules.iter().find(|config| config.name == *module) {
            Some(config) => ModuleTerms {
                limits: config.limits,
                settings: config.settings.clone(),
                grants: Grants { reader, ..config.grants.clone() },
                used,
            },
            None => ModuleTerms { limits: self.limits, used, ..ModuleTerms::default() },
        }
    }
}

/// Builds `.js` files.
struct Scripts {
    cache: PathBuf,
    tools: Tools,
}

impl ScriptBuilder for Scripts {
    fn build(&self, _: &ModuleName, script: &Path) -> Result<Vec<u8>, String> {
        let built = build_script_file(script, &self.cache, &self.tools).map_err(|error| error.to_string())?;
        std::fs::read(&built).map_err(|error| format!("what was built of it cannot be read: {error}"))
    }
}
