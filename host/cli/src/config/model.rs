//! What a configuration says, as values.

pub(crate) use super::provider::ProviderConfig;
use scimwright_mapping::{Grants, Limits};
use scimwright_record::{ModuleName, SourceName, TenantName};
use scimwright_sources::{CsvOptions, JsonLinesOptions, SqliteOptions};
use std::path::PathBuf;

/// Everything one tenant has configured.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) name: TenantName,
    /// The configuration folder; relative paths begin here.
    pub(crate) folder: PathBuf,
    /// The state database.
    pub(crate) state: PathBuf,
    pub(crate) sources: Vec<SourceConfig>,
    pub(crate) providers: Vec<ProviderConfig>,
    pub(crate) modules: Vec<ModuleConfig>,
}

impl Tenant {
    /// The folder modules are dropped into.
    pub(crate) fn module_folder(&self) -> PathBuf {
        self.folder.join("modules")
    }

    /// The folder for compiled modules: beside the state, never in the drop folder.
    pub(crate) fn cache_folder(&self) -> PathBuf {
        self.state.parent().unwrap_or(&self.folder).join("compiled")
    }

    pub(crate) fn source(&self, name: &SourceName) -> Option<&SourceConfig> {
        self.sources.iter().find(|source| source.name == *name)
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
}

/// Where a source's records are.
#[derive(Debug, Clone)]
pub(crate) enum SourceKind {
    Csv(CsvOptions),
    JsonLines(JsonLinesOptions),
    Sqlite(SqliteOptions),
}

/// A `[module.NAME]`, or a module that is only mentioned.
#[derive(Debug, Clone)]
pub(crate) struct ModuleConfig {
    pub(crate) name: ModuleName,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
}
