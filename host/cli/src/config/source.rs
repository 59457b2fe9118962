//! `[source.NAME]`: where records come from.

use super::model::{ScimSourceConfig, SourceConfig, SourceKind};
use super::parse::unknown_name;
use super::reader::{Located, TableReader};
use super::secret;
use scimwright_record::{ProviderName, SourceName};
use scimwright_sources::{
    ColumnType, CsvOptions, EmptyCell, JsonLinesOptions, PostgresFrom, PostgresOptions, SqliteFrom,
    SqliteOptions,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The one moment of a resource that a provider can be asked by.
const LAST_MODIFIED: &str = "meta.lastModified";

#[derive(Clone, Copy)]
enum Kind {
    Csv,
    JsonLines,
    Sqlite,
    Postgres,
    Scim,
}

/// What `type` may be.
const KINDS: &[(&str, Kind)] = &[
    ("csv", Kind::Csv),
    ("json-lines", Kind::JsonLines),
    ("sqlite", Kind::Sqlite),
    ("postgres", Kind::Postgres),
    ("scim", Kind::Scim),
];

/// What a source may refer to outside of itself.
pub(super) struct Known<'a> {
    /// Relative paths begin here.
    pub(super) folder: &'a Path,
    pub(super) sources: &'a [SourceName],
    pub(super) providers: &'a [ProviderName],
}

/// Reads one source.
pub(super) fn read(
    name: &Located<String>,
    table: TableReader<'_>,
    known: &Known<'_>,
) -> Option<SourceConfig> {
    let name = table.parse::<SourceName>(name).map(|name| name.value);
    if !table.has("type") {
        table.missing("type", "\"csv\"");
    }
    let path = || table.required_text("path", "\"people.csv\"").map(|path| known.folder.join(path.value));
    let key = || table.required_text("key", "\"employee_id\"").map(|key| key.value);
    let kind = match table.choice("type", KINDS) {
        Some(Kind::Csv) => csv(&table, name.clone(), path(), key()).map(SourceKind::Csv),
        Some(Kind::JsonLines) => json_lines(&table, name.clone(), path(), key()).map(SourceKind::JsonLines),
        Some(Kind::Sqlite) => sqlite(&table, name.clone(), path(), key()).map(SourceKind::Sqlite),
        Some(Kind::Postgres) => postgres(&table, name.clone(), key(), known.folder).map(SourceKind::Postgres),
        Some(Kind::Scim) => scim(&table, known.providers).map(SourceKind::Scim),
        // Nobody knows which of the other settings belong here.
        None => {
            path();
            key();
            let others = [
                "types",
                "delimiter",
                "infer_types",
                "trim",
                "empty_cells",
                "table",
                "query",
                "schema",
                "url",
                "change_column",
                "provider",
                "resource",
                "filter",
                "attributes",
            ];
            for other in others {
                table.raw(other);
            }
            None
        }
    };
    let references = references(&table, known.sources);
    table.finish();
    Some(SourceConfig { name: name?, kind: kind?, references })
}

/// `references = { department_id = "departments", manager_id = "hr" }`.
fn references(table: &TableReader<'_>, sources: &[SourceName]) -> Vec<(String, SourceName)> {
    let Some(references) = table.table("references") else { return Vec::new() };
    let mut fields = Vec::new();
    for (field, value) in references.entries() {
        let Some(text) = value.get_ref().as_str() else {
            let message = format!("what field `{}` refers to has to be the name of a source", field.value);
            table.file().note(value.span(), message);
            continue;
        };
        let name = Located { value: text.to_owned(), span: value.span() };
        let Some(source) = table.parse::<SourceName>(&name) else { continue };
        if !sources.contains(&source.value) {
            unknown_name(table.file(), &name, "source", sources.iter().map(SourceName::as_str));
        }
        fields.push((field.value, source.value));
    }
    fields
}

fn json_lines(
    table: &TableReader<'_>,
    name: Option<SourceName>,
    path: Option<PathBuf>,
    key: Option<String>,
) -> Option<JsonLinesOptions> {
    let types = column_types(table);
    Some(JsonLinesOptions { types, ..JsonLinesOptions::new(name?, path?, key?) })
}

fn csv(
    table: &TableReader<'_>,
    name: Option<SourceName>,
    path: Option<PathBuf>,
    key: Option<String>,
) -> Option<CsvOptions> {
    let delimiter = table.text("delimiter").map_or(Some(b','), |text| match text.value.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Some(*byte),
        _ => {
            table.file().note_with_help(
                text.span,
                format!("`{}` cannot separate cells", text.value.escape_default()),
                "write one ASCII character, for example \";\" or \"\\t\"",
            );
            None
        }
    });
    let types = column_types(table);
    let infer = table.boolean("infer_types").unwrap_or(false);
    let trim = table.boolean("trim").unwrap_or(true);
    let empty = table
        .choice("empty_cells", &[("null", EmptyCell::Null), ("text", EmptyCell::Text)])
        .unwrap_or(EmptyCell::Null);
    Some(CsvOptions { name: name?, path: path?, key: key?, delimiter: delimiter?, types, infer, empty, trim })
}

