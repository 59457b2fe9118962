//! From the tables of a file to the values of [`super::model`].

use super::TenantFolder;
use super::model::{ModuleConfig, ProviderConfig, SourceConfig, SourceKind, Tenant, references};
use super::reader::{FileReader, Located, TableReader, nearest};
use super::recording::Recording;
use super::scripts::Scripts;
use super::serve::Serve;
use super::{limits, module, provider, source};
use scimwright_mapping::Limits;
use scimwright_provision::References;
use scimwright_record::{ProviderName, SourceName};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use toml::de::DeTable;

/// Where the state lives unless the configuration says otherwise.
const DEFAULT_STATE: &str = ".scimwright/state.db";

/// For how many days the client log is kept unless the configuration says otherwise.
const LOG_KEPT_DAYS: u64 = 180;

/// What a table may refer to outside of itself.
pub(super) struct Surroundings<'a> {
    /// Relative paths begin here.
    pub(super) folder: &'a Path,
    pub(super) sources: &'a [SourceName],
    pub(super) references: &'a References,
    /// The providers that sources read from.
    pub(super) read_providers: &'a [ProviderName],
    pub(super) scripts: &'a Scripts,
}

/// Reads a tenant's file. Where something is wrong the result is incomplete, and the reader knows why.
pub(super) fn tenant(file: &FileReader, tenant: &TenantFolder, document: &DeTable<'_>) -> Tenant {
    let root = TableReader::new(file, "", document, 0..0);
    let folder = &tenant.folder;
    let (state, kept_days) = root.table("state").map(|table| state(table, folder)).unwrap_or_default();
    let base_limits =
        root.table("limits").map_or_else(Limits::default, |table| limits::read(table, Limits::default()));
    let scripts = root.table("scripts").map(|table| Scripts::read(table, folder)).unwrap_or_default();
    let recording = root.table("recording").and_then(|table| Recording::read(table, folder));
    let serve = root.table("serve").map(Serve::read).unwrap_or_default();
    let source_tables = root.named_tables("source");
    // A source with a mistake in it is a known source all the same.
    let known_sources: Vec<SourceName> =
        source_tables.iter().filter_map(|(name, _)| SourceName::parse(&name.value).ok()).collect();
    let provider_tables = root.named_tables("provider");
    let known_providers: Vec<ProviderName> =
        provider_tables.iter().filter_map(|(name, _)| ProviderName::parse(&name.value).ok()).collect();
    let known = source::Known { folder, sources: &known_sources, providers: &known_providers };
    let mut sources: Vec<_> =
        source_tables.into_iter().filter_map(|(name, table)| source::read(&name, table, &known)).collect();
    let ceilings = &tenant.ceilings;
    let mut modules: Vec<ModuleConfig> = root
        .named_tables("module")
        .into_iter()
        .filter_map(|(name, table)| module::read(&name, table, &base_limits, ceilings, &known_sources))
        .collect();
    let references = references(&sources);
    let read_providers = read_providers(&sources);
    let around = Surroundings {
        folder,
        sources: &known_sources,
        references: &references,
        read_providers: &read_providers,
        scripts: &scripts,
    };
    let providers: Vec<_> = provider_tables
        .into_iter()
        .filter_map(|(name, table)| provider::read(&name, table, &around))
        .collect();
    root.finish();

    introduce(&mut sources, &providers);
    for name in providers.iter().flat_map(ProviderConfig::mentioned_modules) {
        if !modules.iter().any(|module| module.name == *name) {
            modules.push(ModuleConfig::mentioned(name.clone(), base_limits, ceilings));
        }
    }
    Tenant {
        name: tenant.name.clone(),
        folder: folder.clone(),
        state: state.unwrap_or_else(|| folder.join(DEFAULT_STATE)),
        log_kept: Duration::from_secs(kept_days.unwrap_or(LOG_KEPT_DAYS) * 24 * 60 * 60),
        sources,
        providers,
        modules,
        limits: ceilings.cut(base_limits).0,
        scripts,
        serve,
        recording,
    }
}

/// The providers that sources read from.
fn read_providers(sources: &[SourceConfig]) -> Vec<ProviderName> {
    let provider = |source: &SourceConfig| match &source.kind {
        SourceKind::Scim(scim) => Some(scim.provider_name.clone()),
        _ => None,
    };
    sources.iter().filter_map(provider).collect()
}

/// Gives sources that are providers what is to be known of those.
fn introduce(sources: &mut [SourceConfig], providers: &[ProviderConfig]) {
    for source in sources {
        let SourceKind::Scim(scim) = &mut source.kind else { continue };
        let provider = providers.iter().find(|provider| provider.name == scim.provider_name);
        scim.provider = provider.cloned().map(Arc::new);
    }
}

/// `[state]`: where it is, and for how many days its client log is kept.
fn state(table: TableReader<'_>, folder: &Path) -> (Option<PathBuf>, Option<u64>) {
    let url = table.text("url");
    let path = url.and_then(|url| match url.value.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() => Some(folder.join(path)),
        _ => {
            table.file().note_with_help(
                url.span,
                format!("`{}` is not a place for state", url.value),
                "write, for example: url = \"sqlite://state.db\"; a relative path begins in this folder",
            );
            None
        }
    });
    // A hundred years are as good as for ever, and 0 would be a log of nothing.
    let days = table.whole_number("keep_log_days", 1..=36_500);
    table.finish();
    (path, days)
}

/// Notes a name that nothing in the configuration has, with the nearest that something has.
pub(super) fn unknown_name<'n>(
    file: &FileReader,
    name: &Located<String>,
    what: &str,
    known: impl Iterator<Item = &'n str> + Clone,
) {
    let help = match nearest(&name.value, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => match known.collect::<Vec<_>>().join(", ") {
            list if list.is_empty() => format!("add [{what}.{}]", name.value),
            list => format!("there are: {list}"),
        },
    };
    file.note_with_help(name.span.clone(), format!("there is no {what} `{}`", name.value), help);
}
