//! From a configuration to the parts that do the work: sources, modules, clients, provisioners.

use crate::config::Misconfigured;
use crate::config::model::{
    ModuleConfig, ProviderConfig, ScimSourceConfig, SourceConfig, SourceKind, Tenant, references,
};
use crate::config::reader::nearest;
use crate::config::scripts::InlineModule;
use crate::modules::Modules;
use crate::recording;
use crate::terminal::err;
use anyhow::Context;
use futures::future::BoxFuture;
use jiff::Timestamp;
use scimwright_client::{
    Authentication, ClientIdentity, Discovery, Kind, Pem, Provider, ProviderSettings, Query,
    ResourceTypeBinding, SettingsError, SettingsRule, TlsSettings,
};
use scimwright_mapping::registry::file_of;
use scimwright_mapping::{
    Grants, HostOptions, LoadError, LoadFailure, MappingHost, MappingModule, ModuleId, ModuleSlot,
};
use scimwright_provision::{Layers, ProvisionError, Provisioner, ResourceRules};
use scimwright_record::{ModuleName, RecordLookup, RecordSource, ResourceTypeName};
use scimwright_sources::{
    CsvSource, JsonLinesSource, PostgresSource, ProviderSource, ScimOptions, ScimSource, SourceLookup,
    SqliteSource,
};
use scimwright_state::{ProviderMetadata, TenantState};
use scimwright_toolchain::{InlineScript, Tools, build_inline, build_script_file};
use secrecy::SecretString;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

/// Makes a source. Files, databases and providers are opened later, at each reading.
pub(crate) fn source(config: &SourceConfig) -> Arc<dyn RecordSource> {
    match &config.kind {
        SourceKind::Csv(options) => Arc::new(CsvSource::new(options.clone())),
        SourceKind::JsonLines(options) => Arc::new(JsonLinesSource::new(options.clone())),
        SourceKind::Sqlite(options) => Arc::new(SqliteSource::new(options.clone())),
        SourceKind::Postgres(options) => Arc::new(PostgresSource::new(options.clone())),
        SourceKind::Scim(scim) => Arc::new(ScimSource::new(scim_options(config, scim))),
    }
}

fn scim_options(config: &SourceConfig, scim: &ScimSourceConfig) -> ScimOptions {
    let provider = ConfiguredProvider { config: scim.clone(), provider: OnceCell::new() };
    let options = ScimOptions::new(config.name.clone(), Arc::new(provider), scim.resource_type.clone());
    ScimOptions {
        key: scim.key.clone().unwrap_or_else(|| options.key.clone()),
        filter: scim.filter.clone(),
        attributes: scim.attributes.clone(),
        by_last_modified: scim.by_last_modified,
        ..options
    }
}

/// A provider that is a source: its secrets are fetched when it is read for the first time.
struct ConfiguredProvider {
    config: ScimSourceConfig,
    provider: OnceCell<Provider>,
}

impl ProviderSource for ConfiguredProvider {
    fn open(&self) -> BoxFuture<'_, Result<Provider, String>> {
        let making = async {
            let name = &self.config.provider_name;
            let config = self.config.provider.as_ref();
            let config = config.ok_or_else(|| format!("there is no provider `{name}`"))?;
            provider(config).await.map_err(|error| format!("{error:#}"))
        };
        Box::pin(async move { self.provider.get_or_try_init(|| making).await.cloned() })
    }
}

/// The host for the modules of a tenant.
pub(crate) fn mapping_host(tenant: &Tenant) -> anyhow::Result<MappingHost> {
    let options = HostOptions { cache_dir: Some(tenant.cache_folder()), ..HostOptions::default() };
    MappingHost::new(options).context("the host for mapping modules cannot be started")
}

/// The file of a module: a component, or its text form. Of two the same one that a service would use.
pub(crate) fn module_path(tenant: &Tenant, name: &ModuleName) -> PathBuf {
    let folder = tenant.module_folder();
    file_of(&folder, name).unwrap_or_else(|| folder.join(format!("{name}.wasm")))
}

