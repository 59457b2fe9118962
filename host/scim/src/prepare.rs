//! A wanted state cut to what the schemas allow, with every cut named.
//!
//! Providers answer readOnly and undeclared attributes in different ways: some ignore them, some refuse the
//! whole request. Nothing of the kind is sent; instead whoever wrote the mapping is told.

use crate::compare::Rule;
use crate::desired::{Desired, DesiredValue};
use crate::diff::wanted_once;
use crate::json::Object;
use crate::name::AttributeName;
use crate::path::AttributePath;
use crate::schema::{Attribute, DataType};
use crate::schema_set::SchemaSet;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// Something that [`prepare`] left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparationNote {
    /// The attribute or sub-attribute, as it was written.
    pub path: AttributePath,
    /// Why it cannot be sent.
    pub reason: LeftOut,
}

/// Why an attribute cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeftOut {
    /// Only the provider may write it.
    ReadOnly,
    /// The schema does not declare it.
    Undeclared,
    /// Its schema is none of the resource type's.
    ForeignSchema,
    /// It is `schemas`, which follows from the other attributes.
    Derived,
    /// It has several values where the schema allows one.
    SeveralValues,
}

impl fmt::Display for PreparationNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            LeftOut::ReadOnly => "it is readOnly",
            LeftOut::Undeclared => "the provider's schema does not declare it",
            LeftOut::ForeignSchema => "its schema is not one of the resource type's",
            LeftOut::Derived => "it follows from the attributes that are sent",
            LeftOut::SeveralValues => "it has several values, and the schema allows one",
        };
        write!(f, "`{}` is left out: {reason}", self.path)
    }
}

/// Takes out of a wanted state what is readOnly or undeclared, attributes and sub-attributes, and writes the
/// rest as the schemas do: names in their spelling, the values of a multi-valued attribute as an array, a
/// single value without one.
///
/// A schema that nobody describes ([`SchemaSet::missing`]) rules nothing out. Where two spellings of one
/// attribute meet, the later one wins, as with [`Desired::set`].
///
/// ```
/// use scimwright_scim::{AttributePath, Desired, builtin, prepare};
/// use serde_json::json;
///
/// let mut desired = Desired::new();
/// desired.set(&AttributePath::parse("NAME")?, json!({"GIVENNAME": "Zoë", "shoeSize": 38}));
/// let (desired, notes) = prepare(desired, &builtin::user_schema_set());
/// assert_eq!(serde_json::to_string(&desired)?, r#"{"name":{"givenName":"Zoë"}}"#);
/// assert_eq!(
///     notes[0].to_string(),
///     "`NAME.shoeSize` is left out: the provider's schema does not declare it"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn prepare(desired: Desired, schemas: &SchemaSet) -> (Desired, Vec<PreparationNote>) {
    let mut prepared = Desired::new();
    let mut notes = Vec::new();
    for (path, value) in desired {
        let attribute = schemas.find_attribute(&path);
        if let Some(reason) = ruled_out(&path, attribute, schemas) {
            notes.push(PreparationNote { path, reason });
            continue;
        }
        let value = match (value, attribute) {
            (DesiredValue::Set(value), Some(attribute)) => {
                match prepare_value(value, &path, attribute, &mut notes) {
                    Some(value) => DesiredValue::from(value),
                    // Nothing that may be sent is left of it.
                    None => continue,
                }
            }
            (value, _) => value,
        };
        prepared.set(&schemas.spelled(&path, attribute), value);
    }
    (prepared, notes)
}

fn ruled_out(path: &AttributePath, attribute: Option<&Attribute>, schemas: &SchemaSet) -> Option<LeftOut> {
    if path.schema.is_none() && path.attribute == AttributeName::SCHEMAS {
        return Some(LeftOut::Derived);
    }
    match attribute {
        Some(attribute) => attribute.is_read_only().then_some(LeftOut::ReadOnly),
        None if !schemas.describes(path) => None,
        None => {
            let core = &schemas.resource_type().schema;
            let known = path.schema.as_ref().is_none_or(|urn| urn == core || schemas.has_extension(urn));
            Some(if known { LeftOut::Undeclared } else { LeftOut::ForeignSchema })
        }
    }
}