fn sqlite(
    table: &TableReader<'_>,
    name: Option<SourceName>,
    path: Option<PathBuf>,
    key: Option<String>,
) -> Option<SqliteOptions> {
    let from = table_or_query(table).map(|from| match from {
        TableOrQuery::Table(name) => SqliteFrom::Table(name),
        TableOrQuery::Query(query) => SqliteFrom::Query(query.value),
    });
    let types = column_types(table);
    let change_column = table.text("change_column").map(|column| column.value);
    Some(SqliteOptions { types, change_column, ..SqliteOptions::new(name?, path?, from?, key?) })
}

fn postgres(
    table: &TableReader<'_>,
    name: Option<SourceName>,
    key: Option<String>,
    folder: &Path,
) -> Option<PostgresOptions> {
    let url = secret::required(table, "url", folder);
    let schema = table.text("schema");
    let from = table_or_query(table).and_then(|from| match (from, schema) {
        (TableOrQuery::Table(name), schema) => {
            Some(PostgresFrom::Table { schema: schema.map(|schema| schema.value), table: name })
        }
        (TableOrQuery::Query(query), None) => Some(PostgresFrom::Query(query.value)),
        (TableOrQuery::Query(_), Some(schema)) => {
            table.file().note_with_help(
                schema.span,
                format!("`schema` in `[{}]` belongs to `table`, and here is a `query`", table.place()),
                format!("name it in the query: FROM {}.…", schema.value),
            );
            None
        }
    });
    let types = column_types(table);
    let change_column = table.text("change_column").map(|column| column.value);
    Some(PostgresOptions { types, change_column, ..PostgresOptions::new(name?, Arc::new(url?), from?, key?) })
}

fn scim(table: &TableReader<'_>, providers: &[ProviderName]) -> Option<ScimSourceConfig> {
    let provider = table.required_text("provider", "\"directory\"");
    let provider = provider.and_then(|name| {
        let provider = table.parse::<ProviderName>(&name)?;
        if providers.contains(&provider.value) {
            return Some(provider.value);
        }
        unknown_name(table.file(), &name, "provider", providers.iter().map(ProviderName::as_str));
        None
    });
    let resource_type = table.required_text("resource", "\"User\"").map(|name| name.value);
    // All of it is read before anything is missed, so that every mistake is seen at once.
    let key = optional(table, "key");
    let filter = optional(table, "filter");
    let attributes = table.parsed_list("attributes").unwrap_or_default();
    let change_column = table.text("change_column");
    if let Some(other) = change_column.as_ref().filter(|column| column.value != LAST_MODIFIED) {
        table.file().note_with_help(
            other.span.clone(),
            format!("a provider cannot be asked for changes by `{}`", other.value),
            format!("write change_column = \"{LAST_MODIFIED}\", or leave it out"),
        );
    }
    Some(ScimSourceConfig {
        provider_name: provider?,
        provider: None,
        resource_type: resource_type?,
        key: key?,
        filter: filter?,
        attributes: attributes.into_iter().map(|path| path.value).collect(),
        by_last_modified: change_column.is_some(),
    })
}

/// What may be left out: `None` where it is there and wrong.
fn optional<T: std::str::FromStr>(table: &TableReader<'_>, key: &'static str) -> Option<Option<T>>
where
    T::Err: std::fmt::Display,
{
    match table.has(key) {
        true => table.parsed(key).map(|found| Some(found.value)),
        false => Some(None),
    }
}

enum TableOrQuery {
    Table(String),
    Query(Located<String>),
}

/// `table = "people"` or `query = "SELECT …"`: one of them, and not both.
fn table_or_query(table: &TableReader<'_>) -> Option<TableOrQuery> {
    match (table.text("table"), table.text("query")) {
        (Some(name), None) => Some(TableOrQuery::Table(name.value)),
        (None, Some(query)) => Some(TableOrQuery::Query(query)),
        (Some(_), Some(query)) => {
            table.file().note_with_help(
                query.span,
                format!("`[{}]` has both `table` and `query`", table.place()),
                "keep one of them",
            );
            None
        }
        (None, None) => {
            if !table.has("table") && !table.has("query") {
                table.missing("table", "\"people\"");
            }
            None
        }
    }
}

/// `types = { start = "date-time", groups = "list(;)" }`.
fn column_types(table: &TableReader<'_>) -> Vec<(String, ColumnType)> {
    let Some(types) = table.table("types") else { return Vec::new() };
    let mut columns = Vec::new();
    for (column, value) in types.entries() {
        let Some(word) = value.get_ref().as_str() else {
            table
                .file()
                .note(value.span(), format!("the type of column `{}` has to be a string", column.value));
            continue;
        };
        match ColumnType::parse(word) {
            Ok(kind) => columns.push((column.value, kind)),
            Err(error) => table.file().note(value.span(), error.to_string()),
        }
    }
    columns
}