/// Loads one module.
pub(crate) fn module(
    host: &MappingHost,
    tenant: &Tenant,
    config: &ModuleConfig,
    lookups: &Arc<dyn RecordLookup>,
) -> Result<MappingModule, LoadError> {
    let id = ModuleId { tenant: tenant.name.clone(), name: config.name.clone() };
    let path = module_path(tenant, &config.name);
    let grants = Grants { reader: Some(Arc::clone(lookups)), ..config.grants.clone() };
    let path = match path.extension().is_some_and(|ending| ending == "js") {
        false => path,
        true => match built_script(tenant, &path) {
            Ok(built) => built,
            Err(reason) => return Err(LoadError { module: id, failure: LoadFailure::Script { reason } }),
        },
    };
    host.load(id, &path, config.limits, config.settings.clone(), grants)
}

/// Look-ups in all sources of a tenant, and in no others. Which of them a module may ask is said in its grants.
pub(crate) fn lookups(tenant: &Tenant) -> Arc<dyn RecordLookup> {
    lookups_through(tenant, source)
}

/// The same, in sources that are opened in this way.
pub(crate) fn lookups_through(
    tenant: &Tenant,
    open: impl Fn(&SourceConfig) -> Arc<dyn RecordSource>,
) -> Arc<dyn RecordLookup> {
    Arc::new(SourceLookup::new(Handle::current(), tenant.sources.iter().map(open)))
}

/// The component that a script in the modules folder becomes.
fn built_script(tenant: &Tenant, script: &Path) -> Result<PathBuf, String> {
    if !tenant.scripts.javascript {
        return Err("JavaScript files are not allowed here; set [scripts] javascript = true, or build the module with \
                    `scimwright mapping build`"
            .to_owned());
    }
    build_script_file(script, &tenant.script_folder(), &tools(tenant)).map_err(|error| error.to_string())
}

/// Builds the scripts in the rows of a resource, and loads the module that they make.
pub(crate) fn inline_module(
    host: &MappingHost,
    tenant: &Tenant,
    inline: &InlineModule,
    lookups: &Arc<dyn RecordLookup>,
) -> anyhow::Result<MappingModule> {
    let scripts: Vec<_> = inline
        .scripts
        .iter()
        .map(|script| InlineScript { row: script.row.clone(), text: script.text.clone() })
        .collect();
    let built = build_inline(inline.name.as_str(), &scripts, &tenant.script_folder(), &tools(tenant))
        .map_err(|error| Misconfigured(error.to_string()))?;
    let id = ModuleId { tenant: tenant.name.clone(), name: inline.name.clone() };
    // A script is the administrator's own, and its rows name no fields.
    let grants = Grants { all_fields: true, reader: Some(Arc::clone(lookups)), ..Grants::default() };
    Ok(host.load(id, &built, tenant.limits, Vec::new(), grants)?)
}

/// The tools that build scripts: the one that the configuration names, or one installed in its folder.
pub(crate) fn tools(tenant: &Tenant) -> Tools {
    let installed = tenant.folder.join("node_modules").join(".bin").join("componentize-qjs");
    let componentize_qjs = tenant.scripts.tool.clone().or_else(|| installed.is_file().then_some(installed));
    Tools { componentize_qjs, ..Tools::default() }
}

/// Loads the layers of one resource type.
pub(crate) fn layers(
    modules: &Modules,
    tenant: &Tenant,
    provider: &ProviderConfig,
    rules: &ResourceRules,
    columns: bool,
) -> anyhow::Result<Layers> {
    let load = |names: &[ModuleName]| -> anyhow::Result<Vec<ModuleSlot>> {
        names.iter().map(|name| modules.slot(tenant, name)).collect()
    };
    let mut scripts = Vec::new();
    for name in rules.scripts() {
        match provider.inline_module(name) {
            Some(inline) => {
                let module = inline_module(&modules.host, tenant, inline, &modules.lookups)?;
                scripts.push(ModuleSlot::fixed(module));
            }
            None => scripts.extend(load(std::slice::from_ref(name))?),
        }
    }
    Ok(Layers {
        rows: rules.rows.clone(),
        modules: load(&rules.modules)?,
        defaults: load(&rules.defaults)?,
        scripts,
        columns,
        references: references(&tenant.sources),
        lookups: Some(Arc::clone(&modules.lookups)),
        recorder: recording::recorder(tenant),
    })
}

