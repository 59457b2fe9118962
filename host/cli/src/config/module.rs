//! `[module.NAME]`: what a module is told, what it is granted, and what it may use.

use super::limits::{self, Ceilings};
use super::parse::unknown_name;
use super::problem::SourceText;
use super::reader::{Located, TableReader};
use super::scripts::INLINE_PREFIX;
use scimwright_mapping::{Grants, Limits};
use scimwright_record::{ModuleName, SourceName};
use std::ops::Range;
use toml::de::DeValue;

/// A `[module.NAME]`, or a module that is only mentioned.
#[derive(Debug, Clone)]
pub(crate) struct ModuleConfig {
    pub(crate) name: ModuleName,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    /// A sentence for each limit that is lower than the configuration says.
    pub(crate) cut: Vec<String>,
    /// Where it all stands, for whoever finds a mistake later.
    places: Option<Places>,
}

#[derive(Debug, Clone)]
struct Places {
    file: SourceText,
    table: Range<usize>,
    settings: Vec<Range<usize>>,
}

impl ModuleConfig {
    /// A module that is only mentioned has no settings, no grants, and the common limits.
    pub(super) fn mentioned(name: ModuleName, limits: Limits, ceilings: &Ceilings) -> Self {
        let (limits, cut) = ceilings.cut(limits);
        Self { name, settings: Vec::new(), grants: Grants::default(), limits, cut, places: None }
    }

    /// Where a setting stands, or would stand: `scimwright.toml:12`.
    pub(crate) fn place_of(&self, setting: &str) -> Option<String> {
        let places = self.places.as_ref()?;
        let index = self.settings.iter().position(|(name, _)| name == setting);
        let span = index.and_then(|index| places.settings.get(index)).unwrap_or(&places.table);
        Some(format!("{}:{}", places.file.file.display(), places.file.line(span.start)))
    }
}

/// Reads one module.
pub(super) fn read(
    name: &Located<String>,
    table: TableReader<'_>,
    base: &Limits,
    ceilings: &Ceilings,
    sources: &[SourceName],
) -> Option<ModuleConfig> {
    let parsed = table.parse::<ModuleName>(name);
    if name.value.starts_with(INLINE_PREFIX) {
        table.file().note_with_help(
            name.span.clone(),
            format!("`{}` cannot be the name of a module", name.value),
            format!("names with `{INLINE_PREFIX}` belong to the scripts in rows; choose another one"),
        );
    }
    let (settings, spans) = table.table("settings").map(settings).unwrap_or_default();
    let limits = table.table("limits").map_or_else(|| *base, |table| limits::read(table, *base));
    let (limits, cut) = ceilings.cut(limits);
    let grants = table.table("grants").map(|table| grants(table, sources)).unwrap_or_default();
    let places = Some(Places { file: table.file().text(), table: table.span(), settings: spans });
    table.finish();
    Some(ModuleConfig { name: parsed?.value, settings, grants, limits, cut, places })
}

/// Settings are the module's own names; numbers and truth values are handed over as text.
fn settings(table: TableReader<'_>) -> (Vec<(String, String)>, Vec<Range<usize>>) {
    let (mut settings, mut spans) = (Vec::new(), Vec::new());
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
        spans.push(name.span);
    }
    (settings, spans)
}

/// `{ all_fields = false, lookups = ["departments"], reuse = 100 }`.
fn grants(table: TableReader<'_>, sources: &[SourceName]) -> Grants {
    let lookups = table.parsed_list::<SourceName>("lookups").unwrap_or_default();
    for source in lookups.iter().filter(|source| !sources.contains(&source.value)) {
        let name = Located { value: source.value.to_string(), span: source.span.clone() };
        unknown_name(table.file(), &name, "source", sources.iter().map(SourceName::as_str));
    }
    let reuse = table.whole_number("reuse", 0..=1_000_000).unwrap_or(0);
    let grants = Grants {
        all_fields: table.boolean("all_fields").unwrap_or(false),
        lookups: lookups.into_iter().map(|source| source.value).collect(),
        reuse: u32::try_from(reuse).unwrap_or(u32::MAX),
        reader: None,
    };
    table.finish();
    grants
}
