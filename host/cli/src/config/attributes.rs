//! `[provider.NAME.resource.attributes]`: attribute rows.
//!
//! ```toml
//! title = { field = "job_title", default = "Member of staff" }
//! locale = { constant = "en-US" }
//! "emails[type eq \"work\"].value" = { field = "email" }
//! "urn:…:User:manager.value" = { link = "User", field = "manager_id" }
//! costCenter = { field = "department_id.cost_center", if_empty = "leave", apply = "create-only" }
//! nickName = { script = "nickname" }
//! userType = { script = { js = "record.kind === 'x' ? 'Contractor' : 'Employee'" } }
//! ```

use super::reader::{Located, TableReader};
use super::scripts::{INLINE_PREFIX, InlineReader};
use scimwright_provision::{Apply, AttributeRow, IfEmpty, References, RowTarget, RowValue};
use scimwright_record::{ModuleName, ResourceTypeName, SourceName};
use scimwright_scim::AttributePath;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

/// Reads the rows of one resource. `walks` says where paths through other sources lead from its records.
pub(super) fn read(
    table: TableReader<'_>,
    walks: Option<(&References, &SourceName)>,
    scripts: &mut InlineReader<'_>,
) -> Vec<AttributeRow> {
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
        let reader = RowReader { name: &name, table: &inner, walks };
        let row = reader.row(target.map(|target| target.value), scripts);
        inner.finish();
        rows.extend(row);
    }
    rows
}

/// Reads one row.
struct RowReader<'r, 'a> {
    name: &'r Located<String>,
    table: &'r TableReader<'a>,
    walks: Option<(&'r References, &'r SourceName)>,
}

impl RowReader<'_, '_> {
    fn row(&self, target: Option<RowTarget>, scripts: &mut InlineReader<'_>) -> Option<AttributeRow> {
        let (table, file) = (self.table, self.table.file());
        let default = table.raw("default").and_then(|value| json(table, value));
        let if_empty = table.choice(
            "if_empty",
            &[("clear", IfEmpty::Clear), ("leave", IfEmpty::Leave), ("fail", IfEmpty::Fail)],
        );
        let apply = table
            .choice("apply", &[("always", Apply::Always), ("create-only", Apply::CreateOnly)])
            .unwrap_or_default();
        let value = self.value(target.as_ref(), scripts);
        let note =
            |message: &str| file.note(table.span(), format!("the row `{}`: {message}", self.name.value));
        match &value {
            Some(RowValue::Constant(_)) if default.is_some() => note("a constant needs no default"),
            Some(RowValue::Constant(_)) if if_empty.is_some() => note("a constant is never empty"),
            Some(RowValue::Link { .. }) if default.is_some() => note("a link cannot have a default"),
            _ if default.is_some() && if_empty.is_some() => {
                note("with a default it is never empty; keep `default` or `if_empty`");
            }
            _ => {}
        }
        let if_empty = if_empty.unwrap_or_default();
        Some(AttributeRow { target: target?, value: value?, default, if_empty, apply })
    }

    fn value(&self, target: Option<&RowTarget>, scripts: &mut InlineReader<'_>) -> Option<RowValue> {
        let (table, file) = (self.table, self.table.file());
        let field = table.text("field");
        if let Some(field) = &field {
            self.check_walk(field);
        }
        let field = field.map(|field| field.value);
        let constant = table.raw("constant").and_then(|value| json(table, value));
        let link = table.parsed::<ResourceTypeName>("link");
        let has_script = table.has("script");
        let script = has_script.then(|| self.script(target, scripts));
        match (field, constant, link, script) {
            (Some(field), None, None, None) => Some(RowValue::Field(field)),
            (Some(field), None, Some(link), None) => {
                Some(RowValue::Link { resource_type: link.value, field })
            }
            (None, Some(constant), None, None) => Some(RowValue::Constant(constant)),
            (None, None, None, Some(script)) => script,
            _ => {
                file.note_with_help(
                    table.span(),
                    format!("the row `{}` does not say where its value comes from", self.name.value),
                    "write one of { field = \"…\" }, { constant = … }, { link = \"User\", field = \"…\" } and \
                     { script = \"…\" }",
                );
                None
            }
        }
    }

    /// `script = "nickname"`, `{ js = "…" }` or `{ js_file = "…" }`, with `attribute` beside the first.
    fn script(&self, target: Option<&RowTarget>, scripts: &mut InlineReader<'_>) -> Option<RowValue> {
        let (table, file) = (self.table, self.table.file());
        let attribute = table.parsed::<AttributePath>("attribute");
        if let Some(DeValue::Table(inner)) = table.raw("script").map(Spanned::get_ref) {
            let span = table.raw("script").map_or_else(|| table.span(), Spanned::span);
            if let Some(attribute) = &attribute {
                file.note_with_help(
                    attribute.span.clone(),
                    format!(
                        "the row `{}`: a script of its own has no attributes to choose from",
                        self.name.value
                    ),
                    "leave `attribute` out; what the script returns is the value",
                );
            }
            let place = format!("{}.script", table.place());
            let (module, attribute) = scripts.read(self.name, TableReader::new(file, place, inner, span))?;
            return Some(RowValue::Script { module, attribute });
        }
        let module = table.parsed::<ModuleName>("script")?;
        if module.value.as_str().starts_with(INLINE_PREFIX) {
            file.note(module.span, format!("names with `{INLINE_PREFIX}` belong to the scripts in rows"));
            return None;
        }
        let attribute = match attribute {
            Some(attribute) if attribute.value.sub.is_some() => {
                file.note_with_help(
                    attribute.span,
                    format!("`{}` is a part of an attribute", attribute.value),
                    format!(
                        "write attribute = \"{}\"; the row takes the part that it is for",
                        attribute.value.without_sub()
                    ),
                );
                return None;
            }
            Some(attribute) => attribute.value,
            None => target?.path().without_sub(),
        };
        Some(RowValue::Script { module: module.value, attribute })
    }

    fn check_walk(&self, field: &Located<String>) {
        if let Some((references, source)) = self.walks
            && let Err(too_far) = references.walk(source, &field.value)
        {
            self.table.file().note(field.span.clone(), too_far.to_string());
        }
    }
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
