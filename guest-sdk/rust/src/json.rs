//! Attribute maps and records as JSON, and back.
//!
//! This is the form in which people read and write them, in golden cases above all. An attribute map becomes
//! the SCIM resource it stands for, without `schemas`, and with two things that a resource cannot say: `null`
//! is an attribute to clear, and `{"$link": "User/E2"}` the resource of a record.

use crate::attributes::AttributeMap;
use crate::outcome::{MappingError, Outcome};
use crate::record::{FieldValue, Record};
use crate::value::{AttributeValue, Complex, RecordLink, Scalar, SubValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value, json};

/// JSON that is not what it should be, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct UnreadableJson {
    /// Where: `name.givenName`.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

impl UnreadableJson {
    fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }
}

impl AttributeMap {
    /// The map as a SCIM resource: extensions nested under their URN, `null` for what is cleared,
    /// `{"$link": "User/E2"}` for links, bytes in base64.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut resource = Map::new();
        for (name, value) in self.clone().into_assigned() {
            let value = attribute_to_json(value);
            match extension_of(&name) {
                Some((urn, short)) => {
                    let nested = resource.entry(urn).or_insert_with(|| json!({}));
                    if let Value::Object(nested) = nested {
                        nested.insert(short.to_owned(), value);
                    }
                }
                None => {
                    resource.insert(name, value);
                }
            }
        }
        Value::Object(resource)
    }

    /// The map that a SCIM resource in the form of [`to_json`](Self::to_json) stands for. Dates, references
    /// and bytes come back as text: JSON does not tell them apart.
    ///
    /// # Errors
    /// [`UnreadableJson`] when it is no object, or nests deeper than SCIM allows (RFC 7643 §2.3.8).
    pub fn from_json(resource: &Value) -> Result<Self, UnreadableJson> {
        let Value::Object(resource) = resource else {
            return Err(UnreadableJson::new("resource", "is not an object"));
        };
        let mut map = Self::new();
        for (name, value) in resource {
            match value {
                Value::Object(attributes) if name.starts_with("urn:") => {
                    for (short, value) in attributes {
                        let full = crate::urn::attribute(name, short);
                        let value = attribute_from_json(&full, value)?;
                        map.set(full, value);
                    }
                }
                _ => {
                    map.set(name, attribute_from_json(name, value)?);
                }
            }
        }
        Ok(map)
    }
}

impl Outcome {
    /// The resource in the form of [`AttributeMap::to_json`], or `{"skip": "reason"}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Provision(map) => map.to_json(),
            Self::Skip(reason) => json!({ "skip": reason }),
        }
    }
}

impl MappingError {
    /// The error as `{"error": {"kind": "invalid-record", "field": "email", "message": "…"}}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("kind".to_owned(), self.kind().into());
        let message = match self {
            Self::InvalidRecord { field, message } => {
                if let Some(field) = field {
                    error.insert("field".to_owned(), field.as_str().into());
                }
                message
            }
            Self::LookupFailed(message) | Self::Rejected(message) | Self::Other(message) => message,
        };
        error.insert("message".to_owned(), message.as_str().into());
        json!({ "error": error })
    }
}

impl Record {
    /// The record in `{"source": "hr", "key": "E1", "fields": {"given_name": "Zoë", …}}`. A list of texts
    /// becomes [`FieldValue::Many`], anything that nests [`FieldValue::Json`]. `"types": {"hired": "date-time"}`
    /// names kinds that JSON does not have; bytes are text in base64.
    ///
    /// # Errors
    /// [`UnreadableJson`] when one of the three is missing or of the wrong kind, or a value not of its type.
    pub fn from_json(record: &Value) -> Result<Self, UnreadableJson> {
        let text = |name: &str| match record.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(UnreadableJson::new(name, "is not a text")),
            None => Err(UnreadableJson::new(name, "is missing")),
        };
        let Some(Value::Object(fields)) = record.get("fields") else {
            return Err(UnreadableJson::new("fields", "is not an object of field names and values"));
        };
        let fields = fields.iter().map(|(name, value)| {
            let field = match record.get("types").and_then(|types| types.get(name)) {
                Some(kind) => typed_field_from_json(value, kind).ok_or_else(|| {
                    UnreadableJson::new(format!("fields.{name}"), format!("is not of type {kind}"))
                })?,
                None => field_from_json(value),
            };
            Ok((name.clone(), field))
        });
        Ok(Self { source: text("source")?, key: text("key")?, fields: fields.collect::<Result<_, _>>()? })
    }
}

/// An extension's attribute, split into URN and short name: the last colon is between them, since attribute
/// names have none (RFC 7643 §2.1).
fn extension_of(name: &str) -> Option<(&str, &str)> {
    let is_urn = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
    is_urn.then(|| name.rsplit_once(':')).flatten()
}

