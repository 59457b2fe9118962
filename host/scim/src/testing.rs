//! Values for property tests: what may be wanted of a User, and what a provider may show.

use crate::builtin;
use crate::desired::{Desired, DesiredValue};
use crate::json::{self, Object};
use crate::path::AttributePath;
use crate::resource::Resource;
use crate::schema::{Attribute, DataType};
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use serde_json::{Value, json};

/// A wanted state, as `prepare` leaves it, and a resource that it is to become true of.
pub(crate) fn user_change() -> impl Strategy<Value = (Desired, Resource)> {
    (wanted(), seen())
}

fn writable() -> Vec<(AttributePath, Attribute)> {
    let set = builtin::user_schema_set();
    let all = set.attributes().filter(|(path, attribute)| {
        // What no response shows never agrees with what is seen; it has tests of its own.
        let shown = !attribute.is_read_only() && !attribute.is_hidden();
        shown && path.attribute != crate::AttributeName::SCHEMAS
    });
    all.map(|(path, attribute)| (path, attribute.clone())).collect()
}

pub(crate) fn wanted() -> impl Strategy<Value = Desired> {
    let entries = writable().into_iter().map(|(path, attribute)| {
        let clear = Just(DesiredValue::Clear);
        let set = value(&attribute).prop_map(DesiredValue::from);
        // RFC 7644 section 3.5.2.2: what is required cannot be cleared.
        let value = if attribute.required { set.boxed() } else { prop_oneof![1 => clear, 4 => set].boxed() };
        prop::option::weighted(0.3, value.prop_map(move |value| (path.clone(), value)))
    });
    entries.collect::<Vec<_>>().prop_map(|entries| entries.into_iter().flatten().collect())
}

fn seen() -> impl Strategy<Value = Resource> {
    let entries = writable().into_iter().map(|(path, attribute)| {
        let value = value(&attribute);
        prop::option::weighted(
            0.4,
            (value, any::<bool>()).prop_map(move |(value, odd)| (path.clone(), value, odd)),
        )
    });
    entries.collect::<Vec<_>>().prop_map(|entries| {
        let mut resource = Resource::from_value(json!({"schemas": [crate::urn::USER], "id": "1"})).unwrap();
        for (path, value, odd) in entries.into_iter().flatten() {
            // Some providers spell names in their own way.
            let odd_name = crate::AttributeName::parse(&path.attribute.as_str().to_uppercase()).unwrap();
            let spelled = if odd { AttributePath { attribute: odd_name, ..path } } else { path };
            resource.set(&spelled, value);
        }
        resource
    })
}

fn value(attribute: &Attribute) -> BoxedStrategy<Value> {
    let single = single(attribute);
    if !attribute.multi_valued {
        return single;
    }
    prop::collection::vec(single, 0..4).prop_map(|items| one_primary(items).into()).boxed()
}

/// RFC 7643 section 2.4: `primary` is true no more than once.
fn one_primary(mut items: Vec<Value>) -> Vec<Value> {
    let primaries = items
        .iter_mut()
        .filter_map(Value::as_object_mut)
        .filter(|parts| parts.get("primary") == Some(&json!(true)));
    primaries.skip(1).for_each(|parts| {
        parts.insert("primary".into(), json!(false));
    });
    items
}

fn single(attribute: &Attribute) -> BoxedStrategy<Value> {
    let pick = |values: Value| prop::sample::select(values.as_array().unwrap().clone()).boxed();
    match attribute.data_type {
        DataType::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        DataType::Integer => any::<i8>().prop_map(Value::from).boxed(),
        DataType::Decimal => pick(json!([1, 1.0, 1.5])),
        DataType::DateTime => {
            pick(json!(["2024-03-01T08:00:00Z", "2024-03-01T09:00:00+01:00", "2024-03-02T00:00:00Z"]))
        }
        DataType::Binary => pick(json!(["AAAA", "AAAB", "+/8=", "-_8"])),
        DataType::Complex => complex(attribute),
        // Few values, so that they meet; some differ only in case, some need escaping.
        _ => pick(json!(["a", "A", "b", "Straße", "STRASSE", "\"] or [\"", "ü\\", "work", "Work", "home"])),
    }
}

fn complex(attribute: &Attribute) -> BoxedStrategy<Value> {
    let parts = attribute.sub_attributes.iter().filter(|part| !part.is_read_only()).map(|part| {
        let name = part.name.as_str().to_owned();
        let value = prop_oneof![8 => value(part), 1 => Just(Value::Null)];
        prop::option::weighted(0.6, value.prop_map(move |value| (name.clone(), value)))
    });
    let parts = parts.collect::<Vec<_>>();
    parts.prop_map(|parts| Value::Object(parts.into_iter().flatten().collect::<Object>())).boxed()
}

