//! What a resource is as fields of a record.
//!
//! Names are those of attributes, as paths have them, with one addition: a value of a list is named by its type,
//! `emails[work]`, or by being the one that is preferred, `emails[primary]`.

use crate::typing::ColumnType;
use scimwright_record::{Field, FieldValue};
use scimwright_scim::{AttributePath, DataType, Resource, SchemaSet};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// The field that says when a resource was last changed.
pub(super) const LAST_MODIFIED: &str = "meta.lastModified";

/// The parts of `meta` that are fields. The others are of the provider and not of the person.
const META: [&str; 2] = ["created", "lastModified"];

/// Lists of other resources: their types and labels name nothing that anybody would ask for.
const OF_RESOURCES: [&str; 2] = ["members", "groups"];

/// Parts of a value of a list that say what it is, and are no values themselves.
const LABELS: [&str; 3] = ["type", "primary", "$ref"];

pub(super) fn last_modified_path() -> Option<AttributePath> {
    AttributePath::parse(LAST_MODIFIED).ok()
}

pub(super) fn meta_path() -> Option<AttributePath> {
    AttributePath::parse("meta").ok()
}

/// From resources of a type to fields.
pub(super) struct Fields<'a> {
    schemas: &'a SchemaSet,
    key: &'a AttributePath,
    wanted: &'a [AttributePath],
}

impl<'a> Fields<'a> {
    pub(super) fn new(schemas: &'a SchemaSet, key: &'a AttributePath, wanted: &'a [AttributePath]) -> Self {
        Self { schemas, key, wanted }
    }

    /// The fields of a resource, in its order.
    pub(super) fn of(&self, resource: &Resource) -> Vec<Field> {
        let mut list = List::default();
        for (name, value) in resource.as_map() {
            match value {
                Value::Object(parts) if name == "meta" => {
                    for part in META {
                        if let Some(value) = parts.get(part) {
                            self.simple(&mut list, &format!("meta.{part}"), value);
                        }
                    }
                }
                _ if name == "schemas" || name == "meta" => {}
                // RFC 7643 section 3.3: an extension's attributes stand in an object under its URN.
                Value::Object(parts) if name.contains(':') => {
                    for (part, value) in parts {
                        self.attribute(&mut list, &format!("{name}:{part}"), value);
                    }
                }
                _ => self.attribute(&mut list, name, value),
            }
        }
        list.fields
    }

    fn attribute(&self, list: &mut List, name: &str, value: &Value) {
        if !self.is_wanted(name) {
            return;
        }
        match value {
            Value::Object(parts) => {
                list.push(name.to_owned(), FieldValue::Json(value.clone()));
                for (part, value) in parts {
                    self.simple(list, &format!("{name}.{part}"), value);
                }
            }
            Value::Array(items) => self.items(list, name, value, items),
            _ => self.simple(list, name, value),
        }
    }

    fn items(&self, list: &mut List, name: &str, whole: &Value, items: &[Value]) {
        list.push(name.to_owned(), plain_value(whole));
        let objects: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
        if objects.is_empty() {
            return;
        }
        let values = objects.iter().filter_map(|item| item.get("value")?.as_str().map(str::to_owned));
        list.push(format!("{name}.value"), FieldValue::Many(values.collect()));
        if OF_RESOURCES.contains(&name) {
            return;
        }
        for item in objects {
            let kind = item.get("type").and_then(Value::as_str);
            let primary = (item.get("primary") == Some(&Value::Bool(true))).then_some("primary");
            for label in kind.into_iter().chain(primary) {
                let label = format!("{name}[{label}]");
                // Of two with one label the first counts, with all of its parts.
                if !list.labels.insert(label.clone()) {
                    continue;
                }
                for (part, value) in item.iter().filter(|(part, _)| !LABELS.contains(&part.as_str())) {
                    let field = if part == "value" { label.clone() } else { format!("{label}.{part}") };
                    list.push(field, plain_value(value));
                }
            }
        }
    }

    /// A value without parts: a moment where the schema says that it is one.
    fn simple(&self, list: &mut List, name: &str, value: &Value) {
        let is_moment = || {
            let path = AttributePath::parse(name).ok();
            let known = path.as_ref().and_then(|path| self.schemas.find(path));
            known.is_some_and(|attribute| attribute.data_type == DataType::DateTime)
        };
        let value = match plain_value(value) {
            FieldValue::Text(text) if name.starts_with("meta.") || is_moment() => {
                // What cannot be read as one is text, as the provider has it.
                ColumnType::DateTime.read(&text).unwrap_or(FieldValue::Text(text))
            }
            other => other,
        };
        list.push(name.to_owned(), value);
    }

    /// Attributes that the provider sends unasked are no fields: what a record has must not depend on how it was
    /// asked for.
    fn is_wanted(&self, name: &str) -> bool {
        let Ok(path) = AttributePath::parse(name) else { return self.wanted.is_empty() };
        let mut wanted = self.wanted.iter().chain([self.key]);
        self.wanted.is_empty() || wanted.any(|wanted| wanted.same_attribute(&path))
    }
}

/// Fields, each name once.
#[derive(Default)]
struct List {
    fields: Vec<Field>,
    names: HashSet<String>,
    labels: HashSet<String>,
}

impl List {
    fn push(&mut self, name: String, value: FieldValue) {
        if self.names.insert(name.clone()) {
            self.fields.push(Field { name, value });
        }
    }
}

/// What a JSON value is as a field.
pub(super) fn plain_value(value: &Value) -> FieldValue {
    crate::json_lines::plain_value(value.clone())
}
