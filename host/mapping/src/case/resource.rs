//! Attribute maps as JSON: the SCIM resource that a map stands for, without `schemas`, and with two things that
//! a resource cannot say. `null` is an attribute to clear, and `{"$link": "User/E2"}` the resource of a record.

use super::CaseError;
use crate::attributes::{AttributeMap, AttributeValue, RecordLink, Scalar, SubAttribute, SubValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scimwright_record::{RecordKey, ResourceTypeName};
use scimwright_scim::{AttributeName, AttributePath};
use serde_json::{Map, Value, json};

/// The name that marks a link.
const LINK: &str = "$link";

impl AttributeMap {
    /// The map as a SCIM resource: extensions nested under their URN, `null` for what is cleared,
    /// `{"$link": "User/E2"}` for links, bytes in base64.
    #[must_use]
    pub fn to_json(&self) -> Value {
        to_typed_json(self).0
    }

    /// The map that a resource in the form of [`to_json`](Self::to_json) stands for. Dates, references and
    /// bytes come back as text: JSON does not tell them apart.
    ///
    /// # Errors
    /// [`CaseError`] when it is no object, or names what cannot be an attribute.
    pub fn from_json(resource: &Value) -> Result<Self, CaseError> {
        from_typed_json(resource, None)
    }
}

/// The map as a resource, and the kinds of values that JSON does not imply, by place.
pub(super) fn to_typed_json(map: &AttributeMap) -> (Value, Map<String, Value>) {
    let mut resource = Map::new();
    let mut writer = Writer::default();
    for (path, value) in map.iter() {
        let name = path.attribute.to_string();
        let value = writer.attribute(&path.to_string(), value);
        match &path.schema {
            Some(urn) => {
                let extension = resource.entry(urn.to_string()).or_insert_with(|| json!({}));
                if let Value::Object(extension) = extension {
                    extension.insert(name, value);
                }
            }
            None => {
                resource.insert(name, value);
            }
        }
    }
    (Value::Object(resource), writer.types)
}

/// The map that a resource stands for, its values of the kinds that `types` names or JSON implies.
pub(super) fn from_typed_json(resource: &Value, types: Option<&Value>) -> Result<AttributeMap, CaseError> {
    let Value::Object(resource) = resource else {
        return Err(CaseError::new("mapped", "is not an object"));
    };
    let none = Map::new();
    let types = match types {
        None => &none,
        Some(Value::Object(types)) => types,
        Some(_) => return Err(CaseError::new("mapped_types", "is not an object")),
    };
    let reader = Reader { types };
    let mut map = AttributeMap::new();
    for (name, value) in resource {
        match value {
            Value::Object(attributes)
                if name.get(..4).is_some_and(|urn| urn.eq_ignore_ascii_case("urn:")) =>
            {
                for (short, value) in attributes {
                    reader.put(&mut map, &format!("{name}:{short}"), value)?;
                }
            }
            value => reader.put(&mut map, name, value)?,
        }
    }
    Ok(map)
}

/// Writes values, and notes the kinds that JSON does not imply.
#[derive(Default)]
struct Writer {
    types: Map<String, Value>,
}

impl Writer {
    fn attribute(&mut self, place: &str, value: &AttributeValue) -> Value {
        match value {
            AttributeValue::One(value) => self.scalar(place, value),
            AttributeValue::Many(values) => self.scalars(place, values),
            AttributeValue::Complex(parts) => self.parts(place, parts),
            AttributeValue::Complexes(items) => {
                if items.is_empty() {
                    self.note(place, "complexes");
                }
                let items = items.iter().enumerate();
                items.map(|(at, parts)| self.parts(&format!("{place}[{at}]"), parts)).collect()
            }
            AttributeValue::Json(value) => {
                self.note(place, "json");
                value.clone()
            }
            AttributeValue::Clear => Value::Null,
        }
    }

    fn parts(&mut self, place: &str, parts: &[SubAttribute]) -> Value {
        let part = |part: &SubAttribute| {
            let place = format!("{place}.{}", part.name);
            let value = match &part.value {
                SubValue::One(value) => self.scalar(&place, value),
                SubValue::Many(values) => self.scalars(&place, values),
            };
            (part.name.to_string(), value)
        };
        Value::Object(parts.iter().map(part).collect())
    }

    fn scalars(&mut self, place: &str, values: &[Scalar]) -> Value {
        let values = values.iter().enumerate();
        values.map(|(at, value)| self.scalar(&format!("{place}[{at}]"), value)).collect()
    }

    fn scalar(&mut self, place: &str, value: &Scalar) -> Value {
        match value {
            Scalar::Text(text) => text.as_str().into(),
            Scalar::Boolean(truth) => (*truth).into(),
            Scalar::Integer(number) => (*number).into(),
            Scalar::Decimal(number) => (*number).into(),
            Scalar::DateTime(text) => {
                self.note(place, "date-time");
                text.as_str().into()
            }
            Scalar::Reference(text) => {
                self.note(place, "reference");
                text.as_str().into()
            }
            Scalar::Binary(bytes) => {
                self.note(place, "binary");
                STANDARD.encode(bytes).into()
            }
            Scalar::Link(link) => json!({ LINK: format!("{}/{}", link.resource_type, link.key) }),
        }
    }

    fn note(&mut self, place: &str, kind: &str) {
        self.types.insert(place.to_owned(), kind.into());
    }
}

/// Reads values, of the kinds that were noted.
struct Reader<'a> {
    types: &'a Map<String, Value>,
}

