//! Between the contract's types and the ones authors see.
//!
//! Each conversion moves; nothing is copied on the way in or out. The two sides are kept apart so that the
//! contract can grow a version without the authors' types changing, and the other way round.

use crate::attributes::AttributeMap;
use crate::bindings::exports::scimwright::mapping::about;
use crate::bindings::scimwright::mapping::types as wit;
use crate::context::{Context, Operation};
use crate::manifest::{Manifest, Setting};
use crate::outcome::{MappingError, Outcome};
use crate::record::{FieldValue, Record};
use crate::value::{AttributeValue, Complex, RecordLink, Scalar, SubValue};
use std::cell::OnceCell;

impl From<wit::SourceRecord> for Record {
    fn from(record: wit::SourceRecord) -> Self {
        let fields = record.fields.into_iter().map(|field| (field.name, field.value.into())).collect();
        Self { source: record.source, key: record.key, fields }
    }
}

impl From<wit::FieldValue> for FieldValue {
    fn from(value: wit::FieldValue) -> Self {
        match value {
            wit::FieldValue::Null => Self::Null,
            wit::FieldValue::Text(text) => Self::Text(text),
            wit::FieldValue::Boolean(truth) => Self::Boolean(truth),
            wit::FieldValue::Integer(number) => Self::Integer(number),
            wit::FieldValue::Decimal(number) => Self::Decimal(number),
            wit::FieldValue::DateTime(text) => Self::DateTime(text),
            wit::FieldValue::Binary(bytes) => Self::Binary(bytes),
            wit::FieldValue::Many(texts) => Self::Many(texts),
            wit::FieldValue::Json(text) => Self::Json(text),
        }
    }
}

impl Context {
    /// The context of a call to the module that `describe` describes.
    pub(crate) fn of_call(ctx: wit::Context, describe: fn() -> Manifest) -> Self {
        Self {
            tenant: ctx.tenant,
            provider: ctx.provider,
            resource_type: ctx.resource_type,
            operation: match ctx.operation {
                wit::Operation::Create => Operation::Create,
                wit::Operation::Update => Operation::Update,
                wit::Operation::Preview => Operation::Preview,
            },
            now: ctx.now,
            settings: ctx.settings,
            describe,
            manifest: OnceCell::new(),
        }
    }
}

impl From<Manifest> for about::Manifest {
    fn from(manifest: Manifest) -> Self {
        Self {
            name: manifest.name,
            version: manifest.version,
            description: manifest.description,
            reads: manifest.reads,
            writes: manifest.writes,
            lookups: manifest.lookups,
            settings: manifest.settings.into_iter().map(Into::into).collect(),
            reuse: manifest.reuse,
        }
    }
}

impl From<Setting> for about::Setting {
    fn from(setting: Setting) -> Self {
        let Setting { name, description, required, default } = setting;
        Self { name, description, required, default }
    }
}

impl From<Outcome> for wit::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Provision(map) => Self::Provision(map.into()),
            Outcome::Skip(reason) => Self::Skip(reason),
        }
    }
}

impl From<MappingError> for wit::MappingError {
    fn from(error: MappingError) -> Self {
        match error {
            MappingError::InvalidRecord { field, message } => {
                Self::InvalidRecord(wit::InvalidRecord { field, message })
            }
            MappingError::LookupFailed(message) => Self::LookupFailed(message),
            MappingError::Rejected(message) => Self::Rejected(message),
            MappingError::Other(message) => Self::Other(message),
        }
    }
}

impl From<AttributeMap> for Vec<wit::Attribute> {
    fn from(map: AttributeMap) -> Self {
        map.into_assigned().map(|(name, value)| wit::Attribute { name, value: value.into() }).collect()
    }
}

impl From<Vec<wit::Attribute>> for AttributeMap {
    fn from(attributes: Vec<wit::Attribute>) -> Self {
        attributes.into_iter().map(|attribute| (attribute.name, attribute.value.into())).collect()
    }
}

impl From<AttributeValue> for wit::AttributeValue {
    fn from(value: AttributeValue) -> Self {
        match value {
            AttributeValue::One(scalar) => Self::One(scalar.into()),
            AttributeValue::Many(scalars) => Self::Many(each(scalars)),
            AttributeValue::Complex(complex) => Self::Complex(complex.into()),
            AttributeValue::Complexes(complexes) => Self::Complexes(each(complexes)),
            AttributeValue::Json(text) => Self::Json(text),
            AttributeValue::Clear => Self::Clear,
        }
    }
}

impl From<wit::AttributeValue> for AttributeValue {
    fn from(value: wit::AttributeValue) -> Self {
        match value {
            wit::AttributeValue::One(scalar) => Self::One(scalar.into()),
            wit::AttributeValue::Many(scalars) => Self::Many(each(scalars)),
            wit::AttributeValue::Complex(parts) => Self::Complex(parts.into()),
            wit::AttributeValue::Complexes(complexes) => Self::Complexes(each(complexes)),
            wit::AttributeValue::Json(text) => Self::Json(text),
            wit::AttributeValue::Clear => Self::Clear,
        }
    }
}

