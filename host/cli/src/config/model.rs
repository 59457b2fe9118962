//! What a configuration says, as values.

pub(crate) use super::module::ModuleConfig;
pub(crate) use super::provider::ProviderConfig;
use super::recording::Recording;
use super::scripts::Scripts;
use super::serve::Serve;
use scimwright_mapping::Limits;
use scimwright_provision::{Linked, References, ResourceRules};
use scimwright_record::{ModuleName, ProviderName, SourceName, TenantName};
use scimwright_scim::{AttributePath, Filter};
use scimwright_sources::{CsvOptions, JsonLinesOptions, PostgresOptions, SqliteOptions};
use scimwright_state::LinkScope;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything one tenant has configured.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) name: TenantName,
    /// The configuration folder; relative paths begin here.
    pub(crate) folder: PathBuf,
    /// The state database.
    pub(crate) state: PathBuf,
    /// How long the rows of its client log are kept.
    pub(crate) log_kept: Duration,
    pub(crate) sources: Vec<SourceConfig>,
    pub(crate) providers: Vec<ProviderConfig>,
    pub(crate) modules: Vec<ModuleConfig>,
    /// The common limits, cut to what may be: those of modules that scimwright makes itself.
    pub(crate) limits: Limits,
    pub(crate) scripts: Scripts,
    pub(crate) serve: Serve,
    /// Which calls are written down; none without it.
    pub(crate) recording: Option<Recording>,
}

impl Tenant {
    /// The resource types of all providers.
    pub(crate) fn scopes(&self) -> Vec<LinkScope> {
        let types = self.providers.iter().flat_map(|provider| {
            let of = |rules: &ResourceRules| LinkScope {
                provider: provider.name.clone(),
                resource_type: rules.resource_type.clone(),
            };
            provider.resources.iter().map(of)
        });
        types.collect()
    }

    /// Whether there is a state. One that may not be looked at is one, and whoever opens it is told why not.
    pub(crate) fn has_state(&self) -> bool {
        !matches!(std::fs::metadata(&self.state), Err(cause) if cause.kind() == std::io::ErrorKind::NotFound)
    }

    /// The folder modules are dropped into.
    pub(crate) fn module_folder(&self) -> PathBuf {
        self.folder.join("modules")
    }

    /// The folder for compiled modules: beside the state, never in the drop folder.
    pub(crate) fn cache_folder(&self) -> PathBuf {
        self.state.parent().unwrap_or(&self.folder).join("compiled")
    }

    /// The folder for modules built from scripts.
    pub(crate) fn script_folder(&self) -> PathBuf {
        self.state.parent().unwrap_or(&self.folder).join("scripts")
    }

    pub(crate) fn source(&self, name: &SourceName) -> Option<&SourceConfig> {
        self.sources.iter().find(|source| source.name == *name)
    }

    pub(crate) fn provider(&self, name: &ProviderName) -> Option<&ProviderConfig> {
        self.providers.iter().find(|provider| provider.name == *name)
    }

    pub(crate) fn module(&self, name: &ModuleName) -> Option<&ModuleConfig> {
        self.modules.iter().find(|module| module.name == *name)
    }
}

/// A `[source.NAME]`.
#[derive(Debug, Clone)]
pub(crate) struct SourceConfig {
    pub(crate) name: SourceName,
    pub(crate) kind: SourceKind,
    /// The fields that hold keys, and the sources whose keys they are.
    pub(crate) references: Vec<(String, SourceName)>,
}

impl SourceConfig {
    /// Whether all records have the same fields.
    pub(crate) fn has_columns(&self) -> bool {
        !matches!(self.kind, SourceKind::JsonLines(_) | SourceKind::Scim(_))
    }
}

/// Which fields of these sources lead to other records.
pub(crate) fn references(sources: &[SourceConfig]) -> References {
    let mut references = References::default();
    for source in sources {
        let linked = Linked { columns: source.has_columns(), fields: source.references.clone() };
        references.insert(source.name.clone(), linked);
    }
    references
}

/// Where a source's records are.
#[derive(Debug, Clone)]
pub(crate) enum SourceKind {
    Csv(CsvOptions),
    JsonLines(JsonLinesOptions),
    Sqlite(SqliteOptions),
    Postgres(PostgresOptions),
    Scim(ScimSourceConfig),
}

/// A provider that is a source.
#[derive(Debug, Clone)]
pub(crate) struct ScimSourceConfig {
    pub(crate) provider_name: ProviderName,
    /// The provider of that name. Providers are read after sources, so it comes later.
    pub(crate) provider: Option<Arc<ProviderConfig>>,
    pub(crate) resource_type: String,
    /// The attribute that holds the record's key; `id` without it.
    pub(crate) key: Option<AttributePath>,
    pub(crate) filter: Option<Filter>,
    pub(crate) attributes: Vec<AttributePath>,
    pub(crate) by_last_modified: bool,
}