/// The value in the attribute's shape, its parts checked and spelled; `None` when nothing of it may be sent.
fn prepare_value(
    value: Value,
    path: &AttributePath,
    attribute: &Attribute,
    notes: &mut Vec<PreparationNote>,
) -> Option<Value> {
    let items = match value {
        Value::Array(items) => {
            let mut flat = Vec::with_capacity(items.len());
            items.into_iter().for_each(|item| flatten(item, &mut flat));
            flat
        }
        Value::Null => return None,
        single => vec![single],
    };
    let mut items: Vec<Value> = items.into_iter().map(|item| as_declared(item, attribute)).collect();
    if items.is_empty() {
        return Some(Value::Array(items));
    }
    if !attribute.multi_valued && items.len() > 1 {
        notes.push(PreparationNote { path: path.clone(), reason: LeftOut::SeveralValues });
        return None;
    }
    // A schema that declares a complex attribute without parts says nothing about them.
    if !attribute.sub_attributes.is_empty() {
        items = items.into_iter().filter_map(|item| prepare_item(item, path, attribute, notes)).collect();
    }
    match (attribute.multi_valued, items.len()) {
        (_, 0) => None,
        // Of two values that differ in case only a provider would keep one.
        (true, _) => {
            let all = Value::Array(items);
            Some(match wanted_once(&all, Rule::of(Some(attribute))) {
                Cow::Owned(once) => once,
                Cow::Borrowed(_) => all,
            })
        }
        (false, _) => items.pop(),
    }
}

/// The values in it. SCIM knows no array within an array (RFC 7643 section 2.4).
fn flatten(value: Value, flat: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.into_iter().for_each(|item| flatten(item, flat)),
        single => flat.push(single),
    }
}

/// A number or a truth value as text where the schema wants text, and the other way round: sources know their
/// columns' types, and a personnel number is a number to a database and a truth value text to a CSV file. Text that
/// says something else stays as it is, for [`check`](crate::check()) to name.
fn as_declared(value: Value, attribute: &Attribute) -> Value {
    match (value, &attribute.data_type) {
        (value @ (Value::Number(_) | Value::Bool(_)), DataType::String) => value.to_string().into(),
        (Value::String(text), DataType::Boolean) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => true.into(),
            "false" => false.into(),
            _ => text.into(),
        },
        (Value::String(text), DataType::Integer) => match text.trim().parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => text.into(),
        },
        (other, _) => other,
    }
}

fn prepare_item(
    item: Value,
    path: &AttributePath,
    attribute: &Attribute,
    notes: &mut Vec<PreparationNote>,
) -> Option<Value> {
    match item {
        Value::Object(parts) => prepare_parts(parts, path, attribute, notes).map(Value::Object),
        other => Some(other),
    }
}

fn prepare_parts(
    parts: Object,
    path: &AttributePath,
    attribute: &Attribute,
    notes: &mut Vec<PreparationNote>,
) -> Option<Object> {
    if parts.is_empty() {
        return Some(parts);
    }
    let mut prepared = Object::new();
    for (key, value) in parts {
        let reason = match attribute.sub_attribute(&key) {
            Some(part) if part.is_read_only() => LeftOut::ReadOnly,
            Some(part) => {
                prepared.insert(part.name.as_str().to_owned(), as_declared(value, part));
                continue;
            }
            None => LeftOut::Undeclared,
        };
        note(path, &key, reason, notes);
    }
    (!prepared.is_empty()).then_some(prepared)
}