impl Reader<'_> {
    fn put(&self, map: &mut AttributeMap, name: &str, value: &Value) -> Result<(), CaseError> {
        let wrong = |problem| CaseError::new(format!("mapped.{name}"), problem);
        let path = AttributePath::parse(name).map_err(|error| wrong(format!("is no attribute: {error}")))?;
        if path.sub.is_some() {
            return Err(wrong("is a part of an attribute; write the whole".to_owned()));
        }
        let value = self.attribute(&path.to_string(), value)?;
        map.set(path, value);
        Ok(())
    }

    fn kind(&self, place: &str) -> Option<&str> {
        self.types.get(place).and_then(Value::as_str)
    }

    fn attribute(&self, place: &str, value: &Value) -> Result<AttributeValue, CaseError> {
        Ok(match (self.kind(place), value) {
            (Some("json"), value) => AttributeValue::Json(value.clone()),
            (_, value) if nests_deeper(value) => AttributeValue::Json(value.clone()),
            (_, Value::Null) => AttributeValue::Clear,
            (kind, Value::Array(items)) if kind == Some("complexes") || items.iter().any(is_complex) => {
                let items = items.iter().enumerate();
                let items = items.map(|(at, item)| self.parts(&format!("{place}[{at}]"), item));
                AttributeValue::Complexes(items.collect::<Result<_, _>>()?)
            }
            (_, Value::Array(items)) => AttributeValue::Many(self.scalars(place, items)?),
            (_, value) if is_complex(value) => AttributeValue::Complex(self.parts(place, value)?),
            (_, value) => AttributeValue::One(self.scalar(place, value)?),
        })
    }

    fn parts(&self, place: &str, value: &Value) -> Result<Vec<SubAttribute>, CaseError> {
        let Value::Object(parts) = value else {
            return Err(CaseError::new(place, "stands among complex values, and is none"));
        };
        let part = |(name, value): (&String, &Value)| {
            let place = format!("{place}.{name}");
            let name = AttributeName::parse(name)
                .map_err(|error| CaseError::new(&place, format!("cannot be a part's name: {error}")))?;
            let value = match value {
                Value::Array(values) => SubValue::Many(self.scalars(&place, values)?),
                value => SubValue::One(self.scalar(&place, value)?),
            };
            Ok(SubAttribute { name, value })
        };
        parts.iter().map(part).collect()
    }

    fn scalars(&self, place: &str, values: &[Value]) -> Result<Vec<Scalar>, CaseError> {
        let values = values.iter().enumerate();
        values.map(|(at, value)| self.scalar(&format!("{place}[{at}]"), value)).collect()
    }

    fn scalar(&self, place: &str, value: &Value) -> Result<Scalar, CaseError> {
        match (value, self.kind(place)) {
            (Value::String(text), Some("date-time")) => Ok(Scalar::DateTime(text.clone())),
            (Value::String(text), Some("reference")) => Ok(Scalar::Reference(text.clone())),
            (Value::String(text), Some("binary")) => match STANDARD.decode(text) {
                Ok(bytes) => Ok(Scalar::Binary(bytes)),
                Err(error) => Err(CaseError::new(place, format!("is to be bytes in base64: {error}"))),
            },
            (Value::String(text), _) => Ok(Scalar::Text(text.clone())),
            (Value::Bool(truth), _) => Ok(Scalar::Boolean(*truth)),
            (Value::Number(number), _) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Ok(Scalar::Integer(number)),
                (None, Some(number)) => Ok(Scalar::Decimal(number)),
                (None, None) => Err(CaseError::new(place, "is too large a number")),
            },
            (Value::Object(object), _) => match object.get(LINK) {
                Some(Value::String(link)) => self.link(place, link),
                _ => Err(CaseError::new(place, "is not a single value")),
            },
            (Value::Null | Value::Array(_), _) => Err(CaseError::new(place, "is not a single value")),
        }
    }

    fn link(&self, place: &str, link: &str) -> Result<Scalar, CaseError> {
        let wrong =
            |error: scimwright_record::InvalidName| CaseError::new(place, format!("is a link: {error}"));
        let Some((resource_type, key)) = link.split_once('/') else {
            return Err(CaseError::new(place, "is a link, and has to look like `User/E1`"));
        };
        Ok(Scalar::Link(RecordLink {
            resource_type: ResourceTypeName::parse(resource_type).map_err(wrong)?,
            key: RecordKey::parse(key).map_err(wrong)?,
        }))
    }
}