impl From<Complex> for Vec<wit::SubAttribute> {
    fn from(complex: Complex) -> Self {
        let part = |(name, value)| {
            let value = match value {
                SubValue::One(scalar) => wit::SubValue::One(scalar.into()),
                SubValue::Many(scalars) => wit::SubValue::Many(each(scalars)),
            };
            wit::SubAttribute { name, value }
        };
        complex.into_parts().into_iter().map(part).collect()
    }
}

impl From<Vec<wit::SubAttribute>> for Complex {
    fn from(parts: Vec<wit::SubAttribute>) -> Self {
        let mut complex = Self::new();
        for part in parts {
            let value = match part.value {
                wit::SubValue::One(scalar) => SubValue::One(scalar.into()),
                wit::SubValue::Many(scalars) => SubValue::Many(each(scalars)),
            };
            complex.set(part.name, value);
        }
        complex
    }
}

impl From<Scalar> for wit::Scalar {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Text(text) => Self::Text(text),
            Scalar::Boolean(truth) => Self::Boolean(truth),
            Scalar::Integer(number) => Self::Integer(number),
            Scalar::Decimal(number) => Self::Decimal(number),
            Scalar::DateTime(text) => Self::DateTime(text),
            Scalar::Binary(bytes) => Self::Binary(bytes),
            Scalar::Reference(uri) => Self::Reference(uri),
            Scalar::Link(RecordLink { resource_type, key }) => {
                Self::Link(wit::RecordLink { resource_type, key })
            }
        }
    }
}

impl From<wit::Scalar> for Scalar {
    fn from(scalar: wit::Scalar) -> Self {
        match scalar {
            wit::Scalar::Text(text) => Self::Text(text),
            wit::Scalar::Boolean(truth) => Self::Boolean(truth),
            wit::Scalar::Integer(number) => Self::Integer(number),
            wit::Scalar::Decimal(number) => Self::Decimal(number),
            wit::Scalar::DateTime(text) => Self::DateTime(text),
            wit::Scalar::Binary(bytes) => Self::Binary(bytes),
            wit::Scalar::Reference(uri) => Self::Reference(uri),
            wit::Scalar::Link(wit::RecordLink { resource_type, key }) => {
                Self::Link(RecordLink { resource_type, key })
            }
        }
    }
}

fn each<From, To: std::convert::From<From>>(values: Vec<From>) -> Vec<To> {
    values.into_iter().map(To::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_map_of_every_kind_of_value_survives_the_border() {
        let mut map = AttributeMap::new();
        map.set("userName", "ada")
            .set("active", true)
            .set("loginCount", 3)
            .set("score", 0.5)
            .set("since", Scalar::date_time("2024-03-01T08:00:00Z"))
            .set("key", Scalar::binary([1, 2]))
            .set("profileUrl", Scalar::reference("https://example.com/ada"))
            .set_many("schemas", ["a", "b"])
            .set_json("deep", &serde_json::json!({ "a": { "b": [1] } }))
            .clear("title");
        map.complex("name").set("givenName", "Ada").set("initials", SubValue::Many(vec!["A".into()]));
        map.add("emails").set("value", "ada@example.com").set("primary", true);
        map.enterprise().link_or_clear("manager", Some(RecordLink::user("E2")));

        let there = Vec::<wit::Attribute>::from(map.clone());
        assert_eq!(there.len(), map.len());
        assert_eq!(AttributeMap::from(there), map);
    }

    #[test]
    fn a_complex_attribute_without_parts_crosses_as_clear() {
        let mut map = AttributeMap::new();
        map.complex("name");
        let there = Vec::<wit::Attribute>::from(map);
        assert_eq!(there[0].value, wit::AttributeValue::Clear);
    }

    #[test]
    fn a_record_of_every_kind_of_field_arrives() {
        let pairs = [
            (wit::FieldValue::Null, FieldValue::Null),
            (wit::FieldValue::Text("a".into()), FieldValue::Text("a".into())),
            (wit::FieldValue::Boolean(true), FieldValue::Boolean(true)),
            (wit::FieldValue::Integer(1), FieldValue::Integer(1)),
            (wit::FieldValue::Decimal(0.5), FieldValue::Decimal(0.5)),
            (wit::FieldValue::DateTime("t".into()), FieldValue::DateTime("t".into())),
            (wit::FieldValue::Binary(vec![1]), FieldValue::Binary(vec![1])),
            (wit::FieldValue::Many(vec!["a".into()]), FieldValue::Many(vec!["a".into()])),
            (wit::FieldValue::Json("{}".into()), FieldValue::Json("{}".into())),
        ];
        for (there, here) in pairs {
            let field = wit::Field { name: "it".into(), value: there };
            let record: Record =
                wit::SourceRecord { source: "hr".into(), key: "E1".into(), fields: vec![field] }.into();
            assert_eq!((record.source(), record.key()), ("hr", "E1"));
            assert_eq!(record.field("it"), Some(&here));
        }
    }

    #[test]
    fn an_invalid_record_keeps_its_field_apart_from_the_message() {
        let wit::MappingError::InvalidRecord(error) = MappingError::field("email", "has no @").into() else {
            panic!("another kind of error")
        };
        assert_eq!(error, wit::InvalidRecord { field: Some("email".into()), message: "has no @".into() });
    }
}