fn attribute_to_json(value: AttributeValue) -> Value {
    match value {
        AttributeValue::One(scalar) => scalar_to_json(scalar),
        AttributeValue::Many(scalars) => scalars.into_iter().map(scalar_to_json).collect(),
        AttributeValue::Complex(complex) => complex_to_json(complex),
        AttributeValue::Complexes(complexes) => complexes.into_iter().map(complex_to_json).collect(),
        AttributeValue::Json(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        AttributeValue::Clear => Value::Null,
    }
}

fn complex_to_json(complex: Complex) -> Value {
    let part = |(name, value)| match value {
        SubValue::One(scalar) => (name, scalar_to_json(scalar)),
        SubValue::Many(scalars) => (name, scalars.into_iter().map(scalar_to_json).collect()),
    };
    Value::Object(complex.into_parts().into_iter().map(part).collect())
}

fn scalar_to_json(scalar: Scalar) -> Value {
    match scalar {
        Scalar::Text(text) | Scalar::DateTime(text) | Scalar::Reference(text) => Value::String(text),
        Scalar::Boolean(truth) => truth.into(),
        Scalar::Integer(number) => number.into(),
        Scalar::Decimal(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        // RFC 7643 §2.3.6: with padding, as in RFC 4648 §4.
        Scalar::Binary(bytes) => STANDARD.encode(&bytes).into(),
        Scalar::Link(link) => json!({ "$link": format!("{}/{}", link.resource_type, link.key) }),
    }
}

fn attribute_from_json(place: &str, value: &Value) -> Result<AttributeValue, UnreadableJson> {
    Ok(match value {
        Value::Null => AttributeValue::Clear,
        Value::Array(values) if values.iter().any(is_complex) => {
            let each = values.iter().map(|value| complex_from_json(place, value));
            AttributeValue::Complexes(each.collect::<Result<_, _>>()?)
        }
        Value::Array(values) => AttributeValue::Many(scalars_from_json(place, values)?),
        value if is_complex(value) => AttributeValue::Complex(complex_from_json(place, value)?),
        value => AttributeValue::One(scalar_from_json(place, value)?),
    })
}

fn complex_from_json(place: &str, value: &Value) -> Result<Complex, UnreadableJson> {
    let Value::Object(parts) = value else {
        return Err(UnreadableJson::new(place, "mixes complex and simple values"));
    };
    let mut complex = Complex::new();
    for (name, value) in parts {
        let place = format!("{place}.{name}");
        let value = match value {
            Value::Array(values) => SubValue::Many(scalars_from_json(&place, values)?),
            value => SubValue::One(scalar_from_json(&place, value)?),
        };
        complex.set(name, value);
    }
    Ok(complex)
}

fn scalars_from_json(place: &str, values: &[Value]) -> Result<Vec<Scalar>, UnreadableJson> {
    values.iter().map(|value| scalar_from_json(place, value)).collect()
}

fn scalar_from_json(place: &str, value: &Value) -> Result<Scalar, UnreadableJson> {
    match value {
        Value::String(text) => Ok(Scalar::Text(text.clone())),
        Value::Bool(truth) => Ok(Scalar::Boolean(*truth)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Ok(Scalar::Integer(number)),
            (None, Some(number)) => Ok(Scalar::Decimal(number)),
            (None, None) => Err(UnreadableJson::new(place, "is too large a number")),
        },
        Value::Object(object) => match object.get("$link") {
            Some(Value::String(link)) if object.len() == 1 => match link.split_once('/') {
                Some((resource_type, key)) => Ok(RecordLink::new(resource_type, key).into()),
                None => Err(UnreadableJson::new(place, "`$link` has to look like `User/E1`")),
            },
            _ => Err(UnreadableJson::new(place, "nests deeper than SCIM allows (RFC 7643 §2.3.8)")),
        },
        Value::Null | Value::Array(_) => Err(UnreadableJson::new(place, "is not a single value")),
    }
}

fn is_complex(value: &Value) -> bool {
    matches!(value, Value::Object(object) if !object.contains_key("$link"))
}

fn field_from_json(value: &Value) -> FieldValue {
    let texts = |values: &[Value]| -> Option<Vec<String>> {
        values.iter().map(|value| value.as_str().map(ToOwned::to_owned)).collect()
    };
    match value {
        Value::Null => FieldValue::Null,
        Value::Bool(truth) => FieldValue::Boolean(*truth),
        Value::String(text) => FieldValue::Text(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => FieldValue::Integer(number),
            (None, Some(number)) => FieldValue::Decimal(number),
            (None, None) => FieldValue::Json(number.to_string()),
        },
        Value::Array(values) => {
            texts(values).map_or_else(|| FieldValue::Json(value.to_string()), FieldValue::Many)
        }
        Value::Object(_) => FieldValue::Json(value.to_string()),
    }
}

/// A field of the kind that `types` names. One without a value has none, whatever its type.
fn typed_field_from_json(value: &Value, kind: &Value) -> Option<FieldValue> {
    let text = || value.as_str().map(ToOwned::to_owned);
    Some(match (kind.as_str()?, value) {
        (_, Value::Null) => FieldValue::Null,
        ("text", _) => FieldValue::Text(text()?),
        ("boolean", _) => FieldValue::Boolean(value.as_bool()?),
        ("integer", _) => FieldValue::Integer(value.as_i64()?),
        ("decimal", Value::String(text)) => FieldValue::Decimal(text.parse().ok()?),
        ("decimal", _) => FieldValue::Decimal(value.as_f64()?),
        ("date-time", _) => FieldValue::DateTime(text()?),
        ("binary", _) => FieldValue::Binary(STANDARD.decode(text()?).ok()?),
        ("many", Value::Array(_)) => match field_from_json(value) {
            many @ FieldValue::Many(_) => many,
            _ => return None,
        },
        ("json", _) => FieldValue::Json(value.to_string()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_reads_as_the_resource_it_stands_for() {
        let mut map = AttributeMap::new();
        map.set("userName", "ada").set("active", true).clear("title");
        map.complex("name").set("givenName", "Ada");
        map.add("emails").set("value", "ada@example.com").set("primary", true);
        map.enterprise().set("department", "Research").link_or_clear("manager", Some(RecordLink::user("E2")));
        let resource = json!({
            "userName": "ada",
            "active": true,
            "title": null,
            "name": { "givenName": "Ada" },
            "emails": [{ "value": "ada@example.com", "primary": true }],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                "department": "Research",
                "manager": { "value": { "$link": "User/E2" } },
            },
        });
        assert_eq!(map.to_json(), resource);
        assert_eq!(AttributeMap::from_json(&resource), Ok(map));
    }

    #[test]
    fn a_record_takes_each_json_value_for_what_it_is() {
        let record = Record::from_json(&json!({
            "source": "hr", "key": "E1",
            "fields": { "a": "x", "b": 1, "c": 0.5, "d": null, "e": ["x", "y"], "f": { "g": 1 }, "h": true },
        }))
        .unwrap();
        let values: Vec<_> = record.fields().map(|(_, value)| value.clone()).collect();
        assert_eq!(
            values,
            [
                FieldValue::Text("x".into()),
                FieldValue::Integer(1),
                FieldValue::Decimal(0.5),
                FieldValue::Null,
                FieldValue::Many(vec!["x".into(), "y".into()]),
                FieldValue::Json(r#"{"g":1}"#.into()),
                FieldValue::Boolean(true),
            ]
        );
    }

    #[test]
    fn a_record_takes_the_kinds_that_its_types_name() {
        let read = |value, kind| {
            let record =
                json!({ "source": "hr", "key": "E1", "fields": { "it": value }, "types": { "it": kind } });
            Record::from_json(&record).map(|record| record.fields[0].1.clone())
        };
        let moment = "2024-03-01T08:00:00Z";
        assert_eq!(read(json!(moment), "date-time"), Ok(FieldValue::DateTime(moment.into())));
        assert_eq!(read(json!("aGk="), "binary"), Ok(FieldValue::Binary(b"hi".into())));
        assert_eq!(read(json!(2), "decimal"), Ok(FieldValue::Decimal(2.0)));
        assert_eq!(read(json!([]), "json"), Ok(FieldValue::Json("[]".into())));
        assert_eq!(read(json!(null), "date-time"), Ok(FieldValue::Null));
        for (value, kind) in
            [(json!(1), "date-time"), (json!("?"), "binary"), (json!([1]), "many"), (json!(1), "int")]
        {
            let error = read(value, kind).unwrap_err().to_string();
            assert_eq!(error, format!("fields.it: is not of type \"{kind}\""));
        }
    }

    #[test]
    fn json_that_is_wrong_says_where() {
        let wrong = |value| AttributeMap::from_json(&value).unwrap_err().to_string();
        assert_eq!(
            wrong(json!({ "name": { "a": { "b": 1 } } })),
            "name.a: nests deeper than SCIM allows (RFC 7643 §2.3.8)"
        );
        assert_eq!(
            wrong(json!({ "emails": [{ "value": "a" }, "b"] })),
            "emails: mixes complex and simple values"
        );
        let error = Record::from_json(&json!({ "source": "hr", "fields": {} })).unwrap_err();
        assert_eq!(error.to_string(), "key: is missing");
    }
}