fn is_link(value: &Value) -> bool {
    matches!(value, Value::Object(object) if object.len() == 1 && object.contains_key(LINK))
}

fn is_complex(value: &Value) -> bool {
    value.is_object() && !is_link(value)
}

/// Whether a value has more levels than SCIM has (RFC 7643 section 2.3.8); a module says such values as JSON.
fn nests_deeper(value: &Value) -> bool {
    let is_simple = |value: &Value| !(value.is_null() || value.is_array() || is_complex(value));
    let is_part = |value: &Value| match value {
        Value::Array(values) => values.iter().all(is_simple),
        value => is_simple(value),
    };
    let is_item = |value: &Value| match value {
        value if is_link(value) => true,
        Value::Object(parts) => parts.values().all(is_part),
        value => is_simple(value),
    };
    match value {
        Value::Null => false,
        Value::Array(items) => !items.iter().all(is_item),
        value => !is_item(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    fn sub(name: &str, value: Scalar) -> SubAttribute {
        SubAttribute { name: AttributeName::parse(name).unwrap(), value: SubValue::One(value) }
    }

    #[test]
    fn every_kind_of_value_comes_back_as_it_was() {
        let link = Scalar::Link(RecordLink {
            resource_type: ResourceTypeName::parse("User").unwrap(),
            key: RecordKey::parse("E/7").unwrap(),
        });
        let text = |text: &str| Scalar::Text(text.into());
        let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
        let map: AttributeMap = [
            ("userName", AttributeValue::One(text("zoe"))),
            ("hired", AttributeValue::One(Scalar::DateTime("2024-03-01T00:00:00Z".into()))),
            ("photo", AttributeValue::One(Scalar::Binary(vec![0, 255]))),
            ("profileUrl", AttributeValue::One(Scalar::Reference("https://example.com".into()))),
            (
                "numbers",
                AttributeValue::Many(vec![Scalar::Integer(1), Scalar::Decimal(1.0), Scalar::Boolean(true)]),
            ),
            ("friends", AttributeValue::Many(vec![link.clone()])),
            (
                "emails",
                AttributeValue::Complexes(vec![
                    vec![sub("value", text("a"))],
                    vec![sub("since", Scalar::DateTime("2024-03-01T00:00:00Z".into()))],
                ]),
            ),
            ("none", AttributeValue::Complexes(Vec::new())),
            ("few", AttributeValue::Many(Vec::new())),
            ("deep", AttributeValue::Json(json!({ "a": { "b": [[1]] } }))),
            ("flat", AttributeValue::Json(json!("text"))),
            ("title", AttributeValue::Clear),
            (manager, AttributeValue::Complex(vec![sub("value", link)])),
        ]
        .into_iter()
        .map(|(name, value)| (path(name), value))
        .collect();
        let (json, types) = to_typed_json(&map);
        assert_eq!(json["friends"], json!([{ "$link": "User/E/7" }]));
        assert_eq!(types["emails[1].since"], "date-time");
        assert_eq!(from_typed_json(&json, Some(&Value::Object(types))).unwrap(), map, "{json}");
    }

    #[test]
    fn what_cannot_be_an_attribute_says_where() {
        let wrong = |value| AttributeMap::from_json(&value).unwrap_err().to_string();
        assert_eq!(wrong(json!([])), "`mapped` is not an object");
        assert!(wrong(json!({ "name.givenName": "x" })).contains("part of an attribute"));
        assert!(wrong(json!({ "manager": { "value": { "$link": "E7" } } })).contains("look like `User/E1`"));
        assert!(wrong(json!({ "emails": [{ "value": "a" }, "b"] })).contains("`emails[1]` stands among"));
    }
}
