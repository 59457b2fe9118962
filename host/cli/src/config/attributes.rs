//! `[provider.NAME.resource.attributes]`: attribute rows.
//!
//! ```toml
//! title = { field = "job_title", default = "Member of staff" }
//! locale = { constant = "en-US" }
//! "emails[type eq \"work\"].value" = { field = "email" }
//! "urn:…:User:manager.value" = { link = "User", field = "manager_id" }
//! ```

use super::reader::{Located, TableReader};
use scimwright_provision::{AttributeRow, RowTarget, RowValue};
use scimwright_record::ResourceTypeName;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

/// Reads the rows of one resource.
pub(super) fn read(table: TableReader<'_>) -> Vec<AttributeRow> {
    let file = table.file();
    let mut rows = Vec::new();
    for (name, value) in table.entries() {
        let target = table.parse::<RowTarget>(&name);
        let DeValue::Table(inner) = value.get_ref() else {
            file.note_with_help(
                value.span(),
                format!("the row `{}` has to be a table", name.value),
                "write { field = \"…\" } or { constant = … }",
            );
            continue;
        };
        let inner = TableReader::new(file, format!("{}.{}", table.place(), name.value), inner, value.span());
        if let Some(row) = row(&name, target.map(|target| target.value), inner) {
            rows.push(row);
        }
    }
    rows
}

fn row(name: &Located<String>, target: Option<RowTarget>, table: TableReader<'_>) -> Option<AttributeRow> {
    let file = table.file();
    let field = table.text("field").map(|field| field.value);
    let constant = table.raw("constant").and_then(|value| json(&table, value));
    let default = table.raw("default").and_then(|value| json(&table, value));
    let link = table.parsed::<ResourceTypeName>("link");
    let value = match (field, constant, link) {
        (Some(field), None, None) => Some(RowValue::Field(field)),
        (Some(field), None, Some(link)) => Some(RowValue::Link { resource_type: link.value, field }),
        (None, Some(constant), None) => Some(RowValue::Constant(constant)),
        _ => {
            file.note_with_help(
                table.span(),
                format!("the row `{}` does not say where its value comes from", name.value),
                "write one of { field = \"…\" }, { constant = … } and { link = \"User\", field = \"…\" }",
            );
            None
        }
    };
    if default.is_some() && !matches!(value, Some(RowValue::Field(_))) {
        file.note(table.span(), format!("the row `{}`: only a field can have a default", name.value));
    }
    table.finish();
    Some(AttributeRow { default, ..AttributeRow::new(target?, value?) })
}

/// A TOML value as JSON.
fn json(table: &TableReader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Value> {
    let converted = match value.get_ref() {
        DeValue::String(text) => Some(Value::from(text.as_ref())),
        DeValue::Boolean(truth) => Some(Value::from(*truth)),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::from)
        }
        DeValue::Float(number) => {
            number.as_str().parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from)
        }
        DeValue::Datetime(moment) => Some(Value::from(moment.to_string())),
        DeValue::Array(items) => {
            return items.iter().map(|item| json(table, item)).collect::<Option<Vec<_>>>().map(Value::from);
        }
        DeValue::Table(entries) => {
            return entries
                .iter()
                .map(|(key, item)| Some((key.get_ref().to_string(), json(table, item)?)))
                .collect::<Option<serde_json::Map<_, _>>>()
                .map(Value::from);
        }
    };
    if converted.is_none() {
        table.file().note(value.span(), "this number is out of range");
    }
    converted
}
