//! `[source.NAME]`: where records come from.

use super::model::{SourceConfig, SourceKind};
use super::parse::unknown_name;
use super::reader::{Located, TableReader};
use scimwright_record::SourceName;
use scimwright_sources::{ColumnType, CsvOptions, EmptyCell, JsonLinesOptions, SqliteFrom, SqliteOptions};
use std::path::{Path, PathBuf};

#[derive(Clone, Copy)]
enum Kind {
    Csv,
    JsonLines,
    Sqlite,
}

/// Reads one source.
pub(super) fn read(
    name: &Located<String>,
    table: TableReader<'_>,
    folder: &Path,
    sources: &[SourceName],
) -> Option<SourceConfig> {
    let name = table.parse::<SourceName>(name);
    if !table.has("type") {
        table.missing("type", "\"csv\"");
    }
    let kind = table
        .choice("type", &[("csv", Kind::Csv), ("json-lines", Kind::JsonLines), ("sqlite", Kind::Sqlite)]);
    let path = table.required_text("path", "\"people.csv\"").map(|path| folder.join(path.value));
    let key = table.required_text("key", "\"employee_id\"").map(|key| key.value);
    let name = name.map(|name| name.value);
    let kind = match kind {
        Some(Kind::Csv) => csv(&table, name.clone(), path, key).map(SourceKind::Csv),
        Some(Kind::JsonLines) => json_lines(&table, name.clone(), path, key).map(SourceKind::JsonLines),
        Some(Kind::Sqlite) => sqlite(&table, name.clone(), path, key).map(SourceKind::Sqlite),
        // Nobody knows which of the other settings belong here.
        None => {
            for other in ["types", "delimiter", "infer_types", "trim", "empty_cells", "table", "query"] {
                table.raw(other);
            }
            None
        }
    };
    let references = references(&table, sources);
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
    let from = match (table.text("table"), table.text("query")) {
        (Some(name), None) => Some(SqliteFrom::Table(name.value)),
        (None, Some(query)) => Some(SqliteFrom::Query(query.value)),
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
    };
    let types = column_types(table);
    Some(SqliteOptions { types, ..SqliteOptions::new(name?, path?, from?, key?) })
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
