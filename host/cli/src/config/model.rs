//! What a configuration says, as values.

use scimwright_mapping::{Grants, Limits};
use scimwright_profile::{Profile, Update};
use scimwright_provision::ResourceRules;
use scimwright_record::{ModuleName, ProviderName, SourceName, TenantName};
use scimwright_sources::{CsvOptions, JsonLinesOptions, SqliteOptions};
use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

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

/// A `[provider.NAME]`.
#[derive(Debug, Clone)]
pub(crate) struct ProviderConfig {
    pub(crate) name: ProviderName,
    pub(crate) base_url: Url,
    pub(crate) auth: AuthConfig,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) allow_insecure_http: bool,
    /// How the provider departs from the RFCs.
    pub(crate) profile: Profile,
    /// How changes are written, where the administrator says so.
    pub(crate) update: Option<Update>,
    pub(crate) resources: Vec<ResourceRules>,
}

/// How to authenticate at a provider.
#[derive(Debug, Clone)]
pub(crate) enum AuthConfig {
    None,
    Bearer(SecretSource),
}

/// Where a secret is to be found. The configuration never holds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file, whose trailing line break is dropped.
    File(PathBuf),
}

impl SecretSource {
    /// Fetches the secret.
    ///
    /// # Errors
    /// A sentence that names the variable or the file, and never the secret.
    pub(crate) fn fetch(&self) -> Result<SecretString, String> {
        let text = match self {
            Self::Env(name) => std::env::var(name)
                .map_err(|_| format!("the environment variable {name} is not set; set it to the token"))?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("the secret file {} cannot be read: {error}", path.display()))?,
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            let place = match self {
                Self::Env(name) => format!("the environment variable {name}"),
                Self::File(path) => format!("the secret file {}", path.display()),
            };
            return Err(format!("{place} is empty; put the token there"));
        }
        Ok(SecretString::from(text))
    }
}

/// A `[module.NAME]`, or a module that is only mentioned.
#[derive(Debug, Clone)]
pub(crate) struct ModuleConfig {
    pub(crate) name: ModuleName,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
}
