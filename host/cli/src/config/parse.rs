//! From the tables of a file to the values of [`super::model`].

use super::TenantFolder;
use super::model::{ModuleConfig, Tenant};
use super::reader::{FileReader, Located, TableReader, nearest};
use super::{provider, source};
use scimwright_mapping::{Grants, Limits};
use scimwright_record::{ModuleName, SourceName};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// Where the state lives unless the configuration says otherwise.
const DEFAULT_STATE: &str = ".scimwright/state.db";

/// Reads a tenant's file. Where something is wrong the result is incomplete, and the reader knows why.
pub(super) fn tenant(file: &FileReader, tenant: &TenantFolder, document: &DeTable<'_>) -> Tenant {
    let root = TableReader::new(file, "", document, 0..0);
    let folder = &tenant.folder;
    let state = root.table("state").and_then(|table| state(table, folder));
    let base_limits =
        root.table("limits").map_or_else(Limits::default, |table| limits(table, Limits::default()));
    let source_tables = root.named_tables("source");
    // A source with a mistake in it is a known source all the same.
    let known_sources: Vec<SourceName> =
        source_tables.iter().filter_map(|(name, _)| SourceName::parse(&name.value).ok()).collect();
    let sources: Vec<_> =
        source_tables.into_iter().filter_map(|(name, table)| source::read(&name, table, folder)).collect();
    let mut modules: Vec<ModuleConfig> = root
        .named_tables("module")
        .into_iter()
        .filter_map(|(name, table)| module(&name, table, &base_limits))
        .collect();
    let providers: Vec<_> = root
        .named_tables("provider")
        .into_iter()
        .filter_map(|(name, table)| provider::read(&name, table, folder, &known_sources))
        .collect();
    root.finish();

    // A module that is only mentioned has no settings and the common limits.
    let mentioned = providers
        .iter()
        .flat_map(|provider| &provider.resources)
        .flat_map(|resource| resource.modules.iter().chain(&resource.defaults));
    for name in mentioned {
        if !modules.iter().any(|module| module.name == *name) {
            modules.push(ModuleConfig {
                name: name.clone(),
                settings: Vec::new(),
                grants: Grants::default(),
                limits: base_limits,
            });
        }
    }
    Tenant {
        name: tenant.name.clone(),
        folder: folder.clone(),
        state: state.unwrap_or_else(|| folder.join(DEFAULT_STATE)),
        sources,
        providers,
        modules,
    }
}

fn state(table: TableReader<'_>, folder: &Path) -> Option<PathBuf> {
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
    table.finish();
    path
}

/// Reads limits, starting from those that hold otherwise.
fn limits(table: TableReader<'_>, base: Limits) -> Limits {
    let mut limits = base;
    if let Some(cpu) = table.whole_number("cpu_ms", 1..=60_000) {
        limits.cpu = Duration::from_millis(cpu);
    }
    if let Some(wall) = table.whole_number("wall_ms", 1..=600_000) {
        limits.wall = Duration::from_millis(wall);
    }
    if let Some(memory) = table.whole_number("memory_mb", 1..=1_024) {
        limits.memory_bytes = usize::try_from(memory << 20).unwrap_or(usize::MAX);
    }
    if let Some(output) = table.whole_number("output_kb", 1..=65_536) {
        limits.output_bytes = usize::try_from(output << 10).unwrap_or(usize::MAX);
    }
    table.finish();
    limits
}

fn module(name: &Located<String>, table: TableReader<'_>, base: &Limits) -> Option<ModuleConfig> {
    let name = table.parse::<ModuleName>(name);
    let settings = table.table("settings").map(settings).unwrap_or_default();
    let limits = table.table("limits").map_or_else(|| *base, |table| limits(table, *base));
    let grants = table.table("grants").map(grants).unwrap_or_default();
    table.finish();
    Some(ModuleConfig { name: name?.value, settings, grants, limits })
}

/// Settings are the module's own names; numbers and truth values are handed over as text.
fn settings(table: TableReader<'_>) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    for (name, value) in table.entries() {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Boolean(truth) => truth.to_string(),
            other => {
                let message =
                    format!("a setting is a string, a number or a truth value, not {}", other.type_str());
                table.file().note(value.span(), message);
                continue;
            }
        };
        settings.push((name.value, text));
    }
    settings
}

fn grants(table: TableReader<'_>) -> Grants {
    let lookups = table.parsed_list::<SourceName>("lookups").unwrap_or_default();
    if let Some(source) = lookups.first() {
        table.file().note_with_help(
            source.span.clone(),
            "look-ups cannot be granted by this version of scimwright",
            "join what the mapping needs into its own source, for example with a query over SQLite",
        );
    }
    let grants = Grants { all_fields: table.boolean("all_fields").unwrap_or(false), ..Grants::default() };
    table.finish();
    grants
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