/// A provider, with its secrets fetched and its certificates read. Nothing is sent yet.
pub(crate) async fn provider(config: &ProviderConfig) -> anyhow::Result<Provider> {
    Ok(Provider::new(settings(config).await?, config.profile.clone())?)
}

/// What a client has to know of a provider.
pub(crate) async fn settings(config: &ProviderConfig) -> anyhow::Result<ProviderSettings> {
    let missing = |reason| Misconfigured(format!("provider `{}`: {reason}", config.name));
    let auth = config.auth.authentication().await.map_err(missing)?;
    let mut settings = ProviderSettings::new(config.name.as_str(), config.base_url.clone(), auth);
    for (name, value) in &config.headers {
        settings.headers.push((name.clone(), value.fetch().await.map_err(missing)?));
    }
    settings.proxy = config.proxy.settings().await.map_err(missing)?;
    settings.tls = tls(config).map_err(missing)?;
    settings.guard = config.guard.clone();
    settings.timeouts = config.timeouts;
    settings.retry = config.retry;
    settings.max_body_bytes = config.max_body_bytes;
    settings.pace = config.pace;
    settings.overrides = config.overrides;
    settings.allow_insecure_http = config.allow_insecure_http;
    Ok(settings)
}

/// Reads the certificates, each held to the rules on its own, so that a mistake names its file.
fn tls(config: &ProviderConfig) -> Result<TlsSettings, String> {
    let read = |key: &str, path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| format!("tls.{key}: the file {} cannot be read: {error}", path.display()))
    };
    let check = |key: &str, paths: &[&Path], tls: TlsSettings| {
        let settings = ProviderSettings {
            tls: tls.clone(),
            ..ProviderSettings::new(config.name.as_str(), config.base_url.clone(), Authentication::None)
        };
        let files: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        match settings.check() {
            Err(SettingsError { rule: SettingsRule::Pem { reason, .. }, .. }) => {
                Err(format!("tls.{key}: {} cannot be used: {reason}", files.join(" with ")))
            }
            _ => Ok(tls),
        }
    };
    let mut settings = TlsSettings::default();
    for path in &config.tls.ca {
        let extra_roots = vec![Pem::new(read("ca", path)?)];
        settings
            .extra_roots
            .extend(check("ca", &[path], TlsSettings { extra_roots, identity: None })?.extra_roots);
    }
    if let Some((chain, key)) = &config.tls.identity {
        let identity = ClientIdentity {
            chain: Pem::new(read("certificate", chain)?),
            key: SecretString::from(read("key", key)?),
        };
        let alone = TlsSettings { extra_roots: Vec::new(), identity: Some(identity) };
        settings.identity = check("certificate", &[chain, key], alone)?.identity;
    }
    Ok(settings)
}

/// A resource type as the profile and the administrator want it treated; the administrator has the last word.
pub(crate) fn kind(config: &ProviderConfig, provider: &Provider, binding: ResourceTypeBinding) -> Kind {
    let mut kind = provider.kind_of(binding);
    if let Some(update) = config.update {
        kind.quirks.update = update;
    }
    kind
}

/// Whether a provider is asked what it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// It is.
    Now,
    /// It is not, and nothing else either.
    Never,
}