/// Notes a part once, however many values have it.
fn note(path: &AttributePath, key: &str, reason: LeftOut, notes: &mut Vec<PreparationNote>) {
    // A key that cannot be a name is noted at the attribute that holds it.
    let path = AttributeName::parse(key).map_or_else(|_| path.clone(), |sub| path.with_sub(sub));
    let note = PreparationNote { path, reason };
    if !notes.contains(&note) {
        notes.push(note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{builtin, testing};
    use proptest::prelude::*;
    use serde_json::json;

    fn prepared(value: Value) -> (Value, Vec<String>) {
        let desired: Desired = serde_json::from_value(value).unwrap();
        let (desired, notes) = prepare(desired, &builtin::user_schema_set());
        (serde_json::to_value(desired).unwrap(), notes.iter().map(ToString::to_string).collect())
    }

    /// Point 3: what is readOnly or undeclared is stripped, attributes and parts.
    #[test]
    fn everything_that_cannot_be_sent_is_left_out_and_named_once() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let (left, notes) = prepared(json!({
            "id": "1",
            "schemas": ["x"],
            "groups": null,
            "shoeSize": 38,
            "emails": [{"value": "a", "extra": 1}, {"value": "b", "extra": 2}, {"extra": 3}],
            "urn:acme:Other:x": 1,
            format!("{enterprise}:manager"): {"value": "9", "displayName": "Boss"},
            format!("{enterprise}:shoeSize"): 38,
            "title": ["a", "b"],
        }));
        assert_eq!(
            left,
            json!({
                "emails": [{"value": "a"}, {"value": "b"}],
                format!("{enterprise}:manager"): {"value": "9"},
            })
        );
        insta::assert_snapshot!(notes.join("\n"), @r"
        `id` is left out: it is readOnly
        `schemas` is left out: it follows from the attributes that are sent
        `groups` is left out: it is readOnly
        `shoeSize` is left out: the provider's schema does not declare it
        `emails.extra` is left out: the provider's schema does not declare it
        `urn:acme:Other:x` is left out: its schema is not one of the resource type's
        `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName` is left out: it is readOnly
        `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:shoeSize` is left out: the provider's schema does not declare it
        `title` is left out: it has several values, and the schema allows one
        ");
    }

    #[test]
    fn what_is_left_is_written_as_the_schemas_write_it() {
        let (left, notes) = prepared(json!({
            "urn:ietf:params:scim:schemas:core:2.0:user:USERNAME": "a",
            "EMAILS": {"VALUE": "a"},
            "Title": ["t"],
            "URN:ietf:params:scim:schemas:extension:enterprise:2.0:user:Department": null,
            "nickname": null,
            "ims": [],
        }));
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(
            left,
            json!({
                "userName": "a",
                "emails": [{"value": "a"}],
                "title": "t",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": null,
                "nickName": null,
                "ims": [],
            })
        );
    }

    #[test]
    fn a_number_becomes_text_where_the_schema_wants_text() {
        let mut desired = Desired::new();
        desired.set(&AttributePath::parse("externalId").unwrap(), json!(7));
        desired.set(&AttributePath::parse("active").unwrap(), json!(true));
        desired.set(&AttributePath::parse("name").unwrap(), json!({"givenName": 12}));
        let (desired, notes) = prepare(desired, &builtin::user_schema_set());
        let prepared = serde_json::to_string(&desired).unwrap();
        assert_eq!(prepared, r#"{"externalId":"7","active":true,"name":{"givenName":"12"}}"#);
        assert!(notes.is_empty());
    }

    #[test]
    fn text_becomes_what_the_schema_wants_where_it_says_so() {
        let (left, notes) = prepared(json!({
            "active": " False",
            "emails": [{"value": "a", "primary": "TRUE"}, {"value": "b", "primary": "yes"}],
        }));
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(
            left,
            json!({
                "active": false,
                "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": "yes"}],
            })
        );
    }

    #[test]
    fn an_array_within_an_array_is_its_values() {
        let (left, notes) = prepared(json!({
            "emails": [[{"value": "a"}], [[{"value": "b"}]]],
            "title": [["t"]],
            "name": [[{"givenName": "a"}, {"givenName": "b"}]],
        }));
        assert_eq!(left, json!({"emails": [{"value": "a"}, {"value": "b"}], "title": "t"}));
        assert_eq!(notes, ["`name` is left out: it has several values, and the schema allows one"]);
    }

    #[test]
    fn a_schema_that_nobody_describes_rules_nothing_out() {
        let mut resource_type = builtin::resource_types()[0].clone();
        resource_type.schema = crate::SchemaUrn::parse("urn:acme:Device").unwrap();
        let desired: Desired = serde_json::from_value(json!({"serial": 1, "id": "x"})).unwrap();
        let (left, notes) = prepare(desired, &SchemaSet::new(resource_type, &[]));
        assert_eq!(serde_json::to_value(left).unwrap(), json!({"serial": 1}));
        assert_eq!(notes.len(), 1);
    }

    proptest! {
        #[test]
        fn to_prepare_twice_changes_nothing_more(desired in testing::wanted()) {
            let schemas = builtin::user_schema_set();
            let (once, _) = prepare(desired, &schemas);
            let (twice, notes) = prepare(once.clone(), &schemas);
            prop_assert_eq!((once, Vec::new()), (twice, notes));
        }
    }
}