/// JSON of any shape, with keys that messages and resources have.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z\"é:.]{0,6}".prop_map(Value::from),
        prop::sample::select(vec![
            "urn:a:2.0:B",
            "a[b eq 1]",
            "add",
            "remove",
            "userName",
            "POST",
            "bulkId:x",
            "200"
        ])
        .prop_map(Value::from),
    ];
    let keys = [
        "value",
        "type",
        "primary",
        "emails",
        "name",
        "givenName",
        "id",
        "x[",
        "schemas",
        "status",
        "attributes",
        "subAttributes",
        "Resources",
        "totalResults",
        "Operations",
        "op",
        "method",
        "bulkId",
        "data",
        "response",
        "path",
        "filter",
        "endpoint",
        "schema",
        "schemaExtensions",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    ];
    let key = prop::sample::select(keys.to_vec());
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4).prop_map(|parts| Value::Object(
                parts.into_iter().map(|(key, part)| (key.into(), part)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn no_message_from_the_wire_makes_a_parser_panic_and_what_is_read_prints_and_reads_again(body in any_json()) {
        if let Ok(page) = crate::ListResponse::from_value(body.clone()) {
            prop_assert_eq!(crate::ListResponse::from_value(page.to_value()), Ok(page));
        }
        if let Ok(schema) = crate::Schema::from_value(&body) {
            prop_assert_eq!(crate::Schema::from_value(&schema.to_value()), Ok(schema));
        }
        if let Ok(error) = crate::ScimError::from_value(&body) {
            prop_assert_eq!(crate::ScimError::from_value(&error.to_value()), Ok(error));
        }
        if let Ok(patch) = crate::PatchRequest::parse(&body) {
            prop_assert_eq!(crate::PatchRequest::parse(&patch.to_value()), Ok(patch));
        }
        if let Ok(bulk) = crate::BulkRequest::from_value(body.clone()) {
            prop_assert_eq!(crate::BulkRequest::from_value(bulk.to_value()), Ok(bulk));
        }
        if let Ok(bulk) = crate::BulkResponse::from_value(body.clone()) {
            prop_assert_eq!(crate::BulkResponse::from_value(bulk.to_value()), Ok(bulk));
        }
        if let Ok(search) = crate::SearchRequest::from_value(&body) {
            prop_assert_eq!(crate::SearchRequest::from_value(&search.to_value()), Ok(search));
        }
        if let Ok(kind) = crate::ResourceType::from_value(&body) {
            let again = crate::ResourceType::from_value(&kind.to_value()).map(|again| again.extensions);
            prop_assert_eq!(again, Ok(kind.extensions));
        }
        if let Ok(config) = crate::ServiceProviderConfig::from_value(&body) {
            prop_assert!(crate::ServiceProviderConfig::from_value(&config.to_value()).is_ok());
        }
        if let Ok(desired) = serde_json::from_value::<Desired>(body) {
            prop_assert_eq!(serde_json::from_value::<Desired>(json!(desired)).ok(), Some(desired));
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>()) {
        let name = crate::AttributeName::parse(&text).map(|name| name.to_string());
        let urn = crate::SchemaUrn::parse(&text).map(|urn| urn.to_string());
        let path = AttributePath::parse(&text).map(|path| path.to_string());
        for printed in [name.ok(), urn.ok(), path.ok()].into_iter().flatten() {
            prop_assert_eq!(&printed, &text);
        }
    }
}

/// The same JSON with the case of every key turned.
pub(crate) fn turn_keys(value: &Value) -> Value {
    let turn = |key: &str| -> String {
        let turned =
            |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        key.chars().map(turned).collect()
    };
    match value {
        Value::Object(parts) => {
            Value::Object(parts.iter().map(|(key, part)| (turn(key), turn_keys(part))).collect())
        }
        Value::Array(items) => items.iter().map(turn_keys).collect(),
        scalar => scalar.clone(),
    }
}

#[test]
fn keys_are_turned_and_found_again() {
    let turned = turn_keys(&json!({"userName": [{"givenName": 1}]}));
    assert_eq!(turned, json!({"USERnAME": [{"GIVENnAME": 1}]}));
    assert!(json::field(turned.as_object().unwrap(), "username").is_some());
}