/// The provisioners of one provider, in the order of the configuration. Asks the provider what it can do.
pub(crate) async fn provisioners(
    tenant: &Tenant,
    config: &ProviderConfig,
    wanted: impl Fn(&ResourceRules) -> bool,
    modules: &Modules,
    state: &TenantState,
) -> anyhow::Result<Vec<Provisioner>> {
    // Modules first: what is wrong with them is known without a provider.
    let mapped = mapped(tenant, config, wanted, modules)?;
    if mapped.is_empty() {
        return Ok(Vec::new());
    }
    let provider = provider(config).await?;
    let discovery = discover(&provider).await?;
    bound(tenant, config, mapped, &provider, &discovery, state).await
}

/// The same without a word to the provider: what it can do is what it said in the last sync. Where nothing is known of
/// that, it is what the RFCs and its profile say, which is noted. Secrets are not fetched.
pub(crate) async fn unasked_provisioners(
    tenant: &Tenant,
    config: &ProviderConfig,
    wanted: impl Fn(&ResourceRules) -> bool,
    modules: &Modules,
    state: &TenantState,
) -> anyhow::Result<Vec<Provisioner>> {
    let mapped = mapped(tenant, config, wanted, modules)?;
    let settings = ProviderSettings {
        overrides: config.overrides,
        allow_insecure_http: config.allow_insecure_http,
        ..ProviderSettings::new(config.name.as_str(), config.base_url.clone(), Authentication::None)
    };
    let provider = Provider::new(settings, config.profile.clone())?;
    let known = state.provider_metadata(&config.name).await?;
    let known = known.filter(|known| known.address == provider.client().base_url());
    let discovery = match known {
        Some(ProviderMetadata { documents: Value::Object(documents), read_at, .. }) => {
            provider.recall(documents, read_at)
        }
        _ => {
            err(&format!(
                "note: what `{}` can do is not known here: no sync has asked it at this address. What RFC 7643 and its \
                 profile say is assumed; resource types and attributes of its own are left out",
                config.name
            ));
            provider.recall(serde_json::Map::new(), Timestamp::now())
        }
    };
    bound(tenant, config, mapped, &provider, &discovery, state).await
}

/// A resource type before its provider is known.
struct MappedType {
    rules: ResourceRules,
    source: Arc<dyn RecordSource>,
    members: Option<Arc<dyn RecordSource>>,
    recipe: String,
    layers: Arc<Layers>,
}

fn mapped(
    tenant: &Tenant,
    config: &ProviderConfig,
    wanted: impl Fn(&ResourceRules) -> bool,
    modules: &Modules,
) -> anyhow::Result<Vec<MappedType>> {
    let mut mapped = Vec::new();
    for rules in config.resources.iter().filter(|rules| wanted(rules)) {
        let source_config = tenant
            .source(&rules.source)
            .with_context(|| format!("source `{}` is not configured", rules.source))?;
        let source = modules.source(source_config);
        let layers = layers(modules, tenant, config, rules, source.has_columns())?;
        let mut rules = rules.clone();
        rules.scope.columns = source.has_columns();
        let mut members = None;
        if let Some(table) = &mut rules.members {
            let config = tenant
                .source(&table.source)
                .with_context(|| format!("source `{}` is not configured", table.source))?;
            let opened = modules.source(config);
            table.columns = opened.has_columns();
            members = Some(opened);
        }
        let recipe = recipe(tenant, config, &rules);
        mapped.push(MappedType { rules, source, members, recipe, layers: Arc::new(layers) });
    }
    Ok(mapped)
}

/// Puts together what was made of the configuration and what is known of the provider.
async fn bound(
    tenant: &Tenant,
    config: &ProviderConfig,
    mapped: Vec<MappedType>,
    provider: &Provider,
    discovery: &Discovery,
    state: &TenantState,
) -> anyhow::Result<Vec<Provisioner>> {
    let mut provisioners = Vec::with_capacity(mapped.len());
    for MappedType { mut rules, source, members, recipe, layers } in mapped {
        let binding = discovery.resource_type(rules.resource_type.as_str()).ok_or_else(|| {
            ProvisionError::UnknownResourceType {
                provider: config.name.to_string(),
                wanted: rules.resource_type.to_string(),
                known: discovery.resource_types.iter().map(|known| known.name.clone()).collect(),
            }
        })?;
        if let Some(types) = member_types(config, &binding, &rules, Some(state)).await?
            && let Some(table) = &mut rules.members
        {
            table.types = types;
        }
        provisioners.push(Provisioner {
            tenant: tenant.name.clone(),
            provider: config.name.clone(),
            target: provider.clone(),
            kind: Arc::new(kind(config, provider, binding)),
            state: state.clone(),
            rules,
            layers,
            source,
            members,
            recipe,
            log_kept: tenant.log_kept,
        });
    }
    Ok(provisioners)
}

/// What the members of a membership table may be: what is provisioned at the provider, or was and has links. Neither a
/// misspelt type nor a misspelt attribute would fail by itself: nobody would ever be found, or written.
///
/// # Errors
/// [`Misconfigured`] where no member could ever be.
pub(crate) async fn member_types(
    config: &ProviderConfig,
    binding: &ResourceTypeBinding,
    rules: &ResourceRules,
    state: Option<&TenantState>,
) -> anyhow::Result<Option<Vec<ResourceTypeName>>> {
    let Some(table) = &rules.members else { return Ok(None) };
    let here = format!("`members` of {} at `{}`", rules.resource_type, config.name);
    if binding.schemas.find(&table.attribute).is_none() {
        let message =
            format!("{here}: a {} there has no attribute `{}`", rules.resource_type, table.attribute);
        return Err(Misconfigured(message).into());
    }
    let mut types: Vec<_> = config.resources.iter().map(|rules| rules.resource_type.clone()).collect();
    if let Some(state) = state {
        for scope in state.scopes().await? {
            let is_here = scope.provider == config.name && !types.contains(&scope.resource_type);
            if is_here && state.count_links(&scope, None).await? > 0 {
                types.push(scope.resource_type);
            }
        }
    }
    if table.type_field.is_none() && !types.contains(&table.resource_type) {
        let help = match nearest(table.resource_type.as_str(), types.iter().map(ResourceTypeName::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "there are: {}",
                types.iter().map(ResourceTypeName::as_str).collect::<Vec<_>>().join(", ")
            ),
        };
        let message = format!(
            "{here}: its members are `{}`, and nothing is provisioned as that there, so nobody could be found; {help}",
            table.resource_type
        );
        return Err(Misconfigured(message).into());
    }
    Ok(Some(types))
}

/// A digest of what the configuration says about how a record becomes a resource. Modules have digests of their own;
/// their settings are here.
fn recipe(tenant: &Tenant, config: &ProviderConfig, rules: &ResourceRules) -> String {
    let mut settings: Vec<_> = tenant.modules.iter().map(|module| (&module.name, &module.settings)).collect();
    settings.sort();
    let parts = format!(
        "{:?} {} {:?} {:?} {:?} {:?} {:?} {settings:?} {:?} {:?}",
        rules.matching,
        rules.adopt,
        rules.rows,
        rules.modules,
        rules.defaults,
        rules.scope,
        rules.members,
        config.update,
        config.profile
    );
    format!("{:x}", Sha256::digest(parts))
}

/// Asks a provider what it can do. One that has not a single metadata document may be a plain one, or no SCIM
/// provider at all: then its first resource type has to answer a query.
pub(crate) async fn discover(provider: &Provider) -> anyhow::Result<Arc<Discovery>> {
    let discovery = provider.discovery().await.map_err(ProvisionError::from)?;
    if discovery.is_assumed()
        && let Some(first) = discovery.resource_types.first()
    {
        let query = Query { count: Some(1), ..Query::default() };
        let answer = provider.client().query(first, &query).await.map_err(ProvisionError::from);
        answer.context("the provider has none of the metadata documents of SCIM; check base_url")?;
    }
    Ok(discovery)
}
